"""What the loss of an untrained model says: logits, targets, chance, one batch to fit."""

from __future__ import annotations

import math
import time

from .. import nn
from ..autograd.grad_mode import no_grad
from .verdict import ERROR, INFO, WARNING, Verdict, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .._C import Tensor
    from .check import _Check
    from .preserve import Preserved
    from .trace import Op

_SECONDS = 20.0  # for fitting one batch
_RATES = (1e-2, 1e-3, 1e-1)


def judge(ops: list[Op]) -> Iterator[Verdict]:
    """Shapes and values of logits and targets, and the first loss against chance."""
    made = {id(t): op for op in ops for t in op.outputs}
    for op in ops:
        if op.name in ("cross_entropy", "nll_loss") and len(op.inputs) >= 2:
            yield from _classes(op, made)
        elif op.name == "binary_cross_entropy_with_logits" and len(op.inputs) >= 2:
            yield from _binary(op, made)


def _classes(op: Op, made: dict[int, Op]) -> Iterator[Verdict]:
    logits, target = op.inputs[0].detach(), op.inputs[1].detach()
    if target.is_floating_point() or logits.dim() == 0 or not logits.numel():
        return
    axis = 1 if logits.dim() > 1 else 0
    classes = logits.shape[axis]
    if op.name == "cross_entropy":
        sums = logits.sum(axis)
        proper = bool(((sums - 1).abs() < 1e-4).all().item()) and classes > 1
        if proper and bool((logits >= 0).all().item()):
            maker = made.get(id(op.inputs[0]))
            yield Verdict(
                "DOUBLE_SOFTMAX", WARNING, op.source,
                "what cross_entropy gets is not negative, and every row sums to one",
                "cross_entropy takes logits and applies softmax itself; on probabilities its "
                "gradient is weak",
                "leave out the softmax" + (f" at {maker.source}" if maker else ""),
            )  # fmt: skip
            return
    loss = _mean_loss(op.name, logits, target)
    yield from _chance(op, loss, math.log(classes) if classes > 1 else 0.0, f"ln({classes})")
    present = target[target >= 0]
    if present.numel() >= 8 * classes and int(present.min().item()) > 0:
        yield Verdict(
            "BAD_TARGET", WARNING, op.source,
            f"the smallest of {present.numel()} class numbers is {int(present.min().item())}, the "
            f"largest {int(present.max().item())}, of {classes} classes",
            "class numbers that start at 1: the outputs are off by one", "labels = labels - 1",
        )  # fmt: skip


def _mean_loss(name: str, logits: Tensor, target: Tensor) -> float:
    function = nn.functional.cross_entropy if name == "cross_entropy" else nn.functional.nll_loss
    with no_grad():
        return float(function(logits, target).item())


def _binary(op: Op, made: dict[int, Op]) -> Iterator[Verdict]:
    logits, target = op.inputs[0].detach(), op.inputs[1].detach()
    if not logits.numel():
        return
    low, high = float(target.min().item()), float(target.max().item())
    if low < 0 or high > 1:
        yield Verdict(
            "BAD_TARGET", ERROR, op.source, f"targets are between {short(low)} and {short(high)}",
            "binary cross-entropy takes targets between 0 and 1", "map the labels to 0 and 1",
        )  # fmt: skip
        return
    maker = made.get(id(op.inputs[0]))
    if maker is not None and maker.name in ("sigmoid", "sigmoid_"):
        yield Verdict(
            "DOUBLE_SOFTMAX", WARNING, op.source, "its input comes out of a sigmoid",
            "binary_cross_entropy_with_logits applies the sigmoid itself",
            f"leave out the sigmoid at {maker.source}",
        )  # fmt: skip
        return
    with no_grad():
        loss = float(nn.functional.binary_cross_entropy_with_logits(logits, target).item())
    yield from _chance(op, loss, math.log(2), "ln(2)")


def _chance(op: Op, loss: float, chance: float, name: str) -> Iterator[Verdict]:
    if loss > chance + 1:
        yield Verdict(
            "START_LOSS", WARNING, op.source,
            f"the loss is {short(loss)}; a model that knows nothing has {name} = {short(chance)}",
            "the outputs are large before training, so the model starts out sure and wrong",
            "a smaller last layer: nn.init.normal_(last.weight, std=0.01), and inputs scaled to "
            "standard deviation 1",
        )  # fmt: skip
    elif loss < 0.5 * chance:
        yield Verdict(
            "START_LOSS", INFO, op.source,
            f"the loss is {short(loss)}; a model that knows nothing has {name} = {short(chance)}",
            "the weights are trained already, or the target is among the inputs",
            "nothing, if the weights are loaded; else look for the target among the inputs",
        )  # fmt: skip


def fit(
    check: _Check, batch: Any, kept: Preserved, steps: int
) -> tuple[float, float, int, float] | None:
    """Whether Adam fits this one batch: loss at the start, least loss, steps, learning rate."""
    from ..optim import Adam

    dropouts = [m for m in check.model.modules() if "Dropout" in type(m).__name__]
    best: tuple[float, float, int, float] | None = None
    begun = time.monotonic()
    for lr in _RATES:
        kept.restore_weights()
        kept.reset()
        for module in dropouts:
            module.training = False
        live = [p for p in kept.params.values() if p.requires_grad]
        optimizer = Adam(live, lr=lr)
        start = least = math.nan
        for step in range(steps + 1):
            optimizer.zero_grad()
            loss = check.loss(batch)
            value = float(loss.item())
            start = value if step == 0 else start
            least = value if not value >= least else least
            if not math.isfinite(value) or value <= 0.1 * start or step == steps:
                break
            if time.monotonic() - begun > _SECONDS:
                break
            loss.backward()
            optimizer.step()
        if not start > 1e-6:  # negative or nothing to fit
            return None
        if best is None or least < best[1]:
            best = start, least, step, lr
        if best[1] <= 0.1 * start or time.monotonic() - begun > _SECONDS:
            break
    if best is not None and best[1] > 0.1 * best[0]:
        start, least, step, lr = best
        check.say(
            "OVERFIT", WARNING if least > 0.5 * start else INFO, "the model",
            f"one batch cannot be fitted: the loss goes from {short(start)} to {short(least)} in "
            f"{step} steps (Adam, lr={lr:g})",
            "the model is too small, its outputs cannot reach the targets (a ReLU or sigmoid at "
            "the end), or the targets do not belong to the inputs",
            "look at output and target of one row; try a wider model",
        )  # fmt: skip
    return best
