"""Broken models get their verdict at the right place; healthy runs get no error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import pyforge as pf
from pyforge import nn
from pyforge.__main__ import main
from pyforge.diagnose import Monitor

F = nn.functional
Loss = Callable[[int], Any]
BROKEN: list[Any] = []
HEALTHY: list[Any] = []


class Run:
    """A loop: ``loss(step)`` is stepped on ``steps`` times."""

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        *,
        optimizer: Any = None,
        lr: float = 0.05,
        steps: int = 40,
        zero: bool = True,
        before: Callable[[], Any] | None = None,
        after: Callable[[], Any] | None = None,
        parts: int = 1,
        points: str = "masked",
    ) -> None:
        self.points = points
        self.model, self.loss, self.steps, self.zero = model, loss, steps, zero
        self.before, self.after, self.parts = before, after, parts
        live = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = optimizer or pf.optim.SGD(live, lr=lr)

    def go(self) -> Monitor:
        monitor = Monitor(self.model, self.optimizer, on_error="log")
        # What a loop raises is a verdict.
        with contextlib.suppress(RuntimeError, IndexError, ValueError), monitor:
            self.train()
        return monitor

    def train(self) -> None:
        with pf.autograd.singular_points(self.points):
            for step in range(self.steps):
                if self.zero:
                    self.optimizer.zero_grad()
                for _ in range(self.parts):
                    self.loss(step).backward()
                if self.before:
                    self.before()
                self.optimizer.step()
                if self.after:
                    self.after()


def broken(kind: str, where: str) -> Callable[[Any], Any]:
    def add(make: Any) -> Any:
        BROKEN.append(pytest.param(kind, where, make, id=make.__name__))
        return make

    return add


def healthy(make: Any) -> Any:
    HEALTHY.append(pytest.param(make, id=make.__name__))
    return make


def data(n: int = 64) -> tuple[pf.Tensor, pf.Tensor]:
    x = pf.randn(n, 16)
    return x, x[:, :4].sum(1, keepdim=True) * 0.5


def mlp(depth: int, act: Any, width: int = 16, out: int = 1) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in range(depth):
        layers += [nn.Linear(16 if i == 0 else width, width), act()]
    return nn.Sequential(*layers, nn.Linear(width, out))


def fit(model: nn.Module, **options: Any) -> Run:
    x, y = data()
    return Run(model, lambda _: F.mse_loss(model(x), y), **options)


def each_linear(model: nn.Module, change: Callable[[nn.Linear], Any]) -> nn.Module:
    with pf.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear):
                change(module)
    return model


class Two(nn.Module):
    """Two layers with ``between`` applied in the middle."""

    def __init__(self, between: Callable[[pf.Tensor], pf.Tensor], out: int = 1) -> None:
        super().__init__()
        self.first, self.second, self.between = nn.Linear(16, 16), nn.Linear(16, out), between

    def forward(self, x: pf.Tensor) -> pf.Tensor:
        return self.second(self.between(self.first(x)))


def on_output(change: Callable[[pf.Tensor], pf.Tensor], **options: Any) -> Run:
    model = mlp(1, nn.ReLU)
    x, _ = data()
    return Run(model, lambda _: change(model(x)), **options)


@broken("VANISHING", "0")
def ten_sigmoids() -> Run:
    return fit(mlp(10, nn.Sigmoid))


@broken("BAD_INIT", "0")
def tiny_weights() -> Run:
    return fit(each_linear(mlp(6, nn.Tanh), lambda m: nn.init.normal_(m.weight, std=0.005)))


@broken("BAD_INIT", "2")
def std_one_with_relu() -> Run:
    model = mlp(2, nn.ReLU, width=256)
    return fit(each_linear(model, lambda m: nn.init.normal_(m.weight)), lr=1e-9)


@broken("BAD_INIT", "0")
def equal_weights() -> Run:
    return fit(each_linear(mlp(1, nn.Tanh), lambda m: nn.init.constant_(m.weight, 0.1)))


@broken("DEAD", "0")
def dead_by_bias() -> Run:
    model = mlp(2, nn.ReLU)
    nn.init.constant_(model[0].bias, -10.0)
    return fit(model)


@broken("DEAD", "first")
def dead_function() -> Run:
    model = Two(F.relu)
    nn.init.constant_(model.first.bias, -10.0)
    return fit(model)


@broken("DEAD", "0")
def dies_on_the_way() -> Run:
    model = mlp(1, nn.ReLU)
    run = fit(model)
    count = iter(range(1000))

    def kill() -> None:
        if next(count) == 12:
            nn.init.constant_(model[0].bias, -20.0)

    run.after = kill
    return run


@broken("SATURATED", "0")
def large_inputs_of_tanh() -> Run:
    model = mlp(2, nn.Tanh)
    with pf.no_grad():
        model[0].weight.mul_(200.0)
    return fit(model, lr=1e-3)


@broken("EXPLODING", "hidden")
def recurrence_with_radius_above_one() -> Run:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden, self.head = nn.Linear(16, 16, bias=False), nn.Linear(16, 1)
            nn.init.orthogonal_(self.hidden.weight, gain=1.5)

        def forward(self, x: pf.Tensor) -> pf.Tensor:
            h = x
            for _ in range(30):
                h = self.hidden(h)
            return self.head(h)

    return fit(Net(), steps=4)


@broken("LEARNING_RATE", "optimizer 0")
def rate_of_a_thousand() -> Run:
    return fit(mlp(2, nn.ReLU), lr=1e3)


@broken("DIVERGING", "optimizer 0")
def rate_slightly_too_high() -> Run:
    return fit(nn.Linear(16, 1), lr=0.6, steps=30)


@broken("LEARNING_RATE", "optimizer 0")
def rate_too_low() -> Run:
    return fit(mlp(1, nn.ReLU), lr=1e-7, steps=120)


@broken("NON_FINITE", "in take_log")
def log_of_zero() -> Run:
    def take_log(out: pf.Tensor) -> pf.Tensor:
        return (out * 0).log().mean()

    return on_output(take_log)


@broken("NON_FINITE", "in normed")
def norm_of_nothing() -> Run:
    def normed(out: pf.Tensor) -> pf.Tensor:
        h = out * 0
        return (h / (h * h).sum().sqrt()).mean()

    return on_output(normed)


@broken("NON_FINITE", "in powers")
def exp_overflows() -> Run:
    def powers(out: pf.Tensor) -> pf.Tensor:
        return pf.exp(out * 0 + 100)

    return on_output(lambda out: pf.log(powers(out).sum()))


@broken("NON_FINITE", "in take_root")
def slope_of_root_of_zero() -> Run:
    def take_root(out: pf.Tensor) -> pf.Tensor:
        return (out * 0).sqrt()

    return on_output(lambda out: take_root(out).mean(), steps=1)


@broken("NON_FINITE", "in attend")
def all_masked() -> Run:
    def attend(out: pf.Tensor) -> pf.Tensor:
        scores = out.squeeze(-1).masked_fill(pf.ones(64, dtype=pf.bool), -pf.inf)
        return (scores - scores.max()).exp().mean()

    return on_output(attend)


@broken("NON_FINITE", "in take_log")
def mask_and_log() -> Run:
    mask = pf.triu(pf.ones(64, 64, dtype=pf.bool), diagonal=1)

    def take_log(attended: pf.Tensor) -> pf.Tensor:
        return pf.log(attended * 0).mean()

    def attend(out: pf.Tensor) -> pf.Tensor:
        return F.softmax((out @ out.t()).masked_fill(mask, -pf.inf), dim=-1) @ out

    return on_output(lambda out: take_log(attend(out)))


@broken("NON_FINITE", "in predict")
def nan_in_the_data() -> Run:
    model = mlp(1, nn.ReLU)
    x, y = data()
    x[3, 2] = pf.nan

    def predict() -> pf.Tensor:
        return model(x)

    return Run(model, lambda _: F.mse_loss(predict(), y))


@broken("NOT_ZEROED", "optimizer 0")
def no_zero_grad() -> Run:
    return fit(mlp(1, nn.ReLU), zero=False)


@broken("NO_GRADIENT", "first.weight")
def detached() -> Run:
    return fit(Two(lambda h: h.detach()))


@broken("NO_GRADIENT", "first.weight")
def under_no_grad() -> Run:
    def between(h: pf.Tensor) -> pf.Tensor:
        with pf.no_grad():
            return h * 2

    return fit(Two(between))


@broken("NO_GRADIENT", "first.weight")
def argmax() -> Run:
    return fit(Two(lambda h: F.one_hot(h.argmax(1), 16).float()))


@broken("NO_GRADIENT", "first.weight")
def unused_result() -> Run:
    x = pf.randn(64, 16)
    return fit(Two(lambda h: x))


@broken("NO_GRADIENT", "0.weight")
def frozen_in_the_optimizer() -> Run:
    model = mlp(1, nn.ReLU)
    model[0].weight.requires_grad_(False)
    return fit(model, optimizer=pf.optim.SGD(model.parameters(), lr=0.01))


@broken("SILENT_BROADCAST", "in compare")
def broadcast() -> Run:
    model = mlp(1, nn.ReLU)
    x, y = data()

    def compare(_: int) -> pf.Tensor:
        return ((model(x) - y[:, 0]) ** 2).mean()

    return Run(model, compare)


@broken("INPUT_SCALE", "0")
def inputs_of_ten_million() -> Run:
    model = mlp(1, nn.ReLU)
    x, y = data()
    x = x * 1e7
    return Run(model, lambda _: F.mse_loss(model(x), y), lr=1e-18)


@broken("ZERO_GRADIENT", "first")
def rounded() -> Run:
    return fit(Two(pf.round))


@broken("LOSS_PLATEAU", "optimizer 0")
def shuffled_targets() -> Run:
    model = mlp(1, nn.ReLU)
    x, y = data()
    y = y - y.mean()
    return Run(model, lambda _: F.mse_loss(model(x), y[pf.randperm(64)]), steps=180, lr=0.01)


@broken("UPDATE_RATIO", "0")
def steps_as_large_as_weights() -> Run:
    model = mlp(3, nn.ReLU)
    groups = [
        {"params": model[0].parameters(), "lr": 0.1},
        {"params": model[2:].parameters(), "lr": 1e-3},
    ]
    x, y = data()
    optimizer = pf.optim.Adam(groups)
    return Run(model, lambda _: F.mse_loss(model(x), y[pf.randperm(64)]), optimizer=optimizer)


@broken("NON_FINITE", "in take_root")
def double_where() -> Run:
    def take_root(out: pf.Tensor) -> pf.Tensor:
        return pf.where(out > 1e9, out.sqrt(), out * 0 + 1)

    # As PyTorch does it: NaN of the branch that is not taken times 0.
    return on_output(lambda out: take_root(out - 100).mean(), steps=1, points="torch")


@broken("NON_FINITE", "in length")
def norm_overflows() -> Run:
    def length(out: pf.Tensor) -> pf.Tensor:
        return (out * 1e25).pow(2).sum().sqrt()

    return on_output(length)


@broken("NON_FINITE", "in take_root_at_last")
def bad_slope_after_many_steps() -> Run:
    model = Two(F.relu)
    x, _ = data()

    def take_root_at_last(step: int) -> pf.Tensor:
        out = model(x)
        return pf.sqrt(out * 0 if step >= 30 else out * 0 + 1).mean()

    return Run(model, take_root_at_last)


@broken("NO_GRADIENT", "spare.weight")
def unused_layer() -> Run:
    model = Two(F.relu)
    model.spare = nn.Linear(4, 4)
    return fit(model)


@broken("BAD_TARGET", "in against_labels")
def labels_off_by_one() -> Run:
    model = mlp(1, nn.ReLU, out=3)
    x, labels = pf.randn(64, 16), pf.arange(64) % 3 + 1

    def against_labels(_: int) -> pf.Tensor:
        return F.cross_entropy(model(x), labels)

    return Run(model, against_labels)


@broken("BATCH_SIZE", "in of_one")
def batch_norm_of_one() -> Run:
    model = nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))

    def of_one(_: int) -> pf.Tensor:
        return model(pf.randn(1, 16)).mean()

    return Run(model, of_one)


@broken("IN_PLACE", "in add_to")
def overwritten() -> Run:
    def add_to(out: pf.Tensor) -> pf.Tensor:
        grown = out.exp()
        grown += 1
        return grown.mean()

    return on_output(add_to)


@healthy
def relu_and_sgd() -> Run:
    return fit(mlp(2, nn.ReLU, width=32), steps=200)


@healthy
def tanh_and_adam() -> Run:
    model = mlp(3, nn.Tanh)
    return fit(model, optimizer=pf.optim.Adam(model.parameters(), lr=3e-3), steps=200)


@healthy
def warm_up() -> Run:
    model = mlp(2, nn.ReLU)
    optimizer = pf.optim.SGD(model.parameters(), lr=0.1)
    warm = pf.optim.lr_scheduler.LinearLR(optimizer, start_factor=1e-3, total_iters=60)
    return fit(model, optimizer=optimizer, after=warm.step, steps=120)


@healthy
def clipping() -> Run:
    model = mlp(2, nn.ReLU)
    return fit(model, before=lambda: nn.utils.clip_grad_norm_(model.parameters(), 0.5), steps=100)


@healthy
def accumulation() -> Run:
    return fit(mlp(2, nn.ReLU), parts=4, lr=0.01, steps=80)


@healthy
def batches_of_one() -> Run:
    model = mlp(1, nn.ReLU)
    x, y = data(256)
    return Run(model, lambda i: F.mse_loss(model(x[i : i + 1]), y[i : i + 1]), lr=0.01, steps=200)


@healthy
def embeddings() -> Run:
    model = nn.Sequential(nn.Embedding(500, 16), nn.Flatten(), nn.Linear(64, 32), nn.ReLU())
    model = nn.Sequential(*model, nn.Linear(32, 5))
    words, labels = pf.randint(0, 500, (64, 4)), pf.randint(0, 5, (64,))
    return Run(model, lambda _: F.cross_entropy(model(words), labels), steps=100, lr=0.1)


@healthy
def high_but_stable_norms() -> Run:
    model = mlp(2, nn.ReLU)
    x, y = data()
    return Run(model, lambda _: F.mse_loss(model(x), y, reduction="sum") * 1e4, lr=1e-7, steps=100)


@healthy
def fine_tuning() -> Run:
    model = mlp(2, nn.ReLU)
    model[0].requires_grad_(False)
    return fit(model, steps=100)


@healthy
def residual() -> Run:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Linear(16, 16)

        def forward(self, x: pf.Tensor) -> pf.Tensor:
            return x + F.relu(self.body(x))

    return fit(nn.Sequential(*(Block() for _ in range(10)), nn.Linear(16, 1)), lr=1e-3, steps=100)


@healthy
def masked_attention() -> Run:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.qkv, self.out = nn.LayerNorm(16), nn.Linear(16, 48), nn.Linear(16, 1)
            self.mask = pf.triu(pf.ones(8, 8, dtype=pf.bool), diagonal=1)

        def forward(self, x: pf.Tensor) -> pf.Tensor:
            q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
            scores = (q @ k.transpose(-1, -2) / 4).masked_fill(self.mask, -pf.inf)
            return self.out(F.softmax(scores, dim=-1) @ v)

    model = Block()
    x = pf.randn(16, 8, 16)
    y = x.cumsum(1)[..., :1] / 4
    optimizer = pf.optim.AdamW(model.parameters(), lr=3e-3)
    return Run(model, lambda _: F.mse_loss(model(x), y), optimizer=optimizer, steps=100)


@healthy
def batch_norm() -> Run:
    layers: list[nn.Module] = []
    for _ in range(4):
        layers += [nn.Linear(16, 16), nn.BatchNorm1d(16), nn.ReLU()]
    return fit(nn.Sequential(*layers, nn.Linear(16, 1)), steps=100)


@healthy
def dropout() -> Run:
    model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 1))
    return fit(model, steps=100)


@healthy
def shared_weights() -> Run:
    shared = nn.Linear(16, 16)
    return fit(nn.Sequential(shared, nn.Tanh(), shared, nn.Tanh(), nn.Linear(16, 1)), steps=100)


@healthy
def classifier_until_it_is_sure() -> Run:
    model = mlp(2, nn.ReLU, width=32, out=3)
    x = pf.randn(64, 16)
    labels = x[:, :3].argmax(1)
    optimizer = pf.optim.Adam(model.parameters(), lr=0.01)
    return Run(model, lambda _: F.cross_entropy(model(x), labels), optimizer=optimizer, steps=400)


@healthy
def sigmoid_output() -> Run:
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 1), nn.Sigmoid())
    x = pf.randn(64, 16)
    labels = (x[:, :1] > 0).float()
    optimizer = pf.optim.Adam(model.parameters(), lr=0.02)
    loss = nn.BCELoss()
    return Run(model, lambda _: loss(model(x), labels), optimizer=optimizer, steps=200)


@healthy
def double_precision_to_the_minimum() -> Run:
    model = nn.Linear(16, 1).double()
    x, y = data()
    x, y = x.double(), y.double()
    return Run(model, lambda _: F.mse_loss(model(x), y), lr=0.2, steps=400)


@healthy
def masked_log() -> Run:
    model = mlp(1, nn.ReLU)
    x, _ = data()

    def loss(_: int) -> pf.Tensor:
        out = model(x).abs()
        safe = pf.where(out > 0.1, out, pf.ones_like(out))
        return pf.where(out > 0.1, safe.log(), pf.zeros_like(out)).square().mean()

    return Run(model, loss, lr=0.01, steps=60)


@pytest.mark.parametrize(("kind", "where", "make"), BROKEN)
def test_broken(kind: str, where: str, make: Any) -> None:
    pf.manual_seed(0)
    monitor = make().go()
    found = [v for v in monitor.verdicts if v.kind == kind]
    assert found, monitor.report()
    places = [v.where for v in found]
    assert where in places or (where[:3] == "in " and places[0].endswith(where)), places
    assert all(v.evidence and v.cause and v.action for v in found)


@pytest.mark.parametrize("make", HEALTHY)
def test_healthy(make: Any) -> None:
    pf.manual_seed(0)
    loud = [str(v) for v in make().go().verdicts if v.severity != "info"]
    assert not [v for v in loud if "(error)" in v]
    assert len(loud) <= 1


def batches(n: int) -> Iterator[pf.Tensor]:
    for _ in range(n):
        yield pf.randn(32, 2) * 0.5 + 1


def test_alternating_gan_is_healthy() -> None:
    pf.manual_seed(0)
    maker = nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Linear(16, 2))
    judge = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    both = nn.ModuleDict({"maker": maker, "judge": judge})
    optimizers = [pf.optim.Adam(m.parameters(), lr=1e-3) for m in (maker, judge)]
    loss = nn.BCEWithLogitsLoss()
    yes, no = pf.ones(32, 1), pf.zeros(32, 1)
    with Monitor(both, optimizers, on_error="log") as monitor:
        for real in batches(150):
            optimizers[1].zero_grad()
            fake = maker(pf.randn(32, 4))
            (loss(judge(real), yes) + loss(judge(fake.detach()), no)).backward()
            optimizers[1].step()
            optimizers[0].zero_grad()
            loss(judge(fake), yes).backward()
            optimizers[0].step()
    assert [str(v) for v in monitor.verdicts if v.severity == "error"] == []


@pytest.fixture(scope="module")
def example() -> str:
    text = (Path(__file__).parent.parent / "docs" / "diagnostics.md").read_text(encoding="utf-8")
    return text.split("```python\n")[1].split("```")[0]


def test_example_of_the_docs(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(example, "example", "exec"), {})
    assert "VANISHING (error) at 0" in capsys.readouterr().out


@pytest.mark.parametrize(("steps", "status"), [("40", 1), ("0", 0)])
def test_doctor(
    steps: str, status: int, example: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import sys\n"
        + example.replace('with Monitor(model, optimizer, on_error="log") as monitor', "if True")
        .replace("range(40)", "range(int(sys.argv[1]))")
        .replace("print(monitor.report())", "print('done')"),
        encoding="utf-8",
    )
    assert main(["doctor", str(script), steps]) == status
    out = capsys.readouterr().out
    assert "done" in out
    assert ("VANISHING (error) at 0" in out) == bool(status)
    assert pf.optim.Optimizer.__init__.__name__ == "__init__"


def test_report() -> None:
    pf.manual_seed(0)
    report = ten_sigmoids().go().report()
    assert "VANISHING" in report
    assert "optimizer 0: 40 steps, loss" in report
    assert "sigmoid" in report
