"""Interleaved timing: every contender runs in every round, ratios are taken within rounds."""

from __future__ import annotations

import gc
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Step = Callable[[], Any]


def one_thread() -> None:
    """Before any library is imported: one thread for all of them."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ["PYFORGE_NUM_THREADS"] = "1"


def calls_for(step: Step, target: float) -> int:
    """How many calls fill about `target` seconds."""
    step()
    calls = 1
    while True:
        start = time.perf_counter()
        for _ in range(calls):
            step()
        spent = time.perf_counter() - start
        if spent >= target / 4:
            return max(1, round(calls * target / spent))
        calls *= 4


def seconds_per_call(step: Step, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        step()
    return (time.perf_counter() - start) / calls


def interleave(
    steps: dict[str, Step], rounds: int = 15, target: float = 0.02
) -> dict[str, list[float]]:
    """Seconds per call of each contender, round by round, in alternating order."""
    calls = {name: calls_for(step, target) for name, step in steps.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    gc.collect()
    gc.disable()
    try:
        for k in range(rounds):
            names = list(steps) if k % 2 == 0 else list(steps)[::-1]
            for name in names:
                times[name].append(seconds_per_call(steps[name], calls[name]))
            gc.collect()
    finally:
        gc.enable()
    return times


def median_ratio(slow: Sequence[float], fast: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


@dataclass
class Row:
    """One line of the report; `ratio` is what the target is about."""

    name: str
    times: dict[str, float] = field(default_factory=dict)  # median seconds by contender
    ratio: float | None = None
    target: str = ""
    met: bool | None = None
    note: str = ""


def compare(name: str, steps: dict[str, Step], at_least: float, **options: Any) -> Row:
    """pyforge against PyTorch: how many times less time, beside the target."""
    times = interleave(steps, **options)
    medians = {who: statistics.median(t) for who, t in times.items()}
    ratio = median_ratio(times["torch"], times["pyforge"]) if "torch" in times else None
    met = None if ratio is None else ratio >= at_least
    return Row(name, medians, ratio, f">= {at_least:g}x", met)


def duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def print_table(rows: Sequence[Row]) -> None:
    who = [n for n in ("pyforge", "torch", "numpy") if any(n in r.times for r in rows)]
    head = ["", *who, "ratio", "target", ""]
    lines = [head]
    for r in rows:
        cells = [duration(r.times[n]) if n in r.times else "-" for n in who]
        ratio = "-" if r.ratio is None else f"{r.ratio:.2f}x"
        verdict = {True: "met", False: "NOT MET", None: ""}[r.met]
        lines.append([r.name, *cells, ratio, r.target, " ".join(filter(None, [verdict, r.note]))])
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    for k, line in enumerate(lines):
        text = "  ".join(
            c.ljust(w) if j in (0, len(head) - 1) else c.rjust(w)
            for j, (c, w) in enumerate(zip(line, widths, strict=True))
        )
        print(text.rstrip())
        if k == 0:
            print("-" * len(text))


def machine() -> dict[str, str]:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    return {"cpu": cpu, "system": platform.platform(), "python": sys.version.split()[0]}


def versions(modules: dict[str, Any]) -> dict[str, str]:
    return {name: str(getattr(m, "__version__", "?")) for name, m in modules.items()}


def write_json(path: str, rows: Sequence[Row], modules: dict[str, Any]) -> None:
    report = {
        "machine": machine(),
        "versions": versions(modules),
        "rows": [asdict(r) for r in rows],
    }
    Path(path).write_text(json.dumps(report, indent=2) + "\n")
