"""Stub files for custom ops, from their schemas."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_TYPES = {
    "Tensor": "Tensor", "Tensor(a!)": "Tensor", "Tensor|Number": "Tensor | float",
    "Number": "float", "int": "int", "float": "float", "bool": "bool", "str": "str",
    "dtype": "dtype", "Tensor[]": "Sequence[Tensor]", "int[]": "int | Sequence[int]",
    "float[]": "Sequence[float]", "bool[]": "Sequence[bool]",
}  # fmt: skip


def stub(name: str, ops: Mapping[str, Any]) -> str:
    """The text of a stub file for the ops of an extension."""
    blocks = []
    for op_name, op in sorted(ops.items()):
        schema, _, doc = op.__doc__.removeprefix(
            f"In-place form of {op_name[:-1]}().\n\n"
        ).partition("\n\n")
        blocks.append(_function(op_name, schema, doc.strip()))
    head = f'"""The custom ops of {name}."""\n\n'
    text = "".join(blocks)
    imports = "from collections.abc import Sequence\n" if "Sequence[" in text else ""
    if "NamedTuple" in text:
        imports += "from typing import NamedTuple\n"
    names = ", ".join(n for n in ("Tensor", "dtype") if re.search(rf"\b{n}\b", text))
    imports += ("\n" if imports else "") + f"from pyforge import {names}\n\n"
    return head + imports + text


def _split(text: str) -> list[str]:
    """At the commas outside brackets and quotes."""
    parts = re.findall(r"(?:[^,\[\"']|\[[^\]]*\]|\"[^\"]*\"|'[^']*')+", text)
    return [p.strip() for p in parts if p.strip()]


def _type(text: str) -> str:
    optional = text.endswith("?")
    found = _TYPES[text.removesuffix("?")]
    return f"{found} | None" if optional else found


def _function(name: str, schema: str, doc: str) -> str:
    match = re.fullmatch(r"\w+\((.*)\) -> (.*)", schema, flags=re.DOTALL)
    assert match is not None, schema
    parameters = []
    for p in _split(match[1]):
        if p == "*":
            parameters.append(p)
            continue
        kind, _, rest = p.partition(" ")
        parameter, equals, default = rest.partition("=")
        text = f"{parameter}: {_type(kind)}"
        parameters.append(f"{text} = {default}" if equals else text)
    result, extra = match[2], ""
    if result.startswith("("):
        fields = [part.split() for part in _split(result[1:-1])]
        if all(len(f) == 2 for f in fields):
            result = f"_{name}_result"
            lines = "".join(f"    {field}: {_type(kind)}\n" for kind, field in fields)
            extra = f"class {result}(NamedTuple):\n{lines}\n"
        else:
            result = f"tuple[{', '.join(_type(f[0]) for f in fields)}]"
    else:
        result = _type(result)
    body = f'\n    """{doc}"""\n' if doc else " ...\n"
    return f"{extra}def {name}({', '.join(parameters)}) -> {result}:{body}"
