"""Accuracy of special functions against SciPy and high precision, and values at the edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyforge as pf

scipy = pytest.importorskip("scipy.special")
INF, NAN = np.inf, np.nan


def relative(ours: Any, theirs: np.ndarray) -> float:
    visible = np.abs(theirs) > 1e-290
    return float(np.max(np.abs(ours.numpy() - theirs)[visible] / np.abs(theirs)[visible]))


def test_incomplete_gamma() -> None:
    rng = np.random.default_rng(0)
    a = 10 ** rng.uniform(-6, 5, 3000)  # SciPy stops too early beyond
    for x in (
        a * 10 ** rng.uniform(-2, 2, 3000),
        np.abs(a + 3 * np.sqrt(a) * rng.normal(size=3000)),
    ):
        lower, upper = (f(pf.from_numpy(a), pf.from_numpy(x)) for f in (pf.igamma, pf.igammac))
        np.testing.assert_allclose(lower.numpy(), scipy.gammainc(a, x), rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose(upper.numpy(), scipy.gammaincc(a, x), rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose(lower.numpy() + upper.numpy(), np.ones(3000), rtol=1e-13)
    # Small results keep their digits.
    a, x = 10 ** rng.uniform(-3, 2, 1000), 10 ** rng.uniform(-3, 2, 1000)
    assert relative(pf.igamma(pf.from_numpy(a), pf.from_numpy(x)), scipy.gammainc(a, x)) < 1e-12
    assert relative(pf.igammac(pf.from_numpy(a), pf.from_numpy(x)), scipy.gammaincc(a, x)) < 1e-12


def test_incomplete_gamma_of_large_operands() -> None:
    mpmath = pytest.importorskip("mpmath")
    for a, x in ((9e5, 8.97e5), (1.1e6, 1.097e6), (1.1e6, 1.103e6), (2e6, 2e6 + 1)):
        with mpmath.workdps(40):
            term = mpmath.e ** (a * mpmath.log(x) - x - mpmath.loggamma(mpmath.mpf(a) + 1))
            exact, k = term, 0
            while term > exact * 1e-20:
                k += 1
                term *= x / (mpmath.mpf(a) + k)
                exact += term
        ours = pf.igamma(pf.tensor(a, dtype=pf.float64), pf.tensor(x, dtype=pf.float64))
        assert ours.item() == pytest.approx(float(exact), rel=1e-8)


@pytest.mark.parametrize(
    ("a", "x", "lower"),
    [
        (0.0, 0.0, NAN), (0.0, 1.0, 1.0), (1.0, 0.0, 0.0), (INF, 1.0, 0.0), (1.0, INF, 1.0),
        (INF, INF, NAN), (-1.0, 1.0, NAN), (1.0, -1.0, NAN), (NAN, 1.0, NAN), (1e300, 1e300, 0.5),
    ],
)  # fmt: skip
def test_incomplete_gamma_at_the_edges(a: float, x: float, lower: float) -> None:
    operands = [pf.tensor(v, dtype=pf.float64) for v in (a, x)]
    assert pf.igamma(*operands).item() == pytest.approx(lower, nan_ok=True)
    assert pf.igammac(*operands).item() == pytest.approx(1 - lower, nan_ok=True)


def test_derivative_of_incomplete_gamma_by_the_shape() -> None:
    """Against central differences in high precision."""
    mpmath = pytest.importorskip("mpmath")
    for a, x in ((0.01, 0.5), (1.5, 2.0), (30.0, 25.0), (30.0, 80.0), (900.0, 950.0)):
        shape = pf.tensor(a, dtype=pf.float64, requires_grad=True)
        pf.igamma(shape, pf.tensor(x, dtype=pf.float64)).backward()
        with mpmath.workdps(40):
            h = mpmath.mpf(10) ** -12
            ends = [mpmath.gammainc(a + s * h, 0, x, regularized=True) for s in (1, -1)]
            slope = float((ends[0] - ends[1]) / (2 * h))
        assert shape.grad is not None
        assert shape.grad.item() == pytest.approx(slope, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("modified_bessel_k0", "k0"),
        ("modified_bessel_k1", "k1"),
        ("scaled_modified_bessel_k0", "k0e"),
        ("scaled_modified_bessel_k1", "k1e"),
    ],
)
def test_bessel_functions_of_the_second_kind(name: str, reference: str) -> None:
    x = 10 ** np.random.default_rng(1).uniform(-8, 2.8, 3000)
    ours = getattr(pf.special, name)
    assert relative(ours(pf.from_numpy(x)), getattr(scipy, reference)(x)) < 2e-14
    edges = pf.tensor([0.0, -1.0, INF, NAN], dtype=pf.float64)
    np.testing.assert_array_equal(ours(edges).numpy(), [INF, NAN, 0.0, NAN])


def test_airy() -> None:
    x = np.random.default_rng(2).uniform(-40, 100, 4000)
    value, slope, _, _ = scipy.airy(x)
    ours = pf.special.airy_ai(pf.from_numpy(x))
    assert relative(ours[pf.from_numpy(x > 0)], value[x > 0]) < 1e-12
    np.testing.assert_allclose(ours.numpy(), value, rtol=0, atol=3e-14)
    leaf = pf.from_numpy(x).requires_grad_()
    pf.special.airy_ai(leaf).sum().backward()
    assert leaf.grad is not None
    np.testing.assert_allclose(leaf.grad.numpy(), slope, rtol=1e-12, atol=1e-12)


NAMES = {
    "chebyshev_polynomial_t": "eval_chebyt", "chebyshev_polynomial_u": "eval_chebyu",
    "shifted_chebyshev_polynomial_t": "eval_sh_chebyt", "shifted_chebyshev_polynomial_u": "eval_sh_chebyu",
    "hermite_polynomial_h": "eval_hermite", "hermite_polynomial_he": "eval_hermitenorm",
    "laguerre_polynomial_l": "eval_laguerre", "legendre_polynomial_p": "eval_legendre",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_polynomials(name: str) -> None:
    x = np.random.default_rng(3).uniform(0.02, 0.98, 200)
    for n in (0, 1, 2, 5, 9, 30):
        ours = getattr(pf.special, name)(pf.from_numpy(x), n).numpy()
        theirs = getattr(scipy, NAMES[name])(n, x)
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-13 * np.abs(theirs).max())


@pytest.mark.torch
def test_polynomials_equal_torch() -> None:
    torch = pytest.importorskip("torch")
    names = [n for n in dir(torch.special) if "_polynomial_" in n]
    assert len(names) == 12
    x = np.array([-2.5, -1.0, -0.3, 0.0, 0.4, 1.0, 3.0])[:, None]
    n = np.array([-1.0, 0.0, 1.0, 2.0, 3.7, 6.0, 11.0])
    for name in names:
        ours = getattr(pf.special, name)(pf.from_numpy(x), pf.from_numpy(n)).numpy()
        theirs = getattr(torch.special, name)(torch.from_numpy(x), torch.from_numpy(n)).numpy()
        # U, V and W divide by what vanishes at the ends of [0, 1] in PyTorch.
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9, err_msg=name)
    with pytest.raises(RuntimeError, match="derivative for special_hermite_polynomial_h"):
        pf.special.hermite_polynomial_h(pf.ones(1, requires_grad=True), 2).sum().backward()


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "draw",
    [
        lambda t: t.cauchy_(),
        lambda t: t.cauchy_(2.0, 0.5),
        lambda t: t.log_normal_(),
        lambda t: t.log_normal_(0.0, 0.5),
        lambda t: t.geometric_(0.3),
        lambda t: t.int().geometric_(0.05),
    ],
)
def test_draws_equal_torch(draw: Any, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    results = []
    for lib in (torch, pf):
        lib.manual_seed(4)
        made = draw(lib.empty(101, dtype=getattr(lib, dtype)))
        results.append((made.numpy(), lib.rand(3).numpy(), str(made.dtype).split(".")[-1]))
    np.testing.assert_allclose(
        results[1][0], results[0][0], rtol=1e-6 if dtype == "float32" else 1e-13
    )
    np.testing.assert_array_equal(results[1][1], results[0][1])
    assert results[1][2] == results[0][2]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: pf.ones(2).cauchy_(0, 0), "expects sigma > 0.0"),
        (lambda: pf.ones(2).log_normal_(0, -1), "expects std > 0.0"),
        (lambda: pf.ones(2).geometric_(1.0), r"expects p to be in \(0, 1\)"),
        (lambda: pf.ones(2).int().cauchy_(), "dtype must be a floating point"),
    ],
)
def test_wrong_draws_are_refused(call: Any, text: str) -> None:
    with pytest.raises(RuntimeError, match=text):
        call()
