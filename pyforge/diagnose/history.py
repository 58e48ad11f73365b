"""What a monitor remembers of the steps of one optimiser, in memory of fixed size."""

from __future__ import annotations

import math
from array import array

import numpy as np

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Array = np.ndarray[Any, Any]

WINDOW = 12  # steps over which rules take medians
FRAMES = 10  # steps kept per parameter for pictures, evenly over the run
POINTS = 1024  # losses kept, evenly over the run
NORM, ZERO, RATIO = range(3)  # the columns of the window


class Series:
    """Numbers over the run, thinned out evenly when they become too many."""

    __slots__ = ("_count", "_every", "_limit", "steps", "values")

    def __init__(self, limit: int = POINTS) -> None:
        self.steps: array[int] = array("i")
        self.values: array[float] = array("d")
        self._limit, self._every, self._count = limit, 1, 0

    def add(self, step: int, value: float) -> None:
        """Append, or leave out if the run has become long."""
        if self._count % self._every == 0:
            if len(self.values) == self._limit:
                del self.steps[1::2], self.values[1::2]
                self._every *= 2
            if self._count % self._every == 0:
                self.steps.append(step)
                self.values.append(value)
        self._count += 1


class Track:
    """The steps of one optimiser over the parameters ``at``, counted natively by ``watches``."""

    def __init__(self, at: list[int], label: str, watches: Any) -> None:
        self.at, self.label = at, label
        self.place = np.full(max(at, default=-1) + 1, -1, np.int32)  # of each parameter in `at`
        self.place[at] = np.arange(len(at))
        self.steps = 0
        n = len(at)
        self.window = np.full((WINDOW, n, 3), np.nan, np.float32)
        self.frames = np.full((FRAMES, n, 2), np.nan, np.float32)
        self.frame_steps: list[int] = []
        self._frame_every = 1
        self._watches, self.number = watches, watches.track(at, self.window)
        self.next_look = 8  # the step after which it is judged next
        self.loss = Series()
        self.norm = Series()
        self.lr = Series()
        self.recent_loss: list[float] = []  # the last 256
        self.recent_norm: list[float] = []
        self.first_losses: list[float] = []  # the first 10
        self.best_loss = np.inf  # least median of 8
        self.not_zeroed = 0
        self.highest_lr = 0.0
        self.lr_moves = 0  # +1 rising, -1 falling, 0 steady: the last change
        self._medians: list[list[float]] | None = None

    def sync(self) -> None:
        """Take in the steps since the last call, at most as many as the window has rows."""
        for loss, norm, lr in self._watches.take(self.number):
            _append(self.recent_norm, norm)
            self.norm.add(self.steps, norm)
            if loss is not None:
                self._add_loss(loss)
            self._add_lr(lr)
            if self.steps % self._frame_every == 0:
                self._add_frame(self.window[self.steps % WINDOW])
            self.steps += 1
            self._medians = None

    def _add_loss(self, loss: float) -> None:
        self.loss.add(self.steps, loss)
        _append(self.recent_loss, loss)
        if len(self.first_losses) < 10:
            self.first_losses.append(loss)
        if len(self.recent_loss) >= 8 and self.steps % 4 == 0:
            median = middle(self.recent_loss[-8:])
            if median < self.best_loss:
                self.best_loss = median

    def _add_lr(self, lr: float) -> None:
        if math.isnan(lr):  # a step written by hand
            return
        before = self.lr.values[-1] if self.lr.values else lr
        if lr != before:
            self.lr_moves = 1 if lr > before else -1
        elif self.steps % 64 == 0:
            self.lr_moves = 0
        self.highest_lr = max(self.highest_lr, lr)
        self.lr.add(self.steps, lr)

    def _add_frame(self, row: Array) -> None:
        if len(self.frame_steps) == FRAMES:
            kept = (FRAMES + 1) // 2
            self.frames[:kept] = self.frames[::2]
            self.frames[kept:] = np.nan
            del self.frame_steps[1::2]
            self._frame_every *= 2
            if self.steps % self._frame_every:
                return
        self.frames[len(self.frame_steps)] = row[:, (NORM, RATIO)]
        self.frame_steps.append(self.steps)

    def medians(self) -> list[list[float]]:
        """Norm, share of zeros, and update ratio per parameter, over the window."""
        if self._medians is None:
            rows = np.sort(self.window[: max(min(self.steps, WINDOW), 1)], axis=0)
            center = (rows[(len(rows) - 1) // 2] + rows[len(rows) // 2]) / 2
            center[np.isnan(rows[-1])] = np.nan  # NaN is sorted to the end
            self._medians = center.tolist()
        return self._medians

    def forget(self) -> None:
        """The medians, which are soon out of date."""
        self._medians = None

    @property
    def settled(self) -> float | None:
        """The median of the last eight losses; None without losses."""
        return middle(self.recent_loss[-8:]) if self.recent_loss else None

    @property
    def start(self) -> float | None:
        """The median of the first losses, of the finite ones if there are any."""
        finite = [v for v in self.first_losses if math.isfinite(v)]
        return middle(finite or self.first_losses) if self.first_losses else None


def middle(values: list[float]) -> float:
    """The median, NaN if there is a NaN among them; faster than NumPy's for a few."""
    if any(v != v for v in values):
        return math.nan
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _append(values: list[float], value: float) -> None:
    values.append(value)
    if len(values) > 512:
        del values[:256]
