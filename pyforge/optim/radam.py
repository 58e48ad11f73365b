"""RAdam."""

from __future__ import annotations

from .._C import _radam_step
from .optimizer import FusedOptimizer, check_adam

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .optimizer import Params


class RAdam(FusedOptimizer):
    """Adam that does not adapt before the variance is known well (Liu et al. 2019).

    Args:
        params: see :class:`Optimizer`.
        lr: the learning rate.
        betas: how much of the two running means is kept.
        eps: added to the root of the mean square.
        weight_decay: added to the gradient times the parameter.
        decoupled_weight_decay: shrink the parameters instead of adding to the gradient.
        maximize: go up instead of down.

    ``foreach`` and ``capturable`` are accepted and make no difference.

    Raises:
        ValueError: for a setting out of range.
        NotImplementedError: for ``differentiable``.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_adam(lr, betas, eps, weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _update(self, group: dict[str, Any], grad_scale: float) -> None:
        beta1, beta2 = group["betas"]
        _radam_step(
            group["params"],
            self.state,
            group["lr"],
            beta1,
            beta2,
            group["eps"],
            group["weight_decay"],
            group["decoupled_weight_decay"],
            group["maximize"],
            grad_scale,
        )
