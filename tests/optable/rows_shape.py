"""Ops that change shape, and those that join or cut tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .model import ALL, Const, Err, Gen, Kink, Op, S, Sample

ZEROS = np.zeros
X = ZEROS((2, 3))
RANGE = "Dimension out of range"


def shape_op(name: str, samples: Any, numpy: Any, **kw: Any) -> Op:
    kw.setdefault("method", name)
    return Op(name, samples, numpy=numpy, dtypes=ALL, **kw)


def np_squeeze(x: Any, dim: Any = None) -> Any:
    if dim is None:
        return x.squeeze()
    dims = dim if isinstance(dim, tuple) else (dim,)
    dims = tuple(d % max(x.ndim, 1) for d in dims)
    return x.reshape([n for d, n in enumerate(x.shape) if not (d in dims and n == 1)])


def np_flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    if x.ndim == 0:
        return x.reshape(1)
    start, end = start_dim % x.ndim, end_dim % x.ndim
    return x.reshape(*x.shape[:start], int(np.prod(x.shape[start : end + 1])), *x.shape[end + 1 :])


def np_expand(x: Any, *shape: int) -> Any:
    padded = (1,) * (len(shape) - x.ndim) + x.shape
    return np.broadcast_to(x, [n if s == -1 else s for s, n in zip(shape, padded, strict=True)])


def np_split(x: Any, size: int | Sequence[int], dim: int = 0) -> list[Any]:
    total = x.shape[dim]
    if isinstance(size, int):
        cuts = list(range(size, total, size))
    else:
        cuts = list(np.cumsum(size)[:-1])
    return np.split(x, cuts, axis=dim)


def np_chunk(x: Any, chunks: int, dim: int = 0) -> list[Any]:
    return np_split(x, max(1, -(-x.shape[dim] // chunks)), dim)


def np_roll(x: Any, shifts: Any, dims: Any = None) -> Any:
    return np.roll(x, shifts, dims)


def np_narrow(x: Any, dim: int, start: int, length: int) -> Any:
    start += x.shape[dim] if start < 0 else 0
    return np.take(x, range(start, start + length), axis=dim)


def np_unbind(x: Any, dim: int = 0) -> list[Any]:
    return [p.squeeze(dim) for p in np.split(x, x.shape[dim], axis=dim)]


def cat_samples(g: Gen) -> list[Sample]:
    return [
        S([g(2, 3), g(4, 3)]),
        S([g(2, 3), g(2, 1), g(2, 5)], 1),
        S([g(2, 3), g(2, 3)], dim=-1),
        S([g(5)]),
        S([g(2, 0), g(2, 3)], 1),
        S([g(0), g(2, 3)]),
        S((g(2, 3, 4), g(2, 3, 1)), 2),
        S([g(17, 3), g(50, 3)], 0),
    ]


def stack_samples(g: Gen) -> list[Sample]:
    return [
        S([g(2, 3), g(2, 3)]),
        S([g(2, 3), g(2, 3), g(2, 3)], 1),
        S([g(2, 3), g(2, 3)], dim=-1),
        S([g(), g()]),
        S([g(0, 3), g(0, 3)], 0),
    ]


def np_repeat(x: Any, *reps: int) -> Any:
    return np.tile(x, reps)


CONVERSIONS = {
    "float": np.float32,
    "double": np.float64,
    "half": np.float16,
    "long": np.int64,
    "int": np.int32,
    "short": np.int16,
    "char": np.int8,
    "byte": np.uint8,
    "bool": np.bool_,
}

ROWS = [
    Op(
        "view",
        lambda g: [
            S(g(2, 6), 3, 4),
            S(g(12), 3, -1),
            S(g(), 1),
            S(g(2, 3), (6,)),
            S(g(0, 3), 3, 0),
        ],
        call=lambda P, x, *shape: x.view(*shape),
        numpy=lambda x, *shape: x.reshape(*shape),
        dtypes=ALL,
        layouts=(),
        errors=(
            Err((X, 4, 2), RuntimeError, "is invalid for input of size"),
            Err((X, -1, -1), RuntimeError, "only one dimension can be inferred"),
            Err((X, 4, -1), RuntimeError, "is invalid for input of size"),
            Err((X, -2, 3), RuntimeError, "invalid shape dimension"),
        ),
    ),
    Op(
        "view of a strided tensor",
        lambda g: [S(g(2, 3, 4))],
        call=lambda P, x: x.transpose(0, 1)[:, :, ::2].view(3, 2, 2, 1),
        numpy=lambda x: x.transpose(1, 0, 2)[:, :, ::2].reshape(3, 2, 2, 1),
    ),
    shape_op(
        "reshape",
        lambda g: [
            S(g(2, 6), (3, 4)),
            S(g(12), (3, -1)),
            S(g(), (1, 1)),
            S(g(0, 3), (3, 0)),
            S(g(2, 3, 4), (4, 6)),
            S(g(4), [2, 2]),
        ],
        lambda x, shape: x.reshape(shape),
        errors=(
            Err((X, (4, 2)), RuntimeError, "is invalid for input of size"),
            Err((X, (-1, -1)), RuntimeError, "only one dimension can be inferred"),
        ),
    ),
    shape_op(
        "flatten",
        lambda g: [
            S(g(2, 3, 4)),
            S(g(2, 3, 4), 1),
            S(g(2, 3, 4), 0, 1),
            S(g()),
            S(g(0, 3)),
            S(g(2, 3), start_dim=-1),
        ],
        np_flatten,
        errors=(
            Err((X, 2), IndexError, RANGE),
            Err((X, 1, 0), RuntimeError, "start_dim cannot come after end_dim"),
        ),
    ),
    shape_op(
        "permute",
        lambda g: [
            S(g(2, 3, 4), (2, 0, 1)),
            S(g(2, 3), (1, 0)),
            S(g(), ()),
            S(g(2, 3, 4), (-1, 0, 1)),
        ],
        np.transpose,
        errors=(
            Err((X, (0,)), RuntimeError, "do not match|number of dim"),
            Err((X, (0, 0)), RuntimeError, "repeated|duplicate"),
            Err((X, (0, 2)), IndexError, RANGE),
        ),
    ),
    shape_op(
        "transpose",
        lambda g: [
            S(g(2, 3, 4), 0, 2),
            S(g(2, 3), 0, 1),
            S(g(2, 3, 4), -1, -2),
            S(g(), 0, 0),
            S(g(0, 3), 0, 1),
        ],
        lambda x, a, b: np.swapaxes(x, a, b) if x.ndim else x,
        errors=(Err((X, 0, 2), IndexError, RANGE),),
    ),
    Op("t", lambda g: [S(g(2, 3)), S(g(4)), S(g())], numpy=np.transpose, dtypes=ALL, method="t"),
    Op("T", lambda g: [S(g(2, 3))], call=lambda P, x: x.T, numpy=np.transpose, dtypes=ALL),
    Op(
        "mT",
        lambda g: [S(g(2, 3)), S(g(4, 2, 3))],
        call=lambda P, x: x.mT,
        numpy=lambda x: x.swapaxes(-1, -2),
        dtypes=ALL,
        errors=(Err((ZEROS(3),), RuntimeError, "2 or more|batches of matrices|at least"),),
    ),
    shape_op(
        "squeeze",
        lambda g: [
            S(g(2, 1, 3)),
            S(g(2, 1, 3), 1),
            S(g(2, 1, 3), 0),
            S(g(1, 1)),
            S(g()),
            S(g(1, 2, 1), (0, 2)),
            S(g(2, 1), -1),
        ],
        np_squeeze,
        errors=(Err((X, 2), IndexError, RANGE),),
    ),
    shape_op(
        "unsqueeze",
        lambda g: [
            S(g(2, 3), 0),
            S(g(2, 3), 2),
            S(g(2, 3), -1),
            S(g(), 0),
            S(g(0), 1),
            S(g(2, 3), -3),
        ],
        np.expand_dims,
        errors=(Err((X, 4), IndexError, RANGE),),
    ),
    Op(
        "expand",
        lambda g: [
            S(g(3, 1), 3, 4),
            S(g(3), 2, 3),
            S(g(3, 1), -1, 4),
            S(g(), 2, 3),
            S(g(1), 0),
            S(g(2, 1, 3), 2, 4, -1),
        ],
        call=lambda P, x, *shape: x.expand(*shape),
        numpy=np_expand,
        dtypes=ALL,
        layouts=("transposed", "stepped", "negative"),
        errors=(
            Err((X, 2, 4), RuntimeError, "must match the existing size"),
            Err((X, 3), RuntimeError, "number of sizes|must be greater or equal"),
            Err((X, -1, 2, 3), RuntimeError, "isn't allowed in a leading|not allowed"),
        ),
    ),
    shape_op(
        "broadcast_to",
        lambda g: [S(g(3, 1), (3, 4)), S(g(3), (2, 3)), S(g(), (2,)), S(g(1), (0,))],
        np.broadcast_to,
        errors=(
            Err((X, (2, 4)), RuntimeError, "must match the existing size", names="expand|broad"),
        ),
    ),
    Op(
        "repeat",
        lambda g: [S(g(2, 3), 2, 1), S(g(3), 2, 3), S(g(2, 3), 1, 1, 2), S(g(), 3), S(g(2), 0)],
        call=lambda P, x, *reps: x.repeat(*reps),
        numpy=np_repeat,
        dtypes=ALL,
        errors=(
            Err((X, 2), RuntimeError, "can not be smaller|number of dim"),
            Err((X, 2, -1), RuntimeError, "negative"),
        ),
    ),
    Op(
        "cat",
        cat_samples,
        numpy=lambda ts, dim=0: np.concatenate(
            [t for t in ts if t.shape != (0,)] if len(ts) > 1 else ts, dim
        ),
        dtypes=ALL,
        covers=("concat", "concatenate"),
        large=lambda g: S([g(300, 500), g(401, 500)], 0),
        errors=(
            Err(([],), (RuntimeError, ValueError), "non-empty|expected"),
            Err(([X, ZEROS((2, 4))],), RuntimeError, "Sizes of tensors must match"),
            Err(([X, X], 2), IndexError, RANGE),
            Err(([ZEROS(()), ZEROS(())],), RuntimeError, "zero-dimensional"),
        ),
    ),
    Op(
        "cat of mixed dtypes",
        lambda g: [S([g(2, 3), g.index(2, 3, high=5)])],
        call="cat",
        numpy=lambda ts: np.concatenate(ts),
    ),
    Op(
        "stack",
        stack_samples,
        numpy=lambda ts, dim=0: np.stack(ts, axis=dim),
        dtypes=ALL,
        errors=(
            Err(([],), (RuntimeError, ValueError), "non-empty"),
            Err(([X, ZEROS((2, 4))],), RuntimeError, "equal size"),
            Err(([X, X], 4), IndexError, RANGE),
        ),
    ),
    shape_op(
        "split",
        lambda g: [
            S(g(5, 3), 2),
            S(g(5, 3), [1, 4]),
            S(g(2, 6), 3, 1),
            S(g(2, 6), [2, 0, 4], dim=-1),
            S(g(0, 2), 2),
        ],
        np_split,
        errors=(
            Err((X, 0), RuntimeError, "split_size can only be 0|positive|greater"),
            Err((X, [1, 3]), RuntimeError, "sum exactly"),
            Err((X, 1, 2), IndexError, RANGE),
        ),
    ),
    shape_op(
        "chunk",
        lambda g: [S(g(5, 3), 2), S(g(5, 3), 3), S(g(2, 6), 4, 1), S(g(2, 3), 5)],
        np_chunk,
        errors=(Err((X, 0), RuntimeError, "greater than 0|positive"),),
    ),
    shape_op(
        "unbind",
        lambda g: [S(g(3, 4)), S(g(3, 4), 1), S(g(2, 3, 4), -1), S(g(3))],
        np_unbind,
        errors=(Err((X, 2), IndexError, RANGE),),
    ),
    shape_op(
        "flip",
        lambda g: [
            S(g(3, 4), (0,)),
            S(g(3, 4), (0, 1)),
            S(g(2, 3, 4), (-1,)),
            S(g(0, 3), (1,)),
            S(g(67), [0]),
        ],
        lambda x, dims: np.flip(x, tuple(dims)),
        errors=(
            Err((X, (2,)), IndexError, RANGE),
            Err((X, (0, 0)), RuntimeError, "multiple times"),
        ),
    ),
    shape_op(
        "roll",
        lambda g: [
            S(g(3, 4), 1),
            S(g(3, 4), 1, 0),
            S(g(3, 4), (1, -2), (0, 1)),
            S(g(5), -7, 0),
            S(g(0), 1, 0),
            S(g(3, 4), shifts=2, dims=-1),
        ],
        np_roll,
        errors=(
            Err((X, (1, 2), (0,)), RuntimeError, "must (align|match)|shifts and dim"),
            Err((X, 1, 2), IndexError, RANGE),
        ),
    ),
    shape_op(
        "movedim",
        lambda g: [S(g(2, 3, 4), 0, 2), S(g(2, 3, 4), (0, 1), (-1, 0))],
        np.moveaxis,
    ),
    Op(
        "moveaxis",
        lambda g: [S(g(2, 3, 4), 0, 2), S(g(2, 3, 4), (0, -1), (1, 0))],
        numpy=np.moveaxis,
        dtypes=ALL,
        method="moveaxis",
        errors=(Err((X, (0, 0), (0, 1)), RuntimeError, "repeated dim", names="movedim"),),
    ),
    shape_op("swapaxes", lambda g: [S(g(2, 3, 4), 0, 2)], np.swapaxes),
    shape_op("swapdims", lambda g: [S(g(2, 3, 4), -1, 0)], np.swapaxes),
    shape_op(
        "select",
        lambda g: [S(g(3, 4), 0, 1), S(g(3, 4), 1, -1), S(g(2, 3, 4), -2, 0), S(g(0, 3), 1, 2)],
        lambda x, dim, index: np.take(x, index, axis=dim),
        errors=(
            Err((X, 0, 2), IndexError, "out of range"),
            Err((X, 2, 0), IndexError, RANGE),
            Err((ZEROS(()), 0, 0), IndexError, "0-dim"),
        ),
    ),
    shape_op(
        "narrow",
        lambda g: [
            S(g(3, 4), 1, 1, 2),
            S(g(3, 4), 0, -2, 2),
            S(g(5), 0, 5, 0),
            S(g(0, 3), 1, 0, 3),
        ],
        np_narrow,
        errors=(
            Err((X, 1, 2, 2), RuntimeError, "exceeds dimension size"),
            Err((X, 0, 4, 0), IndexError, "out of range"),
            Err((X, 0, 0, -1), RuntimeError, "non-negative"),
        ),
    ),
    shape_op(
        "diagonal",
        lambda g: [
            S(g(3, 4)),
            S(g(3, 4), 1),
            S(g(3, 4), -2),
            S(g(2, 3, 4), 1, 1, 2),
            S(g(2, 3, 4), -1, -1, 0),
            S(g(3, 4), 5),
        ],
        lambda x, offset=0, dim1=0, dim2=1: np.diagonal(x, offset, dim1, dim2),
        errors=(Err((X, 0, 1, -1), RuntimeError, "cannot be identical"),),
    ),
    shape_op(
        "unflatten",
        lambda g: [S(g(2, 6), 1, (2, 3)), S(g(2, 6), -1, (-1, 2)), S(g(6), 0, [6, 1])],
        lambda x, dim, sizes: x.reshape(
            *x.shape[: dim % x.ndim], *sizes, *x.shape[dim % x.ndim + 1 :]
        ),
        errors=(
            Err((X, 1, (2, 2)), RuntimeError, "don't multiply up"),
            Err((X, 1, (-1, -1)), RuntimeError, "only one dimension can be inferred"),
        ),
    ),
    shape_op("ravel", lambda g: [S(g(2, 3)), S(g()), S(g(0, 3)), S(g(4))], np.ravel),
    shape_op("atleast_1d", lambda g: [S(g()), S(g(3)), S(g(2, 3))], np.atleast_1d, method=None),
    shape_op("atleast_2d", lambda g: [S(g()), S(g(3)), S(g(2, 3))], np.atleast_2d, method=None),
    shape_op(
        "atleast_3d",
        lambda g: [S(g()), S(g(3)), S(g(2, 3)), S(g(1, 2, 3))],
        np.atleast_3d,
        method=None,
    ),
    Op(
        "view_as",
        lambda g: [S(g(2, 6), Const(g(3, 4)))],
        call=lambda P, x, other: x.view_as(other),
        numpy=lambda x, other: x.reshape(other.array.shape),
        layouts=(),
        errors=(
            Err((X, ZEROS((4, 2))), RuntimeError, "is invalid for input of size", names="view"),
        ),
    ),
    Op(
        "reshape_as",
        lambda g: [S(g(2, 6), Const(g(3, 4))), S(g(4), Const(g(2, 2)))],
        call=lambda P, x, other: x.reshape_as(other),
        numpy=lambda x, other: x.reshape(other.array.shape),
    ),
    Op(
        "expand_as",
        lambda g: [S(g(3, 1), Const(g(2, 3, 4)))],
        call=lambda P, x, other: x.expand_as(other),
        numpy=lambda x, other: np.broadcast_to(x, other.array.shape),
        layouts=("transposed", "stepped", "negative"),
        errors=(
            Err((X, ZEROS((2, 4))), RuntimeError, "must match the existing size", names="expand"),
        ),
    ),
    shape_op(
        "tile",
        lambda g: [S(g(2, 3), (2,)), S(g(3), (2, 3)), S(g(2, 3), (2, 1, 2)), S(g(2), (0,))],
        np.tile,
    ),
    Op(
        "split_with_sizes",
        lambda g: [S(g(5, 3), [1, 4]), S(g(2, 6), [2, 0, 4], -1)],
        numpy=np_split,
        dtypes=ALL,
        method="split_with_sizes",
        errors=(Err((X, [1, 2, 3]), RuntimeError, "sum exactly", names="split"),),
    ),
    Op(
        "broadcast_tensors",
        lambda g: [S([g(3, 1), g(4)]), S([g(2, 3), g()])],
        torch=lambda P, ts: P.broadcast_tensors(*ts),
        numpy=lambda ts: list(np.broadcast_arrays(*ts)),
        dtypes=ALL,
        layouts=("transposed", "stepped", "negative"),
        errors=(Err(([X, ZEROS((2, 4))],), RuntimeError, "must match the size"),),
    ),
    Op(
        "meshgrid",
        lambda g: [S([g(3), g(4)]), S([g(3), g(4), g(2)], indexing="xy"), S([g(3)])],
        torch=lambda P, ts, indexing="ij": P.meshgrid(*ts, indexing=indexing),
        numpy=lambda ts, indexing="ij": list(np.meshgrid(*ts, indexing=indexing)),
        dtypes=ALL,
        layouts=("stepped", "negative"),
        errors=(
            Err(([X],), RuntimeError, "0D or 1D"),
            Err(([ZEROS(2)],), RuntimeError, "indexing must be", {"indexing": "kl"}),
        ),
    ),
    Op(
        "copy_",
        lambda g: [S(g(3, 4), g(3, 4)), S(g(3, 4), g(4)), S(g(3, 4), g(3, 1)), S(g(2), g())],
        call=lambda P, x, y: x.clone().copy_(y),
        numpy=lambda x, y: np.broadcast_to(y, x.shape).copy(),
        dtypes=ALL,
        errors=(Err((X, ZEROS((2, 4))), RuntimeError, "expand|match"),),
    ),
    Op(
        "fill_",
        lambda g: [
            S(g(3, 4), g()),
            S(g(), g()),
            S(g(3, 4), True if g.dtype == "bool" else g.scalar()),
        ],
        call=lambda P, x, y: x.clone().fill_(y),
        numpy=lambda x, y: np.full_like(x, y),
        dtypes=ALL,
        errors=(Err((X, ZEROS(2)), RuntimeError, "0-dimension"),),
    ),
    Op(
        "zero_",
        lambda g: [S(g(3, 4)), S(g()), S(g(0))],
        call=lambda P, x: x.clone().zero_(),
        numpy=np.zeros_like,
        dtypes=ALL,
    ),
    Op(
        "conversions",
        lambda g: [
            Kink(g(3, 4), name) for name in CONVERSIONS
        ],  # float32 is too coarse for differences
        call=lambda P, x, name: getattr(x, name)(),
        numpy=lambda x, name: x.astype(CONVERSIONS[name]),
        dtypes=ALL,
        covers=tuple(CONVERSIONS),
    ),
    Op(
        "bfloat16",
        lambda g: [Kink(g(3, 4)), Kink(g())],
        call=lambda P, x: x.bfloat16(),
        dtypes=ALL,
    ),
    Op(
        "type_as",
        lambda g: [Kink(g(3, 4), Const(np.zeros(2, np.float32))), S(g(3), Const(np.zeros(2)))],
        call=lambda P, x, other: x.type_as(other),
        numpy=lambda x, other: x.astype(other.array.dtype),
    ),
    Op("clone", lambda g: [S(g(2, 3)), S(g()), S(g(0))], numpy=np.copy, dtypes=ALL, method="clone"),
    Op(
        "contiguous",
        lambda g: [S(g(2, 3, 4)), S(g())],
        call=lambda P, x: x.contiguous(),
        numpy=np.copy,
        dtypes=ALL,
    ),
    Op(
        "detach",
        lambda g: [S(g(2, 3)), S(g())],
        numpy=np.copy,
        dtypes=ALL,
        method="detach",
        grad=False,
        grad2=False,
    ),
]
