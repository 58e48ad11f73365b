"""A softmax classifier, forward and backward, against hand-written NumPy."""

import numpy as np

import pyforge as pf
from pyforge.nn import functional as F


def main() -> tuple[float, float]:
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(16, 4)), rng.integers(0, 3, size=16)
    weight, bias = rng.normal(size=(3, 4)), rng.normal(size=3)

    logits = x @ weight.T + bias
    shifted = logits - logits.max(axis=1, keepdims=True)
    probabilities = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    hand_loss = -np.log(probabilities[np.arange(16), labels]).mean()
    delta = (probabilities - np.eye(3)[labels]) / 16  # predicted - actual
    hand_weight, hand_bias = delta.T @ x, delta.sum(axis=0)

    w, b = pf.tensor(weight, requires_grad=True), pf.tensor(bias, requires_grad=True)
    loss = F.cross_entropy(pf.from_numpy(x) @ w.T + b, pf.from_numpy(labels))
    loss.backward()
    difference = max(
        np.abs(w.grad.numpy() - hand_weight).max(), np.abs(b.grad.numpy() - hand_bias).max()
    )
    print(
        f"loss {loss.item():.6f} by tape, {hand_loss:.6f} by hand; gradients differ by {difference:.1e}"
    )
    return abs(loss.item() - float(hand_loss)), float(difference)


if __name__ == "__main__":
    main()
