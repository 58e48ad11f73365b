"""Showing how training goes: with rich on a terminal if it is installed, else as plain lines."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .demo import Epoch


class Progress:
    """Prints one line per epoch.

    Args:
        epochs: how many there will be.
        layers: the names of the layers whose gradient norms are shown.
    """

    def __init__(self, epochs: int, layers: list[str]) -> None:
        self._epochs = epochs
        self._layers = layers

    def __enter__(self) -> Progress:
        norms = "".join(f"{'|g| ' + name:>10}" for name in self._layers)
        self._print(f"{'epoch':>7}{'loss':>9}{'accuracy':>10}{norms}{'images/s':>11}")
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing to tidy up."""

    def advance(self, epochs: float) -> None:
        """Take note that a part of an epoch is done."""

    def epoch_done(self, number: int, epoch: Epoch) -> None:
        """Print the line of an epoch."""
        norms = "".join(f"{epoch.grad_norms[name]:>10.4f}" for name in self._layers)
        self._print(
            f"{number:>3}/{self._epochs:<3}{epoch.loss:>9.4f}{epoch.accuracy:>10.2%}{norms}"
            f"{epoch.rate:>11,.0f}"
        )

    def _print(self, line: str) -> None:
        print(line, flush=True)


class RichProgress(Progress):
    """The same lines above a bar; the terminal is put back in order however it ends."""

    def __init__(self, epochs: int, layers: list[str], rich_progress: Any) -> None:
        super().__init__(epochs, layers)
        self._bar = rich_progress
        self._task = self._bar.add_task("training", total=epochs)

    def __enter__(self) -> Progress:
        self._bar.start()
        return super().__enter__()

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def advance(self, epochs: float) -> None:
        """Move the bar."""
        self._bar.advance(self._task, epochs)

    def _print(self, line: str) -> None:
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)


def make_progress(epochs: int, layers: list[str]) -> Progress:
    """The best display that standard output can take."""
    if sys.stdout.isatty():
        try:
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar
        except ImportError:
            return Progress(epochs, layers)
        bar = Bar(
            TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), transient=True
        )
        return RichProgress(epochs, layers, bar)
    return Progress(epochs, layers)
