"""Memory of training in its steady state, each in a fresh process: page faults, bytes, growth."""

from __future__ import annotations

import functools
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy

from .. import engines
from ..case import Case, Step

MODELS = ("MLP 784-512-512-10, batch 128", "softmax of 1024x1000, forward + backward")
WARM, STEPS = 10, 50


def status(key: str) -> int:
    """A value of /proc/self/status in bytes; NotImplementedError on other systems."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        raise NotImplementedError("needs /proc") from None
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def stepping(P: Any, which: str) -> Any:
    rng = numpy.random.default_rng(0)
    if which == MODELS[0]:
        from .steps import batch, classifier, models

        build = classifier(lambda P: models.mlp(P, (784, 512, 512, 10), "ReLU"), 784)
        return build(P, *batch(128, 784, 10)(rng)).run
    from ..builds import both

    x = rng.standard_normal((1024, 1000), dtype=numpy.float32)
    return both(lambda P, x: P.softmax(x, 1))(P, x).run


def observe(engine: str, which: str, threads: int) -> dict[str, float]:
    """Runs in the fresh process."""
    P = engines.load(engine, threads)
    P.ones(1).sum()
    before = status("VmRSS")
    run = stepping(P, which)
    for _ in range(WARM):
        run()
    settled, faults = status("VmRSS"), resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(STEPS):
        run()
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    return {
        "page faults per step": faults / STEPS,
        "peak of model and step": status("VmHWM") - before,
        "growth per step": (status("VmRSS") - settled) / STEPS,
    }


@functools.cache
def observed(engine: str, which: str, threads: int) -> dict[str, float]:
    arguments = [engine, which, str(threads)]
    command = [sys.executable, "-m", __name__, *arguments]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=True)
    numbers: dict[str, float] = json.loads(done.stdout)
    return numbers


def looking_at(which: str, what: str) -> Any:
    def build(P: Any) -> Step:
        return Step(measure=lambda: observed(P.__name__, which, P.get_num_threads())[what])

    return build


def cases() -> Any:
    kinds = {
        "page faults per step": ("faults", 1.0),
        "peak of model and step": ("bytes", None),
        "growth per step": ("bytes", 1024.0),
    }
    for which in MODELS:
        for what, (unit, at_most) in kinds.items():
            build = looking_at(which, what)
            yield Case(
                f"{what}, {which}",
                {"pyforge": build, "torch": build},
                unit=unit,
                at_most=at_most,
                rounds=1,
                quick=which == MODELS[0],
            )


CASES = list(cases())

if __name__ == "__main__":
    print(json.dumps(observe(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
