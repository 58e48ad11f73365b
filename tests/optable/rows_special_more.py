"""Incomplete gamma functions, Bessel functions of the second kind, Airy's, polynomials."""

from __future__ import annotations

from typing import Any

from .model import Const, Domain, Gen, Op, S, Sample
from .rows_special import AWAY_FROM_ZERO, POSITIVE, special


def gamma_samples(g: Gen) -> list[Sample]:
    """The first operand has a derivative here, but not in PyTorch."""
    shapes: list[tuple[tuple[int, ...], ...]] = [
        ((), ()), ((3, 4), (3, 4)), ((4,), (3, 1)), ((0,), (1,)), ((67,), (67,)),
    ]  # fmt: skip
    return [S(Const(g(*a)), g(*b)) for a, b in shapes]


def polynomial_samples(g: Gen) -> list[Sample]:
    degrees = g.index(3, 4, low=-1, high=7).astype(g.dtype)
    return [
        S(g(3, 4), Const(degrees)),
        S(g(3, 1), Const(degrees)),
        S(g(67), 3),
        S(g(), 2),
        S(g(0), 1),
    ]


def polynomial(name: str) -> Op:
    kw: dict[str, Any] = {"samples": polynomial_samples, "domain": (0.1, 0.9), "extremes": 0}
    return special(name, None, grad=False, grad2=False, tol=20, **kw)


SMOOTH: list[tuple[str, Domain]] = [
    ("modified_bessel_k0", POSITIVE),
    ("modified_bessel_k1", POSITIVE),
    ("scaled_modified_bessel_k0", POSITIVE),
    ("scaled_modified_bessel_k1", POSITIVE),
    ("airy_ai", (-2.0, 2.0)),
    ("spherical_bessel_j0", AWAY_FROM_ZERO),
]
ROWS = [
    *(
        Op(
            name,
            gamma_samples,
            domain=POSITIVE,
            method=name,
            inplace=f"{name}_",
            tol=10,
            covers=(name, "special_igamma_da"),
        )
        for name in ("igamma", "igammac")
    ),
    *(
        special(name, None, domain=domain, tol=10, extremes=0, oracle=False)
        for name, domain in SMOOTH
    ),
    *(
        polynomial(f"{shifted}chebyshev_polynomial_{kind}")
        for kind in "tuvw"
        for shifted in ("", "shifted_")
    ),
    *(
        polynomial(f"{name}_polynomial_{kind}")
        for name, kind in [
            ("hermite", "h"),
            ("hermite", "he"),
            ("laguerre", "l"),
            ("legendre", "p"),
        ]
    ),
]
next(r for r in ROWS if r.name == "special.airy_ai").covers += ("special_airy_ai_prime",)
