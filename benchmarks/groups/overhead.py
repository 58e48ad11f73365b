"""What one small op, one node and one small training step cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ..case import Case, Step
from .steps import OVERHEAD

FLOATS = [0.1, 0.2, 0.3, 0.4]


def muladd(P: Any, requires_grad: bool) -> Callable[[], Any]:
    a, b, c = (P.tensor(FLOATS, requires_grad=requires_grad) for _ in range(3))
    return lambda: a * b + c


def numpy_muladd(np: Any) -> Callable[[], Any]:
    a, b, c = (np.array(FLOATS, np.float32) for _ in range(3))
    return lambda: a * b + c


def scalar_factor(P: Any) -> Step:
    """`2 * x` should cost about what `x * x` costs."""
    x = P.tensor(FLOATS)

    def seconds(f: Callable[[], Any]) -> float:
        start = time.perf_counter()
        for _ in range(20_000):
            f()
        return time.perf_counter() - start

    return Step(measure=lambda: seconds(lambda: 2 * x) / seconds(lambda: x * x))


def chain(P: Any, nodes: int) -> Any:
    """A chain of tiny ops: alternating products and sums."""
    x = P.tensor(FLOATS, requires_grad=True)
    y = x
    for k in range(nodes):
        y = y * x if k % 2 else y + x
    return y.sum()


def backward_chain(P: Any, nodes: int) -> Step:
    """Seconds per node of backward alone; graphs are built before the clock starts."""
    repeats = max(2, 3000 // nodes)

    def measure() -> float:
        graphs = [chain(P, nodes) for _ in range(repeats)]
        start = time.perf_counter()
        for g in graphs:
            g.backward()
        return (time.perf_counter() - start) / repeats / (nodes + 1)

    def check() -> Any:
        x = P.tensor(FLOATS, requires_grad=True)
        y = x
        for k in range(100):
            y = y * x if k % 2 else y + x
        y.sum().backward()
        return x.grad

    return Step(check=check, measure=measure)


def per_node(P: Any, depth: int) -> float:
    """Seconds per node of building, running and freeing a chain."""
    x = P.ones(1, requires_grad=True)
    repeats = max(1, 20_000 // depth)
    start = time.perf_counter()
    for _ in range(repeats):
        y = x
        for _ in range(depth):
            y = y + 1
        y.backward()
        del y
    return (time.perf_counter() - start) / repeats / depth


def depth(P: Any, nodes: int) -> Step:
    """Against a chain of a hundred: ten nodes would carry the fixed cost of a call to backward."""
    return Step(measure=lambda: per_node(P, nodes) / per_node(P, 100))


def taped(build: Callable[..., Any], **options: Any) -> dict[str, Callable[..., Any]]:
    return {"pyforge": partial(build, **options), "torch": partial(build, **options)}


CASES = [
    Case(
        "a*b+c, 4 floats, untracked",
        {**taped(muladd, requires_grad=False), "numpy": numpy_muladd},
        calls=2,
        at_least={"torch": 15},
        quick=True,
    ),
    Case(
        "a*b+c, 4 floats, tracked",
        taped(muladd, requires_grad=True),
        calls=2,
        at_least={"torch": 15},
        quick=True,
    ),
    Case("2*x against x*x", {"pyforge": scalar_factor}, unit="x", at_most=1.2, quick=True),
    *(
        Case(
            f"backward per node, chain of {n}",
            taped(backward_chain, nodes=n),
            at_least={"torch": 15},
            quick=n == 300,
        )
        for n in (100, 300, 1000)
    ),
    OVERHEAD,
    *(
        Case(
            f"per node, chain of {n:,} against 100",
            {"pyforge": partial(depth, nodes=n)},
            unit="x",
            at_most=1.5 if n <= 10_000 else 3.0,
            quick=n == 10_000,
            once=True,
        )
        for n in (1000, 10_000, 100_000, 1_000_000)
    ),
]
