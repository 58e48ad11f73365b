"""The gradient check finds planted mistakes and names them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyforge
from pyforge.autograd import Function, gradcheck, gradgradcheck
from pyforge.autograd.gradcheck import GradcheckError


def planted(forward: Any, derivative: Any) -> Any:
    """A function whose backward is ``derivative(input, grad)``."""

    class Planted(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            return derivative(x, grad)

    return Planted.apply


def point(*shape: int, seed: int = 0) -> Any:
    values = np.random.default_rng(seed).uniform(0.5, 2.0, shape)
    return pyforge.from_numpy(values).requires_grad_()


def failure(func: Any, inputs: Any, **settings: Any) -> str:
    assert gradcheck(func, inputs, raise_exception=False, **settings) is False
    with pytest.raises(GradcheckError) as caught:
        gradcheck(func, inputs, **settings)
    return str(caught.value)


@pytest.mark.parametrize("fast", [False, True])
def test_correct_derivatives_pass(fast: bool) -> None:
    def func(a: Any, b: Any) -> Any:
        return (a @ b).tanh(), (a * 2).exp().sum()

    assert gradcheck(func, (point(3, 2), point(2, 4, seed=1)), fast_mode=fast)
    assert gradgradcheck(func, (point(3, 2), point(2, 4, seed=1)), fast_mode=fast)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(
    ("forward", "derivative", "verdict"),
    [
        (lambda x: x * x, lambda x, g: g * x, "wrong factor: the analytic gradient is 0.5 times"),
        (lambda x: x * x, lambda x, g: -2 * g * x, "wrong sign"),
        (lambda x: x * x + x, lambda x, g: g * 2 * x, "missing or superfluous term"),
        (lambda x: x.exp() * 2, lambda x, g: g * x.exp() * 2 + 1, "missing or superfluous term"),
        (lambda x: x * x, lambda x, g: g * 0, "missing term: the analytic gradient is zero every"),
        (lambda x: x * x, lambda x, g: g * x.exp(), "no simple form"),
        (lambda x: x * x, lambda x, g: g * float("nan"), "not finite"),
        (lambda x: x.tanh(), lambda x, g: (g * (1 - x.tanh() ** 2)).T, "transpose"),
    ],
)
def test_planted_mistakes_are_named(
    forward: Any, derivative: Any, verdict: str, fast: bool
) -> None:
    text = failure(planted(forward, derivative), point(3, 3), fast_mode=fast)
    assert "Jacobian mismatch for output 0 with respect to input 0" in text
    assert verdict in text


def test_transpose_of_a_matrix_that_is_not_square() -> None:
    func = planted(lambda x: x.sin(), lambda x, g: (g * x.cos()).T.reshape(x.shape))
    assert "transpose" in failure(func, point(2, 3))


def test_one_term_missing_in_part_of_the_elements() -> None:
    def derivative(x: Any, g: Any) -> Any:
        grad = 2 * g * x
        grad[0] = 0
        return grad

    text = failure(planted(lambda x: x * x, derivative), point(3))
    assert "missing term: the analytic gradient is zero in these entries" in text
    assert "1 of 9 entries differ" in text
    assert "d output[0] / d input[0]: analytic 0, numeric" in text


def test_detached_branch() -> None:
    def func(x: Any, y: Any) -> Any:
        return x * 2 + y.detach() * 3

    text = failure(func, (point(2), point(2, seed=1)))
    assert "with respect to input 1" in text
    assert "no gradient reaches this input" in text


def test_kink() -> None:
    at_zero = pyforge.zeros(2, dtype=pyforge.float64).requires_grad_()
    assert "Looks like a kink" in failure(lambda x: x.relu(), at_zero)


def test_function_that_is_not_deterministic() -> None:
    text = failure(lambda x: x * pyforge.randn(2, dtype=pyforge.float64), point(2))
    assert "not deterministic" in text
    assert "seed" in text


def test_backward_that_is_not_deterministic() -> None:
    func = planted(
        lambda x: x * x,
        lambda x, g: 2 * g * x * (1 + 1e-9 * pyforge.randn(2, dtype=pyforge.float64)),
    )
    assert "Backward is not reentrant" in failure(func, point(2))
    assert gradcheck(func, point(2), nondet_tol=1e-6)


def test_second_derivative_mistake() -> None:
    class Cube(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            return grad * 3 * x * x.detach()

    assert gradcheck(Cube.apply, point(3))
    assert not gradgradcheck(Cube.apply, point(3), raise_exception=False)
    with pytest.raises(GradcheckError, match=r"0.5 times the numeric one"):
        gradgradcheck(Cube.apply, point(3), pyforge.ones(3, dtype=pyforge.float64))


def test_inputs_are_put_back() -> None:
    x = point(4)
    before = x.detach().numpy().copy()
    gradcheck(lambda t: t.exp(), x)
    np.testing.assert_array_equal(x.detach().numpy(), before)

    def broken(t: Any) -> Any:
        if not np.array_equal(t.detach().numpy(), before):
            raise ArithmeticError
        return t * 2

    with pytest.raises(ArithmeticError):
        gradcheck(broken, x)
    np.testing.assert_array_equal(x.detach().numpy(), before)


def test_views_and_values_closed_over_are_checked() -> None:
    whole = point(4, 3)
    column = whole.detach()[:, 1].requires_grad_()
    assert gradcheck(lambda c: c.square().sum(), column)
    weight = point(3, 2)
    assert gradcheck(lambda w: pyforge.ones(2, 3, dtype=pyforge.float64) @ weight, weight)


def test_every_branch_can_be_checked() -> None:
    def branchy(x: Any) -> Any:
        return x * 2 if x.sum() > 0 else x.exp()

    assert gradcheck(branchy, point(3))
    assert gradcheck(branchy, (-point(3).detach()).requires_grad_())


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(lambda x: x, pyforge.ones(2))
    with pytest.raises(ValueError, match="return a tensor"):
        gradcheck(lambda x: 3, point(2))
    with pytest.warns(UserWarning, match="not a double precision"):
        gradcheck(lambda x: x * 2, pyforge.ones(2, requires_grad=True), atol=1e-1)
    wide = pyforge.ones(1, dtype=pyforge.float64).expand(3).requires_grad_()
    with pytest.raises(RuntimeError, match="dimension with stride 0"):
        gradcheck(lambda x: x * 2, wide)


def test_a_pass_with_a_large_relative_error_warns() -> None:
    func = planted(lambda x: x * x, lambda x, g: 2 * g * x * 1.0005)
    with pytest.warns(UserWarning, match=r"relative error of 5\.0e-04"):
        assert gradcheck(func, point(3))


def test_gradient_dtype() -> None:
    x = point(2)
    assert gradcheck(lambda t: t * 2, x, check_grad_dtypes=True)
