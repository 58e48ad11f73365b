"""Whether two tensors are equal, or nearly."""

from __future__ import annotations

import numpy as np

from .model import ALL, Err, Gen, Op, S, Sample


def close_samples(g: Gen) -> list[Sample]:
    a = g(3, 4)
    near = a if g.dtype == "bool" else (a + 1e-6 if g.floating else a + 1).astype(g.dtype)
    samples = [S(a, a.copy()), S(a, near), S(a, g(3, 4)), S(g(0), g(0))]
    if g.floating:
        special = np.array([np.nan, np.inf, -np.inf, 1.0], g.dtype)
        samples.append(S(special, special.copy()))
    return samples


def tolerance_samples(g: Gen) -> list[Sample]:
    a = g(3, 4)
    more = [S(a, g(4), 0.5, 0.1), S(a, a.copy(), rtol=0.0, atol=0.0)]
    if g.floating:
        special = np.array([np.nan, np.inf, 1.0], g.dtype)
        more.append(S(special, special.copy(), equal_nan=True))
    return [*close_samples(g), *more]


ERRORS = (
    Err((np.zeros(2), np.zeros(2, np.float32)), RuntimeError, "did not match"),
    Err((np.zeros(2), np.zeros(2)), RuntimeError, "rtol must be", {"rtol": -1.0}),
)
ROWS = [
    Op(
        name,
        tolerance_samples if tolerant else close_samples,
        numpy=numpy,
        method=name,
        dtypes=ALL,
        grad=False,
        grad2=False,
        errors=errors,
    )
    for name, numpy, tolerant, errors in [
        ("isclose", np.isclose, True, ERRORS),
        ("allclose", np.allclose, True, ()),
        ("equal", np.array_equal, False, ()),
    ]
]
