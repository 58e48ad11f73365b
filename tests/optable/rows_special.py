"""Inverse and hyperbolic functions, special functions, signs and neighbours, mixtures of tensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .model import (
    ALL,
    FLOATS,
    INTS,
    NUMERIC,
    Const,
    Domain,
    Err,
    Gen,
    Kink,
    Op,
    S,
    Sample,
    binary_samples,
    unary_samples,
)
from .rows_elementwise import MISMATCH, MISMATCH_INT, ZEROS, binary, nograd, unary

POSITIVE: Domain = (0.3, 3.0)
INSIDE: Domain = (-0.9, 0.9)
AWAY_FROM_ZERO: Domain = ((-2.0, -0.2), (0.2, 2.0))
GAMMA: Domain = ((-1.8, -1.2), (0.3, 3.0))

lgamma = np.vectorize(math.lgamma, otypes=[np.float64])
np_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def special(name: str, numpy: Callable[..., Any] | None = None, **kw: Any) -> Op:
    """A function of `pyforge.special` alone."""
    kw.setdefault("samples", unary_samples)
    kw.setdefault("extremes", 1)
    kw.setdefault("covers", (f"special_{name}",))
    return Op(f"special.{name}", numpy=numpy, **kw)


def np_logit(x: Any, eps: float | None = None) -> Any:
    if eps is not None:
        x = np.clip(x, eps, 1 - eps)
    return np.log(x / (1 - x))


def np_entr(x: Any) -> Any:
    return np.where(x == 0, 0.0, -x * np.log(x))


def np_log_ndtr(x: Any) -> Any:
    return np.log(0.5 * np_erfc(-x / math.sqrt(2)))


FUNCTIONS = [
    unary("asin", np.arcsin, domain=INSIDE, tol=2),
    unary("acos", np.arccos, domain=INSIDE, tol=2),
    unary("atan", np.arctan),
    unary("sinh", np.sinh, extremes=0),  # PyTorch's overflow early in float32
    unary("cosh", np.cosh, extremes=0),
    unary("asinh", np.arcsinh, tol=2),
    unary("acosh", np.arccosh, domain=(1.2, 3.0), tol=2, extreme_grad=False),
    unary("atanh", np.arctanh, domain=INSIDE, tol=2),
    unary("sinc", np.sinc, domain=AWAY_FROM_ZERO, extreme_grad=False),
    unary("deg2rad", np.deg2rad),
    unary("rad2deg", np.rad2deg),
    unary("erfc", np_erfc),
    unary("erfinv", None, domain=INSIDE, tol=4),
    unary("lgamma", lgamma, domain=GAMMA, tol=2, extreme_grad=False),
    # PyTorch's trigamma loses digits.
    unary("digamma", None, domain=GAMMA, tol=20, extremes=0),
    unary("i0", np.i0, tol=4, extremes=0),
    unary(
        "logit",
        np_logit,
        domain=(0.1, 0.9),
        samples=lambda g: [*unary_samples(g), *([S(g(5), 0.25), S(g(5), eps=0.05)] * g.floating)],
        tol=2,
        dtypes=ALL,
    ),
    unary("frac", lambda x: x - np.trunc(x), dtypes=FLOATS, domain=((-1.9, -1.1), (0.1, 0.9))),
    nograd(unary, "signbit", np.signbit, inplace=None),
    nograd(unary, "isposinf", np.isposinf, inplace=None),
    nograd(unary, "isneginf", np.isneginf, inplace=None),
    nograd(unary, "isreal", np.isreal, inplace=None),
    Op("positive", unary_samples, numpy=np.positive, dtypes=NUMERIC, method="positive"),
]


def nan_to_num_samples(g: Gen) -> list[Sample]:
    if not g.floating:
        return unary_samples(g)
    odd = np.array([np.nan, np.inf, -np.inf, 1.5], g.dtype)
    return [
        *unary_samples(g),
        Kink(odd),
        Kink(odd.copy(), 1.0),
        Kink(odd.copy(), nan=2.0, posinf=3.0, neginf=-4.0),
    ]


def float_power_samples(g: Gen) -> list[Sample]:
    out = [S(g(3, 4), g(4)), S(g(), g()), S(g(3), 2), S(g(0), 2)]
    return [*out, S(2, g(3)), S(g(3), 0.5)] if g.floating else out


def ldexp_samples(g: Gen) -> list[Sample]:
    k = np.array([1, 0, 2, 5])
    return [S(g(3, 4), Const(k)), S(g(4), g(4)), S(g(), Const(np.array(3))), S(g(0), Const(k[:0]))]


def heaviside_samples(g: Gen) -> list[Sample]:
    zero = np.array([-1, 0, 1]) if g.dtype not in ("uint8", "bool") else np.array([0, 1, 0])
    return [S(g(3, 4), g(4)), S(zero.astype(g.dtype), g(3)), S(g(0), g(0)), S(g(), g())]


def copysign_samples(g: Gen) -> list[Sample]:
    signed = np.array([1.0, -1.0, 0.0, -0.0], g.dtype)
    return [*binary_samples(g), S(g(3, 4), -2.0), Kink(signed, signed[::-1].copy())]


def polygamma_samples(g: Gen) -> list[Sample]:
    return [S(n, g(*shape)) for n in (0, 1, 2) for shape in [(), (3, 4), (0,), (67,)]]


def mvlgamma_samples(g: Gen) -> list[Sample]:
    three = np.asarray(3, g.dtype)
    return [S(g(3, 4) + three, 1), S(g(5) + three, 3), S(g() + three, 2), S(g(0), 2)]


def tie_samples(g: Gen) -> list[Sample]:
    """Ties, where all of the gradient is the first operand's, and NaN, which is passed over."""
    samples = binary_samples(g, ((-2.0, -1.7), (0.0, 0.3)), ((-1.5, -1.2), (0.5, 0.8)))
    if not g.floating:
        return samples
    a, b = np.array([np.nan, 1, 2, np.nan], g.dtype), np.array([1, np.nan, 2, np.nan], g.dtype)
    return [*samples, Kink(a, b)]


def gcd_samples(g: Gen) -> list[Sample]:
    number = int(g.rng.integers(2, 7))
    high = np.asarray(g.rng.integers(0, 12, (3, 4))).astype(g.dtype)
    return [*binary_samples(g), S(high, np.asarray(number, g.dtype))]


NOT_INTEGERS = Err((ZEROS(3), ZEROS(3)), NotImplementedError, "not implemented")
PAIRS = [
    binary(
        "atan2",
        np.arctan2,
        samples=binary_samples,
        domain=AWAY_FROM_ZERO,
        dtypes=ALL,
        tol=2,
        extreme_grad=False,
    ),
    binary("hypot", np.hypot, samples=binary_samples, domain=AWAY_FROM_ZERO, extreme_grad=False),
    binary("logaddexp", np.logaddexp, samples=binary_samples, inplace=None, extreme_grad=False),
    binary("logaddexp2", np.logaddexp2, samples=binary_samples, inplace=None, extreme_grad=False),
    binary("xlogy", lambda a, b: a * np.log(b), domain=POSITIVE, dtypes=ALL, extreme_grad=False),
    binary(
        "copysign", np.copysign, domain=AWAY_FROM_ZERO, samples=copysign_samples, extreme_grad=False
    ),
    binary("fmax", np.fmax, samples=tie_samples, dtypes=ALL, inplace=None),
    binary("fmin", np.fmin, samples=tie_samples, dtypes=ALL, inplace=None),
    nograd(binary, "nextafter", np.nextafter, samples=binary_samples),
    nograd(
        binary,
        "heaviside",
        np.heaviside,
        samples=heaviside_samples,
        dtypes=ALL,
        errors=(Err((ZEROS(2), np.zeros(2, np.int64)), RuntimeError, "different dtypes"),),
    ),
    *(
        Op(
            name,
            gcd_samples,
            numpy=numpy,
            dtypes=INTS,
            grad=False,
            grad2=False,
            method=name,
            inplace=f"{name}_",
            errors=(MISMATCH_INT, NOT_INTEGERS),
        )
        for name, numpy in [("gcd", np.gcd), ("lcm", np.lcm)]
    ),
    Op(
        "float_power",
        float_power_samples,
        numpy=np.float_power,
        domain=POSITIVE,
        dtypes=NUMERIC,
        method="float_power",
        tol=4,
        errors=(Err((2, 3), TypeError, "at least one|combination"),),
    ),
    Op(
        "ldexp", ldexp_samples, numpy=lambda a, b: a * 2.0 ** getattr(b, "array", b), method="ldexp"
    ),
]


def lerp_samples(g: Gen) -> list[Sample]:
    shapes: list[tuple[tuple[int, ...], ...]] = [
        ((), (), ()),
        ((3, 4), (3, 4), (3, 4)),
        ((4,), (3, 1), (3, 4)),
        ((0,), (1,), (0,)),
        ((67,), (67,), ()),
    ]
    between: Domain = ((-0.3, 0.4), (0.6, 1.2))
    tensors = [S(g(*a), g(*b), g(*w, domain=between)) for a, b, w in shapes]
    return [*tensors, *(S(g(3, 4), g(4), w) for w in (0.25, 0.75, 0.0, 1.0, -1.5))]


def mixture_samples(g: Gen) -> list[Sample]:
    out = [S(g(3, 4), g(3, 4), g(3, 4)), S(g(4), g(3, 1), g(1, 4)), S(g(), g(), g())]
    out += [S(g(0), g(1), g(0)), S(g(3), g(3), g(3), value=2), S(g(67), g(67), g(67))]
    return [*out, S(g(3, 1), g(3), g(), value=-0.5)] if g.floating else out


MIXTURES = [
    Op(
        "lerp",
        lerp_samples,
        numpy=lambda a, b, w: a + w * (b - a),
        method="lerp",
        inplace="lerp_",
        large=lambda g: S(g(700, 501), g(700, 501), 0.3),
        errors=(
            Err((ZEROS((2, 3)), ZEROS(4), 0.5), RuntimeError, "size of tensor", names="sub"),
            Err((ZEROS(2), np.zeros(2, np.float32), 0.5), RuntimeError, "expected dtype"),
        ),
    ),
    Op(
        "addcmul",
        mixture_samples,
        numpy=lambda x, a, b, value=1: x + value * a * b,
        method="addcmul",
        inplace="addcmul_",
        dtypes=NUMERIC,
    ),
    Op(
        "addcdiv",
        mixture_samples,
        numpy=lambda x, a, b, value=1: x + value * a / b,
        method="addcdiv",
        inplace="addcdiv_",
        domain=AWAY_FROM_ZERO,
        errors=(Err((np.ones(2, int),) * 3, RuntimeError, "Integer division"),),
    ),
    Op(
        "nan_to_num",
        nan_to_num_samples,
        numpy=lambda x, nan=0.0, posinf=None, neginf=None: np.nan_to_num(
            x, nan=nan, posinf=posinf, neginf=neginf
        ),
        method="nan_to_num",
        inplace="nan_to_num_",
        dtypes=ALL,
        extremes=1,
    ),
]

GAMMAS = [
    Op(
        "polygamma",
        polygamma_samples,
        domain=GAMMA,
        tol=20,
        errors=(Err((-1, ZEROS(3)), RuntimeError, "negative n"),),
    ),
    Op(
        "mvlgamma",
        mvlgamma_samples,
        numpy=lambda x, p: (
            p * (p - 1) / 4 * math.log(math.pi) + sum(lgamma(x - j / 2) for j in range(p))
        ),
        domain=(0.3, 2.0),
        method="mvlgamma",
        inplace="mvlgamma_",
        tol=4,
        errors=(Err((ZEROS(3), 0), RuntimeError, "greater than or equal to 1"),),
    ),
]

SPECIAL = [
    special("entr", np_entr, domain=POSITIVE, dtypes=ALL),
    special("erfcx", lambda x: np.exp(x * x) * np_erfc(x), tol=4),
    special("ndtr", lambda x: 0.5 * np_erfc(-x / math.sqrt(2)), covers=(), dtypes=ALL),
    special("ndtri", None, domain=(0.1, 0.9), tol=4),
    special("log_ndtr", np_log_ndtr, tol=4, extreme_grad=False),
    special("i0e", lambda x: np.exp(-np.abs(x)) * np.i0(x), domain=AWAY_FROM_ZERO, tol=4),
    special("i1", None, tol=4, extremes=0),
    special("i1e", None, domain=AWAY_FROM_ZERO, tol=4, extremes=0),
    *(
        special(
            name,
            None,
            domain=AWAY_FROM_ZERO if "j" in name else POSITIVE,
            tol=10,
            extremes=0,
            oracle=False,
        )
        for name in ("bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1")
    ),
    special(
        "xlog1py",
        lambda a, b: a * np.log1p(b),
        samples=binary_samples,
        domain=(-0.7, 2.0),
        extremes=2,
        errors=(MISMATCH,),
    ),
    special(
        "zeta",
        None,
        samples=lambda g: [S(2.5, g(3, 4)), S(3.0, g(67)), S(4, g(0)), S(Const(g(2, 1)), g(3))],
        domain=(1.2, 4.0),
        extremes=0,
        tol=10,
    ),
]

ALIASES = [
    Op(name, samples, domain=domain, method=name, inplace=f"{name}_", tol=2)
    for name, samples, domain in [
        ("arcsin", unary_samples, INSIDE),
        ("arccos", unary_samples, INSIDE),
        ("arctan", unary_samples, INSIDE),
        ("arcsinh", unary_samples, INSIDE),
        ("arccosh", unary_samples, (1.2, 3.0)),
        ("arctanh", unary_samples, INSIDE),
        ("arctan2", binary_samples, AWAY_FROM_ZERO),
    ]
]

ROWS = [*FUNCTIONS, *PAIRS, *MIXTURES, *GAMMAS, *SPECIAL, *ALIASES]
