"""Tables of measurements."""

from __future__ import annotations

import enum
import math

from .common import Measurement, ordered_unique, select_unit, trim_sigfig, unit_to_english

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Cells = Sequence["Measurement | None"]

__all__ = ["Colorize", "Compare"]

BOLD, END = "\033[1m", "\033[0m"
BEST, GOOD, BAD, WORST = "\033[92m", "\033[34m", "\033[2m\033[91m", "\033[31m"
BETWEEN = "  |  "


class Colorize(enum.Enum):
    """What a time is compared with to choose its colour."""

    NONE = "none"
    COLUMNWISE = "columnwise"
    ROWWISE = "rowwise"


class Compare:
    """Measurements as tables: one per label, a row per second label, a column per description.

    Args:
        results: the measurements; those of the same task are merged.

    Raises:
        ValueError: if one is no ``Measurement``.
    """

    def __init__(self, results: Iterable[Measurement]) -> None:
        self._results: list[Measurement] = []
        self._trim = False
        self._colorize = Colorize.NONE
        self._highlight = False
        self.extend_results(results)

    def extend_results(self, results: Iterable[Measurement]) -> None:
        """Add measurements.

        Raises:
            ValueError: if one is no ``Measurement``.
        """
        results = list(results)
        for r in results:
            if not isinstance(r, Measurement):
                raise ValueError(f"Expected an instance of `Measurement`, got {type(r)} instead.")
        self._results.extend(results)

    def trim_significant_figures(self) -> None:
        """Show only digits that mean something."""
        self._trim = True

    def colorize(self, rowwise: bool = False) -> None:
        """Colour the times by how they compare with the best of their column (or row)."""
        self._colorize = Colorize.ROWWISE if rowwise else Colorize.COLUMNWISE

    def highlight_warnings(self) -> None:
        """Mark measurements whose times vary much."""
        self._highlight = True

    def print(self) -> None:
        """Print the tables."""
        print(str(self))

    def __str__(self) -> str:
        by_label: dict[str | None, list[Measurement]] = {}
        for m in Measurement.merge(self._results):
            by_label.setdefault(m.task_spec.label, []).append(m)
        return "\n".join(self._table(label, found) for label, found in by_label.items())

    def _table(self, label: str | None, results: list[Measurement]) -> str:
        unit, scale = select_unit(min(m.median for m in results))
        keys = sorted(ordered_unique(_row_key(m) for m in results), key=lambda key: key[:2])
        heads = ordered_unique(m.task_spec.description or "" for m in results)
        cells: dict[tuple[tuple[int, str, str], str], Measurement] = {
            (_row_key(m), m.task_spec.description or ""): m for m in results
        }
        rows = [[cells.get((key, head)) for head in heads] for key in keys]

        columns = [self._column([row[i] for row in rows], scale) for i in range(len(heads))]
        texts = [["", *heads]]
        texts += [[name, *(column[i] for column in columns)] for i, name in enumerate(_names(keys))]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        lines = [BETWEEN.join(t.center(w) for t, w in zip(texts[0], widths, strict=True))]
        whole = len(lines[0])
        threads = None
        for key, row, text in zip(keys, rows, texts[1:], strict=True):
            if key[0] != threads:
                threads = key[0]
                lines.append(f"{threads} threads: ".ljust(whole, "-"))
                group = [r for k, r in zip(keys, rows, strict=True) if k[0] == threads]
            parts = [text[0].ljust(widths[0])]
            for i, m in enumerate(row):
                part = text[i + 1].center(widths[i + 1])
                rivals = row if self._colorize is Colorize.ROWWISE else [r[i] for r in group]
                parts.append(self._colored(part, m, rivals))
            lines.append(BETWEEN.join(parts))

        title = f" {label or ''} ".center(whole - 2, "-")
        table = f"[{title}]\n" + "\n".join(lines)
        table += f"\n\nTimes are in {unit_to_english(unit)}s ({unit}).\n"
        if self._highlight and any(m.has_warnings for m in results):
            table += "(! XX%) Measurement has high variance, where XX is the IQR / median * 100.\n"
        return table

    def _column(self, column: Cells, scale: float) -> list[str]:
        """The texts of a column's times, with as many decimals as the best known one has."""
        found = [m for m in column if m is not None]
        leading = [math.ceil(math.log10(m.median / scale)) for m in found]
        decimals = 1
        if self._trim:
            decimals = min(
                max(m.significant_figures - n, 0) for m, n in zip(found, leading, strict=True)
            )
        length = max(leading) + decimals + (decimals > 0)
        room = 7 if self._highlight and any(m.has_warnings for m in found) else 0

        def text(m: Measurement) -> str:
            value = m.median / scale
            if self._trim:
                value = trim_sigfig(value, m.significant_figures)
            spread = f" (! {m.iqr / m.median * 100:.0f}%)" if room and m.has_warnings else ""
            return f"{value:>{max(length, 0)}.{decimals}f}{spread:>{room}}"

        empty = " " * (len(f"{1:>{max(length, 0)}.{decimals}f}") + room)
        return [empty if m is None else text(m) for m in column]

    def _colored(self, text: str, m: Measurement | None, rivals: Cells) -> str:
        if m is None or self._colorize is Colorize.NONE:
            return text
        best = min(r.median for r in rivals if r is not None)
        if m.median <= max(best * 1.01, best + 100e-9):
            return BEST + BOLD + text + END * 2
        if m.median <= best * 1.1:
            return GOOD + BOLD + text + END * 2
        if m.median >= best * 5:
            return WORST + BOLD + text + END * 2
        if m.median >= best * 2:
            return BAD + text + END * 2
        return text


def _row_key(m: Measurement) -> tuple[int, str, str]:
    return m.task_spec.num_threads, m.task_spec.env or "", m.as_row_name


def _names(keys: list[tuple[int, str, str]]) -> list[str]:
    """Names of the rows; the environment stands before the first of its rows."""
    envs = {env for _, env, _ in keys}
    width = max(map(len, envs)) if len(envs) > 1 else 0
    names = []
    before: tuple[int, str] | None = None
    for threads, env, name in keys:
        shown = f"({env})" if len(envs) > 1 and (threads, env) != before else ""
        before = threads, env
        names.append("  " + shown.ljust(width + 4) + name)
    return names
