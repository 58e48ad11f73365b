"""Lists of events as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..autograd.profiler_util import FunctionEvent, format_bytes, format_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..autograd.profiler_util import EventList

    Cell = Callable[[Any], str]


def render(
    events: EventList,
    sort_by: str | None,
    row_limit: int,
    widths: tuple[int, int, int],
    header: str | None,
    top_level_only: bool,
    time_unit: str | None,
) -> str:
    """See :meth:`EventList.table`; ``widths`` of name, shapes and source."""
    if not events:
        return ""
    rows = [e for e in events if not (top_level_only and getattr(e, "cpu_parent", None))]
    if sort_by is not None:
        rows.sort(key=lambda e: getattr(e, sort_by), reverse=True)
    if row_limit >= 0:
        rows = rows[:row_limit]
    name_width, shapes_width, source_width = widths
    total = events.self_cpu_time_total

    def share(us: float) -> str:
        return f"{100 * us / total:.2f}%" if total else "--"

    columns: list[tuple[str, Cell]] = [
        ("Name", lambda e: _cut(e.key or "", name_width)),
        ("Self CPU %", lambda e: share(e.self_cpu_time_total)),
        ("Self CPU", lambda e: format_time(e.self_cpu_time_total, time_unit)),
        ("CPU total %", lambda e: share(e.cpu_time_total)),
        ("CPU total", lambda e: format_time(e.cpu_time_total, time_unit)),
        ("CPU time avg", lambda e: format_time(e.cpu_time, time_unit)),
    ]
    if events.profile_memory:
        columns.append(("CPU Mem", lambda e: format_bytes(e.cpu_memory_usage)))
        columns.append(("Self CPU Mem", lambda e: format_bytes(e.self_cpu_memory_usage)))
    columns.append(("# of Calls", lambda e: str(e.count)))
    if any(e.input_shapes for e in rows):
        columns.append(("Input Shapes", lambda e: _cut(str(e.input_shapes), shapes_width)))
    if events.with_flops:
        scale, unit = _flop_unit(max((e.flops for e in rows), default=0))
        columns.append((f"Total {unit}", lambda e: f"{e.flops / scale:.3f}" if e.flops else "--"))
    stacks = any(e.stack for e in rows)
    cells = [[title for title, _ in columns]]
    sources: list[list[str]] = [["Source Location"]]
    for e in rows:
        cells.append([cell(e) for _, cell in columns])
        sources.append([_cut(line, source_width, left=True) for line in e.stack])
    size = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    lines = []
    for row, source in zip(cells, sources, strict=True):
        text = "  ".join(cell.rjust(n) for cell, n in zip(row, size, strict=True))
        extra = source if stacks else []
        lines.append(f"{text}  {extra[0]}" if extra else text)
        indent = " " * (len(text) + 2)
        lines += [indent + line for line in extra[1:]]
        if stacks and len(extra) > 1:
            lines.append("")
    rule = "  ".join("-" * n for n in size) + ("  " + "-" * 15 if stacks else "")
    text = "\n".join([rule, lines[0], rule, *lines[1:], rule])
    if header is not None:
        text = f"{'=' * len(rule)}\n{header}\n{text}"
    single = all(isinstance(e, FunctionEvent) for e in events)
    note = (
        f"\nOf {len(events)} {'events' if single else 'names'}" if len(rows) < len(events) else ""
    )
    return f"{text}{note}\nSelf CPU time total: {format_time(total, time_unit)}\n"


def _cut(text: str, width: int, left: bool = False) -> str:
    if len(text) <= width or width <= 3:
        return text
    return "..." + text[3 - width :] if left else text[: width - 3] + "..."


def _flop_unit(most: int) -> tuple[float, str]:
    for power, unit in ((12, "TFLOPs"), (9, "GFLOPs"), (6, "MFLOPs"), (3, "KFLOPs")):
        if most >= 10**power:
            return 10.0**power, unit
    return 1.0, "FLOPs"
