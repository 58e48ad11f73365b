"""The op where NaN or infinity was born, by anomaly mode, by the tape, and no false origin."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pyforge as pf
from pyforge import _C, nn
from pyforge.__main__ import main
from pyforge.autograd import Function, detect_anomaly, explain_nan, set_detect_anomaly
from pyforge.diagnose import Monitor, replay

INF = float("inf")


def leaf(*values: float) -> pf.Tensor:
    return pf.tensor(list(values), requires_grad=True)


def line_of(program: Callable[[], Any]) -> str:
    """'test_anomaly.py:N', the line of ``program`` that ends in '# born'."""
    lines, first = inspect.getsourcelines(program)
    return f"test_anomaly.py:{first + next(i for i, t in enumerate(lines) if '# born' in t)},"


# PyTorch issue 160016: its anomaly mode blames the second root, lets the NaN loss pass, and lets
# the infinite gradient pass into the optimizer.
def two_roots() -> pf.Tensor:
    x = leaf(1.0)
    y = pf.sqrt(x - 2)  # born
    y = pf.sqrt(y)
    return y.sum()


def log_of_negative() -> pf.Tensor:
    inp = leaf(1.0)
    return pf.log(-inp).sum()  # born


def infinite_gradient() -> pf.Tensor:
    weight = leaf(0.0, 1.0)
    return pf.sqrt(weight).sum()  # born


# More births in the forward pass


def zero_by_zero() -> pf.Tensor:
    x = leaf(0.0, 2.0)
    ratio = x / x  # born
    return (ratio * 2 + 1).mean()


def infinities_cancel() -> pf.Tensor:
    x = leaf(1.0, 1000.0)
    big = pf.exp(x)  # born
    return (big / (big + 1)).sum()


def row_of_masks() -> pf.Tensor:
    scores = pf.ones(2, 3, requires_grad=True)
    masked = scores.masked_fill(pf.ones(2, 3) == 1, -INF)
    weights = masked.softmax(-1)  # born
    return (weights * 2).sum()


def in_place() -> pf.Tensor:
    x = leaf(4.0, -4.0) * 1
    x.log_()  # born
    return x.sum()


def written_by_index() -> pf.Tensor:
    x = leaf(1.0, 2.0) * 1
    x[1] = float("nan")  # born
    return (x * 3).sum()


def in_a_function() -> pf.Tensor:
    return Shift.apply(leaf(0.5)).sum()


class Shift(Function):
    @staticmethod
    def forward(ctx: Any, x: pf.Tensor) -> pf.Tensor:
        return (x - 1).log() + 1

    @staticmethod
    def backward(ctx: Any, grad: pf.Tensor) -> pf.Tensor:
        return grad


# Births in the backward pass


def root_of_zero() -> pf.Tensor:
    x = leaf(0.0, 4.0)
    square = x * x
    length = square.sqrt()  # born
    return length.sum()


class Bad(Function):
    @staticmethod
    def forward(ctx: Any, x: pf.Tensor) -> pf.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, grad: pf.Tensor) -> pf.Tensor:
        return grad * float("nan")


def bad_function() -> pf.Tensor:
    x = leaf(1.0, 2.0)
    y = Bad.apply(x)  # born
    return y.exp().sum()


BORN = [  # program, op named first, phase, found from the tape alone
    (two_roots, "sqrt", "forward", True),
    (log_of_negative, "log", "forward", True),
    (infinite_gradient, "SqrtBackward0", "backward", True),
    (zero_by_zero, "div", "forward", True),
    (infinities_cancel, "exp", "forward", True),
    (row_of_masks, "softmax", "forward", True),
    (in_place, "log_", "forward", False),
    (written_by_index, "index assignment", "forward", False),
    (root_of_zero, "SqrtBackward0", "backward", True),
    (bad_function, "BadBackward", "backward", True),
]


@pytest.mark.parametrize(("program", "op", "phase", "tape"), BORN)
def test_born(program: Callable[[], pf.Tensor], op: str, phase: str, tape: bool) -> None:
    with (
        set_detect_anomaly(True, check_inf=program is infinite_gradient),
        pytest.raises(RuntimeError, match=r"returned (nan|inf) values in its 0th output") as error,
    ):
        program().backward()
    place = next(t for t in str(error.value).splitlines() if t.startswith("  at "))
    assert line_of(program) in place
    asked = [explain_nan(program)] + ([explain_nan(program())] if tape else [])
    for origin in asked:
        assert origin is not None
        assert line_of(program) in origin.source
        assert origin.phase == phase
    assert asked[0] is not None
    assert asked[0].op == op


def test_what_the_report_holds() -> None:
    x, eps = leaf(1.0, 0.0), pf.tensor(0.0)
    with set_detect_anomaly(True):
        origin = explain_nan(((x - x) / (x * eps)).mean())
    assert origin is not None
    assert (origin.op, origin.kind, origin.index) == ("div", "nan", [0])
    assert origin.operands[1] == "operand 1: float32 [2] in [0, 0], 0 at [0]"
    assert [op for op, _ in origin.chain] == ["div", "mean"]


def test_infinite_gradient_explains_the_nan_of_the_next_step() -> None:
    weight = leaf(0.0, 1.0)
    optimizer = pf.optim.Adam([weight], lr=0.1)

    def step() -> None:
        optimizer.zero_grad()
        pf.sqrt(weight).sum().backward()
        optimizer.step()

    with set_detect_anomaly(True):
        step()
        with pytest.raises(RuntimeError) as error:
            step()
    assert "given" in str(error.value)
    assert "became infinite in an earlier pass: SqrtBackward0" in str(error.value)


def attention(additive: bool) -> pf.Tensor:
    scores = pf.randn(4, 4, requires_grad=True)
    hidden = pf.ones(4, 4).tril() == 0
    if additive:
        masked = scores + pf.zeros(4, 4).masked_fill(hidden, -INF)
    else:
        masked = scores.masked_fill(hidden, -INF)
    return (masked.softmax(-1) @ pf.randn(4, 2)).sum()


def masked_branch() -> pf.Tensor:
    x = leaf(-1.0, 0.0, 4.0)
    return pf.where(x > 0, x.sqrt() + 1 / x, 0.0).sum()


def chosen_by_mask() -> pf.Tensor:
    x = leaf(0.0, 1.0)
    ratio = x / x
    return ratio[~pf.isnan(ratio)].mean()


def padded() -> pf.Tensor:
    x, padding = pf.randn(3, 2, requires_grad=True), pf.tensor([[1.0, 1.0], [1.0, INF], [INF, INF]])
    return (x + padding).masked_fill(padding == INF, 0).sum()


def masked_afterwards() -> pf.Tensor:
    # The derivative of sqrt is infinite at what the first where() has masked.
    x = leaf(-1.0, 4.0)
    return pf.where(x > 0, x, 0.0).sqrt().sum()


@pytest.mark.parametrize(
    "program",
    [lambda: attention(True), lambda: attention(False), masked_branch, chosen_by_mask, padded,
     masked_afterwards],
)  # fmt: skip
def test_no_false_origin(program: Callable[[], pf.Tensor]) -> None:
    with set_detect_anomaly(True, check_inf=True):
        loss = program()
        (leaf,) = _C._graph_leaves(loss)
        loss.backward()
    assert bool(pf.isfinite(leaf.grad).all())
    assert explain_nan(program()) is None
    assert explain_nan(program) is None


def test_masked_nan_is_traced_to_the_forward_op_in_torch_mode() -> None:
    def program() -> pf.Tensor:
        x = leaf(-1.0, 4.0)
        root = x.sqrt()  # born
        return pf.where(x > 0, root, 0.0).sum()

    with (
        pf.autograd.singular_points("torch"),
        set_detect_anomaly(True),
        pytest.raises(RuntimeError, match="masked") as error,
    ):
        program().backward()
    assert line_of(program) in str(error.value)


def test_requested_gradients_are_checked() -> None:
    x = leaf(0.0)
    with set_detect_anomaly(True), pytest.raises(RuntimeError, match="nan values in its 0th"):
        pf.autograd.grad((x * x).sqrt().sum(), x)
    with set_detect_anomaly(True), pytest.raises(RuntimeError, match="given to backward"):
        (x * 2).backward(pf.tensor([float("nan")]))


def test_modes_nest_and_warn() -> None:
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
        outer = detect_anomaly()
    with outer:
        assert pf.autograd.anomaly_mode.is_anomaly_check_nan_enabled()
        with set_detect_anomaly(False):
            assert not pf.autograd.anomaly_mode.is_anomaly_enabled()
        assert pf.autograd.anomaly_mode.is_anomaly_enabled()
    assert not pf.autograd.anomaly_mode.is_anomaly_enabled()

    @set_detect_anomaly(True)
    def decorated() -> bool:
        return pf.autograd.anomaly_mode.is_anomaly_enabled()

    assert decorated()
    assert not pf.autograd.anomaly_mode.is_anomaly_enabled()
    with set_detect_anomaly(True, check_nan=False):
        bad_function().backward()  # nothing is looked at


def test_error_of_a_backward_function_names_the_forward_line() -> None:
    class Fails(Function):
        @staticmethod
        def forward(ctx: Any, x: pf.Tensor) -> pf.Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: Any, grad: pf.Tensor) -> pf.Tensor:
            raise ValueError("mine")

    with (
        set_detect_anomaly(True, check_nan=False),
        pytest.warns(UserWarning, match=r"Error detected in FailsBackward[\s\S]*test_anomaly"),
        pytest.raises(ValueError, match="mine"),
    ):
        Fails.apply(leaf(1.0)).sum().backward()


def test_bad_calls_are_kept_only_while_they_matter() -> None:
    mask, model = pf.ones(8, 8).triu(1) == 1, nn.Linear(8, 8)
    with set_detect_anomaly(True), warnings.catch_warnings():
        for _ in range(300):
            model(pf.randn(8, 8)).masked_fill(mask, -INF).softmax(-1).sum().backward()
        assert len(_C._bad_calls()) <= 2
        live = pf.memory.live_bytes()
        for _ in range(300):
            model(pf.randn(8, 8)).masked_fill(mask, -INF).softmax(-1).sum().backward()
        assert pf.memory.live_bytes() < live + 100_000
    assert not _C._bad_calls()


def test_long_graphs_and_freed_ones() -> None:
    x = y = leaf(-1.0)
    y = y.log()
    for _ in range(20_000):
        y = y + 1
    origin = explain_nan(y.sum())
    assert origin is not None
    assert origin.op == "LogBackward0"
    assert len(str(origin)) < 3000
    loss = (x.log() * 2).sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="freed"):
        explain_nan(loss)


# Files of bad steps


class Scaled(nn.Module):
    """Divides by a norm that is 0 for a row of zeros; with state that a step changes."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 8, bias=False), nn.Linear(8, 1)
        self.norm, self.drop = nn.BatchNorm1d(8), nn.Dropout(0.5)

    def forward(self, x: pf.Tensor) -> pf.Tensor:
        h = self.first(x)
        return self.last(self.drop(self.norm(h / (h * h).sum(1, keepdim=True).sqrt())))


def dumped(path: Path, bad: int = 3, **options: Any) -> Monitor:
    pf.manual_seed(0)
    model = Scaled()
    optimizer = pf.optim.Adam(model.parameters())
    with Monitor(model, optimizer, on_error="dump", dump_path=path, **options) as monitor:
        for i in range(bad + 2):
            x, y = pf.randn(8, 4), pf.randn(8, 1)
            if i == bad:
                x[5] = 0
            for half in (slice(0, 4), slice(4, 8)):
                nn.functional.mse_loss(model(x[half]), y[half]).backward()
            optimizer.step()
            optimizer.zero_grad()
    return monitor


@pytest.mark.filterwarnings("ignore::pyforge.diagnose.DiagnosticWarning")
def test_bad_step_is_run_again_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "step.pt"
    found = [v for v in dumped(path).verdicts if v.kind == "NON_FINITE"]
    line = "test_anomaly.py:" + str(inspect.getsourcelines(Scaled.forward)[1] + 2)
    assert line in found[0].where  # from the tape: the step was not recorded
    assert str(path) in found[0].action
    assert os.listdir(tmp_path) == ["step.pt"]
    again = replay(path)
    assert again.same
    assert again.bad_outputs
    assert "first.weight" in again.bad_gradients
    assert f"{line}, in forward" in again.origin
    assert "Function 'div'" in again.origin
    assert again.optimizers[0][0] == "Adam"
    assert again.optimizers[0][1]["state"][0]["step"] == 3

    def step(model: nn.Module, x: pf.Tensor) -> pf.Tensor:
        return model(x).sum()

    assert replay(path, step=step).same is None
    assert main(["replay", str(path)]) == 1


def test_bad_file(tmp_path: Path) -> None:
    pf.save({"a": 1}, tmp_path / "x.pt")
    with pytest.raises(RuntimeError, match="not written by a Monitor"):
        replay(tmp_path / "x.pt")
