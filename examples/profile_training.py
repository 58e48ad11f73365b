"""Where a training step spends its time: a table, and a trace for ui.perfetto.dev.

Usage: python examples/profile_training.py [trace.json]
"""

from __future__ import annotations

import sys

import pyforge as pf
from pyforge import nn
from pyforge.profiler import profile, record_function


def main(path: str | None = None) -> list[str]:
    """Print the table; returns the names in the order of their own time."""
    pf.manual_seed(0)
    model = nn.Sequential(nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 10))
    optimizer = pf.optim.Adam(model.parameters(), lr=1e-3)
    x, target = pf.randn(64, 128), pf.randint(0, 10, (64,))
    with profile(record_shapes=True, profile_memory=True, with_stack=True, with_flops=True) as prof:
        for _ in range(5):
            with record_function("forward"):
                loss = nn.functional.cross_entropy(model(x), target)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    averages = prof.key_averages()
    print(averages.table(sort_by="self_cpu_time_total", row_limit=12))
    if path is not None:
        prof.export_chrome_trace(path)
    return [e.key for e in sorted(averages, key=lambda e: -e.self_cpu_time_total)]


if __name__ == "__main__":
    main(*sys.argv[1:2])
