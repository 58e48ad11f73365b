"""``check`` finds planted faults of a model before training, and leaves the model as it was."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyforge as pf
from pyforge import nn
from pyforge.diagnose import check

F = nn.functional
HERE = "test_diagnose_check.py"


def batch(classes: int = 5) -> tuple[pf.Tensor, pf.Tensor]:
    return pf.randn(32, 16), pf.randint(0, classes, (32,))


class WrongFactor(pf.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: pf.Tensor) -> pf.Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, grad: pf.Tensor) -> pf.Tensor:
        (x,) = ctx.saved_tensors
        return grad * x  # without the 2


class Net(nn.Module):
    """Two layers with ``between`` in the middle; ``skip`` leaves the first one out."""

    def __init__(self, between: Callable[[pf.Tensor], Any] = F.relu, last: int = 5) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(16, 16), nn.Linear(16, last)
        self.between, self.skip, self.calls, self.seen = between, False, 0, [0]

    def forward(self, x: pf.Tensor) -> pf.Tensor:
        self.calls += 1
        self.seen.append(self.calls)
        return self.second(x if self.skip else self.between(self.first(x)))


def noisy(x: pf.Tensor) -> pf.Tensor:
    return x * pf.rand(16)


def unseeded(x: pf.Tensor) -> pf.Tensor:
    return x * float(np.random.default_rng().normal())


def detached(x: pf.Tensor) -> pf.Tensor:
    return x.detach()


def rooted(x: pf.Tensor) -> pf.Tensor:
    return (x * 0).sqrt()


def scaled(factor: float) -> Net:
    net = Net()
    with pf.no_grad():
        net.second.weight.mul_(factor)
    return net


FAULTS: list[tuple[str, str, str, Callable[[], nn.Module]]] = [
    ("GRADIENT_MISMATCH", "first.", "error", lambda: Net(WrongFactor.apply)),
    ("NONDETERMINISTIC", "in noisy", "warning", lambda: Net(noisy)),
    ("NONDETERMINISTIC", "in unseeded", "error", lambda: Net(unseeded)),
    ("NO_GRADIENT", "first.weight", "error", lambda: Net(detached)),
    ("NON_FINITE", "in rooted", "error", lambda: Net(rooted)),
    ("ZERO_GRADIENT", "first.weight", "warning", lambda: Net(pf.round)),
    ("DOUBLE_SOFTMAX", HERE, "warning", lambda: nn.Sequential(Net(), nn.Softmax(-1))),
    ("START_LOSS", HERE, "warning", lambda: scaled(100.0)),
    ("BAD_TARGET", HERE, "error", lambda: Net(last=3)),
    ("OVERFIT", "the model", "warning", lambda: nn.Sequential(Net(), nn.Softmax(-1))),
]


def compute(output: pf.Tensor, target: pf.Tensor) -> pf.Tensor:
    return F.cross_entropy(output, target)


@pytest.mark.parametrize(("kind", "where", "severity", "make"), FAULTS)
def test_fault(kind: str, where: str, severity: str, make: Callable[[], nn.Module]) -> None:
    pf.manual_seed(0)
    report = check(make(), compute, batch(), fit_steps=60)
    found = [v for v in report.verdicts if v.kind == kind]
    assert found, str(report)
    assert where in found[0].where
    assert found[0].severity == severity
    assert report.ok == all(v.severity != "error" for v in report.verdicts)


def test_wrong_derivative_names_the_function() -> None:
    report = check(Net(WrongFactor.apply), compute, batch())
    assert "WrongFactorBackward at" in report.verdicts[0].cause
    errors = report.branches[0].errors
    assert errors["first.weight"] == pytest.approx(0.5, abs=1e-3)
    assert errors["second.weight"] == 0


def healthy_models() -> list[nn.Module]:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    sequence = nn.Sequential(nn.Unflatten(1, (4, 4)), nn.Linear(4, 16), layer, nn.Flatten())
    return [
        nn.Sequential(
            nn.Linear(16, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 5)
        ),
        nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.LayerNorm(32), nn.Linear(32, 5)),
        nn.Sequential(*sequence, nn.Linear(64, 5)),
    ]  # fmt: skip


@pytest.mark.parametrize("k", range(3))
def test_healthy(k: int) -> None:
    pf.manual_seed(0)
    report = check(healthy_models()[k], compute, batch())
    assert report.verdicts == [], str(report)
    assert [b.name for b in report.branches] == ["training", "evaluation"]
    assert max(e for b in report.branches for e in b.errors.values()) < 1e-5
    assert report.fit is not None
    assert report.fit[1] < 0.1 * report.fit[0]
    assert report.memory[0][2] > 0
    assert "one batch: loss" in str(report)


def test_every_branch() -> None:
    pf.manual_seed(0)
    net = Net()
    data = [batch() for _ in range(2)]
    flags = [{"skip": False}, {"skip": True}]
    report = check(net, compute, data[0], batches=data[1:], flags=flags, fit_steps=0)
    assert len(report.branches) == 8
    (some,) = (v for v in report.verdicts if v.where == "first.weight")
    assert (some.kind, some.severity) == ("NO_GRADIENT", "info")
    assert "skip=True" in some.evidence
    with pytest.raises(ValueError, match="no attribute 'skp'"):
        check(net, compute, data[0], flags=[{"skp": True}])
    with pytest.raises(ValueError, match="modes"):
        check(net, compute, data[0], modes=["test"])


def test_everything_is_as_before() -> None:
    pf.manual_seed(0)
    net = nn.Sequential(Net(), nn.BatchNorm1d(5), nn.Dropout(0.5))
    data = batch()
    compute(net(data[0]), data[1]).backward()
    net[2].eval()
    net[0].second.bias.requires_grad_(False)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    addresses = [t.data_ptr() for t in (*net.parameters(), *net.buffers())]
    grads = [(p.grad, None if p.grad is None else p.grad.clone()) for p in net.parameters()]
    rng, numpy_rng, python_rng = pf.get_rng_state(), np.random.get_state()[1], random.getstate()
    plain = net[0].calls, list(net[0].seen), net[0].seen
    report = check(net, compute, data, flags=[{"0.skip": False}, {"0.skip": True}])
    assert report.branches
    assert [t.data_ptr() for t in (*net.parameters(), *net.buffers())] == addresses
    for name, value in net.state_dict().items():
        assert pf.equal(value, before[name]), name
    for p, (grad, value) in zip(net.parameters(), grads, strict=True):
        assert p.grad is grad
        assert grad is None or pf.equal(grad, value)
        assert p.dtype is pf.float32
    assert pf.equal(pf.get_rng_state(), rng)
    assert (np.random.get_state()[1] == numpy_rng).all()
    assert random.getstate() == python_rng
    assert [net.training, net[0].training, net[2].training] == [True, True, False]
    assert not net[0].second.bias.requires_grad
    assert (net[0].calls, net[0].seen) == plain[:2]
    assert net[0].seen is plain[2]
    assert pf.get_default_dtype() is pf.float32


def test_other_shapes_of_batches() -> None:
    pf.manual_seed(0)
    x, y = batch()
    same = check(Net(), lambda out: out.square().mean(), x, fit_steps=0)
    assert same.ok, str(same)
    by_name = check(
        Net(), compute, {"x": x, "y": y}, fit_steps=0,
        forward=lambda model, given: model(given["x"]),
    )  # fmt: skip
    assert [v.kind for v in by_name.verdicts] == ["FAILED"]  # the batch has no last entry
    assert not check(Net(last=1), F.mse_loss, (x, y.float()), fit_steps=0).ok
    assert check(Net(), lambda out, target: out, (x, y)).verdicts[0].kind == "SHAPES"


def test_example_of_the_docs(capsys: pytest.CaptureFixture[str]) -> None:
    docs = Path(__file__).parent.parent / "docs" / "diagnostics.md"
    if not docs.exists():
        pytest.skip("needs the repository")
    text = docs.read_text(encoding="utf-8").split("## Before training")[1]
    exec(compile(text.split("```python\n")[1].split("```")[0], "example", "exec"), {})
    out = capsys.readouterr().out
    assert "gradients for 4 of 4 parameters, no error in them" in out
    assert "64 rows, 16 columns, 3 classes" in out
