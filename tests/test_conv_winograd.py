"""3x3 convolutions between many channels, which float32 computes by Winograd's transforms."""

from __future__ import annotations

import numpy as np
import pytest
from support import instruction_sets

import pyforge as pf

F = pf.nn.functional

# images, channels, rows, height, width, padding, groups
SHAPES = [
    (2, 32, 40, 14, 14, 1, 1),
    (3, 48, 33, 11, 13, 0, 1),
    (1, 64, 32, 9, 70, 2, 1),
    (2, 40, 66, 17, 35, 1, 2),
    (8, 96, 100, 7, 7, 1, 1),
]


def run(args: list[np.ndarray], padding: int, groups: int) -> list[np.ndarray]:
    """Result and gradient of the input for input, weight, bias and gradient of the result."""
    *inputs, g = args
    tensors = [pf.tensor(v, requires_grad=True) for v in inputs]
    y = F.conv2d(*tensors, padding=padding, groups=groups)
    y.backward(pf.tensor(g))
    grad = tensors[0].grad
    assert grad is not None
    return [y.detach().numpy(), grad.numpy()]


def of_tiles(scale: np.ndarray) -> np.ndarray:
    """The largest element of each 2x2 tile, at all of its places."""
    h, w = scale.shape[2:]
    even = np.pad(scale, ((0, 0), (0, 0), (0, h % 2), (0, w % 2)))
    tiles = even.reshape(*scale.shape[:2], (h + 1) // 2, 2, (w + 1) // 2, 2).max((3, 5))
    return np.repeat(np.repeat(tiles, 2, 2), 2, 3)[:, :, :h, :w]


@pytest.mark.usefixtures("_settings")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_error_and_threads(shape: tuple[int, ...]) -> None:
    """The bound of docs/convolution.md, and the same bits for any number of threads."""
    n, c, k, h, w, padding, groups = shape
    rng = np.random.default_rng(0)
    sizes = [
        (n, c, h, w),
        (k, c // groups, 3, 3),
        (k,),
        (n, k, h + 2 * padding - 2, w + 2 * padding - 2),
    ]
    args = [rng.standard_normal(s).astype(np.float32) for s in sizes]
    wide = run([a.astype(np.float64) for a in args], padding, groups)
    scale = run([np.abs(a).astype(np.float64) for a in args], padding, groups)
    for isa in instruction_sets():
        pf.backends.cpu.set_instruction_set(isa)
        pf.set_num_threads(1)
        one = run(args, padding, groups)
        pf.set_num_threads(3)
        several = run(args, padding, groups)
        for got, again, want, size in zip(one, several, wide, scale, strict=True):
            assert np.array_equal(got, again), isa
            bound = 2.0**-21 if isa == "v2" else 2.0**-22  # v2 rounds products too
            assert (np.abs(got - want) <= bound * of_tiles(size)).all(), isa
