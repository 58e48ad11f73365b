"""Norms of vectors and matrices, and condition numbers."""

from __future__ import annotations

from .._C import Tensor, where
from .._C import norm as _norm
from ._base import check_floating, check_matrix, check_square
from ._spectral import svdvals
from ._square import inv_ex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._C import dtype as _dtype

    Order = float | str | None
    Dims = int | Sequence[int] | None

INF = float("inf")


def vector_norm(
    x: Tensor,
    ord: float = 2,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: _dtype | None = None,
) -> Tensor:
    """The p-norm (sum |x|^p)^(1/p) over ``dim``, all dimensions by default.

    Args:
        x: float32 or float64, any shape.
        ord: p; inf and -inf give the largest and smallest magnitude, 0 the number of non-zeros.
        dim: dimensions to reduce.
        keepdim: keep them with size 1.
        dtype: convert first.
    """
    if not isinstance(x, Tensor) or not x.dtype.is_floating_point:
        check_floating("vector_norm", x, "x")
    if dtype is not None:
        x = x.to(dtype)
    if isinstance(ord, str):
        raise TypeError(f"linalg.vector_norm: ord must be a number, not {ord!r}")
    dims = [dim] if isinstance(dim, int) else None if dim is None else list(dim)
    if ord == 2 or ord == 1:
        return _norm(x, ord, dims or list(range(x.dim())), keepdim)
    empty = x.numel() == 0
    if empty and (ord < 0 or ord == INF) and _reduces_nothing(x, dims):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor because the "
            "operation does not have an identity"
        )
    return _norm(x, ord, dims or list(range(x.dim())), keepdim)


def _reduces_nothing(x: Tensor, dims: list[int] | None) -> bool:
    return any(x.shape[d] == 0 for d in dims or range(x.dim()))


def matrix_norm(
    A: Tensor,
    ord: float | str = "fro",
    dim: Sequence[int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: _dtype | None = None,
) -> Tensor:
    """A norm of the matrices in two dimensions.

    Args:
        A: float32 or float64, at least 2 dimensions.
        ord: 'fro' (root of the sum of squares), 'nuc' (sum of singular values), inf and -inf
            (largest, smallest sum of magnitudes of a row), 1 and -1 (of a column), 2 and -2
            (largest, smallest singular value).
        dim: the rows' and the columns' dimension.
        keepdim: keep them with size 1.
        dtype: convert first.
    """
    check_matrix("matrix_norm", A)
    if dtype is not None:
        A = A.to(dtype)
    ndim = A.dim()
    dims = list(dim)
    if len(dims) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {dims}")
    for d in dims:
        if not -ndim <= d < ndim:
            raise IndexError(
                "linalg.matrix_norm: Dimension out of range (expected to be in range of "
                f"[{-ndim}, {ndim - 1}], but got {d})"
            )
    row, column = (d % ndim for d in dims)
    if row == column:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord == "fro":
        return _norm(A, 2, [row, column], keepdim)
    if ord in ("nuc", 2, -2):
        s = svdvals(A.movedim((row, column), (-2, -1)))
        y = s.sum(-1) if ord == "nuc" else s.amax(-1) if ord == 2 else s.amin(-1)
        for d in sorted((row, column)) if keepdim else ():
            y = y.unsqueeze(d)
        return y
    if ord not in (1, -1, INF, -INF):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    first, second = (row, column) if ord in (1, -1) else (column, row)
    sums = A.abs().sum(first, keepdim=True)
    assert isinstance(ord, (int, float))
    y = sums.amax(second, keepdim=True) if ord > 0 else sums.amin(second, keepdim=True)
    return y if keepdim else y.squeeze((row, column))


def norm(
    A: Tensor,
    ord: Order = None,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: _dtype | None = None,
) -> Tensor:
    """vector_norm or matrix_norm, by the number of dimensions.

    Without ``ord`` the 2-norm of all elements (of those in ``dim``). With it, matrices for two
    dimensions, vectors for one.
    """
    dims = None if dim is None else [dim] if isinstance(dim, int) else list(dim)
    if dims is not None and len(dims) not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {dims}"
        )
    if ord is None:
        return vector_norm(A, 2, dims, keepdim, dtype=dtype)
    if dims is None and A.dim() not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
            f"Got {A.dim()}D."
        )
    if (len(dims) if dims is not None else A.dim()) == 2:
        return matrix_norm(A, ord, dims or (-2, -1), keepdim, dtype=dtype)
    if isinstance(ord, str):
        raise RuntimeError(f"linalg.norm: Order {ord} not supported for vectors.")
    return vector_norm(A, ord, dims, keepdim, dtype=dtype)


def cond(A: Tensor, p: Order = None) -> Tensor:
    """Condition numbers ``[*]`` of matrices ``[*, m, n]`` in a norm of matrix_norm.

    p = None or 2: the largest over the smallest singular value; -2 the other way. Other norms need
    square matrices: norm(A) norm(A^-1), infinite for singular ones.
    """
    check_matrix("cond", A)
    if p is None or p == 2 or p == -2:
        s = svdvals(A)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    check_square(f"cond(ord={p})", A)
    if 0 in A.shape:
        return A.new_zeros(A.shape[:-2])
    inverse, info = inv_ex(A)
    y = matrix_norm(A, p) * matrix_norm(inverse, p)
    return where(info != 0, INF, y) if info.any() else y


def frobenius_norm(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The root of the sum of squares over ``dim``, all dimensions by default."""
    return vector_norm(input, 2, dim, keepdim)


def nuclear_norm(input: Tensor, dim: Sequence[int] = (-2, -1), keepdim: bool = False) -> Tensor:
    """The sum of the singular values of the matrices in two dimensions."""
    return matrix_norm(input, "nuc", dim, keepdim)
