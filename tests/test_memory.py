"""Memory returns to where it was after every step, without the garbage collector."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from programs import run_code, with_path

import pyforge as pf

N = 1000


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def steps(step: Callable[[], Any], warm: int = 2, times: int = 5) -> None:
    """After a few steps the count of live bytes stays exactly where it is."""
    for _ in range(warm):
        step()
    before = pf.memory.live_bytes()
    for _ in range(times):
        step()
        assert pf.memory.live_bytes() == before


def parameter() -> Any:
    return pf.ones(N, requires_grad=True)


def test_counter_counts() -> None:
    before = pf.memory.live_bytes()
    x = pf.ones(N)
    during = pf.memory.live_bytes()
    assert during - before >= 4 * N
    v = x[10:20]
    assert pf.memory.live_bytes() - during < 4 * N
    del x
    assert pf.memory.live_bytes() - before >= 4 * N
    del v
    assert pf.memory.live_bytes() == before
    stats = pf.memory.stats()
    assert stats["live_bytes"] == before
    assert stats["peak_bytes"] >= during


def test_forward_alone() -> None:
    x = parameter()
    steps(lambda: (x * 2).tanh().sum())


def test_forward_and_backward() -> None:
    x = parameter()

    def step() -> None:
        ((x * 2).tanh() * x).sum().backward()
        x.grad = None

    steps(step)


def test_grad_kept_and_accumulated() -> None:
    x = parameter()
    steps(lambda: (x * x).sum().backward())


def test_graph_kept_then_dropped() -> None:
    x = parameter()

    def step() -> None:
        y = (x * x).exp().sum()
        y.backward(retain_graph=True)
        y.backward(retain_graph=True)
        x.grad = None

    steps(step)


def test_saved_values_go_while_the_output_stays() -> None:
    x = parameter()
    y = (x * x).exp().sum()
    full = pf.memory.live_bytes()
    y.backward()
    x.grad = None
    assert full - pf.memory.live_bytes() >= 4 * N  # what exp kept
    assert y.requires_grad


def test_create_graph() -> None:
    x = parameter()

    def step() -> None:
        (g,) = pf.autograd.grad((x**3).sum(), x, create_graph=True)
        (h,) = pf.autograd.grad((g * g).sum(), x)
        assert h.shape == x.shape

    steps(step)


def test_backward_with_create_graph() -> None:
    """`x.grad` holds a graph that leads to x; dropping the grad drops it all."""
    x = parameter()

    def step() -> None:
        (x**3).sum().backward(create_graph=True)
        x.grad.sum().backward()
        x.grad = None

    steps(step)


def test_hooks() -> None:
    x = parameter()

    def step() -> None:
        y = x * 2
        kept = []
        y.register_hook(lambda g: kept.append(g))
        handle = x.register_hook(lambda g: g * 2)
        y.retain_grad()
        y.sum().backward()
        handle.remove()
        x.grad = None

    steps(step)


def test_leaves_with_hooks() -> None:
    def step() -> None:
        x = parameter()
        x.register_hook(lambda g: g * 2)
        x.register_post_accumulate_grad_hook(lambda t: t.grad.add_(1))
        (x * 2).sum().backward()
        assert x.grad[0].item() == 5.0
        y = parameter()
        y.register_post_accumulate_grad_hook(lambda t: None)  # never runs

    steps(step)


def test_hook_that_never_ran() -> None:
    x = parameter()

    def step() -> None:
        y = x * 2
        y.register_hook(lambda g: g + 1)
        assert y.exp().requires_grad

    steps(step)


def test_in_place_and_views() -> None:
    x = parameter()

    def step() -> None:
        y = x * 2
        y[0:10].mul_(3)
        y[20] = x[1] * 2
        y.view(10, -1).t().add_(1)
        y.sum().backward()
        x.grad = None

    steps(step)


def test_in_place_and_views_without_backward() -> None:
    x = parameter()

    def step() -> None:
        y = x * 2
        v = y[0:10]
        v.mul_(3)
        y.add_(1)
        assert v.grad_fn is not None

    steps(step)


def test_outputs_with_python_attributes() -> None:
    x = parameter()

    def step() -> None:
        y = x * 2
        y.note = [1, 2, 3]
        z = y.exp()
        z.sum().backward()
        x.grad = None

    steps(step)


def test_grad_fn_objects() -> None:
    x = parameter()

    def step() -> None:
        fn = ((x * 2).tanh() + 1).grad_fn
        names = []
        while fn is not None:
            names.append(fn.name())
            fn = fn.next_functions[0][0] if fn.next_functions else None
        assert len(names) == 4

    steps(step)


def test_failed_backward() -> None:
    x = parameter()

    def step() -> None:
        y = x.exp()
        z = y.sum()
        y.add_(1)
        with pytest.raises(RuntimeError):
            z.backward()

    steps(step)
    gc.collect()


def test_failed_ops() -> None:
    x = parameter()

    def step() -> None:
        for bad in (lambda: x + pf.ones(3), lambda: x @ pf.ones(3), lambda: x.view(7)):
            with pytest.raises(RuntimeError):
                bad()

    steps(step)


def test_errors_in_hooks_and_functions() -> None:
    x = parameter()

    class Broken(pf.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, a: Any) -> Any:
            ctx.save_for_backward(a)
            return a * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            raise ValueError

    def step() -> None:
        with pytest.raises(ValueError):  # noqa: PT011
            Broken.apply(x.exp()).sum().backward()

    steps(step)


def test_optimiser_steps() -> None:
    model = pf.nn.Sequential(pf.nn.Linear(16, 32), pf.nn.Tanh(), pf.nn.Linear(32, 4))
    for make in (
        lambda p: pf.optim.SGD(p, lr=0.1, momentum=0.9),
        lambda p: pf.optim.Adam(p, lr=0.01),
    ):
        optimiser = make(model.parameters())
        x, y = pf.ones(8, 16), pf.zeros(8, dtype=pf.int64)

        def step(optimiser: Any = optimiser, x: Any = x, y: Any = y) -> None:
            optimiser.zero_grad()
            pf.nn.functional.cross_entropy(model(x), y).backward()
            optimiser.step()

        steps(step)


def test_accumulating_micro_batches_keeps_the_peak_flat() -> None:
    w = pf.ones(200, 200, requires_grad=True)
    peaks = []
    for batches in (1, 8):
        w.grad = None
        pf.memory.reset_peak()
        for _ in range(batches):
            (pf.ones(64, 200) @ w).tanh().sum().backward()
        peaks.append(pf.memory.peak_bytes())
    assert peaks[1] <= peaks[0] + w.numel() * 4 + 64 * 200 * 4


def test_tensors_die_with_their_last_name() -> None:
    x = parameter()
    y = x * 2
    alive = weakref.ref(y)
    z = y.exp()
    del y
    assert alive() is None
    assert z.requires_grad


def test_graph_dropped_without_backward() -> None:
    x = parameter()

    def step() -> None:
        y = x
        for _ in range(50):
            y = y * 1.01 + x

    steps(step)


def test_many_threads_return_their_memory() -> None:
    x = parameter()

    def work() -> None:
        for _ in range(5):
            (x * 2).exp().sum()

    def step() -> None:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    steps(step)


OUT_OF_MEMORY = """
import programs
import pyforge as pf
programs.limit_memory()
x = pf.ones(1000, requires_grad=True)
for attempt in (
    lambda: pf.zeros(1 << 40),
    lambda: pf.ones(1 << 16, 1) * pf.ones(1, 1 << 16),
    lambda: pf.cat([pf.ones(1 << 28)] * 8),
    lambda: pf.ones(1 << 16).expand(1 << 16, 1 << 16).contiguous(),
    lambda: pf.randn(1 << 33),
):
    try:
        attempt()
    except (MemoryError, RuntimeError) as error:
        assert "memory" in str(error).lower() or "alloc" in str(error).lower(), str(error)
    else:
        raise SystemExit("no error")
    (x * x).sum().backward()
assert x.grad.tolist() == [10.0] * 1000
print("usable")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs RLIMIT_AS")
def test_out_of_memory_is_an_exception() -> None:
    run = run_code(OUT_OF_MEMORY, env=with_path(Path(__file__).parent))
    assert run.out.strip() == "usable", run.explain()
