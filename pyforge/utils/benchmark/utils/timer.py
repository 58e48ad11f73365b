"""Runs a statement again and again."""

from __future__ import annotations

import enum
import statistics
import textwrap
import timeit

from .common import Measurement, TaskSpec, set_torch_threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

__all__ = ["Language", "Timer", "timer"]

MOST_RUNS = 2**31 - 1


def timer() -> float:
    """The clock: seconds since some moment."""
    return timeit.default_timer()


class Language(enum.Enum):
    """What a statement is written in."""

    PYTHON = 0
    CPP = 1


class Timer:
    """Times a Python statement, with warm-up and on one thread unless told otherwise.

    Args:
        stmt: the statement, as text; it may have several lines.
        setup: runs once before each measurement.
        global_setup: for C++ only, hence refused.
        timer: the clock.
        globals: names that the statement may use; ``torch`` is there anyway.
        label: what is measured: tables are made per label.
        sub_label: the row of the table; the statement by default.
        description: the column of the table.
        env: where it was measured, if in several environments.
        num_threads: threads of pyforge while it runs.
        language: Python only.

    Raises:
        ValueError: if ``stmt`` is no text, or ``global_setup`` is given.
        NotImplementedError: for C++.
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: Language | str = Language.PYTHON,
    ) -> None:
        if not isinstance(stmt, str):
            raise ValueError("Currently only a `str` stmt is supported.")
        if language in (Language.CPP, "cpp", "c++"):
            raise NotImplementedError(
                "Timer times Python statements: bind the C++ code with "
                "pyforge.utils.cpp_extension and time its call"
            )
        if language not in (Language.PYTHON, "py", "python"):
            raise ValueError(f"Invalid language `{language}`.")
        if global_setup:
            raise ValueError(
                f"global_setup is C++ only, got `{global_setup}`. Most likely this code can "
                "simply be moved to `setup`."
            )
        import pyforge

        stmt, setup = (textwrap.dedent(s).removeprefix("\n").rstrip() for s in (stmt, setup))
        self._globals = {"torch": pyforge, **(globals or {})}
        self._timer = timeit.Timer(stmt, setup, timer=timer, globals=self._globals)
        self._task_spec = TaskSpec(
            stmt, setup, global_setup, label, sub_label, description, env, num_threads
        )

    def _timeit(self, number: int) -> float:
        return max(self._timer.timeit(number), 1e-9)

    def _measured(self, number: int, times: list[float]) -> Measurement:
        return Measurement(number, times, self._task_spec)

    def timeit(self, number: int = 1000000) -> Measurement:
        """One measurement of ``number`` runs, after a hundredth of them to warm up."""
        with set_torch_threads(self._task_spec.num_threads):
            self._timeit(max(number // 100, 2))
            return self._measured(number, [self._timeit(number)])

    def repeat(self, repeat: int = -1, number: int = -1) -> None:
        """Refused.

        Raises:
            NotImplementedError: always; ``blocked_autorange`` does this better.
        """
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def autorange(self, callback: Callable[[int, float], NoReturn] | None = None) -> None:
        """Refused.

        Raises:
            NotImplementedError: always; ``blocked_autorange`` does this better.
        """
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def _block_size(self, min_run_time: float) -> int:
        """Runs per measurement for which the clock's own time does not matter."""
        overhead = statistics.median(self._timeit(0) for _ in range(5))
        number = 1
        while True:
            taken = self._timeit(number)
            exact = overhead <= 1e-4 * taken and taken >= min_run_time / 1000
            if exact or taken > min_run_time or number * 10 > MOST_RUNS:
                return number
            number *= 10

    def _repeat(
        self,
        number: int,
        min_run_time: float,
        max_run_time: float,
        enough: Callable[[list[float]], bool],
        callback: Callable[[int, float], Any] | None,
    ) -> Measurement:
        times: list[float] = []
        total = 0.0
        while total <= max_run_time and (total < min_run_time or not enough(times)):
            times.append(self._timeit(number))
            total += times[-1]
            if callback is not None:
                callback(number, times[-1])
        return self._measured(number, times)

    def blocked_autorange(
        self,
        callback: Callable[[int, float], Any] | None = None,
        min_run_time: float = 0.2,
    ) -> Measurement:
        """Measure blocks of runs until ``min_run_time`` seconds have passed.

        The blocks are so long that reading the clock takes less than 0.01% of them.

        Args:
            callback: called with the runs per block and the seconds of each block.
            min_run_time: seconds, warm-up not counted.
        """
        with set_torch_threads(self._task_spec.num_threads):
            number = self._block_size(min_run_time)
            return self._repeat(number, min_run_time, float("inf"), bool, callback)

    def adaptive_autorange(
        self,
        threshold: float = 0.1,
        *,
        min_run_time: float = 0.01,
        max_run_time: float = 10.0,
        callback: Callable[[int, float], Any] | None = None,
    ) -> Measurement:
        """Measure blocks of runs until their times agree.

        Args:
            threshold: end when the interquartile range is less than this share of the median.
            min_run_time: seconds to measure at least.
            max_run_time: seconds after which to end anyway.
            callback: called with the runs per block and the seconds of each block.
        """

        def steady(times: list[float]) -> bool:
            return len(times) > 3 and self._measured(number, times).meets_confidence(threshold)

        with set_torch_threads(self._task_spec.num_threads):
            number = self._block_size(0.05)
            return self._repeat(number, min_run_time, max_run_time, steady, callback)

    def collect_callgrind(
        self,
        number: int = 100,
        *,
        repeats: int | None = None,
        collect_baseline: bool = True,
        retain_out_file: bool = False,
    ) -> NoReturn:
        """Refused.

        Raises:
            NotImplementedError: always; pyforge counts no instructions.
        """
        raise NotImplementedError(
            "collect_callgrind: pyforge does not run Valgrind; time with blocked_autorange, or "
            "run `valgrind --tool=callgrind python script.py`"
        )
