"""The thread pool and Python's threads: same bits for any count, safe after fork, no surprises."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import programs
import pytest
from programs import run_code
from support import array

import pyforge as pf


@pytest.fixture(autouse=True)
def _restore_threads() -> Iterator[None]:
    count = pf.get_num_threads()
    yield
    pf.set_num_threads(count)


def training_run(steps: int = 3) -> bytes:
    """A few steps of a network large enough to be split among threads."""
    pf.manual_seed(3)
    rng = np.random.default_rng(0)
    x = pf.from_numpy(rng.normal(size=(256, 300)).astype(np.float32))
    y = pf.from_numpy(rng.integers(0, 40, 256))
    model = pf.nn.Sequential(
        pf.nn.Linear(300, 500), pf.nn.LayerNorm(500), pf.nn.GELU(), pf.nn.Linear(500, 40)
    )
    optimiser = pf.optim.Adam(model.parameters(), lr=1e-3)
    out = b""
    for _ in range(steps):
        optimiser.zero_grad()
        loss = pf.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()
        out += array(loss).tobytes()
    return out + b"".join(array(p).tobytes() for p in model.parameters())


def test_training_is_bit_identical_for_any_number_of_threads() -> None:
    pf.set_num_threads(1)
    one = training_run()
    for threads in (2, 3, 5):
        pf.set_num_threads(threads)
        assert training_run() == one, f"{threads} threads"


@pytest.mark.parametrize(
    "shape", [(1, 1_000_003), (1_000_003, 1), (997, 1009), (3, 333_333), (17, 59, 1013)]
)
def test_reductions_are_bit_identical(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    x = pf.from_numpy(rng.normal(size=shape).astype(np.float32))

    def results() -> list[bytes]:
        outs = [x.sum(), x.mean(), x.var(), x.norm(), x.max(), x.logsumexp(tuple(range(x.dim())))]
        for dim in range(x.dim()):
            outs += [
                x.sum(dim),
                x.var(dim, correction=0),
                x.max(dim)[1],
                x.softmax(dim),
                x.cumsum(dim),
            ]
        return [array(o).tobytes() for o in outs]

    pf.set_num_threads(1)
    one = results()
    for threads in (2, 4, 7):
        pf.set_num_threads(threads)
        assert results() == one, f"{threads} threads"


@pytest.mark.parametrize(
    ("m", "k", "n"),
    [
        (300, 301, 302),
        (1, 2000, 500),
        (2000, 7, 500),
        (5, 40000, 5),
        (64, 30001, 12),
        (700, 1, 900),
    ],
)
def test_matrix_products_are_bit_identical(m: int, k: int, n: int) -> None:
    rng = np.random.default_rng(2)
    a = pf.from_numpy(rng.normal(size=(m, k)).astype(np.float32))
    b = pf.from_numpy(rng.normal(size=(k, n)).astype(np.float32))
    pf.set_num_threads(1)
    one = array(a @ b).tobytes()
    np.testing.assert_allclose(array(a @ b), array(a.double() @ b.double()), rtol=2e-4, atol=2e-3)
    for threads in (2, 3, 4):
        pf.set_num_threads(threads)
        assert array(a @ b).tobytes() == one


def test_random_numbers_do_not_depend_on_threads() -> None:
    def draw() -> list[bytes]:
        pf.manual_seed(1)
        big = pf.randn(300_000)
        mask = pf.nn.functional.dropout(pf.ones(300_000), 0.5)
        return [array(big).tobytes(), array(mask).tobytes(), array(pf.rand(1000)).tobytes()]

    pf.set_num_threads(1)
    one = draw()
    pf.set_num_threads(3)
    assert draw() == one


def test_number_of_threads() -> None:
    assert 1 <= pf.get_num_threads() <= (os.cpu_count() or 1)
    pf.set_num_threads(2)
    assert pf.get_num_threads() == 2
    for bad in (0, -1):
        with pytest.raises((ValueError, RuntimeError), match="positive"):
            pf.set_num_threads(bad)
    with pytest.raises((TypeError, RuntimeError)):
        pf.set_num_threads("many")


def in_threads(work: Any, count: int = 6) -> list[Any]:
    results: list[Any] = [None] * count
    errors: list[BaseException] = []
    gate = threading.Barrier(count)

    def run(k: int) -> None:
        try:
            gate.wait()
            results[k] = work(k)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors, errors
    return results


def test_concurrent_graphs_in_python_threads() -> None:
    def work(k: int) -> float:
        w = pf.full((100,), float(k + 1), requires_grad=True)
        for _ in range(30):
            ((w * 2).tanh() + w * w).sum().backward()
        return float(w.grad.sum().item())

    got = in_threads(work)
    assert got == [work(k) for k in range(6)]


def test_concurrent_large_kernels() -> None:
    rng = np.random.default_rng(3)
    a = pf.from_numpy(rng.normal(size=(400, 400)).astype(np.float32))
    want = array((a @ a).softmax(1).sum(0)).tobytes()
    got = in_threads(lambda k: [array((a @ a).softmax(1).sum(0)).tobytes() for _ in range(5)])
    assert all(bits == want for many in got for bits in many)


def test_backward_of_one_graph_through_shared_leaves() -> None:
    """Threads that share leaves each get all their gradients in."""
    w = pf.ones(1000, dtype=pf.float64, requires_grad=True)

    def work(k: int) -> None:
        for _ in range(20):
            (w * (k + 1)).sum().backward()

    in_threads(work, 4)
    assert w.grad.tolist() == [20.0 * (1 + 2 + 3 + 4)] * 1000


def test_grad_mode_is_per_thread() -> None:
    entered, leave = threading.Event(), threading.Event()
    inside = []

    def quiet() -> None:
        with pf.no_grad():
            inside.append(pf.is_grad_enabled())
            entered.set()
            leave.wait()

    t = threading.Thread(target=quiet)
    t.start()
    entered.wait()
    here = pf.is_grad_enabled()
    leave.set()
    t.join()
    assert inside == [False]
    assert here
    with pf.no_grad():
        assert in_threads(lambda k: pf.is_grad_enabled(), 2) == [True, True]


def test_tensors_die_in_other_threads() -> None:
    x = pf.ones(1000, requires_grad=True)
    made = in_threads(lambda k: (x * k).exp())
    del made
    box = [(x * 2).tanh()]
    in_threads(lambda k: box.pop() if k == 0 else None, 2)
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0] * 1000


FORK = """
import os, sys, warnings
warnings.simplefilter("ignore")
import pyforge as pf
pf.set_num_threads(3)
a = pf.ones(400, 400, requires_grad=True)
def work():
    a.grad = None
    (a @ a).tanh().sum().backward()
    return (a @ a).sum().item() + a.grad.sum().item()
before = work()
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        ok = work() == before
        child = os.fork()
        if child == 0:
            os._exit(0 if work() == before else 1)
        _, status = os.waitpid(child, 0)
        os._exit(0 if ok and status == 0 else 1)
    _, status = os.waitpid(pid, 0)
    assert status == 0, status
    assert work() == before
print("fine")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_fork_after_the_pool_has_run() -> None:
    run = run_code(FORK)
    assert run.out.strip() == "fine", run.explain()


MULTIPROCESSING = """
import multiprocessing as mp, warnings
warnings.simplefilter("ignore")
import pyforge as pf
def work(k):
    return (pf.ones(300, 300) * k @ pf.ones(300, 300)).sum().item()
if __name__ == "__main__":
    work(1)
    with mp.get_context("fork").Pool(2) as pool:
        print(pool.map(work, range(4)) == [work(k) for k in range(4)])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_multiprocessing_pool(tmp_path: Any) -> None:
    script = tmp_path / "script.py"
    script.write_text(MULTIPROCESSING)
    run = programs.run([script])
    assert run.out.strip() == "True", run.explain()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts threads in /proc")
def test_import_starts_no_thread() -> None:
    code = "import os, pyforge; pyforge.ones(3) + 1; print(len(os.listdir('/proc/self/task')))"
    run = run_code(code)
    assert run.out.strip() == "1", run.explain()


def test_exit_with_the_pool_alive() -> None:
    code = (
        "import pyforge as pf; pf.set_num_threads(4); a = pf.ones(500, 500); (a @ a).sum().item()"
    )
    run = run_code(code)
    assert run.status == 0, run.explain()


def test_exit_while_another_thread_computes() -> None:
    code = """
import threading, time, pyforge as pf
a = pf.ones(300, 300)
def spin():
    while True:
        (a @ a).sum()
threading.Thread(target=spin, daemon=True).start()
for _ in range(20):
    (a @ a).sum()
"""
    run = run_code(code)
    assert run.status == 0, run.explain()
