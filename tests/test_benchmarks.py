"""The harness of the benchmarks: ratios, checks, missing engines, tables. No test times anything."""

from __future__ import annotations

import io
import math
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("benchmarks", reason="needs the repository")

from benchmarks import __main__ as command
from benchmarks import builds, engines, plot, report, runner
from benchmarks.case import GROUPS, Case, load
from benchmarks.compare import difference
from benchmarks.report import Row
from benchmarks.worker import EngineError, Worker

EFFORT = runner.Effort(rounds=4, least=2, target=0.0, budget=60.0)


class Fake:
    """Stands in for a worker: fixed results, and times by round."""

    def __init__(self, results=(), times=(1.0,), error=None):
        self.results, self.times, self.error = list(results), list(times), error
        self.turns = 0

    def __call__(self, method, *args):
        if method == "prepare":
            if self.error:
                raise self.error
            return self.results
        if method == "turn":
            self.turns += 1
            return self.times[(self.turns - 1) % len(self.times)]
        return 3


def run(workers, **options):
    case = Case("case", dict.fromkeys(workers, None), **options)
    return runner.run_case("group", case, workers, 1, EFFORT)


def test_ratios_are_taken_within_rounds():
    """A machine that becomes ten times slower for all changes no ratio."""
    row = run(
        {
            "pyforge": Fake(times=[1, 10, 1, 10]),
            "torch": Fake(times=[3, 30, 3, 30]),
            "numpy": Fake(times=[0.5, 5, 0.5, 5]),
            "limit": Fake(times=[0.25, 2.5, 0.25, 2.5]),
        },
        flops=1.0,
        at_least={"best": 1.0, "torch": 2, "limit": (0.5, 0.2)},
    )
    assert row.ratios == {"torch": 3.0, "numpy": 0.5}
    assert row.best == ("numpy", 0.5)
    assert row.share == 0.25
    assert [(v.target, v.met) for v in row.verdicts] == [
        ("1x best", False),
        ("2x torch", True),
        ("50% of limit", False),
    ]
    assert row.lost


def test_engines_take_turns_in_alternating_order():
    order = []

    def engine(name):
        return lambda method, *args: order.append(name) or 1.0 if method == "turn" else 1

    runner.interleave({"a": engine("a"), "b": engine("b")}, EFFORT)
    assert "".join(order) == "abba" * 2


def test_threads_choose_the_bound():
    row = Row("group", "case", 2, share=0.9)
    report.judge(row, {"limit": (0.93, 0.88), "best": 1.0}, None)
    assert [v.met for v in row.verdicts] == [True]


def test_multiple_has_an_upper_bound_and_no_ratio():
    row = run({"pyforge": Fake(times=[1.3]), "torch": Fake(times=[9.0])}, unit="x", at_most=1.2)
    assert row.values == {"pyforge": 1.3, "torch": 9.0}
    assert row.best is None
    assert [v.met for v in row.verdicts] == [False]
    assert "NOT MET: at most 1.2 x" in report.remark(row)


def test_wrong_engine_is_not_timed():
    good, wrong = np.array([1.0, 2.0], np.float32), np.array([1.0, 2.1], np.float32)
    theirs = Fake([wrong])
    row = run({"pyforge": Fake([good]), "torch": theirs, "numpy": Fake([good])})
    assert row.wrong
    assert "differs from pyforge: result 0: off by 0.1" in row.problems["torch"]
    assert set(row.ratios) == {"numpy"}
    assert theirs.turns == 0


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ([1.0, 2.0], [1.0, 2.0 + 1e-6], ""),
        ([1.0, 2.0], [1.0, 2.01], "off by"),
        ([1.0, math.nan], [1.0, math.nan], ""),
        ([1.0, math.nan], [1.0, 2.0], "off by"),
        ([1.0, 2.0], [1.0, math.inf], "not finite"),
        ([1.0], [[1.0]], "shape"),
        ([1, 2], [1, 3], "1 of 2 elements differ"),
    ],
)
def test_difference(ours, theirs, said):
    found = difference([np.array(ours)], [np.array(theirs)], 1e-4)
    assert said in found if said else not found


def test_difference_in_number():
    assert difference([np.ones(1)], [], 1e-4) == "1 results against 0"


@pytest.mark.parametrize(("missing", "said"), [(True, "not available"), (False, "Boom: x")])
def test_engine_that_cannot(missing, said):
    row = run({"pyforge": Fake(error=EngineError("Boom: x", missing)), "torch": Fake(times=[2.0])})
    assert row.problems == {"pyforge": said}
    assert row.values == {"torch": 2.0}
    assert row.lost is not missing


def table_of(rows):
    from rich.console import Console

    console = Console(width=160, record=True, file=io.StringIO())
    report.print_rows(console, rows)
    return console.export_text()


def test_table_shows_losses_as_plainly_as_wins():
    win = run({"pyforge": Fake(times=[1e-3]), "torch": Fake(times=[2e-3])}, at_least={"torch": 1.5})
    loss = run({"pyforge": Fake(times=[2e-6]), "numpy": Fake(times=[1e-6])}, at_least={"best": 1.3})
    absent = run({"pyforge": Fake(error=EngineError("no", True)), "torch": Fake()})
    win.name, loss.name, absent.name = "winning", "losing", "absent"
    text = table_of([win, loss, absent])
    above, _, below = text.partition("Below 1.0 or below the target")
    assert re.search(r"winning +1 ms +2 ms +- +2.00x +- +2.00x +- +met: 1.5x torch", above)
    assert re.search(r"losing +2 µs +- +1 µs +- +0.50x +0.50x +- +NOT MET: 1.3x best", above)
    assert re.search(r"group: losing +1 +0.50x numpy +- +1.3x best: 0.50x", below)
    assert "winning" not in below
    assert "Not available in pyforge: group: absent" in below
    assert "1 of 2 rows" in below


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2.5e-3, "s", "2.5 ms"),
        (3e-8, "s", "30 ns"),
        (3.8e6, "bytes", "3.8 MB"),
        (1.25, "x", "1.25 x"),
    ],
)
def test_show(value, unit, text):
    assert report.show(value, unit) == text


def test_report_survives_its_file(tmp_path):
    pytest.importorskip("matplotlib")
    rows = [
        run({"pyforge": Fake(times=[1.0]), "torch": Fake(times=[t])}, at_least={"best": 1.5})
        for t in (0.5, 1.2, 3.0)
    ]
    for k, row in enumerate(rows):
        row.name = f"row {k}"
    report.write(tmp_path / "r.json", {"processor": "a CPU"}, rows)
    about, same = report.read(tmp_path / "r.json")
    assert same == rows
    assert [plot.colour(r) for r in same] == [plot.LOST, plot.AHEAD, plot.MET]
    assert plot.target(same[0]) == 1.5
    plot.draw(tmp_path / "r.png", about, same)
    assert (tmp_path / "r.png").stat().st_size > 1000


CASES = """
import numpy
from benchmarks.builds import op
from benchmarks.case import Case, Step
from os import _exit
x = lambda rng: (rng.standard_normal(8),)
CASES = [
    op("square", lambda P, x: x * x, x, "forward + backward",
       numpy=lambda np, x: lambda: [x * x, numpy.cos(numpy.arange(8)) * 2 * x], double=True),
    op("missing", lambda P, x: P.no_such_function(x), x, array=lambda np, x: x),
    Case("crash", {"pyforge": lambda P: _exit(3)}),
]
"""


def test_workers(tmp_path, monkeypatch):
    """Real processes: equal results, an op that is missing, and a crash that ends one row alone."""
    (tmp_path / "small_cases.py").write_text(CASES)
    monkeypatch.syspath_prepend(tmp_path)
    workers = {n: Worker(n, 1) for n in ("pyforge", "numpy")}
    try:
        rows = runner.run_group("small_cases", {1: workers}, EFFORT)
        again = workers["pyforge"]("prepare", "small_cases", "square")
    finally:
        for w in workers.values():
            w.close()
    square, missing, crash = rows
    assert not square.problems
    assert set(square.values) == {"pyforge", "numpy"}
    assert missing.problems == {"pyforge": "not available"}
    assert set(missing.values) == {"numpy"}
    assert crash.problems == {"pyforge": "its process died"}
    assert len(again) == 2


def test_faster_than_the_processor_is_a_fault():
    """A library with more threads than asked for shows itself by an impossible share."""
    times = {"pyforge": [1.0], "numpy": [0.5], "limit": [0.8]}
    row = run({n: Fake(times=t) for n, t in times.items()}, flops=1.0)
    assert row.wrong
    assert row.problems == {"numpy": "at 160% of the limit: more threads than 1?"}
    engines = {n: Fake(times=t) for n, t in times.items()}
    assert not run(engines, flops=1.0, shortcut=2.0).problems


MAIN = """
import numpy, os
from benchmarks.worker import Worker
if __name__ == "__main__":
    before = dict(os.environ)
    worker = Worker("numpy", 1)
    worker("prepare", "matmul", "512x512 float32")
    print(len(os.listdir(f"/proc/{worker._process.pid}/task")), os.environ == before)
    worker.close()
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_workers_have_the_threads_asked_for(tmp_path):
    """Though the main module, which they import anew, loads NumPy before their first line."""
    script = tmp_path / "main.py"
    script.write_text(MAIN)
    environment = {k: v for k, v in os.environ.items() if k not in engines.THREAD_VARIABLES}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "True"]


def test_jax_adapter_forward():
    """With a stand-in for JAX: the function runs on its arrays."""
    jax = types.SimpleNamespace(numpy=np, jit=lambda f: f, block_until_ready=lambda y: y)
    case = builds.op("double", lambda P, x: 2 * x, lambda rng: (), array=lambda np, x: np.add(x, x))
    assert case.builds["jax"](jax, np.ones(2))().tolist() == [2.0, 2.0]


@pytest.mark.parametrize("group", GROUPS)
def test_declarations(group):
    cases = load(group)
    names = [c.name for c in cases]
    assert len(set(names)) == len(names)
    known = {"best", "limit", "torch", "numpy", "jax"}
    for c in cases:
        assert "pyforge" in c.builds, c.name
        assert set(c.at_least) <= known, c.name
        assert c.limited or "limit" not in c.at_least, c.name


def test_command_line(capsys):
    assert command.main(["overhead", "--list", "--only", "floats"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "overhead: a*b+c, 4 floats, untracked",
        "overhead: a*b+c, 4 floats, tracked",
    ]
    for bad in (["nonsense"], ["--against", "abacus"], ["--threads", "two"]):
        with pytest.raises(SystemExit):
            command.main(bad)


def test_limits_are_plausible():
    from benchmarks.limits import Limits

    limits = Limits(1)
    step = limits.step(Case("case", {}, flops=1e9))
    assert 1e-5 < step.measure() < 100
    assert 0 < limits.copy() < 1e13
    assert 1e-9 < limits.call() < 1e-3
