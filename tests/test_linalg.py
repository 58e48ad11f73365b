"""linalg beyond the op table: results, tolerances, failures, laziness."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from support import array, assert_same, quiet, torch

import pyforge as pf

RNG = np.random.default_rng(3)
BAD = [[1.0, 2.0], [2.0, 4.0]]


def tensors(*arrays: Any) -> list[tuple[Any, ...]]:
    """The same tensors in pyforge and in PyTorch."""
    return [tuple(P.tensor(a) for a in arrays) for P in (pf, torch)]


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


def test_nothing_is_loaded_before_use() -> None:
    code = (
        "import sys, pyforge as pf\n"
        "x = pf.eye(2)\n"
        "assert not any(m in sys.modules for m in ('numpy', 'pyforge.linalg'))\n"
        "assert x.det().item() == 1 and 'pyforge.linalg' in sys.modules\n"
        "assert pf.Tensor.det is pf.det is pf.linalg.det\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_results_have_names() -> None:
    a = pf.tensor(draw(3, 2))
    assert pf.linalg.svd(a)._fields == ("U", "S", "Vh")
    assert pf.svd(a)._fields == ("U", "S", "V")
    assert pf.linalg.qr(a)._fields == ("Q", "R")
    assert pf.linalg.eigh(a @ a.mT)._fields == ("eigenvalues", "eigenvectors")
    assert pf.linalg.lu(a)._fields == ("P", "L", "U")
    assert pf.slogdet(a.mT @ a)._fields == ("sign", "logabsdet")


@pytest.mark.parametrize("name", ["eig", "eigvals"])
def test_complex_results_are_refused(name: str) -> None:
    with pytest.raises(NotImplementedError, match=rf"linalg\.{name}.*no complex.*eigh"):
        getattr(pf.linalg, name)(pf.eye(2))


@pytest.mark.torch
def test_singular_matrices_in_a_batch() -> None:
    batch = np.stack([np.eye(2), BAD])
    for name in ("inv", "cholesky"):
        results = [getattr(P.linalg, f"{name}_ex")(P.tensor(batch)) for P in (pf, torch)]
        assert_same(results[0][1], results[1][1], what=name)
        assert_same(results[0][0][0], results[1][0][0], what=name)
    for P in (pf, torch):
        with pytest.raises(P.linalg.LinAlgError, match=r"\(Batch element 1\).*diagonal element 2"):
            P.linalg.inv(P.tensor(batch))
        with pytest.raises(P.linalg.LinAlgError):
            P.linalg.inv_ex(P.tensor(batch), check_errors=True)
    x, info = pf.linalg.solve_ex(pf.tensor(batch), pf.ones(2, 2, dtype=pf.float64))
    assert info.tolist() == [0, 2]
    assert x[0].tolist() == [1, 1]
    assert not x[1].isfinite().any()


def test_singular_slogdet_and_det() -> None:
    a = pf.tensor(BAD, requires_grad=True)
    sign, logabs = pf.linalg.slogdet(a)
    assert sign.item() == 0
    assert logabs.item() == -float("inf")
    with pytest.raises(RuntimeError, match="singular"):
        logabs.backward()
    a.det().backward()
    np.testing.assert_allclose(array(a.grad), [[4, -2], [-2, 1]], atol=1e-5)
    assert pf.linalg.cond(a, 1).item() == float("inf")


@pytest.mark.parametrize("n", [1, 31, 32, 33, 100, 300])
def test_blocks_of_factors(n: int) -> None:
    a = draw(n, n)
    spd, b = a @ a.T + n * np.eye(n), draw(n, 3)
    np.testing.assert_allclose(
        array(pf.linalg.cholesky(pf.tensor(spd))), np.linalg.cholesky(spd), atol=1e-11 * n
    )
    np.testing.assert_allclose(
        array(pf.linalg.solve(pf.tensor(spd), pf.tensor(b))), np.linalg.solve(spd, b), atol=1e-11
    )
    np.testing.assert_allclose(array(pf.linalg.inv(pf.tensor(a))) @ a, np.eye(n), atol=1e-8)
    want = np.linalg.slogdet(a)
    got = pf.linalg.slogdet(pf.tensor(a))
    np.testing.assert_allclose([got[0].item(), got[1].item()], want, rtol=1e-10)


@pytest.mark.torch
def test_not_finite() -> None:
    for (a,) in tensors([[np.nan, 1.0], [0.0, 1.0]]):
        P = pf if isinstance(a, pf.Tensor) else torch
        with pytest.raises(P.linalg.LinAlgError, match="non-finite"):
            P.linalg.svd(a)


@pytest.mark.torch
@pytest.mark.parametrize("driver", [None, "gels", "gelsy", "gelsd", "gelss"])
@pytest.mark.parametrize("shape", [(5, 2), (2, 5), (3, 3), (2, 4, 2)])
def test_lstsq(driver: str | None, shape: tuple[int, ...]) -> None:
    pair = tensors(draw(*shape), draw(*shape[:-1], 2))
    got, want = (
        P.linalg.lstsq(*args, driver=driver) for P, args in zip((pf, torch), pair, strict=True)
    )
    for field in got._fields:
        assert_same(getattr(got, field), getattr(want, field), 100, f"{field} of {shape}")


def test_lstsq_of_deficient_rank() -> None:
    a = np.outer(draw(4), draw(3))
    b = draw(4, 2)
    x, residuals, rank, _ = pf.linalg.lstsq(pf.tensor(a), pf.tensor(b))
    assert rank.item() == 1
    assert residuals.numel() == 0
    np.testing.assert_allclose(array(x), np.linalg.pinv(a) @ b, atol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 3), (70, 70)])
@pytest.mark.parametrize("pivot", [True, False])
def test_lu(shape: tuple[int, ...], pivot: bool) -> None:
    a = draw(*shape) + (0 if pivot else 9 * np.eye(*shape[-2:]))
    packed, pivots = pf.linalg.lu_factor(pf.tensor(a), pivot=pivot)
    p, low, up = pf.lu_unpack(packed, pivots)
    np.testing.assert_allclose(array(p @ low @ up), a, atol=1e-11)
    if pivot:
        want = torch.linalg.lu_factor(torch.tensor(a))
        assert_same(pivots, want.pivots)
        assert_same(packed, want.LU, 1000)
    else:
        assert (
            pivots.tolist()
            == np.broadcast_to(np.arange(1, min(shape[-2:]) + 1), pivots.shape).tolist()
        )


def test_tolerances_of_pinv_and_rank() -> None:
    a = pf.tensor(np.diag([1.0, 0.1, 1e-3]))
    assert pf.linalg.matrix_rank(a).item() == 3
    assert pf.linalg.matrix_rank(a, atol=0.01).item() == 2
    assert pf.linalg.matrix_rank(a, rtol=0.2).item() == 1
    assert pf.linalg.matrix_rank(a, 0.5).item() == 1
    assert pf.linalg.matrix_rank(-a, hermitian=True, atol=pf.tensor(0.01)).item() == 2
    assert pf.linalg.pinv(a, rtol=0.01).diagonal().tolist() == [1.0, 10.0, 0.0]
    assert pf.linalg.pinv(-a, hermitian=True, atol=0.01).diagonal().tolist() == [-1.0, -10.0, 0.0]


def test_derivatives_of_deficient_rank() -> None:
    x = pf.tensor(draw(3, 2)).requires_grad_()
    y = pf.tensor(draw(2, 4)).requires_grad_()

    def f(x: Any, y: Any) -> Any:
        return pf.linalg.pinv(x @ y, rtol=1e-8)

    assert pf.autograd.gradcheck(f, (x, y))
    assert pf.autograd.gradgradcheck(f, (x, y))


def test_orthogonality_constraint_of_svd() -> None:
    """No gradient through the columns beyond min(m, n)."""
    a = pf.tensor(draw(4, 2)).requires_grad_()
    pf.linalg.svd(a).U[:, 2:].sum().backward()
    assert not a.grad.any()


def test_qr_modes_without_derivative() -> None:
    a = pf.tensor(draw(4, 2)).requires_grad_()
    with pytest.raises(RuntimeError, match="mode='r'"):
        pf.linalg.qr(a, "r")
    with pytest.raises(RuntimeError, match="complete"):
        pf.linalg.qr(a, "complete").R.sum().backward()
    q, r = pf.linalg.qr(a.detach(), "r")
    assert q.shape == (0,)
    assert r.shape == (2, 2)


def test_low_precision_is_refused() -> None:
    for name in ("inv", "svd", "qr", "eigh", "cholesky", "det"):
        with pytest.raises(RuntimeError, match="Low precision dtypes not supported"):
            getattr(pf.linalg, name)(pf.eye(2, dtype=pf.float16))


def test_triangular_solve_ignores_the_other_triangle() -> None:
    a, b = draw(50, 50) / 10 + 2 * np.eye(50), draw(50, 3)
    noise = pf.tensor(np.tril(np.full((50, 50), np.nan), -1) + np.triu(a))
    x = pf.linalg.solve_triangular(noise, pf.tensor(b), upper=True)
    np.testing.assert_allclose(array(x), np.linalg.solve(np.triu(a), b), atol=1e-10)


def test_matrix_exp_of_large_and_mixed_norms() -> None:
    a = pf.tensor(np.stack([[[0.0, 1.0], [-1.0, 0.0]], [[0.0, 30.0], [-30.0, 0.0]]]))
    y = array(pf.linalg.matrix_exp(a))
    for m, t in zip(y, (1.0, 30.0), strict=True):
        np.testing.assert_allclose(m, [[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]], atol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize("shape", [(20, 8), (8, 20), (2, 9, 9)])
def test_low_rank_from_the_same_seed(shape: tuple[int, ...]) -> None:
    a = draw(*shape[:-1], 3) @ draw(3, shape[-1])
    results = []
    for P in (pf, torch):
        P.manual_seed(5)
        u, s, v = P.svd_lowrank(P.tensor(a), 4)
        assert_same(pf.tensor(a), (u * s.unsqueeze(-2)) @ v.mT, 100)
        results.append([s[..., :3], P.pca_lowrank(P.tensor(a))[1][..., :2]])
    assert_same(*results, 1000)


@pytest.mark.torch
def test_older_names() -> None:
    a = draw(2, 4, 3)
    for name, args in {
        "lu": (),
        "nuclear_norm": ((0, 2), True),
        "frobenius_norm": ((0, 2),),
        "geqrf": (),
    }.items():
        got, want = (quiet(getattr(P, name), P.tensor(a), *args) for P in (pf, torch))
        assert_same(got, want, 100, name)
