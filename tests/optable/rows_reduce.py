"""Reductions over any dimensions, and cumulative sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .model import ALL, DT, NUMERIC, Err, Gen, Kink, Op, S, Sample

ZEROS = np.zeros
DIM = Err((ZEROS((2, 3)), 2), IndexError, r"Dimension out of range")
NEGATIVE_DIM = Err((ZEROS((2, 3)), -3), IndexError, r"Dimension out of range")


def reduce_samples(
    g: Gen, empty: bool = True, many: bool = True, full: bool = True
) -> list[Sample]:
    out: list[Sample] = []
    if full:
        out += [S(g()), S(g(5)), S(g(3, 4)), S(g(67)), S(g(2, 3, 4))]
    out += [
        S(g(5), 0),
        S(g(3, 4), 0),
        S(g(3, 4), -1),
        S(g(3, 4), 1, keepdim=True),
        S(g(2, 3, 4), 1),
        S(g(67, 3), 0),
        S(g(3, 67), dim=1, keepdim=True),
        S(g(), 0),
        S(g(4, 1), 1),
    ]
    if many:
        out += [
            S(g(2, 3, 4), (0, 2)),
            S(g(2, 3, 4), (-1, 0), keepdim=True),
            S(g(2, 3, 4), dim=[0, 1, 2]),
            S(g(2, 3, 4, 2), (1, 3)),
        ]
    if empty:
        # The mean of nothing is NaN, so no finite differences.
        out += [Kink(g(0)), Kink(g(0, 3), 0), S(g(3, 0), 0)] if full else [S(g(3, 0), 0)]
    return out


def axis(f: Callable[..., Any], **fixed: Any) -> Callable[..., Any]:
    """A NumPy reduction with PyTorch's spelling of its arguments."""

    def reference(x: Any, dim: Any = None, keepdim: bool = False, **kw: Any) -> Any:
        if isinstance(dim, list):
            dim = tuple(dim)
        if x.ndim == 0:
            dim = None
        kw.pop("dtype", None)
        with np.errstate(all="ignore"):
            return f(x, axis=dim, keepdims=keepdim, **fixed, **kw)

    return reference


def sum_samples(g: Gen) -> list[Sample]:
    return [*reduce_samples(g), S(g(3, 4), dtype=DT("float64")), S(g(3, 4), 0, dtype=DT("float64"))]


def prod_samples(g: Gen) -> list[Sample]:
    out = reduce_samples(g, many=False)
    one_zero, two_zeros = g(3, 4), g(3, 4)
    one_zero[1, 2] = 0
    two_zeros[1, 2] = two_zeros[1, 0] = 0
    return [*out, S(one_zero), S(one_zero.copy(), 1), S(two_zeros), S(two_zeros.copy(), 1)]


def extremum_samples(many: bool) -> Callable[[Gen], list[Sample]]:
    def samples(g: Gen) -> list[Sample]:
        d = g.distinct if g.dtype not in ("bool", "uint8") else g
        out = [S(d(5), 0), S(d(3, 4), 0), S(d(3, 4), -1, keepdim=True), S(d(2, 3, 4), 1)]
        out += [S(d(), 0), S(d(67, 3), 0), S(d(3, 67), 1), S(d(3, 0), 0)]
        if many:
            out += [S(d(3, 4)), S(d(2, 3, 4), (0, 2)), S(d(2, 3, 4), (-1, 0), keepdim=True)]
            tie = np.array([[1, 3, 3], [2, 2, 2]]).astype(g.dtype)
            out += [Kink(tie), Kink(tie.copy(), 1)]
        return out

    return samples


def whole_samples(g: Gen) -> list[Sample]:
    d = g.distinct if g.dtype not in ("bool", "uint8") else g
    tie = np.array([[1, 3, 3], [2, 2, 1]]).astype(g.dtype)
    return [S(d()), S(d(5)), S(d(3, 4)), S(d(2, 3, 4)), S(d(67)), Kink(tie)]


def np_extremum(name: str) -> Callable[..., Any]:
    """Values and indices, the first one of equals."""

    def reference(x: Any, dim: int, keepdim: bool = False) -> Any:
        if x.ndim == 0:
            return x, np.int64(0)
        arg = getattr(np, "arg" + name)(x, axis=dim, keepdims=True)
        values = np.take_along_axis(x, arg, dim)
        return (values, arg) if keepdim else (values.squeeze(dim), arg.squeeze(dim))

    return reference


def arg_samples(g: Gen) -> list[Sample]:
    d = g.distinct if g.dtype not in ("uint8",) else g
    out = [S(d()), S(d(5)), S(d(3, 4)), S(d(3, 4), 0), S(d(3, 4), -1, keepdim=True), S(d(67))]
    out += [S(d(2, 3, 4), 1), S(d(67, 3), 0), S(d(2, 67), dim=1), S(d(), 0)]
    tie = np.array([[1, 3, 3], [2, 2, 1]]).astype(g.dtype)
    return [*out, S(tie), S(tie.copy(), 1)]


def var_samples(g: Gen) -> list[Sample]:
    out = [S(g(5)), S(g(3, 4)), S(g(67)), S(g(3, 4), 0), S(g(3, 4), -1, keepdim=True)]
    out += [S(g(2, 3, 4), (0, 2)), S(g(2, 3, 4), dim=1), S(g(67, 3), 0), S(g(2, 67), 1)]
    out += [S(g(3, 4), 1, correction=0), S(g(3, 4), correction=0), S(g(3, 4), (0, 1), correction=2)]
    return [*out, S(g(3, 4), 1, unbiased=False)]


def np_var(f: Callable[..., Any]) -> Callable[..., Any]:
    def reference(
        x: Any, dim: Any = None, keepdim: bool = False, correction: int = 1, unbiased: bool = True
    ) -> Any:
        return f(x, axis=dim, keepdims=keepdim, ddof=correction if unbiased else 0)

    return reference


def norm_samples(g: Gen) -> list[Sample]:
    out = [
        S(g()),
        S(g(5)),
        S(g(3, 4)),
        S(g(67)),
        S(g(3, 4), dim=0),
        S(g(3, 4), dim=1, keepdim=True),
    ]
    out += [S(g(2, 3, 4), dim=(0, 2)), S(g(2, 3, 4), p=2, dim=1), S(g(3, 4), 1), S(g(3, 4), 3.0)]
    out += [S(g(3, 4), 1, dim=1), S(g(3, 4), 3, dim=(0, 1)), S(g(3, 4), 1.5, dim=0), S(g(0))]
    d = g.distinct(3, 4)
    d[d == 0] = 1.55
    out += [S(d, float("inf")), S(d.copy(), float("inf"), dim=1), S(d.copy(), -float("inf"), dim=1)]
    zero = ZEROS((2, 3), g.dtype)
    return [*out, Kink(zero), Kink(zero.copy(), 1), Kink(zero.copy(), dim=1), Kink(g(3, 4), 0)]


def np_norm(x: Any, p: Any = 2, dim: Any = None, keepdim: bool = False) -> Any:
    x = np.abs(x)
    kw = {"axis": dim, "keepdims": keepdim}
    if p == "fro":
        p = 2
    if p == float("inf"):
        return np.max(x, **kw)
    if p == -float("inf"):
        return np.min(x, **kw)
    if p == 0:
        return np.sum(x != 0, **kw).astype(x.dtype)
    return np.sum(x**p, **kw) ** (1 / p)


def logsumexp_samples(g: Gen) -> list[Sample]:
    out = [
        S(g(5), 0),
        S(g(3, 4), 0),
        S(g(3, 4), -1, keepdim=True),
        S(g(2, 3, 4), (0, 2)),
        S(g(), 0),
    ]
    out += [S(g(67, 3), 0), S(g(2, 67), dim=1), S(g(2, 3), (0, 1))]
    far = (g(3, 4) * 100 + 800).astype(g.dtype)
    part = g(2, 3)
    part[0, 1] = -np.inf
    pinf = g(2, 3)
    pinf[1, 1] = np.inf
    return [*out, S(far, 1), Kink(part, 1), Kink(pinf, 1)]


def np_logsumexp(x: Any, dim: Any, keepdim: bool = False) -> Any:
    top = np.max(x, axis=dim, keepdims=True) if x.ndim else x
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(all="ignore"):
        s = np.log(np.sum(np.exp(x - top), axis=dim if x.ndim else None, keepdims=True)) + top
    return s if keepdim or not x.ndim else s.squeeze(dim)


def truth_samples(g: Gen) -> list[Sample]:
    ones = np.ones((2, 3), g.dtype)
    return [*reduce_samples(g), S(ones), S(ones.copy(), 1), S(ZEROS((2, 3), g.dtype))]


def cumsum_samples(g: Gen) -> list[Sample]:
    out = [S(g(5), 0), S(g(3, 4), 0), S(g(3, 4), -1), S(g(2, 3, 4), 1), S(g(), 0), S(g(0), 0)]
    return [*out, S(g(67, 3), 0), S(g(2, 67), dim=1), S(g(0, 3), 1)]


def cumprod_samples(g: Gen) -> list[Sample]:
    zeros = g(3, 4)
    zeros[1, 2] = zeros[2, 0] = zeros[2, 3] = 0
    return [*cumsum_samples(g), S(zeros, 0), S(zeros.copy(), 1)]


def median_samples(g: Gen) -> list[Sample]:
    d = g.distinct
    return [S(d(5), 0), S(d(3, 4), 0), S(d(3, 4), -1, keepdim=True), S(d(2, 3, 4), 1), S(d(), 0)]


def np_median(x: Any, dim: int, keepdim: bool = False) -> Any:
    if x.ndim == 0:
        return x, np.int64(0)
    n = x.shape[dim]
    order = np.argsort(x, axis=dim, kind="stable").take([(n - 1) // 2], axis=dim)
    values = np.take_along_axis(x, order, dim)
    return (values, order) if keepdim else (values.squeeze(dim), order.squeeze(dim))


def large(g: Gen) -> Sample:
    return S(g(701, 503))


def large_rows(g: Gen) -> Sample:
    return S(g(701, 503), 1)


def large_columns(g: Gen) -> Sample:
    return S(g(701, 503), 0)


SIGNED = ("int16", "int32", "int64", "float32", "float64")
NO_EXPAND = ("transposed", "stepped", "negative")
NOGRAD: dict[str, Any] = {"grad": False, "grad2": False}

ROWS = [
    Op(
        "sum",
        sum_samples,
        numpy=axis(np.sum),
        dtypes=ALL,
        method="sum",
        large=large,
        errors=(DIM, NEGATIVE_DIM, Err((ZEROS((2, 3)), (0, 0)), RuntimeError, "multiple times")),
    ),
    Op("sum over rows", reduce_samples, call="sum", numpy=axis(np.sum), large=large_rows),
    Op("sum over columns", reduce_samples, call="sum", numpy=axis(np.sum), large=large_columns),
    Op(
        "mean",
        reduce_samples,
        numpy=axis(lambda x, **k: np.mean(x, **k) if x.size else np.sum(x, **k) / 0.0),
        method="mean",
        large=large_columns,
        errors=(
            DIM,
            Err((np.ones(3, np.int64),), RuntimeError, "floating point|dtype"),
        ),
    ),
    Op(
        "prod",
        prod_samples,
        numpy=axis(np.prod),
        dtypes=NUMERIC,
        method="prod",
        domain=((-1.5, -0.5), (0.5, 1.5)),
        large=large_rows,
        errors=(DIM,),
    ),
    Op(
        "max",
        extremum_samples(many=False),
        numpy=np_extremum("max"),
        dtypes=ALL,
        method="max",
        large=large_rows,
        layouts=("transposed", "stepped", "negative"),
        errors=(DIM, Err((ZEROS((0,)),), (RuntimeError, IndexError), "dim|empty|identity")),
    ),
    Op("max of all", whole_samples, call="max", numpy=np.max, dtypes=ALL, large=large),
    Op(
        "min",
        extremum_samples(many=False),
        numpy=np_extremum("min"),
        dtypes=ALL,
        method="min",
        large=large_rows,
        layouts=("transposed", "stepped", "negative"),
        errors=(DIM, Err((ZEROS((0,)),), (RuntimeError, IndexError), "dim|empty|identity")),
    ),
    Op("min of all", whole_samples, call="min", numpy=np.min, dtypes=ALL, large=large),
    Op(
        "max of two",
        lambda g: [S(g(3, 4), g(4)), S(g(), g(2))],
        call="max",
        numpy=np.maximum,
        dtypes=NUMERIC,
    ),
    Op(
        "min of two",
        lambda g: [S(g(3, 4), g(4)), S(g(), g(2))],
        call="min",
        numpy=np.minimum,
        dtypes=NUMERIC,
    ),
    Op(
        "amax",
        extremum_samples(many=True),
        numpy=axis(np.max),
        dtypes=ALL,
        method="amax",
        large=large_columns,
        layouts=("transposed", "stepped", "negative"),
        errors=(DIM,),
    ),
    Op(
        "amin",
        extremum_samples(many=True),
        numpy=axis(np.min),
        dtypes=ALL,
        method="amin",
        large=large_rows,
        layouts=("transposed", "stepped", "negative"),
        errors=(DIM,),
    ),
    Op(
        "argmax",
        arg_samples,
        numpy=axis(np.argmax),
        dtypes=NUMERIC,
        method="argmax",
        large=large_rows,
        errors=(DIM, Err((ZEROS((0,)),), (RuntimeError, IndexError), "empty|non-zero|dim")),
        **NOGRAD,
    ),
    Op(
        "argmin",
        arg_samples,
        numpy=axis(np.argmin),
        dtypes=NUMERIC,
        method="argmin",
        large=large_columns,
        errors=(DIM,),
        **NOGRAD,
    ),
    Op("var", var_samples, numpy=np_var(np.var), method="var", large=large, errors=(DIM,), tol=2),
    Op(
        "std",
        var_samples,
        numpy=np_var(np.std),
        method="std",
        large=large_rows,
        layouts=("transposed", "stepped", "negative"),
        errors=(DIM,),
        tol=2,
    ),
    Op(
        "norm",
        norm_samples,
        numpy=np_norm,
        method="norm",
        domain=((-2.0, -0.2), (0.2, 2.0)),
        large=large,
        layouts=("transposed", "stepped", "negative"),
        errors=(Err((ZEROS((2, 3)),), IndexError, "Dimension out of range", {"dim": 2}),),
        tol=2,
    ),
    Op(
        "logsumexp",
        logsumexp_samples,
        numpy=np_logsumexp,
        method="logsumexp",
        large=large_rows,
        errors=(DIM,),
    ),
    Op("any", truth_samples, numpy=axis(np.any), dtypes=ALL, method="any", errors=(DIM,), **NOGRAD),
    Op("all", truth_samples, numpy=axis(np.all), dtypes=ALL, method="all", errors=(DIM,), **NOGRAD),
    Op(
        "cumsum",
        cumsum_samples,
        numpy=lambda x, dim: np.cumsum(x, axis=dim).reshape(x.shape),
        dtypes=ALL,
        method="cumsum",
        large=large_rows,
        errors=(DIM,),
    ),
    Op(
        "cumprod",
        cumprod_samples,
        numpy=lambda x, dim: np.cumprod(x, axis=dim).reshape(x.shape),
        dtypes=NUMERIC,
        method="cumprod",
        domain=((-1.5, -0.5), (0.5, 1.5)),
        large=lambda g: S(g(701, 53), 1),
        errors=(DIM,),
        tol=2,
    ),
    Op(
        "count_nonzero",
        lambda g: [
            S(g(3, 4)),
            S(g(3, 4), 0),
            S(g(2, 3, 4), (0, 2)),
            S(g()),
            S(g(0)),
            S(g(0, 3), 0),
        ],
        numpy=lambda x, dim=None: np.count_nonzero(x, axis=dim),
        dtypes=ALL,
        method="count_nonzero",
        errors=(DIM,),
        **NOGRAD,
    ),
    Op(
        "median",
        lambda g: [S(g.distinct()), S(g.distinct(5)), S(g.distinct(3, 4)), S(g.distinct(67))],
        numpy=lambda x: np.sort(x, axis=None)[(x.size - 1) // 2],
        dtypes=SIGNED,
        method="median",
        large=lambda g: S(g.distinct(301, 203)),
        layouts=NO_EXPAND,
    ),
    Op(
        "median along a dimension",
        median_samples,
        call="median",
        numpy=np_median,
        dtypes=SIGNED,
        layouts=NO_EXPAND,
        errors=(DIM, Err((ZEROS((2, 0)), 1), IndexError, "non-zero size")),
    ),
    Op(
        "sum_to_size",
        lambda g: [
            S(g(3, 4), (4,)),
            S(g(3, 4), (3, 1)),
            S(g(2, 3, 4), (1, 3, 1)),
            S(g(2, 3, 4), ()),
            S(g(3, 4), (3, 4)),
        ],
        call=lambda P, x, size: x.sum_to_size(size),
        method="sum_to_size",
        errors=(Err((ZEROS((2, 3)), (2,)), RuntimeError, "not expandable"),),
    ),
]
