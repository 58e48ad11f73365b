"""Elementwise ops: arithmetic, comparison, mathematical functions, activations, logic."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .model import (
    ALL,
    FLOATS,
    INTEGRAL,
    INTS,
    NUMERIC,
    SCALAR_SHAPES,
    Const,
    Domain,
    Err,
    Gen,
    Kink,
    Op,
    S,
    Sample,
    binary_and_scalar_samples,
    binary_samples,
    large_binary,
    large_unary,
    unary_samples,
)

ZEROS = np.zeros
MISMATCH = Err((ZEROS((2, 3)), ZEROS((4,))), RuntimeError, "size of tensor|broadcast")
NOT_A_TENSOR = Err((None,), TypeError, "must be Tensor|tensor")
AWAY_FROM_ZERO: Domain = ((-2.0, -0.2), (0.2, 2.0))


def unary(name: str, numpy: Callable[..., Any] | None, **kw: Any) -> Op:
    kw.setdefault("inplace", f"{name}_")
    kw.setdefault("method", name)
    kw.setdefault("samples", unary_samples)
    kw.setdefault("errors", (NOT_A_TENSOR,))
    kw.setdefault("large", large_unary)
    kw.setdefault("dtypes", ALL)
    kw.setdefault("extremes", 1)
    return Op(name, numpy=numpy, **kw)


def binary(name: str, numpy: Callable[..., Any] | None, **kw: Any) -> Op:
    kw.setdefault("inplace", f"{name}_")
    kw.setdefault("method", name)
    kw.setdefault("samples", binary_and_scalar_samples)
    kw.setdefault("errors", (MISMATCH,))
    return Op(name, numpy=numpy, extremes=2, large=large_binary, **kw)


def nograd(make: Callable[..., Op], name: str, numpy: Callable[..., Any], **kw: Any) -> Op:
    return make(name, numpy, grad=False, grad2=False, **kw)


def alpha_samples(g: Gen) -> list[Sample]:
    return [
        *binary_and_scalar_samples(g),
        S(g(3, 4), g(4), alpha=2),
        *([S(g(3), g(2, 1), alpha=-0.5)] if g.floating else []),
    ]


def div_samples(g: Gen) -> list[Sample]:
    out = binary_and_scalar_samples(g)
    for mode in ("floor", "trunc"):
        out.append(Kink(g(3, 4), g(4), rounding_mode=mode))
    return out


def np_div(a: Any, b: Any, rounding_mode: str | None = None) -> Any:
    q = np.true_divide(a, b)
    return {"floor": np.floor, "trunc": np.trunc, None: lambda x: x}[rounding_mode](q)


def remainder_samples(g: Gen) -> list[Sample]:
    """Quotients stay away from the integers, where the remainder jumps."""
    if not g.floating:
        return binary_and_scalar_samples(g)
    between: Domain = ((-0.6, -0.3), (0.3, 0.6), (1.4, 1.7))
    scalars = [S(g(*shape, domain=between), 1.05) for shape in SCALAR_SHAPES]
    return [*binary_samples(g, between, (0.95, 1.15)), *scalars]


def pow_samples(g: Gen) -> list[Sample]:
    if not g.floating:
        small: Domain = (0.3, 1.0)  # integers 2 to 4
        return [S(g(3, 4), g(4, domain=small)), S(g(3), 2), S(g(5), 3), S(g(0), 2), S(g(), 0)]
    out = [S(g(*a), g(*b)) for a, b in [((), ()), ((3, 4), (4,)), ((2, 1), (3,)), ((67,), (67,))]]
    out += [S(g(*s), e) for s in [(), (3, 4), (0,)] for e in (2, 3, 0.5, -1, -2.5, 1.0)]
    out += [S(2.0, g(3, 4)), S(0.5, g(67))]
    signed = g(3, 4, domain=AWAY_FROM_ZERO)
    out += [S(signed, 2), S(signed.copy(), 3.0), S(signed.copy(), -3)]
    zero = np.array([0.0, 0.0, 1.0], dtype=g.dtype)
    out += [Kink(zero, 2), Kink(zero.copy(), 1), Kink(zero.copy(), 0), Kink(zero.copy(), zero + 2)]
    return out


def clamp_samples(g: Gen) -> list[Sample]:
    low, high = (-0.5, 0.7) if g.floating else (1, 4)
    out = [S(g(*s), low, high) for s in [(), (3, 4), (0,), (67,)]]
    out += [S(g(3, 4), min=low), S(g(3, 4), max=high), S(g(5), high, low)]
    if g.floating:
        out.append(Kink(np.array([low, high, 0.0], dtype=g.dtype), low, high))
        out.append(S(g(3, 4), g(4) - 2.5, g(3, 1) + 2.5))
    return out


def np_clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    if min is not None:
        x = np.maximum(x, min)
    return x if max is None else np.minimum(x, max)


def extremum_samples(g: Gen) -> list[Sample]:
    a: Domain = ((-2.0, -1.7), (-1.0, -0.7), (0.0, 0.3), (1.0, 1.3))
    b: Domain = ((-1.5, -1.2), (-0.5, -0.2), (0.5, 0.8), (1.5, 1.8))
    tie = g(3, 4)
    return [*binary_samples(g, a, b), Kink(tie, tie.copy())]


def where_samples(g: Gen) -> list[Sample]:
    c = g.bools
    return [
        S(c(), g(), g()),
        S(c(3, 4), g(3, 4), g(3, 4)),
        S(c(3, 1), g(4), g(3, 4)),
        S(c(4), g(3, 1), g()),
        S(c(2, 1, 3), g(1, 4, 1), g(3)),
        S(c(0), g(0), g(1)),
        S(c(67), g(67), g(67)),
        S(c(3, 4), g(3, 4), g.scalar() if g.dtype != "bool" else True),
    ]


def comparison(name: str, numpy: Callable[..., Any]) -> Op:
    def samples(g: Gen) -> list[Sample]:
        same = g(3, 4)
        return [*binary_and_scalar_samples(g), S(same, same.copy()), S(g(4), 1), S(g(4), 0.5)]

    return nograd(binary, name, numpy, samples=samples, dtypes=ALL)


def logical(name: str, numpy: Callable[..., Any]) -> Op:
    return nograd(binary, name, numpy, samples=binary_samples, dtypes=ALL)


def bitwise(name: str, numpy: Callable[..., Any], symbol: str) -> Op:
    err = Err((ZEROS(3), ZEROS(3)), (RuntimeError, NotImplementedError), "not implemented|dtype")
    return nograd(
        binary,
        name,
        numpy,
        samples=binary_and_scalar_samples,
        dtypes=INTEGRAL,
        errors=(err, MISMATCH_INT),
    )


MISMATCH_INT = Err(
    (np.zeros((2, 3), np.int64), np.zeros(4, np.int64)), RuntimeError, "size of tensor|broadcast"
)


def parameter(*values: Any, key: str | None = None) -> Callable[[Gen], list[Sample]]:
    """Unary samples, then the op's attribute at several values."""

    def samples(g: Gen) -> list[Sample]:
        extra = [S(g(3, 4), **{key: v}) if key else S(g(3, 4), v) for v in values]
        return [*unary_samples(g), *extra]

    return samples


def activation(name: str, numpy: Callable[..., Any], **kw: Any) -> Op:
    kw.setdefault("inplace", None)
    kw.setdefault("method", None)
    kw.setdefault("dtypes", FLOATS)
    return unary(name, numpy, call=f"nn.functional.{name}", **kw)


def np_gelu(x: Any, approximate: str = "none") -> Any:
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + np_erf(x / math.sqrt(2)))


np_erf = np.vectorize(math.erf, otypes=[np.float64])


def np_sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def np_softplus(x: Any, beta: float = 1, threshold: float = 20) -> Any:
    return np.where(x * beta > threshold, x, np.log1p(np.exp(x * beta)) / beta)


def np_round(x: Any, decimals: int = 0) -> Any:
    return np.round(x, decimals)


POSITIVE: Domain = (0.2, 3.0)

ARITHMETIC = [
    binary(
        "add",
        lambda a, b, alpha=1: a + alpha * b,
        samples=alpha_samples,
        dtypes=ALL,
        errors=(
            MISMATCH,
            Err((ZEROS(3), None), TypeError, "must be Tensor|NoneType"),
            Err((ZEROS(3), "x"), TypeError, "must be Tensor|str"),
        ),
    ),
    binary(
        "sub",
        lambda a, b, alpha=1: a - alpha * b,
        samples=alpha_samples,
        dtypes=NUMERIC,
        errors=(MISMATCH, Err((np.ones(2, bool), np.ones(2, bool)), RuntimeError, "bool")),
    ),
    binary("mul", np.multiply, dtypes=ALL),
    binary("div", np_div, samples=div_samples, dtypes=NUMERIC, domain=AWAY_FROM_ZERO),
    Op(
        "true_divide",
        binary_samples,
        numpy=np.true_divide,
        domain=AWAY_FROM_ZERO,
        method="true_divide",
        errors=(Err((ZEROS((2, 3)), ZEROS(4)), RuntimeError, "size of tensor", names="div"),),
    ),
    Op(
        "floor_divide",
        binary_and_scalar_samples,
        numpy=np.floor_divide,
        grad=False,
        grad2=False,
        dtypes=NUMERIC,
        domain=AWAY_FROM_ZERO,
        method="floor_divide",
        errors=(
            MISMATCH,
            Err((np.ones(3, np.int64), 0), (RuntimeError, ZeroDivisionError), "zero"),
        ),
    ),
    Op(
        "remainder",
        remainder_samples,
        numpy=np.remainder,
        dtypes=NUMERIC,
        domain=AWAY_FROM_ZERO,
        method="remainder",
        tol=4,
        errors=(MISMATCH,),
    ),
    Op(
        "fmod",
        remainder_samples,
        numpy=np.fmod,
        dtypes=NUMERIC,
        domain=AWAY_FROM_ZERO,
        method="fmod",
        tol=4,
        errors=(MISMATCH,),
    ),
    binary(
        "pow",
        np.power,
        samples=pow_samples,
        domain=POSITIVE,
        dtypes=NUMERIC,
        tol=4,
        errors=(MISMATCH, Err((np.ones(3, np.int64), -1), RuntimeError, "negative")),
    ),
    unary("neg", np.negative, dtypes=NUMERIC),
    unary("abs", np.abs, domain=AWAY_FROM_ZERO, dtypes=NUMERIC),
    unary("sign", np.sign, domain=AWAY_FROM_ZERO),
    unary("square", np.square, dtypes=NUMERIC),
]

OPERATORS = [
    Op(f"operator {name}", samples, call=lambda P, a, b, f=f: f(a, b), numpy=f, dtypes=dtypes, **kw)
    for name, f, samples, dtypes, kw in [
        ("+", operator.add, binary_and_scalar_samples, ALL, {}),
        ("-", operator.sub, binary_and_scalar_samples, NUMERIC, {}),
        ("*", operator.mul, binary_and_scalar_samples, ALL, {}),
        ("/", operator.truediv, binary_and_scalar_samples, NUMERIC, {"domain": AWAY_FROM_ZERO}),
        ("**", operator.pow, pow_samples, NUMERIC, {"domain": POSITIVE, "tol": 4.0}),
        (
            "//",
            operator.floordiv,
            binary_and_scalar_samples,
            NUMERIC,
            {"domain": AWAY_FROM_ZERO, "grad": False, "grad2": False},
        ),
        (
            "%",
            operator.mod,
            remainder_samples,
            NUMERIC,
            {"domain": AWAY_FROM_ZERO, "tol": 4.0},
        ),
        *(
            (s, f, binary_and_scalar_samples, INTEGRAL, {"grad": False, "grad2": False})
            for s, f in [("&", operator.and_), ("|", operator.or_), ("^", operator.xor)]
        ),
        *(
            (s, f, binary_and_scalar_samples, ALL, {"grad": False, "grad2": False})
            for s, f in [
                ("==", operator.eq),
                ("!=", operator.ne),
                ("<", operator.lt),
                ("<=", operator.le),
                (">", operator.gt),
                (">=", operator.ge),
            ]
        ),
    ]
]


def reflected_samples(g: Gen) -> list[Sample]:
    number = g.scalar() if g.dtype != "bool" else True
    return [S(number, g(*shape)) for shape in [(), (3, 4), (0,), (67,)]]


REFLECTED = [
    Op(
        f"reflected {name}",
        reflected_samples,
        call=lambda P, a, b, f=f: f(a, b),
        numpy=f,
        domain=POSITIVE,
        dtypes=dtypes,
        **kw,
    )
    for name, f, dtypes, kw in [
        ("+", operator.add, ALL, {}),
        ("-", operator.sub, NUMERIC, {}),
        ("*", operator.mul, ALL, {}),
        ("/", operator.truediv, FLOATS, {}),
        ("**", operator.pow, FLOATS, {"tol": 4.0}),
        ("//", operator.floordiv, FLOATS, {"grad": False, "grad2": False}),
        ("<", operator.lt, NUMERIC, {"grad": False, "grad2": False}),
    ]
]

COMPARISON = [
    comparison("eq", np.equal),
    comparison("ne", np.not_equal),
    comparison("lt", np.less),
    comparison("le", np.less_equal),
    comparison("gt", np.greater),
    comparison("ge", np.greater_equal),
]

FUNCTIONS = [
    unary("exp", np.exp),
    unary("log", np.log, domain=POSITIVE),
    unary("log1p", np.log1p, domain=(-0.7, 3.0)),
    unary("expm1", np.expm1),
    unary("sqrt", np.sqrt, domain=POSITIVE),
    unary("rsqrt", lambda x: 1 / np.sqrt(x), domain=POSITIVE),
    unary("reciprocal", np.reciprocal, domain=AWAY_FROM_ZERO),
    unary("exp2", np.exp2),
    unary("log2", np.log2, domain=POSITIVE),
    unary("log10", np.log10, domain=POSITIVE),
    unary("sin", np.sin),
    unary("tan", np.tan, domain=(-1.2, 1.2), tol=4),
    unary("cos", np.cos),
    unary("tanh", np.tanh),
    unary("sigmoid", np_sigmoid),
    unary("erf", np_erf),
    unary("floor", np.floor, dtypes=NUMERIC, domain=((-1.9, -1.1), (0.1, 0.9))),
    unary("ceil", np.ceil, dtypes=NUMERIC, domain=((-1.9, -1.1), (0.1, 0.9))),
    unary("trunc", np.trunc, dtypes=NUMERIC, domain=((-1.9, -1.1), (0.1, 0.9))),
    unary(
        "round",
        np_round,
        dtypes=NUMERIC,
        domain=((-1.4, -0.6), (0.6, 1.4)),
        samples=lambda g: [
            *unary_samples(g),
            Kink(np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]).astype(g.dtype)),
            *([Kink(g(5), decimals=2)] if g.floating else []),
        ],
    ),
    nograd(unary, "isnan", np.isnan, inplace=None),
    nograd(unary, "isinf", np.isinf, inplace=None),
    nograd(unary, "isfinite", np.isfinite, inplace=None),
]

SMOOTH: Domain = ((-1.9, -1.1), (-0.9, -0.1), (0.1, 0.9), (1.1, 1.9))
COMPOSED: dict[str, Callable[[Any], Any]] = {
    "relu6": lambda x: np.clip(x, 0, 6),
    "hardsigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hardswish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "tanhshrink": lambda x: x - np.tanh(x),
}
ALIASES = {
    "negative": "neg",
    "absolute": "abs",
    "sgn": "sign",
    "fix": "trunc",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "not_equal": "ne",
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
}


def np_celu(x: Any, alpha: float = 1.0) -> Any:
    return np.where(x > 0, x, alpha * np.expm1(x / alpha))


def alias(name: str, of: str) -> Op:
    """A second name: the same samples as the op's own, without its errors."""
    plain = of in ("neg", "abs", "sign", "trunc")
    differentiable = of not in ("ne", "lt", "le", "gt", "ge")
    return Op(
        name,
        unary_samples if plain else binary_and_scalar_samples,
        domain=AWAY_FROM_ZERO,
        method=name,
        inplace=f"{name}_" if differentiable else None,
        grad=differentiable,
        grad2=differentiable,
        oracle=name != "sgn",  # its gradient there is a tensor without memory
    )


ACTIVATIONS = [
    unary("relu", lambda x: np.maximum(x, 0), domain=AWAY_FROM_ZERO, dtypes=NUMERIC),
    activation(
        "leaky_relu",
        lambda x, negative_slope=0.01: np.where(x > 0, x, negative_slope * x),
        domain=AWAY_FROM_ZERO,
        samples=parameter(0.2, 0.0, 1.5, key="negative_slope"),
    ),
    activation(
        "elu",
        lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(x)),
        domain=AWAY_FROM_ZERO,
        samples=parameter(0.5, 2.0, key="alpha"),
    ),
    activation(
        "gelu",
        np_gelu,
        samples=parameter("none", "tanh", key="approximate"),
        signed_zero=False,  # PyTorch's float32 vector code loses the sign
    ),
    activation("logsigmoid", lambda x: -np.logaddexp(0, -x)),
    activation("silu", lambda x: x * np_sigmoid(x)),
    activation(
        "softplus",
        np_softplus,
        samples=lambda g: [
            *unary_samples(g),
            S(g(3, 4), beta=2.0),
            S(g(3, 4) * np.asarray(20, g.dtype), beta=0.5, threshold=3.0),
        ],
    ),
    *(
        activation(
            name,
            np_fn,
            domain=SMOOTH,
            extremes=0,
            errors=() if name in ("softsign", "tanhshrink") else (NOT_A_TENSOR,),
            oracle=name != "hardsigmoid",  # its derivative there is a float32 sixth
        )
        for name, np_fn in COMPOSED.items()
    ),
    activation("celu", np_celu, samples=parameter(0.5, 2.0, key="alpha"), extremes=0),
    activation(
        "hardtanh",
        lambda x, min_val=-1.0, max_val=1.0: np.clip(x, min_val, max_val),
        samples=lambda g: [S(g(3, 4)), S(g(67), -1.0, 1.05), Kink(np.array([-1.0, 1.0], g.dtype))],
        domain=SMOOTH,
        extremes=0,
    ),
    activation(
        "threshold",
        lambda x, threshold, value: np.where(x > threshold, x, value),
        samples=lambda g: [S(g(3, 4), 0.05, 2.5), S(g(67), -1.0, 0.0), S(g(0), 0.0, 0.0)],
        domain=SMOOTH,
        extremes=0,
        errors=(),
        large=None,
    ),
    Op(
        "prelu",
        lambda g: [S(g(5), g(1)), S(g(3, 4), g(4)), S(g(2, 3, 4), g(3)), S(g(0, 2), g(2))],
        call="nn.functional.prelu",
        numpy=lambda x, w: np.where(
            x > 0, x, x * (w.reshape(1, -1, *[1] * (x.ndim - 2)) if x.ndim > 1 else w)
        ),
        domain=AWAY_FROM_ZERO,
        method="prelu",
        errors=(Err((ZEROS((2, 3)), ZEROS(2)), RuntimeError, "parameter numbers"),),
        layouts=("transposed", "stepped", "negative"),
    ),
    Op("nn.functional.tanh", unary_samples, numpy=np.tanh),
    Op("nn.functional.sigmoid", unary_samples, numpy=np_sigmoid),
    Op(
        "nn.functional.relu",
        unary_samples,
        numpy=lambda x: np.maximum(x, 0),
        domain=AWAY_FROM_ZERO,
    ),
]

CHOICE = [
    unary(
        "clamp",
        np_clamp,
        domain=((-2.0, -0.7), (-0.3, 0.5), (0.9, 2.0)),
        samples=clamp_samples,
        dtypes=NUMERIC,
        errors=(Err((ZEROS(3),), (RuntimeError, ValueError, TypeError), "at least one|must"),),
        covers=("clip", "clamp_min", "clamp_max"),
        large=lambda g: S(g(700, 501), -0.5, 0.7),
    ),
    binary("minimum", np.minimum, samples=extremum_samples, dtypes=ALL, inplace=None),
    binary("maximum", np.maximum, samples=extremum_samples, dtypes=ALL, inplace=None),
    Op(
        "where",
        where_samples,
        numpy=np.where,
        dtypes=ALL,
        large=lambda g: S(g.bools(700, 501), g(700, 501), g(501)),
        errors=(
            Err((np.ones((2, 3), bool), ZEROS(4), ZEROS(3)), RuntimeError, "size of tensor|broad"),
            Err((ZEROS(3), ZEROS(3), ZEROS(3)), RuntimeError, "bool"),
        ),
    ),
    Op(
        "where (method)",
        lambda g: [S(g(3, 4), Const(g.bools(3, 4)), g(4))],
        call=lambda P, x, c, y: x.where(c, y),
        numpy=lambda x, c, y: np.where(c.array, x, y),
    ),
    Op(
        "where (one argument)",
        lambda g: [S(g.bools(3, 4)), S(g.bools(5))],
        call=lambda P, c: P.where(c),
        numpy=np.nonzero,
        grad=False,
        grad2=False,
    ),
]


def shift_samples(g: Gen) -> list[Sample]:
    return [S(g(3, 4), g(4)), S(g(67), g(67)), S(g(), g()), S(g(3), 2), S(g(0), 1)]


LOGIC = [
    logical("logical_and", np.logical_and),
    logical("logical_or", np.logical_or),
    logical("logical_xor", np.logical_xor),
    nograd(unary, "logical_not", np.logical_not),
    bitwise("bitwise_and", np.bitwise_and, "&"),
    bitwise("bitwise_or", np.bitwise_or, "|"),
    bitwise("bitwise_xor", np.bitwise_xor, "^"),
    *(
        Op(
            f"operator {symbol}",
            shift_samples,
            call=lambda P, a, b, f=f: f(a, b),
            numpy=f,
            dtypes=INTS,
            domain=(0.0, 1.0),
            grad=False,
            grad2=False,
            covers=(name,),
        )
        for symbol, f, name in [
            ("<<", operator.lshift, "bitwise_left_shift"),
            (">>", operator.rshift, "bitwise_right_shift"),
        ]
    ),
    nograd(
        unary,
        "bitwise_not",
        np.bitwise_not,
        dtypes=INTEGRAL,
        errors=(
            Err((ZEROS(3),), (RuntimeError, NotImplementedError, TypeError), "bool|dtype|impl"),
        ),
    ),
    Op(
        "operator ~",
        unary_samples,
        call=lambda P, x: ~x,
        numpy=np.invert,
        dtypes=INTEGRAL,
        grad=False,
        grad2=False,
    ),
    Op("operator unary -", unary_samples, call=lambda P, x: -x, numpy=np.negative, dtypes=NUMERIC),
    Op(
        "operator abs",
        unary_samples,
        call=lambda P, x: abs(x),
        numpy=np.abs,
        dtypes=NUMERIC,
        domain=AWAY_FROM_ZERO,
    ),
]


def cast_samples(target: str) -> Callable[[Gen], list[Sample]]:
    make = S if target == "float64" else Kink
    return lambda g: [make(g(3, 4)), make(g()), make(g(0)), make(g(67))]


CASTS = [
    Op(
        f"to {target}",
        cast_samples(target),
        call=lambda P, x, target=target: x.to(getattr(P, target)),
        numpy=lambda x, target=target: x.astype(target),
        dtypes=ALL,
        domain=(0.0, 3.0),
        grad=target in FLOATS,
        grad2=target in FLOATS,
    )
    for target in ("bool", *INTS, *FLOATS)
]


ROWS = [
    *ARITHMETIC,
    *OPERATORS,
    *REFLECTED,
    *COMPARISON,
    *FUNCTIONS,
    *ACTIVATIONS,
    *CHOICE,
    *LOGIC,
    *CASTS,
    *(alias(name, of) for name, of in ALIASES.items()),
]
