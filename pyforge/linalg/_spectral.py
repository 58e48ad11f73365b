"""QR, symmetric eigenvalues, singular values, and what is made of them.

Derivatives: QR: S. Walter, L. Lehmann and R. Lamour, "On evaluating higher-order derivatives of the
QR decomposition of tall matrices" (2012), wide ones: D. Roberts and L. Roberts, arXiv:2009.10071;
eigenvalues: M. Giles (2008), section 3.1; SVD: J. Townsend, "Differentiating the singular value
decomposition" (2016); pseudo-inverse: G. Golub and V. Pereyra (1973), eq. 4.12.
"""

from __future__ import annotations

from .._C import Tensor, cat, empty, eye, float32, int64, linalg_solve_triangular, where, zeros
from ..autograd.function import Function
from ._base import (
    LinAlgError,
    array,
    check_matrix,
    check_same_dtype,
    check_square,
    half_triangle,
    same_batch,
    tensor,
)
from ._results import EighResult, LstsqResult, QRResult, SVDResult, SVDTransposedResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal


def copyltu(m: Tensor) -> Tensor:
    """The lower triangle, mirrored above the diagonal."""
    h = half_triangle(m)
    return h + h.mT


def zeros_for(g: Tensor | None, like: Tensor) -> Tensor:
    return zeros(like.shape, dtype=like.dtype) if g is None else g


class LinalgQR(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, mode: str) -> tuple[Tensor, Tensor]:
        import numpy as np

        q, r = map(tensor, np.linalg.qr(array(a), "complete" if mode == "complete" else "reduced"))
        ctx.mode = mode
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(a, q, r)
        return q, r

    @staticmethod
    def backward(ctx: Any, gq: Tensor | None, gr: Tensor | None) -> tuple[Tensor, None]:
        a, q, r = ctx.saved_tensors
        m, n = a.shape[-2:]
        if ctx.mode == "complete" and m > n:
            raise RuntimeError(
                "linalg.qr: The QR decomposition is not differentiable when mode='complete' and "
                "nrows > ncols; use mode='reduced'"
            )
        gq, gr = zeros_for(gq, q), zeros_for(gr, r)
        if m >= n:
            return _qr_backward(q, r, gq, gr), None
        # A = [X | Y], R = [U | V]: X = Q U, Y = Q V.
        u, gu, gv = r[..., :m], gr[..., :m], gr[..., m:]
        gx = _qr_backward(q, u, gq + a[..., m:] @ gv.mT, gu)
        return cat([gx, q @ gv], -1), None


def _qr_backward(q: Tensor, r: Tensor, gq: Tensor, gr: Tensor) -> Tensor:
    middle = copyltu(r @ gr.mT - gq.mT @ q)
    return linalg_solve_triangular(r.mT, gq + q @ middle, upper=False, left=False)


def qr(A: Tensor, mode: str = "reduced") -> QRResult:
    """Q with orthonormal columns and upper triangular R, A = Q R.

    Args:
        A: matrices ``[*, m, n]``, k = min(m, n).
        mode: 'reduced' gives Q ``[*, m, k]`` and R ``[*, k, n]``, 'complete' Q ``[*, m, m]`` and R
            ``[*, m, n]``, 'r' an empty Q and the reduced R, which has no derivative then.
    """
    check_matrix("qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"linalg.qr: qr received unrecognized mode '{mode}' but expected one of 'reduced' "
            "(default), 'r', or 'complete'"
        )
    if mode == "r":
        import numpy as np

        if A.requires_grad:
            raise RuntimeError(
                "linalg.qr: The derivative of linalg.qr depends on Q, which is not computed when "
                "mode='r'. Please use linalg.qr(A, mode='reduced') if you are going to require "
                "gradients"
            )
        return QRResult(empty(0, dtype=A.dtype), tensor(np.linalg.qr(array(A), "r")))
    return QRResult(*LinalgQR.apply(A, mode))


def differences(s: Tensor) -> Tensor:
    """s_j - s_i at [i, j], 1 on the diagonal."""
    return s.unsqueeze(-2) - s.unsqueeze(-1) + eye(s.shape[-1], dtype=s.dtype)


class LinalgEigh(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, UPLO: Literal["L", "U"]) -> tuple[Tensor, Tensor]:
        import numpy as np

        try:
            values, vectors = map(tensor, np.linalg.eigh(array(a), UPLO))
        except np.linalg.LinAlgError as error:
            raise LinAlgError(f"linalg.eigh: {error}") from None
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(values, vectors)
        return values, vectors

    @staticmethod
    def backward(ctx: Any, gl: Tensor | None, gv: Tensor | None) -> tuple[Tensor | None, None]:
        values, v = ctx.saved_tensors
        if gv is None:
            return (None if gl is None else (v * gl.unsqueeze(-2)) @ v.mT), None
        inner = v.mT @ gv
        diagonal = zeros_for(gl, values).diag_embed()
        inner = (inner - inner.diagonal(0, -2, -1).diag_embed()) / differences(values)
        return v @ (inner + diagonal) @ v.mT, None


def _check_uplo(name: str, UPLO: str) -> Literal["L", "U"]:
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(
            f"linalg.{name}: Expected UPLO argument to be 'L' or 'U', but got {UPLO}"
        )
    return "L" if UPLO in ("L", "l") else "U"


def eigh(A: Tensor, UPLO: str = "L") -> EighResult:
    """Eigenvalues ``[*, n]``, ascending, and eigenvectors, as columns, of symmetric ``[*, n, n]``.

    Only the triangle UPLO is read. Gradients of the eigenvectors are finite where no two
    eigenvalues are equal, and make sense where the result does not depend on the vectors' signs.
    """
    check_square("eigh", A)
    return EighResult(*LinalgEigh.apply(A, _check_uplo("eigh", UPLO)))


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Eigenvalues ``[*, n]``, ascending, of symmetric matrices ``[*, n, n]``."""
    check_square("eigvalsh", A)
    triangle = _check_uplo("eigvalsh", UPLO)
    if A.requires_grad:
        return eigh(A, UPLO).eigenvalues
    import numpy as np

    try:
        return tensor(np.linalg.eigvalsh(array(A), triangle))
    except np.linalg.LinAlgError as error:
        raise LinAlgError(f"linalg.eigvalsh: {error}") from None


class LinalgSVD(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, full: bool) -> tuple[Tensor, Tensor, Tensor]:
        import numpy as np

        try:
            u, s, vh = map(tensor, np.linalg.svd(array(a), full_matrices=full))
        except np.linalg.LinAlgError:
            raise LinAlgError(_not_finite(a)) from None
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(u, s, vh)
        return u, s, vh

    @staticmethod
    def backward(
        ctx: Any, gu: Tensor | None, gs: Tensor | None, gvh: Tensor | None
    ) -> tuple[Tensor | None, None]:
        u, s, vh = ctx.saved_tensors
        m, n, k = u.shape[-2], vh.shape[-1], s.shape[-1]
        u, vh = u[..., :k], vh[..., :k, :]
        if gu is None and gvh is None:
            return (None if gs is None else (u * gs.unsqueeze(-2)) @ vh), None
        # Columns beyond k are any basis of the rest: nothing well-defined depends on them.
        gu = None if gu is None else gu[..., :k]
        gv = None if gvh is None else gvh[..., :k, :].mT
        v = vh.mT
        row = s.unsqueeze(-2)
        e = differences(s * s)
        middle = zeros_for(gs, s).diag_embed()
        if gu is not None:
            w = u.mT @ gu
            middle = middle + (w - w.mT) / e * row
        if gv is not None:
            w = v.mT @ gv
            middle = middle + s.unsqueeze(-1) * ((w - w.mT) / e)
        result = u @ middle
        if gu is not None and m > k:
            over = gu / row
            result = result + over - u @ (u.mT @ over)
        result = result @ vh
        if gv is not None and n > k:
            over = gv / row
            result = result + u @ (over - v @ (v.mT @ over)).mT
        return result, None


def _not_finite(a: Tensor) -> str:
    finite = bool(a.isfinite().all())
    why = "" if finite else " because the input matrix contained non-finite values"
    return f"linalg.svd: The algorithm failed to converge{why}."


def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> SVDResult:
    """U, S and Vh with A = U diag(S) Vh, S descending.

    Args:
        A: matrices ``[*, m, n]``, k = min(m, n).
        full_matrices: U ``[*, m, m]`` and Vh ``[*, n, n]`` instead of ``[*, m, k]`` and
            ``[*, k, n]``; no gradient flows through the additional columns.
        driver: only for other devices; must be None.

    Gradients of U and Vh are finite where the singular values are distinct and not zero, and make
    sense where the result does not depend on the signs of the vectors.
    """
    check_matrix("svd", A)
    if driver is not None:
        raise RuntimeError("linalg.svd: keyword argument `driver=` is only supported on CUDA")
    return SVDResult(*LinalgSVD.apply(A, full_matrices))


def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """Singular values ``[*, min(m, n)]``, descending, of matrices ``[*, m, n]``."""
    check_matrix("svdvals", A)
    if driver is not None or A.requires_grad:
        return svd(A, False, driver=driver).S
    import numpy as np

    try:
        return tensor(np.linalg.svd(array(A), compute_uv=False))
    except np.linalg.LinAlgError:
        raise LinAlgError(_not_finite(A)) from None


def svd_transposed(
    input: Tensor, some: bool = True, compute_uv: bool = True
) -> SVDTransposedResult:
    """The older form of linalg.svd: V instead of its transpose, reduced matrices by default."""
    if not compute_uv:
        m, n = input.shape[-2:]
        batch = input.shape[:-2]
        return SVDTransposedResult(
            zeros(*batch, m, m, dtype=input.dtype),
            svdvals(input),
            zeros(*batch, n, n, dtype=input.dtype),
        )
    u, s, vh = svd(input, full_matrices=not some)
    return SVDTransposedResult(u, s, vh.mT)


def qr_some(input: Tensor, some: bool = True) -> QRResult:
    """The older form of linalg.qr: reduced by default, complete without ``some``."""
    return qr(input, "reduced" if some else "complete")


def epsilon(a: Tensor) -> float:
    return 2.0**-23 if a.dtype is float32 else 2.0**-52


def tolerances(
    a: Tensor, largest: Tensor, atol: float | Tensor | None, rtol: float | Tensor | None
) -> Tensor:
    """What counts as zero: max(atol, rtol * largest), rtol by default max(m, n) * eps."""
    given = atol is not None and bool((atol > 0).any() if isinstance(atol, Tensor) else atol > 0)
    if rtol is None:
        rtol = 0.0 if given else max(a.shape[-2:]) * epsilon(a)
    relative = rtol * largest
    if atol is None:
        return relative
    return relative.maximum(relative * 0 + atol)


def _pinv_backward(a: Tensor, p: Tensor, g: Tensor) -> Tensor:
    """The gradient of ``a`` from that of its pseudo-inverse ``p``."""
    gt, pt = g.mT, p.mT
    if a.shape[-2] <= a.shape[-1]:
        k = gt @ p
        kpt = k @ pt
        return -(p @ k).mT + kpt - (a @ p) @ kpt + (pt @ p) @ (gt - k @ a)
    k = p @ gt
    ptk = pt @ k
    return -(k @ p).mT + (gt - a @ k) @ p @ pt + ptk - (ptk @ p) @ a


class LinalgPinv(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, atol: Any, rtol: Any, hermitian: bool) -> Tensor:
        if hermitian:
            values, v = eigh(a)
            size, u, vh = values.abs(), v, v.mT
        else:
            u, values, vh = svd(a, False)
            size = values
        limit = tolerances(a, size.amax(-1, keepdim=True) if size.shape[-1] else size, atol, rtol)
        inverse = where(size > limit, 1.0 / values, 0.0)
        y = vh.mT @ (inverse.unsqueeze(-1) * u.mT)
        ctx.save_for_backward(a, y)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None, None]:
        a, p = ctx.saved_tensors
        return _pinv_backward(a, p, g), None, None, None


def pinv(
    A: Tensor,
    rcond: float | Tensor | None = None,
    hermitian: bool = False,
    *,
    atol: float | Tensor | None = None,
    rtol: float | Tensor | None = None,
) -> Tensor:
    """Moore-Penrose pseudo-inverses ``[*, n, m]`` of matrices ``[*, m, n]``.

    Singular values up to max(atol, rtol * largest) count as zero; ``rcond`` is an older name of
    ``rtol``. By default atol is 0 and rtol max(m, n) times the dtype's epsilon. With ``hermitian``
    A is symmetric and only its lower triangle is read.
    """
    if isinstance(A, Tensor) and (A.dim() < 2 or not A.dtype.is_floating_point):
        raise RuntimeError(
            f"linalg.pinv({A.dtype}{list(A.shape)}): expected a tensor with 2 or more dimensions "
            "of float, double, cfloat or cdouble types"
        )
    (check_square if hermitian else check_matrix)("pinv", A)
    if 0 in A.shape:
        return A.mT.clone()
    rtol = _plain(rcond if rtol is None else rtol)
    result: Tensor = LinalgPinv.apply(A, _plain(atol), rtol, hermitian)
    return result


def _plain(tolerance: float | Tensor | None) -> float | Tensor | None:
    """Of a tensor, one value per matrix."""
    return tolerance.detach().unsqueeze(-1) if isinstance(tolerance, Tensor) else tolerance


def matrix_rank(
    A: Tensor,
    tol: float | Tensor | None = None,
    hermitian: bool = False,
    *,
    atol: float | Tensor | None = None,
    rtol: float | Tensor | None = None,
) -> Tensor:
    """How many singular values exceed max(atol, rtol * largest): int64 ``[*]``.

    ``tol`` is an older name of ``atol`` with rtol = 0. By default atol is 0 and rtol max(m, n)
    times the dtype's epsilon.
    """
    check_matrix("matrix_rank", A, "input")
    if tol is not None:
        atol, rtol = tol, 0.0
    a = A.detach()
    if 0 in a.shape[-2:]:
        return zeros(a.shape[:-2], dtype=int64)
    sizes = eigvalsh(a).abs() if hermitian else svdvals(a)
    limit = tolerances(a, sizes.amax(-1, keepdim=True), _plain(atol), _plain(rtol))
    return (sizes > limit).sum(-1)


class LinalgLstsq(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, rcond: float) -> tuple[Tensor, Tensor, Tensor]:
        import numpy as np

        left, right = array(a), array(b)
        batch = left.shape[:-2]
        m, n = left.shape[-2:]
        x = np.empty((*batch, n, right.shape[-1]), left.dtype)
        rank = np.empty(batch, np.int64)
        sizes = np.empty((*batch, min(m, n)), left.dtype)
        for index in np.ndindex(batch):
            try:
                found = np.linalg.lstsq(left[index], right[index], rcond)
            except np.linalg.LinAlgError as error:
                raise LinAlgError(f"linalg.lstsq: {error}") from None
            x[index], rank[index], sizes[index] = found[0], found[2], found[3]
        y, r, s = tensor(x), tensor(rank), tensor(sizes)
        ctx.rcond = rcond
        ctx.save_for_backward(a, b)
        ctx.mark_non_differentiable(r, s)
        return y, r, s

    @staticmethod
    def backward(ctx: Any, g: Tensor, *_: Any) -> tuple[Tensor, Tensor, None]:
        # X = A^+ B
        a, b = ctx.saved_tensors
        p = pinv(a, rtol=ctx.rcond)
        return _pinv_backward(a, p, g @ b.mT), p.mT @ g, None


_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


def lstsq(
    A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None
) -> LstsqResult:
    """The solutions of least norm of min |A X - B|, by singular values (LAPACK's gelsd).

    Args:
        A: ``[*, m, n]``.
        B: ``[*, m, k]``, or vectors ``[*, m]`` of A's batch shape.
        rcond: singular values up to rcond times the largest count as zero; by default max(m, n)
            times the dtype's epsilon.
        driver: 'gels', 'gelsy' (default), 'gelsd' or 'gelss'; all of them are gelsd here, and
            differ in what they return.

    Returns:
        The solution ``[*, n, k]``; the squared residuals ``[*, k]`` where m > n, all ranks are n
        and the driver is another than 'gelsy', else empty; the ranks, empty for 'gels'; the
        singular values for 'gelsd' and 'gelss', else empty.
    """
    check_matrix("lstsq", A, "input")
    check_same_dtype("lstsq", A, B)
    if driver is not None and driver not in _DRIVERS:
        raise RuntimeError(
            f"linalg.lstsq: parameter `driver` should be one of {_DRIVERS}, got {driver}"
        )
    driver = driver or "gelsy"
    vector = B.dim() == 1 or (A.dim() - 1 == B.dim() and B.shape == A.shape[:-1])
    b = B.unsqueeze(-1) if vector else B
    if b.dim() < 2 or b.shape[-2] != A.shape[-2]:
        raise RuntimeError(
            "linalg.lstsq: input.size(-2) should match other.size(-2), got shapes "
            f"{list(A.shape)} and {list(B.shape)}"
        )
    a, b = same_batch(A, b)
    m, n = a.shape[-2:]
    if rcond is None:
        rcond = max(m, n) * epsilon(a)
    x, rank, sizes = LinalgLstsq.apply(a, b, rcond)
    none = empty(0, dtype=A.dtype)
    residuals = none
    if driver != "gelsy" and m > n and bool((rank == n).all()):
        residuals = (a @ x - b).square().sum(-2)
        residuals = residuals.squeeze(-1) if vector else residuals
    return LstsqResult(
        x.squeeze(-1) if vector else x,
        residuals,
        empty(0, dtype=int64) if driver == "gels" else rank,
        sizes if driver in ("gelsd", "gelss") else none,
    )
