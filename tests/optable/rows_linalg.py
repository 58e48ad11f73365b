"""linalg: what NumPy's LAPACK computes, with derivatives; and the same at the top of the package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .model import FLOATS, NUMERIC, Err, Gen, Kink, Op, S, Sample

ZEROS = np.zeros
N = np.linalg
X = ZEROS((2, 3))
EYE = np.eye(2)
BAD = np.array([[1.0, 2.0], [2.0, 4.0]])
SQUARE = Err((X,), RuntimeError, "square matrices", names="")
SMALL = Err((ZEROS(3),), RuntimeError, "at least 2 dim", names="")
INTEGER = Err((np.eye(2, dtype=np.int64),), RuntimeError, "floating point", names="")
NATIVE = tuple(
    f"linalg_{name}" for name in ("inv_ex", "solve_ex", "cholesky_ex", "slogdet", "det_values")
)
LAYOUTS = ("transposed", "stepped", "negative")


def regular(g: Gen, *batch: int, n: int = 3) -> Any:
    """Far from singular."""
    return (g(*batch, n, n) + 4 * np.eye(n)).astype(g.dtype)


def positive(g: Gen, *batch: int, n: int = 3) -> Any:
    a = g(*batch, n, n)
    return (a @ np.swapaxes(a, -1, -2) + np.eye(n)).astype(g.dtype)


def squares(g: Gen) -> list[Sample]:
    return [S(regular(g)), S(regular(g, 2)), S(regular(g, 2, 1, n=2)), S(g(0, 0)), S(g(0, 2, 2))]


def matrices(g: Gen) -> list[Sample]:
    """Square, tall, wide, batched, empty."""
    return [S(g(3, 3)), S(g(4, 2)), S(g(2, 4)), S(g(2, 3, 2)), S(g(2, 1, 2, 3)), S(g(0, 3, 2))]


def systems(g: Gen) -> list[Sample]:
    return [
        S(regular(g), g(3, 2)),
        S(regular(g), g(3)),
        S(regular(g, 2), g(2, 3, 1)),
        S(regular(g, 2), g(2, 3)),
        S(regular(g, 2, 1), g(4, 3, 2)),
        S(regular(g), g(2, 3, 1)),
        S(regular(g), g(2, 3), left=False),
        S(regular(g), g(3, 0)),
    ]


def np_solve(a: Any, b: Any, left: bool = True) -> Any:
    if not left:
        return np.swapaxes(N.solve(np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2)), -1, -2)
    if b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1]):
        return N.solve(a, b[..., None])[..., 0]
    return N.solve(a, b)


def np_triangular(
    a: Any, b: Any, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    a = np.triu(a) if upper else np.tril(a)
    if unitriangular:
        a = a - np.diagonal(a, 0, -2, -1)[..., None] * np.eye(a.shape[-1]) + np.eye(a.shape[-1])
    return np_solve(a, b, left) if b.ndim > 1 else b


def triangular(g: Gen) -> list[Sample]:
    return [
        S(regular(g), g(3, 2), upper=True),
        S(regular(g), g(3, 2), upper=False),
        S(regular(g), g(2, 3), upper=True, left=False),
        S(regular(g, 2), g(2, 3, 1), upper=False, unitriangular=True),
        S(regular(g, 2, 1), g(4, 3, 2), upper=True, unitriangular=True),
        S(regular(g, 2), g(3, 1), upper=False, left=True),
        S(regular(g), g(3, 0), upper=True),
    ]


def big_triangular(g: Gen) -> Sample:
    return S(g(101, 101) / 20 + 2 * np.eye(101, dtype=g.dtype), g(101, 7), upper=False)


def made(name: str, make: Callable[..., Any], after: Callable[..., Any] | None = None) -> Any:
    """A call on `make` of the argument (so that symmetry survives differences), then `after`."""

    def call(P: Any, a: Any, *args: Any, **kwargs: Any) -> Any:
        f = P
        for part in name.split("."):
            f = getattr(f, part)
        y = f(make(a), *args, **kwargs)
        return after(*y) if after else y

    return call


def mirrored(a: Any) -> Any:
    return a + (a.swapaxes(-1, -2) if isinstance(a, np.ndarray) and a.ndim > 1 else a.mT)


def apart(g: Gen, m: int, n: int, *batch: int) -> Any:
    """Singular values well apart, and away from zero."""
    k = min(m, n)
    u = N.qr(g.rng.normal(size=(*batch, m, k)))[0]
    v = N.qr(g.rng.normal(size=(*batch, n, k)))[0]
    return ((u * np.arange(1, k + 1)) @ v.swapaxes(-1, -2)).astype(g.dtype)


def factors(g: Gen) -> list[Sample]:
    return [S(apart(g, 3, 3)), S(apart(g, 4, 2)), S(apart(g, 2, 4)), S(apart(g, 3, 2, 2))]


def signless(u: Any, s: Any, vh: Any) -> Any:
    """What does not depend on the signs of singular vectors."""
    k = s.shape[-1]
    u, vh = u[..., :k], vh[..., :k, :]
    return u * u, s, vh * vh, (u * s.sin()[..., None, :]) @ vh


def np_matrix_norm(a: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False) -> Any:
    return N.norm(a, ord, dim, keepdim)


def np_vector_norm(x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False) -> Any:
    if dim is None:
        y = N.norm(x.reshape(-1), ord)
        return np.asarray(y).reshape([1] * x.ndim) if keepdim else y
    dims = [d % x.ndim for d in ((dim,) if isinstance(dim, int) else dim)]
    rest = [d for d in range(x.ndim) if d not in dims]
    flat = x.transpose(rest + dims).reshape([x.shape[d] for d in rest] + [-1])
    y = N.norm(flat, ord, -1)
    return np.expand_dims(y, dims) if keepdim else y


def np_matrix_exp(a: Any) -> Any:
    scaled, y = a / 2.0**10, np.zeros_like(a) + np.eye(a.shape[-1])
    term = y
    for i in range(1, 14):
        term = term @ scaled / i
        y = y + term
    for _ in range(10):
        y = y @ y
    return y


def np_tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    return np.tensordot(a, b, dims)


def lu_product(P: Any, a: Any) -> Any:
    p, low, up = P.linalg.lu(a)
    return p @ low.sin() @ up, low, up


def lu_solution(P: Any, a: Any, b: Any, **kw: Any) -> Any:
    return P.linalg.lu_solve(*P.linalg.lu_factor(a), b, **kw)


def row(name: str, samples: Any, numpy: Any, *errors: Err, **kw: Any) -> Op:
    kw.setdefault("layouts", LAYOUTS)
    kw.setdefault("tol", 20)
    kw.setdefault("dtypes", FLOATS)
    return Op(name, samples, numpy=numpy, errors=errors, **kw)


def powers(g: Gen) -> list[Sample]:
    return [S(regular(g) / 4, n) for n in (2, 1, 0, 3, 5, 8)] + [S(regular(g, 2), -2)]


ROWS = [
    row(
        "linalg.inv", squares, N.inv, SQUARE, SMALL, INTEGER, Err((BAD,), RuntimeError, "singular")
    ),
    row("inverse", squares, N.inv, method="inverse"),
    row("linalg.inv_ex", squares, None, call=lambda P, a: P.linalg.inv_ex(a)[0]),
    row("linalg.det", squares, N.det, SQUARE, SMALL, INTEGER),
    row("det", squares, N.det, method="det"),
    row(
        "det of singular matrices",
        lambda g: [S(BAD.astype(g.dtype)), S(np.diag([2, 0, 3]).astype(g.dtype))],
        N.det,
        call="det",
        oracle=False,
        note="PyTorch 2.13 gives the first a gradient of zero",
    ),
    row(
        "linalg.slogdet",
        lambda g: [*squares(g), S(-regular(g, 2))],
        lambda a: list(N.slogdet(a)),
        SQUARE,
        SMALL,
        INTEGER,
    ),
    row(
        "logdet",
        lambda g: [S(positive(g)), S(positive(g, 2))],
        lambda a: np.log(N.det(a)),
        method="logdet",
        covers=("slogdet",),
    ),
    row(
        "linalg.solve",
        systems,
        np_solve,
        Err((X, ZEROS((2, 1))), RuntimeError, "square matrices", names=""),
        Err((EYE, ZEROS((3, 1))), RuntimeError, "Incompatible shapes"),
        Err((BAD, ZEROS(2)), RuntimeError, "singular"),
        Err((EYE, ZEROS((2, 1), np.float32)), RuntimeError, "same dtype"),
    ),
    row("linalg.solve_ex", systems, None, call=lambda P, *a, **k: P.linalg.solve_ex(*a, **k)[0]),
    row(
        "linalg.solve_triangular",
        triangular,
        np_triangular,
        Err((EYE, ZEROS((3, 1))), RuntimeError, "Incompatible shapes", {"upper": True}),
        Err((X, ZEROS((2, 1))), RuntimeError, "square", {"upper": True}),
        covers=("linalg_solve_triangular", "linalg_lu_pack", *NATIVE),
        large=big_triangular,
    ),
    row(
        "linalg.cholesky",
        lambda g: [S(positive(g)), S(positive(g, 2)), S(positive(g), upper=True), S(g(0, 0))],
        lambda a, upper=False: (
            N.cholesky(a).swapaxes(-1, -2) if upper else N.cholesky(a) if a.size else a
        ),
        Err((-np.eye(3),), RuntimeError, "order 1 is not positive-definite"),
        Err((np.diag([1.0, 2.0, -1.0]),), RuntimeError, "order 3 is not positive-definite"),
        Err((np.stack([EYE, -EYE]),), RuntimeError, "Batch element 1"),
        call=made("linalg.cholesky", lambda a: 0.5 * mirrored(a)),
    ),
    row(
        "cholesky",
        lambda g: [Kink(positive(g)), Kink(positive(g, 2), True)],
        None,
        SQUARE,
        SMALL,
        Err(
            (np.eye(2, dtype=np.int64),),
            (RuntimeError, NotImplementedError),
            "floating|Long",
            names="",
        ),
        method="cholesky",
    ),
    row(
        "linalg.cholesky_ex",
        lambda g: [S(positive(g)), S(positive(g, 2))],
        None,
        call=made("linalg.cholesky_ex", lambda a: 0.5 * mirrored(a), lambda low, info: low),
    ),
    row(
        "cholesky_solve",
        lambda g: [
            S(g(3, 2), regular(g)),
            S(g(2, 3, 1), regular(g, 2), True),
            S(g(3, 1), regular(g)),
        ],
        lambda b, low, upper=False: N.solve(
            np.triu(low).swapaxes(-1, -2) @ np.triu(low)
            if upper
            else np.tril(low) @ np.tril(low).swapaxes(-1, -2),
            b,
        ),
        call=lambda P, b, low, upper=False: P.cholesky_solve(
            b, low.triu() if upper else low.tril(), upper
        ),
        covers=("cholesky_solve",),
    ),
    row(
        "cholesky_inverse",
        lambda g: [S(regular(g)), S(regular(g, 2), True)],
        lambda low, upper=False: N.inv(
            np.triu(low).swapaxes(-1, -2) @ np.triu(low)
            if upper
            else np.tril(low) @ np.tril(low).swapaxes(-1, -2)
        ),
        call=lambda P, low, upper=False: P.cholesky_inverse(
            low.triu() if upper else low.tril(), upper
        ),
        covers=("cholesky_inverse",),
    ),
    row(
        "linalg.qr",
        lambda g: [*matrices(g), S(g(3, 3), "complete"), S(g(2, 4), mode="complete")],
        lambda a, mode="reduced": list(N.qr(a, mode)),
        Err((EYE, "foo"), RuntimeError, "unrecognized mode"),
        SMALL,
    ),
    row("qr", lambda g: [S(g(4, 2)), S(g(2, 3), False)], None, method="qr"),
    row(
        "linalg.householder_product",
        lambda g: [S(g(4, 3), g(3)), S(g(2, 3, 3), g(2, 2)), S(g(3, 2), g(0))],
        None,
        Err((X, ZEROS(2)), RuntimeError, "greater than or equal to"),
        covers=("orgqr",),
    ),
    row(
        "triangular_solve",
        lambda g: [
            S(g(3, 2), regular(g)),
            S(g(2, 3, 1), regular(g, 2), False),
            S(g(3, 2), regular(g), True, True),
            S(g(3, 2), regular(g), False, True, True),
        ],
        None,
        call=lambda P, *args: P.triangular_solve(*args)[0],
    ),
    row(
        "linalg.eigh",
        lambda g: [S(apart(g, 3, 3)), S(apart(g, 3, 3, 2)), S(apart(g, 2, 2), "U")],
        None,
        Err((EYE, "K"), RuntimeError, "UPLO"),
        call=made(
            "linalg.eigh",
            mirrored,
            lambda values, v: (values, v * v, (v * values.sin()[..., None, :]) @ v.mT),
        ),
    ),
    row(
        "linalg.eigvalsh",
        lambda g: [S(apart(g, 3, 3)), S(apart(g, 3, 3, 2)), S(g(0, 0))],
        lambda a: N.eigvalsh(mirrored(a)),
        call=made("linalg.eigvalsh", mirrored),
    ),
    row(
        "linalg.svd",
        lambda g: [*factors(g), S(apart(g, 3, 2), full_matrices=False), S(apart(g, 2, 3), False)],
        None,
        SMALL,
        INTEGER,
        call=made("linalg.svd", lambda a: a, signless),
    ),
    row(
        "svd",
        factors,
        None,
        call=made("svd", lambda a: a, lambda u, s, v: signless(u, s, v.mT)),
        covers=("svd",),
    ),
    row("linalg.svdvals", factors, lambda a: N.svd(a, compute_uv=False), SMALL),
    row(
        "linalg.pinv",
        lambda g: [
            *factors(g),
            S(g(0, 3)),
            S(apart(g, 3, 2), atol=0.1, rtol=0.0),
        ],
        lambda a, **kw: N.pinv(a),
        Err((ZEROS(3),), RuntimeError, "2 or more dim"),
        tol=50,
    ),
    row("pinverse", factors, N.pinv, method="pinverse", tol=50),
    row(
        "linalg.matrix_rank",
        lambda g: [S(apart(g, 3, 2)), S(apart(g, 3, 3, 2)), S(BAD.astype(g.dtype)), S(g(0, 2))],
        lambda a: N.matrix_rank(a) if a.size else np.int64(0),
        SMALL,
        grad=False,
        grad2=False,
    ),
    row(
        "linalg.lstsq",
        lambda g: [
            S(apart(g, 4, 2), g(4, 3)),
            S(apart(g, 2, 4), g(2, 1)),
            S(apart(g, 4, 2, 2), g(2, 4)),
            S(apart(g, 3, 3), g(3, 2)),
        ],
        None,
        Err((X, ZEROS((3, 1))), RuntimeError, "should match"),
        call=lambda P, a, b: P.linalg.lstsq(a, b)[0],
        tol=50,
    ),
    row(
        "linalg.lu",
        lambda g: [S(g(3, 3)), S(g(4, 2)), S(g(2, 4)), S(g(2, 3, 3)), S(g(40, 38)), S(g(0, 2))],
        None,
        call=lu_product,
    ),
    row(
        "linalg.lu_factor",
        lambda g: [S(regular(g)), S(regular(g, 2)), S(g(5, 3))],
        None,
        Err((BAD,), RuntimeError, "is zero"),
    ),
    row(
        "linalg.lu_solve",
        lambda g: [
            S(g(3, 3) + regular(g), g(3, 2)),
            S(regular(g, 2), g(3, 1)),
            S(regular(g), g(2, 3), left=False),
            S(regular(g), g(3, 2), adjoint=True),
        ],
        None,
        call=lu_solution,
        covers=("lu_solve", "lu_unpack"),
    ),
    row(
        "linalg.matrix_exp",
        lambda g: [
            S(g(3, 3)),
            S(g(2, 2, 2) * 5),
            S(g(0, 0)),
            S(ZEROS((2, 2), g.dtype) + 0 * g(2, 2)),
        ],
        np_matrix_exp,
        SQUARE,
        covers=("matrix_exp",),
        tol=100,
    ),
    row(
        "linalg.matrix_power",
        powers,
        lambda a, n: N.matrix_power(a, n),
        Err((X, 2), RuntimeError, "square"),
    ),
    row(
        "matrix_power",
        lambda g: [S(g(3, 3), n) for n in (4, 1, 0)],
        lambda a, n: N.matrix_power(a, n),
        method="matrix_power",
        dtypes=("int64", *FLOATS),
    ),
    row(
        "linalg.multi_dot",
        lambda g: [
            S([g(2, 3), g(3, 4)]),
            S([g(10, 2), g(2, 30), g(30, 3), g(3, 5)]),
            S([g(3), g(3, 4), g(4)]),
            S([g(3), g(3, 4), g(4, 2)]),
            S([g(2, 3), g(3)]),
        ],
        lambda ts: N.multi_dot(ts),
        Err(([X],), RuntimeError, "at least 2 tensors"),
        Err(([X, X],), RuntimeError, "cannot be multiplied"),
    ),
    row(
        "chain_matmul",
        lambda g: [S(g(10, 2), g(2, 30), g(30, 3)), S(g(2, 3))],
        lambda *ts: N.multi_dot(ts) if len(ts) > 1 else ts[0],
    ),
    row(
        "linalg.vector_norm",
        lambda g: [
            S(g(3, 4)),
            *(S(g.distinct(3, 4) + 3, p, dim=1) for p in (0, 1, 3, 2.5, np.inf, -np.inf, -1)),
            S(g(2, 3, 4), 2, (0, 2), True),
            S(g(5), 1, keepdim=True),
            S(g(0)),
        ],
        np_vector_norm,
        INTEGER,
    ),
    row(
        "linalg.matrix_norm",
        lambda g: [
            *(S(apart(g, 3, 4), p) for p in ("fro", "nuc", np.inf, -np.inf, 1, -1, 2, -2)),
            S(apart(g, 3, 4, 2), 2, (1, 2), True),
            S(g(2, 3, 4), 1, (2, 0)),
            S(g(2, 3, 4), np.inf, (0, -1), True),
        ],
        np_matrix_norm,
        Err((EYE, 3), RuntimeError, "Order 3 not supported"),
        SMALL,
        INTEGER,
    ),
    row(
        "linalg.norm",
        lambda g: [
            S(g(3, 4)),
            S(g(2, 3, 4)),
            S(g(3, 4), 2),
            S(g(4), 3),
            S(g(2, 3, 4), 1, (0, 1)),
            S(g(3, 4), 1, 0),
        ],
        None,
        Err((ZEROS((2, 2, 2)), 2), RuntimeError, "1D or 2D"),
        Err((ZEROS((2, 2, 2)), 2, (0, 1, 2)), RuntimeError, "length 1 or 2"),
        Err((EYE, "foo"), RuntimeError, "Order foo not supported", names=""),
    ),
    row(
        "linalg.cond",
        lambda g: [
            S(apart(g, 3, 3)),
            S(apart(g, 4, 2, 2)),
            *(S(regular(g), p) for p in (-2, "fro", 1, np.inf, "nuc")),
        ],
        N.cond,
        Err((X, "fro"), RuntimeError, "square"),
        oracle=False,
        note="PyTorch 2.13 cannot differentiate the norms that need the inverse",
    ),
    row(
        "linalg.vecdot",
        lambda g: [
            S(g(3), g(3)),
            S(g(2, 3), g(2, 3)),
            S(g(3, 2), g(3, 2), dim=0),
            S(g(2, 3), g(3)),
        ],
        lambda a, b, dim=-1: (a * b).sum(dim),
    ),
    row(
        "linalg.diagonal",
        lambda g: [S(g(2, 3, 4)), S(g(3, 3), offset=1)],
        lambda a, offset=0, dim1=-2, dim2=-1: np.diagonal(a, offset, dim1, dim2),
    ),
    row(
        "linalg.vander",
        lambda g: [S(g(3)), S(g(2, 3), N=4), S(g(2, 3))],
        lambda x, N=None: x[..., None] ** np.arange(N or x.shape[-1]),
        dtypes=("int64", *FLOATS),
    ),
    row(
        "vander",
        lambda g: [S(g(3)), S(g(3), 2), S(g(3), 4, True), S(g(3), 0)],
        np.vander,
        dtypes=("int64", *FLOATS),
        oracle=False,
        note="PyTorch 2.13 fails in the derivative",
    ),
    row(
        "linalg.tensorinv",
        lambda g: [S(regular(g, n=6).reshape(2, 3, 6), 2), S(regular(g, n=4).reshape(4, 2, 2), 1)],
        N.tensorinv,
        Err((X,), RuntimeError, "requirement"),
    ),
    row(
        "linalg.tensorsolve",
        lambda g: [
            S(regular(g, n=6).reshape(2, 3, 6), g(2, 3)),
            S(regular(g, n=6).reshape(6, 2, 3), g(6)),
            S(np.moveaxis(regular(g, n=4).reshape(2, 2, 4), 2, 0), g(2, 2), dims=(0,)),
        ],
        lambda a, b, dims=None: N.tensorsolve(a, b, dims),
        Err((X, ZEROS(2)), RuntimeError, "requirement"),
    ),
    row(
        "tensordot",
        lambda g: [
            S(g(2, 3, 4), g(3, 4, 5)),
            S(g(2, 3), g(3, 2), dims=1),
            S(g(2, 3), g(4), dims=0),
            S(g(2, 3, 4), g(4, 2), dims=([0, 2], [1, 0])),
            S(g(2, 3), g(2, 3), ([-1], [-1])),
        ],
        np_tensordot,
        Err((ZEROS(3), ZEROS(2)), RuntimeError, "dims < ndim"),
        Err((ZEROS(3), ZEROS(2), 1), RuntimeError, "contracted dimensions need to match"),
        dtypes=NUMERIC,
    ),
    row(
        "einsum with lists",
        lambda g: [
            S(g(2, 3), [0, 1], g(3, 4), [1, 2], [0, 2]),
            S(g(2, 3), [0, 1], g(3, 4), [1, 2]),
            S(g(5, 2, 3), [..., 0, 1], g(3), [1], [..., 0]),
        ],
        np.einsum,
        call="einsum",
    ),
]
