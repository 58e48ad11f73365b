"""Symmetric indefinite matrices: A = L D L' by Bunch and Kaufman's pivoting (1977)."""

from __future__ import annotations

import math
from collections import namedtuple

from .._C import Tensor, from_numpy, int32, linalg_solve_triangular
from .._functions import broadcast_shapes
from ._base import LinAlgError, check_square

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LDLFactorResult = namedtuple("LDLFactorResult", ["LD", "pivots"])
LDLFactorExResult = namedtuple("LDLFactorExResult", ["LD", "pivots", "info"])

_ALPHA = (1 + math.sqrt(17)) / 8


def _swap(a: Any, i: int, j: int, k: int) -> None:
    """Exchange rows and columns ``i < j`` of the symmetric lower triangle from ``k`` on."""
    lower = a[j + 1 :, i].copy()
    a[j + 1 :, i], a[j + 1 :, j] = a[j + 1 :, j], lower
    between = a[i + 1 : j, i].copy()
    a[i + 1 : j, i], a[j, i + 1 : j] = a[j, i + 1 : j], between
    a[i, i], a[j, j] = a[j, j], a[i, i]
    if k < i:
        a[i, k], a[j, k] = a[j, k], a[i, k]


def _factor(a: Any, pivots: Any) -> int:
    """In place, on the lower triangle, in the layout of LAPACK's sytrf; returns its info."""
    import numpy as np

    n, k, info = len(a), 0, 0
    while k < n:
        here, step, other = abs(a[k, k]), 1, k
        below = np.abs(a[k + 1 :, k])
        largest = below.max(initial=0.0)
        if not max(here, largest) > 0:
            info = info or k + 1
        elif here < _ALPHA * largest:
            j = k + 1 + int(below.argmax())
            row = max(np.abs(a[j, k:j]).max(), np.abs(a[j + 1 :, j]).max(initial=0.0))
            if here >= _ALPHA * largest * (largest / row):
                pass
            elif abs(a[j, j]) >= _ALPHA * row:
                other = j
            else:
                other, step = j, 2
        last = k + step - 1
        if other != last:
            _swap(a, last, other, k)
        rest = slice(k + step, n)
        if step == 1:
            if max(here, largest) > 0:
                column = a[rest, k] / a[k, k]
                a[rest, rest] -= np.tril(np.outer(column, a[rest, k]))
                a[rest, k] = column
            pivots[k] = other + 1
        else:
            block = a[k : k + 2, k : k + 2].copy()
            block[0, 1] = block[1, 0]
            columns = np.linalg.solve(block, a[rest, k : k + 2].T).T
            a[rest, rest] -= np.tril(columns @ a[rest, k : k + 2].T)
            a[rest, k : k + 2] = columns
            pivots[k : k + 2] = -(other + 1)
        k += step
    return info


def ldl_factor_ex(
    A: Tensor, *, hermitian: bool = False, check_errors: bool = False
) -> LDLFactorExResult:
    """:func:`ldl_factor` that reports a zero pivot in ``info`` (its number from 1) instead."""
    import numpy as np

    check_square("ldl_factor_ex", A)
    n = A.shape[-1]
    factors = np.tril(A.detach().numpy()).reshape(math.prod(A.shape[:-2]), n, n)
    pivots = np.zeros(factors.shape[:2], np.int32)
    infos = [_factor(a, p) for a, p in zip(factors, pivots, strict=True)]
    batch = tuple(A.shape[:-2])
    info = from_numpy(np.array(infos, np.int32).reshape(batch))
    if check_errors and any(infos):
        raise LinAlgError(
            f"linalg.ldl_factor_ex: the pivot {max(infos)} is zero: the matrix is singular"
        )
    return LDLFactorExResult(
        from_numpy(factors.reshape(*batch, n, n)), from_numpy(pivots.reshape(*batch, n)), info
    )


def ldl_factor(A: Tensor, *, hermitian: bool = False) -> LDLFactorResult:
    """Factors of symmetric matrices that need not be definite.

    Args:
        A: ``[..., n, n]``; the lower triangle is read.
        hermitian: makes no difference, as no dtype is complex.

    Returns:
        ``LD``: D in the diagonal (and next to it for blocks of 2), L below it; ``pivots``, int32
        ``[..., n]``, as LAPACK's sytrf gives them. They have no derivative.

    Raises:
        LinAlgError: if a pivot is zero.
        RuntimeError: if ``A`` is not square, or no floating-point tensor.
    """
    return LDLFactorResult(*ldl_factor_ex(A, hermitian=hermitian, check_errors=True)[:2])


def _unpacked(a: Any, pivots: Any) -> tuple[Any, Any, Any]:
    """The order of rows, L and the inverse of D."""
    import numpy as np

    n, k = len(a), 0
    lower, inverse, order = np.tril(a, -1), np.zeros_like(a), np.arange(n)
    while k < n:
        step = 1 if pivots[k] > 0 else 2
        i, j = k + step - 1, abs(int(pivots[k])) - 1
        if i != j:
            lower[[i, j], :k] = lower[[j, i], :k]
            order[[i, j]] = order[[j, i]]
        block = a[k : k + step, k : k + step].copy()
        if step == 2:
            block[0, 1] = block[1, 0]
            lower[k + 1, k] = 0
        inverse[k : k + step, k : k + step] = np.linalg.inv(block)
        k += step
    return order, lower + np.eye(n, dtype=a.dtype), inverse


def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False) -> Tensor:
    """X of ``A X = B``, ``A`` as :func:`ldl_factor` left it.

    Args:
        LD: ``[..., n, n]``.
        pivots: ``[..., n]``.
        B: ``[..., n, k]``; its derivative is known, that of the factors is not.
        hermitian: makes no difference.

    Raises:
        RuntimeError: if shapes or dtypes do not fit.
        LinAlgError: if a pivot is zero.
    """
    import numpy as np

    name, n = "torch.linalg.ldl_solve", LD.shape[-1]
    if B.dim() < 2:
        raise RuntimeError(f"{name}: Expected B to have at least 2 dimensions, got {B.dim()}")
    if LD.shape[-2] != n or B.shape[-2] != n:
        raise RuntimeError(
            f"Incompatible matrix sizes for {name}: each A matrix is {LD.shape[-2]} by {n} but "
            f"each b matrix is {B.shape[-2]} by {B.shape[-1]}"
        )
    if pivots.is_floating_point():
        raise RuntimeError(f"{name}: Expected pivots to be integers. Got {pivots.dtype}")
    if LD.dtype != B.dtype:
        raise RuntimeError(
            f"{name}: Expected LD and B to have the same dtype, got {LD.dtype} and {B.dtype}"
        )
    batch = broadcast_shapes(LD.shape[:-2], B.shape[:-2])
    count = math.prod(batch)
    packed = LD.detach().expand((*batch, n, n)).reshape(count, n, n).numpy()
    swaps = pivots.to(int32).expand((*batch, n)).reshape(count, n).numpy()
    try:
        parts = [_unpacked(a, p) for a, p in zip(packed, swaps, strict=True)]
    except np.linalg.LinAlgError:
        raise LinAlgError(f"{name}: a pivot is zero: the matrix is singular") from None
    orders, lowers, inverses = (np.array([p[i] for p in parts]) for i in (0, 1, 2))
    order = from_numpy(orders.reshape(*batch, n, 1).astype(np.int64))
    lower = from_numpy(lowers.reshape(*batch, n, n))
    inverse = from_numpy(inverses.reshape(*batch, n, n))
    b = B.expand((*batch, n, B.shape[-1]))
    y = linalg_solve_triangular(lower, b.take_along_dim(order, -2), upper=False, unitriangular=True)
    x = linalg_solve_triangular(lower.mT, inverse @ y, upper=True, unitriangular=True)
    return x.take_along_dim(order.argsort(-2), -2)
