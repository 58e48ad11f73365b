"""Cross-entropy of logits that a linear map makes."""

from __future__ import annotations

from dataclasses import dataclass

from .. import _C
from .._C import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal


@dataclass(slots=True, frozen=True)
class LinearCrossEntropyOptions:
    """How PyTorch divides the work to save memory; accepted, makes no difference."""

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: Literal["accurate", "balanced", "compact", "auto"] = "auto"


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: LinearCrossEntropyOptions | None = None,
) -> Tensor:
    """``cross_entropy(linear(input, linear_weight, linear_bias), target)``.

    Args:
        input: ``[in]`` or ``[N, in]``.
        linear_weight: ``[C, in]``, or ``[C, d1, ..., in]`` for logits ``[N, C, d1, ...]``.
        target: classes ``[N, d1, ...]``, int64, or probabilities shaped like the logits.
        linear_bias: ``[C, d1, ...]``.
        weight: one factor per class ``[C]``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        ignore_index: classes that do not count; -100 by default.
        label_smoothing: the share of each target that is spread over all classes.
        options: makes no difference.

    Raises:
        RuntimeError: if the shapes do not fit.
    """
    shape, features = tuple(linear_weight.shape[:-1]), linear_weight.shape[-1]
    if input.shape[-1] != features or input.dim() not in (1, 2):
        raise RuntimeError(
            f"linear_cross_entropy: expected input [{features}] or [N, {features}], got "
            f"{tuple(input.shape)}"
        )
    if len(shape) > 1 and input.dim() == 1:
        raise RuntimeError("linear_cross_entropy: multi-dimensional weights need input [N, in]")
    bias = None if linear_bias is None else linear_bias.reshape(-1)
    logits = _C.linear(input, linear_weight.reshape(-1, features), bias)
    if input.dim() == 2:
        logits = logits.reshape(-1, *shape)
    return _C.cross_entropy(
        logits,
        target,
        weight,
        ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )
