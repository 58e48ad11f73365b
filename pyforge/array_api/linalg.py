"""Linear algebra of the standard."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyforge as pf
from pyforge import linalg as _linalg

if TYPE_CHECKING:
    from typing import Any

    from .._C import Tensor

cross, det, inv, matrix_power = _linalg.cross, _linalg.det, _linalg.inv, _linalg.matrix_power
eigvalsh, svdvals = _linalg.eigvalsh, _linalg.svdvals


class EighResult(NamedTuple):
    eigenvalues: Tensor
    eigenvectors: Tensor


class QRResult(NamedTuple):
    Q: Tensor
    R: Tensor


class SlogdetResult(NamedTuple):
    sign: Tensor
    logabsdet: Tensor


class SVDResult(NamedTuple):
    U: Tensor
    S: Tensor
    Vh: Tensor


def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Matrix products."""
    return pf.matmul(x1, x2)


def matrix_transpose(x: Tensor, /) -> Tensor:
    """``x`` with its last two axes exchanged."""
    return x.mT


def outer(x1: Tensor, x2: Tensor, /) -> Tensor:
    """All products of elements of two vectors."""
    return pf.outer(x1, x2)


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: Any = 2) -> Tensor:
    """Sums of products over ``axes``: how many, or which of each."""
    return pf.tensordot(x1, x2, dims=axes)


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Sums of products along an axis. ValueError if its sizes differ."""
    if x1.shape[axis] != x2.shape[axis]:
        raise ValueError(
            f"vecdot: sizes {x1.shape[axis]} and {x2.shape[axis]} of axis {axis} differ"
        )
    return _linalg.vecdot(x1, x2, dim=axis)


def cholesky(x: Tensor, /, *, upper: bool = False) -> Tensor:
    """The triangular factor."""
    return _linalg.cholesky(x, upper=upper)


def diagonal(x: Tensor, /, *, offset: int = 0) -> Tensor:
    """A diagonal of each matrix."""
    return pf.diagonal(x, offset, -2, -1)


def trace(x: Tensor, /, *, offset: int = 0, dtype: pf.dtype | None = None) -> Tensor:
    """Sums of a diagonal of each matrix."""
    return pf.sum(diagonal(x, offset=offset), -1, dtype=dtype)


def eigh(x: Tensor, /) -> EighResult:
    """Eigenvalues and eigenvectors of symmetric matrices."""
    return EighResult(*_linalg.eigh(x))


def qr(x: Tensor, /, *, mode: str = "reduced") -> QRResult:
    """Orthogonal and triangular factor."""
    return QRResult(*_linalg.qr(x, mode))


def slogdet(x: Tensor, /) -> SlogdetResult:
    """Sign of the determinant, and logarithm of its size."""
    return SlogdetResult(*_linalg.slogdet(x))


def svd(x: Tensor, /, *, full_matrices: bool = True) -> SVDResult:
    """Singular values and vectors."""
    return SVDResult(*_linalg.svd(x, full_matrices))


def solve(x1: Tensor, x2: Tensor, /) -> Tensor:
    """``x`` with ``x1 @ x == x2``; a 1-d ``x2`` is one vector."""
    if x2.ndim == 1:
        return _linalg.solve(x1, x2[:, None])[..., 0]
    return _linalg.solve(x1, x2)


def pinv(x: Tensor, /, *, rtol: Any = None) -> Tensor:
    """The pseudo-inverse."""
    return _linalg.pinv(x, rtol=rtol)


def matrix_rank(x: Tensor, /, *, rtol: Any = None) -> Tensor:
    """How many singular values are larger than ``rtol`` times the largest."""
    return _linalg.matrix_rank(x, rtol=rtol)


def matrix_norm(x: Tensor, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """Norms of matrices."""
    return _linalg.matrix_norm(x, ord, (-2, -1), keepdims)


def vector_norm(x: Tensor, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Tensor:
    """Norms over axes, all by default."""
    if axis == ():
        return pf.abs(x) if ord else (x != 0).to(x.dtype)
    return _linalg.vector_norm(x, ord, axis, keepdims)
