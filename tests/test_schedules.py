"""Learning rate schedules and averages of weights, against PyTorch."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import numpy as np
import pytest

import pyforge
from pyforge import nn, optim


class Halving:
    """A schedule function that remembers something."""

    def __init__(self) -> None:
        self.factor = 0.5

    def __call__(self, step: int) -> float:
        return self.factor**step


SCHEDULES: list[tuple[str, Any]] = [
    ("LambdaLR", {"lr_lambda": lambda step: 0.9**step}),
    ("LambdaLR", {"lr_lambda": [Halving(), lambda step: 1.0 / (1 + step)]}),
    ("MultiplicativeLR", {"lr_lambda": lambda step: 0.95}),
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [2, 5, 5, 9], "gamma": 0.3}),
    ("ConstantLR", {"factor": 0.25, "total_iters": 4}),
    ("LinearLR", {"start_factor": 0.25, "total_iters": 4}),
    ("LinearLR", {"start_factor": 0.5, "end_factor": 0.1, "total_iters": 6}),
    ("ExponentialLR", {"gamma": 0.8}),
    ("PolynomialLR", {"total_iters": 6, "power": 2.0}),
    ("CosineAnnealingLR", {"T_max": 5, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.01}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": [0.1, 0.3], "step_size_up": 3}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 2, "step_size_down": 4, "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 3, "mode": "exp_range", "gamma": 0.9}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 3, "scale_fn": Halving(), "scale_mode": "iterations"}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 15}),
    ("OneCycleLR", {"max_lr": [0.5, 0.1], "epochs": 5, "steps_per_epoch": 3, "anneal_strategy": "linear", "three_phase": True}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 16, "cycle_momentum": False, "pct_start": 0.5}),
    ("SequentialLR", [("ConstantLR", {"factor": 0.1}), ("ExponentialLR", {"gamma": 0.5}), 4]),
    ("SequentialLR", [("LinearLR", {"total_iters": 3}), ("CosineAnnealingLR", {"T_max": 9}), 3]),
    ("ChainedScheduler", [("ConstantLR", {"factor": 0.1, "total_iters": 4}), ("ExponentialLR", {"gamma": 0.9})]),
    ("SWALR", {"swa_lr": 0.05, "anneal_epochs": 6}),
    ("SWALR", {"swa_lr": [0.05, 0.2], "anneal_epochs": 3, "anneal_strategy": "linear"}),
]  # fmt: skip


def build(lib: Any, name: str, settings: Any, optimizer: Any) -> Any:
    schedulers = lib.optim.lr_scheduler
    if name == "SWALR":
        return lib.optim.swa_utils.SWALR(optimizer, **settings)
    if isinstance(settings, dict):
        return getattr(schedulers, name)(optimizer, **settings)
    parts = [build(lib, *part, optimizer) for part in settings if isinstance(part, tuple)]
    if name == "ChainedScheduler":
        return schedulers.ChainedScheduler(parts, optimizer)
    return schedulers.SequentialLR(optimizer, parts, settings[len(parts) :])


def new_optimizer(lib: Any, kind: str) -> Any:
    groups = [{"params": [lib.ones(1)]}, {"params": [lib.ones(1)], "lr": 0.3}]
    extra = {"momentum": 0.5} if kind == "SGD" else {}
    return getattr(lib.optim, kind)(groups, lr=0.1, **extra)


def seen_by(schedule: Any) -> list[Any]:
    groups = schedule.optimizer.param_groups
    momenta = [group.get("momentum", group.get("betas")) for group in groups]
    return [*schedule.get_last_lr(), *[group["lr"] for group in groups], *np.ravel(momenta)]


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "settings"), SCHEDULES)
def test_schedules_equal_torch(name: str, settings: Any, kind: str) -> None:
    torch = pytest.importorskip("torch")
    rates = []
    for lib in (torch, pyforge):
        optimizer = new_optimizer(lib, kind)
        schedule = build(lib, name, copy.deepcopy(settings), optimizer)
        seen = [seen_by(schedule)]
        for _ in range(14):
            optimizer.step()
            schedule.step()
            seen.append(seen_by(schedule))
        state = schedule.state_dict()
        rates.append((seen, state))
    np.testing.assert_allclose(rates[1][0], rates[0][0], rtol=1e-9)
    assert set(rates[1][1]) == set(rates[0][1])
    for key in ("last_epoch", "_step_count", "T_cur", "T_i", "lr_lambdas", "_schedule_phases"):
        assert rates[1][1].get(key) == rates[0][1].get(key)


@pytest.mark.parametrize(("name", "settings"), SCHEDULES)
def test_training_goes_on_from_a_saved_schedule(name: str, settings: Any) -> None:
    optimizer = new_optimizer(pyforge, "SGD")
    schedule = build(pyforge, name, copy.deepcopy(settings), optimizer)
    for _ in range(5):
        optimizer.step()
        schedule.step()
    saved = copy.deepcopy((optimizer.state_dict(), schedule.state_dict()))
    again = new_optimizer(pyforge, "SGD")
    resumed = build(pyforge, name, copy.deepcopy(settings), again)
    again.load_state_dict(pickle.loads(pickle.dumps(saved[0])))
    resumed.load_state_dict(saved[1])
    for _ in range(6):
        for o, s in ((optimizer, schedule), (again, resumed)):
            o.step()
            s.step()
        np.testing.assert_array_equal(seen_by(resumed), seen_by(schedule))


@pytest.mark.torch
@pytest.mark.parametrize("settings", [{}, {"mode": "max", "threshold_mode": "abs", "cooldown": 2}])
def test_plateau_equals_torch(settings: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    metrics = [1.0, 0.9, 0.91, 0.92, 0.9, 0.95, 0.5, 0.6, 0.6, 0.6, 0.6, 0.7, 2.0, 0.1, 0.1, 0.1]
    rates, states = [], []
    for lib in (torch, pyforge):
        optimizer = lib.optim.SGD([lib.ones(1)], lr=0.1)
        schedule = lib.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, patience=1, factor=0.5, min_lr=0.01, **settings
        )
        seen = []
        for metric in metrics:
            schedule.step(metric)
            seen.append(schedule.get_last_lr()[0])
        rates.append(seen)
        states.append(schedule.state_dict())
    np.testing.assert_allclose(rates[1], rates[0], rtol=1e-12)
    assert states[1] == states[0]


def test_closed_forms_are_used_for_a_given_epoch() -> None:
    for name, settings in SCHEDULES:
        optimizer = new_optimizer(pyforge, "SGD")
        schedule = build(pyforge, name, copy.deepcopy(settings), optimizer)
        if not hasattr(schedule, "_get_closed_form_lr"):
            continue
        for _ in range(4):
            optimizer.step()
            schedule.step()
        other = build(
            pyforge, name, copy.deepcopy(settings), fresh := new_optimizer(pyforge, "SGD")
        )
        fresh.step()
        with pytest.warns(UserWarning, match="epoch parameter"):
            other.step(4)
        np.testing.assert_allclose(seen_by(other), seen_by(schedule), rtol=1e-12)


def leaf() -> Any:
    return pyforge.ones(2, requires_grad=True)


def test_warnings() -> None:
    optimizer = optim.SGD([leaf()], lr=0.1)
    schedule = optim.lr_scheduler.StepLR(optimizer, 2)
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        schedule.step()
    schedule.step()
    with pytest.warns(UserWarning, match="get_last_lr"):
        schedule.get_lr()


def test_a_schedule_costs_later_steps_nothing_and_keeps_hooks() -> None:
    optimizer = optim.SGD([leaf()], lr=0.1)
    log: list[str] = []
    optimizer.register_step_pre_hook(lambda *_: log.append("before"))
    optim.lr_scheduler.StepLR(optimizer, 2)
    optimizer.register_step_post_hook(lambda *_: log.append("after"))
    optimizer.step()
    optimizer.step()
    assert log == ["before", "after"] * 2
    plain = optim.SGD([leaf()], lr=0.1)
    optim.lr_scheduler.StepLR(plain, 2)
    plain.step()
    assert "step" not in plain.__dict__
    watch = weakref.ref(plain)
    gc.disable()
    try:
        del plain
        assert watch() is None
    finally:
        gc.enable()


def test_a_rate_that_is_a_tensor_stays_the_same_tensor() -> None:
    rate = pyforge.tensor(0.1)
    w = leaf()
    optimizer = optim.Adam([w], lr=rate)
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    w.grad = pyforge.ones(2)
    optimizer.step()
    schedule.step()
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda s, o: s.StepLR(o, 2, last_epoch=3), KeyError, "initial_lr"),
        (lambda s, o: s.StepLR(object(), 2), TypeError, "object is not an Optimizer"),
        (lambda s, o: s.LambdaLR(o, [abs, abs]), ValueError, "Expected 1 lr_lambdas, but got 2"),
        (lambda s, o: s.MultiplicativeLR(o, 3), TypeError, "should be a function"),
        (lambda s, o: s.ConstantLR(o, 2.0), ValueError, "between 0 and 1"),
        (lambda s, o: s.LinearLR(o, 0.0), ValueError, "greater than 0"),
        (lambda s, o: s.CosineAnnealingWarmRestarts(o, 0), ValueError, "positive integer T_0"),
        (lambda s, o: s.CyclicLR(o, 0.1, [1, 2]), ValueError, "must have the same length"),
        (lambda s, o: s.CyclicLR(o, 0.1, 1, mode="x"), ValueError, "mode is invalid"),
        (lambda s, o: s.OneCycleLR(o, 1.0), ValueError, "total_steps OR"),
        (lambda s, o: s.OneCycleLR(o, 1.0, 3, pct_start=2), ValueError, "pct_start"),
        (
            lambda s, o: s.OneCycleLR(optim.Adagrad([leaf()]), 1.0, 3),
            ValueError,
            "must support momentum",
        ),
        (lambda s, o: s.ReduceLROnPlateau(o, factor=1.0), ValueError, "Factor should be < 1.0"),
        (lambda s, o: s.ReduceLROnPlateau(o, mode="up"), ValueError, "mode up is unknown"),
        (lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0, 0]), ValueError, "expected 1 min_lrs"),
        (lambda s, o: s.SequentialLR(o, [], []), ValueError, "at least one scheduler"),
        (lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [1]), ValueError, "one more than"),
        (
            lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]),
            ValueError,
            "ReduceLROnPlateau",
        ),
        (
            lambda s, o: s.ChainedScheduler([s.StepLR(o, 1), s.StepLR(optim.SGD([leaf()]), 1)]),
            ValueError,
            "same optimizer",
        ),
    ],
)
def test_wrong_use_is_refused(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make(optim.lr_scheduler, optim.SGD([leaf()], lr=0.1))


# Averages of weights


@pytest.mark.torch
@pytest.mark.parametrize(
    "average",
    ["plain", "get_swa_avg_fn", "get_ema_avg_fn", "get_swa_multi_avg_fn", "get_ema_multi_avg_fn"],
)
@pytest.mark.parametrize("use_buffers", [False, True])
def test_averaged_models_equal_torch(average: str, use_buffers: bool) -> None:
    torch = pytest.importorskip("torch")
    if use_buffers and average == "get_swa_multi_avg_fn":
        pytest.skip("PyTorch fails on the integer buffer")
    results = []
    for lib in (torch, pyforge):
        lib.manual_seed(0)
        model = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.BatchNorm1d(4))
        utils = lib.optim.swa_utils
        extra: dict[str, Any] = {}
        if average != "plain":
            decay = (0.3,) if "ema" in average else ()
            key = "multi_avg_fn" if "multi" in average else "avg_fn"
            extra[key] = getattr(utils, average)(*decay)
        averaged = utils.AveragedModel(model, use_buffers=use_buffers, **extra)
        for _ in range(4):
            with lib.no_grad():
                for p in model.parameters():
                    p.add_(lib.randn(p.shape))
            model(lib.randn(6, 3))
            averaged.update_parameters(model)
        batches = [[lib.randn(6, 3), None] for _ in range(3)]
        before = averaged.state_dict()
        values = {k: v.clone().numpy() for k, v in before.items()}
        utils.update_bn(batches, averaged)
        results.append((values, {k: v.numpy() for k, v in averaged.state_dict().items()}))
        assert averaged.module[1].momentum == 0.1
    for theirs, ours in zip(*results, strict=True):
        assert list(ours) == list(theirs)
        for key, value in theirs.items():
            np.testing.assert_allclose(ours[key], value, rtol=1e-5, atol=1e-6)


def test_averaged_model_refuses_two_functions() -> None:
    utils = optim.swa_utils
    with pytest.raises(AssertionError, match="Only one of"):
        utils.AveragedModel(
            nn.Linear(1, 1), None, utils.get_swa_avg_fn(), utils.get_swa_multi_avg_fn()
        )
    with pytest.raises(ValueError, match="Invalid decay value"):
        utils.get_ema_avg_fn(2.0)
