"""The same cases for pytest-benchmark: `pytest benchmarks --benchmark-only`.

Everything runs in one process and on one thread here; `python -m benchmarks` compares better.
"""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import pytest

from benchmarks import engines
from benchmarks.case import GROUPS, Case, Step, load

pytest.importorskip("pytest_benchmark")

import numpy as np

from benchmarks.builds import flatten
from benchmarks.compare import difference
from benchmarks.worker import MISSING, SEED

NAMES = ("pyforge", *(n for n in engines.PEERS if engines.installed(n)))
PAIRS = [
    pytest.param(group, case, engine, id=f"{group}: {case.name} [{engine}]")
    for group in GROUPS
    for case in load(group)
    for engine in NAMES
    if engine in case.builds and case.threads == 1
]


def prepare(engine: str, case: Case) -> Any:
    """The step of a case and its results."""
    namespace = engines.load(engine, 1)
    step = case.builds[engine](namespace, *case.inputs(np.random.default_rng(SEED)))
    step = step if isinstance(step, Step) else Step(step)
    check = step.check or step.run
    return step, [] if check is None else [np.array(a) for a in flatten(check())]


@pytest.mark.parametrize(("group", "case", "engine"), PAIRS)
def test_case(benchmark: Any, group: str, case: Case, engine: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the peers
        try:
            step, results = prepare(engine, case)
        except MISSING as error:
            pytest.skip(f"not available in {engine}: {error}")
        if engine != "pyforge" and results:
            with contextlib.suppress(*MISSING):
                wrong = difference(prepare("pyforge", case)[1], results, case.allowed)
                assert not wrong, f"{engine} differs from pyforge: {wrong}"
        benchmark.group = f"{group}: {case.name}"
        benchmark.extra_info["engine"] = engine
        if step.measure is not None:
            benchmark.extra_info["value"], benchmark.extra_info["unit"] = step.measure(), case.unit
            benchmark.pedantic(step.measure, rounds=1)
        else:
            benchmark(step.run)
