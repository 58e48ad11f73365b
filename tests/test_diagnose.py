"""Broken loops get their verdict, the right place and no other error; healthy ones none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyforge as pf
from pyforge import _C, nn
from pyforge.diagnose import DiagnosticError, Monitor


def mlp(depth: int, act: Callable[[], nn.Module], out: int = 1) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(16, 16), act()]
    return nn.Sequential(*layers, nn.Linear(16, out))


def train(
    model: nn.Module,
    loss_of: Callable[..., Any],
    steps: int = 20,
    zero: bool = True,
    **options: Any,
) -> Monitor:
    x, y = pf.randn(32, 16), pf.randn(32, 1)
    optimizer = pf.optim.SGD(model.parameters(), lr=1e-3)
    with Monitor(model, optimizer, on_error="log", **options) as monitor:
        for _ in range(steps):
            if zero:
                optimizer.zero_grad()
            loss_of(model, x, y).backward()
            optimizer.step()
    return monitor


def mse(model: nn.Module, x: pf.Tensor, y: pf.Tensor) -> pf.Tensor:
    return nn.functional.mse_loss(model(x), y)


class TwoHeads(nn.Module):
    def __init__(self, cut: bool) -> None:
        super().__init__()
        self.first, self.second, self.cut = nn.Linear(16, 16), nn.Linear(16, 1), cut

    def forward(self, x: pf.Tensor) -> pf.Tensor:
        return self.second(self.first(x).detach() if self.cut else x)


def broadcast(model: nn.Module, x: pf.Tensor, y: pf.Tensor) -> pf.Tensor:
    return ((model(x) - y[:, 0]) ** 2).mean()


def log_of_zero(model: nn.Module, x: pf.Tensor, y: pf.Tensor) -> pf.Tensor:
    return pf.log(model(x) * 0).mean()


HERE = "test_diagnose.py"
BROKEN = [
    ("VANISHING", "0", lambda: mlp(10, nn.Sigmoid), mse, True),
    ("NOT_ZEROED", "optimizer 0", lambda: mlp(1, nn.ReLU), mse, False),
    ("NO_GRADIENT", "first.weight", lambda: TwoHeads(False), mse, True),
    ("NO_GRADIENT", "first.weight", lambda: TwoHeads(True), mse, True),
    ("SILENT_BROADCAST", HERE, lambda: mlp(1, nn.ReLU), broadcast, True),
    ("NON_FINITE", HERE, lambda: mlp(1, nn.ReLU), log_of_zero, True),
]


@pytest.mark.parametrize(("kind", "where", "make", "loss_of", "zero"), BROKEN)
def test_broken(kind: str, where: str, make: Any, loss_of: Any, zero: bool) -> None:
    pf.manual_seed(0)
    found = [v for v in train(make(), loss_of, zero=zero).verdicts if v.kind == kind]
    assert any(where in v.where for v in found)
    if isinstance(model := make(), TwoHeads) and model.cut:
        assert HERE in found[0].cause
        assert "detach" in found[0].cause


def test_healthy_loop_is_silent_and_undone() -> None:
    pf.manual_seed(0)
    model = mlp(2, nn.ReLU)
    assert train(model, mse, steps=60).verdicts == []
    assert _C._trace_length() == 0


def test_raise() -> None:
    model = mlp(1, nn.ReLU)
    optimizer = pf.optim.SGD(model.parameters())
    with (
        pytest.raises(DiagnosticError, match="NON_FINITE"),
        Monitor(model, optimizer, on_error="raise"),
    ):
        log_of_zero(model, pf.randn(4, 16), pf.randn(4, 1)).backward()


@pytest.mark.parametrize("dtype", [pf.float32, pf.float64])
@pytest.mark.parametrize("n", [1, 17, 5000, 100003])
def test_gradient_statistics(n: int, dtype: Any) -> None:
    x = pf.zeros(n, dtype=dtype).requires_grad_()
    watches, row = _C._GradientWatches([x]), np.zeros((1, 8))
    g = (
        np.random.default_rng(n)
        .normal(size=n)
        .astype("float32" if dtype is pf.float32 else "float64")
    )
    g[::3], g[1::7] = 0, 1e-9
    (x * pf.from_numpy(g)).sum().backward()
    watches.read(row)
    size = np.abs(g.astype(np.float64))
    want = [np.sqrt((size**2).sum()), size.max(), (g == 0).mean(), (size < 1e-8).mean(), 0, 1, 0]
    np.testing.assert_allclose(row[0, :7], want, rtol=1e-12)
    assert watches.bytes_per_leaf() <= 1024
    watches.remove()


def test_activation_statistics() -> None:
    watch = _C._ActivationWatch(-1.0, 1.0, False)
    y = pf.randn(32, 50)
    y[:, 3] = 0
    watch.observe(y)
    a = y.numpy()
    _, count, mean, std, zero, low, high, bad, units, dead = watch.read()
    assert (count, units, dead, bad) == (a.size, 50, [3], 0)
    np.testing.assert_allclose(
        [mean, std, zero, low, high],
        [a.mean(), a.std(), (a == 0).mean(), (a < -1).mean(), (a > 1).mean()],
        rtol=1e-5,
    )
