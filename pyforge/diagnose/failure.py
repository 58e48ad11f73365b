"""What an exception of a training loop means, as a verdict."""

from __future__ import annotations

import os
import re
import traceback

from .verdict import ERROR, Verdict

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Phrase of the message, kind, cause, action; the first that fits counts.
_KNOWN = (
    (r"modified by an inplace operation", "IN_PLACE",
     "a value that the derivative needs was overwritten before backward() read it",
     "write the op out of place (x = x + 1 in place of x += 1), or clone() what is overwritten"),
    (r"[Tt]arget .*out of (bounds|range)|class (label|index).*out of range|"
     r"target.*(expected|must be).*class", "BAD_TARGET",
     "a class number is not in 0 .. classes-1: labels that start at 1, or one output too few",
     "labels = labels - labels.min(), or as many outputs of the last layer as there are classes"),
    (r"0D or 1D target|multi-target", "BAD_TARGET",
     "class numbers are a vector, one per row",
     "labels = labels.squeeze(-1)"),
    (r"between 0 and 1", "BAD_RANGE",
     "the loss takes probabilities and got other numbers",
     "nn.BCEWithLogitsLoss() on the raw outputs, or a sigmoid in front of the loss"),
    (r"index out of range in self|index .*out of bounds", "BAD_INDEX",
     "an index is as large as the table it points into, or larger",
     "nn.Embedding(ids.max() + 1, ...), or ids that start at 0"),
    (r"more than 1 value per channel", "BATCH_SIZE",
     "batch norm in training cannot take the spread of a single value",
     "DataLoader(..., drop_last=True), a batch of 2 or more, or nn.GroupNorm"),
    (r"backward through the graph a second time", "GRAPH_FREED",
     "backward() frees the graph, and this loss still hangs on an earlier step's graph",
     "detach() what is carried from step to step (hidden = hidden.detach())"),
    (r"does not require grad", "NO_GRADIENT",
     "no parameter reaches the loss with its history: detach(), no_grad(), .data or an integer cut "
     "it", "pyforge.diagnose.check(model, loss_fn, batch) names the op and the line"),
    (r"must match|size mismatch|cannot be multiplied|not broadcast|shapes? .*mismatch", "SHAPES",
     "the shapes do not fit", "print the shapes in front of this line"),
    (r"dtype|scalar type", "DTYPE",
     "the dtypes do not fit: NumPy data is float64, weights are float32",
     "x = x.float(); class numbers are int64: labels = labels.long()"),
)  # fmt: skip
_OTHER = ("", "FAILED", "this exception ended the loop", "see the traceback")


def from_exception(error: BaseException, step: int = 0, where: str = "the script") -> Verdict:
    """The verdict on ``error``, at the last line outside pyforge that it passed, else ``where``."""
    text = str(error)
    line = _line(error)
    evidence = f"{type(error).__name__}: {text.splitlines()[0] if text else ''}"
    known = (row for row in _KNOWN if re.search(row[0], text))
    _, kind, cause, action = next(known, _OTHER)
    if kind == "IN_PLACE" and (
        wrote := re.search(r"last overwritten at (.+?:\d+, in [\w<>]+)", text)
    ):
        line = wrote[1]
    return Verdict(kind, ERROR, line or where, evidence, cause, action, step)


def _line(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not os.path.abspath(f.filename).startswith((_HERE, "<frozen"))]
    own = [f for f in own if not f.filename.startswith("<")]
    return f"{own[-1].filename}:{own[-1].lineno}, in {own[-1].name}" if own else ""
