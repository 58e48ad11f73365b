"""Adadelta."""

from __future__ import annotations

from .._C import _adadelta_step
from .optimizer import FusedOptimizer, check_not_negative, check_rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .optimizer import Params


class Adadelta(FusedOptimizer):
    """Steps scaled by the ratio of past steps to past gradients (Zeiler 2012).

    Args:
        params: see :class:`Optimizer`.
        lr: factor of every step.
        rho: how much of the running means is kept.
        eps: added to both means before their roots are taken.
        weight_decay: added to the gradient times the parameter.
        maximize: go up instead of down.

    ``foreach`` and ``capturable`` are accepted and make no difference.

    Raises:
        ValueError: for a setting out of range.
        NotImplementedError: for ``differentiable``.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_rate(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_not_negative(epsilon=eps, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _update(self, group: dict[str, Any], grad_scale: float) -> None:
        _adadelta_step(
            group["params"],
            self.state,
            group["lr"],
            group["rho"],
            group["eps"],
            group["weight_decay"],
            group["maximize"],
            grad_scale,
        )
