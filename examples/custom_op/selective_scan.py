"""A selective scan as a custom C++ op: checked, timed, and trained.

h[t] = a[t] * h[t - 1] + x[t], with a[t] in (0, 1) read from the input: what a state-space layer
remembers. The task: say at the end which of two marks came first, some hundred steps ago.

python examples/custom_op/selective_scan.py
"""

import time
from pathlib import Path

import pyforge as pf
from pyforge import nn
from pyforge.testing import opcheck
from pyforge.utils import cpp_extension

ext = cpp_extension.load("selective_scan", [str(Path(__file__).parent / "selective_scan.cpp")])


def in_python(a, x):
    """The same in pyforge's ops, one step at a time."""
    h, steps = pf.zeros(x.shape[1], dtype=x.dtype), []
    for t in range(len(x)):
        h = a[t] * h + x[t]
        steps.append(h)
    return pf.stack(steps)


class Scan(nn.Module):
    """Channels that keep or forget, as the input says."""

    def __init__(self, width):
        super().__init__()
        self.keep, self.write = nn.Linear(3, width), nn.Linear(3, width)
        nn.init.constant_(self.keep.bias, 4.0)  # remembers at first
        self.read = nn.Linear(width, 2)

    def forward(self, x):  # (steps, batch, 3)
        a, v = self.keep(x).sigmoid(), self.write(x)
        h = ext.selective_scan(a.flatten(1), v.flatten(1)).reshape(a.shape)
        return self.read(h[-1])


def batch(steps, size):
    """Noise with two marks; the class is the one that came first."""
    x = pf.zeros(steps, size, 3)
    x[:, :, 2] = pf.randn(steps, size)
    first = pf.randint(0, 2, (size,))
    when = pf.randint(0, steps // 2, (2, size))
    for i in range(size):
        early, late = int(when[0, i]), steps // 2 + int(when[1, i])
        x[early, i, first[i]] = 1.0
        x[late, i, 1 - first[i]] = 1.0
    return x, first


def main(updates=150):
    pf.manual_seed(0)
    a = pf.rand(7, 5, dtype=pf.float64, requires_grad=True)
    x = pf.randn(7, 5, dtype=pf.float64, requires_grad=True)
    print("opcheck:", ", ".join(opcheck(ext.selective_scan, (a, x))))

    long_a, long_x = pf.rand(500, 64, requires_grad=True), pf.randn(500, 64, requires_grad=True)
    times = {}
    for name, f in (("Python", in_python), ("C++", ext.selective_scan)):
        start = time.perf_counter()
        f(long_a, long_x).sum().backward()
        times[name] = time.perf_counter() - start
    print(
        f"500 steps of 64 channels, with gradient: {1e3 * times['Python']:.2f} ms in Python, "
        f"{1e3 * times['C++']:.2f} ms as an op"
    )

    model = Scan(16)
    optimizer = pf.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(updates):
        inputs, classes = batch(100, 32)
        loss = nn.functional.cross_entropy(model(inputs), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    inputs, classes = batch(100, 400)
    with pf.no_grad():
        accuracy = (model(inputs).argmax(1) == classes).float().mean().item()
    print(f"which mark came first, over 100 steps: {100 * accuracy:.1f}% right")
    return accuracy


if __name__ == "__main__":
    main()
