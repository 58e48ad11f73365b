"""Stochastic gradient descent."""

from __future__ import annotations

from .._C import _sgd_step
from .optimizer import FusedOptimizer, check_not_negative, check_rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .optimizer import Params


class SGD(FusedOptimizer):
    """Stochastic gradient descent, with momentum if wanted.

    Args:
        params: see :class:`Optimizer`.
        lr: the learning rate.
        momentum: the share of the last update that is kept.
        dampening: the share of the gradient that is left out of the momentum.
        weight_decay: added to the gradient times the parameter.
        nesterov: look ahead along the momentum.
        maximize: go up instead of down.

    Raises:
        ValueError: for a negative setting, or ``nesterov`` without momentum or with dampening.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_rate(lr)
        check_not_negative(momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _update(self, group: dict[str, Any], grad_scale: float) -> None:
        _sgd_step(
            group["params"],
            self.state,
            group["lr"],
            group["momentum"],
            group["dampening"],
            group["weight_decay"],
            group["nesterov"],
            group["maximize"],
            grad_scale,
        )
