"""The examples run and print what they should."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parent.parent / "examples"
if not FOLDER.exists():
    pytest.skip("needs the repository", allow_module_level=True)


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        f"examples_{Path(name).name}", FOLDER / f"{name}.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_one_neuron() -> None:
    assert [round(v, 4) for v in load("one_neuron").main()] == [0.7616, 0.42, 0.42]


def test_two_layer_tanh() -> None:
    assert load("two_layer_tanh").main() < 1e-14


def test_gradient_flow() -> None:
    ratios = load("gradient_flow").main()
    assert ratios["Sigmoid"] < 1e-3
    assert 0.1 < ratios["ReLU"] < 10
    assert ratios["Sigmoid"] < ratios["Tanh"]


def test_stable_cross_entropy() -> None:
    losses, gradients, naive_is_nan = load("stable_cross_entropy").main()
    assert losses == [0.0, 2000.0, 1000.0]
    assert gradients == [[0.0, 0.0, 0.0], [1.0, -1.0, 0.0], [1.0, 0.0, -1.0]]
    assert naive_is_nan


def test_graph_inspection() -> None:
    names, dw, dx, db = load("graph_inspection").main()
    assert names[:5] == [
        "PowBackward0",
        "SubBackward0",
        "TanhBackward0",
        "AddBackward0",
        "MulBackward0",
    ]
    assert names.count("torch::autograd::AccumulateGrad") == 3
    slope = 1 - math.tanh(7.0) ** 2
    for found, by_hand in zip((dw, dx, db), (3.0, 2.0, 1.0), strict=True):
        assert found == pytest.approx(
            2 * 0.5 * slope * by_hand, rel=0.05
        )  # float32 near saturation


def test_softmax_classifier() -> None:
    loss, gradient = load("softmax_classifier").main()
    assert loss < 1e-14
    assert gradient < 1e-15


def test_xor() -> None:
    difference, answers = load("xor").main()
    assert difference < 1e-15
    assert answers == [0, 1, 1, 0]


def test_delta_terms() -> None:
    magnitudes, difference = load("delta_terms").main()
    assert all(m > 0 for m in magnitudes)
    assert difference < 1e-7


def test_accumulation() -> None:
    difference, peaks = load("accumulation").main()
    assert difference < 1e-15
    assert max(peaks[1:]) <= min(peaks[1:]) * 1.02  # the first part has no .grad yet


def test_dead_gradients() -> None:
    found = load("dead_gradients").main()
    assert found["dead ReLU"] > 0.9
    assert found["saturated sigmoid"] > 0.3
    assert found["detached"] == 1.0


def test_least_squares() -> None:
    decay, frequency = load("least_squares").main()
    assert decay == pytest.approx(0.7, abs=1e-6)
    assert frequency == pytest.approx(3.0, abs=1e-6)


def test_custom_op() -> None:
    assert load("custom_op/selective_scan").main(updates=150) > 0.9


def test_incident() -> None:
    found = load("incident").main()
    stalled, *cured = found.values()
    assert stalled[0] > 0.6
    assert stalled[1] < 1e-6
    assert all(loss < 0.3 and ratio > 1e3 * stalled[1] for loss, ratio in cured)


def test_profile_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = load("profile_training").main(str(tmp_path / "trace.json"))
    assert {"linear", "forward", "AddmmBackward0", "Optimizer.step#Adam.step"} <= set(names)
    assert "Self CPU time total" in capsys.readouterr().out
    assert (tmp_path / "trace.json").stat().st_size > 1000
