"""Writes pyforge/_C.pyi from the op registry and the template tools/_C.pyi.in.

python tools/generate_stubs.py           write the stub
python tools/generate_stubs.py --check   fail if it is out of date
"""

from __future__ import annotations

import difflib
import inspect
import keyword
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import pyforge  # noqa: E402
from pyforge import _C, _tensor  # noqa: E402

TEMPLATE = ROOT / "tools" / "_C.pyi.in"
STUB = ROOT / "pyforge" / "_C.pyi"
FUNCTION, METHOD, INPLACE, NN, PROPERTY, CREATION = 1, 2, 4, 8, 16, 32

TYPES = {
    "Tensor": "Tensor",
    "Number": "_Number",
    "Tensor|Number": "_Operand",
    "int": "_int",
    "float": "_float",
    "bool": "_bool",
    "int[]": "_int | Sequence[_int]",
    "Tensor[]": "Sequence[Tensor]",
    "dtype": "_dtype",
    "str": "_str",
    "Generator": "Generator",
    "float[]": "Sequence[_float]",
}
RESULTS = {"bool": "_bool", "int": "_int", "float": "_float", "Tensor[]": "tuple[Tensor, ...]"}
CREATION_KEYWORDS = [
    "device: _str | _device | None = None",
    "requires_grad: _bool = False",
    "layout: Any = None",
    "pin_memory: _bool = False",
    "memory_format: Any = None",
]
OPERATORS = {
    "add": True, "sub": True, "mul": True, "truediv": True, "floordiv": True, "mod": True,
    "pow": True, "and": True, "or": True, "xor": True, "matmul": False, "lshift": False,
    "rshift": False,
}  # fmt: skip
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
UNARY = ("neg", "pos", "abs", "invert")


@dataclass
class Parameter:
    name: str
    type: str
    default: str | None
    keyword_only: bool

    @property
    def text(self) -> str:
        name = f"{self.name}_" if keyword.iskeyword(self.name) else self.name
        bare = self.type.removesuffix("?")
        annotation = TYPES[bare] + (" | None" if self.type.endswith("?") else "")
        if self.default is None:
            return f"{name}: {annotation}"
        literal = re.fullmatch(r"None|True|False|-?[\d.e-]+|'.*'", self.default)
        default = self.default if literal else "..."
        return f"{name}: {annotation} = {default}".replace("'", '"')


@dataclass
class Row:
    name: str
    parameters: list[Parameter]
    result: str
    doc: str
    flags: int


def split(text: str) -> list[str]:
    """At the commas outside of brackets."""
    return [p.strip() for p in re.split(r",(?![^\[(]*[\])])", text) if p.strip()]


def parse(schema: str, doc: str, flags: int) -> Row:
    match = re.fullmatch(r"\s*(\w+)\s*\((.*)\)\s*->\s*(.+?)\s*", schema, re.DOTALL)
    assert match, schema
    name, arguments, result = match.groups()
    parameters, keyword_only = [], False
    for part in split(arguments):
        if part == "*":
            keyword_only = True
            continue
        type, _, rest = part.partition(" ")
        argument, _, default = rest.partition("=")
        parameters.append(Parameter(argument.strip(), type, default.strip() or None, keyword_only))
    return Row(name, parameters, result, doc, flags)


def named_fields(result: str) -> list[str]:
    fields = split(result[1:-1]) if result.startswith("(") else []
    return [f.split()[1] for f in fields if " " in f]


def result_type(row: Row) -> str:
    if row.result.startswith("("):
        if named_fields(row.result):
            return f"_{row.name}_result"
        return f"tuple[{', '.join(split(row.result[1:-1]))}]" if row.result != "()" else "None"
    return RESULTS.get(row.result, row.result)


def signatures(row: Row, method: bool, name: str, result: str) -> list[str]:
    """One for each way to pass the arguments: f((2, 3)) and f(2, 3)."""
    parameters = row.parameters[1:] if method else row.parameters
    head = ["self"] if method else []
    positional = [p for p in parameters if not p.keyword_only]
    keywords = [p.text for p in parameters if p.keyword_only]
    if row.flags & CREATION:
        keywords += CREATION_KEYWORDS
    if not method and row.result == "Tensor":
        keywords.append("out: Tensor | None = None")
    elif not method and row.result.startswith("(Tensor"):
        keywords.append("out: Sequence[Tensor] | None = None")
    plain = head + [p.text for p in positional] + (["*", *keywords] if keywords else [])
    forms = [plain]
    if positional and positional[-1].type == "int[]" and row.parameters.index(positional[-1]) <= 1:
        before = [p.text for p in positional[:-1]]
        forms.append([*head, *before, f"*{positional[-1].name}: _int", *keywords])
    return [f"def {name}({', '.join(form)}) -> {result}:" for form in forms]


def block(signature_list: list[str], doc: str, indent: str) -> str:
    doc = " ".join(doc.replace("\\", "\\\\").split())
    lines = []
    for i, signature in enumerate(signature_list):
        if len(signature_list) > 1:
            lines.append(f"{indent}@overload")
        last = i + 1 == len(signature_list)
        if not last or not doc:
            lines.append(f"{indent}{signature} ...")
            continue
        lines += [f"{indent}{signature}", f'{indent}    """{doc}"""']
    return "\n".join(lines)


def registry() -> dict[str, list[Row]]:
    return {name: [parse(*r) for r in _C._op_rows(name)] for name in sorted(_C._registered_ops())}


def functions(ops: dict[str, list[Row]]) -> str:
    parts = []
    for name, rows in ops.items():
        chosen = [r for r in rows if r.flags & (FUNCTION | NN)]
        if chosen:
            lines = [s for r in chosen for s in signatures(r, False, name, result_type(r))]
            parts.append(block(lines, chosen[0].doc, ""))
    return "\n\n".join(parts)


def methods(ops: dict[str, list[Row]]) -> str:
    parts = []
    for name, rows in ops.items():
        chosen = [r for r in rows if r.flags & METHOD]
        if chosen:
            lines = [s for r in chosen for s in signatures(r, True, name, result_type(r))]
            parts.append(block(lines, chosen[0].doc, "    "))
        chosen = [r for r in rows if r.flags & INPLACE]
        if chosen:
            lines = [s for r in chosen for s in signatures(r, True, f"{name}_", "Tensor")]
            parts.append(block(lines, f"In-place form of {name}().", "    "))
        if rows[0].flags & PROPERTY:
            parts.append(f"    @property\n    def {name}(self) -> {result_type(rows[0])}: ...")
    return "\n".join(parts)


def results(ops: dict[str, list[Row]]) -> str:
    parts = []
    for name, rows in ops.items():
        fields = next((f for f in (named_fields(r.result) for r in rows) if f), None)
        if fields:
            body = "\n".join(f"    {f}: Tensor" for f in fields)
            parts.append(f"class _{name}_result(NamedTuple):\n{body}")
    return "\n\n".join(parts)


def operators() -> str:
    lines = []
    for name, in_place in OPERATORS.items():
        other = "Tensor" if name == "matmul" else "_Operand"
        lines.append(f"    def __{name}__(self, other: {other}) -> Tensor: ...")
        lines.append(f"    def __r{name}__(self, other: {other}) -> Tensor: ...")
        if in_place:
            lines.append(f"    def __i{name}__(self, other: {other}) -> Tensor: ...")
    lines += [f"    def __{name}__(self, other: _Operand) -> Tensor: ..." for name in COMPARISONS]
    lines += [f"    def __{name}__(self) -> Tensor: ..." for name in UNARY]
    return "\n".join(lines)


def qualified(annotation: str) -> str:
    """An annotation of pyforge/_tensor.py as this stub spells it."""
    annotation = annotation.replace("_C.dtype", "_dtype")
    return re.sub(r"(?<![\w.])(bool|int|float|str|device)\b", r"_\1", annotation)


def python_methods() -> str:
    parts = []
    lazy = {name: _tensor.load_method(name) for name in _tensor.LAZY_METHODS}
    for name, function in sorted({**_tensor.METHODS, **lazy}.items()):
        signature = inspect.signature(function)
        parts_of: list[str] = []
        star = False
        for p in list(signature.parameters.values()):
            if p.kind is p.KEYWORD_ONLY and not star:
                parts_of.append("*")
                star = True
            first = not parts_of
            text = "self" if first else f"{p.name}: {qualified(p.annotation)}"
            if p.default is not p.empty:
                text += f" = {p.default!r}"
            parts_of.append(text)
        result = qualified(str(signature.return_annotation))
        line = f"def {name}({', '.join(parts_of)}) -> {result}:"
        parts.append(block([line], (function.__doc__ or "").partition("\n")[0], "    "))
    for name, getter in sorted(_tensor.PROPERTIES.items()):
        result = qualified(str(inspect.signature(getter).return_annotation))
        parts.append(f"    @property\n    def {name}(self) -> {result}: ...")
    return "\n".join(parts)


def dtypes() -> str:
    return "\n".join(f"{n}: dtype" for n in dir(_C) if isinstance(getattr(_C, n), _C.dtype))


def generate() -> str:
    ops = registry()
    names = "".join(f'    "{n}",\n' for n in sorted(_C.__all__))
    sections = {
        "dtypes": dtypes(),
        "results": results(ops),
        "operators": operators(),
        "python methods": python_methods(),
        "dtype": "    @property\n    def dtype(self) -> _dtype: ...",
        "methods": methods(ops),
        "functions": functions(ops),
        "all": f"__all__ = [\n{names}]",
    }
    text = TEMPLATE.read_text()
    for title, body in sections.items():
        text = text.replace(f"# <{title}>", body)
    head = "# Written by tools/generate_stubs.py; do not edit.\n"
    return head + re.sub(r"\n{4,}", "\n" * 3, text)


def undescribed(text: str) -> list[str]:
    """Names of the module and of Tensor that the stub lacks."""
    known = set(re.findall(r"^\s*(?:def|class) (\w+)|^\s*(\w+): ", text, re.MULTILINE))
    flat = {a or b for a, b in known}
    present: dict[str, Any] = {**vars(_C), **vars(pyforge.Tensor)}
    return sorted(n for n in present if not n.startswith("__") and n not in flat)


def main(arguments: list[str]) -> int:
    text = generate()
    if missing := undescribed(text):
        print(f"not described in {TEMPLATE.name}: {', '.join(missing)}")
        return 1
    if "--check" not in arguments:
        STUB.write_text(text)
        return 0
    current = STUB.read_text() if STUB.exists() else ""
    if current == text:
        return 0
    print("\n".join(difflib.unified_diff(current.splitlines(), text.splitlines(), n=0)))
    print("pyforge/_C.pyi is out of date: run python tools/generate_stubs.py")
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
