"""Further activations, aliases of other names, and small ops without a family."""

from __future__ import annotations

from typing import Any

import numpy as np

from .model import FLOATS, NUMERIC, Const, Kink, Op, S, unary_samples

# Away from the kinks of hardtanh, hardsigmoid, hardswish, relu6, threshold and the tie at 0.
SMOOTH = ((0.2, 0.8), (-0.8, -0.2))


def activation(name: str, **kw: Any) -> Op:
    kw.setdefault("domain", SMOOTH)
    return Op(name, unary_samples, call=f"nn.functional.{name}", dtypes=FLOATS, **kw)


def alias(name: str, of: str) -> Op:
    return Op(
        name,
        lambda g: [S(g(3, 4), g(4)), S(g(2), g())],
        numpy=getattr(np, of),
        dtypes=FLOATS,
        method=name,
        grad=not of.startswith(("greater", "less", "not_")),
        grad2=not of.startswith(("greater", "less", "not_")),
    )


def unary_alias(name: str, numpy: Any, **kw: Any) -> Op:
    return Op(name, unary_samples, numpy=numpy, dtypes=FLOATS, domain=SMOOTH, **kw)


def shape_and_dtype(name: str, *args: Any) -> Op:
    """Values are arbitrary or random: only shape and dtype are comparable."""
    return Op(
        name,
        lambda g: [S(g(3, 4), *args)],
        call=lambda P, x, *rest: getattr(x, name)(*rest) * 0,
        grad=False,
        grad2=False,
        random=True,
        layouts=(),
        covers=(name,),
    )


ROWS = [
    *[
        activation(name)
        for name in (
            "celu",
            "hardsigmoid",
            "hardswish",
            "hardtanh",
            "mish",
            "relu6",
            "selu",
            "softsign",
            "tanhshrink",
        )
    ],
    Op(
        "threshold",
        lambda g: [S(g(3, 4), 0.1, 20.0), S(g(), 0.0, -1.0)],
        call="nn.functional.threshold",
        domain=SMOOTH,
    ),
    Op("prelu", lambda g: [S(g(2, 3, 4), g(3)), S(g(5), g(1))], call="nn.functional.prelu", domain=SMOOTH),
    Op(
        "group_norm",
        lambda g: [S(g(2, 6, 3), 3, g(6), g(6)), S(g(4, 4), 2)],
        call="nn.functional.group_norm",
        tol=10,
    ),
    Op(
        "rms_norm",
        lambda g: [S(g(3, 5), [5], g(5)), S(g(2, 3, 4), [3, 4])],
        call="nn.functional.rms_norm",
        tol=10,
    ),
    Op(
        "huber_loss",
        lambda g: [S(g(3, 4), g(3, 4)), S(g(5), g(5), "none", 0.3), S(g(2), g(2), reduction="sum")],
        call="nn.functional.huber_loss",
    ),
    Op(
        "kl_div",
        lambda g: [S(g(3, 4), g(3, 4), reduction="sum"), S(g(3), g(3), reduction="none", log_target=True)],
        call="nn.functional.kl_div",
        domain=(0.1, 0.9),
    ),
    alias("multiply", "multiply"),
    alias("subtract", "subtract"),
    alias("greater", "greater"),
    alias("greater_equal", "greater_equal"),
    alias("less", "less"),
    alias("less_equal", "less_equal"),
    alias("not_equal", "not_equal"),
    Op("divide", lambda g: [S(g(3, 4), g(4))], numpy=np.divide, domain=SMOOTH, method="divide"),
    unary_alias("absolute", np.absolute, method="absolute"),
    unary_alias("negative", np.negative, method="negative"),
    unary_alias("sgn", np.sign, method="sgn"),
    unary_alias("fix", np.fix, method="fix"),
    Op("clamp_min", lambda g: [S(g(3, 4), 0.0)], numpy=np.maximum, domain=SMOOTH, method="clamp_min"),
    Op("clamp_max", lambda g: [S(g(3, 4), 0.0)], numpy=np.minimum, domain=SMOOTH, method="clamp_max"),
    Op(
        "count_nonzero",
        lambda g: [S(g(3, 4)), S(g(0))],
        numpy=lambda x: np.asarray(np.count_nonzero(x)),
        dtypes=NUMERIC,
        grad=False,
        grad2=False,
    ),
    Op("cumprod", lambda g: [S(g(3, 4), 0), S(g(3, 4), 1)], numpy=np.cumprod, method="cumprod"),
    Op("median", lambda g: [S(g(5)), S(g(3, 3))], numpy=np.median, method="median"),
    Op(
        "bitwise_left_shift",
        lambda g: [S(g(3, 4), Const(np.ones((3, 4), g.dtype)))],
        numpy=lambda x, n: np.left_shift(x, n.array),
        dtypes=("int32", "int64"),
        grad=False,
        grad2=False,
    ),
    Op(
        "bitwise_right_shift",
        lambda g: [S(g(3, 4), Const(np.ones((3, 4), g.dtype)))],
        numpy=lambda x, n: np.right_shift(x, n.array),
        dtypes=("int32", "int64"),
        grad=False,
        grad2=False,
    ),
    Op(
        "sum_to_size",
        lambda g: [S(g(3, 4), (1, 4)), S(g(2, 3, 4), (3, 1))],
        call=lambda P, x, size: x.sum_to_size(size),
        covers=("sum_to_size",),
    ),
    shape_and_dtype("new_zeros", (2, 3)),
    shape_and_dtype("new_ones", (2, 3)),
    shape_and_dtype("new_full", (2, 3), 1.5),
    Op(
        "random fills",
        lambda g: [Kink(g(3, 4))],
        call=lambda P, x: [x.detach().clone().normal_() * 0, x.detach().clone().uniform_() * 0],
        grad=False,
        grad2=False,
        random=True,
        layouts=(),
        covers=("normal", "uniform", "bernoulli", "new_empty"),
    ),
]

