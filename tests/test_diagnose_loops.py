"""Verdicts in loops that are not plain, and what watching costs in memory."""

from __future__ import annotations

import gc
import logging
import re
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from test_diagnose_zoo import Run, Two, data, each_linear, fit, mlp

import pyforge as pf
from pyforge import _C, diagnose, nn
from pyforge.diagnose import Monitor
from pyforge.utils.checkpoint import checkpoint

F = nn.functional
CASES: list[Any] = []


def case(*expected: tuple[str, str]) -> Callable[[Any], Any]:
    """All of ``expected`` (kind, where) and no other error."""

    def add(make: Any) -> Any:
        CASES.append(pytest.param(expected, make, id=make.__name__))
        return make

    return add


class Checkpointed(nn.Module):
    def __init__(self, body: nn.Sequential, reentrant: bool) -> None:
        super().__init__()
        self.body, self.reentrant = body, reentrant

    def forward(self, x: pf.Tensor) -> pf.Tensor:
        half = len(self.body) // 2
        x = x.detach().requires_grad_()
        x = checkpoint(self.body[:half], x, use_reentrant=self.reentrant)
        return checkpoint(self.body[half:], x, use_reentrant=self.reentrant)


@case(("VANISHING", "body.0"))
def sigmoids_under_checkpoints() -> Run:
    return fit(Checkpointed(mlp(10, nn.Sigmoid), False))


@case(("VANISHING", "body.0"))
def sigmoids_under_reentrant_checkpoints() -> Run:
    return fit(Checkpointed(mlp(10, nn.Sigmoid), True))


@case()
def healthy_under_checkpoints() -> Run:
    return fit(Checkpointed(mlp(2, nn.ReLU), False), steps=100)


@case()
def healthy_under_reentrant_checkpoints() -> Run:
    return fit(Checkpointed(mlp(2, nn.ReLU), True), steps=100)


@case(("NON_FINITE", "take_log"))
def nan_under_a_checkpoint() -> Run:
    model = mlp(1, nn.ReLU)
    x, _ = data()

    def take_log(out: pf.Tensor) -> pf.Tensor:
        return (out * 0).log()

    return Run(model, lambda _: checkpoint(take_log, model(x), use_reentrant=False).mean())


@case()
def micro_batches() -> Run:
    model = mlp(2, nn.ReLU)
    x, y = data()
    place = iter(range(100000))

    def part(_: int) -> pf.Tensor:
        k = next(place) % 4 * 16
        return F.mse_loss(model(x[k : k + 16]), y[k : k + 16]) / 4

    return Run(model, part, parts=4, steps=100)


@case(("NOT_ZEROED", "optimizer 0"))
def micro_batches_never_zeroed() -> Run:
    return fit(mlp(1, nn.ReLU), parts=4, zero=False, lr=1e-3)


@case(("VANISHING", "0"))
def sigmoids_in_micro_batches() -> Run:
    return fit(mlp(10, nn.Sigmoid), parts=3, lr=0.01)


@case()
def clipped_hard() -> Run:
    model = mlp(3, nn.ReLU)
    return fit(model, before=lambda: nn.utils.clip_grad_norm_(model.parameters(), 1e-2), steps=100)


@case(("VANISHING", "0"))
def sigmoids_clipped_by_value() -> Run:
    model = mlp(10, nn.Sigmoid)
    return fit(model, before=lambda: nn.utils.clip_grad_value_(model.parameters(), 0.1))


@case(("VANISHING", "4"))
def sigmoids_above_frozen_layers() -> Run:
    model = mlp(12, nn.Sigmoid)
    model[:4].requires_grad_(False)
    return fit(model)


@case(("BAD_INIT", "0"))
def shared_by_two_calls() -> Run:
    shared = nn.Linear(16, 16)
    model = nn.Sequential(shared, nn.Tanh(), shared, nn.Tanh(), nn.Linear(16, 1))
    return fit(each_linear(model, lambda m: nn.init.normal_(m.weight, std=1e-3)))


@case()
def closure_of_lbfgs() -> Run:
    model = mlp(1, nn.Tanh)
    x, y = data()
    optimizer = pf.optim.LBFGS(model.parameters(), lr=0.1, max_iter=4)

    class Closed(Run):
        def train(self) -> None:
            def closure() -> pf.Tensor:
                optimizer.zero_grad()
                loss = self.loss(0)
                loss.backward()
                return loss

            for _ in range(30):
                optimizer.step(closure)

    return Closed(model, lambda _: F.mse_loss(model(x), y), optimizer=optimizer)


class TwoLoops(Run):
    """Alternates: ``losses[k]`` is stepped on by ``optimizers[k]``."""

    def __init__(self, model: nn.Module, losses: Any, optimizers: Any, steps: int = 60) -> None:
        super().__init__(model, losses[0], optimizer=list(optimizers), steps=steps)
        self.losses = losses

    def train(self) -> None:
        for step in range(self.steps):
            for loss, optimizer in zip(self.losses, self.optimizer, strict=True):
                optimizer.zero_grad()
                loss(step).backward()
                optimizer.step()


def gan(cut: bool = False, rates: tuple[float, float] = (1e-3, 1e-3), steps: int = 60) -> Run:
    maker = nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Linear(16, 2))
    judge = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    loss, yes, no = nn.BCEWithLogitsLoss(), pf.ones(32, 1), pf.zeros(32, 1)

    def fake() -> pf.Tensor:
        return maker(pf.randn(32, 4))

    def judged(_: int) -> pf.Tensor:
        real = pf.randn(32, 2) * 0.5 + 1
        return loss(judge(real), yes) + loss(judge(fake().detach()), no)

    def made(_: int) -> pf.Tensor:
        return loss(judge(fake().detach() if cut else fake()), yes)

    return TwoLoops(
        nn.ModuleDict({"maker": maker, "judge": judge}),
        (judged, made),
        (pf.optim.Adam(m.parameters(), lr=lr) for m, lr in zip((judge, maker), rates, strict=True)),
        steps,
    )


@case()
def alternating_gan() -> Run:
    return gan(steps=200)


@case(("NO_GRADIENT", "maker.0.weight"))
def gan_whose_maker_is_cut() -> Run:
    return gan(cut=True)


@case(("VANISHING", "deep.0"))
def one_of_two_optimisers_vanishes() -> Run:
    both = nn.ModuleDict({"fine": mlp(2, nn.ReLU), "deep": mlp(10, nn.Sigmoid)})
    x, y = data()
    losses = [lambda _, m=m: F.mse_loss(m(x), y) for m in both.values()]
    return TwoLoops(both, losses, [pf.optim.SGD(m.parameters(), lr=0.05) for m in both.values()])


@pytest.mark.parametrize(("expected", "make"), CASES)
def test_verdicts(expected: Any, make: Any) -> None:
    pf.manual_seed(0)
    run = make()
    monitor = run.go()
    errors = {(v.kind, v.where) for v in monitor.verdicts if v.severity == "error"}
    found = {(v.kind, v.where) for v in monitor.verdicts if v.severity != "info"}
    for kind, where in expected:
        assert any(k == kind and (w == where or w.endswith(f"in {where}")) for k, w in found), found
    if not expected:
        assert not found
    assert {kind for kind, _ in errors} <= {kind for kind, _ in expected} | {"NO_GRADIENT"}


# A bad gradient after the recorded step


class Rooted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(300, 300, bias=False), nn.Linear(300, 4, bias=False)
        self.shift = 1.0

    def forward(self, x: pf.Tensor) -> pf.Tensor:
        h = self.first(x)
        root = (h * 0 + self.shift).sqrt()
        return self.second(h + root - root.detach())


@pytest.mark.parametrize("anomaly", [False, True])
def test_a_later_bad_gradient_is_told_at_its_step_with_its_line(anomaly: bool) -> None:
    pf.manual_seed(0)
    model = Rooted()
    optimizer = pf.optim.SGD(model.parameters(), lr=1e-4)
    with Monitor(model, optimizer, on_error="log", anomaly=anomaly) as monitor:
        for step in range(40):
            model.shift = float(step != 23)  # once, the derivative of sqrt is 0 times infinity
            optimizer.zero_grad()
            model(pf.randn(8, 300)).square().mean().backward()
            optimizer.step()
    (verdict,) = [v for v in monitor.verdicts if v.kind == "NON_FINITE"]
    assert verdict.step == 23
    assert verdict.where.endswith(", in forward")
    assert f":{Rooted.forward.__code__.co_firstlineno + 2}," in verdict.where
    assert "first.weight" in verdict.evidence
    assert not anomaly or "Sqrt" in verdict.evidence


@pytest.mark.parametrize("place", [(777, slice(None)), (slice(None), 5)], ids=["row", "column"])
def test_nan_along_a_row_or_column_is_seen_at_once(place: Any) -> None:
    w = pf.zeros(800, 600).requires_grad_()
    watches = _C._GradientWatches([w])
    for _ in range(12):
        w.sum().backward()
    assert watches.first_non_finite() == -1
    g = pf.zeros(800, 600)
    g[place] = pf.nan
    w.backward(g)
    assert watches.first_non_finite() == 0
    watches.remove()


# Cost


def test_steady_state_takes_no_memory() -> None:
    run = fit(mlp(3, nn.Sigmoid), steps=64, lr=0.1)

    def allocations() -> tuple[int, int]:
        before = pf.memory.stats()
        run.train()
        after = pf.memory.stats()
        taken = [after[k] - before[k] for k in ("allocations", "system_allocations")]
        return taken[0], taken[1]

    run.train()
    plain = allocations()
    with Monitor(run.model, run.optimizer, on_error="log"):
        run.train()  # the recorded step, the first look at each layer
        assert allocations() == allocations() == plain


def test_memory_per_parameter_is_below_a_kilobyte(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)

    def held(depth: int) -> tuple[int, int]:
        model = each_linear(mlp(depth, nn.Tanh), lambda m: nn.init.orthogonal_(m.weight, 1.1))
        run = fit(model, steps=200, lr=1e-3)
        run.train()
        gc.collect()
        tracemalloc.start()
        monitor = Monitor(model, run.optimizer, on_error="log").attach()
        run.train()
        gc.collect()
        used = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        monitor.detach()
        return used, len(list(model.parameters()))

    held(4)  # imports
    (few, n_few), (many, n_many) = held(10), held(60)
    python = (many - few) / (n_many - n_few)
    native = _C._GradientWatches.bytes_per_leaf()
    assert python + native <= 1024, (python, native)


def test_two_monitors_share_a_model() -> None:
    model = Two(F.relu)
    run = fit(model)
    with (
        Monitor(model, on_error="log") as one,
        Monitor(model, run.optimizer, on_error="log") as two,
    ):
        run.train()
    assert [v.severity for m in (one, two) for v in m.verdicts if v.severity == "error"] == []


# Mistakes

NET = nn.Linear(4, 3)
SGD = pf.optim.SGD(NET.parameters(), lr=0.1)
MISTAKES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: Monitor(None), TypeError, "model must be an nn.Module, not NoneType"),  # type: ignore[arg-type]
    (lambda: Monitor(NET, NET), TypeError, "optimizer must be an optimizer or a list"),  # type: ignore[arg-type]
    (lambda: Monitor(NET, SGD, every=0), ValueError, "at least 1"),
    (lambda: diagnose.check(None, F.mse_loss, ()), TypeError, "model must be an nn.Module"),  # type: ignore[arg-type]
    (lambda: diagnose.check(NET, "mse", ()), TypeError, "loss_fn must be a function, not str"),  # type: ignore[arg-type]
    (lambda: pf.autograd.explain_nan(1.0), TypeError, "loss.item() has no graph"),  # type: ignore[arg-type]
    (lambda: pf.autograd.graph(None), TypeError, "expected a tensor, got NoneType"),  # type: ignore[operator]
    (lambda: pf.memory.memory_report(None), TypeError, "expected a tensor, got NoneType"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("call", "error", "text"), MISTAKES)
def test_mistakes(call: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        call()


def test_optimiser_of_another_model_and_none_at_all() -> None:
    run = fit(mlp(1, nn.ReLU), steps=12)
    with Monitor(nn.Linear(2, 2), run.optimizer, on_error="log") as monitor:
        run.train()
    assert [(v.kind, v.where) for v in monitor.verdicts] == [("NO_GRADIENT", "optimizer 0")]
    with Monitor(run.model, on_error="log") as monitor:
        run.train()
    assert "the updates: 12 steps" in monitor.report()
    with Monitor(run.model, on_error="log") as monitor:
        run.loss(0)
    assert "no step of an optimiser was seen" in monitor.report()


@pytest.mark.parametrize("steps", [1, 3, 10, 15])
def test_short_runs_are_counted_to_the_last_step(steps: int) -> None:
    run = fit(mlp(1, nn.ReLU), steps=steps)
    with Monitor(run.model, run.optimizer, on_error="log") as monitor:
        run.train()
        assert f"optimizer 0: {steps} steps" in monitor.report()
    assert f"optimizer 0: {steps} steps" in monitor.report()
    assert len(monitor.snapshot().courses[0].loss[1]) == steps
