"""Gradients that do not arrive: dead ReLUs, saturated sigmoids, a detached branch."""

import pyforge as pf
from pyforge import nn


def main() -> dict[str, float]:
    pf.manual_seed(0)
    x = pf.randn(256, 32)
    found = {}

    layer = nn.Linear(32, 64)
    nn.init.constant_(layer.bias, -10.0)
    pf.relu(layer(x)).sum().backward()
    found["dead ReLU"] = (layer.weight.grad.abs().sum(dim=1) == 0).float().mean().item()

    layer = nn.Linear(32, 64)
    nn.init.normal_(layer.weight, std=10.0)
    z = layer(x)
    z.retain_grad()
    pf.sigmoid(z).sum().backward()
    found["saturated sigmoid"] = (z.grad.abs() < 1e-8).float().mean().item()

    first, second = nn.Linear(32, 32), nn.Linear(32, 1)
    second(first(x).detach()).sum().backward()
    found["detached"] = float(first.weight.grad is None and second.weight.grad is not None)

    for name, share in found.items():
        print(f"{name:>18}: {share:.0%}")
    return found


if __name__ == "__main__":
    main()
