"""The report of a monitor as text and on a terminal."""

from __future__ import annotations

import importlib.util
import io
import math
import sys

from .snapshot import Course, Snapshot
from .symptoms import as_text, symptoms
from .verdict import short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

_HEAD = ("layer", "activation", "output std", "gradient norm", "zeros", "update ratio")
_STYLE = {"error": "bold red", "warning": "bold yellow", "info": "bold blue"}

_NO_STEP = "no step of an optimiser was seen: give the monitor the one that trains this model"


def render(seen: Snapshot) -> str:
    """Course of the losses, verdicts in order of importance, and a table of the layers."""
    parts = [course_text(course) for course in seen.courses] or [_NO_STEP]
    parts += [str(verdict) for verdict in seen.verdicts] or ["nothing found"]
    rows = _rows(seen)
    if rows:
        rich = importlib.util.find_spec("rich") is not None
        parts.append(_rich_text(rows) if rich else _plain_table(rows))
    return "\n".join(parts) + "\n"


def show(seen: Snapshot, file: TextIO | None = None) -> None:
    """Print the report and the answers to the four questions, in colours on a terminal."""
    if importlib.util.find_spec("rich") is None:
        print(as_text(symptoms(seen)), render(seen), sep="\n", end="", file=file or sys.stdout)
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(file=file, highlight=False, soft_wrap=True)
    for line in [course_text(course) for course in seen.courses] or [_NO_STEP]:
        console.print(escape(line))
    console.rule("The four questions")
    for k, symptom in enumerate(symptoms(seen), 1):
        style = {True: "bold red", False: "green", None: "dim"}[symptom.seen]
        console.print(f"{k}. {symptom.question} [{style}]{symptom.answer.upper()}[/]")
        console.print(f"   {escape(symptom.evidence)}")
        for verdict in symptom.verdicts[:3]:
            at = f"{verdict.where} ({verdict.line})" if verdict.line else verdict.where
            text = f"-> {verdict.kind} at {at}: {verdict.action}"
            console.print(f"   {escape(text)}")
    console.rule("Verdicts")
    for verdict in seen.verdicts:
        style = _STYLE.get(verdict.severity, "bold")
        head = f"[{style}]{verdict.kind} ({verdict.severity})[/]"
        console.print(f"{head} at [bold]{escape(verdict.where)}[/], step {verdict.step}")
        for name, text in (
            ("line", verdict.line), ("seen", verdict.evidence), ("cause", verdict.cause),
            ("action", verdict.action),
        ):  # fmt: skip
            if text:
                console.print(f"  [dim]{name:<6}[/] {escape(text)}")
    if not seen.verdicts:
        console.print("[green]nothing found[/]")
    if rows := _rows(seen):
        console.print(_rich_table(rows), soft_wrap=False)


def course_text(course: Course) -> str:
    """Steps, loss and learning rate in a line."""
    text = f"{course.label}: {course.steps} steps"
    if course.start is not None and course.settled is not None:
        text += f", loss {short(course.start)} to {short(course.settled)}"
    if course.lr[1]:
        text += f", lr {short(course.lr[1][-1])}"
    return text


def _rows(seen: Snapshot) -> list[tuple[str, ...]]:
    rows = []
    for row in seen.layers:
        share = f"{row.zero:.0%}" if math.isfinite(row.zero) else "-"
        numbers = [_cell(row.output_std), _cell(row.norm), share, _cell(row.ratio)]
        rows.append((row.label, row.activation or "-", *numbers))
    return rows


def _cell(value: float) -> str:
    return short(value) if math.isfinite(value) else "-"


def _plain_table(rows: list[tuple[str, ...]]) -> str:
    table = [_HEAD, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(_HEAD))]
    lines = []
    for row in table:
        pairs = zip(row, widths, strict=True)
        cells = [c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(pairs)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _rich_table(rows: list[tuple[str, ...]]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    for i, title in enumerate(_HEAD):
        width = max(len(row[i]) for row in rows) if i < 2 else 0
        table.add_column(
            title, justify="left" if i < 2 else "right", overflow="fold", min_width=min(width, 22)
        )
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def _rich_text(rows: list[tuple[str, ...]]) -> str:
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=100).print(_rich_table(rows))
    return out.getvalue().rstrip()
