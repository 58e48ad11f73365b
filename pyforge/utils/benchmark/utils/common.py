"""What is timed and what came out."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import statistics
import textwrap

from ...._C import get_num_threads, set_num_threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = [
    "Measurement",
    "TaskSpec",
    "ordered_unique",
    "select_unit",
    "set_torch_threads",
    "trim_sigfig",
    "unit_to_english",
]

UNITS = {
    "s": ("second", 1.0),
    "ms": ("millisecond", 1e-3),
    "us": ("microsecond", 1e-6),
    "ns": ("nanosecond", 1e-9),
}
SUSPECT, GROSS = 0.1, 0.25  # interquartile range by median from which a warning is given
RESOLUTION = 25e-9  # seconds; nothing is known more exactly
MOST_FIGURES = 4


@dataclasses.dataclass(frozen=True)
class TaskSpec:
    """What a ``Timer`` runs, and the words for it."""

    stmt: str
    setup: str
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self) -> str:
        """The label, or else the statement, with the second label."""
        name = self.label or self.stmt
        if self.label is None and "\n" in self.stmt:
            sub = f" ({self.sub_label})" if self.sub_label else ""
            return f"stmt:{sub}\n{textwrap.indent(self.stmt, '  ')}"
        return f"{name}: {self.sub_label}" if self.sub_label else name

    def setup_str(self) -> str:
        """The setup, or nothing if there is none."""
        if self.setup in ("", "pass"):
            return ""
        if "\n" in self.setup:
            return f"setup:\n{textwrap.indent(self.setup, '  ')}"
        return f"setup: {self.setup}"

    def summarize(self) -> str:
        """Title, description and setup, each on lines of its own."""
        parts = [self.title, self.description or "", self.setup_str()]
        return "\n".join(part + "\n" * ("\n" in part) for part in parts if part)


FIELDS = frozenset(field.name for field in dataclasses.fields(TaskSpec))


@dataclasses.dataclass(repr=False)
class Measurement:
    """Times of a statement; the fields of ``task_spec`` are attributes of it too.

    Args:
        number_per_run: how often the statement ran for each of ``raw_times``.
        raw_times: seconds.
        task_spec: what was timed.
        metadata: anything of the user's.
    """

    number_per_run: int
    raw_times: list[float]
    task_spec: TaskSpec
    metadata: dict[Any, Any] | None = None

    def __getattr__(self, name: str) -> Any:
        if name in FIELDS:
            return getattr(self.task_spec, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def times(self) -> list[float]:
        """Seconds per run of the statement."""
        return [t / self.number_per_run for t in self.raw_times]

    def _quantile(self, q: float) -> float:
        times = sorted(self.times)
        if not times:
            return -1.0
        at = q * (len(times) - 1)
        low = int(at)
        high = min(low + 1, len(times) - 1)
        return times[low] + (times[high] - times[low]) * (at - low)

    @property
    def median(self) -> float:
        """Seconds; -1 without measurements, as are the others."""
        return self._quantile(0.5)

    @property
    def mean(self) -> float:
        """Seconds."""
        return statistics.fmean(self.times) if self.raw_times else -1.0

    @property
    def iqr(self) -> float:
        """Seconds between the first and the third quartile."""
        return self._quantile(0.75) - self._quantile(0.25)

    @property
    def significant_figures(self) -> int:
        """How many digits of the median mean something, from 1 to 4.

        From the width of its confidence interval (90%, normal) among the middle half of the times,
        which is taken to be 25 ns at least.
        """
        times = sorted(self.times)
        middle = times[len(times) // 4 : math.ceil(3 * len(times) / 4)]
        width = max(1.645 * statistics.pstdev(middle) / math.sqrt(len(middle)), RESOLUTION)
        figures = math.floor(math.log10(self.median / width))
        return min(max(figures, 1), MOST_FIGURES)

    def meets_confidence(self, threshold: float = SUSPECT) -> bool:
        """Whether the interquartile range is less than ``threshold`` times the median."""
        return self.iqr / self.median < threshold

    @property
    def _warnings(self) -> tuple[str, ...]:
        if not self.raw_times or self.meets_confidence(SUSPECT):
            return ()
        advice = (
            "This could indicate system fluctuation."
            if self.meets_confidence(GROSS)
            else "This suggests significant environmental influence."
        )
        return (
            f"  WARNING: Interquartile range is {self.iqr / self.median * 100:.1f}% "
            f"of the median measurement.\n           {advice}",
        )

    @property
    def has_warnings(self) -> bool:
        """Whether times vary by more than a tenth."""
        return bool(self._warnings)

    @property
    def title(self) -> str:
        """That of the task."""
        return self.task_spec.title

    @property
    def as_row_name(self) -> str:
        """What a table calls it."""
        return self.task_spec.sub_label or self.task_spec.stmt or "[Unknown]"

    def __repr__(self) -> str:
        unit, scale = select_unit(self.median)
        n, threads = len(self.raw_times), self.task_spec.num_threads
        several = "s" if n > 1 else ""
        lines = [object.__repr__(self), self.task_spec.summarize()]
        lines.append(f"  {'Median: ' if n > 1 else ''}{self.median / scale:.2f} {unit}")
        if n >= 4:
            low, high = self._quantile(0.25) / scale, self._quantile(0.75) / scale
            lines.append(f"  IQR:    {self.iqr / scale:.2f} {unit} ({low:.2f} to {high:.2f})")
        lines.append(
            f"  {n} measurement{several}, {self.number_per_run} runs "
            f"{'per measurement,' if n > 1 else ','} {threads} thread{'s' if threads > 1 else ''}"
        )
        return "\n".join([*lines, *self._warnings])

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """One measurement per task, with the times per run of all of them."""
        times: dict[TaskSpec, list[float]] = {}
        for m in measurements:
            times.setdefault(m.task_spec, []).extend(m.times)
        return [Measurement(1, found, task) for task, found in times.items()]


def select_unit(t: float) -> tuple[str, float]:
    """The unit in which ``t`` seconds are read best, and its length in seconds."""
    power = math.floor(math.log10(t) / 3) if t > 0 else 0
    unit = {-3: "ns", -2: "us", -1: "ms"}.get(power, "s")
    return unit, UNITS[unit][1]


def unit_to_english(u: str) -> str:
    """The name of a unit.

    Raises:
        KeyError: for units other than s, ms, us and ns.
    """
    return UNITS[u][0]


def trim_sigfig(x: float, n: int) -> float:
    """``x`` rounded to ``n`` significant figures.

    Raises:
        AssertionError: if ``n`` is no whole number.
    """
    if n != int(n):
        raise AssertionError("Number of significant figures must be an integer")
    if x == 0:
        return 0.0
    scale = 10.0 ** (math.ceil(math.log10(abs(x))) - n)
    return round(x / scale) * scale


def ordered_unique(elements: Iterable[T]) -> list[T]:
    """Each element once, in order of first appearance."""
    return list(dict.fromkeys(elements))


@contextlib.contextmanager
def set_torch_threads(n: int) -> Iterator[None]:
    """Run the block with ``n`` threads."""
    before = get_num_threads()
    set_num_threads(n)
    try:
        yield
    finally:
        set_num_threads(before)
