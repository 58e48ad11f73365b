"""NumPy and DLPack exchange without copies, and what NumPy does with tensors."""

from __future__ import annotations

import numpy as np
import pytest
from programs import run_code

import pyforge as pf

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"]


def pointer(a: np.ndarray) -> int:
    return a.__array_interface__["data"][0]


@pytest.mark.parametrize("name", DTYPES)
def test_round_trip_shares_memory(name: str) -> None:
    a = np.ones((2, 3), dtype=name)
    t = pf.from_numpy(a)
    assert t.dtype == getattr(pf, name)
    assert t.data_ptr() == pointer(a)
    assert pointer(t.numpy()) == pointer(a)
    assert t.numpy().dtype == a.dtype
    t[0, 0] = 0
    assert a[0, 0] == 0
    a[1, 1] = 0
    assert t[1, 1].item() == 0


@pytest.mark.parametrize("name", ["uint32", "uint64", "complex64", "complex128", "object", "U3"])
def test_dtypes_without_counterpart(name: str) -> None:
    if name in ("uint32", "uint64", "complex64", "complex128") and hasattr(pf, name):
        pytest.skip("supported")
    with pytest.raises(TypeError, match=r"can't convert|dtype|supported"):
        pf.from_numpy(np.zeros(3, dtype=name))


def test_byte_order_is_refused() -> None:
    with pytest.raises(ValueError, match="byte order"):
        pf.from_numpy(np.zeros(3, dtype=">f4"))


def test_array_keeps_memory_alive() -> None:
    t = pf.from_numpy(np.arange(1000.0))
    assert t.sum().item() == 499500.0
    a = (pf.arange(1000.0) + 0).numpy()
    junk = [pf.ones(1000) for _ in range(10)]
    assert a.sum() == 499500.0
    assert len(junk) == 10


def test_views_cross_with_strides() -> None:
    a = np.arange(24.0).reshape(4, 6)
    t = pf.from_numpy(a[::2, 1::2])
    assert t.tolist() == a[::2, 1::2].tolist()
    assert t.stride() == (12, 2)
    assert not t.is_contiguous()
    assert pf.from_numpy(a.T).stride() == (1, 6)
    back = pf.arange(24.0).reshape(4, 6).t()[1:, ::2].numpy()
    assert back.tolist() == np.arange(24.0).reshape(4, 6).T[1:, ::2].tolist()


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (2, 0)])
def test_small_shapes(shape: tuple[int, ...]) -> None:
    a = np.zeros(shape)
    assert tuple(pf.from_numpy(a).shape) == shape
    assert pf.zeros(*shape).numpy().shape == shape if shape else True


def test_negative_strides_are_accepted() -> None:
    a = np.arange(6.0).reshape(2, 3)
    for view in (a[::-1], a[:, ::-1], a[::-1, ::-1]):
        t = pf.from_numpy(view)
        assert t.tolist() == view.tolist()
        assert (t * 2).tolist() == (view * 2).tolist()
        assert (t @ t.t()).tolist() == (view @ view.T).tolist()
        assert t.sum(0).tolist() == view.sum(0).tolist()
        assert t.contiguous().tolist() == view.tolist()
        assert t.reshape(-1).tolist() == view.reshape(-1).tolist()


def test_read_only_arrays_are_respected() -> None:
    a = np.arange(4.0)
    a.flags.writeable = False
    t = pf.from_numpy(a)
    for write in (lambda: t.add_(1), lambda: t[0].fill_(5.0), lambda: t.view(2, 2).zero_()):
        with pytest.raises((RuntimeError, ValueError), match="read-only"):
            write()
    assert not t.numpy().flags.writeable
    assert a.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert (t + 1).tolist() == [1.0, 2.0, 3.0, 4.0]


def test_tensor_copies_and_as_tensor_shares() -> None:
    a = np.arange(3.0)
    copy, shared = pf.tensor(a), pf.as_tensor(a)
    a[0] = 9.0
    assert copy.tolist() == [0.0, 1.0, 2.0]
    assert shared.tolist() == [9.0, 1.0, 2.0]
    assert pf.as_tensor(a, dtype=pf.float32).dtype == pf.float32
    t = pf.ones(2)
    assert pf.as_tensor(t) is t


def test_numpy_of_a_tracked_tensor_is_refused() -> None:
    x = pf.ones(3, requires_grad=True)
    for bad in (x, x * 2):
        with pytest.raises(RuntimeError, match=r"detach\(\)\.numpy\(\)"):
            bad.numpy()
        with pytest.raises(RuntimeError, match=r"detach\(\)\.numpy\(\)"):
            np.asarray(bad)
    assert x.detach().numpy().tolist() == [1.0, 1.0, 1.0]


def test_asarray() -> None:
    t = pf.arange(6.0).reshape(2, 3)
    a = np.asarray(t)
    assert a.dtype == np.float32
    assert pointer(a) == t.data_ptr()
    assert np.asarray(t, dtype=np.float64).dtype == np.float64
    assert np.array(t).tolist() == t.tolist()
    assert pointer(np.array(t)) != t.data_ptr()
    assert np.asarray([pf.tensor(1.0), pf.tensor(2.0)]).tolist() == [1.0, 2.0]


def test_ufuncs_and_functions() -> None:
    t = pf.arange(4.0)
    for f in (np.sin, np.exp, np.abs, np.sqrt):
        np.testing.assert_allclose(np.asarray(f(t)), f(t.numpy()))
    assert float(np.sum(t.numpy())) == 6.0
    assert np.allclose(t, [0, 1, 2, 3])
    assert np.mean(np.asarray(t)) == 1.5


def test_arithmetic_with_arrays_and_numpy_scalars() -> None:
    t, a = pf.arange(3.0), np.ones(3, np.float32)
    assert np.asarray(t + a).tolist() == [1.0, 2.0, 3.0]
    assert (t * np.float64(2)).tolist() == [0.0, 2.0, 4.0]
    assert (t + np.int64(1)).dtype == pf.float32
    assert (t**2).numpy().tolist() == [0.0, 1.0, 4.0]
    assert np.asarray(np.float32(2) * t).tolist() == [0.0, 2.0, 4.0]


def test_python_numbers() -> None:
    assert float(pf.tensor(2.5)) == 2.5
    assert int(pf.tensor(2.5)) == 2
    assert bool(pf.tensor(0.0)) is False
    assert [10, 11, 12][pf.tensor(1)] == 11
    assert f"{pf.tensor(1.5):.2f}" == "1.50"
    assert complex(pf.tensor(2.0)) == 2 + 0j
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value"):
        bool(pf.ones(2))
    with pytest.raises((RuntimeError, ValueError, TypeError)):
        float(pf.ones(2))


def test_tolist_and_item() -> None:
    assert pf.tensor([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]
    assert pf.tensor([True, False]).tolist() == [True, False]
    assert pf.tensor(3).tolist() == 3
    assert type(pf.tensor(3).item()) is int
    assert type(pf.tensor(True).item()) is bool
    assert type(pf.tensor(3.0).item()) is float
    assert pf.zeros(2, 0).tolist() == [[], []]


def test_dlpack_both_ways() -> None:
    t = pf.arange(6.0).reshape(2, 3)
    if not hasattr(t, "__dlpack__"):
        pytest.skip("no DLPack")
    a = np.from_dlpack(t)
    assert pointer(a) == t.data_ptr()
    assert a.tolist() == t.tolist()
    b = np.arange(4, dtype=np.int32)
    u = pf.from_dlpack(b)
    assert u.data_ptr() == pointer(b)
    assert u.dtype == pf.int32
    assert pf.from_dlpack(t.t()).stride() == (1, 3)


def test_dlpack_capsule_unused_is_freed() -> None:
    t = pf.ones(1000) + 0
    if not hasattr(t, "__dlpack__"):
        pytest.skip("no DLPack")
    before = pf.memory.live_bytes()
    for _ in range(10):
        t.__dlpack__()
    assert pf.memory.live_bytes() == before


def test_from_numpy_of_something_else() -> None:
    for bad in (3, [1, 2], None, pf.ones(2)):
        with pytest.raises(TypeError):
            pf.from_numpy(bad)


def test_import_leaves_numpy_alone() -> None:
    code = "import sys, pyforge; pyforge.ones(3).sum().item(); print('numpy' in sys.modules)"
    run = run_code(code)
    assert run.out.strip() == "False", run.explain()
