"""Cross-entropy of the logits [1000, -1000, 0]: finite from logits, NaN through exp and sum."""

import pyforge as pf
from pyforge.nn import functional as F


def main() -> tuple[list[float], list[list[float]], bool]:
    logits = pf.tensor([[1000.0, -1000.0, 0.0]], requires_grad=True)
    losses, gradients = [], []
    for target in range(3):
        logits.grad = None
        loss = F.cross_entropy(logits, pf.tensor([target]))
        loss.backward()
        losses.append(loss.item())
        gradients.append(logits.grad[0].tolist())
        print(f"target {target}: loss {losses[-1]:.1f}, gradient {gradients[-1]}")
    exp = logits.detach().exp()
    naive = (exp / exp.sum()).log()
    print("through exp and sum:", naive[0].tolist())
    return losses, gradients, bool(naive.isnan().any())


if __name__ == "__main__":
    main()
