"""Sums, means and maxima of the rows of a table."""

from __future__ import annotations

from .. import _C
from .._C import Tensor, arange, cat, full, int64, where, zeros
from ..autograd.grad_mode import no_grad


def _renormalise(weight: Tensor, rows: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows named down to a norm of ``max_norm``, in place."""
    with no_grad():
        named = zeros((weight.size(0),)).index_fill(0, rows, 1) != 0
        index = named.nonzero().squeeze(1)
        chosen = weight[index]
        norms = chosen.norm(norm_type, 1, True)
        scale = where(norms > max_norm, max_norm / (norms + 1e-7), _C.ones_like(norms))
        weight.index_copy_(0, index, chosen * scale)


def _bags(offsets: Tensor, count: int, include_last: bool) -> tuple[Tensor, Tensor]:
    """Lengths of the bags, and the bag of every one of ``count`` indices."""
    if offsets.numel() and int(offsets[0]) != 0:
        raise RuntimeError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
            f"position 0. However, got {int(offsets[0])}"
        )
    if include_last:
        if offsets.numel() == 0:
            raise RuntimeError("include_last_offset: numBags should be at least 1")
        ends, starts = offsets[1:], offsets[:-1]
    else:
        ends, starts = cat([offsets[1:], _C.tensor([count])]), offsets
    lengths = ends - starts
    if bool((lengths < 0).any()) or (offsets.numel() and int(offsets[-1]) > count):
        raise RuntimeError(
            f"offsets must not decrease nor exceed the number of indices, {count}; got "
            f"{offsets.tolist()}"
        )
    if starts.numel() == 0:
        return lengths, zeros((0,), dtype=int64)
    marks = zeros((count + 1,), dtype=int64)
    marks = marks.index_add(0, starts, _C.ones_like(starts))
    return lengths, marks[:count].cumsum(0) - 1


def _largest(rows: Tensor, keep: Tensor, bag: Tensor, lengths: Tensor) -> Tensor:
    """The maximum per bag of the rows to keep; 0 for bags without any."""
    bags, width = lengths.numel(), rows.size(1)
    longest = int(lengths.max()) if bags else 0
    if longest == 0:
        return rows.new_zeros((bags, width)) + rows.sum() * 0
    starts = lengths.cumsum(0) - lengths
    place = bag * longest + (arange(bag.numel()) - starts[bag])
    lowest = full((bags * longest, width), -float("inf"), dtype=rows.dtype)
    kept = keep.nonzero().squeeze(1)
    filled = lowest.index_copy(0, place[kept], rows[kept])
    values = filled.reshape(bags, longest, width).max(1)[0]
    used = zeros((bags,), dtype=int64).index_add(0, bag, keep.to(int64)).unsqueeze(1) > 0
    return where(used, values, _C.zeros_like(values))


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum of the rows of ``weight`` that each bag of indices names.

    Args:
        input: indices: one bag per row ``[B, L]``, or all bags one after another ``[N]``.
        weight: the table ``[rows, D]``.
        offsets: for a 1-d input, where each bag begins.
        max_norm: scale the rows used down to this norm first, in place.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide a row's gradient by how often it is used; not with ``"max"``.
        mode: ``"sum"``, ``"mean"`` or ``"max"``.
        sparse: accepted; gradients are dense.
        per_sample_weights: a factor per index, with ``"sum"``.
        include_last_offset: the last offset is the end of the last bag.
        padding_idx: a row that does not count.

    Returns:
        ``[B, D]``; zeros for an empty bag.

    Raises:
        ValueError: for shapes or modes that make no sense.
        NotImplementedError: for ``per_sample_weights`` with another mode than ``"sum"``.
        RuntimeError, IndexError: for offsets or indices out of range.
    """
    if per_sample_weights is not None and input.shape != per_sample_weights.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then "
            f"it must have the same shape as the input ({input.shape})"
        )
    if weight.dim() != 2:
        raise ValueError(
            f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.dim()}"
        )
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch "
                f"of fixed length sequences. However, found offsets of type {type(offsets)}"
            )
        count, length = input.shape
        lengths = full((count,), length, dtype=int64)
        bag = arange(count).unsqueeze(1).expand(count, length).reshape(-1)
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights.reshape(-1)
        input = input.reshape(-1)
    elif input.dim() == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        if offsets.dim() != 1:
            raise ValueError("offsets has to be a 1D Tensor")
        lengths, bag = _bags(offsets.to(int64), input.numel(), include_last_offset)
        if include_last_offset:  # what follows the last offset is in no bag
            input, bag = input[: int(offsets[-1])], bag[: int(offsets[-1])]
            if per_sample_weights is not None:
                per_sample_weights = per_sample_weights[: input.numel()]
    else:
        raise ValueError(
            f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}"
        )
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and (scale_grad_by_freq or sparse):
        what = "sparse weights" if sparse else "scaling the gradient by the frequency"
        raise ValueError(f"max mode does not support {what}")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported "
            f"for mode='sum' (got mode='{mode}')."
        )
    if max_norm is not None:
        _renormalise(weight, input.to(int64), max_norm, norm_type)
    if padding_idx is not None:
        if not -weight.size(0) <= padding_idx < weight.size(0):
            raise RuntimeError(
                f"padding_idx must be within the number of embeddings, -{weight.size(0)} through "
                f"{weight.size(0) - 1} but got {padding_idx}"
            )
        padding_idx %= weight.size(0)
    rows = _C.embedding(input, weight, padding_idx, scale_grad_by_freq=scale_grad_by_freq)
    counts = input != (-1 if padding_idx is None else padding_idx)
    if mode == "max":
        return _largest(rows, counts, bag, lengths)
    if padding_idx is not None:
        rows = where(counts.unsqueeze(1), rows, _C.zeros_like(rows))
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.unsqueeze(1)
    total = rows.new_zeros((lengths.numel(), rows.size(1))).index_add(0, bag, rows)
    if mode == "sum":
        return total
    used = zeros((lengths.numel(),), dtype=int64).index_add(0, bag, counts.to(int64))
    return total / used.clamp_min(1).to(total.dtype).unsqueeze(1)
