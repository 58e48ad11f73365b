"""Event files for TensorBoard, written without PyTorch."""

from __future__ import annotations

import importlib.util
import math
import os
import tempfile

import numpy as np

from .snapshot import LOWEST_EXPONENT, Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def write(seen: Snapshot, folder: str) -> None:
    """Scalars per optimiser and layer, the last histograms of exponents, the verdicts as text.

    Raises:
        ModuleNotFoundError: if ``tensorboardX`` is not installed.
    """
    if importlib.util.find_spec("tensorboardX") is None:
        raise ModuleNotFoundError(
            "event files need tensorboardX: pip install tensorboardX", name="tensorboardX"
        )
    from tensorboardX import SummaryWriter

    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".pyforge-", dir=folder) as unfinished:
        _fill(SummaryWriter(unfinished), seen)
        for name in os.listdir(unfinished):
            os.replace(os.path.join(unfinished, name), os.path.join(folder, name))


def _fill(summary: Any, seen: Snapshot) -> None:
    with summary as writer:
        for course in seen.courses:
            for tag in ("loss", "norm", "lr"):
                name = {"norm": "gradient norm", "lr": "learning rate"}.get(tag, tag)
                for step, value in zip(*getattr(course, tag), strict=True):
                    _scalar(writer, f"{name}/{course.label}", value, step)
        for row in seen.layers:
            for step, norm, ratio in zip(row.steps, row.norms, row.ratios, strict=True):
                _scalar(writer, f"gradient norm of layers/{row.label}", norm, step)
                _scalar(writer, f"update ratio/{row.label}", ratio, step)
            _histogram(writer, row.label, row.exponents, row.steps[-1] if row.steps else 0)
        for act in seen.activations:
            tag = "idle units" if act.kind == "relu" else "saturated outputs"
            for step, value in zip(act.steps, act.unhealthy, strict=True):
                _scalar(writer, f"{tag}/{act.label}", value, step)
        for verdict in seen.verdicts:
            text = str(verdict).replace("\n", "  \n")
            writer.add_text(f"verdicts/{verdict.kind}", text, verdict.step)


def _tag(text: str) -> str:
    return text.replace(" ", "_")


def _scalar(writer: Any, tag: str, value: float, step: int) -> None:
    if math.isfinite(value):
        writer.add_scalar(_tag(tag), value, step)


def _histogram(writer: Any, label: str, counts: list[int], step: int) -> None:
    total = sum(counts)
    if not total:
        return
    edges = np.arange(len(counts)) + LOWEST_EXPONENT
    middle = edges + 0.5
    writer.add_histogram_raw(
        _tag(f"log2 of gradient/{label}"), float(edges[0]), float(edges[-1] + 1), total,
        float(np.dot(counts, middle)), float(np.dot(counts, middle**2)),
        (edges + 1).tolist(), counts, step,
    )  # fmt: skip
