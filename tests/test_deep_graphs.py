"""Graphs of a million nodes in threads with small stacks: nothing recurses."""

from __future__ import annotations

import pytest
from programs import run_code

PRELUDE = """
import gc, sys, threading
import pyforge as pf
gc.disable()
N = {nodes}

def run():
    global result
    result = body()

def body():
{body}

threading.stack_size(256 * 1024)
thread = threading.Thread(target=run)
before = pf.memory.live_bytes()
thread.start()
thread.join()
print(result, pf.memory.live_bytes() - before)
"""

BODIES = {
    "built, run and freed": """
    x = pf.ones(1, requires_grad=True)
    y = x
    for _ in range(N):
        y = y + 1
    y.backward()
    return x.grad.item()
""",
    "freed without backward": """
    x = pf.ones(1, requires_grad=True)
    y = x
    for _ in range(N):
        y = y * 1.0
    del y
    return 1.0
""",
    "freed by its node": """
    x = pf.ones(1, requires_grad=True)
    y = x
    for _ in range(N):
        y = y.tanh()
    fn = y.grad_fn
    del y
    del fn
    return 1.0
""",
    "kept and run twice": """
    x = pf.ones(1, requires_grad=True)
    y = x
    for _ in range(N // 4):
        y = y + x
    y.backward(retain_graph=True)
    y.backward()
    return x.grad.item() / (N // 4 + 1) / 2
""",
    "with values saved": """
    x = pf.full((1,), 0.5, requires_grad=True)
    y = x
    for _ in range(N // 2):
        y = y.sin()
    y.backward()
    return float(0 < x.grad.item() < 1)
""",
    "in place": """
    x = pf.ones(1, requires_grad=True)
    y = x * 1
    for _ in range(N // 2):
        y.add_(1)
    y.backward()
    return x.grad.item()
""",
    "through views in place": """
    x = pf.ones(4, requires_grad=True)
    y = x * 1
    for _ in range(N // 20):
        y[0] += 1
    y.sum().backward()
    return x.grad.sum().item() / 4
""",
    "second order": """
    x = pf.ones(1, requires_grad=True)
    y = x
    for _ in range(N // 20):
        y = y * 1.0
    (g,) = pf.autograd.grad(y * y, x, create_graph=True)
    g.backward()
    return x.grad.item() / 2
""",
    "user functions": """
    class Same(pf.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a * 1
        @staticmethod
        def backward(ctx, g):
            return g
    x = pf.ones(1, requires_grad=True)
    y = x
    for _ in range(N // 50):
        y = Same.apply(y)
    y.backward()
    return x.grad.item()
""",
    "user functions freed without backward": """
    class Same(pf.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a * 1
        @staticmethod
        def backward(ctx, g):
            return g
    x = pf.ones(1, requires_grad=True)
    y = x
    for _ in range(N // 50):
        y = Same.apply(y)
    return 1.0
""",
    "a wide one": """
    x = pf.ones(1, requires_grad=True)
    parts = [x * 2 for _ in range(N // 4)]
    while len(parts) > 1:
        tail = parts[len(parts) & ~1:]
        parts = [a + b for a, b in zip(parts[::2], parts[1::2])] + tail
    parts[0].backward()
    return x.grad.item() / (2 * (N // 4))
""",
    "walked through next_functions": """
    x = pf.ones(1, requires_grad=True)
    y = x
    for _ in range(N // 50):
        y = y + 1
    fn, count = y.grad_fn, 0
    while fn is not None:
        count += 1
        fn = fn.next_functions[0][0] if fn.next_functions else None
    return float(count == N // 50 + 1)
""",
}


@pytest.mark.parametrize("name", list(BODIES))
def test_a_graph(name: str) -> None:
    code = PRELUDE.format(nodes=1_000_000, body=BODIES[name])
    run = run_code(code, timeout=300)
    assert run.status == 0, run.explain()
    value, leaked = run.out.split()
    assert float(value) == 1.0
    assert int(leaked) == 0
