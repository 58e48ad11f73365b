"""Sums, maxima, moments, and everything that normalises, along every axis."""

from __future__ import annotations

from typing import Any

import numpy

from ..builds import op
from .elementwise import normal

AXES = {"all": None, "rows": 1, "columns": 0}


def logsumexp(np: Any, x: Any, axis: int | None) -> Any:
    top = x.max(axis=axis, keepdims=True)
    return np.log(np.exp(x - top).sum(axis=axis)) + top.reshape(np.sum(x, axis=axis).shape)


def over(name: str) -> Any:
    """PyTorch's reduction along a dimension or all of them."""
    if name == "logsumexp":
        return lambda P, x, dim: P.logsumexp(x, tuple(range(x.ndim)) if dim is None else dim)
    if name == "max":
        return lambda P, x, dim: P.max(x) if dim is None else P.amax(x, dim)
    return lambda P, x, dim: getattr(P, name)(x) if dim is None else getattr(P, name)(x, dim)


ARRAY = {
    "sum": lambda np, x, axis: np.sum(x, axis=axis),
    "mean": lambda np, x, axis: np.mean(x, axis=axis),
    "max": lambda np, x, axis: np.max(x, axis=axis),
    "var": lambda np, x, axis: np.var(x, axis=axis, ddof=1),
    "logsumexp": logsumexp,
    "argmax": lambda np, x, axis: np.argmax(x, axis=axis),
}


def reductions() -> Any:
    for name, array in ARRAY.items():
        torch_like = over(name)
        shapes = [((1024, 1024), label, axis) for label, axis in AXES.items()]
        shapes.append(((64, 256, 64), "middle", 1))
        for shape, label, axis in shapes:
            yield op(
                f"{name} {'x'.join(map(str, shape))} {label}",
                lambda P, x, f=torch_like, dim=axis: f(P, x, dim),
                normal(shape),
                array=lambda np, x, f=array, axis=axis: f(np, x, axis),
                at_least={"best": 1.1},
                quick=(name, label) in {("sum", "all"), ("max", "columns"), ("var", "rows")},
            )
    yield op(
        "cumsum 1024x1024 rows",
        lambda P, x: P.cumsum(x, 1),
        normal((1024, 1024)),
        array=lambda np, x: np.cumsum(x, axis=1),
        at_least={"best": 1.1},
    )


def softmax(np: Any, x: Any, axis: int) -> Any:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def log_softmax(np: Any, x: Any, axis: int) -> Any:
    x = x - x.max(axis=axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


def layer_norm(np: Any, x: Any, weight: Any, bias: Any) -> Any:
    mean = x.mean(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5) * weight + bias


def batch_norm(np: Any, x: Any, weight: Any, bias: Any) -> Any:
    axes, shape = (0, 2, 3), (1, -1, 1, 1)
    centred = (x - x.mean(axis=axes, keepdims=True)) / np.sqrt(
        x.var(axis=axes, keepdims=True) + 1e-5
    )
    return centred * weight.reshape(shape) + bias.reshape(shape)


def normalisations() -> Any:
    two = {"best": 2}
    for name, array in {"softmax": softmax, "log_softmax": log_softmax}.items():
        for label, axis in {"rows": 1, "columns": 0}.items():
            for mode in ("forward", "forward + backward"):
                yield op(
                    f"{name} 1024x1000 {label} {mode}",
                    lambda P, x, name=name, dim=axis: getattr(P, name)(x, dim),
                    normal((1024, 1000)),
                    mode,
                    array=lambda np, x, f=array, axis=axis: f(np, x, axis),
                    at_least=two if "backward" in mode else {"best": 1.0},
                    quick=(name, label) == ("softmax", "rows"),
                )
    affine = (768,)
    for mode in ("forward", "forward + backward"):
        yield op(
            f"layer_norm 2048x768 {mode}",
            lambda P, x, w, b: P.nn.functional.layer_norm(x, (768,), w, b),
            normal((2048, 768), affine, affine),
            mode,
            array=layer_norm,
            at_least=two if "backward" in mode else {"best": 1.0},
            quick=True,
        )
    yield op(
        "rms_norm 2048x768 forward + backward",
        lambda P, x, w: P.nn.functional.rms_norm(x, (768,), w, 1e-5),
        normal((2048, 768), affine),
        "forward + backward",
        array=lambda np, x, w: x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-5) * w,
        at_least=two,
    )
    yield op(
        "batch_norm 32x64x16x16 forward + backward",
        lambda P, x, w, b: P.nn.functional.batch_norm(x, None, None, w, b, True),
        normal((32, 64, 16, 16), (64,), (64,)),
        "forward + backward",
        array=batch_norm,
        at_least=two,
        quick=True,
    )
    yield op(
        "group_norm 32x64x16x16 forward + backward",
        lambda P, x, w, b: P.nn.functional.group_norm(x, 8, w, b),
        normal((32, 64, 16, 16), (64,), (64,)),
        "forward + backward",
        at_least=two,
    )


def cross_entropy(np: Any, x: Any, target: Any) -> Any:
    return -np.mean(np.take_along_axis(log_softmax(np, x, 1), target[:, None], axis=1))


def losses() -> Any:
    for rows, classes, quick in ((256, 50257, False), (128, 10, True)):
        yield op(
            f"cross_entropy {rows}x{classes} forward + backward",
            lambda P, x, target: P.nn.functional.cross_entropy(x, target),
            lambda rng, rows=rows, classes=classes: (
                rng.standard_normal((rows, classes), dtype=numpy.float32),
                rng.integers(0, classes, rows),
            ),
            "forward + backward",
            array=cross_entropy,
            bytes=12 * rows * classes if rows * classes > 10**7 else 0,
            at_least={"best": 4},
            quick=quick,
        )


CASES = [*reductions(), *normalisations(), *losses()]
