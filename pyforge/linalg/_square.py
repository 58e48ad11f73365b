"""Square matrices: inverse, determinant, systems of equations, Cholesky factors.

Derivatives: M. Giles, "An extended collection of matrix derivative results for forward and reverse
mode algorithmic differentiation" (2008), sections 2.2 and 2.3; Cholesky: I. Murray,
"Differentiation of the Cholesky decomposition" (2016), eq. 10.
"""

from __future__ import annotations

from .._C import Tensor, int32, linalg_lu_pack, linalg_solve_triangular, where, zeros
from ..autograd.function import Function
from . import _base
from ._base import LinAlgError, array, check_same_dtype, check_square, same_batch, tensor
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


def _singular(name: str, a: Tensor) -> tuple[str, int]:
    """Which matrix of the batch is singular, and its first zero pivot."""
    info = linalg_lu_pack(a.detach())[2]
    for index in info.nonzero().tolist():
        where = f"(Batch element {index[0] if len(index) == 1 else tuple(index)}): "
        return (where if index else ""), int(info[tuple(index)].item())
    return "", int(a.shape[-1])


class LinalgInv(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        import numpy as np

        try:
            y = tensor(np.linalg.inv(array(a)))
        except np.linalg.LinAlgError:
            at, pivot = _singular("inv", a)
            raise LinAlgError(
                f"linalg.inv: {at}The diagonal element {pivot} is zero, the inversion could not "
                "be completed because the input matrix is singular."
            ) from None
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        (y,) = ctx.saved_tensors
        return -(y.mT @ g @ y.mT)


def inv(A: Tensor) -> Tensor:
    """Inverses of square matrices ``[*, n, n]`` (float32 or float64).

    Raises:
        LinAlgError: if a matrix is singular.
        RuntimeError: for other shapes and dtypes.
    """
    check_square("inv", A)
    result: Tensor = LinalgInv.apply(A)
    return result


def _ex(f: Any, a: Tensor, like: Any, check_errors: bool) -> tuple[Tensor, Tensor]:
    """f(a) and zeros; where f raises and errors are not asked for, ``like`` and what failed."""
    info = zeros(a.shape[:-2], dtype=int32)
    try:
        return f(a), info
    except LinAlgError:
        if check_errors:
            raise
    info = linalg_lu_pack(a.detach())[2]
    return like(a, info), info


def inv_ex(A: Tensor, *, check_errors: bool = False) -> InvExResult:
    """Inverses and, instead of an error, ``info`` (int32): 0 or the first zero pivot from 1.

    The inverse of a singular matrix is filled with NaN.
    """

    def partial(a: Tensor, info: Tensor) -> Tensor:
        bad = (info != 0)[..., None, None]
        safe = where(bad, _eye_like(a), a)
        return where(bad, float("nan"), inv(safe))

    check_square("inv_ex", A)
    return InvExResult(*_ex(inv, A, partial, check_errors))


def _eye_like(a: Tensor) -> Tensor:
    from .._C import eye

    return eye(a.shape[-1], dtype=a.dtype)


class LinalgDet(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        import numpy as np

        d = tensor(np.linalg.det(array(a)))
        ctx.save_for_backward(a, d)
        return d

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        a, d = ctx.saved_tensors
        g = g[..., None, None]
        try:
            return g * d[..., None, None] * inv(a).mT
        except LinAlgError:
            return g * _cofactors(a)


def _cofactors(a: Tensor) -> Tensor:
    """The derivative of det, also of singular matrices: det(U V) U diag(products of the other
    singular values) V^T."""
    from .._C import stack
    from ._spectral import svd

    u, s, vh = svd(a, full_matrices=False)
    n = a.shape[-1]
    others = [s[..., [j for j in range(n) if j != i]].prod(-1) for i in range(n)]
    sign = det(u.detach()) * det(vh.detach())
    return sign[..., None, None] * ((u * stack(others, -1)[..., None, :]) @ vh)


def det(A: Tensor) -> Tensor:
    """Determinants ``[*]`` of square matrices ``[*, n, n]``; singular ones have a gradient too."""
    check_square("det", A)
    result: Tensor = LinalgDet.apply(A)
    return result


class LinalgSlogdet(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor) -> tuple[Tensor, Tensor]:
        import numpy as np

        sign, logabs = map(tensor, np.linalg.slogdet(array(a)))
        ctx.save_for_backward(a)
        return sign, logabs

    @staticmethod
    def backward(ctx: Any, _: Any, g: Tensor) -> Tensor:
        (a,) = ctx.saved_tensors  # the sign is a step function
        return g[..., None, None] * inv(a).mT


def slogdet(A: Tensor) -> SlogdetResult:
    """Sign and natural logarithm of the absolute value of determinants, each ``[*]``.

    The logarithm of a singular matrix is -inf; its derivative raises LinAlgError.
    """
    check_square("slogdet", A)
    return SlogdetResult(*LinalgSlogdet.apply(A))


def logdet(input: Tensor) -> Tensor:
    """Logarithms of determinants ``[*]``; NaN where the determinant is negative."""
    check_square("logdet", input)
    sign, logabs = slogdet(input)
    return where(sign < 0, float("nan"), logabs)


class LinalgSolve(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        import numpy as np

        try:
            x = tensor(np.linalg.solve(array(a), array(b)))
        except np.linalg.LinAlgError:
            at, _ = _singular("solve", a)
            raise LinAlgError(
                f"linalg.solve: {at}The solver failed because the input matrix is singular."
            ) from None
        ctx.save_for_backward(a, x)
        return x

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor]:
        a, x = ctx.saved_tensors
        gb = _solve(a.mT, g)
        return (-(gb @ x.mT) if ctx.needs_input_grad[0] else None), gb


def _solve(a: Tensor, b: Tensor) -> Tensor:
    result: Tensor = LinalgSolve.apply(a, b)
    return result


def is_vector_case(a: Tensor, b: Tensor) -> bool:
    return b.dim() == 1 or (a.dim() - 1 == b.dim() and b.shape == a.shape[:-1])


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
    check_square("solve", A)
    check_same_dtype("solve", A, B)
    vector = is_vector_case(A, B)
    if vector and not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for "
            "left=False. In this case linalg.solve is equivalent to B / A.squeeze(-1)"
        )
    b = B.unsqueeze(-1) if vector else B
    check_fits("solve", A, b, left)
    if not left:
        A, b = A.mT, b.mT
    x = _solve(*same_batch(A, b))
    if vector:
        return x.squeeze(-1)
    return x if left else x.mT


def check_fits(name: str, a: Tensor, b: Tensor, left: bool = True) -> None:
    if b.dim() < 2 or b.shape[-2 if left else -1] != a.shape[-1]:
        n = a.shape[-1]
        shape = "x".join(map(str, b.shape[-2:]))
        raise RuntimeError(
            f"linalg.{name}: Incompatible shapes of A and B for the equation "
            f"{'AX = B' if left else 'XA = B'} ({n}x{n} and {shape})"
        )


def solve_ex(
    A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False
) -> SolveExResult:
    """solve() and, instead of an error, ``info`` (int32): 0 or the first zero pivot from 1.

    The solution of a singular system is filled with NaN.
    """

    def partial(a: Tensor, info: Tensor) -> Tensor:
        bad = info != 0
        x = solve(where(bad[..., None, None], _eye_like(a), a), B, left=left)
        return where(bad.reshape(*bad.shape, *[1] * (x.dim() - bad.dim())), float("nan"), x)

    check_square("solve_ex", A)
    return SolveExResult(*_ex(lambda a: solve(a, B, left=left), A, partial, check_errors))


class LinalgCholesky(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        import numpy as np

        values = array(a)
        try:
            y = tensor(np.linalg.cholesky(values))
        except np.linalg.LinAlgError:
            at, m = _base.first_failure(values, np.linalg.cholesky, np.linalg.LinAlgError)
            raise LinAlgError(
                f"linalg.cholesky: {at}The factorization could not be completed because the input "
                f"is not positive-definite (the leading minor of order {_bad_minor(m)} is not "
                "positive-definite)."
            ) from None
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        (low,) = ctx.saved_tensors
        phi = _base.half_triangle(low.mT @ g)
        s = linalg_solve_triangular(low.mT, phi, upper=True)
        s = linalg_solve_triangular(low, s, upper=False, left=False)
        return 0.5 * (s + s.mT)


def _bad_minor(m: Any) -> int:
    """The smallest order of a leading minor that has no Cholesky factor, by bisection."""
    import numpy as np

    good, bad = 0, m.shape[-1]
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            np.linalg.cholesky(m[:middle, :middle])
            good = middle
        except np.linalg.LinAlgError:
            bad = middle
    return int(bad)


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """L with A = L L^T of symmetric positive-definite ``[*, n, n]``; its transpose with ``upper``.

    Only one triangle of A is read: the lower one, with ``upper`` the upper one. The gradient is
    symmetric.

    Raises:
        LinAlgError: if a matrix is not positive-definite.
        RuntimeError: for other shapes and dtypes.
    """
    check_square("cholesky", A)
    low: Tensor = LinalgCholesky.apply(A.mT if upper else A)
    return low.mT if upper else low


def cholesky_positional(input: Tensor, upper: bool = False) -> Tensor:
    """The older form of linalg.cholesky."""
    return cholesky(input, upper=upper)


def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False) -> CholeskyExResult:
    """cholesky() and, instead of an error, ``info`` (int32): 0 or the order of the bad minor.

    The factor of a matrix that is not positive-definite is filled with NaN.
    """
    import numpy as np

    check_square("cholesky_ex", A)
    info = zeros(A.shape[:-2], dtype=int32)
    try:
        return CholeskyExResult(cholesky(A, upper=upper), info)
    except LinAlgError:
        if check_errors:
            raise
    values = array(A.mT if upper else A)
    orders = np.zeros(values.shape[:-2], np.int32)
    for index in np.ndindex(orders.shape):
        try:
            np.linalg.cholesky(values[index])
        except np.linalg.LinAlgError:
            orders[index] = _bad_minor(values[index])
    info = tensor(orders)
    bad = (info != 0)[..., None, None]
    low = cholesky(where(bad, _eye_like(A), A), upper=upper)
    return CholeskyExResult(where(bad, float("nan"), low), info)


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
    return cholesky_solve(_eye_like(L).expand(L.shape), L, upper)
