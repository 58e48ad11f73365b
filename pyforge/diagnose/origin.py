"""Where a value or a gradient that is not finite was born, in the ops of one step."""

from __future__ import annotations

from array import array

from .. import _C
from .._C import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ..autograd.nan_origin import NanOrigin
    from .trace import Op

# Ops that write infinities on purpose, as attention masks do.
_MASKS = frozenset(
    {
        "masked_fill", "masked_fill_", "where", "index assignment", "index_put_", "full",
        "full_like", "fill_", "tensor", "triu", "tril",
    }
)  # fmt: skip


class Origin:
    """``op`` made the bad value, or read it (``given``) from data or a parameter.

    Attributes:
        chain: the ops from the birth to the loss.
        backward: it was the derivative of ``op`` that was not finite.
    """

    def __init__(
        self, op: Op, chain: list[Op], *, given: bool = False, backward: bool = False
    ) -> None:
        self.op, self.chain, self.given, self.backward = op, chain, given, backward

    @property
    def source(self) -> str:
        """The line of the op."""
        return self.op.source

    def describe(self) -> str:
        """Op, operands, first bad index and the way to the loss, as a clause."""
        op = self.op
        if self.backward:
            return f"the derivative of {op.name} made it of a finite gradient{_operands(op)}"
        if self.given:
            return f"an operand of {op.name} already held it{_operands(op)}"
        where = ""
        for t in op.outputs:
            if _bad(t):
                bad = (~_C.isfinite(t.detach())).nonzero()[0].tolist()
                where = f", first at index {bad}" if bad else ""
                break
        on = [o.name for o in self.chain[:-1]]
        way = f"; from the loss back: {' <- '.join(on[:8])}" if on else ""
        return f"{op.name} made it{_operands(op)}{where}{way}"


def _operands(op: Op) -> str:
    parts = []
    for t in op.inputs[:3]:
        text = f"{list(t.shape)}"
        if t.is_floating_point() and t.numel():
            values = t.detach()
            text += f" in [{float(values.min().item()):.3g}, {float(values.max().item()):.3g}]"
        parts.append(text)
    return f" (operands {', '.join(parts)})" if parts else ""


def _any(t: Tensor, test: Callable[[Tensor], Tensor]) -> bool:
    return t.is_floating_point() and t.numel() > 0 and bool(test(t.detach()).any().item())


def _bad(t: Tensor) -> bool:
    return _any(t, lambda x: ~_C.isfinite(x))


def _nan(t: Tensor) -> bool:
    return _any(t, _C.isnan)


def find_origin(ops: list[Op], root: Tensor) -> Origin | None:
    """Walk back from ``root`` along what is not finite; None if no op of ``ops`` made ``root``.

    NaN is followed before infinity. An infinity that a mask wrote is not to blame for the NaN that
    a later op makes of it: that op is.
    """
    made: dict[int, list[int]] = {}
    memory: dict[int, list[int]] = {}  # detached tensors and views share memory with a result
    for i, op in enumerate(ops):
        for t in op.outputs:
            made.setdefault(id(t), []).append(i)
            memory.setdefault(t.data_ptr(), []).append(i)

    def producer(t: Tensor, before: int) -> int | None:
        rows = made.get(id(t)) or memory.get(t.data_ptr()) or ()
        return max((i for i in rows if i < before), default=None)

    at = producer(root, len(ops))
    chain: list[Op] = []
    turn: int | None = None  # where in the chain infinity became NaN
    while at is not None:
        op = ops[at]
        chain.append(op)
        if not op.bad_input:
            return _judge(chain, turn, given=False)
        given = [t for t in op.inputs if not any(t is o for o in op.outputs)]
        suspects = [t for t in given if _nan(t)]
        if not suspects:
            if any(_nan(t) for t in op.outputs) and turn is None:
                turn = len(chain) - 1
            # What an in-place op read is gone, but the row says that something was bad.
            suspects = [t for t in given if _bad(t)] or [
                t for t in op.inputs if any(t is o for o in op.outputs)
            ]
        steps = [i for i in (producer(t, at) for t in suspects) if i is not None]
        if not steps:
            return _judge(chain, turn, given=True)
        at = max(steps)
    return None


def _judge(chain: list[Op], turn: int | None, *, given: bool) -> Origin:
    if turn is not None and (given or chain[-1].name in _MASKS):
        return Origin(chain[turn], chain[: turn + 1])
    wrote_nan = any(_nan(t) for t in chain[-1].outputs)
    if chain[-1].name in _MASKS and len(chain) > 1 and not given and not wrote_nan:
        return Origin(chain[-2], chain[:-1])
    return Origin(chain[-1], chain, given=given)


# Ops whose derivative can be NaN or infinite where their value is finite.
_SINGULAR = frozenset(
    {
        "sqrt", "rsqrt", "div", "div_", "true_divide", "divide", "reciprocal", "pow", "pow_", "log",
        "log2", "log10", "log1p", "norm", "linalg_norm", "vector_norm", "linalg_vector_norm", "std",
        "var", "asin", "acos", "atanh", "acosh", "atan2", "xlogy", "hypot", "cdist", "prod",
        "float_power", "sqrt_", "logsumexp", "log_softmax", "softmax", "normalize", "erfinv",
        "logit",
    }
)  # fmt: skip
_MOST = 64


class Singular:
    """Ops of the recorded step at which a gradient may stop being finite, among the parameters.

    Args:
        params: the parameters.
        ops: those of the step; none are kept, only names and lines.
    """

    def __init__(self, params: Sequence[Tensor] = (), ops: Sequence[Op] = ()) -> None:
        place = {id(p): i for i, p in enumerate(params)}
        self._use = array("i", [-1] * len(params))  # the op that reads each first
        self._ops: list[tuple[int, str, str]] = []
        for k, op in enumerate(ops):
            for t in op.inputs:
                at = place.get(id(t), -1)
                if at >= 0 and self._use[at] < 0:
                    self._use[at] = k
            grows = any(t.requires_grad for t in op.outputs)
            if op.name in _SINGULAR and grows and len(self._ops) < _MOST:
                self._ops.append((k, op.name, op.source))

    def between(self, first: int, last: int | None) -> list[tuple[str, str]]:
        """(name, line) after the use of parameter ``first``, before that of ``last`` or the end."""
        low = self._use[first]
        high = -1 if last is None else self._use[last]
        if low < 0:
            return []
        found = [
            (name, source) for k, name, source in self._ops if k > low and (high < low or k < high)
        ]
        return list(dict.fromkeys(found))


def from_tape(roots: list[Tensor]) -> NanOrigin | None:
    """For a step whose ops were not recorded: what the graph of a bad loss tells."""
    if len(roots) != 1 or not _C._finiteness(roots[0]):
        return None
    from ..autograd.nan_origin import of_value

    try:
        return of_value(roots[0])
    except RuntimeError:  # a part of the graph was freed
        return None


class GradientProbe:
    """Which gradients of one backward pass were not finite, output by output."""

    def __init__(self, ops: list[Op]) -> None:
        self._ops = ops
        self._bad: dict[int, bool] = {}
        self._handles: list[Any] = []
        seen: set[int] = set()
        for op in ops:
            for t in op.outputs:
                if t.requires_grad and not t.is_leaf and id(t) not in seen:
                    seen.add(id(t))
                    self._handles.append(t.register_hook(self._recorder(id(t))))

    def _recorder(self, key: int) -> Callable[[Tensor], None]:
        def record(grad: Tensor) -> None:
            self._bad[key] = _bad(grad)

        return record

    def remove(self) -> None:
        """Probe no more."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _is_bad(self, t: Tensor) -> bool:
        if t.is_leaf:
            return t.requires_grad and t.grad is not None and _bad(t.grad)
        return self._bad.get(id(t), False)

    def origin(self) -> Origin | None:
        """The op nearest to the loss whose derivative made a bad gradient of finite ones."""
        for op in reversed(self._ops):
            known = [t for t in op.outputs if id(t) in self._bad]
            if not known or any(self._bad[id(t)] for t in known):
                continue
            reads = [t for t in op.inputs if not any(t is o for o in op.outputs)]
            if any(self._is_bad(t) for t in reads):
                return Origin(op, [op], backward=True)
        return None
