"""Whether a model gives the same twice, and which op does not."""

from __future__ import annotations

import random

import numpy as np

from .. import _C
from .verdict import ERROR, INFO, WARNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._C import Tensor
    from .check import _Check
    from .preserve import Preserved
    from .trace import Op

# Ops that draw in training because they are asked to, some of them as a part of more.
_DRAWS_IN_TRAINING = (
    "dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout", "rrelu", "lstm", "gru",
    "rnn_tanh", "rnn_relu", "scaled_dot_product_attention",
)  # fmt: skip


def repeatable(check: _Check, batch: Any, kept: Preserved, mode: str) -> bool:
    """Tell of ops that draw anew; False if even equal generators do not give equal losses."""
    runs = []
    for go_on in (False, False, True):
        kept.reset()
        if go_on:
            _C.rand(17)
            np.random.random(17)
            random.random()
        runs.append(check.traced(batch))
    (first, _, loss), (second, _, same), (third, _, _) = runs
    if not _equal(loss, same):
        op = _first_difference(first, second)
        check.say(
            "NONDETERMINISTIC", ERROR, op.source if op else "the model",
            f"two passes with equal random generators give {loss.item():.6g} and "
            f"{same.item():.6g}; the first op that differs is {op.name if op else 'not recorded'}",
            "something is drawn or counted outside the generators of pyforge, NumPy and Python",
            "take it from a generator that can be seeded; without that no gradient can be checked",
        )  # fmt: skip
        return False
    op = _first_difference(first, third)
    if op is not None and not (mode == "train" and op.name.rstrip("_") in _DRAWS_IN_TRAINING):
        evaluation = mode == "eval"
        check.say(
            "NONDETERMINISTIC", WARNING if evaluation else INFO, op.source,
            f"{op.name} gives other values at each call"
            + (", in evaluation mode too" if evaluation else ""),
            "random numbers are drawn in each call"
            + (", so gradcheck and evaluation give another result each time" if evaluation else ""),
            "draw them once, in __init__ or outside the function"
            if evaluation else "nothing, if that is meant",
        )  # fmt: skip
    return True


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all().item())


def _first_difference(ops: list[Op], others: list[Op]) -> Op | None:
    """The first op whose outputs differ, or that has no counterpart."""
    for a, b in zip(ops, others, strict=False):
        if a.name != b.name:
            return a
        if len(a.outputs) != len(b.outputs):
            return a
        pairs = zip(a.outputs, b.outputs, strict=True)
        if any(not _equal(x.detach(), y.detach()) for x, y in pairs):
            return a
    return None
