"""The report of a monitor as text."""

from __future__ import annotations

import importlib.util
import io
import math

from .history import NORM, RATIO, ZERO, Track
from .layers import Layer
from .verdict import Verdict, short

_HEAD = ("layer", "activation", "output std", "gradient norm", "zeros", "update ratio")


def render(verdicts: list[Verdict], tracks: list[Track], layers: list[Layer]) -> str:
    """Course of the losses, verdicts in order of importance, and a table of the layers."""
    parts = [_course(track) for track in tracks if track.steps]
    parts += [str(verdict) for verdict in verdicts] or ["nothing found"]
    rows = _rows(tracks, layers)
    if rows:
        rich = importlib.util.find_spec("rich") is not None
        parts.append(_rich_table(rows) if rich else _plain_table(rows))
    return "\n".join(parts) + "\n"


def _course(track: Track) -> str:
    text = f"{track.label}: {track.steps} steps"
    if track.start is not None and track.settled is not None:
        text += f", loss {short(track.start)} to {short(track.settled)}"
    if track.lr.values:
        text += f", lr {short(track.lr.values[-1])}"
    return text


def _rows(tracks: list[Track], layers: list[Layer]) -> list[tuple[str, ...]]:
    rows = []
    for track in tracks:
        if not track.steps:
            continue
        position = {i: k for k, i in enumerate(track.at)}
        norm, zero, ratio = (track.median(c) for c in (NORM, ZERO, RATIO))
        for layer in layers:
            if layer.at not in position:
                continue
            k = position[layer.at]
            std = layer.spreads[-1] if layer.spreads else math.nan
            share = f"{float(zero[k]):.0%}" if math.isfinite(zero[k]) else "-"
            numbers = [_cell(std), _cell(float(norm[k])), share, _cell(float(ratio[k]))]
            rows.append((layer.label, layer.activation or "-", *numbers))
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


def _rich_table(rows: list[tuple[str, ...]]) -> str:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for i, title in enumerate(_HEAD):
        table.add_column(title, justify="left" if i < 2 else "right")
    for row in rows:
        table.add_row(*row)
    out = io.StringIO()
    Console(file=out, width=100).print(table)
    return out.getvalue().rstrip()
