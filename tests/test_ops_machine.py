"""Every row on each instruction set, with one thread and several, and what it leaves in memory."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from optable import ROWS
from optable.model import Gen, Op
from support import Call, array, assert_same, describe, flat, gradients, instruction_sets, is_tensor

import pyforge as pf


def rows(keep: Callable[[Op], Any] = lambda op: True) -> Any:
    return pytest.mark.parametrize("op", [op for op in ROWS if keep(op)], ids=repr)


@pytest.mark.usefixtures("_settings")
@rows(lambda op: not op.random)
def test_instruction_sets(op: Op) -> None:
    best = pf.backends.cpu.get_instruction_set()
    for dtype in op.dtypes:
        for sample in op.draw(dtype):
            want = Call(pf, op, sample)()
            for isa in instruction_sets():
                pf.backends.cpu.set_instruction_set(isa)
                assert_same(
                    Call(pf, op, sample)(), want, op.tol, f"{op}({describe(sample)}) on {isa}"
                )
            pf.backends.cpu.set_instruction_set(best)


@pytest.mark.usefixtures("_settings")
@rows(lambda op: op.grad and "float32" in op.dtypes)
def test_gradients_on_instruction_sets(op: Op) -> None:
    best = pf.backends.cpu.get_instruction_set()
    for sample in op.draw("float32"):
        want = gradients(Call(pf, op, sample, grad=True))
        for isa in instruction_sets():
            pf.backends.cpu.set_instruction_set(isa)
            got = gradients(Call(pf, op, sample, grad=True))
            for g, w in zip(got, want, strict=True):
                if w is not None:
                    assert_same(g, w, 4 * op.tol, f"{op}({describe(sample)}) on {isa}")
        pf.backends.cpu.set_instruction_set(best)


def bits(op: Op, threads: int) -> list[bytes]:
    """Result and gradients of the large sample, as bytes."""
    pf.set_num_threads(threads)
    sample = op.large(Gen(op.name, "float32" if "float32" in op.dtypes else "int64", op.domain))
    call = Call(pf, op, sample, grad=op.grad)
    out = [array(t).tobytes() for t in flat(call()) if is_tensor(t)]
    if op.grad:
        out += [array(g).tobytes() for g in gradients(call) if g is not None]
    return out


@pytest.mark.usefixtures("_settings")
@rows(lambda op: op.large)
def test_bits_do_not_depend_on_threads(op: Op) -> None:
    one = bits(op, 1)
    for threads in (2, 3, 4):
        assert bits(op, threads) == one, f"{op} with {threads} threads"


@rows(lambda op: op.large and op.numpy)
def test_large_values(op: Op) -> None:
    """Beyond one block of any loop: the whole still equals NumPy."""
    sample = op.large(Gen(op.name, "float64" if "float64" in op.dtypes else "int64", op.domain))
    with np.errstate(all="ignore"):
        want = op.numpy(*sample.args, **sample.kwargs)
    for g, w in zip(flat(Call(pf, op, sample)()), flat(want), strict=True):
        np.testing.assert_allclose(array(g), w, rtol=1e-9, atol=1e-9 * np.abs(w).max(initial=1))


def run_all(op: Op, create_graph: bool) -> None:
    dtype = "float32" if "float32" in op.dtypes else op.dtypes[0]
    for sample in op.draw(dtype):
        call = Call(pf, op, sample, grad=op.grad)
        if op.grad:
            gradients(call, create_graph=create_graph)
        else:
            call()


FORMS = [
    pytest.param(op, create_graph, id=f"{op}-{create_graph}")
    for op in ROWS
    for create_graph in ((False, True) if op.grad else (False,))
]


@pytest.mark.parametrize(("op", "create_graph"), FORMS)
def test_memory_returns(op: Op, create_graph: bool) -> None:
    """Without the garbage collector."""
    run_all(op, create_graph)
    gc.collect()
    gc.disable()
    try:
        before = pf.memory.live_bytes()
        run_all(op, create_graph)
        assert pf.memory.live_bytes() == before
    finally:
        gc.enable()
