"""What diagnosis says: one verdict is one finding with its evidence, cause and cure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

ERROR, WARNING, INFO = "error", "warning", "info"
_RANK = {ERROR: 0, WARNING: 1, INFO: 2}

# Verdicts in the order in which they explain each other: one that comes first may cause the next.
KINDS = (
    "NON_FINITE",
    "IN_PLACE",
    "GRAPH_FREED",
    "BAD_TARGET",
    "BAD_RANGE",
    "BAD_INDEX",
    "BATCH_SIZE",
    "SHAPES",
    "DTYPE",
    "NONDETERMINISTIC",
    "GRADIENT_MISMATCH",
    "SILENT_BROADCAST",
    "DOUBLE_SOFTMAX",
    "NO_GRADIENT",
    "NOT_ZEROED",
    "INPUT_SCALE",
    "BAD_INIT",
    "START_LOSS",
    "DEAD",
    "SATURATED",
    "VANISHING",
    "LEARNING_RATE",
    "EXPLODING",
    "ZERO_GRADIENT",
    "UPDATE_RATIO",
    "DIVERGING",
    "LOSS_PLATEAU",
    "OVERFIT",
    "FAILED",
)


@dataclass
class Verdict:
    """One finding.

    Attributes:
        kind: what it is, one of ``KINDS`` (or a name of ``check`` or ``check_data``).
        severity: ``"error"``, ``"warning"`` or ``"info"``.
        where: the layer, parameter, column or ``file.py:12, in f`` concerned.
        evidence: the numbers behind it, as a sentence.
        cause: why that happens.
        action: what to do, code for this model where possible.
        step: the optimiser step at which it was found.
        data: the numbers once more, for programs.
        line: ``file.py:12, in f`` where the layer concerned was called, if known.
    """

    kind: str
    severity: str
    where: str
    evidence: str
    cause: str
    action: str
    step: int = 0
    data: dict[str, Any] = field(default_factory=dict)
    line: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same finding when it is found again."""
        return self.kind, self.where

    @property
    def rank(self) -> tuple[int, int]:
        """Order of importance: errors first, causes before effects."""
        kind = KINDS.index(self.kind) if self.kind in KINDS else len(KINDS)
        return _RANK.get(self.severity, 3), kind

    def as_dict(self) -> dict[str, Any]:
        """All fields, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        at = f"{self.where} [{self.line}]" if self.line else self.where
        return (
            f"{self.kind} ({self.severity}) at {at}, step {self.step}: {self.evidence}\n"
            f"  cause: {self.cause}\n  action: {self.action}"
        )


class DiagnosticWarning(UserWarning):
    """Issued with ``on_error="warn"``."""


class DiagnosticError(RuntimeError):
    """Raised with ``on_error="raise"``; ``verdict`` is the finding."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(str(verdict))
        self.verdict = verdict


def short(value: float) -> str:
    """A number in three digits."""
    return f"{value:.3g}"
