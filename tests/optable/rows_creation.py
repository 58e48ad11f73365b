"""Ops that make tensors from nothing, from Python and from NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from .model import ALL, DT, FLOATS, NUMERIC, Const, Err, Gen, Op, S, Sample

ZEROS = np.zeros
NOGRAD: dict[str, Any] = {"grad": False, "grad2": False, "layouts": ()}
NEGATIVE = "negative|non-negative"


def shape_samples(g: Gen) -> list[Sample]:
    dt = DT(g.dtype)
    return [
        S(2, 3, dtype=dt),
        S((2, 3), dtype=dt),
        S([4], dtype=dt),
        S(0, 3, dtype=dt),
        S((), dtype=dt),
        S(67, dtype=dt),
        *([S(2, 3)] if g.dtype == "float32" else []),
    ]


def np_shape(make: Any) -> Any:
    def reference(*shape: Any, dtype: Any = None) -> Any:
        if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
            shape = tuple(shape[0])
        return make(shape)

    return reference


def creation(name: str, make: Any, **kw: Any) -> Op:
    errors = (
        Err((-1,), RuntimeError, NEGATIVE),
        Err((2, -3), RuntimeError, NEGATIVE),
        Err(("a",), TypeError, "int|must be"),
        Err((2.5,), TypeError, "int|must be"),
        Err(
            (1 << 62, 1 << 62),
            (RuntimeError, MemoryError, ValueError),
            "overflow|memory|alloc|large|size",
        ),
        Err((1 << 50,), (RuntimeError, MemoryError), "memory|alloc"),
    )
    return Op(name, shape_samples, numpy=make, errors=errors, **{**NOGRAD, **kw})


def like(name: str, make: Any, *args: Any, **kw: Any) -> Op:
    def samples(g: Gen) -> list[Sample]:
        out = [S(g(2, 3), *args), S(g(), *args), S(g(0, 3), *args)]
        return [*out, S(g(4), *args, dtype=DT("float64"))]

    return Op(
        name,
        samples,
        numpy=make,
        dtypes=kw.pop("dtypes", ALL),
        errors=(Err((3.0, *args), TypeError, "tensor"),),
        **{**NOGRAD, **kw},
    )


ARANGE = [
    (5,),
    (0,),
    (2, 7),
    (7, 2, -2),
    (1, 10, 3),
    (5.0,),
    (0.5, 3.0, 0.5),
    (0, 1, 0.1),
    (3, 3),
    (-3, 3),
]


def tensor_samples(g: Gen) -> list[Sample]:
    return [
        S(1),
        S(2.5),
        S(True),
        S([1, 2, 3]),
        S([1.0, 2, True]),
        S([[1, 2], [3, 4]]),
        S([]),
        S([[], []]),
        S([True, False]),
        S((1, (2,)[0])),
        S([1, 2], dtype=DT("float64")),
        S([1.9, -1.9], dtype=DT("int32")),
        S([0.0, 2.0], dtype=DT("bool")),
        S([2**40]),
        S([1e300], dtype=DT("float64")),
        S([float("nan"), float("inf")]),
        S([[[1.0]], [[2.0]]]),
    ]


RAGGED = Err(([[1, 2], [3]],), ValueError, "expected sequence of length|ragged|same length")

ROWS = [
    creation("zeros", np_shape(np.zeros)),
    creation("ones", np_shape(np.ones)),
    creation("empty", None, random=True),
    Op(
        "full",
        lambda g: [
            S((2, 3), 1, dtype=DT(g.dtype)),
            S((), 0, dtype=DT(g.dtype)),
            S([0, 2], 1, dtype=DT(g.dtype)),
            S((2,), 7),
            S((2,), 1.5),
            S((2,), True),
        ],
        numpy=lambda shape, v, dtype=None: np.full(shape, v),
        dtypes=ALL,
        errors=(
            Err(((-1,), 0.0), RuntimeError, NEGATIVE),
            Err(((2,), "a"), TypeError, "number|must"),
        ),
        **NOGRAD,
    ),
    Op(
        "arange",
        lambda g: [
            *(S(*a) for a in ARANGE),
            *(S(*a, dtype=DT("float64")) for a in ARANGE),
            S(2, 9, 2, dtype=DT("int32")),
        ],
        numpy=lambda *a, dtype=None: np.arange(*a),
        errors=(
            Err((0, 5, 0), RuntimeError, "step must be nonzero|zero"),
            Err((0, 5, -1), RuntimeError, "inconsistent with step sign"),
            Err((0, float("nan")), RuntimeError, "finite|unsupported range|nan"),
            Err((0, float("inf")), RuntimeError, "finite|unsupported range"),
        ),
        **NOGRAD,
    ),
    Op(
        "linspace",
        lambda g: [
            S(0, 1, 5, dtype=DT(g.dtype)),
            S(-2.0, 3.0, 7, dtype=DT(g.dtype)),
            S(3, 1, 4, dtype=DT(g.dtype)),
            S(0, 1, 1, dtype=DT(g.dtype)),
            S(0, 1, 0, dtype=DT(g.dtype)),
            S(0, 1, steps=67, dtype=DT(g.dtype)),
        ],
        numpy=lambda a, b, steps, dtype=None: np.linspace(a, b, steps),
        errors=(Err((0, 1, -1), RuntimeError, NEGATIVE),),
        **NOGRAD,
    ),
    Op(
        "eye",
        lambda g: [S(3, dtype=DT(g.dtype)), S(2, 4, dtype=DT(g.dtype)), S(0, dtype=DT(g.dtype))],
        numpy=lambda n, m=None, dtype=None: np.eye(n, m),
        dtypes=ALL,
        errors=(Err((-1,), RuntimeError, "negative|greater or equal"),),
        **NOGRAD,
    ),
    Op(
        "tensor",
        tensor_samples,
        numpy=lambda v, dtype=None: np.array(v).astype(dtype.name if dtype else None),
        errors=(
            RAGGED,
            Err((["a"],), (TypeError, ValueError), "dtype|str|sequence"),
            Err((None,), (RuntimeError, TypeError), "infer dtype|None"),
            Err((object(),), (RuntimeError, TypeError), "infer dtype|object"),
            Err(
                ([1 << 70],),
                (RuntimeError, OverflowError, ValueError),
                "overflow|too large|too big",
            ),
        ),
        **NOGRAD,
    ),
    Op(
        "as_tensor",
        tensor_samples,
        numpy=lambda v, dtype=None: np.array(v).astype(dtype.name if dtype else None),
        errors=(RAGGED,),
        **NOGRAD,
    ),
    Op(
        "from_numpy",
        lambda g: [S(Const(g(2, 3))), S(Const(g())), S(Const(g(0, 2)))],
        call=lambda P, t: P.from_numpy(t.numpy()),
        numpy=lambda c: c.array,
        dtypes=ALL,
        errors=(Err((3,), (TypeError, AttributeError), "ndarray|numpy", names=""),),
        **NOGRAD,
    ),
    like("zeros_like", lambda x, dtype=None: np.zeros_like(x)),
    like("ones_like", lambda x, dtype=None: np.ones_like(x)),
    like("full_like", lambda x, v, dtype=None: np.full_like(x, v), 1),
    like("empty_like", None, random=True),
    like("rand_like", None, random=True, dtypes=FLOATS),
    like("randn_like", None, random=True, dtypes=FLOATS),
    like("randint_like", None, 0, 7, random=True, dtypes=NUMERIC),
    creation("rand", None, random=True),
    creation("randn", None, random=True),
    Op(
        "randint",
        lambda g: [
            S(5, (2, 3)),
            S(-3, 4, (67,)),
            S(0, 2, ()),
            S(3, (0,)),
            S(0, 9, (3,), dtype=DT("int32")),
        ],
        random=True,
        errors=(
            Err((5, 5, (2,)), RuntimeError, "greater than|>"),
            Err((0, 5, (-2,)), RuntimeError, NEGATIVE),
        ),
        **NOGRAD,
    ),
    Op(
        "randperm",
        lambda g: [S(7), S(0), S(1)],
        random=True,
        errors=(Err((-1,), RuntimeError, "non-negative|negative"),),
        **NOGRAD,
    ),
    Op(
        "item",
        lambda g: [S(g()), S(g(1)), S(g(1, 1))],
        call=lambda P, x: x.item(),
        numpy=lambda x: x.item(),
        dtypes=ALL,
        errors=(
            Err((ZEROS(2),), RuntimeError, "cannot be converted to Scalar|one element", names=""),
        ),
        **NOGRAD,
    ),
]
