"""Indexing as NumPy and PyTorch have it: reading, assignment and gradient, on random indices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import array, assert_same, torch

import pyforge as pf

SHAPES = [(7,), (3, 4), (2, 3, 4), (4, 1, 3), (3, 2, 2, 3)]
SEEDS = range(40)


def random_slice(rng: np.random.Generator, n: int) -> slice:
    def end() -> int | None:
        return None if rng.random() < 0.3 else int(rng.integers(-n - 2, n + 3))

    step = None if rng.random() < 0.4 else int(rng.integers(1, 4))
    return slice(end(), end(), step)


def random_index(rng: np.random.Generator, shape: tuple[int, ...], advanced: bool) -> Any:
    """An index of the kinds that users mix; arrays broadcast with each other."""
    parts: list[Any] = []
    rank = int(rng.integers(1, 3))
    length = int(rng.integers(1, 4))
    ellipsis_at = int(rng.integers(0, len(shape) + 1)) if rng.random() < 0.3 else -1
    stop = int(rng.integers(1, len(shape) + 1)) if ellipsis_at < 0 else len(shape)
    dim = 0
    while dim < stop:
        n = shape[dim]
        if dim == ellipsis_at:
            parts.append(Ellipsis)
            dim += int(rng.integers(0, len(shape) - dim + 1))
            ellipsis_at = -1
            if dim >= stop:
                break
            continue
        kind = rng.random()
        if kind < 0.12:
            parts.append(None)
            continue
        if kind < 0.3:
            parts.append(int(rng.integers(-n, n)))
        elif advanced and kind < 0.6:
            size = (length,) if rank == 1 else (2, length)
            if rng.random() < 0.2:
                size = size[-1:]
            parts.append(rng.integers(-n, n, size))
        elif advanced and kind < 0.7:
            mask = np.zeros(n, bool)
            mask[rng.permutation(n)[: min(length, n)]] = True
            if mask.sum() != length:
                parts.append(random_slice(rng, n))
            else:
                parts.append(mask)
        else:
            parts.append(random_slice(rng, n))
        dim += 1
    if len(parts) == 1 and rng.random() < 0.5:
        return parts[0]
    return tuple(parts)


def as_tensors(P: Any, index: Any) -> Any:
    if isinstance(index, np.ndarray):
        return P.from_numpy(np.array(index))
    if isinstance(index, tuple):
        return tuple(as_tensors(P, part) for part in index)
    return index


def data(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float64).reshape(shape) + 0.5


def two_steps(index: Any, ndim: int) -> tuple[Any, Any]:
    """First ints, slices and None, then the arrays: PyTorch's order, a view in between.

    NumPy counts an int among the arrays, which moves the result's dimensions elsewhere.
    """
    parts = list(index) if isinstance(index, tuple) else [index]
    if any(p is Ellipsis for p in parts):
        at = next(k for k, p in enumerate(parts) if p is Ellipsis)
        used = sum(p is not None and p is not Ellipsis for p in parts)
        parts[at : at + 1] = [slice(None)] * (ndim - used)
    first = [slice(None) if isinstance(p, np.ndarray) else p for p in parts]
    kept = [p for p in parts if not isinstance(p, int)]
    second = [p if isinstance(p, np.ndarray) else slice(None) for p in kept]
    return tuple(first), tuple(second)


def read(x: np.ndarray, index: Any) -> np.ndarray:
    first, second = two_steps(index, x.ndim)
    return np.asarray(x[first][second])


def write(x: np.ndarray, index: Any, value: Any) -> None:
    first, second = two_steps(index, x.ndim)
    if any(isinstance(p, np.ndarray) for p in second):
        x[first][second] = value
    else:
        x[first] = value


def accumulate(x: np.ndarray, index: Any, value: Any) -> None:
    first, second = two_steps(index, x.ndim)
    np.add.at(x[(*first, Ellipsis)], second, value)


def cases(advanced: bool) -> list[Any]:
    found = []
    for seed in SEEDS:
        rng = np.random.default_rng([seed, advanced])
        for shape in SHAPES:
            index = random_index(rng, shape, advanced)
            try:
                read(data(shape), index)
            except IndexError:
                continue  # arrays that do not broadcast
            found.append((shape, index))
    return found


def show(shape: tuple[int, ...], index: Any) -> str:
    def one(i: Any) -> str:
        if isinstance(i, np.ndarray):
            return f"array({i.tolist()})"
        if isinstance(i, slice):
            return ":".join("" if v is None else str(v) for v in (i.start, i.stop, i.step))
        return "..." if i is Ellipsis else str(i)

    inner = ", ".join(one(i) for i in index) if isinstance(index, tuple) else one(index)
    return f"x{list(shape)}[{inner}]"


@pytest.mark.parametrize("advanced", [False, True])
def test_reading(advanced: bool) -> None:
    found = cases(advanced)
    assert len(found) > 120
    for shape, index in found:
        x = data(shape)
        got = pf.from_numpy(x.copy())[as_tensors(pf, index)]
        np.testing.assert_array_equal(array(got), read(x, index), err_msg=show(shape, index))


@pytest.mark.parametrize("advanced", [False, True])
def test_numpy_arrays_and_lists_as_indices(advanced: bool) -> None:
    for shape, index in cases(advanced)[:60]:
        x = data(shape)
        got = pf.from_numpy(x.copy())[index]
        np.testing.assert_array_equal(array(got), read(x, index), err_msg=show(shape, index))


@pytest.mark.parametrize("advanced", [False, True])
def test_reading_strided(advanced: bool) -> None:
    for shape, index in cases(advanced):
        x = data(shape[::-1]).T
        got = pf.from_numpy(np.ascontiguousarray(x.T)).permute(*range(x.ndim)[::-1])
        got = got[as_tensors(pf, index)]
        np.testing.assert_array_equal(array(got), read(x, index), err_msg=show(shape, index))


@pytest.mark.parametrize("advanced", [False, True])
@pytest.mark.parametrize("value", ["number", "0-d", "full", "row"])
def test_assignment(advanced: bool, value: str) -> None:
    for shape, index in cases(advanced):
        want = data(shape)
        target = read(want, index)
        if value == "number":
            v: Any = -7.0
        elif value == "0-d":
            v = np.asarray(-7.0)
        elif value == "full":
            # Written by position, so that repeated indices all write the same value.
            v = -target - 1
        else:
            if target.ndim == 0:
                continue
            v = np.full(target.shape[-1:], -3.0)
        got = pf.from_numpy(data(shape))
        got[as_tensors(pf, index)] = v if isinstance(v, float) else pf.from_numpy(np.array(v))
        write(want, index, v)
        np.testing.assert_array_equal(array(got), want, err_msg=show(shape, index))


@pytest.mark.parametrize("advanced", [False, True])
def test_gradient_of_reading(advanced: bool) -> None:
    """Each element gets the sum of the cotangents of the places it was read into."""
    for shape, index in cases(advanced):
        x = pf.from_numpy(data(shape)).requires_grad_()
        out = x[as_tensors(pf, index)]
        cotangent = np.random.default_rng(3).uniform(1, 2, tuple(out.shape))
        out.backward(pf.from_numpy(np.asarray(cotangent)))
        want = np.zeros(shape)
        accumulate(want, index, cotangent)
        np.testing.assert_allclose(
            array(x.grad), want, rtol=1e-12, atol=1e-12, err_msg=show(shape, index)
        )


@pytest.mark.parametrize("advanced", [False, True])
def test_gradient_of_assignment(advanced: bool) -> None:
    for shape, index in cases(advanced):
        x = pf.from_numpy(data(shape)).requires_grad_()
        slot = read(data(shape), index)
        if np.unique(slot).size != slot.size:
            continue  # which of several writes wins is nobody's promise
        v = pf.from_numpy(np.asarray(-slot)).requires_grad_()
        y = x * 2
        y[as_tensors(pf, index)] = v
        cotangent = np.random.default_rng(4).uniform(1, 2, shape)
        y.backward(pf.from_numpy(cotangent))
        want = 2 * cotangent
        write(want, index, 0)
        np.testing.assert_allclose(array(x.grad), want, rtol=1e-12, err_msg=show(shape, index))
        np.testing.assert_allclose(
            array(v.grad), read(cotangent, index), rtol=1e-12, err_msg=show(shape, index)
        )


@pytest.mark.torch
@pytest.mark.parametrize("advanced", [False, True])
def test_reading_torch(advanced: bool) -> None:
    for shape, index in cases(advanced):
        got = pf.from_numpy(data(shape))[as_tensors(pf, index)]
        want = torch.from_numpy(data(shape))[as_tensors(torch, index)]
        assert_same(got, want, what=show(shape, index))


def test_basic_indexing_is_a_view() -> None:
    x = pf.zeros(3, 4)
    x[1][2] = 5.0
    assert x[1, 2].item() == 5.0
    x[:, 1:3].fill_(2.0)
    assert x.sum().item() == 12.0
    x[None, ..., -1].add_(1.0)
    assert x[:, 3].tolist() == [1.0, 1.0, 1.0]


def test_advanced_indexing_is_a_copy() -> None:
    x = pf.zeros(3, 4)
    x[pf.tensor([0, 1])].fill_(1.0)
    x[x == 0].fill_(1.0)
    assert x.sum().item() == 0.0


def test_augmented_assignment_through_an_index() -> None:
    x = pf.ones(3, 4)
    x[1] += 2
    x[:, 0] *= 10
    x[x > 5] -= 1
    assert x.tolist() == [[9.0, 1.0, 1.0, 1.0], [29.0, 3.0, 3.0, 3.0], [9.0, 1.0, 1.0, 1.0]]


def test_whole_mask_keeps_shape_rules() -> None:
    x = pf.arange(6.0).reshape(2, 3)
    assert x[x > 2].tolist() == [3.0, 4.0, 5.0]
    assert tuple(x[x > 100].shape) == (0,)
    assert tuple(x[pf.tensor([True, False])].shape) == (1, 3)
    assert tuple(x[True].shape) == (1, 2, 3)
    assert tuple(x[False].shape) == (0, 2, 3)


def test_zero_d_index_tensor_is_an_int() -> None:
    x = pf.arange(6.0).reshape(2, 3)
    assert x[pf.tensor(1)].tolist() == [3.0, 4.0, 5.0]
    assert x[pf.tensor(1), pf.tensor(2)].item() == 5.0
    assert x[np.int64(1), 0].item() == 3.0


def test_iteration_and_length() -> None:
    x = pf.arange(6.0).reshape(2, 3)
    assert len(x) == 2
    assert [row.tolist() for row in x] == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    with pytest.raises(TypeError, match="0-d"):
        len(pf.tensor(1.0))
    with pytest.raises(TypeError, match="0-d"):
        iter(pf.tensor(1.0))


def test_index_dtype_and_uint8() -> None:
    x = pf.arange(6.0)
    assert x[pf.tensor([1, 2], dtype=pf.int32)].tolist() == [1.0, 2.0]
    with pytest.raises(IndexError, match=r"long|int|bool"):
        x[pf.tensor([1.0, 2.0])]


def test_assignment_casts_to_the_target() -> None:
    x = pf.zeros(3, dtype=pf.int64)
    x[0] = 2.7
    x[1:] = pf.tensor([3.9, -3.9])
    assert x.tolist() == [2, 3, -3]
    assert x.dtype == pf.int64


def test_overlapping_self_assignment() -> None:
    x = pf.arange(5.0)
    x[1:] = x[:-1].clone()
    assert x.tolist() == [0.0, 0.0, 1.0, 2.0, 3.0]


def test_negative_step_is_refused() -> None:
    with pytest.raises(ValueError, match="step must be greater than zero"):
        pf.arange(5.0)[::-1]


@pytest.mark.parametrize("index", [5, -6, (0, 0), [7], (slice(None), 0)])
def test_out_of_range(index: Any) -> None:
    with pytest.raises(IndexError):
        pf.arange(5.0)[index]


def test_second_derivative_through_indexing() -> None:
    x = pf.arange(1.0, 7.0, dtype=pf.float64).requires_grad_()
    i = pf.tensor([0, 0, 3])
    (g,) = pf.autograd.grad((x[i] ** 3).sum(), x, create_graph=True)
    (h,) = pf.autograd.grad(g.sum(), x)
    assert h.tolist() == [12.0, 0.0, 0.0, 24.0, 0.0, 0.0]
