"""Convolution, pooling, padding, interpolation. PyTorch is the oracle; small cases are NumPy."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from .model import Err, Gen, Kink, Op, S, Sample

ZEROS = np.zeros


def correlate(x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, **kw: Any) -> Any:
    """Cross-correlation, output element by output element."""
    if isinstance(padding, str):
        total = [(k - 1) * kw.get("dilation", 1) for k in w.shape[2:]]
        edges = [(t // 2, t - t // 2) if padding == "same" else (0, 0) for t in total]
    else:
        edges = [(p, p) for p in np.broadcast_to(padding, w.ndim - 2)]
    groups, n = kw.get("groups", 1), w.ndim - 2
    single = x.ndim == n + 1
    x = np.pad(x[None] if single else x, [(0, 0), (0, 0), *edges])
    step, gap = np.broadcast_to(stride, n), np.broadcast_to(kw.get("dilation", 1), n)
    extent = gap * (np.array(w.shape[2:]) - 1) + 1
    out = (np.array(x.shape[2:]) - extent) // step + 1
    y = ZEROS((x.shape[0], w.shape[0], *out), x.dtype)
    each, rows = w.shape[1], w.shape[0] // groups
    for place in itertools.product(*map(range, out)):
        window = tuple(
            slice(p * s, p * s + e, d) for p, s, e, d in zip(place, step, extent, gap, strict=True)
        )
        for k in range(w.shape[0]):
            part = x[(slice(None), slice(k // rows * each, (k // rows + 1) * each), *window)]
            y[(slice(None), k, *place)] = (part * w[k]).sum(axis=tuple(range(1, n + 2)))
    if b is not None:
        y = y + b.reshape(-1, *[1] * n)
    return y[0] if single else y


def conv_samples(n: int) -> Callable[[Gen], list[Sample]]:
    def samples(g: Gen) -> list[Sample]:
        size, k = (
            ((11,), (3,)) if n == 1 else ((6, 9), (3, 2)) if n == 2 else ((4, 5, 6), (2, 3, 2))
        )
        one = (1,) * n
        return [
            S(g(2, 3, *size), g(4, 3, *k), g(4)),
            S(g(3, *size), g(2, 3, *k)),
            S(g(2, 3, *size), g(5, 3, *k), g(5), stride=2, padding=1),
            S(g(1, 4, *size), g(6, 2, *k), g(6), padding=(1,) * n, groups=2, dilation=2),
            S(g(2, 3, *size), g(3, 1, *k), g(3), 2, 1, groups=3),
            S(g(2, 2, *size), g(4, 1, *(3,) * n), stride=one, padding="same", groups=2),
            S(g(2, 3, *size), g(17, 3, *one), padding="valid"),
            S(g(2, 2, *size), g(19, 2, *k), g(19), padding=1),
            S(g(0, 3, *size), g(2, 3, *k)),
        ]

    return samples


def transposed_samples(n: int) -> Callable[[Gen], list[Sample]]:
    def samples(g: Gen) -> list[Sample]:
        size, k = ((7,), (3,)) if n == 1 else ((4, 5), (3, 2)) if n == 2 else ((2, 3, 3), (2, 3, 2))
        return [
            S(g(2, 3, *size), g(3, 4, *k), g(4)),
            S(g(3, *size), g(3, 2, *k), stride=2),
            S(g(2, 3, *size), g(3, 5, *k), g(5), 2, 1, 1),
            S(g(1, 4, *size), g(4, 2, *k), g(4), 3, 0, 2, 2, 2),
            S(g(2, 3, *size), g(3, 1, *k), g(3), 2, groups=3),
        ]

    return samples


def conv_row(n: int) -> Op:
    x, w = ZEROS((1, 3, *(5,) * n)), ZEROS((4, 3, *(3,) * n))
    return Op(
        f"conv{n}d",
        conv_samples(n),
        numpy=correlate,
        layouts=("transposed", "stepped", "negative"),
        large=lambda g: S(
            g(3, 17, *((700,), (31, 33), (9, 11, 10))[n - 1]), g(35, 17, *(3,) * n), g(35)
        ),
        tol=4,
        errors=(
            Err((ZEROS((5,)), w), RuntimeError, "Expected .*batched"),
            Err((x[:, :2], w), RuntimeError, "to have 3 channels, but got 2"),
            Err((x, w, ZEROS(3)), RuntimeError, "expected bias to be 1-dimensional with 4"),
            Err((x[..., :2], w), RuntimeError, "Kernel size can't be greater"),
            Err((x, w), RuntimeError, "stride is not supported", {"stride": 0}),
            Err((x, w), RuntimeError, "negative padding", {"padding": -1}),
            Err((x, w), RuntimeError, "dilation should be greater than zero", {"dilation": 0}),
            Err((x, w), RuntimeError, "expected weight to be", {"groups": 3}),
            Err((x, w), RuntimeError, "Invalid padding string", {"padding": "full"}),
            Err((x, w), RuntimeError, "strided", {"padding": "same", "stride": 2}),
            Err((x, w.astype("float32")), RuntimeError, "expected scalar type|should be the same"),
        ),
    )


def transposed_row(n: int) -> Op:
    x, w = ZEROS((1, 3, *(5,) * n)), ZEROS((3, 4, *(3,) * n))
    return Op(
        f"conv_transpose{n}d",
        transposed_samples(n),
        layouts=("transposed", "stepped", "negative"),
        tol=4,
        errors=(
            Err((x[:, :2], w), RuntimeError, "to have 3 channels, but got 2"),
            Err((x, w), RuntimeError, "output padding must be smaller", {"output_padding": 1}),
            Err((x, w, ZEROS(3)), RuntimeError, "expected bias to be 1-dimensional with 4"),
        ),
    )


SIZES = {1: (13,), 2: (7, 9), 3: (4, 5, 6)}


def max_samples(n: int) -> Callable[[Gen], list[Sample]]:
    def samples(g: Gen) -> list[Sample]:
        size = SIZES[n]
        nan = g(1, 2, *size)
        nan.flat[5] = np.nan
        return [
            S(g.distinct(2, 3, *size), 2),
            S(g.distinct(3, *size), 3, 1, 1),
            S(g.distinct(1, 2, *size), 3, 2, padding=1, ceil_mode=True),
            S(g.distinct(1, 2, *size), (2,) * n, dilation=2),
            S(g.distinct(2, 1, *(40,) * min(n, 2), *(3,) * (n - min(n, 2))), 2, 1),
            Kink(nan, 2),
            Kink(np.full((1, 1, *size), -np.inf, g.dtype), 3, padding=1),
            Kink(np.zeros((1, 1, *size), g.dtype), 3, 1),
        ]

    return samples


def max_with_indices(n: int) -> Callable[..., Any]:
    def call(P: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(P.nn.functional, f"max_pool{n}d")(*args, return_indices=True, **kwargs)

    return call


def average_samples(n: int) -> Callable[[Gen], list[Sample]]:
    def samples(g: Gen) -> list[Sample]:
        size = SIZES[n]
        out = [
            S(g(2, 3, *size), 2),
            S(g(3, *size), 3, 1, 1),
            S(g(1, 2, *size), 3, 2, padding=1, ceil_mode=True),
            S(g(1, 2, *size), 3, 2, 1, True, False),
            S(g(1, 1, *(40,) * n) if n < 3 else g(1, 1, 3, 3, 40), 3, 2),
        ]
        if n > 1:
            out.append(S(g(1, 2, *size), 2, 2, 0, False, True, 3))
        return out

    return samples


def adaptive_samples(n: int) -> Callable[[Gen], list[Sample]]:
    def samples(g: Gen) -> list[Sample]:
        size = SIZES[n]
        return [
            S(g.distinct(2, 3, *size), 1),
            S(g.distinct(3, *size), 3),
            S(g.distinct(2, 2, *size), (5,) * n),
        ]

    return samples


def window_errors(n: int) -> tuple[Err, ...]:
    x = ZEROS((1, 1, *(5,) * n))
    small = "too small|smaller than kernel|[Ii]nvalid computed output size"
    return (
        Err(
            (ZEROS((5,)), 2),
            (RuntimeError, IndexError),
            "[Ee]xpected|Dimension out of range",
            names="",
        ),
        Err((x, 0), RuntimeError, "kernel.?size .*greater than zero|should not be zero", names=""),
        Err((x, 2, 1, 2), RuntimeError, "at most half", names=""),
        Err((x, 7), RuntimeError, small, names=""),
    )


def pool_rows(n: int) -> list[Op]:
    name = f"max_pool{n}d"
    return [
        Op(name, max_samples(n), call=f"nn.functional.{name}", errors=window_errors(n)),
        Op(
            f"{name}_with_indices",
            max_samples(n),
            call=max_with_indices(n),
            large=lambda g: S(g(40, 30, *((200,), (15, 16), (5, 6, 7))[n - 1]), 2),
        ),
        Op(
            f"avg_pool{n}d",
            average_samples(n),
            call=f"nn.functional.avg_pool{n}d",
            errors=window_errors(n),
        ),
        Op(
            f"adaptive_avg_pool{n}d",
            adaptive_samples(n),
            call=f"nn.functional.adaptive_avg_pool{n}d",
        ),
        Op(
            f"adaptive_max_pool{n}d",
            adaptive_samples(n),
            call=lambda P, *a, **k: getattr(P.nn.functional, f"adaptive_max_pool{n}d")(
                *a, return_indices=True, **k
            ),
            covers=(f"adaptive_max_pool{n}d_with_indices",),
        ),
    ]


def interpolate_samples(g: Gen) -> list[Sample]:
    line, image, volume = (2, 3, 5), (1, 2, 4, 5), (1, 2, 3, 4, 3)
    out = []
    for mode in ("nearest", "nearest-exact", "area"):
        out += [
            S(g(*line), size=8, mode=mode),
            S(g(*image), scale_factor=2.0, mode=mode),
            S(g(*image), size=(3, 7), mode=mode),
            S(g(*volume), scale_factor=1.5, mode=mode),
        ]
    for mode, shape in (
        ("linear", line),
        ("bilinear", image),
        ("bicubic", image),
        ("trilinear", volume),
    ):
        for corners in (False, True):
            out += [
                S(g(*shape), scale_factor=2, mode=mode, align_corners=corners),
                S(g(*shape), size=3, mode=mode, align_corners=corners),
                S(g(*shape), scale_factor=1.7, mode=mode, align_corners=corners),
            ]
    out.append(S(g(*image), scale_factor=1.3, mode="bilinear", recompute_scale_factor=True))
    return out


def pad_samples(g: Gen) -> list[Sample]:
    return [
        S(g(3, 4), (1, 2)),
        S(g(3, 4), (1, 2, 0, 3), value=1.5),
        S(g(2, 3, 4), (-1, 2, 1, -2)),
        S(g(2, 0, 3), (1, 1, 2, 0)),
        S(g(2, 5), (2, 3), "reflect"),
        S(g(2, 3, 5), (2, 3), "replicate"),
        S(g(2, 3, 5), (2, 3), "circular"),
        S(g(1, 2, 4, 5), (2, 1, 3, 0), "reflect"),
        S(g(1, 2, 4, 5), (2, -1, 3, 0), "replicate"),
        S(g(1, 2, 4, 5), (4, 1, 0, 2), "circular"),
        S(g(1, 1, 3, 3, 3), (1, 1, 2, 1, 0, 1), "reflect"),
    ]


def window_samples(g: Gen) -> list[Sample]:
    return [
        S(g(2, 3, 5, 6), 2),
        S(g(3, 5, 6), (2, 3), dilation=2, padding=1),
        S(g(1, 2, 7, 7), 3, 1, 1, 2),
    ]


def fold_samples(g: Gen) -> list[Sample]:
    return [
        S(g(2, 12, 20), (5, 6), 2),
        S(g(12, 9), (4, 4), 2),
        S(g(1, 18, 16), (7, 7), 3, 1, 1, 2),
    ]


ROWS = [
    *(conv_row(n) for n in (1, 2, 3)),
    *(transposed_row(n) for n in (1, 2, 3)),
    *(row for n in (1, 2, 3) for row in pool_rows(n)),
    Op(
        "interpolate",
        interpolate_samples,
        call="nn.functional.interpolate",
        covers=("_resample_dim",),
        tol=20,
        errors=(
            Err((ZEROS((1, 1, 3)),), ValueError, "either size or scale_factor", names=""),
            Err((ZEROS((1, 1, 3)), 2, 2.0), ValueError, "only one of size", names=""),
            Err((ZEROS((1, 1, 3)), 2), NotImplementedError, "4D", {"mode": "bilinear"}, ""),
        ),
    ),
    Op(
        "pad",
        pad_samples,
        call="nn.functional.pad",
        covers=("constant_pad_nd",),
        errors=(
            Err((ZEROS((2, 3)), (1,)), RuntimeError, "divisible by 2", names="pad|Pad"),
            Err((ZEROS((2, 3)), (-2, -2)), RuntimeError, "negative", names=""),
            Err(
                (ZEROS((2, 3)), (3, 0), "reflect"), RuntimeError, "Padding size should be", names=""
            ),
            Err((ZEROS((2, 3)), (1, 0), "odd"), NotImplementedError, "Unrecognised", names=""),
        ),
    ),
    Op(
        "unfold windows",
        window_samples,
        call="nn.functional.unfold",
        covers=("im2col",),
        errors=(Err((ZEROS((1, 1, 2, 2)), 3), RuntimeError, "array of sliding blocks", names=""),),
    ),
    Op(
        "fold",
        fold_samples,
        call="nn.functional.fold",
        covers=("col2im",),
        errors=(Err((ZEROS((1, 4, 5)), 3, 2), RuntimeError, "sliding blocks", names=""),),
    ),
    Op(
        "pixel_shuffle",
        lambda g: [S(g(2, 8, 3, 2), 2), S(g(9, 2, 2), 3)],
        errors=(Err((ZEROS((1, 3, 2, 2)), 2), RuntimeError, "divisible by the square"),),
    ),
    Op(
        "pixel_unshuffle",
        lambda g: [S(g(2, 2, 4, 6), 2), S(g(1, 3, 6), 3)],
        errors=(Err((ZEROS((1, 3, 3, 2)), 2), RuntimeError, "divisible by downscale_factor"),),
    ),
]
