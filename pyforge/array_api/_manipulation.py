"""Shapes, order, and elements by index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyforge as pf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._C import Tensor

    Axes = int | tuple[int, ...]


def broadcast_to(x: Tensor, /, shape: Sequence[int]) -> Tensor:
    """A view of ``x`` with a shape that it broadcasts to."""
    return pf.broadcast_to(x, tuple(shape))


def broadcast_arrays(*arrays: Tensor) -> tuple[Tensor, ...]:
    """Views of one common shape."""
    return tuple(pf.broadcast_tensors(arrays))


def concat(arrays: Sequence[Tensor], /, *, axis: int | None = 0) -> Tensor:
    """Arrays one after another along an axis; with None, all their elements."""
    if axis is None:
        return pf.cat([a.reshape(-1) for a in arrays])
    return pf.cat(list(arrays), axis)


def stack(arrays: Sequence[Tensor], /, *, axis: int = 0) -> Tensor:
    """Arrays side by side along a new axis."""
    return pf.stack(list(arrays), axis)


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts along an axis, without it."""
    return tuple(pf.unbind(x, axis))


def expand_dims(x: Tensor, /, axis: Axes = 0) -> Tensor:
    """``x`` with new axes of size 1 at these places of the result.

    Raises:
        IndexError: for a place beyond the result's.
        ValueError: for a place that is given twice.
    """
    places = (axis,) if isinstance(axis, int) else axis
    n = x.ndim + len(places)
    if any(not -n <= a < n for a in places):
        raise IndexError(f"expand_dims: axis {axis} is out of range for {n} dimensions")
    wrapped = sorted(a % n for a in places)
    if len(set(wrapped)) < len(wrapped):
        raise ValueError(f"expand_dims: axis {axis} has a place twice")
    for a in wrapped:
        x = x.unsqueeze(a)
    return x


def squeeze(x: Tensor, /, axis: Axes) -> Tensor:
    """``x`` without axes of size 1. ValueError if one is of another size."""
    for a in (axis,) if isinstance(axis, int) else axis:
        if x.shape[a] != 1:
            raise ValueError(f"squeeze: axis {a} has size {x.shape[a]}, expected 1")
    return pf.squeeze(x, axis)


def flip(x: Tensor, /, *, axis: Axes | None = None) -> Tensor:
    """``x`` in reverse order along the axes, or all."""
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis
    return pf.flip(x, axes)


def permute_dims(x: Tensor, /, axes: tuple[int, ...]) -> Tensor:
    """``x`` with its axes in this order."""
    return pf.permute(x, tuple(axes))


def matrix_transpose(x: Tensor, /) -> Tensor:
    """``x`` with its last two axes exchanged."""
    return x.mT


def moveaxis(x: Tensor, source: Axes, destination: Axes, /) -> Tensor:
    """``x`` with axes moved to other places."""
    return pf.movedim(x, source, destination)


def repeat(x: Tensor, repeats: int | Tensor, /, *, axis: int | None = None) -> Tensor:
    """Each element, or each part along an axis, so many times."""
    return pf.repeat_interleave(x, repeats, axis)


def tile(x: Tensor, repetitions: tuple[int, ...], /) -> Tensor:
    """``x`` so many times along each axis."""
    return pf.tile(x, tuple(repetitions))


def reshape(x: Tensor, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Tensor:
    """``x`` in another shape; ``copy=False`` raises RuntimeError where that needs a copy."""
    if copy is False:
        return x.view(tuple(shape))
    result = pf.reshape(x, tuple(shape))
    return result.clone() if copy else result


def roll(x: Tensor, /, shift: Axes, *, axis: Axes | None = None) -> Tensor:
    """``x`` with its elements moved around along the axes."""
    if axis is None:
        return pf.roll(x, shift)
    shifts = (shift,) if isinstance(shift, int) else shift
    axes = (axis,) if isinstance(axis, int) else axis
    if len(shifts) == 1:
        shifts = shifts * len(axes)
    return pf.roll(x, shifts, axes)


def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    """The parts at ``indices`` along an axis. ValueError if ``axis`` is needed and missing."""
    if axis is None:
        if x.ndim != 1:
            raise ValueError(f"take: axis is required for an array of {x.ndim} dimensions")
        axis = 0
    places = pf.where(indices < 0, indices + x.shape[axis], indices)
    return pf.index_select(x, axis, places)


def take_along_axis(x: Tensor, indices: Tensor, /, *, axis: int = -1) -> Tensor:
    """For each place of ``indices``, the element of ``x`` with that index along an axis."""
    places = pf.where(indices < 0, indices + x.shape[axis], indices)
    return pf.take_along_dim(x, places, axis)
