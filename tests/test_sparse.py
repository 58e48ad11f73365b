"""Sparse matrices: values and gradients are those of the dense ones, and PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyforge as pf

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

WHERE = [[0, 2, 1, 0], [3, 0, 1, 3]]
VALUES = [1.0, 2.0, 3.0, 4.0]
LIBRARIES = [pf, pytest.param(torch, marks=pytest.mark.torch)]


def matrix(P: Any, **options: Any) -> Any:
    return P.sparse_coo_tensor(P.tensor(WHERE), VALUES, (3, 4), check_invariants=True, **options)


@pytest.mark.parametrize("P", LIBRARIES, ids=["pf", "torch"])
def test_products_and_sums(P: Any) -> None:
    a = matrix(P)
    dense = np.zeros((3, 4))
    np.add.at(dense, tuple(WHERE), VALUES)
    b = np.arange(8.0).reshape(4, 2)
    right, left = P.tensor(b, dtype=P.float32), P.tensor(b[:3].T.copy(), dtype=P.float32)
    d = P.tensor(dense, dtype=P.float32)
    for got, expected in (
        (a.to_dense(), dense),
        (a @ right, dense @ b),
        (P.mm(a, right), dense @ b),
        (P.spmm(a, right), dense @ b),
        (P.sparse.mm(a, right), dense @ b),
        (a.mm(right), dense @ b),
        (P.matmul(a, right[:, 1]), dense @ b[:, 1]),
        (left @ a, b[:3].T @ dense),
        (a.t().to_dense(), dense.T),
        ((a + a).to_dense(), 2 * dense),
        (d + a, 2 * dense),
        ((a * 3).to_dense(), 3 * dense),
        (P.sparse.addmm(right[:3], a, right, beta=2), 2 * b[:3] + dense @ b),
        (d.to_sparse().to_dense(), dense),
    ):
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-6)
    merged = a.coalesce()
    assert merged.indices().tolist() == [[0, 1, 2], [3, 1, 0]]
    assert merged.values().tolist() == [5.0, 3.0, 2.0]
    assert a._nnz() == 4
    assert merged._nnz() == 3
    assert a.shape == (3, 4)
    assert a.is_sparse
    with pytest.raises(RuntimeError, match="uncoalesced tensor"):
        a.indices()
    if P is pf:  # PyTorch warns that this is new
        np.testing.assert_allclose((a @ a.t()).to_dense().numpy(), dense @ dense.T)


@pytest.mark.parametrize("P", LIBRARIES, ids=["pf", "torch"])
def test_gradients(P: Any) -> None:
    dense = P.ones(4, 2, requires_grad=True)
    (P.sparse.mm(matrix(P), dense) ** 2).sum().backward()
    np.testing.assert_allclose(
        dense.grad.numpy(), 2 * np.array([[4, 4], [9, 9], [0, 0], [25, 25]]), rtol=1e-6
    )


def test_gradient_of_values() -> None:
    values = pf.tensor(VALUES, requires_grad=True)
    a = pf.sparse_coo_tensor(pf.tensor(WHERE), values, (3, 4))
    (a @ pf.arange(4.0)).sum().backward()
    assert values.grad.tolist() == [3.0, 0.0, 1.0, 3.0]
    assert pf.autograd.gradcheck(
        lambda v, d: pf.sparse_coo_tensor(pf.tensor(WHERE), v, (3, 4)) @ d,
        (values.detach().double().requires_grad_(), pf.randn(4, 2).double().requires_grad_()),
    )


@pytest.mark.parametrize(
    ("call", "error", "phrase"),
    [
        (lambda: matrix(pf) @ pf.ones(3, 2), RuntimeError, "cannot be multiplied"),
        (lambda: pf.sparse_coo_tensor([[0], [5]], [1.0], (2, 2)), RuntimeError, "inconsistent"),
        (lambda: pf.sparse_coo_tensor([[-1], [0]], [1.0]), RuntimeError, "negative index"),
        (lambda: pf.sparse_coo_tensor([[0], [0]], [1.0, 2.0]), RuntimeError, "one value"),
        (lambda: pf.sparse_coo_tensor([[0], [0]], [1.0], (2,)), RuntimeError, "dimensions must be"),
        (lambda: pf.exp(matrix(pf)), TypeError, "to_dense"),
    ],
)
def test_errors(call: Any, error: Any, phrase: str) -> None:
    with pytest.raises(error, match=phrase):
        call()


@pytest.mark.parametrize("P", LIBRARIES, ids=["pf", "torch"])
def test_any_class_can_answer_for_ops(P: Any) -> None:
    class Celsius:
        def __init__(self, value: Any) -> None:
            self.value = value

        @classmethod
        def __torch_function__(
            cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if func.__name__ != "add":
                return NotImplemented
            plain = [a.value if isinstance(a, Celsius) else a for a in args]
            return Celsius(func(*plain, **(kwargs or {})))

    one = Celsius(P.ones(2))
    total = P.add(P.ones(2), one, alpha=3)
    assert isinstance(total, Celsius)
    assert total.value.tolist() == [4.0, 4.0]
    with pytest.raises(TypeError):
        P.exp(one)
