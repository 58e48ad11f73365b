"""The four questions of the debug guide, answered from what a monitor saw."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .snapshot import Course, LayerRow, Snapshot
from .verdict import Verdict, short

_STALL = (
    "SILENT_BROADCAST", "NO_GRADIENT", "NOT_ZEROED", "INPUT_SCALE", "BAD_INIT", "DEAD", "SATURATED",
    "VANISHING", "LEARNING_RATE", "ZERO_GRADIENT", "DIVERGING", "LOSS_PLATEAU",
)  # fmt: skip
_NAN = ("NON_FINITE", "INPUT_SCALE", "BAD_INIT", "LEARNING_RATE", "EXPLODING", "DIVERGING")
_EARLY = ("NO_GRADIENT", "DEAD", "SATURATED", "VANISHING", "ZERO_GRADIENT", "UPDATE_RATIO")
_DIVERGE = (
    "NOT_ZEROED", "INPUT_SCALE", "BAD_INIT", "LEARNING_RATE", "EXPLODING", "UPDATE_RATIO",
    "DIVERGING",
)  # fmt: skip


@dataclass
class Symptom:
    """One question with its answer.

    Attributes:
        seen: whether the symptom is there; None if the run was too short to tell.
        evidence: the numbers behind the answer.
        verdicts: what explains it, the most important first.
    """

    question: str
    seen: bool | None
    evidence: str
    verdicts: list[Verdict]

    @property
    def answer(self) -> str:
        """Yes, no, or cannot tell."""
        return "cannot tell" if self.seen is None else "yes" if self.seen else "no"


def symptoms(seen: Snapshot) -> list[Symptom]:
    """The four answers, in the order of the guide."""
    found = [
        ("Does the loss stop falling after an initial drop?", _stalls(seen), _STALL),
        ("Does the loss become NaN or infinite?", _not_finite(seen), _NAN),
        ("Do the weights of early layers stay as they are?", _early(seen), _EARLY),
        ("Does the loss diverge?", _diverges(seen), _DIVERGE),
    ]
    return [
        Symptom(
            question, answer, evidence,
            [v for v in seen.verdicts if answer and v.kind in kinds and v.severity != "info"],
        )
        for question, (answer, evidence), kinds in found
    ]  # fmt: skip


def _loss(course: Course) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(course.loss[1], dtype=np.float64)


def _stalls(seen: Snapshot) -> tuple[bool | None, str]:
    answer: tuple[bool | None, str] = (None, "fewer than 24 steps with a loss")
    for course in seen.courses:
        loss = _loss(course)
        loss = loss[np.isfinite(loss)]
        if len(loss) < 24:
            continue
        part = max(len(loss) // 8, 4)
        start, middle, end = (
            float(np.median(p)) for p in (loss[:part], loss[len(loss) // 2 :][:part], loss[-part:])
        )
        noise = float(np.median(np.abs(np.diff(loss)))) / math.sqrt(part)
        still = abs(middle - end) <= max(0.02 * abs(middle), noise)
        low = abs(end) <= 0.05 * abs(start)
        text = f"the loss was {short(start)} at first, {short(middle)} half way, {short(end)} now"
        if still and not low:
            return True, f"{course.label}: {text}"
        if answer[0] is None:
            answer = False, text
    return answer


def _not_finite(seen: Snapshot) -> tuple[bool | None, str]:
    bad = [v for v in seen.verdicts if v.kind == "NON_FINITE"]
    if bad:
        return True, bad[0].evidence
    return (False, "all losses and gradients were finite") if seen.courses else (None, "no step")


def _early(seen: Snapshot) -> tuple[bool | None, str]:
    cut = {v.where for v in seen.verdicts if v.kind == "NO_GRADIENT"}
    for row in seen.layers[: max(len(seen.layers) // 2, 1)]:
        if row.label in cut or f"{row.label}.weight" in cut:
            return True, f"{row.label} gets no gradient"
    if cut and not seen.layers:
        return True, f"{', '.join(sorted(cut))} get no gradient"
    known = [row for row in seen.layers if math.isfinite(row.ratio)]
    if not known:
        return None, "no update was measured"
    first, most = known[0], max(known, key=lambda row: row.ratio)
    text = f"a step changes {first.label} by {short(first.ratio)} of its size"
    text += f", {most.label} by {short(most.ratio)}" if most is not first else ", no layer by more"
    vanishing = any(v.kind == "VANISHING" for v in seen.verdicts)
    stuck = first.ratio < 1e-5 and first.ratio < 0.1 * most.ratio
    return vanishing or stuck or _left_behind(first, most), text


def _left_behind(first: LayerRow, most: LayerRow) -> bool:
    return first is not most and first.ratio < 0.01 * most.ratio


def _diverges(seen: Snapshot) -> tuple[bool | None, str]:
    if any(v.kind in ("DIVERGING", "EXPLODING") for v in seen.verdicts):
        bad = next(v for v in seen.verdicts if v.kind in ("DIVERGING", "EXPLODING"))
        return True, bad.evidence
    answer: tuple[bool | None, str] = (None, "no loss")
    for course in seen.courses:
        if course.start is None or course.settled is None:
            continue
        text = f"the loss went from {short(course.start)} to {short(course.settled)}"
        if course.settled > 2 * abs(course.start) + 1e-12 or not math.isfinite(course.settled):
            return True, f"{course.label}: {text}"
        answer = False, text
    return answer


def as_text(found: list[Symptom]) -> str:
    """The answers as lines."""
    parts = []
    for k, symptom in enumerate(found, 1):
        parts.append(f"{k}. {symptom.question} {symptom.answer.upper()}: {symptom.evidence}")
        for verdict in symptom.verdicts[:3]:
            at = f"{verdict.where} [{verdict.line}]" if verdict.line else verdict.where
            parts.append(f"     {verdict.kind} at {at}: {verdict.cause}")
            parts.append(f"       do: {verdict.action}")
    return "\n".join(parts)
