"""Adafactor."""

from __future__ import annotations

from .._C import Tensor, float32, tensor, zeros_like
from .._type_info import finfo
from .optimizer import PlainOptimizer, check_rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .optimizer import Params


class Adafactor(PlainOptimizer):
    """Adam without a mean of the gradients and with the mean squares of rows and columns alone.

    Shazeer and Stern 2018. Per matrix of ``n`` by ``m`` it keeps ``n + m`` numbers.

    Args:
        params: see :class:`Optimizer`.
        lr: the largest step relative to the size of a parameter.
        beta2_decay: the power with which the mean squares move more slowly from step to step.
        eps: the smallest root mean square of an update before division (``None``: the dtype's
            precision), and the smallest size of a parameter.
        d: the largest root mean square of an update.
        weight_decay: share of a parameter that a step takes away, times ``lr``.
        foreach: accepted, makes no difference.
        maximize: go up instead of down.

    Raises:
        ValueError: for a setting out of range.
    """

    _scalars = ("step",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_rate(lr, "Learning rate should be >= 0 but is")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not eps[0] >= 0.0:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not eps[1] >= 0.0:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[param]
        if not state:
            state["step"] = tensor(0.0, dtype=float32)
            if grad.dim() > 1:
                state["row_var"] = grad.new_zeros((*grad.shape[:-1], 1))
                state["col_var"] = grad.new_zeros((*grad.shape[:-2], 1, grad.shape[-1]))
            else:
                state["variance"] = zeros_like(grad)
        if group["maximize"]:
            grad = -grad
        eps1, eps2 = group["eps"]
        if eps1 is None:
            eps1 = finfo(param.dtype).eps
        state["step"] += 1
        step, lr, decay = state["step"].item(), float(group["lr"]), group["weight_decay"]
        share = step ** group["beta2_decay"]
        size = max(eps2, _length(param) / param.numel() ** 0.5)
        alpha = size * min(lr, 1 / step**0.5)
        if decay != 0:
            param.mul_(1 - lr * decay)
        if grad.dim() > 1:
            rows, columns = state["row_var"], state["col_var"]
            rows.lerp_(_mean_square(grad, -1), share)
            columns.lerp_(_mean_square(grad, -2), share)
            estimate = rows @ columns
            estimate.div_(rows.mean(-2, keepdim=True).clamp_(min=eps1))
        else:
            estimate = state["variance"].lerp_(grad * grad, share).clone()
        update = estimate.clamp_(min=eps1 * eps1).rsqrt_().mul_(grad)
        length = _length(update) / (update.numel() ** 0.5 * group["d"])
        param.add_(update, alpha=-alpha / max(1.0, length))


def _length(x: Tensor) -> float:
    return float(x.norm(2))


def _mean_square(x: Tensor, dim: int) -> Tensor:
    return x.norm(2, dim=dim, keepdim=True).square_().div_(x.shape[dim])
