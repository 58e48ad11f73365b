"""A two-layer tanh network: the tape's gradients against the chain rule written out in NumPy."""

import numpy as np

import pyforge as pf


def by_hand(
    x: np.ndarray, target: np.ndarray, w1: np.ndarray, w2: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    hidden = np.tanh(x @ w1)
    output = np.tanh(hidden @ w2)
    delta2 = 2 * (output - target) / output.size * (1 - output**2)
    delta1 = delta2 @ w2.T * (1 - hidden**2)
    return x.T @ delta1, hidden.T @ delta2


def main() -> float:
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))
    w1, w2 = rng.normal(size=(3, 5)), rng.normal(size=(5, 2))
    t1, t2 = (pf.tensor(w, requires_grad=True) for w in (w1, w2))
    output = pf.tanh(pf.tanh(pf.from_numpy(x) @ t1) @ t2)
    loss = ((output - pf.from_numpy(target)) ** 2).mean()
    loss.backward()
    hand1, hand2 = by_hand(x, target, w1, w2)
    difference = max(np.abs(t1.grad.numpy() - hand1).max(), np.abs(t2.grad.numpy() - hand2).max())
    print(
        f"loss {loss.item():.4f}, largest difference from the hand-written gradients {difference:.1e}"
    )
    return float(difference)


if __name__ == "__main__":
    main()
