"""The ways in which a monitor tells what it saw: terminal, page, picture, lines, event files."""

from __future__ import annotations

import json
import math
import os

from .._files import replacing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TextIO

    from .snapshot import Snapshot


class Outputs:
    """Base of what has a snapshot."""

    def snapshot(self) -> Snapshot:
        """All that was seen, as plain numbers."""
        raise NotImplementedError

    def report(self) -> str:
        """What was found and the layers, as text (as a table if ``rich`` is installed)."""
        from .report import render

        return render(self.snapshot())

    def print(self, file: TextIO | None = None) -> None:
        """The report with the four questions of the debug guide, in colours on a terminal."""
        from .report import show

        show(self.snapshot(), file)

    def save_html(self, path: str | os.PathLike[str], title: str = "Training report") -> None:
        """One page with pictures, which opens without a network. Needs ``matplotlib``.

        Raises:
            OSError: if the file cannot be written; what was there stays.
        """
        from .page import html

        text = html(self.snapshot(), title)
        with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
            file.write(text)

    def save_png(self, path: str | os.PathLike[str], dpi: int = 120) -> None:
        """The pictures on one sheet. Needs ``matplotlib``.

        Raises:
            OSError: if the file cannot be written; what was there stays.
        """
        from .figures import sheet

        figure = sheet(self.snapshot())
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=dpi, format="png")

    def save_jsonl(self, path: str | os.PathLike[str]) -> None:
        """One JSON object a line: each verdict, optimiser, layer, activation; then each step kept.

        Numbers that are not finite are written as null.

        Raises:
            OSError: if the file cannot be written; what was there stays.
        """
        with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
            for line in lines(self.snapshot()):
                file.write(json.dumps(_plain(line), allow_nan=False) + "\n")

    def save_tensorboard(self, folder: str | os.PathLike[str]) -> None:
        """An event file for TensorBoard. Needs ``tensorboardX``.

        Raises:
            ModuleNotFoundError: if ``tensorboardX`` is not installed.
        """
        from .events import write

        write(self.snapshot(), os.fspath(folder))


def lines(seen: Snapshot) -> Iterator[dict[str, Any]]:
    """The records of a JSON-lines file."""
    for verdict in seen.verdicts:
        yield {"type": "verdict", **verdict.as_dict()}
    for course in seen.courses:
        yield {
            "type": "optimizer", "name": course.label, "steps": course.steps,
            "loss_at_start": course.start, "loss": course.settled,
            "lr": course.lr[1][-1] if course.lr[1] else None,
        }  # fmt: skip
    for row in seen.layers:
        yield {
            "type": "layer", "name": row.label, "optimizer": row.track,
            "activation": row.activation, "line": row.source, "output_std": row.output_std,
            "gradient_norm": row.norm, "zero": row.zero, "tiny": row.tiny,
            "update_ratio": row.ratio, "exponents": row.exponents,
        }  # fmt: skip
    for act in seen.activations:
        yield {
            "type": "activation", "name": act.label, "kind": act.kind, "mean": act.mean,
            "std": act.std, "zero": act.zero, "below": act.low, "above": act.high,
            "idle_units": act.idle,
        }  # fmt: skip
    for course in seen.courses:
        norms = dict(zip(*course.norm, strict=True))
        rates = dict(zip(*course.lr, strict=True))
        losses = dict(zip(*course.loss, strict=True))
        for step in sorted(norms.keys() | losses.keys()):
            yield {
                "type": "step", "optimizer": course.label, "step": step,
                "loss": losses.get(step), "gradient_norm": norms.get(step), "lr": rates.get(step),
            }  # fmt: skip
    for row in seen.layers:
        for step, norm, ratio in zip(row.steps, row.norms, row.ratios, strict=True):
            yield {
                "type": "layer_step", "name": row.label, "step": step, "gradient_norm": norm,
                "update_ratio": ratio,
            }  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (str, int, float)) or value is None:
        return value
    return str(value)
