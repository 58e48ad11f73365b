"""Limited-memory BFGS."""

from __future__ import annotations

import math

from .._C import Tensor, cat
from ..autograd.grad_mode import enable_grad, no_grad
from .optimizer import Optimizer, check_rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NamedTuple

    from .optimizer import Params

    class Point(NamedTuple):
        """A step along the direction: its length, the loss there, gradient and slope."""

        t: float
        loss: float
        grad: Tensor
        slope: float

else:
    from collections import namedtuple

    Point = namedtuple("Point", ["t", "loss", "grad", "slope"])

_CURVATURE = 1e-10  # smallest product of step and change of gradient that is remembered
_ARMIJO, _WOLFE = 1e-4, 0.9
_SHORTEST = 1e-9  # largest change of a parameter within a bracket that is not narrowed further
_BISECT = 0.1  # how near to an end of the bracket an interpolated point may be


class LBFGS(Optimizer):
    """L-BFGS: steps along an estimate of the Newton direction, for smooth, small, full batches.

    All parameters form one vector. ``step`` needs a closure, which it calls several times.

    Args:
        params: see :class:`Optimizer`; one group.
        lr: the length of a step, or the first one tried by the line search.
        max_iter: iterations per call of ``step``.
        max_eval: calls of the closure per ``step``; 1.25 times ``max_iter`` by default.
        tolerance_grad: stop when no element of the gradient is larger.
        tolerance_change: stop when the loss or the parameters change by less.
        history_size: how many steps the estimate remembers.
        line_search_fn: ``"strong_wolfe"``, or ``None`` for steps of a fixed length.

    Raises:
        ValueError: for a negative learning rate, or several groups.
        RuntimeError: in ``step``, for another line search.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_rate(lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    @property
    def _params(self) -> list[Tensor]:
        params: list[Tensor] = self.param_groups[0]["params"]
        return params

    def _flat_grad(self) -> Tensor:
        return cat(
            [p.new_zeros(p.numel()) if p.grad is None else p.grad.reshape(-1) for p in self._params]
        )

    def _move(self, t: float, direction: Tensor) -> None:
        at = 0
        for p in self._params:
            p.add_(direction[at : at + p.numel()].view(p.shape), alpha=t)
            at += p.numel()

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Run up to ``max_iter`` iterations.

        Args:
            closure: computes the loss anew, with gradients, and returns it.

        Returns:
            The loss before the first iteration.
        """

        def evaluate() -> Any:
            with enable_grad():
                return closure()

        with no_grad():
            return self._minimize(evaluate)

    def _minimize(self, closure: Callable[[], Any]) -> Any:
        group, params = self.param_groups[0], self._params
        lr, max_iter, max_eval = float(group["lr"]), group["max_iter"], group["max_eval"]
        search = group["line_search_fn"]
        state = self.state[params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        first_loss = closure()
        loss = float(first_loss)
        evaluations = 1
        state["func_evals"] += 1
        grad = self._flat_grad()
        if _largest(grad) <= group["tolerance_grad"]:
            return first_loss

        direction: Any = state.get("d")
        t: Any = state.get("t")
        before: Any = state.get("prev_flat_grad")
        loss_before: Any = state.get("prev_loss")
        for iteration in range(1, max_iter + 1):
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                direction = grad.neg()
                state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
                t = min(1.0, 1.0 / float(grad.abs().sum())) * lr
            else:
                _remember(state, grad.sub(before), direction.mul(t), group["history_size"])
                direction = _newton_direction(state, grad, group["history_size"])
                t = lr
            before = grad.clone() if before is None else before.copy_(grad)
            loss_before = loss
            slope = float(grad.dot(direction))
            if slope > -group["tolerance_change"]:
                break

            calls = 0
            if search is not None:
                if search != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                start = Point(0.0, loss, grad, slope)
                budget = max_eval - evaluations
                found, calls = self._search(closure, start, t, direction, budget)
                t, loss, grad = found.t, found.loss, found.grad
                self._move(t, direction)
            else:
                self._move(t, direction)
                if iteration != max_iter:  # a last evaluation would tell nothing new
                    loss = float(closure())
                    grad = self._flat_grad()
                    calls = 1
            evaluations += calls
            state["func_evals"] += calls
            if (
                iteration == max_iter
                or evaluations >= max_eval
                or _largest(grad) <= group["tolerance_grad"]
                or _largest(direction.mul(t)) <= group["tolerance_change"]
                or abs(loss - loss_before) < group["tolerance_change"]
            ):
                break
        state.update(d=direction, t=t, prev_flat_grad=before, prev_loss=loss_before)
        return first_loss

    def _search(
        self,
        closure: Callable[[], Any],
        start: Point,
        t: float,
        direction: Tensor,
        budget: int,
    ) -> tuple[Point, int]:
        """A step that fulfils the strong Wolfe conditions, and how many calls that took."""
        origin = [p.clone() for p in self._params]

        def point_at(t: float) -> Point:
            self._move(t, direction)
            loss = float(closure())
            grad = self._flat_grad()
            for p, value in zip(self._params, origin, strict=True):
                p.copy_(value)
            return Point(t, loss, grad, float(grad.dot(direction)))

        def descends(point: Point) -> bool:
            return not point.loss > start.loss + _ARMIJO * point.t * start.slope

        def flat(point: Point) -> bool:
            return abs(point.slope) <= -_WOLFE * start.slope

        # Go out until a minimum lies between the last two points.
        last, point = start, point_at(t)
        calls, rounds, done = 1, 0, False
        bracket = [start, point]
        while rounds < budget:
            if not descends(point) or (rounds > 1 and point.loss >= last.loss):
                bracket = [last, point]
                break
            if flat(point):
                bracket, done = [point], True
                break
            if point.slope >= 0:
                bracket = [last, point]
                break
            bounds = (point.t + 0.01 * (point.t - last.t), point.t * 10)
            last, point = point, point_at(_cubic_minimum(last, point, bounds))
            calls += 1
            rounds += 1
        if rounds == budget:
            bracket = [start, point]

        # Narrow the bracket down; bracket[low] is the better end.
        low = 0 if bracket[0].loss <= bracket[-1].loss else 1
        stuck = False
        longest = _largest(direction)
        while not done and rounds < budget:
            ends = (bracket[0].t, bracket[1].t)
            left, right = min(ends), max(ends)
            if (right - left) * longest < _SHORTEST:
                break
            t = _cubic_minimum(bracket[0], bracket[1])
            margin = _BISECT * (right - left)
            if min(right - t, t - left) < margin:
                if stuck or t >= right or t <= left:
                    t = right - margin if abs(t - right) < abs(t - left) else left + margin
                    stuck = False
                else:
                    stuck = True
            else:
                stuck = False
            point = point_at(t)
            calls += 1
            rounds += 1
            if not descends(point) or point.loss >= bracket[low].loss:
                bracket[1 - low] = point
                low = 0 if bracket[0].loss <= bracket[1].loss else 1
            else:
                if flat(point):
                    done = True
                elif point.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
                    bracket[1 - low] = bracket[low]
                bracket[low] = point
        return bracket[low if len(bracket) > 1 else 0], calls


def _largest(x: Tensor) -> float:
    return float(x.abs().max())


def _remember(state: dict[str, Any], change: Tensor, step: Tensor, limit: int) -> None:
    """Keep the step and the change of the gradient if the curvature along it is positive."""
    curvature = change.dot(step)
    if not float(curvature) > _CURVATURE:
        return
    for key, value in (("old_dirs", change), ("old_stps", step), ("ro", 1.0 / curvature)):
        if len(state[key]) == limit:
            state[key].pop(0)
        state[key].append(value)
    state["H_diag"] = curvature / change.dot(change)


def _newton_direction(state: dict[str, Any], grad: Tensor, limit: int) -> Tensor:
    """Minus the estimated inverse Hessian times the gradient, by the two-loop recursion."""
    kept = list(zip(state["old_dirs"], state["old_stps"], state["ro"], strict=True))
    weights = state.setdefault("al", [None] * limit)
    q = grad.neg()
    for i, (change, step, ro) in reversed(list(enumerate(kept))):
        weights[i] = step.dot(q) * ro
        q.add_(change, alpha=-float(weights[i]))
    q.mul_(state["H_diag"])
    for i, (change, step, ro) in enumerate(kept):
        q.add_(step, alpha=float(weights[i] - change.dot(q) * ro))
    return q


def _cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic through two points with slopes is least (Nocedal and Wright, eq. 3.59)."""
    low, high = bounds or (min(a.t, b.t), max(a.t, b.t))
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    d2 = math.sqrt(square)
    if a.t > b.t:
        a, b = b, a
    width = b.slope - a.slope + 2 * d2
    if width == 0:
        return (low + high) / 2
    best = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / width)
    return min(max(best, low), high)
