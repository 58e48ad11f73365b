"""Not a network: a damped oscillation fitted in float64, with a function that brings its own derivative."""

from typing import Any

import pyforge as pf


class Damped(pf.autograd.Function):
    """exp(-decay * t), with the derivative written by hand."""

    @staticmethod
    def forward(ctx: Any, decay: pf.Tensor, t: pf.Tensor) -> pf.Tensor:
        value = (-decay * t).exp()
        ctx.save_for_backward(value, t)
        return value

    @staticmethod
    def backward(ctx: Any, grad: pf.Tensor) -> tuple[pf.Tensor, None]:
        value, t = ctx.saved_tensors
        return (grad * -t * value).sum(), None


def main(steps: int = 800) -> tuple[float, float]:
    t = pf.linspace(0, 4, 200, dtype=pf.float64)
    measured = (-0.7 * t).exp() * (3.0 * t).cos()
    decay = pf.tensor(0.2, dtype=pf.float64, requires_grad=True)
    frequency = pf.tensor(2.6, dtype=pf.float64, requires_grad=True)
    optimizer = pf.optim.Adam([decay, frequency], lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        ((Damped.apply(decay, t) * (frequency * t).cos() - measured) ** 2).sum().backward()
        optimizer.step()
    print(f"decay {decay.item():.6f} (true 0.7), frequency {frequency.item():.6f} (true 3.0)")
    return decay.item(), frequency.item()


if __name__ == "__main__":
    main()
