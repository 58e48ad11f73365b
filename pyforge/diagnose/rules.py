"""What the history of a run says: each rule takes a :class:`View` and yields verdicts."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from .history import NORM, RATIO, WINDOW, ZERO, Track, middle
from .layers import GAINS, Layer, code_name, init_code, spread
from .verdict import ERROR, INFO, WARNING, Verdict, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Array = np.ndarray[Any, Any]

PATIENCE = 150  # steps before a loss that has not fallen is called a plateau
_BESIDE_RELU = 0.75  # share of zeros in a gradient if half of the units on both sides are dead
_SQUASHING = ("sigmoid", "tanh")


@dataclass
class View:
    """What rules look at: one optimiser's track, its layers in order and what was found before."""

    track: Track
    layers: list[Layer]  # those of the track, in the order of their use
    found: set[tuple[str, str]]
    alone: bool  # the only optimiser

    def column(self, which: int) -> list[float]:
        """The median over the window of each layer."""
        medians, place = self.track.medians(), self.track.place
        return [medians[int(place[la.at])][which] for la in self.layers]

    def has(self, *kinds: str) -> bool:
        """Whether one of ``kinds`` was found."""
        return any(kind in kinds for kind, _ in self.found)

    def has_at(self, where: str, *kinds: str) -> bool:
        """Whether one of ``kinds`` was found there."""
        return any((kind, where) in self.found for kind in kinds)


def first_step(layers: list[Layer]) -> Iterator[Verdict]:
    """What the recorded pass shows: scale of inputs, initial weights, growth over calls."""
    for layer in layers:
        yield from _input_scale(layer)
        yield from _bad_init(layer)
        yield from _growth_over_calls(layer)


def _input_scale(layer: Layer) -> Iterator[Verdict]:
    if layer.input is None:
        return
    mean, std, largest = layer.input
    if not math.isfinite(largest) or largest < 100:
        return
    yield Verdict(
        "INPUT_SCALE", ERROR if largest >= 1e4 else WARNING, layer.label,
        f"its input has mean {short(mean)}, standard deviation {short(std)}, largest "
        f"{short(largest)}",
        "gradients grow with the input, so no learning rate suits all weights",
        "x = (x - x.mean(0)) / x.std(0), with mean and std of the training data "
        "(scikit-learn's StandardScaler)",
    )  # fmt: skip


def _bad_init(layer: Layer) -> Iterator[Verdict]:
    if layer.sparse or layer.normalized or layer.last or not layer.activation:
        return
    mean, std = spread(layer.weight)
    equal = std <= 1e-6 * abs(mean)
    gain = GAINS.get(layer.activation, 1.0)
    want = gain / math.sqrt(layer.fan_in)
    ratio = std / want
    if 0.1 <= ratio <= 4 or not math.isfinite(ratio):
        return
    if equal:
        evidence = "all its weights are equal"
        cause = "all its units get the same gradient and stay the same"
    else:
        evidence = (
            f"std {short(std)} with {layer.activation} and fan_in {layer.fan_in}, "
            f"{short(ratio)} times the usual {short(want)}"
        )
        cause = f"each such layer {'multiplies' if ratio > 1 else 'shrinks'} what passes through it"
    # Zeros are how residual branches begin.
    severe = mean != 0 if equal else ratio >= 8 or ratio <= 0.02
    yield Verdict(
        "BAD_INIT", ERROR if severe else WARNING, layer.label, evidence, cause, init_code(layer)
    )


def _growth_over_calls(layer: Layer) -> Iterator[Verdict]:
    calls = layer.spreads
    if len(calls) < 4 or not all(math.isfinite(s) and s > 0 for s in calls):
        return
    growth = calls[-1] / calls[0]
    steady = sum(b > a for a, b in itertools.pairwise(calls)) >= 0.8 * (len(calls) - 1)
    if growth < 100 or not steady:
        return
    factor = growth ** (1 / (len(calls) - 1))
    yield Verdict(
        "EXPLODING", ERROR, layer.label,
        f"its output grew {short(growth)} times over {len(calls)} calls in one pass, "
        f"{short(factor)} per call",
        "the recurrent weight has a spectral radius above one, and gradients grow as the states do",
        f"nn.init.orthogonal_({code_name(layer.name)}), a squashing activation or gates (LSTM, "
        "GRU), and nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
    )  # fmt: skip


def window(view: View) -> Iterator[Verdict]:
    """What the last steps show; causes before effects."""
    for rule in (
        _depth,
        _diverging,
        _rate_too_high,
        _exploding,
        _zero_gradient,
        _update_ratio,
        _plateau,
    ):
        for verdict in rule(view):
            view.found.add(verdict.key)
            yield verdict


def _depth(view: View) -> Iterator[Verdict]:
    layers = [la for la in view.layers if not la.sparse]
    if len(layers) < 4:
        return
    inner = View(view.track, layers, view.found, view.alone)
    norms = inner.column(NORM)
    if not all(map(math.isfinite, norms)) or not any(norms):
        return
    if 0.01 < norms[-1] / max(norms[0], 1e-45) < 10:
        return
    logs = np.log10(np.maximum(norms, 1e-45))
    ranks = np.argsort(np.argsort(logs))
    trend = float(np.corrcoef(ranks, np.arange(len(logs)))[0, 1])
    first, last = layers[0], layers[-1]
    span = f"gradient norm {short(norms[0])} here and {short(norms[-1])} at "
    span += f"{last.label}"
    steps = min(view.track.steps, WINDOW)
    decay = float(10 ** (logs[-1] - logs[0]))
    squashing = first.activation in _SQUASHING
    start, settled = view.track.start, view.track.settled
    if start is not None and settled is not None and abs(settled) < 0.1 * abs(start):
        return  # it learns; near the minimum the last layers may still move
    if decay >= 10 and trend >= 0.9:
        yield Verdict(
            "VANISHING", ERROR if decay >= 100 else WARNING, first.label,
            f"{span}, {short(decay)} times more (medians over {steps})",
            "each layer multiplies the gradient by a factor below one"
            f"{', as the derivative of ' + first.activation + ' does' if squashing else ''}",
            f"{_relu_code(first) if squashing else init_code(first)}, batch norm or residual "
            "connections", view.track.steps,
        )  # fmt: skip
    elif decay <= 1e-2 and trend <= -0.9:
        yield Verdict(
            "EXPLODING", ERROR if decay <= 1e-3 else WARNING, first.label,
            f"{span}, {short(1 / decay)} times less (medians over {steps})",
            "each layer multiplies the gradient by a factor above one",
            f"{init_code(first)}; nn.utils.clip_grad_norm_(model.parameters(), 1.0) before the "
            "step", view.track.steps,
        )  # fmt: skip


def _relu_code(layer: Layer) -> str:
    return f"ReLU with nn.init.kaiming_normal_({code_name(layer.name)}, nonlinearity='relu')"


def _lr_code(track: Track, factor: float) -> str:
    lr = track.lr.values[-1] if track.lr.values else None
    if lr is None:
        return f"multiply the learning rate by {short(factor)}"
    return f"lr={short(lr * factor)} in place of {short(lr)}"


def _own_rate(track: Track, layer: Layer, factor: float) -> str:
    if not track.lr.values:
        return f"{_lr_code(track, factor)} for {code_name(layer.name)} alone"
    rate = short(track.lr.values[-1] * factor)
    return f"a parameter group of its own: {{'params': [{code_name(layer.name)}], 'lr': {rate}}}"


def _diverging(view: View) -> Iterator[Verdict]:
    track = view.track
    start, now = track.start, track.settled
    if start is None or now is None or track.steps < 16:
        return
    base = max(abs(start), 1e-12)
    grown = (now - start) / base if math.isfinite(now) else math.inf
    from_best = (now - track.best_loss) / base
    if not math.isfinite(now) or grown < (2.0 if view.alone else 100.0) or from_best < 0.5 * grown:
        return
    # Losses of small batches scatter: most of the last must be above nearly all that came before.
    if track.steps < 24 and grown < 100:
        return
    before = sorted(track.recent_loss[:-8])  # np.quantile imports masked arrays: a step of 10 ms
    if now <= before[min(int(0.9 * len(before)), len(before) - 1)]:
        return
    yield Verdict(
        "DIVERGING", ERROR, track.label,
        f"the loss was {short(start)} at the start and is {short(now)} now (medians)",
        "steps lead away from the minimum", _lr_code(track, _factor(track)), track.steps,
    )  # fmt: skip


def _largest_move(track: Track) -> float:
    """Of the steps in the window, the largest median ratio of update to weight."""
    rows = track.window[: min(track.steps, WINDOW), :, RATIO]
    ordered = np.sort(np.where(np.isfinite(rows), rows, np.inf), axis=1)
    counts = np.isfinite(ordered).sum(1)
    at = np.flatnonzero(counts)
    low, high = ordered[at, (counts[at] - 1) // 2], ordered[at, counts[at] // 2]
    return float(((low + high) / 2).max()) if at.size else 0.0


def _rate_too_high(view: View) -> Iterator[Verdict]:
    track = view.track
    start, now = track.start, track.settled
    worse = start is not None and now is not None and not now < start
    if not worse and not view.has("DIVERGING"):
        return
    ratio = _largest_move(track)
    if not (ratio > 0.3 and worse) and not (view.has("DIVERGING") and ratio > 0.03):
        return
    yield Verdict(
        "LEARNING_RATE", ERROR, track.label,
        f"a step changed weights by {short(ratio)} of their size (median of all), and the loss "
        f"went from {short(start or 0.0)} to {short(now or 0.0)}",
        "the learning rate is too high", _lr_code(track, _factor(track)), track.steps,
    )  # fmt: skip


def rate_before_nan(track: Track, label: str) -> Verdict | None:
    """Whether a loss that is not finite now was driven there by the steps before."""
    finite = [v for v in track.recent_loss if math.isfinite(v)]
    moved = _largest_move(track)
    grown = len(finite) > 1 and abs(finite[-1]) > 10 * max(abs(finite[0]), 1e-12)
    if not grown and moved < 1:
        return None
    losses = ", ".join(short(v) for v in finite[-6:])
    return Verdict(
        "LEARNING_RATE", ERROR, label,
        f"the losses before it stopped being finite: {losses}; a step changed weights by up to "
        f"{short(moved)} of their size",
        "the learning rate is too high", _lr_code(track, _factor(track)), track.steps,
    )  # fmt: skip


def _factor(track: Track) -> float:
    """What to multiply the learning rate by so that the first step changes weights by 1%."""
    first = track.frames[0, :, 1]
    first = first[np.isfinite(first)]
    moved = float(np.median(first)) if first.size else 0.0
    return min(0.1, 0.01 / moved) if moved > 0 else 0.01


def _exploding(view: View) -> Iterator[Verdict]:
    norms = view.track.recent_norm
    if len(norms) < 24 or view.has("EXPLODING", "DIVERGING", "LEARNING_RATE"):
        return
    usual, now = middle(norms[:-8]), middle(norms[-8:])
    start, settled = view.track.start, view.track.settled
    worse = start is None or settled is None or settled > start
    if now < 10 * usual or usual == 0 or not worse:
        return
    column = view.column(NORM)
    largest = view.layers[column.index(max(column))].label if column else "all layers"
    yield Verdict(
        "EXPLODING", ERROR, largest,
        f"the gradient's norm is {short(now)}, its median before was {short(usual)}; the largest "
        "part is here",
        "weights have grown until each layer multiplies the gradient",
        "nn.utils.clip_grad_norm_(model.parameters(), "
        f"{short(usual)}) before optimizer.step(); {_lr_code(view.track, 0.1)}", view.track.steps,
    )  # fmt: skip


def _zero_gradient(view: View) -> Iterator[Verdict]:
    loss = view.track.settled
    if loss == 0:  # nothing is left to learn
        return
    shares, norms = view.column(ZERO), view.column(NORM)
    rectified = [la.activation in ("relu", "relu6") for la in view.layers]
    beside = {
        la.label
        for k, la in enumerate(view.layers)
        if rectified[k] or (k and rectified[k - 1])
    }  # fmt: skip
    for layer, share, norm in zip(view.layers, shares, norms, strict=True):
        if layer.sparse or not math.isfinite(share) or view.has_at(layer.label, "DEAD"):
            continue
        if norm != 0 and layer.rows < 16:
            continue
        rest = 1 - (1 - share) / max(1 - layer.quiet_inputs, 1e-9)
        if rest <= 0.3:
            continue
        whole = norm == 0
        # Some units of a ReLU are always silent, and DEAD counts them: rows here, columns behind.
        usual = _BESIDE_RELU if layer.label in beside else 0.0
        if whole and view.has("DEAD", "SATURATED", "NO_GRADIENT"):
            continue
        yield Verdict(
            "ZERO_GRADIENT", ERROR if whole else INFO if share <= usual else WARNING, layer.label,
            f"{share:.0%} of its gradient is exactly 0 (median over "
            f"{min(view.track.steps, WINDOW)} steps)",
            "the loss is flat here: a factor of zero, an operation with derivative zero such as "
            "round or sign, or underflow" if whole
            else "units that no input activates, or inputs that are always 0",
            "multiply the loss by a scale or use float64 to exclude underflow; look for round, "
            "sign or clamp between this layer and the loss" if whole
            else f"{init_code(layer)}; drop the inputs that are always 0", view.track.steps,
        )  # fmt: skip


def _update_ratio(view: View) -> Iterator[Verdict]:
    track = view.track
    if track.lr_moves > 0 or view.has("LEARNING_RATE", "DIVERGING", "VANISHING"):
        return
    dense = [la for la in view.layers if not la.sparse]
    if not dense:
        return
    ratios = View(track, dense, view.found, view.alone).column(RATIO)
    known = [r for r in ratios if math.isfinite(r)]
    if not known:
        return
    usual, largest = middle(known), max(known)
    start, now = track.start, track.settled
    stuck = start is not None and now is not None and now > 0.98 * start
    if track.steps >= 100 and stuck and usual < 1e-5 and not view.has("ZERO_GRADIENT", "DEAD"):
        yield Verdict(
            "LEARNING_RATE", WARNING, track.label,
            f"a step changes weights by {short(usual)} of their size (median of layers), and "
            f"the loss went from {short(start or 0.0)} to {short(now or 0.0)} in {track.steps}",
            "the learning rate is too low",
            _lr_code(track, 1e-3 / usual if usual > 0 else 1e3), track.steps,
        )  # fmt: skip
        return
    # The first steps of Adam may be large beside small weights, and soon are not.
    persists = largest > 0.2 or track.steps >= 2 * WINDOW or not (start and now and now < start)
    worst = ratios.index(largest)
    for k, (layer, ratio) in enumerate(zip(dense, ratios, strict=True)):
        if not math.isfinite(ratio) or 1e-5 <= ratio <= 0.1 or view.has_at(layer.label, "DEAD"):
            continue
        if view.has_at(layer.name, "NO_GRADIENT"):
            continue
        if view.has("UPDATE_RATIO") or (ratio > 0.1 and (k != worst or not persists)):
            continue
        high = ratio > 0.1
        yield Verdict(
            "UPDATE_RATIO", WARNING if high else INFO, layer.label,
            f"a step changes it by {short(ratio)} of its size; usual are 1e-4 to 1e-2",
            "the learning rate is high for this layer, or its weights are small" if high
            else "the gradient or the learning rate is small for this layer",
            _own_rate(track, layer, 1e-3 / max(ratio, 1e-12)), track.steps,
        )  # fmt: skip


def _plateau(view: View) -> Iterator[Verdict]:
    track = view.track
    start, now = track.start, track.settled
    explained = view.has(
        "LEARNING_RATE", "DIVERGING", "VANISHING", "DEAD", "SATURATED", "ZERO_GRADIENT",
        "NO_GRADIENT", "EXPLODING", "SILENT_BROADCAST",
    )  # fmt: skip
    if track.steps < PATIENCE or explained or not view.alone or start is None or now is None:
        return
    recent, before = track.recent_loss[-50:], track.recent_loss[-100:-50]
    if len(before) < 50 or track.lr_moves > 0:
        return
    later, earlier = middle(recent), middle(before)
    if now < 0.95 * start or now <= 1e-6:
        return
    moves = [abs(b - a) for a, b in itertools.pairwise(recent)]
    scatter = middle(moves) / math.sqrt(len(recent))
    if abs(later - earlier) > min(max(0.001 * abs(earlier), 4 * scatter), 0.02 * abs(earlier)):
        return  # it moves, if slowly
    yield Verdict(
        "LOSS_PLATEAU", WARNING, track.label,
        f"after {track.steps} steps the loss is {short(now)}, at the start it was {short(start)}; "
        f"the last 50 steps changed it by {short(later - earlier)}",
        "the gradients arrive, but following them does not help: targets that do not belong to "
        "the inputs, a model too small, or a loss at its bound",
        "train on one batch of 8 until its loss is nearly 0; if it does not get there, look at "
        "the targets (shuffled? shifted by one?) and at the output's range", track.steps,
    )  # fmt: skip
