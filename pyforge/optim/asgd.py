"""Averaged stochastic gradient descent."""

from __future__ import annotations

from .._C import _asgd_step
from .optimizer import FusedOptimizer, check_not_negative, check_rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .optimizer import Params


class ASGD(FusedOptimizer):
    """SGD that also keeps the average of the parameters, in ``state[p]["ax"]``.

    Args:
        params: see :class:`Optimizer`.
        lr: the learning rate.
        lambd: decay of the parameters.
        alpha: power with which the learning rate falls.
        t0: the step at which averaging starts.
        weight_decay: added to the gradient times the parameter.
        maximize: go up instead of down.

    ``foreach`` and ``capturable`` are accepted and make no difference.

    Raises:
        ValueError: for a setting out of range.
        NotImplementedError: for ``differentiable``.
    """

    _scalars = ("step", "eta", "mu")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_rate(lr)
        check_not_negative(weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _update(self, group: dict[str, Any], grad_scale: float) -> None:
        _asgd_step(
            group["params"],
            self.state,
            group["lr"],
            group["lambd"],
            group["alpha"],
            group["t0"],
            group["weight_decay"],
            group["maximize"],
            grad_scale,
        )
