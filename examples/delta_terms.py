"""Delta terms: the gradient at each layer's pre-activation, and predicted - actual at the output."""

import pyforge as pf
from pyforge import nn
from pyforge.nn import functional as F


def main() -> tuple[list[float], float]:
    pf.manual_seed(0)
    layers = [nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 4)]
    labels = pf.randint(0, 4, (32,))
    hidden, pre_activations = pf.randn(32, 8), []
    for layer in layers:
        z = layer(hidden)
        z.retain_grad()
        pre_activations.append(z)
        hidden = pf.tanh(z)
    F.cross_entropy(pre_activations[-1], labels).backward()
    magnitudes = [z.grad.norm().item() for z in pre_activations]
    for i, magnitude in enumerate(magnitudes):
        print(f"layer {i}: |delta| = {magnitude:.3e}")
    logits = pre_activations[-1].detach()
    closed_form = (F.softmax(logits, dim=1) - F.one_hot(labels, 4)) / 32
    difference = (pre_activations[-1].grad - closed_form).abs().max().item()
    print(f"output delta - (predicted - actual) / n: at most {difference:.1e}")
    return magnitudes, difference


if __name__ == "__main__":
    main()
