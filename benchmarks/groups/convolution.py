"""Convolutions and pooling, against PyTorch's API."""

from __future__ import annotations

from typing import Any

from ..builds import op
from .elementwise import normal

BOTH = ("forward", "forward + backward")


# name: (input, weight, options of conv2d, target of forward + backward, in the quick mode)
CONV2D: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, int], float, bool]] = {
    "3x3 64->64, 8x56x56": ((8, 64, 56, 56), (64, 64, 3, 3), {"padding": 1}, 1.0, False),
    "3x3 3->64, 32x32x32": ((32, 3, 32, 32), (64, 3, 3, 3), {"padding": 1}, 1.3, True),
    "1x1 64->256, 8x28x28": ((8, 64, 28, 28), (256, 64, 1, 1), {}, 1.0, True),
    "3x3 stride 2 64->128, 8x28x28": (
        (8, 64, 28, 28),
        (128, 64, 3, 3),
        {"padding": 1, "stride": 2},
        1.0,
        False,
    ),
    "3x3 depthwise 64, 8x56x56": (
        (8, 64, 56, 56),
        (64, 1, 3, 3),
        {"padding": 1, "groups": 64},
        1.3,
        True,
    ),
    "5x5 1->6, 64x28x28": ((64, 1, 28, 28), (6, 1, 5, 5), {"padding": 2}, 1.3, False),
    "3x3 dilation 2 32->32, 16x28x28": (
        (16, 32, 28, 28),
        (32, 32, 3, 3),
        {"padding": 2, "dilation": 2},
        1.0,
        False,
    ),
}


WINOGRAD = 4.0  # F(4x4, 3x3)


def convolutions() -> Any:
    for name, (x, w, options, goal, quick) in CONV2D.items():
        stride = options.get("stride", 1)
        points = x[0] * (x[2] // stride) * (x[3] // stride)
        flops = 2 * points * w[0] * w[1] * w[2] * w[3]
        winograd = w[2:] == (3, 3) and stride == 1
        for mode in BOTH:
            yield op(
                f"conv2d {name} {mode}",
                lambda P, x, w, b, options=options: P.nn.functional.conv2d(x, w, b, **options),
                normal(x, w, (w[0],)),
                mode,
                flops=flops * (3 if "backward" in mode else 1),
                shortcut=WINOGRAD if winograd else 1.0,
                at_least={"best": goal if "backward" in mode else 1.0},
                quick=quick and "backward" in mode,
            )
    yield op(
        "conv1d 7 32->64, 16x512 forward + backward",
        lambda P, x, w, b: P.nn.functional.conv1d(x, w, b, padding=3),
        normal((16, 32, 512), (64, 32, 7), (64,)),
        "forward + backward",
        flops=6 * 16 * 512 * 64 * 32 * 7,
        at_least={"best": 1.0},
    )
    yield op(
        "conv_transpose2d 4x4 stride 2 64->32, 8x14x14 forward + backward",
        lambda P, x, w, b: P.nn.functional.conv_transpose2d(x, w, b, stride=2, padding=1),
        normal((8, 64, 14, 14), (64, 32, 4, 4), (32,)),
        "forward + backward",
        flops=6 * 8 * 14 * 14 * 64 * 32 * 16,
        at_least={"best": 1.0},
    )


POOLS = {
    "max_pool2d 2x2": lambda P, x: P.nn.functional.max_pool2d(x, 2),
    "max_pool2d 3x3 stride 2": lambda P, x: P.nn.functional.max_pool2d(x, 3, 2, 1),
    "avg_pool2d 2x2": lambda P, x: P.nn.functional.avg_pool2d(x, 2),
    "adaptive_avg_pool2d 1": lambda P, x: P.nn.functional.adaptive_avg_pool2d(x, 1),
    "interpolate 2x bilinear": lambda P, x: P.nn.functional.interpolate(
        x, scale_factor=2, mode="bilinear"
    ),
}


def blocks(reduce: str) -> Any:
    """2x2 pooling in terms of arrays."""

    def f(np: Any, x: Any) -> Any:
        n, c, h, w = x.shape
        return getattr(x.reshape(n, c, h // 2, 2, w // 2, 2), reduce)(axis=(3, 5))

    return f


ARRAY = {"max_pool2d 2x2": blocks("max"), "avg_pool2d 2x2": blocks("mean")}


def pooling() -> Any:
    for name, f in POOLS.items():
        for mode in BOTH:
            yield op(
                f"{name}, 32x64x32x32 {mode}",
                f,
                normal((32, 64, 32, 32)),
                mode,
                array=ARRAY.get(name),
                at_least={"torch": 4} if "max" in name and "backward" in mode else {"best": 1.0},
                quick=name == "max_pool2d 2x2",
            )


CASES = [*convolutions(), *pooling()]
