"""Muon."""

from __future__ import annotations

from .._C import Tensor, addmm, zeros_like
from .optimizer import PlainOptimizer, check_rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .optimizer import Params

_MOST_STEPS = 100


class Muon(PlainOptimizer):
    """Momentum whose steps are made orthogonal, for the weight matrices of hidden layers.

    Jordan et al. 2024. Other parameters go to another optimiser, such as :class:`AdamW`.

    Args:
        params: see :class:`Optimizer`; matrices.
        lr: the learning rate.
        weight_decay: share of a parameter that a step takes away, times ``lr``.
        momentum: share of the mean of the gradients that is kept.
        nesterov: look ahead along the momentum.
        ns_coefficients: of the odd polynomial that drives singular values to 1.
        eps: the smallest length of an update before division.
        ns_steps: how often the polynomial is applied.
        adjust_lr_fn: how the learning rate depends on the shape: ``"original"`` (or ``None``,
            the root of rows by columns, 1 at least) or ``"match_rms_adamw"``.

    Raises:
        ValueError: for a setting out of range, or a parameter that is not a matrix.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        check_rate(lr, "Learning rate should be >= 0 but is")
        if not momentum >= 0.0:
            raise ValueError(f"momentum should be >= 0 but is: {momentum}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight decay should be >= 0 but is: {weight_decay}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for param in group["params"]:
                if param.dim() != 2:
                    raise ValueError(
                        "Muon only supports 2D parameters whereas we found a parameter with "
                        f"size: {param.size()}"
                    )

    def _update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        lr, keep = float(group["lr"]), group["momentum"]
        state = self.state[param]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = zeros_like(grad)
        mean = state["momentum_buffer"].lerp_(grad, 1 - keep)
        update = grad.lerp(mean, keep) if group["nesterov"] else mean
        update = _orthogonal(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        param.mul_(1 - lr * group["weight_decay"])
        rate = lr * _by_shape(group["adjust_lr_fn"], *param.shape)
        param.add_(update.to(param.dtype), alpha=-rate)


def _by_shape(rule: str | None, rows: int, columns: int) -> float:
    if rule == "match_rms_adamw":
        return float(0.2 * max(rows, columns) ** 0.5)
    return float(max(1, rows / columns) ** 0.5)


def _orthogonal(
    update: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> Tensor:
    """``update`` with its singular values brought near 1 by Newton-Schulz steps, in bfloat16."""
    if steps >= _MOST_STEPS:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    tall = update.shape[0] > update.shape[1]
    x = update.bfloat16()
    if tall:
        x = x.t()
    x = x.div(x.norm().clamp(min=eps))
    for _ in range(steps):
        gram = x @ x.t()
        x = addmm(x, addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.t() if tall else x
