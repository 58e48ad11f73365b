"""The gradients of a whole model against central differences, in float64."""

from __future__ import annotations

import math

import numpy as np

from .. import _C
from ..autograd import grad
from ..autograd.grad_mode import no_grad
from .verdict import ERROR, WARNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._C import Tensor
    from .check import Branch, _Check
    from .preserve import Preserved
    from .trace import Op

_STEPS = (1e-6, 1e-5, 1e-7)  # relative to the size of a weight; kinks are missed by one of them
_MOST_TENSORS = 64  # checked one by one; of larger models the rest only all together
_DIRECTIONS = 2


def compare(
    check: _Check, branch: Branch, batch: Any, kept: Preserved, ops: list[Op], nodes: set[Any]
) -> None:
    """Fill ``branch.errors`` and tell of gradients that are wrong.

    Each parameter, and all of them together, are moved along random directions v; the change of
    the loss must be the scalar product of v and the gradient.
    """
    wanted = {n: p for n, p in kept.params.items() if branch.gradients.get(n) is not None}
    if not wanted:
        return

    def loss() -> Tensor:
        kept.reset(double=True)
        result: Tensor = check.loss(batch)
        return result

    base = loss()
    grads = grad(base, list(wanted.values()), allow_unused=True)
    known = {n: (p, g) for (n, p), g in zip(wanted.items(), grads, strict=True) if g is not None}
    draw = np.random.default_rng(0)
    scale = abs(float(base.item()))

    def error(names: list[str]) -> float:
        moves: list[tuple[Tensor, Tensor, Tensor]] = []
        slope = 0.0
        for name in names:
            p, g = known[name]
            values = p.detach().numpy()
            size = max(float(np.sqrt(np.mean(values * values))), 1e-3)
            v = draw.normal(size=values.shape) * size
            moves.append((p, p.data, _C.from_numpy(v)))
            slope += float((v * g.numpy()).sum())
        errors: list[float] = []
        for h in _STEPS:
            ends = []
            for sign in (1, -1):
                for p, start, way in moves:
                    p.data = start + way * (sign * h)
                with no_grad():
                    ends.append(float(loss().item()))
            numeric = (ends[0] - ends[1]) / (2 * h)
            # What rounding of the loss can do to the difference is no error.
            noise = 64 * float(np.finfo(np.float64).eps) * (scale + 1e-300) / h
            gap = max(abs(numeric - slope) - noise, 0.0)
            errors.append(gap / max(abs(numeric), abs(slope), 1e-300) if gap else 0.0)
            if errors[-1] <= 0.01 * check.tolerance:
                break
        for p, start, _ in moves:
            p.data = start
        return min(errors)

    everything = list(known)
    together = max(error(everything) for _ in range(_DIRECTIONS))
    if len(known) <= _MOST_TENSORS or together > check.tolerance:
        for name in everything:
            branch.errors[name] = error([name])
    else:
        branch.errors["all together"] = together
    wrong = {n: e for n, e in branch.errors.items() if not e <= check.tolerance}
    if wrong:
        _tell(check, branch, wrong, ops, nodes)


def _tell(
    check: _Check, branch: Branch, wrong: dict[str, float], ops: list[Op], nodes: set[Any]
) -> None:
    # Ops of pyforge end in a number: XBackward0.
    own = sorted({f"{n.name()} at {n.source}" for n in nodes if n.name().endswith("Backward")})
    stops = sorted({
        f"{op.name} at {op.source}" for op in ops
        if op.name in ("detach", "data", "item", "tolist", "numpy")
        and any(t.requires_grad or not t.is_leaf for t in op.inputs)
    })  # fmt: skip
    worst = max(wrong, key=lambda n: wrong[n] if math.isfinite(wrong[n]) else math.inf)
    if own:
        cause = f"the derivative of your own function is wrong: {', '.join(own[:4])}"
        action = "pyforge.autograd.gradcheck(Function.apply, inputs) on it alone"
    elif stops:
        cause = f"part of the dependence is cut: {', '.join(stops[:4])}"
        action = "nothing, if the cut is meant (stop-gradient); else remove it"
    else:
        cause = "a kink at this very point, a hook that changes gradients, or a wrong derivative"
        action = "run check again with another batch; a kink moves, a wrong derivative stays"
    check.say(
        "GRADIENT_MISMATCH", WARNING if stops and not own else ERROR, worst,
        f"{branch.name}: the gradient of {len(wrong)} parameters differs from finite differences, "
        f"most in {worst}, by {wrong[worst]:.1%}",
        cause, action,
    )  # fmt: skip
