"""The bridge to SciPy, and the façade for programs written for HIPS autograd."""

from __future__ import annotations

from typing import Any

import numpy
import pytest

import pyforge as pf
import pyforge.numpy as np
from pyforge.numpy import elementwise_grad, grad, hessian, jacobian, value_and_grad
from pyforge.optimize import minimize

optimize = pytest.importorskip("scipy.optimize")

METHODS = (
    "Nelder-Mead",
    "BFGS",
    "L-BFGS-B",
    "CG",
    "SLSQP",
    "Newton-CG",
    "trust-ncg",
    "trust-exact",
    "trust-constr",
)


def rosenbrock(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


@pytest.mark.filterwarnings("ignore:delta_grad == 0.0")
@pytest.mark.parametrize("method", METHODS)
def test_finds_the_minimum(method: str) -> None:
    start = pf.tensor([-0.5, 0.8, 1.2], dtype=pf.float64)
    options = {"maxiter": 2000} if method in ("Nelder-Mead", "trust-constr") else {}
    result = minimize(rosenbrock, start, method=method, options=options)
    numpy.testing.assert_allclose(result.x.numpy(), 1, atol=1e-3)
    assert start[0].item() == -0.5


def test_takes_the_path_of_scipy_with_the_derivative_by_hand() -> None:
    start = numpy.array([-0.5, 0.8, 1.2])
    theirs = optimize.minimize(
        optimize.rosen,
        start,
        jac=optimize.rosen_der,
        method="Newton-CG",
        hessp=optimize.rosen_hess_prod,
    )
    ours = minimize(rosenbrock, pf.from_numpy(start), method="Newton-CG")
    numpy.testing.assert_allclose(ours.x.numpy(), theirs.x, rtol=1e-6)
    assert ours.nit == theirs.nit


def test_nested_parameters_bounds_and_arguments() -> None:
    start = {"w": pf.zeros(2, 2), "b": [pf.zeros(1, dtype=pf.float64)]}

    def loss(p: Any, target: Any) -> Any:
        return ((p["w"] - target) ** 2).sum() + (p["b"][0] - 3).square().sum()

    result = minimize(loss, start, (pf.eye(2),), bounds=[(None, None)] * 4 + [(None, 2.0)])
    numpy.testing.assert_allclose(result.x["w"].numpy(), numpy.eye(2), atol=1e-5)
    assert result.x["w"].dtype == pf.float32
    assert result.x["b"][0].item() == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: minimize(rosenbrock, 1.0), TypeError, "floating point Tensor"),
        (lambda: minimize(rosenbrock, pf.ones(2).long()), TypeError, "int64"),
        (lambda: minimize(lambda x: 1.0, pf.ones(2)), TypeError, "must return a Tensor"),
        (lambda: minimize(lambda x: x, pf.ones(2)), ValueError, "one element"),
    ],
)
def test_wrong_use_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


# The façade


def test_a_program_for_autograd_runs() -> None:
    """The logistic regression of its tutorial."""

    def sigmoid(x: Any) -> Any:
        return 0.5 * (np.tanh(x / 2.0) + 1)

    inputs = np.array(
        [[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]]
    )
    targets = np.array([True, True, False, True])

    def training_loss(weights: Any) -> Any:
        predicted = sigmoid(np.dot(inputs, weights))
        probabilities = predicted * targets + (1 - predicted) * (1 - targets.double())
        return -np.sum(np.log(probabilities))

    gradient = grad(training_loss)
    weights = np.array([0.0, 0.0, 0.0])
    first = training_loss(weights)
    for _ in range(100):
        weights = weights - gradient(weights) * 0.01
    assert training_loss(weights) < 0.7 * first


def test_operators() -> None:
    x = numpy.array([0.3, -1.2, 2.0])
    numpy.testing.assert_allclose(elementwise_grad(np.tanh)(x), 1 / numpy.cosh(x) ** 2)
    assert grad(lambda x: x**3)(2.0).item() == 12
    assert grad(grad(lambda x: np.sin(x)))(0.5).item() == pytest.approx(-numpy.sin(0.5))
    value, slope = value_and_grad(lambda x, y: (x * y**2).sum(), 1)(x, np.array([1.0, 2.0, 3.0]))
    assert value.item() == pytest.approx((x * [1, 4, 9]).sum())
    numpy.testing.assert_allclose(slope, 2 * x * [1, 2, 3])
    numpy.testing.assert_allclose(
        jacobian(lambda x: np.outer(x, x)[0])(x)[0], [0.6, 0, 0], atol=1e-12
    )
    numpy.testing.assert_allclose(hessian(lambda x: np.sum(x**3))(x), numpy.diag(6 * x))
    with pytest.raises(TypeError, match="scalar-output functions"):
        grad(np.sin)(x)


CASES = [
    "sum(x)", "sum(x, axis=0)", "mean(x, axis=(0, 1))", "mean(x, axis=-1, keepdims=True)", "var(x, axis=0, ddof=1)",
    "std(x)", "prod(x, axis=1)", "max(x, axis=0)", "min(x)", "argmax(x, axis=1)", "argmin(x)", "cumsum(x, axis=1)",
    "cumsum(x)", "dot(x, y)", "dot(v, v)", "dot(x, v)", "matmul(x, y)", "inner(x, x)", "outer(v, v)",
    "tensordot(x, y, 1)", "einsum('ij,jk->ik', x, y)", "power(v, 2)", "where(x > 0, x, 0.0)", "clip(x, -0.5, 0.5)",
    "reshape(x, (3, 2))", "ravel(x)", "transpose(x)", "swapaxes(x, 0, 1)", "expand_dims(v, 1)", "squeeze(v)",
    "concatenate([x, x], axis=1)", "stack([v, v])", "vstack([v, v])", "hstack([v, v])", "hstack([x, x])", "tile(v, 2)",
    "tile(x, (2, 1, 2))", "diag(v)", "diag(v, 1)", "diag(v, -2)", "diag(x)", "trace(x)", "sort(v)", "exp(x)",
    "arctan2(x, x)", "logaddexp(x, x)", "maximum(x, 0.0)", "logical_and(x > 0, x < 1)", "abs(x)", "sqrt(abs(x))",
    "mod(x, 0.3)", "eye(3)", "linspace(0, 1, 5)", "arange(4)", "arange(0, 1, 0.25)", "zeros((2, 2))", "ones(3)",
    "full((2,), 1.5)", "array([1, 2])", "array([[1.0, 2.0]])", "broadcast_to(v, (2, 3))", "tril(y)", "any(x > 1)",
    "linalg.norm(x)", "linalg.norm(v)", "linalg.inv(z)", "linalg.det(z)", "linalg.solve(z, v)", "zeros_like(x)",
]  # fmt: skip


def test_functions_equal_numpy() -> None:
    rng = numpy.random.default_rng(0)
    arrays = {
        "x": rng.normal(size=(2, 3)),
        "y": rng.normal(size=(3, 4)),
        "v": rng.normal(size=3),
        "z": rng.normal(size=(3, 3)),
    }
    for case in CASES:
        code, names = "np." + case, dict(arrays)
        code = code.replace("abs(x))", "np.abs(x))") if "sqrt" in code else code
        expected = eval(code, {"np": numpy, **names})
        result = eval(code, {"np": np, **{k: pf.from_numpy(v.copy()) for k, v in names.items()}})
        assert tuple(result.shape) == numpy.shape(expected), case
        numpy.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12, err_msg=case)
        assert str(result.dtype).endswith(str(numpy.asarray(expected).dtype)), case


def test_random_numbers_are_numpys() -> None:
    np.random.seed(0)
    ours = np.random.randn(3, 2)
    numpy.random.seed(0)
    numpy.testing.assert_array_equal(ours, numpy.random.randn(3, 2))
    own = np.random.RandomState(1).normal(size=3)
    numpy.testing.assert_array_equal(own, numpy.random.RandomState(1).normal(size=3))
    assert isinstance(own, pf.Tensor)
