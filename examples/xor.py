"""XOR by two sigmoid layers, and the gradients of one step against the chain rule in NumPy."""

import numpy as np

import pyforge as pf

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([[0.0], [1.0], [1.0], [0.0]])


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def main(steps: int = 3000) -> tuple[float, list[int]]:
    rng = np.random.default_rng(1)
    parameters = [
        pf.tensor(v, requires_grad=True)
        for v in (rng.normal(size=(2, 4)), np.zeros(4), rng.normal(size=(4, 1)), np.zeros(1))
    ]
    w1, b1, w2, b2 = parameters
    x, y = pf.from_numpy(X), pf.from_numpy(Y)

    def forward() -> pf.Tensor:
        return pf.sigmoid(pf.sigmoid(x @ w1 + b1) @ w2 + b2)

    ((forward() - y) ** 2).mean().backward()
    hidden = sigmoid(X @ w1.detach().numpy() + b1.detach().numpy())
    output = sigmoid(hidden @ w2.detach().numpy() + b2.detach().numpy())
    delta = 2 * (output - Y) / 4 * output * (1 - output)
    difference = float(np.abs(w2.grad.numpy() - hidden.T @ delta).max())

    optimizer = pf.optim.Adam(parameters, lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = ((forward() - y) ** 2).mean()
        loss.backward()
        optimizer.step()
    answers = [round(v) for v in forward().detach().reshape(-1).tolist()]
    print(
        f"gradient differs from the hand-written one by {difference:.1e}; loss {loss.item():.1e}; answers {answers}"
    )
    return difference, answers


if __name__ == "__main__":
    main()
