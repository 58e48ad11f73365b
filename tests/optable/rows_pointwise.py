"""Products and convolutions with an activation on their result, which private ops do in one."""

from __future__ import annotations

from math import erf
from typing import Any

import numpy as np

from .model import Err, Gen, Kink, Op, S, Sample
from .rows_conv import correlate
from .rows_matmul import np_linear

ZEROS = np.zeros
ATTRS = ("relu", "sigmoid", "tanh", "swish", "gelu", "gelu tanh")


def split(attr: str) -> tuple[Any, ...]:
    return tuple(attr.split())


def linear_samples(g: Gen) -> list[Sample]:
    shapes: list[Any] = [((3, 4), (5, 4), (5,)), ((2, 3, 4), (5, 4), (5,)), ((4,), (5, 4), (5,))]
    shapes += [((0, 4), (5, 4), (5,)), ((3, 17), (33, 17), (33,)), ((1, 40), (10, 40), (10,))]
    out = [S(g(*x), g(*w), g(*b), a) for x, w, b in shapes[:1] for a in ATTRS]
    out += [S(g(*x) / 4, g(*w), g(*b), ATTRS[i % 6]) for i, (x, w, b) in enumerate(shapes[1:])]
    out += [S(g(*x) / 4, g(*w), g(*b), ATTRS[i % 6 - 2]) for i, (x, w, b) in enumerate(shapes[1:])]
    out += [S(g(3, 4), g(5, 4), None, "relu"), S(g(3, 4), g(5, 4), None, "swish")]
    out += [S(g(3, 4), g(5, 4), g(1), "gelu"), S(g(3, 4), g(4), None, "tanh")]
    return [*out, Kink(ZEROS((2, 3), g.dtype), g(4, 3), ZEROS(4, g.dtype), "relu")]


def conv_samples(g: Gen) -> list[Sample]:
    plain: Any = ((0, 0), (1, 1), (1, 1), 1)
    out = [S(g(2, 3, 6, 9) / 4, g(4, 3, 3, 2) / 4, g(4), *plain, a) for a in ATTRS[1:]]
    return [
        *out,
        Kink(g(2, 3, 6, 9), g(4, 3, 3, 2), g(4), *plain, "relu"),
        Kink(g(2, 3, 11), g(4, 3, 3), None, (1,), (2,), (1,), 1, "relu"),
        S(g(3, 4, 5, 6), g(4, 3, 2, 3, 2), g(4), *((0,) * 3, (1,) * 3, (1,) * 3), 1, "tanh"),
        S(g(2, 4, 5, 7), g(4, 1, 3, 3), g(4), (1, 1), (1, 1), (1, 1), 4, "swish"),
        Kink(g(2, 4, 8, 7), g(4, 1, 3, 3), g(4), (1, 1), (1, 1), (1, 1), 4, "relu"),
        S(g(2, 5, 4, 4), g(6, 5, 1, 1), g(6), *plain, "gelu"),
        Kink(g(2, 5, 7, 6), g(6, 5, 1, 1), g(6), *plain, "relu"),
        S(g(0, 3, 6, 9), g(4, 3, 3, 2), g(4), *plain, "swish"),
        Kink(ZEROS((1, 2, 6, 7), g.dtype), g(3, 2, 2, 2), ZEROS(3, g.dtype), *plain, "relu"),
    ]


def activated(P: Any, x: Any, attr: str) -> Any:
    name, *form = split(attr)
    if name == "gelu":
        return P.nn.functional.gelu(x, approximate=form[0] if form else "none")
    return P.nn.functional.silu(x) if name == "swish" else getattr(P, name)(x)


def torch_linear(P: Any, x: Any, w: Any, b: Any, attr: str) -> Any:
    return activated(P, P.nn.functional.linear(x, w, b), attr)


def torch_conv(P: Any, x: Any, w: Any, b: Any, *args: Any) -> Any:
    padding, stride, dilation, groups, attr = args
    conv = getattr(P.nn.functional, f"conv{w.dim() - 2}d")
    return activated(P, conv(x, w, b, stride, padding, dilation, groups), attr)


def np_activated(x: Any, attr: str) -> Any:
    one = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh, "sigmoid": logistic}
    if attr == "swish":
        return x * logistic(x)
    if attr == "gelu":
        return x * np.vectorize(lambda v: (1 + erf(v / 2**0.5)) / 2, otypes=[float])(x)
    if attr == "gelu tanh":
        return x * logistic(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
    return one[attr](x)


def logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def np_conv(x: Any, w: Any, b: Any, *args: Any) -> Any:
    padding, stride, dilation, groups, attr = args
    y = correlate(x, w, b, stride, padding, dilation=dilation, groups=groups)
    return np_activated(y, attr)


W = ZEROS((4, 3, 3, 3))
STEPS: tuple[Any, ...] = ((0, 0), (1, 1), (1, 1), 1)

ROWS = [
    Op(
        "_linear_pointwise",
        linear_samples,
        call=lambda P, x, w, b, attr: P._C._linear_pointwise(x, w, b, *split(attr)),
        torch=torch_linear,
        numpy=lambda x, w, b, attr: np_activated(np_linear(x, w, 0 if b is None else b), attr),
        large=lambda g: S(g(300, 201), g(170, 201), g(170), "relu"),
        errors=(
            Err((ZEROS((3, 4)), ZEROS((5, 3)), None, "relu"), RuntimeError, "cannot be multiplied"),
        ),
        tol=3,
    ),
    Op(
        "_convolution_pointwise",
        conv_samples,
        call=lambda P, x, w, b, *a: P._C._convolution_pointwise(x, w, b, *a[:-1], *split(a[-1])),
        torch=torch_conv,
        numpy=np_conv,
        layouts=("transposed", "stepped", "negative"),
        large=lambda g: S(
            g(3, 17, 31, 33), g(35, 17, 3, 3), g(35), (1, 1), (1, 1), (1, 1), 1, "swish"
        ),
        errors=(Err((ZEROS((1, 2, 5, 5)), W, None, *STEPS, "relu"), RuntimeError, "but got 2"),),
        tol=4,
    ),
]
