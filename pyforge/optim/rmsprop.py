"""RMSprop."""

from __future__ import annotations

from .._C import _rmsprop_step
from .optimizer import FusedOptimizer, check_not_negative, check_rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .optimizer import Params


class RMSprop(FusedOptimizer):
    """Steps scaled by a running mean of the squared gradient.

    Args:
        params: see :class:`Optimizer`.
        lr: the learning rate.
        alpha: how much of the running mean is kept.
        eps: added to the root of the mean square.
        weight_decay: added to the gradient times the parameter.
        momentum: the share of the last update that is kept.
        centered: divide by the deviation instead of the root mean square.
        maximize: go up instead of down.

    Raises:
        ValueError: for a negative setting.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_rate(lr)
        check_not_negative(epsilon=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _update(self, group: dict[str, Any], grad_scale: float) -> None:
        _rmsprop_step(
            group["params"],
            self.state,
            group["lr"],
            group["alpha"],
            group["eps"],
            group["weight_decay"],
            group["momentum"],
            group["centered"],
            group["maximize"],
            grad_scale,
        )
