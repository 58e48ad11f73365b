"""Matrix products with all of matmul's broadcasting."""

from __future__ import annotations

from typing import Any

import numpy as np

from .model import NUMERIC, Err, Gen, Op, S, Sample

ZEROS = np.zeros

MATMUL = [
    ((4,), (4,)),
    ((3, 4), (4,)),
    ((4,), (4, 3)),
    ((3, 4), (4, 5)),
    ((1, 4), (4, 1)),
    ((2, 3, 4), (4, 5)),
    ((2, 3, 4), (4,)),
    ((4,), (2, 4, 3)),
    ((2, 3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (3, 4, 2)),
    ((1, 3, 4), (5, 4, 2)),
    ((3, 4), (2, 4, 2)),
    ((0, 4), (4, 3)),
    ((3, 0), (0, 4)),
    ((2, 0, 3), (3, 2)),
    ((17, 19), (19, 35)),
    ((0,), (0,)),
]


def matmul_samples(g: Gen) -> list[Sample]:
    return [S(g(*a), g(*b)) for a, b in MATMUL]


def addmm_samples(g: Gen) -> list[Sample]:
    out = [S(g(*c), g(3, 4), g(4, 5)) for c in [(3, 5), (5,), (3, 1), (1, 5), ()]]
    scale: dict[str, Any] = {"beta": 0.5, "alpha": 2.0} if g.floating else {"beta": 2, "alpha": 3}
    nan = g(3, 5)
    if g.floating:
        nan[1, 1] = np.nan
    out += [S(g(3, 5), g(3, 4), g(4, 5), **scale), S(g(5), g(3, 0), g(0, 5))]
    return [*out, S(g(5), g(3, 4), g(4, 5), beta=0)]


def linear_samples(g: Gen) -> list[Sample]:
    out = [S(g(3, 4), g(5, 4)), S(g(3, 4), g(5, 4), g(5)), S(g(2, 3, 4), g(5, 4), g(5))]
    out += [S(g(4), g(5, 4), g(5)), S(g(4), g(5, 4)), S(g(0, 4), g(5, 4), g(5))]
    return [*out, S(g(3, 17), g(33, 17), g(33)), S(g(1, 64), g(10, 64), g(10))]


def np_linear(x: Any, w: Any, b: Any = 0) -> Any:
    return x @ w.T + b


EINSUM = [
    ("ij,jk->ik", (3, 4), (4, 5)),
    ("ij,jk", (3, 4), (4, 5)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("ij->ji", (3, 4)),
    ("ij->", (3, 4)),
    ("ij->j", (3, 4)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("i,i->", (4,), (4,)),
    ("i,j->ij", (3,), (4,)),
    ("ij,ij->ij", (3, 4), (3, 4)),
    ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 5)),
    ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("bn,anm,bm->ba", (2, 3), (5, 3, 4), (2, 4)),
    ("...i->...", (2, 3, 4)),
]


def einsum_samples(g: Gen) -> list[Sample]:
    out = []
    for equation, *shapes in EINSUM:
        out.append(S(equation, *(g(*s) for s in shapes)))
    return out


LARGE = 301


def large(g: Gen) -> Sample:
    return S(g(LARGE, LARGE), g(LARGE, LARGE))


def mismatch(a: tuple[int, ...], b: tuple[int, ...], phrase: str) -> Err:
    return Err((ZEROS(a), ZEROS(b)), RuntimeError, phrase)


DTYPES = Err((ZEROS((3, 3), np.float32), ZEROS((3, 3))), RuntimeError, "dtype")

ROWS = [
    Op(
        "matmul",
        matmul_samples,
        numpy=np.matmul,
        dtypes=NUMERIC,
        method="matmul",
        large=large,
        errors=(
            mismatch((3, 4), (3, 4), "shapes cannot be multiplied|size"),
            mismatch((2, 3, 4), (3, 4, 5), "size of tensor|must match|broadcast"),
            mismatch((3, 4), (3,), "size mismatch|cannot be multiplied"),
            mismatch((), (3,), "1D|dimension"),
            DTYPES,
        ),
        tol=2,
    ),
    Op(
        "operator @",
        matmul_samples,
        call=lambda P, a, b: a @ b,
        numpy=np.matmul,
        tol=2,
    ),
    Op(
        "mm",
        lambda g: [S(g(*a), g(*b)) for a, b in MATMUL if len(a) == len(b) == 2],
        numpy=np.matmul,
        dtypes=NUMERIC,
        method="mm",
        large=large,
        errors=(
            mismatch((3, 4), (3, 4), "shapes cannot be multiplied"),
            mismatch((3,), (3, 4), "must be a matrix|2D|dim"),
            DTYPES,
        ),
        tol=2,
    ),
    Op(
        "bmm",
        lambda g: [
            S(g(2, 3, 4), g(2, 4, 5)),
            S(g(1, 3, 4), g(1, 4, 1)),
            S(g(0, 3, 4), g(0, 4, 5)),
            S(g(2, 3, 0), g(2, 0, 5)),
            S(g(5, 17, 9), g(5, 9, 33)),
        ],
        numpy=np.matmul,
        dtypes=NUMERIC,
        method="bmm",
        large=lambda g: S(g(7, 90, 80), g(7, 80, 70)),
        errors=(
            mismatch((2, 3, 4), (3, 4, 5), "batch|size"),
            mismatch((2, 3, 4), (2, 3, 5), "size"),
            mismatch((3, 4), (4, 5), "3D|batch"),
        ),
        tol=2,
    ),
    Op(
        "mv",
        lambda g: [S(g(3, 4), g(4)), S(g(1, 5), g(5)), S(g(3, 0), g(0)), S(g(67, 35), g(35))],
        numpy=np.matmul,
        dtypes=NUMERIC,
        method="mv",
        large=lambda g: S(g(701, 503), g(503)),
        errors=(mismatch((3, 4), (3,), "size"),),
        tol=2,
    ),
    Op(
        "dot",
        lambda g: [S(g(4), g(4)), S(g(1), g(1)), S(g(0), g(0)), S(g(67), g(67))],
        numpy=np.dot,
        dtypes=NUMERIC,
        method="dot",
        large=lambda g: S(g(300_001), g(300_001)),
        errors=(
            mismatch((3,), (4,), "same (number|size)|inconsistent|size"),
            mismatch((3, 3), (3,), "1D"),
        ),
        tol=2,
    ),
    Op(
        "outer",
        lambda g: [S(g(3), g(4)), S(g(1), g(1)), S(g(0), g(4)), S(g(19), g(35))],
        numpy=np.outer,
        dtypes=NUMERIC,
        method="outer",
        errors=(Err((ZEROS((2, 2)), ZEROS(3)), RuntimeError, "1-?D"),),
    ),
    Op(
        "addmm",
        addmm_samples,
        numpy=lambda c, a, b, beta=1, alpha=1: beta * c + alpha * (a @ b),
        dtypes=NUMERIC,
        method="addmm",
        inplace="addmm_",
        large=lambda g: S(g(LARGE), g(LARGE, LARGE), g(LARGE, LARGE)),
        errors=(
            Err(
                (ZEROS((3, 5)), ZEROS((3, 4)), ZEROS((3, 5))),
                RuntimeError,
                "shapes cannot be multiplied",
            ),
            Err((ZEROS((4, 4)), ZEROS((3, 4)), ZEROS((4, 5))), RuntimeError, "size|expand"),
        ),
        tol=2,
    ),
    Op(
        "linear",
        linear_samples,
        call="nn.functional.linear",
        numpy=np_linear,
        large=lambda g: S(g(300, 201), g(170, 201), g(170)),
        errors=(
            Err(
                (ZEROS((3, 4)), ZEROS((5, 3))),
                RuntimeError,
                "shapes cannot be multiplied|size",
                names="linear|mat",
            ),
        ),
        tol=2,
    ),
    Op(
        "einsum",
        einsum_samples,
        numpy=np.einsum,
        errors=(
            Err(
                ("ij,jk->ik", ZEROS((3, 4)), ZEROS((5, 6))), RuntimeError, "subscript|size|does not"
            ),
            Err(("ij,jk", ZEROS((3, 4))), RuntimeError, "operands|fewer|more"),
            Err(("ij->k", ZEROS((3, 4))), RuntimeError, "output subscript|does not appear"),
        ),
        tol=2,
    ),
]
