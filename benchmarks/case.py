"""What a case is: one declaration says what runs in which engine, and what it should reach."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

GROUPS = (
    "overhead",
    "elementwise",
    "reductions",
    "matmul",
    "convolution",
    "attention",
    "recurrent",
    "optimisers",
    "steps",
    "startup",
    "custom_ops",
    "memory",
    "threads",
)


@dataclass
class Step:
    """What an engine does for a case.

    Args:
        run: one call of what is timed.
        check: what is compared between engines before timing; `run()` by default.
        measure: the value of one turn, where it is something else than the time of `run`.
    """

    run: Callable[[], Any] | None = None
    check: Callable[[], Any] | None = None
    measure: Callable[[], float] | None = None


Build = Callable[..., "Step | Callable[[], Any]"]
Bound = float | tuple[float, float]


@dataclass(frozen=True)
class Case:
    """One row of the report.

    Args:
        name: of the row, unique in its group.
        builds: for each engine, a function of its namespace and the inputs that returns a Step.
        inputs: makes the NumPy arrays from a random generator, alike for every engine.
        flops, bytes, calls: the least work there is: floating-point operations, bytes to and from
            memory (only where it outgrows the caches), calls of a C function from Python.
        shortcut: how many times fewer products the best known algorithm needs; the share of the
            limit may reach that.
        double: the operations are float64.
        at_least: times less time than "best" (the fastest peer) or a peer by name, or the share of
            the physical "limit"; a pair is for one thread and for several.
        at_most: an upper bound for the value itself.
        unit: of the value; "s" is time per call.
        tolerance: greatest difference over greatest value, by default 1e-4 (float64 1e-9).
        quick: part of the quick mode.
        threads: the least number of threads the case makes sense with.
        rounds: at most so many, for values that are slow to find or always the same.
        once: its value does not depend on the number of threads, measure with the first only.
    """

    name: str
    builds: Mapping[str, Build]
    inputs: Callable[[Any], tuple[Any, ...]] = lambda rng: ()
    flops: float = 0.0
    bytes: float = 0.0
    calls: float = 0.0
    shortcut: float = 1.0
    double: bool = False
    at_least: Mapping[str, Bound] = field(default_factory=dict)
    at_most: float | None = None
    unit: str = "s"
    tolerance: float | None = None
    quick: bool = False
    threads: int = 1
    once: bool = False
    rounds: int | None = None

    @property
    def allowed(self) -> float:
        """The tolerance, or its default."""
        return self.tolerance if self.tolerance is not None else 1e-9 if self.double else 1e-4

    @property
    def limited(self) -> bool:
        return self.flops > 0 or self.bytes > 0 or self.calls > 0


def load(group: str) -> list[Case]:
    """The cases of a group: a name of GROUPS, or any module that has CASES."""
    module = importlib.import_module(f"{__package__}.groups.{group}" if group in GROUPS else group)
    cases: list[Case] = module.CASES
    return cases


def find(group: str, name: str) -> Case:
    return next(case for case in load(group) if case.name == name)
