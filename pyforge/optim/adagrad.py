"""Adagrad."""

from __future__ import annotations

from .._C import _adagrad_step, float32, full_like, tensor
from ..autograd.grad_mode import no_grad
from .optimizer import FusedOptimizer, check_not_negative, check_rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .optimizer import Params


class Adagrad(FusedOptimizer):
    """Steps scaled by the sum of all squared gradients so far.

    Args:
        params: see :class:`Optimizer`.
        lr: the learning rate.
        lr_decay: the rate is divided by ``1 + steps * lr_decay``.
        weight_decay: added to the gradient times the parameter.
        initial_accumulator_value: what the sums start from.
        eps: added to the root of the sum.
        maximize: go up instead of down.

    Raises:
        ValueError: for a negative setting.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_rate(lr)
        check_not_negative(
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            epsilon=eps,
        )
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters, whose sums start at ``initial_accumulator_value``."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        with no_grad():
            for param in group["params"]:
                self.state[param]["step"] = tensor(0.0, dtype=float32)
                self.state[param]["sum"] = full_like(param, group["initial_accumulator_value"])

    def _update(self, group: dict[str, Any], grad_scale: float) -> None:
        _adagrad_step(
            group["params"],
            self.state,
            group["lr"],
            group["lr_decay"],
            group["eps"],
            group["weight_decay"],
            group["maximize"],
            grad_scale,
        )
