"""What a Monitor costs per training step: `python -m benchmarks.diagnose`. Target: at most 3%."""

from __future__ import annotations

import statistics
import time

import pyforge as pf
from pyforge import nn
from pyforge.diagnose import Monitor


def main(rounds: int = 40, calls: int = 8) -> None:
    """Two equal networks step in turns, one of them watched."""
    pf.set_num_threads(1)
    x, y = pf.randn(128, 784), pf.randint(0, 10, (128,))

    def stepper() -> tuple[nn.Module, pf.optim.Optimizer]:
        pf.manual_seed(0)
        model = nn.Sequential(
            nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
        )
        return model, pf.optim.SGD(model.parameters(), lr=1e-3)

    plain, watched = stepper(), stepper()

    def seconds(model: nn.Module, optimizer: pf.optim.Optimizer) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        return (time.perf_counter() - start) / calls

    with Monitor(*watched, on_error="log"):
        seconds(*plain), seconds(*watched)
        pairs = [(seconds(*plain), seconds(*watched)) for _ in range(rounds)]
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"plain {statistics.median(a for a, _ in pairs) * 1e3:.3f} ms, overhead {ratio - 1:+.1%}")


if __name__ == "__main__":
    main()
