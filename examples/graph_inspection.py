"""The graph of (tanh(w * x + b) - 0.5) ** 2, walked from the loss to the leaves."""

import pyforge as pf


def main() -> tuple[list[str], float, float, float]:
    x = pf.tensor(3.0, requires_grad=True)
    w = pf.tensor(2.0, requires_grad=True)
    b = pf.tensor(1.0, requires_grad=True)
    loss = (pf.tanh(w * x + b) - 0.5) ** 2
    names: list[str] = []
    level = [(loss.grad_fn, 0)]
    while level:
        following = []
        for node, depth in level:
            names.append(node.name())
            print("  " * depth + node.name())
            following += [
                (child, depth + 1) for child, _ in node.next_functions if child is not None
            ]
        level = following
    loss.backward()
    gradients = w.grad.item(), x.grad.item(), b.grad.item()
    print("d/dw {:.3g}  d/dx {:.3g}  d/db {:.3g}".format(*gradients))
    return names, *gradients


if __name__ == "__main__":
    main()
