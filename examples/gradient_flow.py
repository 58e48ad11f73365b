"""Gradient norms through ten layers: sigmoid loses the signal, ReLU with He initialisation keeps it."""

import pyforge as pf
from pyforge import nn

DEPTH, WIDTH = 10, 64


def norms(activation: type[nn.Module]) -> list[float]:
    pf.manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(DEPTH):
        linear = nn.Linear(WIDTH, WIDTH)
        if activation is nn.ReLU:
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        else:
            nn.init.xavier_normal_(linear.weight)
        layers += [linear, activation()]
    model = nn.Sequential(*layers)
    (model(pf.randn(128, WIDTH)) ** 2).mean().backward()
    return [layer.weight.grad.norm().item() for layer in model if isinstance(layer, nn.Linear)]


def main() -> dict[str, float]:
    """The norm at the first layer over the norm at the last, per activation."""
    ratios = {}
    for activation in (nn.Sigmoid, nn.Tanh, nn.ReLU):
        flow = norms(activation)
        ratios[activation.__name__] = flow[0] / flow[-1]
        print(
            f"{activation.__name__:>8}: "
            + " ".join(f"{n:.1e}" for n in flow)
            + f"   first/last {flow[0] / flow[-1]:.1e}"
        )
    return ratios


if __name__ == "__main__":
    main()
