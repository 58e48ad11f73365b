"""One neuron, tanh(w * x + b): its activation and both gradients."""

import pyforge as pf


def main() -> tuple[float, float, float]:
    x = pf.tensor(1.0)
    w = pf.tensor(-2.0, requires_grad=True)
    b = pf.tensor(3.0, requires_grad=True)
    activation = pf.tanh(w * x + b)
    activation.backward()
    print(f"activation {activation.item():.4f}  d/dw {w.grad.item():.4f}  d/db {b.grad.item():.4f}")
    return activation.item(), w.grad.item(), b.grad.item()


if __name__ == "__main__":
    main()
