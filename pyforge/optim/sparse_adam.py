"""Adam for tables of which a step touches few rows."""

from __future__ import annotations

import math

from .optimizer import PlainOptimizer, check_betas

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._C import Tensor
    from .optimizer import Params


class SparseAdam(PlainOptimizer):
    """Adam that leaves rows without a gradient, and what it keeps of them, as they are.

    Gradients are dense here: a row, an entry of the first dimension, counts as touched if its
    gradient has an element other than zero. For embeddings that is what PyTorch does with sparse
    gradients, except for a row that was used and whose gradient is exactly zero.

    Args:
        params: see :class:`Optimizer`.
        lr: the learning rate.
        betas: how much of the two running means is kept.
        eps: added to the root of the mean square.
        maximize: go up instead of down.

    Raises:
        ValueError: for a setting out of range.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        if not lr > 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps > 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})

    def _update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[param]
        if not state:
            state["step"] = 0
            state["exp_avg"] = param.new_zeros(param.shape)
            state["exp_avg_sq"] = param.new_zeros(param.shape)
        state["step"] += 1
        if param.dim() == 0:
            param, grad = param.view(1), grad.view(1)
        table = grad.reshape(grad.shape[0], -1)
        rows = (table != 0).any(1).nonzero().view(-1)
        if rows.numel() == 0:
            return
        beta1, beta2 = group["betas"]
        slope = grad.index_select(0, rows)
        if group["maximize"]:
            slope = -slope
        mean, square = (state[k].view(param.shape) for k in ("exp_avg", "exp_avg_sq"))
        old_mean, old_square = mean.index_select(0, rows), square.index_select(0, rows)
        new_mean = old_mean + (slope - old_mean) * (1 - beta1)
        new_square = old_square + (slope.square() - old_square) * (1 - beta2)
        mean[rows] = new_mean
        square[rows] = new_square
        correction = math.sqrt(1 - beta2 ** state["step"]) / (1 - beta1 ** state["step"])
        rate = group["lr"] * correction
        param.index_add_(0, rows, new_mean / (new_square.sqrt() + group["eps"]), alpha=-rate)
