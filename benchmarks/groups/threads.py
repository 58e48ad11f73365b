"""No cliffs: what several threads do to small layers, beside a busy neighbour, and side by side."""

from __future__ import annotations

import functools
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy

from ..case import Case, Step
from . import models

WIDTHS = range(32, 257)
BATCH = 32
PASSES = 5


def training_step(P: Any, width: int) -> Callable[[], Any]:
    model = models.mlp(P, (width, width, width, 10), "ReLU")
    rng = numpy.random.default_rng(width)
    x = P.tensor(rng.standard_normal((BATCH, width), dtype=numpy.float32))
    target = P.tensor(rng.integers(0, 10, BATCH))
    optimiser = P.optim.SGD(model.parameters(), lr=0.01)

    def run() -> None:
        optimiser.zero_grad()
        P.nn.functional.cross_entropy(model(x), target).backward()
        optimiser.step()

    return run


def wall_and_cpu(run: Callable[[], Any], calls: int) -> tuple[float, float]:
    run()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        run()
    return time.perf_counter() - wall, time.process_time() - cpu


@functools.cache
def sweep(P: Any, threads: int) -> dict[str, float]:
    """Steps of every width in turn, with one thread and with several; the fastest pass counts."""
    steps = {w: training_step(P, w) for w in WIDTHS}
    one = dict.fromkeys(WIDTHS, float("inf"))
    several = dict.fromkeys(WIDTHS, (float("inf"), 0.0))
    try:
        for _ in range(PASSES):
            for count in (1, threads):
                P.set_num_threads(count)
                for w, run in steps.items():
                    seen = wall_and_cpu(run, 4)
                    if count == 1:
                        one[w] = min(one[w], seen[0])
                    else:
                        several[w] = min(several[w], seen)
    finally:
        P.set_num_threads(threads)
    wall = {w: t for w, (t, _) in several.items()}
    pairs = [(wall[w], wall[w + 1]) for w in WIDTHS[:-1]]
    no_gain = [w for w in WIDTHS if one[w] < 1.1 * wall[w]]
    return {
        "worst step between neighbours": max(max(a / b, b / a) for a, b in pairs),
        "worst time against one thread": max(wall[w] / one[w] for w in WIDTHS),
        "CPU time over time, where threads gain nothing": max(
            (several[w][1] / wall[w] for w in no_gain), default=1.0
        ),
    }


def swept(what: str) -> Callable[[Any], Step]:
    def build(P: Any) -> Step:
        if P.get_num_threads() < 2:
            raise NotImplementedError("needs two threads")
        return Step(measure=lambda: sweep(P, P.get_num_threads())[what])

    return build


def median_seconds(run: Callable[[], Any], seconds: float) -> float:
    seen = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(seen) < 5:
        start = time.perf_counter()
        run()
        seen.append(time.perf_counter() - start)
    return statistics.median(seen)


def beside_neighbour(width: int) -> Callable[[Any], Step]:
    """A step on all threads against one on one thread, with one processor busy elsewhere."""

    def build(P: Any) -> Step:
        if not hasattr(os, "sched_setaffinity"):
            raise NotImplementedError("needs sched_setaffinity")
        run = training_step(P, width)
        threads = P.get_num_threads()

        def measure() -> float:
            busy = (
                f"import os; os.sched_setaffinity(0, [{min(os.sched_getaffinity(0))}])\nwhile 1: 0"
            )
            neighbour = subprocess.Popen([sys.executable, "-c", busy])
            try:
                time.sleep(0.1)
                P.set_num_threads(1)
                alone = median_seconds(run, 0.2)
                P.set_num_threads(threads)
                return median_seconds(run, 0.2) / alone
            finally:
                neighbour.kill()
                neighbour.wait()
                P.set_num_threads(threads)

        return Step(measure=measure)

    return build


def side_by_side(P: Any) -> Step:
    """Eight Python threads, each with a model of its own, against the same work in one."""
    steps = [training_step(P, 64) for _ in range(8)]

    def repeat(run: Callable[[], Any]) -> None:
        for _ in range(50):
            run()

    def measure() -> float:
        start = time.perf_counter()
        for run in steps:
            repeat(run)
        alone = time.perf_counter() - start
        threads = [threading.Thread(target=repeat, args=(run,)) for run in steps]
        start = time.perf_counter()
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return (time.perf_counter() - start) / alone

    return Step(measure=measure)


def case(name: str, build: Any, at_most: float, **options: Any) -> Case:
    builds = {"pyforge": build, "torch": build}
    return Case(name, builds, unit="x", at_most=at_most, threads=2, **options)


SWEEP = {
    "worst step between neighbours": 1.5,
    "worst time against one thread": 1.2,
    "CPU time over time, where threads gain nothing": 1.2,
}
CASES = [
    *(
        case(f"MLP width 32..256: {what}", swept(what), at_most, rounds=1)
        for what, at_most in SWEEP.items()
    ),
    *(
        case(f"beside a busy neighbour, MLP {w} wide", beside_neighbour(w), 1.3, rounds=3)
        for w in (64, 512)
    ),
    case("eight Python threads with eight models", side_by_side, 1.2, rounds=5),
]
