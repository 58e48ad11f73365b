"""``python -m pyforge demo``: train a classifier on hand-written digits."""

from __future__ import annotations

import os
import sys
from itertools import pairwise
from time import perf_counter

import pyforge
from pyforge import nn, optim
from pyforge.datasets import load_digits

from .progress import Progress, make_progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyforge import Tensor

BATCH = 32
HIDDEN = (256, 128)
LEARNING_RATE = 3e-3
NOISE = 0.2  # added to the training images, so that the few there are suffice


class Epoch:
    """What one pass over the training data gave."""

    def __init__(
        self, loss: float, accuracy: float, grad_norms: dict[str, float], rate: float
    ) -> None:
        self.loss = loss
        self.accuracy = accuracy
        self.grad_norms = grad_norms
        self.rate = rate


def run(epochs: int, seed: int, threads: int | None = None, plot_path: str | None = None) -> int:
    """Train, print how it goes, and say what to try next.

    Args:
        epochs: passes over the training data.
        seed: for weights, split and order.
        threads: how many threads to use, the default if ``None``.
        plot_path: where to write a picture of loss and gradient flow, if anywhere.

    Returns:
        The exit status: 0, or 2 if the picture cannot be written.
    """
    problem = _plot_problem(plot_path)
    if problem:
        print(f"pyforge demo: {problem}", file=sys.stderr)
        return 2
    if threads is not None:
        pyforge.set_num_threads(threads)
    train, test = split_digits(seed)
    pyforge.manual_seed(seed)
    model = make_model()
    print(
        f"UCI hand-written digits: {len(train[1])} images to train on, {len(test[1])} held out\n"
        f"{model}\n"
    )
    layers = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    with make_progress(epochs, layers) as progress:
        history = fit(model, train, test, epochs, progress)
    _summary(history, plot_path is not None)
    if plot_path is not None:
        from .plot import save_plot

        save_plot(history, plot_path)
        print(f"picture written to {plot_path}")
    return 0


def split_digits(seed: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The digits in a random order, four fifths to train on and one held out."""
    import numpy as np

    images, labels = load_digits(return_numpy=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    held_out, rest = np.split(order, [len(labels) // 5])
    train, test = (
        (pyforge.from_numpy(images[part]), pyforge.from_numpy(labels[part]))
        for part in (rest, held_out)
    )
    return train, test


def make_model() -> nn.Sequential:
    """A classifier with two hidden layers."""
    sizes = (64, *HIDDEN)
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU(), nn.Dropout(0.2)]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], 10))


def fit(
    model: nn.Sequential,
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    epochs: int,
    progress: Progress,
) -> list[Epoch]:
    """Train ``model`` with Adam; returns one entry per epoch."""
    import numpy as np

    images, labels = train
    optimizer = optim.Adam(model.parameters(), lr=LEARNING_RATE)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    criterion = nn.CrossEntropyLoss()
    weights = {
        name: module.weight
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
    }
    shuffle = np.random.default_rng(pyforge.initial_seed())
    history: list[Epoch] = []
    for _ in range(epochs):
        order = pyforge.from_numpy(shuffle.permutation(len(labels)))
        total, norms = 0.0, dict.fromkeys(weights, 0.0)
        started = perf_counter()
        batches = order.split(BATCH)
        for batch in batches:
            optimizer.zero_grad()
            noisy = images[batch] + NOISE * pyforge.randn(len(batch), images.shape[1])
            loss = criterion(model(noisy), labels[batch])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            for name, weight in weights.items():
                if weight.grad is not None:
                    norms[name] += weight.grad.norm().item() / len(batches)
            progress.advance(1 / len(batches))
        schedule.step()
        rate = len(labels) / (perf_counter() - started)
        history.append(Epoch(total / len(labels), accuracy(model, *test), norms, rate))
        progress.epoch_done(len(history), history[-1])
    return history


def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The share of ``images`` whose largest output is at their label."""
    model.eval()
    with pyforge.no_grad():
        right = (model(images).argmax(1) == labels).sum().item()
    model.train()
    return float(right) / len(labels)


def _summary(history: list[Epoch], plotted: bool) -> None:
    last = history[-1]
    best = max(epoch.rate for epoch in history)
    print(
        f"\nheld-out accuracy {last.accuracy:.2%}, up to {best:,.0f} images/s on "
        f"{pyforge.get_num_threads()} thread(s)"
    )
    print("Try next:")
    for line in _suggestions(history, plotted):
        print(f"  {line}")


def _suggestions(history: list[Epoch], plotted: bool) -> list[str]:
    last = history[-1]
    lines = []
    norms = [norm for norm in last.grad_norms.values() if norm > 0]
    if norms and max(norms) > 10 * min(norms):
        lines.append(
            f"gradients differ {max(norms) / min(norms):.0f}-fold between layers: "
            "another initialisation (pyforge.nn.init) or a LayerNorm evens them out"
        )
    if last.accuracy < 0.97:
        more = 2 * len(history)
        lines.append(f"python -m pyforge demo --epochs {more}      accuracy is still rising")
    if not plotted:
        lines.append("python -m pyforge demo --plot digits.png   a picture of loss and gradients")
    lines.append("python -m pyforge demo --seed 1            another split and other weights")
    lines.append("python -m pyforge info                     what pyforge uses of this machine")
    return lines


def _plot_problem(path: str | None) -> str | None:
    """Why a picture cannot be written to ``path``, found out before training."""
    if path is None:
        return None
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        return f"cannot write {path}: there is no folder {folder}"
    if not os.access(folder, os.W_OK):
        return f"cannot write {path}: the folder {folder} is not writable"
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        return "--plot needs matplotlib: pip install matplotlib"
    return None
