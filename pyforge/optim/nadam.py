"""NAdam."""

from __future__ import annotations

from .._C import _nadam_step
from .optimizer import FusedOptimizer, check_adam

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .optimizer import Params


class NAdam(FusedOptimizer):
    """Adam with Nesterov momentum (Dozat 2016).

    Args:
        params: see :class:`Optimizer`.
        lr: the learning rate.
        betas: how much of the two running means is kept.
        eps: added to the root of the mean square.
        weight_decay: added to the gradient times the parameter.
        momentum_decay: how fast the momentum rises to its final value.
        decoupled_weight_decay: shrink the parameters instead of adding to the gradient.
        maximize: go up instead of down.

    ``foreach`` and ``capturable`` are accepted and make no difference.

    Raises:
        ValueError: for a setting out of range.
        NotImplementedError: for ``differentiable``.
    """

    _scalars = ("step", "mu_product")

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_adam(lr, betas, eps, weight_decay, momentum_decay=momentum_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _update(self, group: dict[str, Any], grad_scale: float) -> None:
        beta1, beta2 = group["betas"]
        _nadam_step(
            group["params"],
            self.state,
            group["lr"],
            beta1,
            beta2,
            group["eps"],
            group["weight_decay"],
            group["momentum_decay"],
            group["decoupled_weight_decay"],
            group["maximize"],
            grad_scale,
        )
