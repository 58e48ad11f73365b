"""Finite differences of sixth order along random directions, in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

STENCIL = ((1, 3 / 4), (2, -3 / 20), (3, 1 / 60))
STEP = 2e-3

Vector = list[np.ndarray]


def directional(f: Callable[[Vector], float], x: Vector, u: Vector, step: float = STEP) -> float:
    """d/dt f(x + t u) at t = 0; error about step**6."""
    total = 0.0
    for k, weight in STENCIL:
        ahead = f([a + k * step * d for a, d in zip(x, u, strict=True)])
        behind = f([a - k * step * d for a, d in zip(x, u, strict=True)])
        total += weight * (ahead - behind)
    return total / step


def direction(rng: np.random.Generator, x: Vector) -> Vector:
    return [np.asarray(rng.uniform(-1.0, 1.0, a.shape)) for a in x]


def inner(a: Vector, b: Vector) -> float:
    return float(sum(np.sum(p * q) for p, q in zip(a, b, strict=True)))


def worst_element(
    f: Callable[[Vector], float], x: Vector, analytic: Vector, step: float = STEP
) -> str:
    """Which element of which input is furthest off, for the message of a failed check."""
    worst, text = -1.0, "no elements"
    for k, a in enumerate(x):
        for at in np.ndindex(a.shape):
            unit = [np.zeros_like(b) for b in x]
            unit[k][at] = 1.0
            numeric = directional(f, x, unit, step)
            got = float(analytic[k][at])
            if abs(numeric - got) > worst or not np.isfinite(got):
                worst = abs(numeric - got)
                text = f"input {k}, element {at}: analytic {got:.12g}, numeric {numeric:.12g}"
    return text
