"""Rprop."""

from __future__ import annotations

from .._C import _rprop_step
from .optimizer import FusedOptimizer, check_rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .optimizer import Params


class Rprop(FusedOptimizer):
    """Steps whose size follows the sign of the gradient, for full batches.

    Args:
        params: see :class:`Optimizer`.
        lr: the first size of every step.
        etas: factors of the size when the sign changes, and when it does not.
        step_sizes: the smallest and the largest size.
        maximize: go up instead of down.

    ``foreach`` and ``capturable`` are accepted and make no difference.

    Raises:
        ValueError: for a setting out of range.
        NotImplementedError: for ``differentiable``.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_rate(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _update(self, group: dict[str, Any], grad_scale: float) -> None:
        eta_minus, eta_plus = group["etas"]
        smallest, largest = group["step_sizes"]
        _rprop_step(
            group["params"],
            self.state,
            group["lr"],
            eta_minus,
            eta_plus,
            smallest,
            largest,
            group["maximize"],
            grad_scale,
        )
