"""Gradients accumulated over micro-batches: those of the whole batch, with a flat memory peak."""

import pyforge as pf
from pyforge import memory, nn


def main(parts: int = 8) -> tuple[float, list[int]]:
    pf.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 1)).double()
    x, y = pf.randn(512, 64, dtype=pf.float64), pf.randn(512, 1, dtype=pf.float64)
    nn.functional.mse_loss(model(x), y).backward()
    whole = [p.grad.clone() for p in model.parameters()]

    model.zero_grad()
    peaks = []
    for chunk, target in zip(x.chunk(parts), y.chunk(parts)):
        memory.reset_peak()
        loss = nn.functional.mse_loss(model(chunk), target) / parts
        loss.backward()  # frees this part's graph; .grad adds up
        del loss
        peaks.append(memory.peak_bytes())
    difference = max((p.grad - g).abs().max().item() for p, g in zip(model.parameters(), whole))
    print(f"largest difference from the whole batch {difference:.1e}; peak bytes per part {peaks}")
    return difference, peaks


if __name__ == "__main__":
    main()
