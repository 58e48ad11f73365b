"""Square matrices: inverse, determinant, systems of equations, Cholesky factors."""

from __future__ import annotations

from .._C import (
    Tensor,
    eye,
    linalg_cholesky_ex,
    linalg_det_values,
    linalg_inv_ex,
    linalg_slogdet,
    linalg_solve_ex,
    linalg_solve_triangular,
    stack,
    where,
)
from ..autograd.function import Function
from ._base import LinAlgError, check_fits, check_same_dtype, check_square
from ._results import (
    CholeskyExResult,
    InvExResult,
    SlogdetResult,
    SolveExResult,
    TriangularSolveResult,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _check(info: Tensor, message: str) -> None:
    """Raise LinAlgError where a matrix failed; the message takes its place and its ``info``."""
    if not info.any():
        return
    index = info.nonzero()[0].tolist()
    at = f"(Batch element {index[0] if len(index) == 1 else tuple(index)}): " if index else ""
    raise LinAlgError(message.format(at=at, info=int(info[tuple(index)].item())))


_INV = (
    "linalg.inv: {at}The diagonal element {info} is zero, the inversion could not be completed "
    "because the input matrix is singular."
)
_SOLVE = "linalg.solve: {at}The solver failed because the input matrix is singular."
_CHOLESKY = (
    "linalg.cholesky: {at}The factorization could not be completed because the input is not "
    "positive-definite (the leading minor of order {info} is not positive-definite)."
)


def inv(A: Tensor) -> Tensor:
    """Inverses of square matrices ``[*, n, n]`` (float32 or float64).

    Raises:
        LinAlgError: if a matrix is singular.
        RuntimeError: for other shapes and dtypes.
    """
    result, info = linalg_inv_ex(A)
    _check(info, _INV)
    return result


def inv_ex(A: Tensor, *, check_errors: bool = False) -> InvExResult:
    """Inverses and, instead of an error, ``info`` (int32): 0 or the first zero pivot from 1."""
    result, info = linalg_inv_ex(A)
    if check_errors:
        _check(info, _INV)
    return InvExResult(result, info)


class LinalgDet(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        d = linalg_det_values(a)
        ctx.save_for_backward(a, d)
        return d

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        a, d = ctx.saved_tensors
        g = g[..., None, None]
        inverse, info = linalg_inv_ex(a)
        if info.any():
            return g * _cofactors(a)
        return g * d[..., None, None] * inverse.mT


def _cofactors(a: Tensor) -> Tensor:
    """The derivative of det, also of singular matrices: det(U V) U diag(products of the other
    singular values) V^T."""
    from ._spectral import svd

    u, s, vh = svd(a, full_matrices=False)
    n = a.shape[-1]
    others = [s[..., [j for j in range(n) if j != i]].prod(-1) for i in range(n)]
    sign = linalg_det_values(u) * linalg_det_values(vh)
    return sign[..., None, None] * ((u * stack(others, -1)[..., None, :]) @ vh)


def det(A: Tensor) -> Tensor:
    """Determinants ``[*]`` of square matrices ``[*, n, n]``; singular ones have a gradient too."""
    if not isinstance(A, Tensor) or not A.requires_grad:
        return linalg_det_values(A)
    check_square("det", A)
    result: Tensor = LinalgDet.apply(A)
    return result


def slogdet(A: Tensor) -> SlogdetResult:
    """Sign and natural logarithm of the absolute value of determinants, each ``[*]``.

    The logarithm of a singular matrix is -inf; its derivative raises RuntimeError.
    """
    return SlogdetResult(*linalg_slogdet(A))


def logdet(input: Tensor) -> Tensor:
    """Logarithms of determinants ``[*]``; NaN where the determinant is negative."""
    sign, logabs = linalg_slogdet(input)
    return where(sign < 0, float("nan"), logabs)


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X with A X = B, or X A = B without ``left``.

    Args:
        A: square matrices ``[*, n, n]``.
        B: ``[*, n, k]`` (``[*, k, n]`` without ``left``), or vectors ``[*, n]`` of A's batch shape.
        left: which equation.

    Raises:
        LinAlgError: if a matrix is singular.
        RuntimeError: for other shapes and dtypes.
    """
    result, info = linalg_solve_ex(A, B, left=left)
    _check(info, _SOLVE)
    return result


def solve_ex(
    A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False
) -> SolveExResult:
    """solve() and, instead of an error, ``info`` (int32): 0 or the first zero pivot from 1."""
    result, info = linalg_solve_ex(A, B, left=left)
    if check_errors:
        _check(info, _SOLVE)
    return SolveExResult(result, info)


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """L with A = L L^T of symmetric positive-definite ``[*, n, n]``; its transpose with ``upper``.

    Only one triangle of A is read: the lower one, with ``upper`` the upper one. The gradient is
    symmetric.

    Raises:
        LinAlgError: if a matrix is not positive-definite.
        RuntimeError: for other shapes and dtypes.
    """
    result, info = linalg_cholesky_ex(A, upper=upper)
    _check(info, _CHOLESKY)
    return result


def cholesky_positional(input: Tensor, upper: bool = False) -> Tensor:
    """The older form of linalg.cholesky."""
    return cholesky(input, upper=upper)


def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False) -> CholeskyExResult:
    """cholesky() and, instead of an error, ``info`` (int32): 0 or the order of the bad minor."""
    result, info = linalg_cholesky_ex(A, upper=upper)
    if check_errors:
        _check(info, _CHOLESKY)
    return CholeskyExResult(result, info)


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """X with A X = B ``[*, n, k]``, where L ``[*, n, n]`` is the Cholesky factor of A."""
    check_square("cholesky_solve", L, "L")
    check_same_dtype("cholesky_solve", L, B)
    check_fits("cholesky_solve", L, B)
    low = L.mT if upper else L
    y = linalg_solve_triangular(low, B, upper=False)
    return linalg_solve_triangular(low.mT, y, upper=True)


def triangular_solve(
    b: Tensor,
    A: Tensor,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
) -> TriangularSolveResult:
    """X with A X = b (A^T X = b with ``transpose``) and A; the older form of solve_triangular."""
    a = A.mT if transpose else A
    x = linalg_solve_triangular(a, b, upper=upper != transpose, unitriangular=unitriangular)
    return TriangularSolveResult(x, A.clone())


def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """The inverse of the matrix whose Cholesky factor is L ``[*, n, n]``."""
    check_square("cholesky_inverse", L, "L")
    return cholesky_solve(eye(L.shape[-1], dtype=L.dtype).expand(L.shape), L, upper)
