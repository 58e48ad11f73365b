"""The ops of one step: which leave the graph, where a value stops being finite, what broadcasts."""

from __future__ import annotations

from .. import _C
from .._C import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LIMIT = 4000
LOSSES = frozenset(
    {
        "sub", "sub_", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
        "binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div", "subtract",
    }
)  # fmt: skip
# Methods that are no ops, and what each does to the history.
_METHODS = {
    "detach": "detach() cuts the history",
    "item": "item() makes a Python number",
    "tolist": "tolist() makes Python numbers",
    "numpy": "numpy() makes an array",
    "__array__": "converting to an array",
    "to": "conversion to another dtype",
}


class Op:
    """One call: name, tensors and line."""

    __slots__ = (
        "bad_input",
        "bad_output",
        "grad_enabled",
        "inputs",
        "name",
        "outputs",
        "source",
    )

    def __init__(self, row: _C._TracedOp) -> None:
        self.name, self.source = row.name, row.source
        self.inputs, self.outputs = row.inputs, row.outputs
        self.grad_enabled = row.grad_enabled
        self.bad_input, self.bad_output = row.bad_input, row.bad_output


class Tracer:
    """Records ops while it is on. One at a time is on; a second one that asks gets nothing."""

    _active: Tracer | None = None

    def __init__(self) -> None:
        self._plain: dict[str, Any] = {}

    @property
    def on(self) -> bool:
        """Whether this one is recording."""
        return Tracer._active is self

    def start(self) -> None:
        """Record from now on."""
        if Tracer._active is not None:
            return
        Tracer._active = self
        _C._take_trace()
        _C._set_trace(LIMIT)
        for name in _METHODS:
            plain = Tensor.__dict__.get(name)
            if plain is not None:
                self._plain[name] = plain
                _C._add_tensor_attribute(name, _recording(name, plain))
        data = Tensor.__dict__["data"]
        self._plain["data"] = data
        _C._add_tensor_attribute("data", _recording_data(data))

    def stop(self) -> None:
        """Record no more."""
        if Tracer._active is not self:
            return
        Tracer._active = None
        _C._set_trace(0)
        for name, plain in self._plain.items():
            _C._add_tensor_attribute(name, plain)
        self._plain.clear()

    def take(self) -> list[Op]:
        """What was recorded since the last call."""
        return [Op(row) for row in _C._take_trace()]


def _recording(name: str, plain: Any) -> Callable[..., Any]:
    def call(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        result = plain.__get__(self, type(self))(*args, **kwargs)
        if result is not self:
            _C._trace_record(name, self, result if isinstance(result, Tensor) else ())
        return result

    return call


def _recording_data(plain: Any) -> property:
    def get(self: Tensor) -> Tensor:
        result: Tensor = plain.__get__(self, type(self))
        _C._trace_record("data", self, result)
        return result

    return property(get, lambda self, value: plain.__set__(self, value))


def graph_nodes(roots: tuple[Tensor, ...] | list[Tensor]) -> set[Any]:
    """The nodes that a backward pass from ``roots`` runs through."""
    seen: set[Any] = set()
    stack = [root.grad_fn for root in roots if root.grad_fn is not None]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        stack.extend(child for child, _ in node.next_functions if child is not None)
    return seen


class Cut:
    """Why a tensor got no gradient: ``kind`` is unused, cut or lost; then the op and line."""

    def __init__(self, kind: str, op: Op | None = None) -> None:
        self.kind, self.op = kind, op

    @property
    def reason(self) -> str:
        """In words."""
        op = self.op
        if op is None:
            return "no op of the forward pass reads it"
        if self.kind == "lost":
            return f"its result is not in the loss; last read by {op.name} at {op.source}"
        how = _METHODS.get(op.name)
        if op.name == "data":
            how = ".data cuts the history"
        elif not op.grad_enabled:
            how = f"{op.name} runs under no_grad()"
        elif op.name == "to" or (
            how is None and not any(t.is_floating_point() for t in op.outputs)
        ):
            how = f"{op.name} gives {_dtype(op)}, which has no gradient"
        elif how is None:
            how = f"{op.name} has no gradient"
        return f"{how} at {op.source}"


def _dtype(op: Op) -> str:
    return str(op.outputs[0].dtype).rpartition(".")[2] if op.outputs else "numbers"


def find_cut(tensor: Tensor, ops: list[Op], nodes: set[Any]) -> Cut:
    """Where the way from ``tensor`` to the loss, whose graph is ``nodes``, ends."""
    tainted = {id(tensor)}
    memory = {tensor.data_ptr()} if tensor.numel() else set()
    last: Op | None = None
    cut: Op | None = None
    for op in ops:
        reads = [t for t in op.inputs if id(t) in tainted]
        if not reads:
            continue
        last = op
        floating = [t for t in reads if t.is_floating_point()]
        if cut is None and floating and not any(t.requires_grad for t in op.outputs):
            live = any(t.requires_grad for t in floating)
            if live and not (op.name in ("comparison",) or op.name == "item"):
                cut = op
        for t in op.outputs:
            tainted.add(id(t))
            if t.numel():
                memory.add(t.data_ptr())
    if last is None:
        return Cut("unused")
    if cut is not None:
        return Cut("cut", cut)
    return Cut("lost", last)


def silent_broadcasts(ops: list[Op], nodes: set[Any]) -> list[Op]:
    """Differences and losses of ``[N]`` and ``[N, 1]`` that reach the loss."""
    found = []
    for op in ops:
        if op.name not in LOSSES or len(op.inputs) < 2:
            continue
        a, b = (tuple(t.shape) for t in op.inputs[:2])
        if len(a) == len(b) or not a or not b:
            continue
        low, high = sorted((a, b), key=len)
        if len(high) != len(low) + 1 or high[-1] != 1 or low[-1] <= 1:
            continue
        if high[:-1] != low:
            continue
        outputs = [t for t in op.outputs if t.grad_fn is not None]
        if any(t.grad_fn in nodes for t in outputs):
            found.append(op)
    return found
