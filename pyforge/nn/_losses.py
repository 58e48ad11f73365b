"""Losses that are made of other operations."""

from __future__ import annotations

import math
import warnings

from .. import _C
from .._C import (
    Tensor,
    as_tensor,
    clamp_min,
    exp,
    int64,
    log,
    logsigmoid,
    minimum,
    ones_like,
    where,
    zeros_like,
)
from ..autograd.grad_mode import no_grad
from ._similarity import pairwise_distance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Lengths = Tensor | Sequence[int]


def reduction_of(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction that the two retired arguments stand for, or ``reduction``, checked."""
    if size_average is not None or reduce is not None:
        mean = size_average is None or size_average
        reduction = "none" if reduce is False else "mean" if mean else "sum"
        warnings.warn(
            "size_average and reduce args will be deprecated, please use "
            f"reduction='{reduction}' instead.",
            stacklevel=4,
        )
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def _reduced(loss: Tensor, reduction: str) -> Tensor:
    return loss if reduction == "none" else loss.sum() if reduction == "sum" else loss.mean()


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``max(0, margin - target * (input1 - input2))``; target is 1 or -1.

    Raises RuntimeError if the tensors differ in their number of dimensions.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    return _reduced(clamp_min(margin - target * (input1 - input2), 0), reduction)


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``input`` where target is 1, ``max(0, margin - input)`` where it is -1."""
    reduction = reduction_of(size_average, reduce, reduction)
    zero = zeros_like(input)
    near = where(target != 1, clamp_min(margin - input, 0), zero)
    far = where(target != -1, input, zero)
    return _reduced(near + far, reduction)


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``log(1 + exp(-target * input))``, without overflow; target is 1 or -1."""
    reduction = reduction_of(size_average, reduce, reduction)
    return _reduced(-logsigmoid(target * input), reduction)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``1 - cos`` where target is 1, ``max(0, cos - margin)`` where it is -1.

    Shapes: inputs ``[N, D]`` with target ``[N]``, or ``[D]`` with a scalar target.
    Raises RuntimeError for other shapes.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if target.dim() not in (0, 1):
        raise RuntimeError(
            f"0D or 1D target tensor expected, multi-target not supported; got {target.dim()}D"
        )
    dims = target.dim() + 1
    if input1.dim() != dims or input2.dim() != dims:
        raise RuntimeError(
            f"{target.dim()}D target tensor expects {dims}D input tensors, but found inputs with "
            f"sizes {list(input1.shape)} and {list(input2.shape)}."
        )
    tiny = 1e-12
    product = (input1 * input2).sum(-1)
    squares = (input1.square().sum(-1) + tiny) * (input2.square().sum(-1) + tiny)
    cos = product / squares.sqrt()
    zero = zeros_like(cos)
    alike = where(target == 1, 1 - cos, zero)
    apart = where(target == -1, clamp_min(cos - margin, 0), zero)
    return _reduced(alike + apart, reduction)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-likelihood of counts under a Poisson distribution, up to a constant.

    Args:
        input: the rate, or its logarithm if ``log_input``.
        target: the counts.
        log_input: ``exp(input) - target * input``, else ``input - target * log(input + eps)``.
        full: add Stirling's approximation of ``log(target!)`` where target exceeds 1.
        size_average, reduce: retired, see ``reduction``.
        eps: keeps the logarithm finite.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    loss = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        large = where(target > 1, target, ones_like(target))
        stirling = target * log(large) - target + 0.5 * log(2 * math.pi * large)
        loss = loss + where(target > 1, stirling, zeros_like(stirling))
    return _reduced(loss, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-likelihood of ``target`` under normal distributions.

    Args:
        input: the expectations.
        target: the observations.
        var: the variances: shaped like ``input``, with a last size of 1 or without it, or a number;
            not below ``eps`` (its gradient passes there all the same).
        full: add the constant ``log(2 pi) / 2``.
        eps: the least variance.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ValueError: for a negative variance or one of another shape.
    """
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = var * ones_like(input)
    elif bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    if var.shape != input.shape:
        if input.shape[:-1] == var.shape:
            var = var.unsqueeze(-1)
        elif (
            input.dim() != var.dim()
            or sum(b for a, b in zip(input.shape, var.shape, strict=True) if a != b) != 1
        ):
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    var = var.clone()
    with no_grad():
        var.clamp_(min=eps)
    loss = 0.5 * (log(var) + (input - target).square() / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return _reduced(loss, reduction)


def _classes(op: str, input: Tensor, target: Tensor) -> None:
    if input.dim() not in (1, 2) or input.size(-1) == 0:
        raise RuntimeError(
            f"{op}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(input.shape)}"
        )
    if target.dtype != int64:
        raise RuntimeError(f"{op}: expected scalar type Long for target, got {target.dtype}")


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``sum over i != t of max(0, margin - x[t] + x[i])^p / C``, times ``weight[t]``.

    Shapes: input ``[N, C]`` or ``[C]``, target of classes ``[N]`` or a scalar, weight ``[C]``.

    Raises:
        ValueError: if p is neither 1 nor 2, or ``weight`` not a vector.
        RuntimeError: for other shapes, or a target that is no class.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    _classes("multi_margin_loss", input, target)
    classes = input.size(-1)
    rows = input.reshape(-1, classes)
    labels = target.reshape(-1)
    if labels.numel() != rows.size(0):
        raise RuntimeError(
            f"inconsistent target size, expected {rows.size(0)} but got {list(target.shape)}"
        )
    if weight is not None and weight.numel() != classes:
        raise RuntimeError(
            f"inconsistent weight size, expected {classes} but got {list(weight.shape)}"
        )
    if bool(((labels < 0) | (labels >= classes)).any()):
        raise RuntimeError("multi_margin_loss: target out of range")
    own = labels.unsqueeze(1)
    z = clamp_min(margin - rows.gather(1, own) + rows, 0)
    if p == 2:
        z = z.square()
    if weight is not None:
        z = z * weight.index_select(0, labels).unsqueeze(1)
    loss = z.scatter(1, own, 0).sum(1) / classes
    return _reduced(loss.reshape(()) if input.dim() < 2 else loss, reduction)


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``sum over labels j and classes i that are none of max(0, 1 - x[j] + x[i]) / C``.

    Shapes: input ``[N, C]`` or ``[C]``; target likewise: the labels, then -1.
    Raises RuntimeError for other shapes, or labels that are no class.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    _classes("multilabel_margin_loss", input, target)
    if target.shape != input.shape:
        raise RuntimeError(
            f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}"
        )
    classes = input.size(-1)
    if bool((target >= classes).any()) or bool((target < -1).any()):
        raise RuntimeError("multilabel_margin_loss: target out of range")
    rows, labels = input.reshape(-1, classes), target.reshape(-1, classes)
    used = (labels >= 0).to(int64).cumprod(1) == 1  # up to the first -1
    index = where(used, labels, zeros_like(labels))
    count = zeros_like(labels).scatter_add(1, index, used.to(int64))
    others = (count == 0).unsqueeze(1)
    pairs = clamp_min(1 - rows.gather(1, index).unsqueeze(2) + rows.unsqueeze(1), 0)
    pairs = where(used.unsqueeze(2) & others, pairs, zeros_like(pairs))
    loss = pairs.sum((1, 2)) / classes
    return _reduced(loss.reshape(()) if input.dim() < 2 else loss, reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross-entropy of logits, averaged over the classes (the last dimension)."""
    reduction = reduction_of(size_average, reduce, reduction)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return _reduced(loss.sum(-1) / input.size(-1), reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """``max(0, margin + d(anchor, positive) - d(anchor, negative))``.

    Args:
        anchor, positive, negative: tensors with the same number of dimensions.
        distance_function: d, by default :func:`pairwise_distance`.
        margin: how much farther the negative should be.
        swap: use ``d(positive, negative)`` where it is smaller.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ValueError: if the margin is not positive.
        RuntimeError: if the tensors differ in their number of dimensions.
    """
    reduction = reduction_of(None, None, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    dims = anchor.dim(), positive.dim(), negative.dim()
    if not dims[0] == dims[1] == dims[2]:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {dims[0]}D, positive {dims[1]}D, and negative "
            f"{dims[2]}D inputs"
        )
    d = distance_function or pairwise_distance
    near, far = d(anchor, positive), d(anchor, negative)
    if swap:
        far = minimum(far, d(positive, negative))
    return _reduced(clamp_min(margin + near - far, 0), reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """:func:`triplet_margin_with_distance_loss` with the p-norm as distance."""
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda a, b: pairwise_distance(a, b, p, eps),
        margin=margin,
        swap=swap,
        reduction=reduction_of(size_average, reduce, reduction),
    )


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Connectionist temporal classification: minus the log-probability of all alignments.

    Args:
        log_probs: log-probabilities ``[T, N, C]``, or ``[T, C]`` for one sequence.
        targets: labels ``[N, S]``, or all one after another in one dimension.
        input_lengths: ``[N]``, at most T.
        target_lengths: ``[N]``.
        blank: the label that stands for nothing.
        reduction: ``"mean"`` divides every loss by the length of its target (1 at least) first.
        zero_infinity: where a target is too long to be aligned, the loss and its gradient are 0
            instead of infinite.

    As in PyTorch the gradient with respect to ``log_probs`` is that of ``log_softmax`` before it;
    there is no second derivative. The formula is that of Graves et al. 2006.

    Raises:
        RuntimeError: for lengths or shapes that do not fit.
        IndexError: for a target that is no class.
    """
    reduction = reduction_of(None, None, reduction)
    single = log_probs.dim() == 2
    inputs, outputs = (
        t.reshape(-1) if t.dim() == 0 else t
        for t in (as_tensor(input_lengths), as_tensor(target_lengths))
    )
    if single:
        log_probs = log_probs.unsqueeze(1)
    losses = _C._ctc_losses(log_probs, targets, inputs, outputs, blank, zero_infinity)
    if reduction == "mean":
        return (losses / clamp_min(outputs, 1).to(losses.dtype)).mean()
    if reduction == "sum":
        return losses.sum()
    return losses.squeeze(0) if single else losses
