"""The op where NaN or infinity was born, told from what was recorded or from the tape itself."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field

from .. import _C
from .._C import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = ["NanOrigin", "explain_nan"]

KIND = ("finite", "inf", "nan")
_LONGEST_CHAIN = 12


@dataclass
class NanOrigin:
    """Where a bad value was born.

    Attributes:
        kind: ``"nan"`` or ``"inf"``.
        phase: ``"forward"``, ``"backward"``, or ``"given"``: it came with data, a parameter or a
            gradient that was passed in.
        op: the op, or the backward function, that made it (``given``: that read it first).
        output: which of its outputs; of a backward function: the gradient of which input.
        source: ``"file.py:12, in f"``, the user's line of the op.
        index: the first bad index in that output.
        operands: one description each, with the value at that index.
        chain: op and line, from the origin to the loss (``backward``: on to the leaf).
        became: op and line where an infinity turned into NaN.
        certain: False if the values that would tell this op from the ones before it were not kept.
        notes: more that is known.
    """

    kind: str
    phase: str
    op: str
    source: str
    output: int = 0
    index: list[int] = field(default_factory=list)
    operands: list[str] = field(default_factory=list)
    chain: list[tuple[str, str]] = field(default_factory=list)
    became: tuple[str, str] | None = None
    certain: bool = True
    notes: list[str] = field(default_factory=list)

    def message(self) -> str:
        """The report as text; its first line is PyTorch's."""
        name, kind = (self.became[0], "nan") if self.became else (self.op, self.kind)
        head = f"Function '{name}' returned {kind} values in its {self.output}th output"
        if self.phase != "backward":
            head += " in the forward pass"
        if self.became:
            head += f", at {self.became[1]}, made of the inf that '{self.op}' returned"
        elif self.phase == "given":
            head += "; it was given them"
        lines = [f"{head}.", f"  at {self.source}"]
        if self.index:
            lines.append(f"  first bad index: {self.index}")
        lines += [f"  {text}" for text in (*self.operands, *self.notes)]
        if not self.certain:
            lines.append(
                "  the values before it were not kept: an op that leads to it may have made them; "
                "run the forward pass under detect_anomaly() to be sure"
            )
        if len(self.chain) > 1:
            lines.append("  from there to the loss:" if self.phase != "backward" else "  way:")
            shown = self.chain[:_LONGEST_CHAIN]
            lines += [f"    {op} at {source}" for op, source in shown]
            if len(self.chain) > len(shown):
                lines.append(f"    ... {len(self.chain) - len(shown)} more")
        return "\n".join(lines)

    __str__ = message

    def describe(self) -> str:
        """The report as a clause."""
        made = "was given it" if self.phase == "given" else f"made {self.kind} of finite values"
        where = f", first at index {self.index}" if self.index else ""
        on = " -> ".join(op for op, _ in self.chain[1:8])
        operands = f" ({'; '.join(self.operands[:3])})" if self.operands else ""
        return f"{self.op} {made}{operands}{where}" + (f"; on to the loss: {on}" if on else "")


def explain_nan(loss: Tensor | Callable[[], Tensor]) -> NanOrigin | None:
    """Where the NaN or infinity in ``loss``, or else in its gradients, was born; None if nowhere.

    Costs nothing before it is called: the values that the graph keeps for the backward pass tell.
    Inside ``detect_anomaly()``, and for a function that computes the loss, every op is known.

    Args:
        loss: a tensor whose graph is still there (before ``backward()``, or after it with
            ``retain_graph=True``), or a function without arguments that computes it; it is run
            with the present state of the random numbers, which is put back.

    Raises:
        RuntimeError: the graph of ``loss`` was freed.
    """
    if not isinstance(loss, Tensor):
        if not callable(loss):
            raise TypeError(
                "explain_nan: expected a tensor or a function that computes one, got "
                f"{type(loss).__name__}; keep the tensor: loss.item() has no graph"
            )
        return _explain_call(loss)
    if _C._finiteness(loss):
        return of_value(loss)
    if loss.grad_fn is None:
        return None
    return _gradient_origin(loss)


def _explain_call(compute: Callable[[], Tensor]) -> NanOrigin | None:
    from ..random import get_rng_state, set_rng_state
    from .anomaly_mode import set_detect_anomaly

    state = get_rng_state()
    try:
        with set_detect_anomaly(True, check_nan=True, check_inf=False):
            return explain_nan(compute())
    finally:
        set_rng_state(state)


class _Found(Exception):
    def __init__(self, origin: NanOrigin) -> None:
        self.origin = origin


def _gradient_origin(loss: Tensor) -> NanOrigin | None:
    """By a pass that keeps the graph and accumulates nowhere."""
    leaves = _C._graph_leaves(loss)
    if not leaves:
        return None

    def arrived(path: list[Any], node: Any, output_nr: int, grad: Tensor) -> None:
        raise _Found(of_gradient(path, node, output_nr, grad))

    from . import anomaly_mode as mode

    before = _C._anomaly_mode()
    _C._set_anomaly_handlers(lambda root, grad: None, arrived, lambda node: None)
    _C._set_anomaly_mode(True, True, True)
    try:
        ones = None if loss.numel() == 1 else (_C.ones_like(loss),)
        _C._run_backward((loss,), ones, leaves, True, False, False)
    except _Found as found:
        return found.origin
    finally:
        _C._set_anomaly_mode(*before)
        _C._set_anomaly_handlers(mode._begin, mode._arrived, mode._failed)
    return None


# Values


def of_value(root: Tensor) -> NanOrigin | None:
    """The origin of what is not finite in ``root``; None if no op made it."""
    return _recorded(root) or _from_tape(root)


def _recorded(value: Tensor) -> NanOrigin | None:
    from ..diagnose.origin import find_origin
    from ..diagnose.trace import Op

    found = find_origin([Op(row) for row in _C._bad_calls()], value)
    return _from_calls(found) if found else None


def _from_calls(found: Any) -> NanOrigin:
    op = found.op
    seen = op.inputs if found.given else op.outputs
    at, bad = max(enumerate(seen), key=lambda pair: (_C._finiteness(pair[1]), -pair[0]))
    worst = _C._finiteness(bad)
    index = _first_bad(bad, worst)
    chain = [(o.name, o.source) for o in found.chain[::-1]]
    origin = NanOrigin(
        KIND[worst], "given" if found.given else "forward", op.name, op.source,
        0 if found.given else at, index, _operands(op.inputs, index, bad), chain,
    )  # fmt: skip
    if found.given:
        origin.notes += _history(bad)
    if worst == 1:
        nan = (o for o in found.chain[::-1] if any(_C._finiteness(t) == 2 for t in o.outputs))
        origin.became = next(((o.name, o.source) for o in nan), None)
    return origin


def _first_bad(t: Tensor, worst: int) -> list[int]:
    bad = _C.isnan(t.detach()) if worst == 2 else ~_C.isfinite(t.detach())
    return [int(i) for i in bad.nonzero()[0].tolist()] if t.dim() else []


def _operands(
    tensors: Sequence[Tensor | None], index: list[int], like: Tensor, label: str = "operand"
) -> list[str]:
    rows = []
    for k, t in enumerate(tensors):
        if t is None:
            continue
        values = t.detach()
        text = f"{label} {k}: {str(t.dtype).removeprefix('pyforge.')} {list(t.shape)}"
        if t.numel():
            if values.is_floating_point():
                low, high = float(values.min().item()), float(values.max().item())
                text += f" in [{low:.6g}, {high:.6g}]"
            if t.numel() == 1:
                text += f", value {values.item():.6g}"
            elif (place := _place(t, index, like)) is not None:
                value = values[place].item() if place else values.item()
                text += f", {value:.6g} at {list(place)}"
        rows.append(text)
    return rows


def _place(t: Tensor, index: list[int], like: Tensor) -> tuple[int, ...] | None:
    """The element of ``t`` behind ``like[index]``, if ``t`` broadcasts to ``like``."""
    if t.dim() > like.dim() or len(index) != like.dim():
        return None
    tail = index[like.dim() - t.dim() :]
    sizes = like.shape[like.dim() - t.dim() :]
    if any(n not in (1, m) for n, m in zip(t.shape, sizes, strict=True)):
        return None
    return tuple(0 if n == 1 else i for n, i in zip(t.shape, tail, strict=True))


# The tape


_MASKS = ("Where", "MaskedFill", "IndexPut", "Fill", "Triu", "Tril", "CopySlices")
# What passes values on, so that what is bad in the result was bad before; and what else cannot make
# NaN of finite values, although it may overflow.
_MOVES = (
    "Neg", "View", "Reshape", "Transpose", "T", "Permute", "Expand", "Squeeze", "Unsqueeze",
    "Select", "Slice", "Index", "Cat", "Stack", "Split", "Unbind", "Clone", "Diagonal", "Unfold",
    "Flip", "Roll", "Repeat", "Relu", "Abs", "Max", "Min", "MaxPoolWithIndices", "AvgPool",
)  # fmt: skip
_ARITHMETIC = ("Sum", "Mean", "Add", "Sub", "Mul", "Exp", "ToCopy", "Clamp", "Tanh", "Sigmoid")


def _blameless(node: Any, worst: int) -> bool:
    name = _short(node)
    return name in _MOVES or (worst == 2 and name in _ARITHMETIC)


def _short(node: Any) -> str:
    return str(node.name()).rstrip("0123456789").removesuffix("Backward")


class _Tape:
    """What the saved values of a graph tell about the outputs of its nodes."""

    def __init__(self, root: Tensor) -> None:
        self.nodes: list[Any] = []
        self.known: dict[tuple[Any, int], Tensor] = {(root.grad_fn, root.output_nr): root}
        self.data: dict[Any, list[Tensor]] = {}
        stack: list[Any] = [root.grad_fn]
        seen = {root.grad_fn}
        while stack:
            node = stack.pop()
            self.nodes.append(node)
            self._read(node)
            for child, _ in node.next_functions:
                if child is not None and child not in seen:
                    seen.add(child)
                    stack.append(child)
        self._infer()

    def _read(self, node: Any) -> None:
        if type(node).__name__ == "AccumulateGrad":
            self.known[node, 0] = node.variable
            return
        if node._released:
            raise RuntimeError(
                "explain_nan: the graph was freed; call it before backward(), or run the step "
                "under detect_anomaly()"
            )
        for value, own in node._saved_slots:
            if value is None:
                continue
            if own >= 0:
                self.known[node, own] = value
            elif value.grad_fn is not None:
                self.known[value.grad_fn, value.output_nr] = value
            elif not value.requires_grad:
                self.data.setdefault(node, []).append(value)
        if (value := _again(node)) is not None:
            self.known.setdefault((node, 0), value)

    def _infer(self) -> None:
        """The state of each output: what is known, else the worst of what the node reads."""
        self.state: dict[tuple[Any, int], int] = {}
        for node in sorted(self.nodes, key=_order):
            worst = max((s for *_, s in self.reads(node)), default=0)
            for nr in range(len(node.output_shapes)):
                value = self.known.get((node, nr))
                self.state[node, nr] = worst if value is None else _C._finiteness(value)

    def reads(self, node: Any) -> list[tuple[Any, int, Tensor | None, int]]:
        """(node, output number, value, state) of every input; the node is None for data."""
        rows: list[tuple[Any, int, Tensor | None, int]] = [
            (child, nr, self.known.get((child, nr)), self.state.get((child, nr), 0))
            for child, nr in node.next_functions
            if child is not None
        ]
        rows += [(None, 0, t, _C._finiteness(t)) for t in self.data.get(node, ())]
        return rows


def _order(node: Any) -> int:
    return -1 if type(node).__name__ == "AccumulateGrad" else int(node._sequence_nr())


def _again(node: Any) -> Tensor | None:
    """The output of a unary op or a division whose operands were kept, computed once more."""
    name = _short(node)
    if name == "Div":
        a, b = _kept(node, "_saved_self"), _kept(node, "_saved_other")
        if b is None or bool((b != 0).all().item()):
            return None
        if a is None:  # 1 stands for the numerator: NaN or infinite all the same
            a = _C.ones_like(b)
        return a.detach() / b.detach()
    x = _kept(node, "_saved_self")
    op = getattr(_C, name.lower(), None)
    if x is None or op is None or len(node.next_functions) != 1 or len(node._saved_slots) != 1:
        return None
    try:
        value = op(x.detach())
    except (TypeError, RuntimeError):
        return None  # it has other arguments
    same = isinstance(value, Tensor) and tuple(value.shape) == tuple(node.output_shapes[0])
    return value if same else None


def _kept(node: Any, name: str) -> Tensor | None:
    try:
        value = getattr(node, name)
    except (AttributeError, RuntimeError):
        return None
    return value.detach() if isinstance(value, Tensor) else None


def _from_tape(root: Tensor) -> NanOrigin | None:
    if root.grad_fn is None:
        return None
    tape = _Tape(root)
    node, nr = root.grad_fn, root.output_nr
    path = [node]
    turn: int | None = None  # where on the path infinity became NaN
    while True:
        worst = tape.state[node, nr]
        reads = tape.reads(node)
        unknown = [r for r in reads if r[0] is not None and r[2] is None]
        if worst == 2 and len(unknown) == 1 and _short(node) in _MOVES:
            tape.state[unknown[0][0], unknown[0][1]] = 2
            reads = tape.reads(node)
        bad = [r for r in reads if r[3] == 2] or [r for r in reads if r[3] == 1]
        if not bad:
            if len(unknown) == 1 and _blameless(node, worst):
                tape.state[unknown[0][0], unknown[0][1]] = worst
                bad = unknown
            else:
                if turn is not None and _short(node) in _MASKS:
                    path = path[: turn + 1]
                return _tape_report(tape, path, given=False, certain=not unknown)
        if turn is None and worst == 2 and bad[0][3] == 1:
            turn = len(path) - 1
        inner = [r for r in bad if r[0] is not None and type(r[0]).__name__ != "AccumulateGrad"]
        if not inner:
            if turn is not None:
                path = path[: turn + 1]
            return _tape_report(tape, path, given=turn is None, certain=True)
        node, nr = inner[0][0], inner[0][1]
        path.append(node)


def _tape_report(tape: _Tape, path: list[Any], *, given: bool, certain: bool) -> NanOrigin:
    node = path[-1]
    value = tape.known.get((node, 0))
    reads = [r[2] for r in tape.reads(node)]
    if given:
        value = max((t for t in reads if t is not None), key=_C._finiteness)
    worst = _C._finiteness(value) if value is not None else max(tape.state[node, 0], 1)
    index = _first_bad(value, worst) if value is not None and _C._finiteness(value) else []
    like = value if value is not None else next((t for t in reads if t is not None), None)
    chain = [(n.name(), n.source) for n in reversed(path)]
    turned = next((n for n in reversed(path) if worst == 1 and tape.state.get((n, 0)) == 2), None)
    became = None
    if turned is not None and all(r[2] is not None for r in tape.reads(turned)):
        became = turned.name(), turned.source
    return NanOrigin(
        KIND[worst], "given" if given else "forward", node.name(), node.source, 0, index,
        _operands(reads, index, like) if like is not None else [], chain, became, certain,
        _history(value) if given and value is not None else [],
    )  # fmt: skip


# Gradients


def of_gradient(path: list[Any], leaf: Any, output_nr: int, grad: Tensor) -> NanOrigin:
    """The origin of a ``grad`` that arrived at ``leaf`` by the nodes of ``path``."""
    worst = _C._finiteness(grad)
    targets = {(leaf, output_nr)}
    way: list[Any] = []
    for row in reversed(path):
        node, _, out, _ = row
        edges = node.next_functions
        if any(
            edges[i] in targets and _C._finiteness(g) for i, g in enumerate(out) if g is not None
        ):
            way.append(row)
            targets.update((node, nr) for nr in range(len(node.output_shapes)))
    became: tuple[str, str] | None = None
    level = worst
    for row in way:  # from the leaf towards the loss
        node, given, out, _ = row
        made = [_C._finiteness(g) if g is not None else 0 for g in out]
        had = max((_C._finiteness(g) for g in given if g is not None), default=0)
        if max(made) < level or had >= level:
            continue
        if level == 2 and had == 1:
            level, became = 1, (node.name(), node.source)
            continue
        origin = _birth(row, made.index(max(made)), [r[0] for r in way])
        origin.became = became if origin.phase == "backward" else None
        return origin
    where = way[-1][0].source if way else getattr(leaf, "source", "an unknown line")
    name = way[-1][0].name() if way else type(leaf).__name__
    return NanOrigin(
        KIND[level], "given", name, where, became=became, notes=[
            "no backward function made them: they were in the gradient given to backward(), "
            "came from a hook, or are a sum of infinities"
        ],
    )  # fmt: skip


def _birth(row: Any, at: int, way: list[Any]) -> NanOrigin:
    node, given, out, saved = row
    kept = [t for t in saved if t is not None]
    for t in kept:
        if _C._finiteness(t) == 2 and (origin := _value_behind(t)) is not None:
            origin.notes.append(f"it was masked in the loss, but {node.name()} multiplied with it")
            return origin
    bad = out[at]
    index = _first_bad(bad, _C._finiteness(bad))
    like = bad
    operands = _operands(given, index, like, "gradient in") + _operands(
        saved, index, like, "saved value"
    )
    reached = [(n.name(), n.source) for n in reversed(way)]
    return NanOrigin(
        KIND[_C._finiteness(bad)], "backward", node.name(), node.source, at, index, operands,
        reached[[n for n, _ in reached].index(node.name()) :],
    )  # fmt: skip


def _value_behind(t: Tensor) -> NanOrigin | None:
    if origin := _recorded(t):
        return origin
    try:
        return _from_tape(t)
    except RuntimeError:  # freed
        return None


# What is known of leaves from earlier passes

_infinities: dict[int, tuple[weakref.ref[Tensor], str]] = {}  # by id, while the leaf lives


def remember_infinity(path: list[Any], leaf: Any, output_nr: int, grad: Tensor) -> None:
    """An infinite gradient is no error yet, but explains the NaN of a later step."""
    if type(leaf).__name__ != "AccumulateGrad":
        return
    origin = of_gradient(path, leaf, output_nr, grad)
    key = id(leaf.variable)
    gone = weakref.ref(leaf.variable, lambda _: _infinities.pop(key, None))
    _infinities[key] = gone, f"{origin.op} at {origin.source}"


def _history(t: Tensor) -> list[str]:
    notes = []
    if t.is_leaf and t.requires_grad:
        leaf, origin = _infinities.get(id(t), (None, ""))
        if leaf is not None and leaf() is t:
            notes.append(f"its gradient became infinite in an earlier pass: {origin}")
        if (line := t._last_write) is not None:
            notes.append(f"it was last changed in place at {line}")
    return notes
