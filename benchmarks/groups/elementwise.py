"""Activations and arithmetic: in the caches (1e3 to 1e5 elements) and beyond them (1e7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from ..builds import cotangent, op

SIZES = {"1e3": 10**3, "1e4": 10**4, "1e5": 10**5, "1e7": 10**7}
QUICK = {("tanh", "1e4"), ("gelu", "1e4"), ("relu", "1e5"), ("relu", "1e7"), ("exp", "1e3")}
Function = Callable[..., Any]


def sigmoid(np: Any, x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


# PyTorch's name; forward for NumPy and JAX; derivative by hand from the input and the result.
ACTIVATIONS: dict[str, tuple[Function, Function | None, Function | None]] = {
    "exp": (lambda P, x: P.exp(x), lambda np, x: np.exp(x), lambda np, g, x, y: g * y),
    "tanh": (
        lambda P, x: P.tanh(x),
        lambda np, x: np.tanh(x),
        lambda np, g, x, y: g * (1 - y * y),
    ),
    "sigmoid": (lambda P, x: P.sigmoid(x), sigmoid, lambda np, g, x, y: g * y * (1 - y)),
    "gelu": (lambda P, x: P.nn.functional.gelu(x), None, None),
    "silu": (
        lambda P, x: P.nn.functional.silu(x),
        lambda np, x: x * sigmoid(np, x),
        lambda np, g, x, y: g * (s := sigmoid(np, x)) * (1 + x * (1 - s)),
    ),
    "relu": (
        lambda P, x: P.relu(x),
        lambda np, x: np.maximum(x, 0),
        lambda np, g, x, y: g * (x > 0),
    ),
}
JAX = {
    "gelu": lambda jax, x: jax.nn.gelu(x, approximate=False),
    "relu": lambda jax, x: jax.nn.relu(x),
}


def by_hand(f: Function | None, derivative: Function | None) -> Function | None:
    """NumPy's backward pass, from values saved beforehand."""
    if f is None or derivative is None:
        return None

    def build(np: Any, x: Any) -> Function:
        y = f(np, x)
        g = cotangent(x.shape, x.dtype)
        return lambda: derivative(np, g, x, y)

    return build


def normal(*shapes: tuple[int, ...]) -> Function:
    """Inputs of float32, standard normal."""
    return lambda rng: tuple(rng.standard_normal(s, dtype=numpy.float32) for s in shapes)


def activations() -> Any:
    for name, (f, array, derivative) in ACTIVATIONS.items():
        for label, size in SIZES.items():
            large = size >= 10**7
            common = {
                "inputs": normal((size,)),
                "array": array,
                "jax": JAX.get(name),
                "quick": (name, label) in QUICK,
            }
            yield op(
                f"{name} {label} forward",
                f,
                at_least={"limit": 0.85} if large else {"best": 1.3, "torch": 2},
                bytes=8 * size if large else 0,
                **common,
            )
            yield op(
                f"{name} {label} backward",
                f,
                mode="backward",
                numpy=by_hand(array, derivative),
                at_least={"limit": 0.85} if large else {"torch": 2},
                bytes=12 * size if large else 0,
                **common,
            )


def broadcasts() -> Any:
    kinds = {"same shape": (512, 512), "row": (512,), "column": (512, 1), "scalar": (1,)}
    for kind, shape in kinds.items():
        for mode in ("forward", "forward + backward"):
            yield op(
                f"x * {kind}, 512x512, {mode}",
                lambda P, x, y: x * y,
                normal((512, 512), shape),
                mode,
                array=lambda np, x, y: x * y,
                at_least={"best": 1.0},
                quick=kind == "row",
            )


def strided() -> Any:
    for name, view in {"transposed": lambda x: x.T, "every second": lambda x: x[:, ::2]}.items():
        yield op(
            f"x + 1, 512x512, {name}",
            lambda P, x, view=view: view(x) + 1,
            normal((512, 512)),
            array=lambda np, x, view=view: view(x) + 1,
            at_least={"best": 1.0},
        )


CASES = [*activations(), *broadcasts(), *strided()]
