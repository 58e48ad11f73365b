"""New arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyforge as pf

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .._C import Tensor

    Shape = int | Sequence[int]


def asarray(
    obj: Any, /, *, dtype: pf.dtype | None = None, device: Any = None, copy: bool | None = None
) -> Tensor:
    """``obj`` as an array, on its memory where that is possible and ``copy`` is not True."""
    return pf.asarray(obj, dtype=dtype, device=device, copy=copy)


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """An array on the memory of another library's array."""
    return pf.from_dlpack(x, device=device, copy=copy)


def arange(
    start: float,
    /,
    stop: float | None = None,
    step: float = 1,
    *,
    dtype: pf.dtype | None = None,
    device: Any = None,
) -> Tensor:
    """``start``, ``start + step`` ... up to but without ``stop``; empty if there is nothing."""
    if stop is None:
        start, stop = 0, start
    if (stop - start) * step < 0:
        whole = all(isinstance(v, int) for v in (start, stop, step))
        return pf.empty(0, dtype=dtype or (pf.int64 if whole else None), device=device)
    return pf.arange(start, stop, step, dtype=dtype, device=device)


def empty(shape: Shape, *, dtype: pf.dtype | None = None, device: Any = None) -> Tensor:
    """An array whose elements may be anything."""
    return pf.empty(shape, dtype=dtype, device=device)


def zeros(shape: Shape, *, dtype: pf.dtype | None = None, device: Any = None) -> Tensor:
    """An array of zeros."""
    return pf.zeros(shape, dtype=dtype, device=device)


def ones(shape: Shape, *, dtype: pf.dtype | None = None, device: Any = None) -> Tensor:
    """An array of ones."""
    return pf.ones(shape, dtype=dtype, device=device)


def full(
    shape: Shape, fill_value: Any, *, dtype: pf.dtype | None = None, device: Any = None
) -> Tensor:
    """An array of one value."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    return pf.full(sizes, fill_value, dtype=dtype, device=device)


def empty_like(x: Tensor, /, *, dtype: pf.dtype | None = None, device: Any = None) -> Tensor:
    """``empty`` of the shape and dtype of ``x``."""
    return pf.empty_like(x, dtype=dtype, device=device)


def zeros_like(x: Tensor, /, *, dtype: pf.dtype | None = None, device: Any = None) -> Tensor:
    """``zeros`` of the shape and dtype of ``x``."""
    return pf.zeros_like(x, dtype=dtype, device=device)


def ones_like(x: Tensor, /, *, dtype: pf.dtype | None = None, device: Any = None) -> Tensor:
    """``ones`` of the shape and dtype of ``x``."""
    return pf.ones_like(x, dtype=dtype, device=device)


def full_like(
    x: Tensor, /, fill_value: Any, *, dtype: pf.dtype | None = None, device: Any = None
) -> Tensor:
    """``full`` of the shape and dtype of ``x``."""
    return pf.full_like(x, fill_value, dtype=dtype, device=device)


def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    k: int = 0,
    dtype: pf.dtype | None = None,
    device: Any = None,
) -> Tensor:
    """Ones on the ``k``-th diagonal, zeros elsewhere."""
    columns = n_rows if n_cols is None else n_cols
    result = pf.zeros(n_rows, columns, dtype=dtype, device=device)
    if -n_rows < k < columns:
        result.diagonal(k).fill_(1)
    return result


def linspace(
    start: float,
    stop: float,
    /,
    num: int,
    *,
    dtype: pf.dtype | None = None,
    device: Any = None,
    endpoint: bool = True,
) -> Tensor:
    """``num`` values at even distances."""
    if endpoint:
        return pf.linspace(start, stop, num, dtype=dtype, device=device)
    return pf.linspace(start, stop, num + 1, dtype=dtype, device=device)[:num]


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Coordinates of a grid, one array for each of the given ones."""
    return tuple(pf.meshgrid(arrays, indexing=indexing))


def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """``x`` with zeros above the ``k``-th diagonal."""
    return pf.tril(x, k)


def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """``x`` with zeros below the ``k``-th diagonal."""
    return pf.triu(x, k)
