"""Paths that kernels take by shape and layout alone, against NumPy on every instruction set."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from support import instruction_sets

import pyforge as pf


@pytest.fixture(autouse=True, params=instruction_sets())
def _isa(request: pytest.FixtureRequest) -> Iterator[None]:
    before = pf.backends.cpu.get_instruction_set()
    pf.backends.cpu.set_instruction_set(request.param)
    yield
    pf.backends.cpu.set_instruction_set(before)


def normal(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(3).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(130, 17), (7, 1100), (3, 70, 33), (1, 16), (1500, 20)])
def test_softmax_across_memory(shape: tuple[int, ...], dtype: str) -> None:
    x, g = normal(*shape, dtype=dtype) * 5, normal(*shape[::-1], dtype=dtype).T
    dim = len(shape) - 2
    wide = x.astype(np.longdouble)
    e = np.exp(wide - wide.max(dim, keepdims=True))
    y, log_y = e / e.sum(dim, keepdims=True), wide - wide.max(dim, keepdims=True)
    log_y = log_y - np.log(e.sum(dim, keepdims=True))
    g = np.ascontiguousarray(g)
    gy = g * y
    want = {
        "softmax": (y, gy - y * gy.sum(dim, keepdims=True)),
        "log_softmax": (log_y, g - y * g.sum(dim, keepdims=True)),
    }
    eps = np.finfo(dtype).eps
    for name, (value, gradient) in want.items():
        t = pf.tensor(x, requires_grad=True)
        out = getattr(pf, name)(t, dim)
        out.backward(pf.tensor(g))
        np.testing.assert_allclose(out.detach().numpy(), value, rtol=40 * eps, atol=40 * eps)
        np.testing.assert_allclose(t.grad.numpy(), gradient, rtol=40 * eps, atol=400 * eps)


def test_softmax_across_memory_of_infinities() -> None:
    x = normal(70, 40)
    x[:, 3], x[5:, 4], x[9, 5] = -np.inf, -np.inf, np.nan
    got = pf.softmax(pf.tensor(x), 0).numpy()
    assert np.isnan(got[:, [3, 5]]).all()
    assert np.isfinite(np.delete(got, [3, 5], 1)).all()
    assert (got[5:, 4] == 0).all()
    g = normal(70, 40)
    g[:, 3:6] = 0
    g[7, 5] = 1
    for f in (pf.softmax, pf.log_softmax):
        t = pf.tensor(x, requires_grad=True)
        f(t, 0).backward(pf.tensor(g))
        assert (t.grad.numpy()[:, [3, 4]] == 0).all()
        assert np.isnan(t.grad.numpy()[:, 5]).any()


@pytest.mark.parametrize("n", [1, 15, 16, 31, 33, 255, 256, 300, 1024, 33000])
def test_extremes_and_where_they_are(n: int) -> None:
    rows = normal(3, n)
    rows[1, n // 2] = rows[1].max() + 1
    rows[2] = -np.inf
    for at in (None, 0, n // 3, n - 1):
        x = rows.copy()
        if at is not None:
            x[0, at] = np.nan
        for layout in (pf.tensor(x), pf.tensor(np.ascontiguousarray(x.T)).T):
            np.testing.assert_array_equal(pf.amax(layout, 1).numpy(), x.max(1))
            np.testing.assert_array_equal(pf.amin(layout, 1).numpy(), x.min(1))
            np.testing.assert_array_equal(pf.argmax(layout, 1).numpy(), x.argmax(1))
            np.testing.assert_array_equal(pf.argmin(layout, 1).numpy(), x.argmin(1))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int8"])
@pytest.mark.parametrize("shape", [(8, 8), (35, 300), (16, 128), (3, 20, 9), (9, 3, 140)])
def test_transposed_operands(shape: tuple[int, ...], dtype: str) -> None:
    a = (normal(*shape) * 9).astype(dtype)
    b = (normal(*shape[::-1]) * 9).astype(dtype)
    x, y = pf.tensor(a), pf.tensor(b).permute(*range(len(shape))[::-1])
    np.testing.assert_array_equal(y.contiguous().numpy(), b.T)
    np.testing.assert_array_equal((x + y).numpy(), a + b.T)
    np.testing.assert_array_equal(pf.where(y > 0, y, x).numpy(), np.where(b.T > 0, b.T, a))
    np.testing.assert_array_equal((y * y.select(0, 0)).numpy(), b.T * b.T[0])


def test_one_element_operands() -> None:
    a, c = normal(40, 70), normal(40, 1)
    x, y = pf.tensor(a), pf.tensor(c)
    for name in ("add", "sub", "mul", "div", "maximum", "minimum", "lt", "eq"):
        numpy_name = {"div": "divide", "lt": "less", "eq": "equal"}.get(name, name)
        numpy_name = {"sub": "subtract", "mul": "multiply"}.get(numpy_name, numpy_name)
        f, want = getattr(pf, name), getattr(np, numpy_name)
        np.testing.assert_array_equal(f(x, y).numpy(), want(a, c))
        np.testing.assert_array_equal(f(y, x).numpy(), want(c, a))
    np.testing.assert_array_equal((x[:, ::2] + 1).numpy(), a[:, ::2] + 1)
    np.testing.assert_array_equal((1 - x[:, 1::2]).numpy(), 1 - a[:, 1::2])


def test_results_beyond_the_caches() -> None:
    n = (16 << 20) // 4 + 77
    a = np.arange(n, dtype=np.float32)
    x = pf.from_numpy(a[1:])
    np.testing.assert_array_equal((x * 2 + x).numpy(), a[1:] * 3)
    x += 1
    np.testing.assert_array_equal(x.numpy(), np.arange(n, dtype=np.float32)[1:] + 1)
