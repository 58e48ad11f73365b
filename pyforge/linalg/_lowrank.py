"""The largest singular values of big matrices, by random projections.

N. Halko, P. Martinsson and J. Tropp, "Finding structure with randomness" (2009), algorithms 4.4 and
5.1.
"""

from __future__ import annotations

from .._C import Tensor, randn
from ._base import check_matrix
from ._results import SVDTransposedResult
from ._spectral import qr, svd


def _basis(a: Tensor, q: int, niter: int) -> Tensor:
    """Orthonormal columns ``[*, m, q]`` that nearly span those of ``a`` ``[*, m, n]``."""
    basis = qr(a @ randn(a.shape[-1], q, dtype=a.dtype)).Q
    for _ in range(niter):
        basis = qr(a @ qr(a.mT @ basis).Q).Q
    return basis


def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> SVDTransposedResult:
    """U, S and V with A - M close to U diag(S) V^T, of rank ``q`` at most.

    Args:
        A: matrices ``[*, m, n]``.
        q: a little more than the rank asked for.
        niter: power iterations.
        M: subtracted from A.
    """
    check_matrix("svd_lowrank", A)
    q, niter = 6 if q is None else q, 2 if niter is None else niter
    if not 0 <= q <= min(A.shape[-2:]):
        raise ValueError(
            f"svd_lowrank: q(={q}) must be a non-negative integer and not greater than "
            f"min(m, n)={min(A.shape[-2:])}"
        )
    if niter < 0:
        raise ValueError(f"svd_lowrank: niter(={niter}) must be a non-negative integer")
    if M is not None:
        A = A - M
    wide = A.shape[-2] < A.shape[-1]
    a = A.mT if wide else A
    basis = _basis(a, q, niter)
    u, s, vh = svd(basis.mT @ a, full_matrices=False)
    u, v = basis @ u, vh.mT
    return SVDTransposedResult(v, s, u) if wide else SVDTransposedResult(u, s, v)


def pca_lowrank(
    A: Tensor, q: int | None = None, center: bool = True, niter: int = 2
) -> SVDTransposedResult:
    """Principal components: svd_lowrank of A ``[*, m, n]``, with the means of columns taken off.

    ``q`` is min(6, m, n) by default.
    """
    check_matrix("pca_lowrank", A)
    if q is None:
        q = min(6, *A.shape[-2:])
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, q, niter)
