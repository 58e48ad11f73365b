"""LU factors with partial pivoting, A = P L U.

Derivative: S. Walter and L. Lehmann, "Algorithmic differentiation of linear algebra functions with
application in optimum experimental design" (2010), for square matrices; the blocks beyond the
square by the product rule.
"""

from __future__ import annotations

import math

from .._C import Tensor, cat, empty, eye, linalg_lu_pack, linalg_solve_triangular
from ..autograd.function import Function
from ._base import LinAlgError, check_fits, check_matrix, check_same_dtype, check_square, same_batch
from ._results import LUFactorExResult, LUFactorResult, LUResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _rows(pivots: Tensor, m: int) -> Tensor:
    """Row exchanges from 1 as an order: row i of L U is row order[i] of A."""
    import numpy as np

    swaps = pivots.numpy().reshape(math.prod(pivots.shape[:-1]), pivots.shape[-1])
    order = np.tile(np.arange(m), (swaps.shape[0], 1))
    for line, row in zip(swaps, order, strict=True):
        for i, other in enumerate(line - 1):
            row[[i, other]] = row[[other, i]]
    from .._C import from_numpy

    return from_numpy(order).reshape(*pivots.shape[:-1], m)


def _permuted(t: Tensor, order: Tensor) -> Tensor:
    """Rows in the order given, for each matrix."""
    return t.take_along_dim(order.unsqueeze(-1), -2)


def _inverse(order: Tensor) -> Tensor:
    return order.argsort(-1)


def _factors(lu: Tensor) -> tuple[Tensor, Tensor]:
    m, n = lu.shape[-2:]
    k = min(m, n)
    return lu[..., :k].tril(-1) + eye(m, k, dtype=lu.dtype), lu[..., :k, :].triu()


class LinalgLUFactor(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, pivot: bool) -> tuple[Tensor, Tensor, Tensor]:
        lu, pivots, info = linalg_lu_pack(a, pivot=pivot)
        ctx.save_for_backward(lu, pivots)
        ctx.mark_non_differentiable(pivots, info)
        return lu, pivots, info

    @staticmethod
    def backward(ctx: Any, g: Tensor, *_: Any) -> tuple[Tensor, None]:
        lu, pivots = ctx.saved_tensors
        m, n = lu.shape[-2:]
        k = min(m, n)
        low, up = _factors(lu)
        gl, gu = g[..., :k].tril(-1), g[..., :k, :].triu()
        l1, u1 = low[..., :k, :], up[..., :k]
        left, right = l1.mT @ gl[..., :k, :], gu[..., :k] @ u1.mT
        if m < n:
            left = left - gu[..., k:] @ up[..., k:].mT
        if m > n:
            right = right - low[..., k:, :].mT @ gl[..., k:, :]
        middle = left.tril(-1) + right.triu()
        ga = linalg_solve_triangular(l1.mT, middle, upper=True, unitriangular=True)
        ga = linalg_solve_triangular(u1.mT, ga, upper=False, left=False)
        if m < n:
            rest = linalg_solve_triangular(l1.mT, gu[..., k:], upper=True, unitriangular=True)
            ga = cat([ga, rest], -1)
        if m > n:
            rest = linalg_solve_triangular(u1.mT, gl[..., k:, :], upper=False, left=False)
            ga = cat([ga, rest], -2)
        return _permuted(ga, _inverse(_rows(pivots, m))), None


def _factor(a: Tensor, pivot: bool) -> tuple[Tensor, Tensor, Tensor]:
    result: tuple[Tensor, Tensor, Tensor] = LinalgLUFactor.apply(a, pivot)
    return result


def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> LUFactorExResult:
    """lu_factor() with ``info`` (int32): 0 or the first zero pivot from 1."""
    check_matrix("lu_factor_ex", A)
    lu, pivots, info = _factor(A, pivot)
    if check_errors and bool(info.any()):
        raise LinAlgError(_zero_pivot(info))
    return LUFactorExResult(lu, pivots, info)


def _zero_pivot(info: Tensor) -> str:
    i = int(info[info != 0][0].item())
    return (
        f"linalg.lu_factor: U[{i},{i}] is zero and using it on lu_solve would result in a division "
        "by zero. If you still want to perform the factorization, consider calling "
        "linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
    )


def lu_factor(A: Tensor, *, pivot: bool = True) -> LUFactorResult:
    """L (unit lower) and U (upper) of P L U = A ``[*, m, n]`` in one matrix, and row exchanges.

    Args:
        A: matrices ``[*, m, n]``.
        pivot: exchange rows for stability; without it, no row moves.

    Returns:
        LU ``[*, m, n]`` and pivots (int32, ``[*, min(m, n)]``): row i was exchanged with row
        pivots[i] - 1, in order.

    Raises:
        LinAlgError: if a pivot is zero.
    """
    check_matrix("lu_factor", A)
    packed, pivots, info = _factor(A, pivot)
    if bool(info.any()):
        raise LinAlgError(_zero_pivot(info))
    return LUFactorResult(packed, pivots)


def lu_unpack(
    LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True
) -> LUResult:
    """P ``[*, m, m]``, L ``[*, m, k]`` and U ``[*, k, n]`` of what lu_factor returned."""
    none = empty(0, dtype=LU_data.dtype)
    p = low = up = none
    m = LU_data.shape[-2]
    if unpack_pivots:
        identity = eye(m, dtype=LU_data.dtype).expand(*LU_data.shape[:-2], m, m)
        p = _permuted(identity, _inverse(_rows(LU_pivots, m)))
    if unpack_data:
        low, up = _factors(LU_data)
    return LUResult(p, low, up)


def lu(A: Tensor, *, pivot: bool = True) -> LUResult:
    """P, L and U with A = P L U: a permutation, unit lower and upper triangular.

    Without ``pivot`` P is empty.
    """
    check_matrix("lu", A)
    packed, pivots, _ = _factor(A, pivot)
    return lu_unpack(packed, pivots, True, pivot)


def lu_solve(
    LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False
) -> Tensor:
    """X with A X = B from lu_factor(A); X A = B without ``left``, A^T for A with ``adjoint``."""
    check_square("lu_solve", LU, "LU")
    check_same_dtype("lu_solve", LU, B)
    check_fits("lu_solve", LU, B, left)
    if not left:
        return lu_solve(LU, pivots, B.mT, adjoint=not adjoint).mT
    order = _rows(pivots, LU.shape[-1])
    factors, x = same_batch(LU, B)
    order = order.expand(*factors.shape[:-2], order.shape[-1])
    if adjoint:
        x = linalg_solve_triangular(factors.mT, x, upper=False)
        x = linalg_solve_triangular(factors.mT, x, upper=True, unitriangular=True)
        return _permuted(x, _inverse(order))
    x = linalg_solve_triangular(factors, _permuted(x, order), upper=False, unitriangular=True)
    return linalg_solve_triangular(factors, x, upper=True)


def lu_solve_of(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """The older form of linalg.lu_solve, with the right-hand sides first."""
    return lu_solve(LU_data, LU_pivots, b)


def lu_of(
    A: Tensor, pivot: bool = True, get_infos: bool = False
) -> LUFactorResult | LUFactorExResult:
    """The older form of linalg.lu_factor_ex: LU and pivots, and with ``get_infos`` the infos."""
    result = lu_factor_ex(A, pivot=pivot)
    return result if get_infos else LUFactorResult(result.LU, result.pivots)
