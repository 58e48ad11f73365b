"""Gradient clipping, and parameters as one vector."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

import pyforge
from pyforge import nn
from pyforge.nn.utils import (
    clip_grad_norm_,
    clip_grad_value_,
    get_total_norm,
    parameters_to_vector,
    vector_to_parameters,
)


def model_with_grads() -> nn.Sequential:
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2, bias=False))
    for i, param in enumerate(net.parameters()):
        param.grad = pyforge.full(tuple(param.shape), float(i + 1))
    return net


def all_grads(net: nn.Module) -> np.ndarray:
    return np.concatenate([p.grad.numpy().ravel() for p in net.parameters()])


@pytest.mark.parametrize("order", [1.0, 2.0, 3.0, math.inf])
def test_norm_is_cut_to_the_maximum(order: float) -> None:
    net = model_with_grads()
    before = all_grads(net)
    total = clip_grad_norm_(net.parameters(), 0.5, order)
    assert total.item() == pytest.approx(np.linalg.norm(before, order), rel=1e-6)
    after = all_grads(net)
    assert np.linalg.norm(after, order) == pytest.approx(0.5, rel=1e-5)
    np.testing.assert_allclose(after / before, after[0] / before[0], rtol=1e-6)


def test_small_gradients_stay() -> None:
    net = model_with_grads()
    before = all_grads(net)
    clip_grad_norm_(net.parameters(), 100.0)
    np.testing.assert_array_equal(all_grads(net), before)


@pytest.mark.torch
@pytest.mark.parametrize("max_norm", [0.1, 3.0])
def test_same_as_torch(max_norm: float) -> None:
    torch = pytest.importorskip("torch")
    net = model_with_grads()
    theirs = [torch.nn.Parameter(torch.zeros(*p.shape)) for p in net.parameters()]
    for mine, other in zip(net.parameters(), theirs, strict=True):
        other.grad = torch.from_numpy(mine.grad.numpy().copy())
    total = torch.nn.utils.clip_grad_norm_(theirs, max_norm)
    assert clip_grad_norm_(net.parameters(), max_norm).item() == pytest.approx(total.item())
    expected = np.concatenate([p.grad.numpy().ravel() for p in theirs])
    np.testing.assert_allclose(all_grads(net), expected, rtol=1e-6)


@pytest.mark.parametrize(("bad", "word"), [(math.nan, "NaN"), (math.inf, "infinite")])
def test_gradients_that_are_not_finite_are_left_alone_and_named(bad: float, word: str) -> None:
    net = model_with_grads()
    net[0].bias.grad[1] = bad
    before = all_grads(net)
    with pytest.warns(RuntimeWarning, match=rf"parameter '0\.bias' of shape \(2,\) are {word}"):
        total = clip_grad_norm_(net.named_parameters(), 1.0)
    assert not math.isfinite(total.item())
    np.testing.assert_array_equal(all_grads(net), before)
    with pytest.warns(RuntimeWarning, match=r"1 of 2 elements of the gradient of parameter 1 of"):
        clip_grad_norm_(net.parameters(), 1.0)
    with pytest.raises(RuntimeError, match="is non-finite, so it cannot be clipped"):
        clip_grad_norm_(net.parameters(), 1.0, error_if_nonfinite=True)


def test_what_has_no_gradient_is_skipped() -> None:
    net = model_with_grads()
    net[0].weight.grad = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clip_grad_norm_(net.parameters(), 1e9).item() == pytest.approx(
            math.sqrt(2 * 4 + 4 * 9)
        )
        assert clip_grad_norm_([pyforge.zeros(2)], 1.0).item() == 0
    assert get_total_norm([]).item() == 0


def test_value() -> None:
    net = model_with_grads()
    net[0].weight.grad[0, 0] = -7.0
    clip_grad_value_(net.named_parameters(), 1.5)
    assert all_grads(net).min() == -1.5
    assert all_grads(net).max() == 1.5
    weight = net[0].weight
    weight.grad[0, 0] = math.nan
    clip_grad_value_(weight, 0.5)
    assert math.isnan(weight.grad[0, 0].item())
    assert weight.grad[1, 1].item() == 0.5


def test_parameters_as_a_vector() -> None:
    net = nn.Linear(3, 2)
    vector = parameters_to_vector(net.parameters())
    assert vector.shape == (8,)
    assert vector.requires_grad
    vector_to_parameters(pyforge.arange(8.0), net.parameters())
    np.testing.assert_array_equal(net.weight.detach().numpy(), [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(net.bias.detach().numpy(), [6, 7])
    assert net.weight.is_leaf
    with pytest.raises(ValueError, match="vec has 3 elements, the parameters have 8"):
        vector_to_parameters(pyforge.zeros(3), net.parameters())
    with pytest.raises(TypeError, match="expected Tensor"):
        vector_to_parameters([1.0], net.parameters())


OPTIMISERS = ["SGD", "Adam", "AdamW", "NAdam", "RAdam", "Adamax", "Adagrad", "Adadelta", "RMSprop",
              "Rprop", "ASGD"]  # fmt: skip


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_clipping_within_the_step(name: str, maximize: bool) -> None:
    def train(within: bool) -> tuple[list[object], float]:
        net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2, bias=False))
        for param in net.parameters():
            nn.init.constant_(param, 0.5)
        optimizer = getattr(pyforge.optim, name)(net.parameters(), lr=0.1, maximize=maximize)
        for step in range(3):
            for i, param in enumerate(net.parameters()):
                param.grad = pyforge.full(tuple(param.shape), float(i + step) - 1.7)
            if within:
                optimizer.step(max_grad_norm=0.7)
                norm = optimizer.grad_norm
            else:
                norm = clip_grad_norm_(net.parameters(), 0.7).item()
                optimizer.step()
        return [param.tolist() for param in net.parameters()], norm

    ours, norm = train(True)
    plain, expected = train(False)
    assert ours == plain
    assert norm == pytest.approx(expected, rel=1e-6)


def test_a_step_that_cannot_be_clipped_changes_nothing() -> None:
    net = model_with_grads()
    before = [p.tolist() for p in net.parameters()]
    optimizer = pyforge.optim.SGD(net.named_parameters(), lr=0.1)
    net[1].weight.grad[0, 1] = math.nan
    with pytest.raises(RuntimeError, match=r"1 of 4 elements of the gradient of parameter 2 "):
        optimizer.step(max_grad_norm=1.0)
    assert [p.tolist() for p in net.parameters()] == before
