"""Initial values: the formulas, and the numbers that PyTorch draws with the same seed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import pyforge
from pyforge import nn
from pyforge.nn import init

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("uniform_", {"a": -2.0, "b": 3.0}),
    ("normal_", {"mean": 1.0, "std": 0.5}),
    ("xavier_uniform_", {"gain": 2.0}),
    ("xavier_normal_", {}),
    ("kaiming_uniform_", {"a": math.sqrt(5)}),
    ("kaiming_uniform_", {"mode": "fan_out", "nonlinearity": "relu"}),
    ("kaiming_normal_", {"nonlinearity": "relu"}),
    ("orthogonal_", {"gain": 1.5}),
    ("trunc_normal_", {}),
    ("trunc_normal_", {"mean": 0.0, "std": 1.0, "a": 1.5, "b": 3.0}),
    ("constant_", {"val": 0.3}),
    ("ones_", {}),
    ("zeros_", {}),
    ("eye_", {}),
]


@pytest.mark.torch
@pytest.mark.parametrize("shape", [(3, 5), (40, 20)])
@pytest.mark.parametrize(("name", "settings"), CALLS)
def test_same_numbers_as_torch(name: str, settings: dict[str, Any], shape: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(11)
    theirs = getattr(torch.nn.init, name)(torch.empty(*shape), **settings)
    pyforge.manual_seed(11)
    tensor = pyforge.empty(*shape)
    ours = getattr(init, name)(tensor, **settings)
    assert ours is tensor
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.torch
def test_layers_start_as_in_torch() -> None:
    torch = pytest.importorskip("torch")
    results = []
    for lib in (torch, pyforge):
        lib.manual_seed(5)
        layers = (lib.nn.Linear(20, 30), lib.nn.Linear(4, 3), lib.nn.Embedding(7, 5))
        results.append([p.detach().numpy() for layer in layers for p in layer.parameters()])
    for theirs, ours in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "settings", "std"),
    [
        ("xavier_uniform_", {"gain": 5 / 3}, 5 / 3 * math.sqrt(2 / 500)),
        ("xavier_normal_", {}, math.sqrt(2 / 500)),
        ("kaiming_uniform_", {"nonlinearity": "relu"}, math.sqrt(2 / 300)),
        ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "relu"}, math.sqrt(2 / 200)),
        ("kaiming_normal_", {"a": 0.5}, math.sqrt(2 / 1.25 / 300)),
    ],
)
def test_deviation_is_that_of_the_formula(name: str, settings: dict[str, Any], std: float) -> None:
    pyforge.manual_seed(0)
    weight = getattr(init, name)(pyforge.empty(200, 300), **settings)
    assert weight.numpy().std() == pytest.approx(std, rel=0.02)
    assert weight.numpy().mean() == pytest.approx(0, abs=std / 50)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 2, 5)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    pyforge.manual_seed(0)
    w = init.orthogonal_(pyforge.empty(*shape), gain=2.0).numpy().reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] < w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)


def test_truncation() -> None:
    pyforge.manual_seed(0)
    w = init.trunc_normal_(pyforge.empty(5000), std=1.0, a=-0.5, b=1.0).numpy()
    assert w.min() >= -0.5
    assert w.max() <= 1.0
    with pytest.warns(UserWarning, match="mean is more than 2 std from"):
        init.trunc_normal_(pyforge.empty(10), mean=9.0)


def test_filling_a_parameter_leaves_no_graph() -> None:
    weight = nn.Parameter(pyforge.empty(3, 3))
    for name, settings in CALLS:
        getattr(init, name)(weight, **settings)
    assert weight.is_leaf
    assert weight.requires_grad


def test_a_deep_relu_network_keeps_its_signal_with_he() -> None:
    pyforge.manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(30):
        linear = nn.Linear(64, 64, bias=False)
        init.kaiming_normal_(linear.weight, nonlinearity="relu")
        layers += [linear, nn.ReLU()]
    net = nn.Sequential(*layers)
    out = net(pyforge.randn(128, 64))
    assert 1e-2 < out.detach().numpy().std() < 1e2
    out.square().mean().backward()
    first, last = (net[i].weight.grad.norm().item() for i in (0, -2))
    assert 1e-2 < first / last < 1e2


@pytest.mark.parametrize(
    ("name", "param", "gain"),
    [
        ("linear", None, 1),
        ("sigmoid", None, 1),
        ("tanh", None, 5 / 3),
        ("relu", None, math.sqrt(2)),
        ("leaky_relu", None, math.sqrt(2 / (1 + 1e-4))),
        ("leaky_relu", 2, math.sqrt(2 / 5)),
        ("selu", None, 0.75),
    ],
)
def test_gain(name: str, param: float | None, gain: float) -> None:
    assert init.calculate_gain(name, param) == pytest.approx(gain)


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ValueError, match="Unsupported nonlinearity swish"):
        init.calculate_gain("swish")
    with pytest.raises(ValueError, match="not a valid number"):
        init.calculate_gain("leaky_relu", True)
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        init.xavier_normal_(pyforge.empty(3))
    with pytest.raises(ValueError, match="Mode fan not supported"):
        init.kaiming_normal_(pyforge.empty(3, 3), mode="fan")
    with pytest.raises(ValueError, match="Only tensors with 2 dimensions"):
        init.eye_(pyforge.empty(3))
    with pytest.raises(ValueError, match="2 or more dimensions"):
        init.orthogonal_(pyforge.empty(3))
    with pytest.warns(UserWarning, match="zero-element tensors is a no-op"):
        init.kaiming_uniform_(pyforge.empty(0, 3))
