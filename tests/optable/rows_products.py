"""Products with an added input, of vectors, Kronecker, cross; distances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .model import FLOATS, NUMERIC, Err, Gen, Kink, Op, S, Sample

ZEROS = np.zeros
Z3 = ZEROS(3)
Z22 = ZEROS((2, 2))
B = ZEROS((2, 2, 2))


def added(shape: tuple[int, ...], *factors: tuple[int, ...]) -> Callable[[Gen], list[Sample]]:
    """Inputs that broadcast to `shape`, with and without factors, beta 0 on NaN."""

    def samples(g: Gen) -> list[Sample]:
        scale: dict[str, Any] = {"beta": 0.5, "alpha": 2.0}
        if not g.floating:
            scale = {"beta": 2, "alpha": 3}
        nan = g(*shape)
        if g.floating:
            nan[...] = np.nan
        draw = lambda: [g(*f) for f in factors]  # noqa: E731
        return [
            S(g(*shape), *draw()),
            S(g(*shape), *draw(), **scale),
            S(g(1), *draw(), **scale),
            S(nan, *draw(), beta=0),
        ]

    return samples


def np_added(product: Callable[..., Any]) -> Callable[..., Any]:
    def f(x: Any, *factors: Any, beta: float = 1, alpha: float = 1) -> Any:
        p = alpha * product(*factors)
        return p if beta == 0 else beta * x + p

    return f


def np_cross(a: Any, b: Any, dim: int | None = None) -> Any:
    shape = np.broadcast_shapes(a.shape, b.shape)
    d = shape.index(3) if dim is None else dim
    return np.cross(a, b, axis=d)


def np_cdist(a: Any, b: Any, p: float = 2.0, compute_mode: str | None = None) -> Any:
    return np.linalg.norm(a[..., :, None, :] - b[..., None, :, :], p, axis=-1)


def cdist_samples(g: Gen) -> list[Sample]:
    out = [S(g(3, 4), g(5, 4), p) for p in (2.0, 1.0, 3.0, np.inf)]
    return [
        *out,
        S(g(2, 3, 4), g(5, 4)),
        S(g(2, 1, 3, 2), g(4, 2, 2)),
        S(g(30, 3), g(2, 3)),
        S(g(3, 4), g(0, 4)),
        S(g(3, 4), g(2, 4), 2.0, "use_mm_for_euclid_dist"),
        Kink(np.ones((2, 3), g.dtype), np.ones((1, 3), g.dtype)),
    ]


def product(name: str, samples: Any, numpy: Any, *errors: Err, **kw: Any) -> Op:
    kw.setdefault("method", name)
    kw.setdefault("dtypes", NUMERIC)
    return Op(name, samples, numpy=numpy, errors=errors, tol=2, **kw)


ROWS = [
    product(
        "addmv",
        added((3,), (3, 4), (4,)),
        np_added(np.matmul),
        Err((Z3, ZEROS((3, 2)), Z3), RuntimeError, "size mismatch"),
        Err((Z3, Z3, Z3), RuntimeError, r"vector \+ matrix @ vector"),
        inplace="addmv_",
    ),
    product(
        "addr",
        added((3, 2), (3,), (2,)),
        np_added(np.outer),
        Err((Z3, Z3, Z22), RuntimeError, "1-?D"),
        inplace="addr_",
    ),
    product(
        "addbmm",
        added((3, 2), (4, 3, 5), (4, 5, 2)),
        np_added(lambda a, b: (a @ b).sum(0)),
        Err((Z3, B, B), RuntimeError, "must match the existing size", names=""),
        Err((Z22, Z22, B), RuntimeError, "3D|dim|expand", names=""),
        inplace="addbmm_",
    ),
    product(
        "baddbmm",
        added((4, 3, 2), (4, 3, 5), (4, 5, 2)),
        np_added(np.matmul),
        Err((Z3, B, B), RuntimeError, "must match the existing size", names=""),
        inplace="baddbmm_",
    ),
    product(
        "vdot",
        lambda g: [S(g(5), g(5)), S(g(0), g(0))],
        np.vdot,
        Err((Z22, Z22), RuntimeError, "1D tensors expected", names="dot"),
    ),
    product("ger", lambda g: [S(g(3), g(2))], np.outer),
    product(
        "inner",
        lambda g: [
            S(g(3), g(3)),
            S(g(2, 3), g(4, 3)),
            S(g(2, 3), g(3)),
            S(g(2, 1, 3), g(2, 4, 3)),
            S(g(), g(2, 3)),
            S(g(2, 0), g(3, 0)),
        ],
        np.inner,
        Err((Z3, ZEROS(2)), RuntimeError, "last dimension must match"),
    ),
    product(
        "kron",
        lambda g: [
            S(g(2, 3), g(3, 2)),
            S(g(3), g(2)),
            S(g(2, 2), g(3)),
            S(g(), g(2, 2)),
            S(g(2, 1, 2), g(2, 3)),
        ],
        np.kron,
    ),
    product(
        "cross",
        lambda g: [
            S(g(2, 3), g(2, 3), 1),
            S(g(3, 4), g(3, 4), 0),
            S(g(4, 3), g(1, 3), -1),
            S(g(3, 3), g(3, 3)),
        ],
        np_cross,
        Err((Z3, ZEROS(2), 0), RuntimeError, "must have length 3"),
        Err((Z22, Z22), RuntimeError, "no dimension of size 3"),
    ),
    product(
        "linalg.cross",
        lambda g: [S(g(4, 3), g(4, 3)), S(g(3, 2), g(3, 2), dim=0), S(g(2, 3), g(1, 3))],
        lambda a, b, dim=-1: np.cross(a, b, axis=dim),
        Err((ZEROS(2), ZEROS(2)), RuntimeError, "must have length 3"),
        method=None,
        covers=("linalg_cross",),
    ),
    product(
        "cdist",
        cdist_samples,
        np_cdist,
        Err((Z3, Z3), RuntimeError, "at least 2D"),
        Err((ZEROS((2, 3)), Z22), RuntimeError, "same number of columns"),
        Err((Z22, Z22, -1.0), RuntimeError, "non-negative p"),
        method=None,
        dtypes=FLOATS,
    ),
    product(
        "adjoint",
        lambda g: [S(g(2, 3)), S(g(2, 3, 4))],
        lambda x: np.swapaxes(x, -1, -2),
        Err((Z3,), RuntimeError, "1-D"),
        covers=("mH", "H"),
    ),
]
