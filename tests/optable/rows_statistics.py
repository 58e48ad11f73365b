"""Order statistics, running extremes, NaN-aware reductions, differences, counts and searches."""

from __future__ import annotations

from typing import Any

import numpy as np

from .model import (
    ALL,
    FLOATS,
    INTS,
    NUMERIC,
    Const,
    Err,
    Gen,
    Kink,
    Op,
    S,
    Sample,
)

ZEROS = np.zeros
SIGNED = ("int8", "int16", "int32", "int64", *FLOATS)
NO_EXPAND = ("transposed", "stepped", "negative")
DIM = Err((ZEROS((2, 3)), 2), IndexError, "Dimension out of range")
NOGRAD: dict[str, Any] = {"grad": False, "grad2": False}


def with_nan(a: np.ndarray) -> np.ndarray:
    a = a.copy()
    if a.dtype.kind == "f" and a.size:
        a.reshape(-1)[:: 7 if a.size > 13 else 5] = np.nan
    return a


def nan_samples(g: Gen) -> list[Sample]:
    return [
        S(g(3, 4)),
        S(g()),
        S(g(3, 4), 1),
        S(g(2, 3, 4), (0, 2), True),
        S(g(67)),
        Kink(with_nan(g(3, 4))),
        Kink(with_nan(g(3, 4)), 0),
        Kink(with_nan(g(2, 3, 4)), (1, 2)),
    ]


def np_nan(f: Any) -> Any:
    return lambda x, dim=None, keepdim=False: f(x, axis=dim, keepdims=keepdim)


def order_samples(*before: Any) -> Any:
    def samples(g: Gen) -> list[Sample]:
        shapes: list[tuple[tuple[int, ...], int]] = [((3, 4), 1), ((3, 4), 0), ((2, 5, 3), -2)]
        out = [S(g.distinct(*shape), *before, dim) for shape, dim in shapes]
        return [*out, S(g.distinct(7), *before, 0, True), S(g.distinct(), *before, 0)]

    return samples


def mode_samples(g: Gen) -> list[Sample]:
    few = np.asarray(g.index(4, 6, high=3)).astype(g.dtype)
    return [
        Kink(few),
        Kink(few.copy(), 0),
        Kink(few.copy(), 1, True),
        S(g.distinct(5)),
        S(g.distinct()),
    ]


def quantile_samples(g: Gen) -> list[Sample]:
    q = Const(np.array([0.1, 0.5, 0.75], g.dtype))
    out = [
        S(g.distinct(3, 4), 0.3),
        S(g.distinct(3, 4), 0.6, 1),
        S(g.distinct(5, 3), 0.25, 0, True),
    ]
    out += [S(g.distinct(3, 4), q), S(g.distinct(2, 3, 5), q, 1), S(g.distinct(3, 4), q, 0, True)]
    out += [S(g.distinct(6), 1.0), S(g.distinct(6), 0.0), S(g.distinct(2, 3), q, keepdim=True)]
    for how in ("lower", "higher", "midpoint", "nearest"):
        out.append(S(g.distinct(3, 6), 0.33, 1, interpolation=how))
    return [*out, Kink(with_nan(g(4, 5)), 0.4, 1), Kink(with_nan(g(4, 5)), q, 0)]


def running_samples(g: Gen) -> list[Sample]:
    out = [S(g.distinct(3, 4), 1), S(g.distinct(2, 5, 3), 1), S(g.distinct(), 0), S(g(0, 3), 0)]
    few = np.asarray(g.index(4, 6, high=3)).astype(g.dtype)
    return [*out, Kink(few, 1), *([Kink(with_nan(g(3, 5)), 1)] * g.floating)]


def logcumsumexp_samples(g: Gen) -> list[Sample]:
    inf = np.array([1.0, -np.inf, 2.0, -np.inf], g.dtype)
    far = np.array([1000.0, -1000.0, 999.0], g.dtype)
    out = [S(g(3, 4), 1), S(g(2, 5, 3), 1), S(g(67), 0), S(g(), 0), S(g(0, 3), 1)]
    return [*out, Kink(inf, 0), Kink(far, 0)]


def diff_samples(g: Gen) -> list[Sample]:
    out = [S(g(3, 5)), S(g(3, 5), 2), S(g(3, 5), 1, 0), S(g(4), 0), S(g(2), 5), S(g(0))]
    return [*out, S(g(3, 5), prepend=g(3, 1), append=g(3, 2)), S(g(3, 5), dim=0, append=g(1, 5))]


def trapezoid_samples(g: Gen) -> list[Sample]:
    out = [S(g(3, 5)), S(g(3, 5), dim=0), S(g(3, 5), dx=2), S(g(5), g(5)), S(g(3, 5), g(5))]
    return [
        *out,
        S(g(3, 5), g(3, 5)),
        S(g(4, 2, 3), g(2), dim=1),
        S(g(2, 1)),
        S(g(3, 5), g(3), dim=0),
    ]


def cov_samples(g: Gen) -> list[Sample]:
    f, a = Const(np.array([1, 2, 1, 3, 0])), np.array([0.5, 1, 2, 0.3, 1])
    out = [S(g(3, 5)), S(g(5)), S(g(3, 5), correction=0)]
    if g.floating:
        weights = a.astype(g.dtype)
        out += [S(g(3, 5), fweights=f), S(g(3, 5), aweights=Const(weights))]
        out.append(S(g(3, 5), correction=0, fweights=f, aweights=Const(weights.copy())))
    return out


def moment_samples(g: Gen) -> list[Sample]:
    return [
        S(g(3, 4)),
        S(g(3, 4), 1),
        S(g(2, 3, 4), (0, 2), keepdim=True),
        S(g(3, 4), 1, False),
        S(g(3, 4), dim=0, correction=0),
        S(g(5), True),
    ]


REDUCTIONS = [
    Op("nansum", nan_samples, numpy=np_nan(np.nansum), dtypes=ALL, method="nansum"),
    Op(
        "nanmean",
        nan_samples,
        numpy=np_nan(np.nanmean),
        method="nanmean",
        errors=(Err((ZEROS(3, int),), RuntimeError, "floating point"),),
    ),
    Op(
        "aminmax",
        lambda g: [
            S(g.distinct(3, 4)),
            S(g.distinct(3, 4), dim=1),
            S(g.distinct(5), dim=0, keepdim=True),
        ],
        dtypes=SIGNED,
        method="aminmax",
        layouts=NO_EXPAND,
        errors=(Err((ZEROS(0),), RuntimeError, "no identity"),),
    ),
    Op("var_mean", moment_samples, tol=2),
    Op("std_mean", moment_samples, tol=2, layouts=NO_EXPAND),
    Op(
        "dist",
        lambda g: [S(g(3, 4), g(4)), S(g(5), g(5), 1.0), S(g(5), g(5), p=3), S(g(67), g(67))],
        method="dist",
        layouts=NO_EXPAND,
        tol=2,
    ),
    Op(
        "renorm",
        lambda g: [S(g(3, 4), 2, 0, 1.0), S(g(3, 4), 1.0, 1, 1.5), S(g(2, 3, 4), 2, -1, 0.5)],
        method="renorm",
        inplace="renorm_",
        tol=4,
        errors=(
            Err((ZEROS((2, 3)), 0.0, 0, 1.0), RuntimeError, "non-positive"),
            Err((ZEROS(3), 2.0, 0, 1.0), RuntimeError, "2 dimensions|2-dim|at least 2"),
        ),
    ),
    Op(
        "trace",
        lambda g: [S(g(3, 3)), S(g(2, 4)), S(g(0, 3))],
        numpy=np.trace,
        dtypes=NUMERIC,
        method="trace",
        errors=(Err((ZEROS(3),), RuntimeError, "expected a matrix"),),
    ),
    Op(
        "cov",
        cov_samples,
        numpy=lambda x, correction=1, fweights=None, aweights=None: np.cov(
            x,
            ddof=correction,
            fweights=None if fweights is None else fweights.array,
            aweights=None if aweights is None else aweights.array,
        ),
        dtypes=NUMERIC,
        method="cov",
        tol=4,
        errors=(
            Err((ZEROS((2, 2, 2)),), RuntimeError, "two or fewer"),
            Err(
                (ZEROS((2, 3)),),
                RuntimeError,
                "same numel",
                {"fweights": np.ones(2, int)},
            ),
        ),
    ),
    Op(
        "corrcoef",
        lambda g: [S(g(3, 7)), S(g(2, 5))],
        numpy=np.corrcoef,
        method="corrcoef",
        layouts=NO_EXPAND,
        tol=10,
    ),
    Op(
        "diff",
        diff_samples,
        dtypes=ALL,
        method="diff",
        errors=(Err((ZEROS(()),), RuntimeError, "at least one-dimensional"),),
    ),
    *(
        Op(
            name,
            trapezoid_samples,
            dtypes=FLOATS,
            tol=2,
            errors=(Err((ZEROS((2, 3)), ZEROS(2)), RuntimeError, "one `x` value"),),
        )
        for name in ("trapezoid", "cumulative_trapezoid")
    ),
    Op("trapz", lambda g: [S(g(3, 5)), S(g(5), g(5))]),
]

ORDER = [
    Op(
        "kthvalue",
        lambda g: [
            S(g.distinct(3, 4), 2),
            S(g.distinct(3, 4), 3, 0),
            S(g.distinct(2, 5, 3), 4, 1, True),
            S(g.distinct(), 1),
            *([Kink(with_nan(g.distinct(7)), 3)] * g.floating),
        ],
        dtypes=SIGNED,
        method="kthvalue",
        layouts=NO_EXPAND,
        errors=(
            Err((ZEROS(3), 4), RuntimeError, "out of range"),
            Err((ZEROS((2, 3)), 1, 2), IndexError, "Dimension out of range"),
        ),
    ),
    Op(
        "nanmedian",
        lambda g: [
            S(g.distinct(3, 4)),
            S(g.distinct()),
            S(g.distinct(67)),
            Kink(with_nan(g(3, 4))),
        ],
        dtypes=SIGNED,
        method="nanmedian",
        layouts=NO_EXPAND,
    ),
    Op(
        "nanmedian along a dimension",
        lambda g: [
            *order_samples()(g),
            *([Kink(with_nan(g.distinct(4, 5)), 1), Kink(with_nan(g.distinct(5)), 0)] * g.floating),
        ],
        call="nanmedian",
        dtypes=SIGNED,
        layouts=NO_EXPAND,
        errors=(DIM,),
    ),
    Op("mode", mode_samples, dtypes=ALL, method="mode", layouts=NO_EXPAND, errors=(DIM,)),
    Op(
        "quantile",
        quantile_samples,
        method="quantile",
        layouts=NO_EXPAND,
        tol=4,
        errors=(
            Err((ZEROS(3), 2.0), RuntimeError, "range \\[0, 1\\]"),
            Err((ZEROS(3), np.zeros(1, np.float32)), RuntimeError, "same dtype"),
            Err((ZEROS(0), 0.5), RuntimeError, "non-empty"),
        ),
    ),
    Op("nanquantile", quantile_samples, method="nanquantile", layouts=NO_EXPAND, tol=4),
    Op("cummax", running_samples, dtypes=ALL, method="cummax", layouts=NO_EXPAND, errors=(DIM,)),
    Op("cummin", running_samples, dtypes=ALL, method="cummin", layouts=NO_EXPAND, errors=(DIM,)),
    Op(
        "logcumsumexp",
        logcumsumexp_samples,
        numpy=lambda x, dim: np.logaddexp.accumulate(np.atleast_1d(x), axis=dim).reshape(x.shape),
        method="logcumsumexp",
        tol=2,
        errors=(DIM, Err((ZEROS(3, int), 0), NotImplementedError, "not implemented")),
    ),
]


def search_samples(g: Gen) -> list[Sample]:
    line, lines = np.sort(g(6)), np.sort(g(2, 5), axis=-1)
    out = [
        S(line, g(3, 4)),
        S(lines, g(2, 3)),
        S(line.copy(), g(), right=True),
        S(line.copy(), g(0)),
    ]
    out += [S(line.copy(), line.copy()), S(line.copy(), line.copy(), side="right")]
    out += [S(g(5)[np.array([0] * 5)], 1), S(line.copy(), g(4), out_int32=True)]
    odd = np.array([np.nan, np.inf]) if g.floating else np.array([0, 3])
    return [*out, S(line.copy(), odd.astype(g.dtype))]


def bucketize_samples(g: Gen) -> list[Sample]:
    line = np.sort(g(6))
    return [
        S(g(3, 4), line),
        S(line.copy(), line.copy(), right=True),
        S(1, line.copy()),
        S(g(0), line.copy()),
    ]


def isin_samples(g: Gen) -> list[Sample]:
    few = np.asarray(g.index(3, 4, high=5)).astype(g.dtype)
    some = few[0, :2].copy()
    out = [S(few, some), S(few.copy(), some.copy(), invert=True), S(few.copy(), few[:0, 0].copy())]
    return [
        *out,
        S(few.copy(), 1),
        S(1, some.copy()),
        S(few.copy(), some.copy(), assume_unique=False),
    ]


def unique_samples(g: Gen) -> list[Sample]:
    few = np.asarray(g.index(3, 5, high=4)).astype(g.dtype)
    rows = few[[0, 1, 0, 2, 1]].copy()
    everything = {"return_inverse": True, "return_counts": True}
    out = [
        S(few),
        S(few.copy(), **everything),
        S(few[0].copy(), return_counts=True),
        S(few[0, :0].copy()),
    ]
    out += [
        S(rows, dim=0),
        S(rows.copy(), dim=0, **everything),
        S(rows.T.copy(), dim=1, **everything),
    ]
    return [*out, S(np.asarray(few[0, 0]), **everything)]


def bincount_samples(g: Gen) -> list[Sample]:
    x = np.asarray(g.index(20, high=6)).astype(g.dtype)
    weights = np.linspace(0, 1, 20)
    out = [S(x), S(x.copy(), minlength=9), S(x[:0].copy()), S(x[:0].copy(), minlength=3)]
    return [
        *out,
        S(x.copy(), weights),
        S(x.copy(), weights.astype("float32")),
        S(x.copy(), np.arange(20)),
    ]


def histc_samples(g: Gen) -> list[Sample]:
    odd = np.array([0, 1, 2, 3, 3, 2.5, -1, 7], g.dtype)
    return [
        S(g(67)),
        S(g(3, 4), 5),
        S(odd, 3, 0, 3),
        S(g(0), 4),
        S(g(5), bins=4, min=-1, max=1),
        S(odd[1:2], 4),
    ]


def histogram_samples(g: Gen) -> list[Sample]:
    edges = np.array([-1.5, -0.5, 0.25, 1.5], g.dtype)
    out = [S(g(67), 10), S(g(3, 4), 5, range=(-1.0, 1.0)), S(g(20), edges), S(g(0), 4)]
    return [*out, S(g(20), edges.copy(), weight=g(20), density=True), S(g(20), 4, density=True)]


COUNTS = [
    Op(
        "searchsorted",
        search_samples,
        dtypes=NUMERIC,
        layouts=NO_EXPAND,
        errors=(
            Err((ZEROS((2, 3)), ZEROS((3, 1))), RuntimeError, "first N-1 dimensions"),
            Err((ZEROS(3), ZEROS(2)), RuntimeError, "side can only be", {"side": "x"}),
        ),
        **NOGRAD,
    ),
    Op(
        "bucketize",
        bucketize_samples,
        dtypes=NUMERIC,
        layouts=NO_EXPAND,
        errors=(Err((ZEROS(3), ZEROS((2, 2))), RuntimeError, "1 dimension", names=""),),
        **NOGRAD,
    ),
    Op("isin", isin_samples, dtypes=NUMERIC, layouts=NO_EXPAND, **NOGRAD),
    Op("unique", unique_samples, dtypes=ALL, method="unique", layouts=NO_EXPAND, **NOGRAD),
    Op(
        "unique_consecutive",
        unique_samples,
        dtypes=ALL,
        method="unique_consecutive",
        layouts=NO_EXPAND,
        **NOGRAD,
    ),
    Op(
        "bincount",
        bincount_samples,
        dtypes=INTS,
        method="bincount",
        layouts=NO_EXPAND,
        errors=(
            Err((np.array([-1, 2]),), RuntimeError, "non-negative"),
            Err((ZEROS(3, int), ZEROS(2)), RuntimeError, "same length"),
        ),
        **NOGRAD,
    ),
    Op(
        "histc",
        histc_samples,
        method="histc",
        layouts=NO_EXPAND,
        errors=(
            Err((ZEROS(3), 2, 3, 1), RuntimeError, "max must be larger"),
            Err((np.array([0, np.inf]),), RuntimeError, "not finite"),
        ),
        **NOGRAD,
    ),
    Op("histogram", histogram_samples, method="histogram", layouts=NO_EXPAND, tol=2, **NOGRAD),
]

ROWS = [*REDUCTIONS, *ORDER, *COUNTS]
