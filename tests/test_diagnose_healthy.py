"""More runs that are healthy, a thousand steps each: no error, at most one warning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from test_diagnose_zoo import HEALTHY, Run, data, fit, mlp

import pyforge as pf
from pyforge import nn
from pyforge.diagnose import Monitor

F = nn.functional
MORE: list[Any] = []
STEPS = 1000


def healthy(make: Callable[[], Run]) -> Callable[[], Run]:
    MORE.append(pytest.param(make, id=make.__name__))
    return make


def classify(model: nn.Module, x: pf.Tensor, classes: int = 4, **options: Any) -> Run:
    labels = pf.randint(0, classes, (len(x),))
    options.setdefault("optimizer", pf.optim.Adam(model.parameters(), lr=1e-3))
    return Run(model, lambda _: F.cross_entropy(model(x), labels), **options)


@healthy
def convolutions() -> Run:
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(64, 4),
    )  # fmt: skip
    return classify(model, pf.randn(32, 1, 8, 8))


@healthy
def transformer() -> Run:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Embedding(30, 16), nn.Linear(16, 4)
            self.body = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)

        def forward(self, words: pf.Tensor) -> pf.Tensor:
            return self.head(self.body(self.embed(words)).mean(1))

    return classify(Net(), pf.randint(0, 30, (32, 6)))


@healthy
def recurrent() -> Run:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells, self.head = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 4)

        def forward(self, x: pf.Tensor) -> pf.Tensor:
            return self.head(self.cells(x)[0][:, -1])

    return classify(Net(), pf.randn(32, 5, 8))


@healthy
def noisy_targets_on_new_batches() -> Run:
    model = mlp(2, nn.ReLU)

    def loss(_: int) -> pf.Tensor:
        x = pf.randn(32, 16)
        return F.mse_loss(model(x), x[:, :1] + pf.randn(32, 1))

    return Run(model, loss, lr=0.02)


@healthy
def already_trained() -> Run:
    model = mlp(1, nn.Tanh, width=32)
    run = fit(model, lr=0.05, steps=300)
    for step in range(300):
        run.optimizer.zero_grad()
        run.loss(step).backward()
        run.optimizer.step()
    return Run(model, run.loss, lr=1e-3)


@healthy
def deep_with_layer_norm() -> Run:
    layers: list[nn.Module] = []
    for _ in range(8):
        layers += [nn.Linear(16, 16), nn.LayerNorm(16), nn.GELU()]
    model = nn.Sequential(*layers, nn.Linear(16, 1))
    return fit(model, optimizer=pf.optim.AdamW(model.parameters(), lr=1e-3))


@healthy
def autoencoder() -> Run:
    model = nn.Sequential(
        nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 4), nn.Tanh(), nn.Linear(4, 8), nn.Tanh(),
        nn.Linear(8, 16),
    )  # fmt: skip
    x = pf.randn(64, 16)
    optimizer = pf.optim.RMSprop(model.parameters(), lr=1e-3)
    return Run(model, lambda _: F.mse_loss(model(x), x), optimizer=optimizer)


@healthy
def cosine_schedule_to_nothing() -> Run:
    model = mlp(2, nn.ReLU)
    optimizer = pf.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    cosine = pf.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    return fit(model, optimizer=optimizer, after=cosine.step)


@healthy
def two_losses() -> Run:
    model = mlp(2, nn.ReLU, out=2)
    x, y = data()

    def loss(_: int) -> pf.Tensor:
        out = model(x)
        return F.mse_loss(out[:, :1], y) + 0.1 * F.mse_loss(out[:, 1:], -y)

    return Run(model, loss)


@healthy
def gradient_penalty() -> Run:
    model = mlp(1, nn.Tanh)
    x, y = data()
    x.requires_grad_()

    def loss(_: int) -> pf.Tensor:
        out = model(x)
        (slope,) = pf.autograd.grad(out.sum(), x, create_graph=True)
        return F.mse_loss(out, y) + 0.01 * slope.square().mean()

    return Run(model, loss)


@healthy
def losses_below_zero() -> Run:
    model = mlp(1, nn.ReLU, out=2)
    x, y = data()

    def loss(_: int) -> pf.Tensor:  # a normal distribution's likelihood
        mean, log_std = model(x).chunk(2, 1)
        return (log_std + 0.5 * ((y - mean) * pf.exp(-log_std)) ** 2).mean() - 1

    return Run(model, loss, optimizer=pf.optim.Adam(model.parameters(), lr=1e-3))


@healthy
def frozen_body() -> Run:
    model = mlp(3, nn.ReLU)
    for layer in model[:4]:
        layer.requires_grad_(False)
    return fit(model, lr=0.02)


def a_thousand_steps(make: Callable[[], Run], seed: int) -> list[Any]:
    pf.manual_seed(seed)
    run = make()
    if make.__name__ != "batches_of_one":  # which has data for fewer
        run.steps = STEPS
    return [v for v in run.go().verdicts if v.severity != "info"]


@pytest.mark.parametrize("make", [*MORE, *HEALTHY])
def test_healthy(make: Callable[[], Run]) -> None:
    loud = a_thousand_steps(make, 1)
    assert [str(v) for v in loud if v.severity == "error"] == []
    assert len(loud) <= 1, [str(v) for v in loud]


def test_there_are_enough() -> None:
    assert len(MORE) + len(HEALTHY) >= 25


def test_alternating_optimisers_over_a_thousand_steps() -> None:
    pf.manual_seed(0)
    maker = nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Linear(16, 2))
    judge = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    both = nn.ModuleDict({"maker": maker, "judge": judge})
    optimizers = [pf.optim.Adam(m.parameters(), lr=1e-3) for m in (maker, judge)]
    loss = nn.BCEWithLogitsLoss()
    yes, no = pf.ones(32, 1), pf.zeros(32, 1)
    with Monitor(both, optimizers, on_error="log") as monitor:
        for _ in range(STEPS):
            real = pf.randn(32, 2) * 0.5 + 1
            for _ in range(2):  # the judge learns twice as often
                optimizers[1].zero_grad()
                fake = maker(pf.randn(32, 4))
                (loss(judge(real), yes) + loss(judge(fake.detach()), no)).backward()
                optimizers[1].step()
            optimizers[0].zero_grad()
            loss(judge(fake), yes).backward()
            optimizers[0].step()
    loud = [str(v) for v in monitor.verdicts if v.severity != "info"]
    assert len(loud) <= 1, loud
