"""What watching costs per training step: `python -m benchmarks.diagnose`.

Targets: at most 3% for a Monitor, at most 1.5 times the step for anomaly mode.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import pyforge as pf
from pyforge import nn
from pyforge.autograd import set_detect_anomaly
from pyforge.diagnose import Monitor


class Loop(NamedTuple):
    """A model, its optimiser and one step of training."""

    model: nn.Module
    optimizer: pf.optim.Optimizer
    step: Callable[[], None]


def mlp() -> Loop:
    """784-512-512-10, batch 128."""
    pf.manual_seed(0)
    x, y = pf.randn(128, 784), pf.randint(0, 10, (128,))
    model = nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
    )
    optimizer = pf.optim.SGD(model.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return Loop(model, optimizer, step)


def transformer() -> Loop:
    """Two causal layers of width 128, 16 sequences of 64 words."""
    pf.manual_seed(0)
    words = pf.randint(0, 256, (16, 65))
    mask = pf.full((64, 64), float("-inf")).triu(1)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.head = nn.Embedding(256, 128), nn.Linear(128, 256)
            layer = nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True)
            self.body = nn.TransformerEncoder(layer, 2)

        def forward(self, words: pf.Tensor) -> pf.Tensor:
            return self.head(self.body(self.words(words), mask=mask))

    model = Net()
    optimizer = pf.optim.Adam(model.parameters(), lr=1e-4)

    def step() -> None:
        optimizer.zero_grad()
        scores = model(words[:, :-1])
        nn.functional.cross_entropy(scores.flatten(0, 1), words[:, 1:].flatten()).backward()
        optimizer.step()

    return Loop(model, optimizer, step)


LOOPS = {"MLP 784-512-512-10, batch 128": mlp, "transformer 2 x 128, 16 x 64": transformer}


def seconds(step: Callable[[], None], calls: int) -> float:
    """Per call."""
    start = time.perf_counter()
    for _ in range(calls):
        step()
    return (time.perf_counter() - start) / calls


def monitored(make: Callable[[], Loop], rounds: int, calls: int) -> tuple[float, float]:
    """Seconds of a plain step, and how many times as long a watched one takes.

    Two equal loops step in turns, first one of them watched and then the other: where their memory
    lies makes a difference of some percent, which cancels so.
    """
    first, second = make(), make()
    found = []
    for plain, watched in ((first, second), (second, first)):
        with Monitor(watched.model, watched.optimizer, on_error="log"):
            seconds(watched.step, 3 * calls)  # the recorded step and the first looks
            found.append(_in_turns(plain.step, watched.step, rounds // 2, calls))
    return found[0][0], (found[0][1] * found[1][1]) ** 0.5


def in_anomaly_mode(make: Callable[[], Loop], rounds: int, calls: int) -> tuple[float, float]:
    """The same of a step with and without anomaly mode."""
    loop = make()

    def checked() -> None:
        with set_detect_anomaly(True):
            loop.step()

    seconds(loop.step, calls)
    return _in_turns(loop.step, checked, rounds, calls)


def _in_turns(
    plain: Callable[[], None], watched: Callable[[], None], rounds: int, calls: int
) -> tuple[float, float]:
    times, ratios = [], []
    for k in range(rounds):
        pair = [0.0, 0.0]
        for which in (0, 1) if k % 2 else (1, 0):
            pair[which] = seconds((plain, watched)[which], calls)
        times.append(pair[0])
        ratios.append(pair[1] / pair[0])
    return statistics.median(times), statistics.median(ratios)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--only", choices=("monitor", "anomaly"))
    args = parser.parse_args()
    pf.set_num_threads(1)
    for name, make in LOOPS.items():
        for mode, measure in (("monitor", monitored), ("anomaly", in_anomaly_mode)):
            if args.only in (None, mode):
                plain, ratio = measure(make, args.rounds, 10)
                print(f"{name:32} {mode:8} {plain * 1e3:7.3f} ms  {ratio:.3f}x", flush=True)


if __name__ == "__main__":
    main()
