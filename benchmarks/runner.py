"""Interleaved timing: all engines run in every round, and ratios are taken within rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .case import Case, load
from .compare import difference
from .report import Row, judge
from .worker import EngineError

Call = Callable[..., Any]


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Args:
        rounds: turns of each engine, fewer when `budget` seconds are over, but at least `least`.
        target: seconds of a turn.
    """

    rounds: int = 11
    least: int = 5
    target: float = 0.01
    budget: float = 2.0


FULL = Effort()
QUICK = Effort(rounds=7, least=3, target=0.005, budget=0.4)


def median_ratio(slow: Sequence[float], fast: Sequence[float]) -> float:
    """The median of the ratios of rounds."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def interleave(
    engines: Mapping[str, Call], effort: Effort, most: int | None = None
) -> dict[str, list[float]]:
    """The values of each engine, round by round, in alternating order."""
    calls = {name: engine("calls", effort.target) for name, engine in engines.items()}
    values: dict[str, list[float]] = {name: [] for name in engines}
    start = time.perf_counter()
    for k in range(min(effort.rounds, most or effort.rounds)):
        if k >= effort.least and time.perf_counter() - start > effort.budget:
            break
        for name in list(engines) if k % 2 == 0 else list(engines)[::-1]:
            values[name].append(engines[name]("turn", calls[name]))
    return values


def summarise(row: Row, case: Case, values: Mapping[str, list[float]]) -> Row:
    """Medians, ratios and verdicts of a row from the values of its rounds."""
    row.rounds = max((len(v) for v in values.values()), default=0)
    for name, turns in values.items():
        if name != "limit":
            row.values[name] = statistics.median(turns)
    for name, turns in values.items():
        # Arithmetic cannot outrun the processor; a tenth is left for noise.
        if case.flops and "limit" in values and name != "limit":
            share = median_ratio(values["limit"], turns)
            if share > 1.1 * case.shortcut:
                row.problems[name] = (
                    f"at {share:.0%} of the limit: more threads than {row.threads}?"
                )
                row.wrong = True
    ours = values.get("pyforge")
    # There is no ratio to nothing, and a multiple is of the engine's own time elsewhere.
    if ours is not None and min(ours) > 0 and row.unit != "x":
        for name, turns in values.items():
            if name == "limit":
                row.share = median_ratio(turns, ours)
            elif name != "pyforge":
                row.ratios[name] = median_ratio(turns, ours)
    judge(row, case.at_least, case.at_most)
    return row


def run_case(
    group: str, case: Case, workers: Mapping[str, Call], threads: int, effort: Effort
) -> Row:
    """Checks that the engines agree, then times them."""
    row = Row(group, case.name, threads, case.unit)
    taking_part: dict[str, Call] = {}
    results: dict[str, Any] = {}
    try:
        for name, worker in workers.items():
            if not (case.limited if name == "limit" else name in case.builds):
                continue
            try:
                results[name] = worker("prepare", group, case.name)
                taking_part[name] = worker
            except EngineError as error:
                row.problems[name] = "not available" if error.missing else str(error)
                row.details[name] = str(error)
        agree(row, case, taking_part, results)
        results.clear()
        values: dict[str, list[float]] = {}
        if set(taking_part) - {"limit"}:
            try:
                values = interleave(taking_part, effort, case.rounds)
            except EngineError as error:
                row.problems["pyforge"] = str(error)
        return summarise(row, case, values)
    finally:
        for worker in taking_part.values():
            worker("drop")


def agree(row: Row, case: Case, taking_part: dict[str, Call], results: Mapping[str, Any]) -> None:
    """Leaves out what differs from pyforge, or from the first peer where pyforge has no result."""
    names = [n for n in taking_part if n != "limit"]
    for name in names[1:]:
        wrong = difference(results[names[0]], results[name], case.allowed)
        if wrong:
            row.problems[name] = f"differs from {names[0]}: {wrong}"
            row.wrong = True
            del taking_part[name]


def run_group(
    group: str,
    workers: Mapping[int, Mapping[str, Call]],
    effort: Effort,
    *,
    quick: bool = False,
    only: str = "",
    progress: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """All cases of a group, for each number of threads in `workers`."""
    rows = []
    for threads, engines in workers.items():
        for case in select(group, quick, only):
            if threads < case.threads or (case.once and threads != min(workers)):
                continue
            rows.append(run_case(group, case, engines, threads, effort))
            progress(rows[-1])
    return rows


def select(group: str, quick: bool, only: str) -> list[Case]:
    return [c for c in load(group) if (c.quick or not quick) and only in c.name]
