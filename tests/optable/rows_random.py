"""Fills whose values are random or arbitrary: only shape and dtype are comparable."""

from __future__ import annotations

from typing import Any

from .model import Op, S


def fill(name: str, *args: Any, covers: str) -> Op:
    return Op(
        name,
        lambda g: [S(g(3, 4))],
        call=lambda P, x: getattr(x.detach().clone(), name)(*args) * 0,
        grad=False,
        grad2=False,
        random=True,
        layouts=(),
        covers=(covers,),
    )


ROWS = [
    fill("normal_", covers="normal"),
    fill("uniform_", covers="uniform"),
    fill("bernoulli_", 0.5, covers="bernoulli"),
    fill("random_", covers="random"),
    fill("exponential_", covers="exponential"),
    fill("cauchy_", covers="cauchy"),
    fill("log_normal_", covers="log_normal"),
    fill("geometric_", 0.3, covers="geometric"),
    fill("new_zeros", (2, 3), covers="new_zeros"),
    fill("new_ones", (2, 3), covers="new_ones"),
    fill("new_full", (2, 3), 1.5, covers="new_full"),
]
ROWS += [
    Op(
        "multinomial",
        lambda g: [S(g(3, 4).__abs__(), 2, False), S(g(5).__abs__(), 7, True)],
        call=lambda P, x, n, again: P.multinomial(x.detach(), n, again) * 0,
        grad=False,
        grad2=False,
        random=True,
        layouts=(),
        covers=("multinomial",),
    ),
    Op(
        "normal",
        lambda g: [S(g(3, 4))],
        call=lambda P, x: P.normal(x.detach(), 1.0) * 0,
        grad=False,
        grad2=False,
        random=True,
        layouts=(),
        covers=("normal",),
    ),
]
ROWS += [
    Op(
        name,
        lambda g: [S(g(3, 4).__abs__()), S(g().__abs__()), S(g(0))],
        call=call,
        grad=False,
        grad2=False,
        random=True,
        layouts=(),
        covers=(name,),
    )
    for name, call in (
        ("poisson", lambda P, x: P.poisson(x.detach()) * 0),
        ("binomial", lambda P, x: P.binomial(x.detach(), x.detach() * 0) * 0),
        (
            "_standard_gamma",
            lambda P, x: (P._VF if hasattr(P, "_VF") else P._C)._standard_gamma(x.detach()) * 0,
        ),
    )
]
ROWS[-6].covers = ("new_full", "new_empty")
