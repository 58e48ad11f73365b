"""The keyword ``out`` and tensors that change their shape in place."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import pyforge as pf

A, B = pf.arange(6.0).reshape(2, 3), pf.full((2, 3), 2.0)
CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("add", (A, B), {"alpha": 2}), ("exp", (A,), {}), ("sum", (A, 1), {}), ("matmul", (A, B.t()), {}),
    ("mm", (A, B.t()), {}), ("cat", ([A, B], 1), {}), ("stack", ([A, B],), {}), ("eq", (A, B), {}),
    ("zeros", (2, 3), {}), ("arange", (4,), {"dtype": pf.float32}), ("clamp", (A, 1, 2), {}), ("where", (A > 2, A, B), {}),
    ("cumsum", (A, 0), {}), ("index_select", (A, 1, pf.tensor([0, 2])), {}), ("linspace", (0, 1, 3), {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "options"), CALLS, ids=[c[0] for c in CALLS])
def test_results_are_written(name: str, args: tuple[Any, ...], options: dict[str, Any]) -> None:
    function = getattr(pf, name)
    want = function(*args, **options)
    out = pf.empty(want.shape, dtype=want.dtype)
    view = out.view(-1)
    assert function(*args, **options, out=out) is out
    assert out.tolist() == want.tolist()
    assert view.tolist() == want.reshape(-1).tolist()
    wide = pf.empty(*want.shape[:-1], 2 * want.shape[-1], dtype=want.dtype)[..., ::2]
    assert function(*args, **options, out=wide).tolist() == want.tolist()
    empty = pf.empty(0, dtype=want.dtype)
    function(*args, **options, out=empty)
    assert empty.tolist() == want.tolist()
    assert function(*args, **options, out=None).tolist() == want.tolist()


def test_several_results() -> None:
    values, places = pf.empty(0), pf.empty(0, dtype=pf.int64)
    found = pf.max(A, 1, out=(values, places))
    assert found.values is values
    assert found.indices is places
    assert (values.tolist(), places.tolist()) == ([2.0, 5.0], [2, 2])
    pf.topk(A, 1, out=(values.resize_(0), places.resize_(0)))
    assert values.tolist() == [[2.0], [5.0]]
    with pytest.raises(TypeError, match="must be tuple of 2 Tensors"):
        pf.max(A, 1, out=(values,))
    with pytest.raises(TypeError, match="must be tuple"):
        pf.max(A, 1, out=values)


def test_in_terms_of_itself_and_of_other_dtypes() -> None:
    x = A.clone()
    pf.mul(x, x, out=x)
    assert x.tolist() == (A * A).tolist()
    y = pf.empty(2, 3, dtype=pf.float64)
    assert pf.add(A, 1, out=y).dtype == pf.float64
    with pytest.raises(RuntimeError, match="can't be cast to the desired output type"):
        pf.add(A, B, out=pf.empty(2, 3, dtype=pf.int64))
    version = x._version
    pf.exp(A, out=x)
    assert x._version > version


def test_what_is_refused() -> None:
    w = pf.ones(2, 3, requires_grad=True)
    for args, out in (((w, B), pf.empty(2, 3)), ((A, B), w)):
        with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
            pf.add(*args, out=out)
    with pf.no_grad():
        assert pf.add(w, B, out=pf.empty(2, 3))[0, 0].item() == 3.0
    with pytest.raises(RuntimeError, match="single memory location"):
        pf.add(A, B, out=pf.empty(3).expand(2, 3))
    with pytest.raises(TypeError, match="'out' must be Tensor, not str"):
        pf.add(A, B, out="x")
    fixed = np.zeros((2, 3), np.float32)
    fixed.flags.writeable = False
    with pytest.raises(RuntimeError, match="read-only"):
        pf.add(A, B, out=pf.from_numpy(fixed))
    with pytest.warns(UserWarning, match="was resized since it had shape"):
        assert pf.add(A, B, out=pf.empty(2)).shape == (2, 3)


def test_resize() -> None:
    x = pf.arange(6)
    assert x.resize_(2, 2) is x
    assert x.tolist() == [[0, 1], [2, 3]]
    assert x.resize_((3, 2)).tolist() == [[0, 1], [2, 3], [4, 5]]  # the memory was kept
    assert x.resize_(2, 5).reshape(-1)[:6].tolist() == [0, 1, 2, 3, 4, 5]
    assert x.resize_as_(pf.ones(1, 3)).tolist() == [[0, 1, 2]]
    assert x.resize_(1, 1, 1, 1, 1, 2).resize_([]).shape == ()
    y = pf.arange(4)[1:]
    assert y.resize_(2).tolist() == [1, 2]
    z = pf.ones(2)
    row = z[:1]
    with pytest.raises(RuntimeError, match="would not follow"):
        z.resize_(5)
    assert row.tolist() == [1.0]
    with pytest.raises(RuntimeError, match="require grad"):
        pf.ones(2, requires_grad=True).resize_(3)
    with pytest.raises(RuntimeError, match="not resizable"):
        pf.from_numpy(np.zeros(2)).resize_(3)
    with pytest.raises(RuntimeError, match="negative"):
        x.resize_(-1)
    with pytest.raises((RuntimeError, MemoryError)):
        x.resize_(2**40, 2**40)


@pytest.mark.torch
def test_words_are_those_of_pytorch() -> None:
    import torch

    def messages(P: Any) -> list[str]:
        found = []
        for call in (
            lambda: P.add(P.ones(2, requires_grad=True), 1, out=P.ones(2)),
            lambda: P.add(P.ones(2), 1, out=P.ones(2, dtype=P.int64)),
            lambda: P.add(P.ones(2), 1, out=P.ones(1).expand(2)),
            lambda: P.ones(2, requires_grad=True).resize_(3),
        ):
            with pytest.raises(RuntimeError) as error:
                call()
            found.append(str(error.value).split(";")[0].lower())
        return found

    same = zip(messages(pf), messages(torch), strict=True)
    for ours, theirs in same:
        words = set(ours.replace("float32", "float").replace("int64", "long").split())
        assert len(words & set(theirs.split())) >= 0.8 * len(set(theirs.split())), (ours, theirs)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        pf.add(pf.ones(3), 1, out=pf.ones(2))
        torch.add(torch.ones(3), 1, out=torch.ones(2))
    assert len({str(w.message).split(".")[0] for w in seen}) == 1
