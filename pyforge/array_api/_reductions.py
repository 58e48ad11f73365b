"""Sums, extremes, order and sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyforge as pf

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._C import Tensor

    Axes = int | tuple[int, ...] | None


def _axes(x: Tensor, axis: Axes) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(x.ndim))
    axes = (axis,) if isinstance(axis, int) else axis
    for a in axes:
        if not -x.ndim <= a < x.ndim:
            raise IndexError(f"axis {a} is out of range for {x.ndim} dimensions")
    return tuple(a % x.ndim for a in axes)


def _one_by_one(
    function: Callable[..., Any], x: Tensor, axes: tuple[int, ...], keepdims: bool
) -> Tensor:
    for a in sorted(axes, reverse=True):
        x = function(x, a, keepdims)
    return x


def sum(
    x: Tensor, /, *, axis: Axes = None, dtype: pf.dtype | None = None, keepdims: bool = False
) -> Tensor:
    """Sums; of integers and bools in int64."""
    axes = _axes(x, axis)
    if not axes:
        return x.to(dtype or pf.sum(x[..., None], -1).dtype)
    return pf.sum(x, axes, keepdims, dtype=dtype)


def prod(
    x: Tensor, /, *, axis: Axes = None, dtype: pf.dtype | None = None, keepdims: bool = False
) -> Tensor:
    """Products; of integers and bools in int64."""
    result = x if dtype is None else x.to(dtype)
    axes = _axes(x, axis)
    if not axes:
        return result.to(dtype or pf.prod(x[..., None], -1).dtype)
    result = _one_by_one(pf.prod, result, axes, keepdims)
    return result.to(dtype) if dtype is not None else result


def mean(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Means."""
    axes = _axes(x, axis)
    return pf.mean(x, axes, keepdims) if axes else x.clone()


def var(
    x: Tensor, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """Variances; the divisor is the number of elements minus ``correction``."""
    axes = _axes(x, axis)
    if axes and correction == int(correction):
        return pf.var(x, axes, correction=int(correction), keepdim=keepdims)
    n = 1
    for a in axes:
        n *= x.shape[a]
    centred = x - mean(x, axis=axes, keepdims=True)
    return sum(centred * centred, axis=axes, keepdims=keepdims) / (n - correction)


def std(
    x: Tensor, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """Standard deviations; see :func:`var`."""
    axes = _axes(x, axis)
    if axes and correction == int(correction):
        return pf.std(x, axes, correction=int(correction), keepdim=keepdims)
    return pf.sqrt(var(x, axis=axes, correction=correction, keepdims=keepdims))


def max(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Largest elements."""
    axes = _axes(x, axis)
    return pf.amax(x, axes, keepdims) if axes else x.clone()


def min(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Smallest elements."""
    axes = _axes(x, axis)
    return pf.amin(x, axes, keepdims) if axes else x.clone()


def all(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether all elements are true."""
    return _one_by_one(pf.all, x.to(pf.bool), _axes(x, axis), keepdims)


def any(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether some element is true."""
    return _one_by_one(pf.any, x.to(pf.bool), _axes(x, axis), keepdims)


def count_nonzero(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """How many elements are not zero."""
    return sum((x != 0).to(pf.int64), axis=axis, keepdims=keepdims)


def _position(
    function: Callable[..., Tensor], x: Tensor, axis: int | None, keepdims: bool
) -> Tensor:
    if axis is not None:
        return function(x, axis, keepdims)
    result = function(x.reshape(-1), 0)
    return result.reshape((1,) * x.ndim) if keepdims else result


def argmax(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Index of the largest element; the first of equal ones."""
    return _position(pf.argmax, x, axis, keepdims)


def argmin(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Index of the smallest element; the first of equal ones."""
    return _position(pf.argmin, x, axis, keepdims)


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """Indices of the elements that are not zero, one array per axis. ValueError for 0-d."""
    if x.ndim == 0:
        raise ValueError("nonzero: the array has no dimensions")
    return tuple(pf.nonzero(x, as_tuple=True))


def searchsorted(
    x1: Tensor, x2: Tensor, /, *, side: str = "left", sorter: Tensor | None = None
) -> Tensor:
    """Where in the sorted ``x1`` the elements of ``x2`` belong."""
    if sorter is not None:
        x1 = x1[sorter]
    return pf.searchsorted(x1, x2, right=side == "right")


def argsort(
    x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Tensor:
    """Indices that sort ``x`` along an axis."""
    return pf.argsort(x, axis, descending, stable=stable)


def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """``x`` sorted along an axis."""
    return pf.sort(x, dim=axis, descending=descending, stable=stable)[0]


def _cumulative(
    function: Callable[..., Tensor],
    x: Tensor,
    axis: int | None,
    dtype: pf.dtype | None,
    first: int | None,
) -> Tensor:
    if axis is None:
        if x.ndim > 1:
            raise ValueError(f"axis is required for an array of {x.ndim} dimensions")
        axis = 0
    scalar = x.ndim == 0
    result = function(x.reshape(1) if scalar else x, axis, dtype=dtype)
    if first is not None:
        shape = list(result.shape)
        shape[axis] = 1
        result = pf.cat([pf.full(shape, first, dtype=result.dtype), result], axis)
    return result


def cumulative_sum(
    x: Tensor,
    /,
    *,
    axis: int | None = None,
    dtype: pf.dtype | None = None,
    include_initial: bool = False,
) -> Tensor:
    """Sums up to each place; with ``include_initial``, a zero before."""
    return _cumulative(pf.cumsum, x, axis, dtype, 0 if include_initial else None)


def cumulative_prod(
    x: Tensor,
    /,
    *,
    axis: int | None = None,
    dtype: pf.dtype | None = None,
    include_initial: bool = False,
) -> Tensor:
    """Products up to each place; with ``include_initial``, a one before."""
    return _cumulative(pf.cumprod, x, axis, dtype, 1 if include_initial else None)


def diff(
    x: Tensor,
    /,
    *,
    axis: int = -1,
    n: int = 1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """Differences of neighbours, ``n`` times over."""
    return pf.diff(x, n, axis, prepend, append)


class UniqueAll(NamedTuple):
    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    values: Tensor
    inverse_indices: Tensor


def unique_all(x: Tensor, /) -> UniqueAll:
    """The different values, where each is first, which one each element is, how many of each."""
    values, inverse, counts = pf.unique(x, return_inverse=True, return_counts=True)
    order = pf.argsort(inverse.reshape(-1), stable=True)
    first = order[pf.cumsum(counts, 0) - counts]
    return UniqueAll(values, first, inverse.reshape(x.shape), counts)


def unique_counts(x: Tensor, /) -> UniqueCounts:
    """The different values, and how many of each."""
    values, counts = pf.unique(x, return_counts=True)
    return UniqueCounts(values, counts)


def unique_inverse(x: Tensor, /) -> UniqueInverse:
    """The different values, and which one each element is."""
    values, inverse = pf.unique(x, return_inverse=True)
    return UniqueInverse(values, inverse.reshape(x.shape))


def unique_values(x: Tensor, /) -> Tensor:
    """The different values, sorted."""
    result: Tensor = pf.unique(x)
    return result
