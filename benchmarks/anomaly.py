"""What anomaly mode costs per step: `python -m benchmarks.anomaly`. Target: at most 1.5x."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pyforge as pf
from pyforge import nn
from pyforge.autograd import set_detect_anomaly


def mlp(width: int, batch: int) -> Callable[[], None]:
    layers = [m for _ in range(4) for m in (nn.Linear(width, width), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(width, 10))
    optimizer = pf.optim.Adam(model.parameters(), lr=1e-4)
    x, y = pf.randn(batch, width), pf.randint(0, 10, (batch,))

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


def transformer(width: int, length: int, batch: int) -> Callable[[], None]:
    """Causal, so that the mask's infinities are among what is looked at."""
    layer = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, batch_first=True)
    model = nn.TransformerEncoder(layer, 2)
    optimizer = pf.optim.Adam(model.parameters(), lr=1e-4)
    x, mask = pf.randn(batch, length, width), pf.full((length, length), float("-inf")).triu(1)

    def step() -> None:
        optimizer.zero_grad()
        model(x, mask=mask).square().mean().backward()
        optimizer.step()

    return step


def attention(width: int, length: int, batch: int) -> Callable[[], None]:
    """Attention written out: the scores are masked in every step."""
    qkv, out = nn.Linear(width, 3 * width), nn.Linear(width, width)
    optimizer = pf.optim.Adam([*qkv.parameters(), *out.parameters()], lr=1e-4)
    x, hidden = pf.randn(batch, length, width), pf.ones(length, length).triu(1) == 1

    def step() -> None:
        optimizer.zero_grad()
        q, k, v = qkv(x).chunk(3, -1)
        scores = (q @ k.transpose(1, 2) / width**0.5).masked_fill(hidden, float("-inf"))
        out(scores.softmax(-1) @ v).square().mean().backward()
        optimizer.step()

    return step


def main(rounds: int = 100) -> None:
    """The same network steps in turns without and with anomaly mode."""
    pf.set_num_threads(1)
    cases = {
        "MLP 4 x 64, batch 32": mlp(64, 32),
        "MLP 4 x 256, batch 64": mlp(256, 64),
        "transformer 2 x 64, 8 x 32": transformer(64, 32, 8),
        "attention 64, 8 x 64": attention(64, 64, 8),
    }

    def seconds(step: Callable[[], None]) -> float:
        start = time.perf_counter()
        step()
        return time.perf_counter() - start

    for name, step in cases.items():
        for _ in range(5):
            step()
        pairs = []
        for _ in range(rounds):
            plain = seconds(step)
            with set_detect_anomaly(True):
                pairs.append((plain, seconds(step)))
        # The lower decile of each: what else runs on the machine only ever makes a step longer.
        plain, watched = (
            statistics.quantiles(times, n=10)[0] for times in zip(*pairs, strict=True)
        )
        print(f"{name:28} {plain * 1e6:8.0f} us  {watched / plain:.2f}x")


if __name__ == "__main__":
    main()
