"""Parameters of distributions, and everything that a distribution can be asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyforge as pf

torch = pytest.importorskip("torch")
LIBS = (torch, pf)
ATTRIBUTES = ("mean", "mode", "variance", "stddev", "entropy", "cdf", "icdf",
              "covariance_matrix", "precision_matrix", "scale_tril")  # fmt: skip
# With other pathwise gradients than PyTorch, whose Wishart overwrites what it needs.
UNLIKE = ("Beta", "Dirichlet", "Wishart")


def params(lib: Any, dtype: str = "float64") -> dict[str, Any]:
    """Parameters by name, most ``[2, 3]``."""
    rng = np.random.default_rng(0)

    def made(values: Any) -> Any:
        return lib.from_numpy(np.array(values, dtype)).requires_grad_()

    given = {
        "loc": made(rng.normal(size=(2, 3))),
        "scale": made(rng.uniform(0.5, 2, (2, 3))),
        "probs": made(rng.uniform(0.1, 0.9, (2, 3))),
        "logits": made(rng.normal(size=(2, 3))),
        "rate": made(rng.uniform(0.5, 20, (2, 3))),
        "a": made(rng.uniform(0.3, 4, (2, 3))),
        "b": made(rng.uniform(0.3, 4, (2, 3))),
        "tail": made(rng.uniform(-0.8, 0.4, (2, 3))),
        "low": made(rng.uniform(-0.3, 0.6, (2, 3))),
        "factor": made(rng.normal(size=(2, 3, 2))),
        "temperature": made(0.7),
        "df": made([4.5, 7.0]),
        "eta": made([0.8, 2.0]),
    }
    square = rng.normal(size=(2, 3, 3))
    definite = square @ square.transpose(0, 2, 1) + np.eye(3)
    return {**given, "definite": made(definite), "lower": made(np.linalg.cholesky(definite))}


def asked(
    lib: Any, make: Callable[[Any, dict[str, Any]], Any], dtype: str = "float64"
) -> dict[str, Any]:
    """Everything that the distribution which ``make`` makes can be asked."""
    given = params(lib, dtype)
    d = make(lib.distributions, given)
    lib.manual_seed(1)
    drawn = d.sample((4,))
    result = {"drawn": drawn, "next": lib.rand(1), "log_prob": d.log_prob(drawn)}
    result["shapes"] = [tuple(d.batch_shape), tuple(d.event_shape), d.has_rsample]
    result["text"] = repr(d).replace("torch.", "pyforge.")
    at = {"cdf": (drawn,), "icdf": (lib.full((1,), 0.3, dtype=getattr(lib, dtype)),)}
    for what in ATTRIBUTES:
        try:
            value = getattr(d, what)
            result[what] = value(*at.get(what, ())) if callable(value) else value
        except (NotImplementedError, AttributeError):
            result[what] = None
    if d.has_enumerate_support:
        result["values"] = d.enumerate_support()
    grown = d.expand((5, *d.batch_shape))
    lib.manual_seed(3)
    result["drawn of expanded"] = grown.sample((2,))
    result["log_prob of expanded"] = grown.log_prob(result["drawn of expanded"])
    result["shapes of expanded"] = [tuple(grown.batch_shape), tuple(grown.event_shape)]
    density = d.log_prob(drawn).sum()
    if density.requires_grad:
        density.backward()
    for key, p in given.items():
        result[f"gradient of {key}"] = p.grad
        p.grad = None
    if d.has_rsample and type(d).__name__ not in UNLIKE:
        lib.manual_seed(2)
        moment = make(lib.distributions, given).rsample((3,)).pow(2).sum()
        if moment.requires_grad:
            moment.backward()
        for key, p in given.items():
            result[f"pathwise gradient of {key}"] = p.grad
    return result
