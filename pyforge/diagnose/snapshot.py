"""What a monitor has seen, as plain numbers: the one source of all reports, pictures and files."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .history import NORM, RATIO, ZERO, Track
from .layers import Layer
from .verdict import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .activations import Activations

    Array = np.ndarray[Any, Any]

LOWEST_EXPONENT = -51  # of the first bin of a histogram, which holds all below it and zero


@dataclass
class Course:
    """One optimiser's run: (steps, values) of loss, norm of the gradient and learning rate."""

    label: str
    steps: int
    start: float | None
    settled: float | None
    loss: tuple[list[int], list[float]]
    norm: tuple[list[int], list[float]]
    lr: tuple[list[int], list[float]]


@dataclass
class LayerRow:
    """One weight: medians over the last steps, and frames over the run.

    Attributes:
        zero: share of its gradient that is 0.
        tiny: share of its last gradient that is below 1e-8.
        steps, norms, ratios: norm of the gradient and update ratio at some steps of the run.
        exponents: counts of the last gradient's elements by binary exponent, 64 bins.
    """

    label: str
    track: str
    activation: str
    source: str
    output_std: float
    norm: float
    zero: float
    tiny: float
    ratio: float
    steps: list[int] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    exponents: list[int] = field(default_factory=list)


@dataclass
class ActivationRow:
    """One watched activation, shares of its outputs over the last rows that it saw.

    Attributes:
        idle: share of the units that gave zero for all of them (``relu`` only).
        steps, unhealthy: share of idle units (``relu``) or of saturated outputs over the run.
    """

    label: str
    kind: str
    mean: float
    std: float
    zero: float
    low: float
    high: float
    idle: float
    steps: list[int] = field(default_factory=list)
    unhealthy: list[float] = field(default_factory=list)


@dataclass
class Snapshot:
    """All of it."""

    verdicts: list[Verdict]
    courses: list[Course]
    layers: list[LayerRow]
    activations: list[ActivationRow]


def take(
    verdicts: list[Verdict],
    tracks: list[Track],
    layers: list[Layer],
    activations: Activations | None,
    histograms: list[list[int]],
    tiny: list[float],
) -> Snapshot:
    """Gather it; layers are in the order in which data passes them."""
    ran = [track for track in tracks if track.steps]
    rows: dict[str, LayerRow] = {}
    for track in ran:
        medians = track.medians()
        for layer in layers:
            k = int(track.place[layer.at]) if layer.at < len(track.place) else -1
            if k < 0 or layer.label in rows:
                continue
            norm, zero, ratio = (medians[k][c] for c in (NORM, ZERO, RATIO))
            frames = track.frames[: len(track.frame_steps), k]
            rows[layer.label] = LayerRow(
                layer.label, track.label, layer.activation, layer.source,
                layer.output_std, norm, zero, tiny[layer.at], ratio,
                list(track.frame_steps), frames[:, 0].tolist(), frames[:, 1].tolist(),
                histograms[layer.at] if histograms else [],
            )  # fmt: skip
    ordered = [rows[layer.label] for layer in layers if layer.label in rows]
    courses = [
        Course(
            track.label, track.steps, track.start, track.settled,
            *((list(s.steps), list(s.values)) for s in (track.loss, track.norm, track.lr)),
        )
        for track in ran
    ]  # fmt: skip
    return Snapshot(verdicts, courses, ordered, activations.rows() if activations else [])
