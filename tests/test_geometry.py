"""Views by raw geometry, windows that overlap, and views in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import array, assert_same, torch

import pyforge as pf


def both(f: Any) -> None:
    """The same results and gradients in pyforge and PyTorch."""
    got, want = f(pf), f(torch)
    assert_same(got, want)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("size", "stride", "offset"),
    [((3, 4), (2, 1), 0), ((2, 2, 3), (3, 0, 2), 1), ((4, 3), (1, 4), 0), ((2, 3), (1, 3), 2)],
)
@pytest.mark.parametrize("base", ["plain", "transposed", "expanded", "part"])
def test_gradient_of_as_strided(
    size: tuple[int, ...], stride: tuple[int, ...], offset: int, base: str
) -> None:
    """Also where the region meets itself, leaves its base, or the base meets itself."""

    def f(P: Any) -> Any:
        x = P.arange(12.0).reshape(3, 4).requires_grad_()
        t = {
            "plain": x * 1,
            "transposed": (x * 1).t(),
            "expanded": (x * 1)[:, :1].expand(3, 5),
            "part": (x * 1)[:, 1:3],
        }[base]
        y = t.as_strided(size, stride, offset)
        weights = P.arange(1.0, y.numel() + 1).reshape(size)
        (g,) = P.autograd.grad((y * y * weights).sum(), x)
        return y, g

    both(f)


def test_base_changed_under_overlapping_windows() -> None:
    x = pf.arange(6.0).requires_grad_()
    y = x * 1
    windows = y.unfold(0, 3, 1)
    y[1:3].mul_(10)
    windows.sum().backward()
    assert x.grad.tolist() == [1, 20, 30, 3, 2, 1]


def test_overlapping_views_are_not_written() -> None:
    for view in (pf.ones(5).unfold(0, 3, 1), pf.ones(5).as_strided((3, 3), (1, 1))):
        with pytest.raises(RuntimeError, match="single memory location"):
            view.add_(1)
    pf.ones(8).as_strided((3, 2), (2, 3)).add_(1)  # strides interleave, places do not meet
    x = pf.ones(4, 4)
    x.as_strided((4,), (5,)).fill_(3)
    assert x.diagonal().tolist() == [3] * 4
    assert x.sum().item() == 24


def test_region_beyond_the_base_is_not_written_under_history() -> None:
    memory = pf.ones(8)
    part = memory[2:4].detach()
    w = pf.ones(8, requires_grad=True)
    with pytest.raises(RuntimeError, match="inplace"):
        part.as_strided((8,), (1,), 0).mul_(w)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("t_", ()),
        ("transpose_", (0, 1)),
        ("swapaxes_", (0, -1)),
        ("swapdims_", (1, 0)),
        ("unsqueeze_", (1,)),
        ("squeeze_", ()),
        ("squeeze_", (-1,)),
        ("as_strided_", ((2, 2), (1, 2))),
    ],
)
def test_views_in_place(name: str, args: tuple[Any, ...]) -> None:
    def f(P: Any) -> Any:
        x = P.arange(6.0).reshape(2, 3).requires_grad_()
        y = (x * 2) if name != "squeeze_" else (x * 2).sum(1, keepdim=True)
        before = y
        y = getattr(y, name)(*args)
        assert y is before
        y.mul_(3)  # through the new geometry
        z = y * P.arange(1.0, y.numel() + 1).reshape(y.shape)
        (g,) = P.autograd.grad(z.sum(), x)
        return y, g

    both(f)


def test_view_in_place_of_a_view() -> None:
    x = pf.arange(6.0).requires_grad_()
    y = x * 1
    v = y.view(2, 3)
    v.t_().mul_(2)
    assert v.shape == (3, 2)
    assert y.tolist() == [0, 2, 4, 6, 8, 10]
    (v.sum() + y[0]).backward()
    assert x.grad.tolist() == [4, 2, 2, 2, 2, 2]


def test_views_in_place_check_their_tensor() -> None:
    with pytest.raises(RuntimeError, match="t_: a leaf Variable that requires grad"):
        pf.ones(2, 3, requires_grad=True).t_()
    w = pf.ones(2, 3, requires_grad=True)
    x = w * 1
    y = x * x
    x.t_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    deep = pf.ones(1, 2)
    for _ in range(4):
        deep.unsqueeze_(0)
    deep.squeeze_().unsqueeze_(-1)
    assert deep.shape == (2, 1)
    assert deep.is_contiguous()


def test_mean_of_integers_rounds_down() -> None:
    x = pf.tensor([1, -7])
    index, src = pf.tensor([0, 0, 1]), pf.tensor([2, 5, 2])
    assert x.scatter_reduce(0, index, src, "mean").tolist() == [2, -3]
    assert x.scatter_reduce(0, index, src, "amax", include_self=False).tolist() == [5, 2]


def test_extremes_with_nan() -> None:
    x, index = pf.zeros(2), pf.tensor([0, 0, 1])
    src = pf.tensor([float("nan"), 1.0, -1.0])
    for reduce, kept in (("amax", 0.0), ("amin", -1.0)):
        y = array(x.scatter_reduce(0, index, src, reduce))
        np.testing.assert_array_equal(y, [np.nan, kept])
