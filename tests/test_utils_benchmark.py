"""Timer, Measurement and Compare of utils.benchmark: the same texts and numbers as PyTorch's."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pytest

import pyforge as pf
from pyforge.utils import benchmark

try:
    import torch.utils.benchmark as theirs
except ImportError:
    theirs = None  # type: ignore[assignment]

needs_torch = pytest.mark.skipif(theirs is None, reason="PyTorch is not installed")

TASKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "label": {"label": "add", "sub_label": "4x8", "description": "n=1"},
    "sub label": {"sub_label": "small"},
    "lines": {"stmt": "y = x\ny + 1", "setup": "x = 1\nz = 2", "sub_label": "s"},
    "setup": {"setup": "x = 1", "num_threads": 2},
}
TIMES = {
    "one": [0.5],
    "three": [1e-3, 2e-3, 3e-3],
    "steady": [1.00e-5, 1.01e-5, 1.02e-5, 1.00e-5, 1.01e-5],
    "shaky": [1.0e-6, 1.0e-6, 1.15e-6, 1.15e-6],
    "wild": [1e-8, 2e-8, 3e-8, 9e-8, 5e-8, 4e-8],
}


def measurement(P: Any, task: str, times: str, number: int = 1) -> Any:
    words = {"stmt": "x + 1", "setup": "pass", **TASKS[task]}
    return P.Measurement(number, [number * t for t in TIMES[times]], P.TaskSpec(**words))


@needs_torch
@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("task", TASKS)
def test_measurements_say_what_pytorch_says(task: str, times: str) -> None:
    a, b = (measurement(P, task, times, 10) for P in (benchmark, theirs))
    assert repr(a).split("\n")[1:] == repr(b).split("\n")[1:]
    for name in ("median", "mean", "iqr", "times"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-12)
    for name in ("significant_figures", "has_warnings", "title", "as_row_name", "stmt", "label"):
        assert getattr(a, name) == getattr(b, name), name
    assert a.env is None  # PyTorch's raises AttributeError
    assert a.meets_confidence(0.3) == b.meets_confidence(0.3)
    assert pickle.loads(pickle.dumps(a)) == a
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        a.nonsense  # noqa: B018


def table(P: Any, trim: bool, colour: str, highlight: bool, envs: bool) -> str:
    rng = np.random.default_rng(0)
    results = []
    for label, sub, number, threads, env in itertools.product(
        ("sum", "product"), ("x", "longer name"), (1, 10, 100), (1, 2), ("old", "newer")
    ):
        if (sub, number, threads) == ("x", 10, 2):
            continue  # an empty cell
        task = P.TaskSpec(
            "x + 1", "pass", "", label, sub, f"n={number}", env if envs else "", threads
        )
        middle = 10 ** rng.uniform(-6, -3)
        spread = rng.choice([1e-4, 0.01, 0.5])
        for _ in range(2):
            times = middle * (1 + spread * rng.uniform(-0.5, 0.5, 9))
            results.append(P.Measurement(1, times.tolist(), task))
    compare = P.Compare(results[:5])
    compare.extend_results(results[5:])
    if trim:
        compare.trim_significant_figures()
    if colour:
        compare.colorize(rowwise=colour == "row")
    if highlight:
        compare.highlight_warnings()
    return str(compare)


@needs_torch
@pytest.mark.parametrize("envs", [False, True])
@pytest.mark.parametrize("highlight", [False, True])
@pytest.mark.parametrize("colour", ["", "row", "column"])
@pytest.mark.parametrize("trim", [False, True])
def test_tables_are_pytorchs(trim: bool, colour: str, highlight: bool, envs: bool) -> None:
    options = trim, colour, highlight, envs
    assert table(benchmark, *options) == table(theirs, *options)


def test_a_table_needs_no_words(capsys: Any) -> None:
    benchmark.Compare([measurement(benchmark, "plain", "steady")]).print()
    assert "1 threads: -" in capsys.readouterr().out


@needs_torch
@pytest.mark.parametrize("x", [3.14159, 0.00271828, 99.96, 12345.0, 1.0])
def test_small_helpers(x: float) -> None:
    for n in (1, 2, 3, 4):
        np.testing.assert_allclose(benchmark.trim_sigfig(x, n), theirs.trim_sigfig(x, n), rtol=1e-6)
    for t in (x, x * 1e-3, x * 1e-6, x * 1e-9):
        assert benchmark.select_unit(t) == theirs.select_unit(t)
    assert benchmark.unit_to_english("us") == "microsecond"
    assert benchmark.ordered_unique([3, 1, 3]) == [3, 1]


class Clock:
    """Each run of the statement takes `step` seconds, each reading of the clock nothing."""

    def __init__(self, steps: list[float]) -> None:
        self.now = 0.0
        self.steps = itertools.cycle(steps)

    def __call__(self) -> float:
        return self.now

    def run(self) -> None:
        self.now += next(self.steps)


def test_runs_are_counted() -> None:
    clock = Clock([1e-3])
    timer = benchmark.Timer("\n  run()\n", timer=clock, globals={"run": clock.run})
    m = timer.timeit(1000)
    assert (m.number_per_run, len(m.raw_times), m.stmt) == (1000, 1, "run()")
    np.testing.assert_allclose(m.median, 1e-3)
    np.testing.assert_allclose(clock.now, 1.010)

    seen: list[int] = []
    m = timer.blocked_autorange(callback=lambda number, t: seen.append(number), min_run_time=0.25)
    assert seen == [m.number_per_run] * len(m.raw_times)
    assert 0.25 <= sum(m.raw_times) < 0.25 + m.raw_times[0]


def test_adaptive_runs_end_when_times_agree_or_when_time_is_up() -> None:
    clock = Clock([0.1])
    steady = benchmark.Timer("run()", timer=clock, globals={"run": clock.run})
    assert len(steady.adaptive_autorange().raw_times) == 4
    clock = Clock([0.1, 0.5])
    shaky = benchmark.Timer("run()", timer=clock, globals={"run": clock.run})
    m = shaky.adaptive_autorange(max_run_time=6.0)
    assert 6.0 < sum(m.raw_times) <= 6.6


def test_statements_run_with_torch_and_its_threads() -> None:
    before = pf.get_num_threads()
    seen: list[tuple[int, bool]] = []
    benchmark.Timer(
        "seen.append((torch.get_num_threads(), torch is pf))",
        setup="import pyforge as pf",
        globals={"seen": seen},
        num_threads=3,
    ).timeit(2)
    assert set(seen) == {(3, True)}
    assert pf.get_num_threads() == before


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: benchmark.Timer(print), ValueError, "only a `str` stmt"),
        (lambda: benchmark.Timer(global_setup="int x;"), ValueError, "global_setup is C.. only"),
        (lambda: benchmark.Timer(language="c++"), NotImplementedError, "cpp_extension"),
        (lambda: benchmark.Timer(language="perl"), ValueError, "Invalid language `perl`"),
        (lambda: benchmark.Timer().collect_callgrind(), NotImplementedError, "Valgrind"),
        (lambda: benchmark.Timer().repeat(), NotImplementedError, "blocked_autorange"),
        (lambda: benchmark.Timer().autorange(), NotImplementedError, "blocked_autorange"),
        (lambda: benchmark.Compare([1]), ValueError, "instance of `Measurement`, got .*int"),
        (lambda: benchmark.trim_sigfig(1.0, 1.5), AssertionError, "must be an integer"),
        (lambda: benchmark.Compere, AttributeError, "did you mean 'Compare'"),
    ],
)
def test_errors(call: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        call()
