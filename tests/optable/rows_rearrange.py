"""Raw geometry, diagonals, windows, pieces, repeats, and positions in flattened tensors."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np

from .model import ALL, NUMERIC, Const, Err, Gen, Kink, Op, S, Sample

ZEROS = np.zeros
X = ZEROS((2, 3))
NOGRAD: dict[str, Any] = {"grad": False, "grad2": False}
NO_EXPAND = ("transposed", "stepped", "negative")
REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")
I1 = np.array([0, 1])


def np_strided(x: Any, size: Any, stride: Any, storage_offset: int = 0) -> Any:
    flat = x.reshape(-1)
    places = np.full(size, storage_offset)
    for d, (n, step) in enumerate(zip(size, stride, strict=True)):
        places = places + (np.arange(n) * step).reshape(
            [n if k == d else 1 for k in range(len(size))]
        )
    return flat[places]


def np_put_region(x: Any, src: Any, view: Any) -> Any:
    y = x.copy()
    view(y)[...] = src
    return y


def np_diagonal_scatter(x: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    y = x.copy()
    at = np.diagonal(np.arange(x.size).reshape(x.shape), offset, dim1, dim2)
    y.reshape(-1)[at] = src
    return y


def np_diag_embed(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    n = x.shape[-1] + abs(offset)
    y = np.zeros((*x.shape[:-1], n, n), x.dtype)
    k = np.arange(x.shape[-1])
    y[..., k + max(-offset, 0), k + max(offset, 0)] = x
    ndim = y.ndim
    return np.moveaxis(y, (-2, -1), (dim1 % ndim, dim2 % ndim))


def np_fill_diagonal(x: Any, value: Any, wrap: bool = False) -> Any:
    y = x.copy()
    np.fill_diagonal(y, value, wrap)
    return y


def np_unfold(x: Any, dimension: int, size: int, step: int) -> Any:
    if x.ndim == 0:
        return x.reshape(1)[:size]
    windows = np.lib.stride_tricks.sliding_window_view(x, size, dimension)
    return windows[(slice(None),) * (dimension % x.ndim) + (slice(None, None, step),)]


def np_tensor_split(x: Any, at: Any, dim: int = 0) -> Any:
    at = getattr(at, "array", at)
    return np.array_split(x, at if np.ndim(at) == 0 else list(at), dim)


def np_block_diag(arrays: list[Any]) -> Any:
    blocks = [np.atleast_2d(a) for a in arrays]
    y = np.zeros(np.sum([b.shape for b in blocks], axis=0), np.result_type(*arrays))
    r = c = 0
    for b in blocks:
        y[r : r + b.shape[0], c : c + b.shape[1]] = b
        r, c = r + b.shape[0], c + b.shape[1]
    return y


def np_combinations(x: Any, r: int = 2, with_replacement: bool = False) -> Any:
    pick = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(pick(x.tolist(), r))
    if r == 0:
        return np.empty(0, x.dtype)
    return np.array(rows, x.dtype).reshape(len(rows), r)


def np_repeat(x: Any, repeats: Any, dim: int | None = None) -> Any:
    return np.repeat(x, repeats, dim)


def np_take(x: Any, index: Any) -> Any:
    return x.reshape(-1)[index]


def np_put(x: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    y = x.copy().reshape(-1)
    if accumulate:
        np.add.at(y, index.reshape(-1), source.reshape(-1))
    else:
        y[index.reshape(-1)] = source.reshape(-1)
    return y.reshape(x.shape)


def np_masked_scatter(x: Any, mask: Any, source: Any) -> Any:
    x, mask = np.broadcast_arrays(x, mask)
    y = x.copy()
    y[mask] = source.reshape(-1)[: int(mask.sum())]
    return y


def reduce_samples(g: Gen, index: Any, src: Any, x: Any, names: Any = REDUCTIONS) -> list[Sample]:
    out = []
    for name in names:
        for dim, include_self in ((0, True), (1, False)):
            high = x[dim]
            out.append(
                S(
                    g.distinct(*x),
                    dim,
                    index(g, dim, high),
                    src(g, dim) + np.asarray(1, g.dtype) * (0.03 if g.floating else 0),
                    name,
                    include_self=include_self,
                )
            )
    return out


def scatter_reduce_samples(g: Gen) -> list[Sample]:
    out = reduce_samples(
        g,
        lambda g, dim, high: g.index(3, 4, high=high),
        lambda g, dim: g.distinct(3, 4),
        (3, 4),
    )
    tie = np.ones((2, 3), g.dtype)
    out += [
        Kink(tie.copy(), 1, np.zeros((2, 3), np.int64), tie.copy(), r) for r in ("amax", "amin")
    ]
    return [*out, S(g.distinct(5), 0, g.index(0, high=5), g.distinct(0) + g(0), "amax")]


def index_reduce_samples(g: Gen) -> list[Sample]:
    return reduce_samples(
        g,
        lambda g, dim, high: g.index(5, high=high),
        lambda g, dim: g.distinct(*((5, 4) if dim == 0 else (3, 5))),
        (3, 4),
        REDUCTIONS[1:],
    )


def beta_index_reduce(P: Any, *args: Any, **kwargs: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return P.index_reduce(*args, **kwargs)


VIEW_COPIES: dict[str, tuple[Any, ...]] = {
    "alias": (),
    "diagonal": (1,),
    "expand": ((4, 2, 3),),
    "narrow": (1, 1, 2),
    "permute": ((1, 0),),
    "select": (0, 1),
    "slice": (1, 0, None, 2),
    "squeeze": (),
    "t": (),
    "transpose": (0, 1),
    "unsqueeze": (1,),
    "view": ((3, 2),),
    "split": (2, 1),
    "split_with_sizes": ([1, 2], 1),
    "unbind": (0,),
}


def view_copies(P: Any, x: Any) -> Any:
    x = x.contiguous()
    return [getattr(P, f"{name}_copy")(x, *args) for name, args in VIEW_COPIES.items()]


def row(name: str, samples: Any, numpy: Any, **kw: Any) -> Op:
    kw.setdefault("method", name)
    kw.setdefault("dtypes", ALL)
    return Op(name, samples, numpy=numpy, **kw)


def of_list(name: str, samples: Any, numpy: Any, **kw: Any) -> Op:
    return row(name, samples, numpy, method=None, layouts=NO_EXPAND, **kw)


VECTOR = "1-?D|vector"
ROWS = [
    row(
        "as_strided",
        lambda g: [
            S(g(12), (3, 2), (4, 1)),
            S(g(12), (3, 4), (2, 1)),  # windows that overlap
            S(g(12), (5, 3), (1, 2), 1),
            S(g(4), (3, 4), (0, 1)),
            S(g(3, 4), (4, 3), (1, 4)),
            S(g(6), (0, 3), (3, 1)),
            S(g(6), (), (), 2),
        ],
        np_strided,
        layouts=(),
        errors=(
            Err((X, (2, 3), (1,)), RuntimeError, "mismatch in length"),
            Err((X, (2, 3), (4, 1)), RuntimeError, "out of bounds"),
            Err((X, (2,), (-1,)), RuntimeError, "Negative strides"),
            Err((X, (2,), (1,), -1), RuntimeError, "offset"),
        ),
    ),
    row(
        "as_strided_scatter",
        lambda g: [S(g(12), g(3, 2), (3, 2), (4, 1), 1), S(g(3, 4), g(4, 3), (4, 3), (1, 4))],
        lambda x, src, size, stride, storage_offset=0: np_put_region(
            x,
            src,
            lambda y: np.lib.stride_tricks.as_strided(
                y.reshape(-1)[storage_offset:], size, [s * y.itemsize for s in stride]
            ),
        ),
        oracle=False,
        note="PyTorch 2.13 gives the input the gradient of the overwritten elements",
        layouts=(),
        errors=(Err((X, ZEROS(2), (3,), (1,)), RuntimeError, "src to have a size|size"),),
    ),
    row(
        "Tensor.unfold",
        lambda g: [
            S(g(7), 0, 3, 1),
            S(g(7), 0, 2, 3),
            S(g(3, 5), 1, 2, 2),
            S(g(3, 5), -2, 3, 1),
            S(g(2, 3, 4), 1, 1, 1),
            S(g(4), 0, 4, 9),
            S(g(), 0, 1, 1),
        ],
        np_unfold,
        call=lambda P, x, *a: x.unfold(*a),
        method="unfold",
        errors=(
            Err((X, 1, 4, 1), RuntimeError, "maximum size"),
            Err((X, 1, 2, 0), RuntimeError, "step is"),
            Err((X, 1, -1, 1), RuntimeError, "size is"),
            Err((X, 2, 1, 1), IndexError, "out of range"),
        ),
    ),
    row(
        "select_scatter",
        lambda g: [S(g(3, 4), g(4), 0, 1), S(g(2, 3, 4), g(2, 3), -1, -2)],
        lambda x, src, dim, index: np_put_region(x, src, lambda y: np.moveaxis(y, dim, 0)[index]),
        errors=(
            Err((X, ZEROS(2), 0, 0), RuntimeError, "equal to the slice"),
            Err((X, ZEROS(3), 0, 2), IndexError, "out of range", names="select"),
        ),
    ),
    row(
        "slice_scatter",
        lambda g: [
            S(g(5, 3), g(2, 3), 0, 1, 3),
            S(g(3, 5), g(3, 2), 1, -4, None, 2),
            S(g(4), g(4)),
        ],
        lambda x, src, dim=0, start=None, end=None, step=1: np_put_region(
            x, src, lambda y: np.moveaxis(np.moveaxis(y, dim, 0)[start:end:step], 0, dim)
        ),
        errors=(Err((X, ZEROS(3), 0, 0, 1), RuntimeError, "expected src|shape"),),
    ),
    row(
        "diagonal_scatter",
        lambda g: [S(g(3, 4), g(3)), S(g(3, 4), g(2), -1), S(g(2, 3, 3), g(2, 2), 1, 1, 2)],
        np_diagonal_scatter,
        errors=(Err((X, ZEROS(3)), RuntimeError, "equal to the slice"),),
    ),
    row(
        "diag_embed",
        lambda g: [
            S(g(3)),
            S(g(2, 3), 1),
            S(g(2, 3), -2, 0, 2),
            S(g(2, 3), 0, -1, -3),
            S(g(0)),
        ],
        np_diag_embed,
        errors=(
            Err((X, 0, 1, 1), RuntimeError, "cannot be identical"),
            Err((X, 0, 3, 1), IndexError, "out of range"),
        ),
    ),
    row(
        "diag",
        lambda g: [S(g(3)), S(g(3), -1), S(g(3, 4)), S(g(3, 4), 1), S(g(4, 3), -3), S(g(0))],
        np.diag,
        errors=(Err((ZEROS((1, 1, 1)),), RuntimeError, "1D or 2D"),),
    ),
    row("diagflat", lambda g: [S(g(3)), S(g(2, 2), 1), S(g(), -2)], np.diagflat),
    row(
        "fill_diagonal",
        lambda g: [
            S(g(3, 4), 1),
            S(g(4, 3), 0, wrap=False),
            S(g(9, 3), 1, wrap=True),
            S(g(3, 3, 3), 1),
            S(g(0, 3), 1),
        ],
        np_fill_diagonal,
        call=lambda P, x, *a, **k: x.clone().fill_diagonal_(*a, **k),
        method=None,
        inplace="fill_diagonal_",
        errors=(
            Err((ZEROS(3), 1), RuntimeError, "dimensions must larger than 1"),
            Err((ZEROS((3, 2, 2)), 1), RuntimeError, "equal length"),
        ),
    ),
    row(
        "tensor_split",
        lambda g: [
            S(g(7, 2), 3),
            S(g(2, 5), (1, 3), 1),
            S(g(5), [1, -1, 9]),
            S(g(5), [3, 2]),
            S(g(2), 4),
            S(g(6), Const(np.array([2, 4]))),
            S(g(6), Const(np.array(3))),
        ],
        np_tensor_split,
        errors=(
            Err((X, 0), RuntimeError, "sections must be larger than 0"),
            Err((ZEROS(()), 1), RuntimeError, "at least a 1-dim"),
            Err((X, np.array(1.0)), RuntimeError, "dtype"),
        ),
    ),
    row(
        "hsplit",
        lambda g: [S(g(4, 6), 3), S(g(6), [1, 4]), S(g(4), 2)],
        np.hsplit,
        errors=(
            Err((X, 2), RuntimeError, "not divisible"),
            Err((ZEROS(()), 1), RuntimeError, "at least 1"),
        ),
    ),
    row(
        "vsplit",
        lambda g: [S(g(4, 6), 2), S(g(4, 2), [1, 3])],
        np.vsplit,
        errors=(Err((ZEROS(4), 2), RuntimeError, "at least 2"),),
    ),
    row(
        "dsplit",
        lambda g: [S(g(2, 3, 4), 2), S(g(2, 1, 4), [1, 3])],
        np.dsplit,
        errors=(Err((X, 2), RuntimeError, "at least 3"),),
    ),
    of_list("hstack", lambda g: [S([g(3), g(2)]), S([g(2, 3), g(2, 1)]), S([g(), g()])], np.hstack),
    of_list(
        "vstack",
        lambda g: [S([g(3), g(3)]), S([g(2, 3), g(1, 3)]), S([g(3), g(2, 3)])],
        np.vstack,
        covers=("row_stack",),
        errors=(
            Err(([],), RuntimeError, "non-empty"),
            Err(([X, ZEROS((2, 4))],), RuntimeError, "must match", names="cat"),
        ),
    ),
    of_list("dstack", lambda g: [S([g(3), g(3)]), S([g(2, 3), g(2, 3)]), S([g()])], np.dstack),
    of_list("column_stack", lambda g: [S([g(3), g(3, 2)]), S([g(), g()])], np.column_stack),
    of_list(
        "atleast_nd of several",
        lambda g: [S([g(3), g(), g(2, 3), g(1, 2, 2)])],
        lambda xs: [f(x) for f in (np.atleast_1d, np.atleast_2d, np.atleast_3d) for x in xs],
        call=lambda P, xs: [P.atleast_1d(*xs), P.atleast_2d(xs), P.atleast_3d(*xs)],
    ),
    of_list(
        "block_diag",
        lambda g: [S([g(2, 3), g(2), g(), g(0, 2)]), S([g(2, 2)])],
        np_block_diag,
        torch=lambda P, ts: P.block_diag(*ts),
        errors=(Err(([ZEROS((1, 1, 1))],), (RuntimeError, TypeError), "2 or fewer|must be"),),
    ),
    of_list(
        "cartesian_prod",
        lambda g: [S([g(3), g(2)]), S([g(2), g(1), g(3)]), S([g(4)])],
        lambda xs: (
            np.stack([a.reshape(-1) for a in np.meshgrid(*xs, indexing="ij")], 1)
            if len(xs) > 1
            else xs[0]
        ),
        torch=lambda P, ts: P.cartesian_prod(*ts),
    ),
    row(
        "combinations",
        lambda g: [S(g(4)), S(g(3), 2, True), S(g(5), 3), S(g(2), 3), S(g(3), 1), S(g(0), 2)],
        np_combinations,
        method=None,
        errors=(
            Err((X,), RuntimeError, VECTOR),
            Err((ZEROS(3), -1), RuntimeError, "non-negative"),
        ),
    ),
    row(
        "repeat_interleave",
        lambda g: [
            S(g(3), 2),
            S(g(2, 3), 2),
            S(g(2, 3), 3, 1),
            S(g(2, 3), 1, 0),
            S(g(2, 3), 0, dim=-1),
            S(g(3, 2), np.array([1, 0, 2]), 0),
            S(g(3, 2), np.array([2]), 0),
            S(g(), 3),
        ],
        np_repeat,
        errors=(
            Err((ZEROS(4), I1), RuntimeError, "same size as input"),
            Err((ZEROS(2), -I1), RuntimeError, "can ?not be negative"),
            Err((ZEROS(2), -1), RuntimeError, "non-negative"),
            Err((ZEROS(2), ZEROS(2)), NotImplementedError, "not implemented"),
            Err((ZEROS(2), 2), RuntimeError, "size", {"output_size": 3}),
        ),
    ),
    row(
        "repeat_interleave of counts",
        lambda g: [S(np.array([2, 0, 3])), S(np.array([], np.int64))],
        lambda repeats: np.repeat(np.arange(len(repeats)), repeats),
        call="repeat_interleave",
        method=None,
        dtypes=("int64",),
        **NOGRAD,
    ),
    row(
        "rot90",
        lambda g: [S(g(2, 3), k) for k in (-1, 0, 1, 2, 3, 5)] + [S(g(2, 3, 4), 1, (1, 2))],
        lambda x, k=1, dims=(0, 1): np.rot90(x, k, dims),
        errors=(
            Err((ZEROS(4), 1), RuntimeError, "total dims >= 2"),
            Err((X, 1, [0, 0]), RuntimeError, "different"),
            Err((X, 1, [0]), RuntimeError, "rotation dims == 2"),
        ),
    ),
    row(
        "fliplr",
        lambda g: [S(g(2, 3)), S(g(2, 0))],
        np.fliplr,
        errors=(Err((ZEROS(3),), RuntimeError, ">= 2-d"),),
    ),
    row(
        "flipud",
        lambda g: [S(g(2, 3)), S(g(3))],
        np.flipud,
        errors=(Err((ZEROS(()),), RuntimeError, ">= 1-d"),),
    ),
    row(
        "take",
        lambda g: [
            S(g(3, 4), g.index(2, 3, high=12)),
            S(g(3, 4), np.array([-1, 0, -12])),
            S(g(3), np.array([], np.int64)),
            S(g(), np.array(0)),
        ],
        np_take,
        errors=(
            Err((X, np.array([6])), IndexError, "out of (range|bounds)"),
            Err((X, ZEROS(2)), RuntimeError, "long tensor"),
        ),
    ),
    row(
        "put",
        lambda g: [
            S(g(3, 4), np.array([2, -1, 5]), g(3)),
            S(g(3, 4), np.array([[2, 2], [5, 2]]), g(2, 2), True),
        ],
        np_put,
        call=lambda P, x, *a: x.put(*a),
        dtypes=NUMERIC,
        inplace="put_",
        layouts=NO_EXPAND,
        errors=(
            Err((X, np.array([6]), ZEROS(1)), IndexError, "out of (range|bounds)"),
            Err((X, np.array([1]), ZEROS(2)), IndexError, "same number of elements"),
        ),
    ),
    row(
        "masked_scatter",
        lambda g: [
            S(g(3, 4), g.bools(3, 4), g(12)),
            S(g(3, 4), g.bools(4), g(3, 4)),
            S(g(4), g.bools(3, 1), g(20)),
            S(g(3), np.zeros(3, bool), g(0)),
        ],
        np_masked_scatter,
        inplace="masked_scatter_",
        errors=(
            Err((X, np.ones((2, 3), bool), ZEROS(2)), RuntimeError, "Number of elements of source"),
            Err((X, X, ZEROS(6)), RuntimeError, "boolean masks"),
        ),
    ),
    row(
        "nonzero_static",
        lambda g: [S(g.bools(3, 4), size=5), S(np.zeros(3), size=2, fill_value=7), S(g(3), size=0)],
        None,
        **NOGRAD,
    ),
    row(
        "unravel_index",
        lambda g: [S(g.index(2, 3, high=24), (2, 3, 4)), S(np.array(5), (6,))],
        lambda i, shape: list(np.unravel_index(i, shape)),
        method=None,
        dtypes=("int64",),
        **NOGRAD,
    ),
    row(
        "views as copies",
        lambda g: [S(g(2, 3))],
        None,
        call=view_copies,
        method=None,
        covers=tuple(f"{name}_copy" for name in VIEW_COPIES),
    ),
    row("detach_copy", lambda g: [S(g(2, 3))], np.copy, method=None, **NOGRAD),
    row(
        "splits without checks",
        lambda g: [S(g(5))],
        None,
        call=lambda P, x: (
            *P.unsafe_split(x, 2),
            *x.unsafe_split_with_sizes([1, 4]),
            *x.unsafe_chunk(3),
            x * P.is_same_size(x, x),
        ),
        method=None,
        dtypes=("float32", "float64"),
        covers=("unsafe_split", "unsafe_split_with_sizes", "unsafe_chunk", "is_same_size"),
    ),
    row(
        "argwhere",
        lambda g: [S(g(3, 4)), S(g.bools(5)), S(g(0))],
        np.argwhere,
        **NOGRAD,
    ),
    row(
        "msort",
        lambda g: [S(g.distinct(5)), S(g.distinct(4, 3))],
        lambda x: np.sort(x, 0),
        dtypes=("int32", "int64", "float32", "float64"),
        layouts=NO_EXPAND,
    ),
    row(
        "scatter_reduce",
        scatter_reduce_samples,
        None,
        dtypes=("int32", "int64", "float32", "float64"),
        inplace="scatter_reduce_",
        layouts=NO_EXPAND,
        tol=4,
        errors=(
            Err((ZEROS(3), 0, I1, ZEROS(2), "foo"), RuntimeError, "reduce argument must be"),
            Err(
                (ZEROS(3), 0, I1 + 5, ZEROS(2), "sum"), (RuntimeError, IndexError), "out of bounds"
            ),
        ),
    ),
    row(
        "index_reduce",
        index_reduce_samples,
        None,
        torch=beta_index_reduce,
        dtypes=("int64", "float32", "float64"),
        inplace="index_reduce_",
        layouts=NO_EXPAND,
        tol=4,
        errors=(
            Err((ZEROS(3), 0, I1, ZEROS(2), "sum"), RuntimeError, "Expected reduce to be one of"),
            Err((ZEROS(3), 0, I1, ZEROS(3), "prod"), (RuntimeError, IndexError), "indices"),
        ),
    ),
    row(
        "logspace",
        lambda g: [S(0, 3, 7), S(1.5, -1, 5, 2.0), S(0, 1, 1), S(0, 1, 0), S(2, 3, 2)],
        lambda a, b, n, base=10.0: np.logspace(a, b, n, base=base).astype(np.float32),
        method=None,
        dtypes=("float64",),
        layouts=(),
        tol=8,
        errors=(Err((0, 1, -1), RuntimeError, "non-negative"),),
        **NOGRAD,
    ),
    *(
        row(
            f"{name}_indices",
            lambda g: [S(3, 4), S(4, 3, 1), S(3, 3, -1), S(2, 2, 5), S(0, 3), S(2, 2, -9)],
            lambda r, c, offset=0, f=f: np.stack(f(r, offset, c)),
            method=None,
            dtypes=("int64",),
            layouts=(),
            errors=(Err((-1, 2), RuntimeError, "row must be non-negative"),),
            **NOGRAD,
        )
        for name, f in (("tril", np.tril_indices), ("triu", np.triu_indices))
    ),
    row(
        "scalar_tensor",
        lambda g: [S(3), S(2.5), S(True)],
        lambda s: np.float32(s),
        method=None,
        dtypes=("float64",),
        layouts=(),
        **NOGRAD,
    ),
    row(
        "empty_strided",
        lambda g: [S((2, 3), (1, 2)), S((), ())],
        lambda size, stride: np.zeros(size, np.float32),
        call=lambda P, *a: P.empty_strided(*a).zero_(),
        method=None,
        dtypes=("float64",),
        layouts=(),
        covers=("new_empty_strided",),
        **NOGRAD,
    ),
]
