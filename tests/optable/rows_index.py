"""Indexing, gathering, masks, sorting. `test_indexing.py` goes into the combinations."""

from __future__ import annotations

from typing import Any

import numpy as np

from .model import ALL, NUMERIC, Const, Err, Gen, Kink, Op, S, Sample

ZEROS = np.zeros
X = ZEROS((2, 3))
I0 = np.zeros((2, 3), np.int64)
BIG = np.full((2, 3), 9, np.int64)
NOGRAD: dict[str, Any] = {"grad": False, "grad2": False}
RANGE = "Dimension out of range"
OUT = "out of (DATA )?(bounds|range)"
NO_EXPAND = ("transposed", "stepped", "negative")


def getitem_samples(g: Gen) -> list[Sample]:
    i = g.index(3, high=3, low=-3)
    return [
        S(g(3, 4), 1),
        S(g(3, 4), -1),
        S(g(3, 4), (slice(None), 2)),
        S(g(5), slice(1, 4)),
        S(g(7), slice(None, None, 3)),
        S(g(3, 4), (slice(0, 2), slice(1, None, 2))),
        S(g(3, 4), None),
        S(g(2, 3, 4), (Ellipsis, 1)),
        S(g(2, 3, 4), (0, Ellipsis, None, slice(1, 3))),
        S(g(3, 4), i),
        S(g(3, 4), (i, g.index(3, high=4))),
        S(g(3, 4), (slice(None), g.index(2, 2, high=4))),
        S(g(3, 4), g.bools(3, 4)),
        S(g(3, 4), g.bools(3)),
        S(g(3, 4), (slice(None), g.bools(4))),
        S(g(2, 3, 4), (g.index(2, high=2), slice(None), g.index(2, high=4))),
        S(g(), None),
        S(g(), Ellipsis),
        S(g(3, 4), ()),
        S(g(3, 0), 1),
        S(g(3, 4), slice(2, 1)),
    ]


def setitem(P: Any, x: Any, index: Any, value: Any) -> Any:
    y = x.clone()
    y[index] = value
    return y


def np_setitem(x: Any, index: Any, value: Any) -> Any:
    y = x.copy()
    y[index] = value
    return y


def setitem_samples(g: Gen) -> list[Sample]:
    number = g.scalar() if g.dtype != "bool" else True
    return [
        S(g(3, 4), 1, g(4)),
        S(g(3, 4), (slice(None), 2), g(3)),
        S(g(3, 4), (slice(None), 2), number),
        S(g(5), slice(1, 4), g(3)),
        S(g(7), slice(None, None, 3), g()),
        S(g(2, 3, 4), (Ellipsis, slice(0, 2)), g(3, 1)),
        S(g(3, 4), np.array([2, 0]), g(2, 4)),
        S(g(3, 4), (np.array([2, 0]), np.array([1, -1])), g(2)),
        S(g(3, 4), g.bools(3, 4), number),
        S(g(3, 4), np.array([True, False, True]), g(2, 4)),
        S(g(3, 4), (slice(None), np.array([1, 3])), g(3, 2)),
        S(g(3, 4), Ellipsis, g(4)),
        S(g(3, 4), g(3, 4) > 9, g()),
    ]


def gather_samples(g: Gen) -> list[Sample]:
    return [
        S(g(3, 4), 0, g.index(2, 4, high=3)),
        S(g(3, 4), 1, g.index(3, 6, high=4)),
        S(g(2, 3, 4), -1, g.index(2, 2, 3, high=4)),
        S(g(5), 0, g.index(3, high=5)),
        S(g(), 0, g.index(high=1)),
        S(g(3, 4), 1, g.index(3, 0, high=4)),
    ]


def scatter_samples(g: Gen) -> list[Sample]:
    number = g.scalar() if g.dtype != "bool" else True
    return [
        S(g(3, 4), 0, g.permuted(2, 4, dim=0, high=3), g(2, 4)),
        S(g(3, 4), 1, g.permuted(3, 2, dim=1, high=4), g(3, 2)),
        S(g(2, 3, 4), -1, g.permuted(2, 2, 3, dim=2, high=4), g(2, 2, 3)),
        S(g(2, 3, 4), -1, g.permuted(2, 2, 3, dim=2, high=4), Const(g(2, 3, 4))),
        S(g(5), 0, g.permuted(3, dim=0, high=5), g(3)),
        S(g(3, 4), 1, g.permuted(3, 2, dim=1, high=4), number),
    ]


def scatter_add_samples(g: Gen) -> list[Sample]:
    return [
        S(g(3, 4), 0, g.index(2, 4, high=3), g(2, 4)),
        S(g(3, 4), 1, g.index(3, 6, high=4), g(3, 6)),
        S(g(2, 3, 4), -1, g.index(2, 2, 3, high=4), g(2, 2, 3)),
        S(g(5), 0, g.index(3, high=5), Const(g(4))),
        S(g(3, 4), 0, g.index(0, 4, high=3), Const(g(2, 4))),
    ]


def along(x: Any, dim: int, index: Any) -> tuple[Any, ...]:
    """The full index of `gather`: `index` in `dim`, each position's own elsewhere."""
    if index.ndim == 0:
        return ()
    grid = list(np.indices(index.shape))
    grid[dim] = index
    return tuple(grid)


def np_gather(x: Any, dim: int, index: Any) -> Any:
    return x[along(x, dim, index)]


def np_scatter(x: Any, dim: int, index: Any, src: Any) -> Any:
    y = x.copy()
    src = getattr(src, "array", src)
    if np.ndim(src):
        src = src[tuple(slice(n) for n in index.shape)]
    y[along(x, dim, index)] = src
    return y


def np_scatter_add(x: Any, dim: int, index: Any, src: Any) -> Any:
    y = x.copy()
    src = getattr(src, "array", src)
    np.add.at(y, along(x, dim, index), src[tuple(slice(n) for n in index.shape)])
    return y


def np_index_put(x: Any, indices: list[Any], values: Any, accumulate: bool = False) -> Any:
    y = x.copy()
    if accumulate:
        np.add.at(y, tuple(indices), values)
    else:
        y[tuple(indices)] = values
    return y


def at_dim(dim: int, index: Any, ndim: int) -> tuple[Any, ...]:
    return tuple(index if d == dim % ndim else slice(None) for d in range(ndim))


def np_index_add(x: Any, dim: int, index: Any, source: Any, alpha: int = 1) -> Any:
    y = x.copy()
    np.add.at(y, at_dim(dim, index, x.ndim), (source * alpha).astype(x.dtype))
    return y


def np_index_fill(x: Any, dim: int, index: Any, value: Any) -> Any:
    y = x.copy()
    y[at_dim(dim, index, x.ndim)] = getattr(value, "array", value)
    return y


def np_index_copy(x: Any, dim: int, index: Any, source: Any) -> Any:
    y = x.copy()
    y[at_dim(dim, index, x.ndim)] = source
    return y


def np_wide(x: Any, index: Any, dim: int | None) -> Any:
    if dim is None:
        return index
    return np.broadcast_to(
        index, [index.shape[d] if d == dim else n for d, n in enumerate(x.shape)]
    )


def np_masked_fill(x: Any, mask: Any, value: Any) -> Any:
    return np.where(mask, value, x)


def np_one_hot(x: Any, num_classes: int = -1) -> Any:
    n = int(x.max()) + 1 if num_classes == -1 else num_classes
    return np.eye(n, dtype=np.int64)[x]


def np_sort(x: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    if x.ndim == 0:
        return x, np.int64(0)
    order = np.argsort(-x if descending else x, axis=dim, kind="stable")
    return np.take_along_axis(x, order, dim), order


def np_topk(x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    if x.ndim == 0:
        return x, np.int64(0)
    order = np.argsort(-x if largest else x, axis=dim, kind="stable").take(range(k), axis=dim)
    return np.take_along_axis(x, order, dim), order


def sort_samples(g: Gen) -> list[Sample]:
    d = g.distinct
    out = [S(d(5)), S(d(3, 4)), S(d(3, 4), 0), S(d(3, 4), dim=1, descending=True), S(d(0)), S(d())]
    tie = np.array([3, 1, 3, 1, 2, 2, 1, 3]).astype(g.dtype)
    return [
        *out,
        S(d(67)),
        Kink(tie, dim=0, stable=True),
        Kink(tie.copy(), dim=0, descending=True, stable=True),
    ]


def argsort_samples(g: Gen) -> list[Sample]:
    d = g.distinct
    return [S(d(5)), S(d(3, 4), 0), S(d(3, 4), dim=1, descending=True), S(d(67))]


def triangle_samples(g: Gen) -> list[Sample]:
    out = [S(g(3, 4), k) for k in (-5, -1, 0, 1, 2, 5)]
    return [*out, S(g(4, 3)), S(g(2, 3, 3)), S(g(0, 3)), S(g(3, 4), diagonal=-1)]


ROWS = [
    Op(
        "getitem",
        getitem_samples,
        call=lambda P, x, index: x[index],
        numpy=lambda x, index: x[index],
        dtypes=ALL,
        large=lambda g: S(g(701, 503), g.index(900, high=701)),
        covers=("index", "slice", "select"),
        errors=(
            Err((X, 2), IndexError, OUT, names=""),
            Err((X, -3), IndexError, OUT, names=""),
            Err((X, (0, 0, 0)), IndexError, "too many indices", names=""),
            Err((X, slice(None, None, -1)), ValueError, "step must be greater than zero", names=""),
            Err((X, 1.5), (IndexError, TypeError), "indices|integer", names=""),
            Err((X, "a"), (IndexError, TypeError), "indices|integer|invalid", names=""),
            Err((X, BIG[0]), IndexError, OUT, names=""),
            Err((X, np.ones(3, bool)), IndexError, "mask", names=""),
            Err((X, (BIG[0, :2] * 0, BIG[0] * 0)), IndexError, "broadcast", names=""),
        ),
    ),
    Op(
        "setitem",
        setitem_samples,
        call=setitem,
        numpy=np_setitem,
        dtypes=ALL,
        covers=("index_put", "index_put_", "setitem_"),
        layouts=NO_EXPAND,
        errors=(
            Err((X, 2, 0.0), IndexError, OUT, names=""),
            Err((X, 0, ZEROS(4)), RuntimeError, "expand|match|broadcast", names=""),
            Err((X, BIG[0], 0.0), IndexError, OUT, names=""),
            Err((X, (0, 0, 0), 0.0), IndexError, "too many indices", names=""),
            Err((X, 0, "x"), TypeError, "can't assign|str", names=""),
        ),
    ),
    Op(
        "gather",
        gather_samples,
        numpy=np_gather,
        dtypes=ALL,
        method="gather",
        large=lambda g: S(g(503, 301), 1, g.index(503, 301, high=301)),
        errors=(
            Err((X, 1, BIG), (RuntimeError, IndexError), OUT),
            Err((X, 2, I0), IndexError, RANGE),
            Err((X, 1, X), RuntimeError, "int64|integer"),
            Err((X, 0, np.zeros((1, 4), np.int64)), RuntimeError, "size"),
            Err((X, 0, np.zeros(3, np.int64)), RuntimeError, "same number of dim"),
        ),
    ),
    Op(
        "scatter",
        scatter_samples,
        numpy=np_scatter,
        dtypes=ALL,
        method="scatter",
        inplace="scatter_",
        layouts=NO_EXPAND,
        errors=(
            Err((X, 1, BIG, X), (RuntimeError, IndexError), OUT),
            Err((X, 2, I0, X), IndexError, RANGE),
            Err((X, 1, X, X), RuntimeError, "int64|integer"),
        ),
    ),
    Op(
        "scatter_add",
        scatter_add_samples,
        numpy=np_scatter_add,
        dtypes=NUMERIC,
        method="scatter_add",
        inplace="scatter_add_",
        large=lambda g: S(g(503, 301), 1, g.index(503, 301, high=301), g(503, 301)),
        errors=(
            Err((X, 1, BIG, X), (RuntimeError, IndexError), OUT),
            Err((X, 2, I0, X), IndexError, RANGE),
        ),
    ),
    Op(
        "index_select",
        lambda g: [
            S(g(3, 4), 0, g.index(5, high=3)),
            S(g(3, 4), 1, g.index(2, high=4)),
            S(g(2, 3, 4), -1, g.index(3, high=4)),
            S(g(5), 0, g.index(0, high=5)),
        ],
        numpy=lambda x, dim, index: np.take(x, index, axis=dim),
        dtypes=ALL,
        method="index_select",
        errors=(
            Err((X, 1, BIG[0]), (RuntimeError, IndexError), OUT),
            Err((X, 2, I0[0]), IndexError, RANGE),
            Err((X, 0, I0), (RuntimeError, IndexError), "1-?D|vector|dimension"),
        ),
    ),
    Op(
        "index_put",
        lambda g: [
            S(g(3, 4), [np.array([2, 0])], g(2, 4)),
            S(g(3, 4), [np.array([2, 0])], g(4)),
            S(g(3, 4), [np.array([2, 0]), np.array([1, -1])], g(2)),
            S(g(3, 4), [np.array([True, False, True])], g(2, 4)),
            S(g(3, 4), [np.array([2, 0, 2]), np.array([1, 3, 1])], g(3), accumulate=True),
        ],
        numpy=np_index_put,
        dtypes=NUMERIC,
        method="index_put",
        layouts=NO_EXPAND,
        errors=(
            Err((X, [BIG[0]], ZEROS(3)), IndexError, OUT, names=""),
            Err((X, [I0[0], I0[0], I0[0]], ZEROS(3)), IndexError, "too many indices"),
            Err((X, [I0[0]], ZEROS(2)), RuntimeError, "cannot be broadcast", names=""),
            Err((X, [I0[0]], I0[0]), RuntimeError, "dtypes match"),
        ),
    ),
    Op(
        "index_add",
        lambda g: [
            S(g(3, 4), 0, g.index(5, high=3), g(5, 4)),
            S(g(3, 4), 1, g.index(2, high=4), g(3, 2)),
            S(g(2, 3, 4), -1, g.index(5, high=4), g(2, 3, 5), alpha=2),
            S(g(5), 0, g.index(0, high=5), g(0)),
        ],
        numpy=np_index_add,
        dtypes=NUMERIC,
        method="index_add",
        inplace="index_add_",
        layouts=NO_EXPAND,
        large=lambda g: S(g(503, 301), 0, g.index(900, high=503), g(900, 301)),
        errors=(
            Err((X, 0, I0[0], ZEROS((2, 3))), (RuntimeError, IndexError), "Number of indices"),
            Err((X, 1, BIG[0], X), (RuntimeError, IndexError), OUT, names=""),
        ),
    ),
    Op(
        "index_fill",
        lambda g: [
            S(g(3, 4), 0, g.index(2, high=3), 1),
            S(g(3, 4), 1, g.index(5, high=4), Const(np.asarray(1, g.dtype))),
            S(g(3, 4), 1, g.index(5, high=4), g()),
        ],
        numpy=np_index_fill,
        dtypes=NUMERIC,
        method="index_fill",
        inplace="index_fill_",
        layouts=NO_EXPAND,
        errors=(Err((X, 1, BIG[0], 1.0), (RuntimeError, IndexError), OUT, names=""),),
    ),
    Op(
        "index_copy",
        lambda g: [
            S(g(3, 4), 0, np.array([2, 0]), g(2, 4)),
            S(g(2, 3, 4), -1, np.array([3, 1, 0]), g(2, 3, 3)),
        ],
        numpy=np_index_copy,
        dtypes=ALL,
        method="index_copy",
        inplace="index_copy_",
        layouts=NO_EXPAND,
        errors=(
            Err((X, 0, I0[0], ZEROS((2, 3))), (RuntimeError, IndexError), "Number of indices"),
        ),
    ),
    Op(
        "take_along_dim",
        lambda g: [
            S(g(3, 4), g.index(3, 6, high=4), 1),
            S(g(3, 4), g.index(1, 2, high=4), 1),
            S(g(3, 4), g.index(5, high=12)),
        ],
        numpy=lambda x, i, dim=None: np.take_along_axis(x, np_wide(x, i, dim), dim),
        dtypes=ALL,
        method="take_along_dim",
        errors=(Err((X, I0[0], 1), RuntimeError, "same number of dimensions"),),
    ),
    Op(
        "masked_fill",
        lambda g: [
            S(g(3, 4), g.bools(3, 4), 1),
            S(g(3, 4), g.bools(4), 0),
            S(g(3, 4), g.bools(3, 1), Const(np.asarray(1, g.dtype))),
            S(g(), g.bools(), 1),
            S(g(0), g.bools(0), 1),
            *([Kink(g(3, 4), g.bools(3, 4), -float("inf"))] if g.floating else []),
        ],
        numpy=lambda x, mask, v: np_masked_fill(x, mask, getattr(v, "array", v)),
        dtypes=ALL,
        method="masked_fill",
        inplace="masked_fill_",
        large=lambda g: S(g(701, 503), g.bools(701, 503), 1),
        errors=(
            Err((X, np.ones(4, bool), 0.0), RuntimeError, "size|broadcast"),
            Err((X, X, 0.0), RuntimeError, "bool"),
        ),
    ),
    Op(
        "masked_select",
        lambda g: [
            S(g(3, 4), g.bools(3, 4)),
            S(g(3, 4), g.bools(4)),
            S(g(4), g.bools(3, 1)),
            S(g(), np.asarray(True)),
            S(g(0), g.bools(0)),
        ],
        numpy=lambda x, m: np.broadcast_arrays(x, m)[0][np.broadcast_arrays(x, m)[1]],
        dtypes=ALL,
        method="masked_select",
        errors=(
            Err((X, np.ones(4, bool)), RuntimeError, "size|broadcast"),
            Err((X, X), RuntimeError, "bool"),
        ),
    ),
    Op(
        "nonzero",
        lambda g: [S(g(3, 4)), S(g.bools(5)), S(g(0)), S(np.zeros((2, 2), g.dtype))],
        numpy=np.argwhere,
        dtypes=ALL,
        method="nonzero",
        **NOGRAD,
    ),
    Op(
        "one_hot",
        lambda g: [S(g.index(5, high=4), 4), S(g.index(2, 3, high=4), 6), S(np.array([0, 2, 1]))],
        call="nn.functional.one_hot",
        numpy=np_one_hot,
        dtypes=("int64",),
        errors=(
            Err((np.array([0, 5]), 3), RuntimeError, "class values must be smaller|num_classes"),
            Err((np.array([-1]), 3), RuntimeError, "non-negative|negative"),
            Err((ZEROS(3), 3), RuntimeError, "int64|LongTensor|index tensor"),
        ),
        **NOGRAD,
    ),
    Op(
        "tril",
        triangle_samples,
        numpy=lambda x, diagonal=0: np.tril(x, diagonal),
        dtypes=ALL,
        method="tril",
        inplace="tril_",
        errors=(Err((ZEROS(3),), RuntimeError, "at least 2"),),
    ),
    Op(
        "triu",
        triangle_samples,
        numpy=lambda x, diagonal=0: np.triu(x, diagonal),
        dtypes=ALL,
        method="triu",
        inplace="triu_",
        errors=(Err((ZEROS(3),), RuntimeError, "at least 2"),),
    ),
    Op(
        "sort",
        sort_samples,
        numpy=np_sort,
        dtypes=("int16", "int32", "int64", "float32", "float64"),
        method="sort",
        layouts=NO_EXPAND,
        large=lambda g: S(g.distinct(301, 203), 1),
        errors=(Err((X, 2), IndexError, RANGE),),
    ),
    Op(
        "argsort",
        argsort_samples,
        numpy=lambda x, dim=-1, descending=False: np_sort(x, dim, descending)[1],
        dtypes=("int16", "int32", "int64", "float32", "float64"),
        method="argsort",
        layouts=NO_EXPAND,
        **NOGRAD,
    ),
    Op(
        "topk",
        lambda g: [
            S(g.distinct(7), 3),
            S(g.distinct(3, 4), 2, 0),
            S(g.distinct(3, 4), 2, dim=1, largest=False),
            S(g.distinct(67), 10),
            S(g.distinct(4), 4),
            S(g.distinct(4), 0),
            S(g.distinct(), 1),
        ],
        numpy=np_topk,
        dtypes=("int16", "int32", "int64", "float32", "float64"),
        method="topk",
        layouts=NO_EXPAND,
        errors=(
            Err((X, 4), RuntimeError, "out of range"),
            Err((X, 1, 2), IndexError, RANGE),
            Err((X, -1), RuntimeError, "out of range"),
        ),
    ),
]
