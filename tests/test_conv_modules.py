"""Modules of convolution, pooling, padding and upsampling against PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support import torch

import pyforge as pf
from pyforge import nn

LINE, IMAGE, VOLUME = (2, 4, 9), (2, 4, 7, 8), (1, 4, 4, 5, 6)
SHAPES = {1: LINE, 2: IMAGE, 3: VOLUME}

CASES: list[tuple[str, Callable[[Any], Any], tuple[int, ...]]] = []


def case(text: str, shape: tuple[int, ...]) -> None:
    CASES.append((text, lambda nn: eval(text, {"nn": nn}), shape))


for n in (1, 2, 3):
    shape = SHAPES[n]
    case(f"nn.Conv{n}d(4, 6, 3)", shape)
    case(f"nn.Conv{n}d(4, 6, 3, stride=2, padding=1, groups=2, bias=False)", shape)
    case(f"nn.Conv{n}d(4, 2, 3, padding='same', dilation=2)", shape)
    for mode in ("circular", "replicate", "reflect"):
        case(f"nn.Conv{n}d(4, 2, 3, padding=1, padding_mode='{mode}')", shape)
    case(f"nn.ConvTranspose{n}d(4, 6, 3, stride=2, padding=1, output_padding=1)", shape)
    case(f"nn.ConvTranspose{n}d(4, 6, 3, groups=2, bias=False, dilation=2)", shape)
    case(f"nn.MaxPool{n}d(2)", shape)
    case(f"nn.MaxPool{n}d(3, stride=1, padding=1, ceil_mode=True)", shape)
    case(f"nn.AvgPool{n}d(3, stride=2, padding=1, count_include_pad=False)", shape)
    case(f"nn.AdaptiveAvgPool{n}d(1)", shape)
    case(f"nn.AdaptiveAvgPool{n}d(3)", shape)
    case(f"nn.AdaptiveMaxPool{n}d(2)", shape)
    for kind in ("ZeroPad", "ReflectionPad", "ReplicationPad", "CircularPad"):
        case(f"nn.{kind}{n}d(2)", shape)
    case(f"nn.ConstantPad{n}d({tuple(range(2 * n))}, 1.5)", shape)
    case("nn.Upsample(scale_factor=2)", shape)
case("nn.Conv2d(4, 6, (3, 1), (1, 2), (0, 1), (2, 1))", IMAGE)
case("nn.AdaptiveAvgPool2d((None, 3))", IMAGE)
case("nn.MaxPool2d((2, 3), (1, 2))", IMAGE)
case("nn.LPPool2d(2, 3, 2)", IMAGE)
case("nn.Upsample(size=(5, 11), mode='bilinear')", IMAGE)
case("nn.Upsample(scale_factor=(2, 1.5), mode='bicubic', align_corners=True)", IMAGE)
case("nn.UpsamplingBilinear2d(scale_factor=2)", IMAGE)
case("nn.UpsamplingNearest2d(size=9)", IMAGE)
case("nn.PixelShuffle(2)", IMAGE)
case("nn.PixelUnshuffle(2)", (2, 4, 6, 8))
case("nn.Unfold(3, padding=1)", IMAGE)
case("nn.Fold((4, 5), (2, 2))", (2, 8, 12))
case("nn.BatchNorm2d(4)", IMAGE)
case("nn.BatchNorm3d(4, affine=False)", VOLUME)


@pytest.mark.torch
@pytest.mark.parametrize(("text", "make", "shape"), CASES, ids=[c[0] for c in CASES])
def test_module_is_pytorchs(text: str, make: Callable[[Any], Any], shape: tuple[int, ...]) -> None:
    """The same repr, initial weights from the same seed, result and gradient."""
    pf.manual_seed(3)
    torch.manual_seed(3)
    ours, theirs = make(nn), make(torch.nn)
    assert repr(ours) == repr(theirs)
    state, wanted = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(wanted)
    for key, value in wanted.items():
        np.testing.assert_allclose(state[key].numpy(), value.numpy(), rtol=1e-6, err_msg=key)
    data = np.random.default_rng(0).standard_normal(shape).astype("float32")
    grads = []
    for P, module in ((pf, ours), (torch, theirs)):
        x = P.tensor(data, requires_grad=True)
        y = module(x)
        (y * y).sum().backward()
        grads.append([y.detach().numpy(), x.grad.numpy()])
        grads[-1] += [p.grad.numpy() for p in module.parameters()]
    for got, want in zip(*grads, strict=True):
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4 * max(1, abs(want).max()))


@pytest.mark.torch
def test_transposed_output_size() -> None:
    data = np.random.default_rng(0).standard_normal((1, 4, 5, 5)).astype("float32")
    ours, theirs = nn.ConvTranspose2d(4, 2, 3, 2, 1), torch.nn.ConvTranspose2d(4, 2, 3, 2, 1)
    for size in ((9, 10), (10, 9)):
        got, want = ours(pf.tensor(data), size), theirs(torch.tensor(data), size)
        assert tuple(got.shape) == tuple(want.shape)
    with pytest.raises(ValueError, match="requested an output size"):
        ours(pf.tensor(data), (11, 9))


@pytest.mark.parametrize(
    ("make", "phrase"),
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "in_channels must be divisible by groups"),
        (lambda: nn.Conv2d(4, 3, 3, groups=2), "out_channels must be divisible by groups"),
        (lambda: nn.Conv2d(4, 4, 3, padding="full"), "Invalid padding string"),
        (lambda: nn.Conv2d(4, 4, 3, 2, padding="same"), "strided"),
        (lambda: nn.Conv2d(4, 4, 3, padding_mode="odd"), "padding_mode must be one of"),
        (lambda: nn.ConvTranspose2d(4, 4, 3, padding_mode="circular"), 'Only "zeros"'),
    ],
)
def test_bad_arguments(make: Callable[[], Any], phrase: str) -> None:
    with pytest.raises(ValueError, match=phrase):
        make()


SHAPES_OF_PATHS = [  # images, channels, rows, size, kernel, stride, padding, groups
    (3, 19, 33, (15, 17), 3, 1, 1, 1),  # panels of one image, rows and columns with edges
    (5, 40, 16, (7, 7), 3, 1, 1, 1),  # panels across images
    (2, 300, 20, (9, 9), 1, 1, 0, 1),  # one by one, K in blocks
    (2, 3, 31, (40, 33), 3, 1, 1, 1),  # few channels
    (2, 20, 24, (21, 35), 3, 2, 1, 1),  # strided
    (3, 32, 32, (30, 33), 3, 1, 1, 32),  # depthwise
    (3, 32, 64, (31, 18), 5, 2, 2, 32),  # depthwise, two rows per channel
    (2, 2, 3, (260, 70), 17, 1, 0, 1),  # more taps than a block of K
]


@pytest.mark.parametrize("shape", SHAPES_OF_PATHS, ids=str)
def test_paths_agree_with_windows(shape: Any) -> None:
    """Each path against unfolded windows times weights, forward and both gradients; the same bits
    for any number of threads."""
    n, c, k, size, kernel, stride, padding, groups = shape
    F = nn.functional
    rng = np.random.default_rng(1)
    x = rng.standard_normal((n, c, *size))
    w = rng.standard_normal((k, c // groups, kernel, kernel))
    b = rng.standard_normal(k)

    def run(dtype: str) -> list[np.ndarray]:
        leaves = [pf.tensor(a.astype(dtype), requires_grad=True) for a in (x, w, b)]
        y = F.conv2d(*leaves, stride, padding, 1, groups)
        return [y.detach().numpy(), *(g.numpy() for g in pf.autograd.grad((y * y).sum(), leaves))]

    def windows() -> list[np.ndarray]:
        leaves = [pf.tensor(a, requires_grad=True) for a in (x, w, b)]
        columns = F.unfold(leaves[0], kernel, 1, padding, stride)
        places = columns.shape[-1]
        columns = columns.reshape(n, groups, -1, places)
        y = leaves[1].reshape(1, groups, k // groups, -1) @ columns
        out = [(s + 2 * padding - kernel) // stride + 1 for s in size]
        y = y.reshape(n, k, *out) + leaves[2].reshape(-1, 1, 1)
        return [y.detach().numpy(), *(g.numpy() for g in pf.autograd.grad((y * y).sum(), leaves))]

    want = windows()
    for got, exact in zip(run("float64"), want, strict=True):
        np.testing.assert_allclose(got, exact, rtol=1e-9, atol=1e-10 * abs(exact).max())
    threads = pf.get_num_threads()
    try:
        results = []
        for count in (1, 2, 5):
            pf.set_num_threads(count)
            results.append(run("float32"))
    finally:
        pf.set_num_threads(threads)
    for other in results[1:]:
        for a, bits in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, bits)


def test_same_padding_of_even_kernels_is_longer_at_the_end() -> None:
    F = nn.functional
    x, w = pf.randn(2, 3, 7, 6), pf.randn(4, 3, 4, 2)
    want = F.conv2d(F.pad(x, (0, 1, 1, 2)), w)
    np.testing.assert_array_equal(F.conv2d(x, w, padding="same").numpy(), want.numpy())


def test_a_window_in_the_padding_alone_stays_in_the_plane() -> None:
    x = pf.zeros(1, 1, 1, requires_grad=True)
    y, index = nn.functional.max_pool1d(x, 2, 1, 1, 2, False, True)
    assert y.tolist() == [[[-float("inf")]]]
    assert index.tolist() == [[[0]]]
    y.backward(pf.ones(1, 1, 1))
