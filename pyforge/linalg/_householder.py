"""QR as Householder reflectors: G. Golub and C. Van Loan, "Matrix Computations", section 5.1."""

from __future__ import annotations

from .._C import Tensor, arange, eye
from ._base import array, check_matrix, check_same_dtype, tensor
from ._results import GeqrfResult


def geqrf(input: Tensor) -> GeqrfResult:
    """R in the upper triangle and reflectors below it ``[*, m, n]``; tau ``[*, min(m, n)]``.

    Without a derivative; linalg.qr has one.
    """
    import numpy as np

    check_matrix("geqrf", input)
    if input.requires_grad:
        raise RuntimeError("the derivative for 'geqrf' is not implemented; use linalg.qr")
    a, tau = np.linalg.qr(array(input), "raw")
    return GeqrfResult(tensor(np.swapaxes(a, -1, -2)), tensor(tau))


def householder_product(A: Tensor, tau: Tensor) -> Tensor:
    """The first n columns ``[*, m, n]`` of the product of reflectors I - tau_i v_i v_i^T.

    Args:
        A: ``[*, m, n]``, m >= n; v_i is column i below the diagonal, with 1 on it and 0 above.
        tau: ``[*, k]``, k <= n.
    """
    check_matrix("householder_product", A)
    check_same_dtype("householder_product", A, tau)
    m, n = A.shape[-2:]
    k = tau.shape[-1] if tau.dim() else 0
    if m < n:
        raise RuntimeError(
            "linalg.householder_product: input.shape[-2] must be greater than or equal to "
            "input.shape[-1]"
        )
    if tau.dim() != A.dim() - 1 or tau.shape[:-1] != A.shape[:-2] or k > n:
        raise RuntimeError(
            "linalg.householder_product: input.shape[-1] must be greater than or equal to "
            f"tau.shape[-1], with equal leading dimensions, got {list(A.shape)} and "
            f"{list(tau.shape)}"
        )
    q = eye(m, n, dtype=A.dtype).expand(A.shape)
    rows = arange(m)
    for i in reversed(range(k)):
        v = (A[..., i] * (rows > i) + (rows == i)).unsqueeze(-1)
        q = q - tau[..., i, None, None] * (v @ (v.mT @ q))
    return q.clone() if k == 0 else q
