"""Pickling and copying of tensors."""

from __future__ import annotations

import copy
import pickle

import pytest

import pyforge as pf

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"]


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_round_trip(name: str, protocol: int) -> None:
    t = pf.tensor([[0, 1, 2], [3, 4, 5]]).to(getattr(pf, name))
    u = pickle.loads(pickle.dumps(t, protocol))
    assert u.dtype == t.dtype
    assert u.tolist() == t.tolist()
    assert u.data_ptr() != t.data_ptr()


def test_shapes_views_and_flags() -> None:
    for t in (pf.tensor(1.5), pf.zeros(0, 3), pf.arange(6.0).reshape(2, 3).t()):
        u = pickle.loads(pickle.dumps(t))
        assert u.shape == t.shape
        assert u.tolist() == t.tolist()
    x = pf.ones(2, requires_grad=True)
    assert pickle.loads(pickle.dumps(x)).requires_grad
    assert not pickle.loads(pickle.dumps(x * 2)).requires_grad
    x.label = "kept"
    assert pickle.loads(pickle.dumps(x)).label == "kept"


def test_parameter() -> None:
    p = pf.nn.Parameter(pf.ones(2))
    q = pickle.loads(pickle.dumps(p))
    assert type(q) is pf.nn.Parameter
    assert q.requires_grad
    assert type(copy.deepcopy(p)) is pf.nn.Parameter


def test_small_objects() -> None:
    for value in (pf.float32, pf.Size([2, 3]), pf.device("cpu", 0)):
        assert pickle.loads(pickle.dumps(value)) == value
    assert pickle.loads(pickle.dumps(pf.int64)) is pf.int64


def test_truncated_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot have"):
        pf._C._from_bytes(b"123", pf.float32, (2,))


def test_deepcopy() -> None:
    x = pf.ones(3, requires_grad=True)
    (x * 2).sum().backward()
    y, again = copy.deepcopy([x, x])
    assert y is again
    assert y.is_leaf
    assert y.requires_grad
    assert y.tolist() == x.tolist()
    assert y.grad is not None
    assert y.grad.tolist() == [2.0, 2.0, 2.0]
    assert y.data_ptr() != x.data_ptr()
    assert y.grad.data_ptr() != x.grad.data_ptr()
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(x * 2)


def test_copy_shares_memory() -> None:
    x = pf.ones(3)
    y = copy.copy(x)
    assert y is not x
    assert y.data_ptr() == x.data_ptr()


def test_generator_state() -> None:
    g = pf.Generator().manual_seed(3)
    state = g.get_state()
    a = pf.rand(4, generator=g)
    g.set_state(state)
    assert pf.rand(4, generator=g).tolist() == a.tolist()
    kept = pf.get_rng_state()
    b = pf.rand(3)
    pf.set_rng_state(kept)
    assert pf.rand(3).tolist() == b.tolist()
    with pytest.raises(RuntimeError, match="size"):
        g.set_state(pf.zeros(3, dtype=pf.uint8))
    with pytest.raises(TypeError, match="uint8"):
        g.set_state(pf.zeros(3))
    assert pf.manual_seed(-1).initial_seed() == 2**64 - 1
    assert pf.initial_seed() == 2**64 - 1
    with pytest.raises(RuntimeError, match="cuda"):
        pf.Generator("cuda")
