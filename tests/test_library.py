"""Custom ops written in Python."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
import pytest

import pyforge as pf
from pyforge.autograd import gradcheck, gradgradcheck
from pyforge.autograd.function import once_differentiable
from pyforge.library import custom_op
from pyforge.testing import OpCheckError, opcheck


@custom_op("mylib::numpy_sin", mutates_args=())
def numpy_sin(x: pf.Tensor) -> pf.Tensor:
    return pf.from_numpy(np.sin(x.numpy()))


def setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.save_for_backward(inputs[0])


numpy_sin.register_autograd(lambda ctx, g: g * ctx.saved_tensors[0].cos(), setup_context=setup)
numpy_sin.register_fake(lambda x: pf.empty_like(x))


def test_derivatives_and_name() -> None:
    x = pf.randn(3, dtype=pf.float64).requires_grad_()
    assert gradcheck(numpy_sin, (x,))
    assert gradgradcheck(numpy_sin, (x,))
    assert numpy_sin(x).grad_fn.name() == "NumpySinBackward0"


def test_missing_derivative_names_the_op() -> None:
    op = custom_op("mylib::plain", lambda x: x * 2)
    with pytest.raises(RuntimeError, match="derivative for mylib::plain is not implemented"):
        op(pf.ones(2, requires_grad=True)).sum().backward()


def test_wrong_outputs() -> None:
    op = custom_op("mylib::bad", lambda x: x.sum())
    op.register_fake(lambda x: pf.empty_like(x))
    with pytest.raises(RuntimeError, match="register_fake says"):
        op(pf.ones(2))
    with pytest.raises(RuntimeError, match="argument itself"):
        custom_op("mylib::same", lambda x: x)(pf.ones(2))
    with pytest.raises(ValueError, match="mylib::short"):
        custom_op("short", lambda x: x)


def derived(name: str, backward: Any) -> Any:
    op = custom_op(name, lambda x: pf.from_numpy(x.numpy() ** 2))
    op.register_autograd(backward, setup_context=setup)
    return op


def double_in_numpy(ctx: Any, g: pf.Tensor) -> pf.Tensor:
    return pf.from_numpy(2 * g.numpy() * ctx.saved_tensors[0].numpy())


def test_backward_in_numpy() -> None:
    x = pf.randn(3, dtype=pf.float64).requires_grad_()
    with pytest.raises(RuntimeError, match=r"mylib::np1: backward calls numpy.*once_differ"):
        derived("mylib::np1", double_in_numpy)(x).sum().backward()
    once = derived("mylib::np2", once_differentiable(double_in_numpy))
    assert gradcheck(once, (x,))
    (g,) = pf.autograd.grad(once(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="mylib::np2: trying to differentiate twice"):
        (g.sum() + x.sum()).backward()
    report = opcheck(once, (x,))
    assert "first derivative" in report
    assert "once differentiable" in report.skipped["second derivative"]


@pytest.mark.parametrize("through", [lambda y: y.sum(), lambda y: (y * y).sum()])
def test_second_derivative_is_not_silently_missing(through: Any) -> None:
    def detached(ctx: Any, g: pf.Tensor) -> pf.Tensor:
        return pf.from_numpy(2 * g.detach().numpy() * ctx.saved_tensors[0].detach().numpy())

    op = derived("mylib::detached", detached)
    x = pf.randn(3, dtype=pf.float64).requires_grad_()
    (g,) = pf.autograd.grad(through(op(x)), x, create_graph=True)
    with pytest.raises(RuntimeError, match="mylib::detached: backward computes outside"):
        (g.sum() + x.sum()).backward()
    with pytest.raises(OpCheckError, match=r"mylib::detached.: second derivative: .*outside"):
        opcheck(op, (x,))


def test_constant_derivative_is_no_loss() -> None:
    op = custom_op("mylib::triple", lambda x: x * 3)
    op.register_autograd(lambda ctx, g: g * 3, setup_context=setup)
    x = pf.randn(3, dtype=pf.float64).requires_grad_()
    (g,) = pf.autograd.grad(op(x).sum(), x, create_graph=True)
    (g.sum() + x.sum()).backward()
    assert x.grad.tolist() == [1.0] * 3
    assert "second derivative" in opcheck(op, (x,))


def test_names() -> None:
    with pytest.raises(ValueError, match="identifiers"):
        custom_op("mylib::a b", lambda x: x)
    with pytest.raises(TypeError, match="expected a function"):
        custom_op("mylib::three", 3)  # type: ignore[arg-type]
    assert pf.ops.mylib.numpy_sin is numpy_sin
    assert "mylib" in dir(pf.ops)
    assert "numpy_sin" in dir(pf.ops.mylib)
    with pytest.raises(AttributeError, match=r"pyforge\.ops\.mylib\.numpy_sin is one"):
        _ = pf.ops.numpy_sin
    with pytest.raises(AttributeError, match="mylib::nope"):
        _ = pf.ops.mylib.nope
    first = custom_op("mylib::twice_named", lambda x: x * 2)
    with pytest.warns(UserWarning, match="mylib::twice_named is defined a second time"):
        second = custom_op("mylib::twice_named", lambda x: x * 3)
    assert pf.ops.mylib.twice_named is second
    assert first is not second


def test_errors_name_the_op() -> None:
    with pytest.raises(TypeError, match=r"mylib::numpy_sin: got an unexpected .*called as \(x"):
        numpy_sin(pf.ones(2), c=3)
    op = custom_op("mylib::unsaved", lambda x: x * 2)
    op.register_autograd(lambda ctx, g: g * ctx.saved_tensors[0])
    with pytest.raises(IndexError, match="mylib::unsaved: backward: tuple index"):
        op(pf.ones(2, requires_grad=True)).sum().backward()


def weighted_sum(xs: list[pf.Tensor], k: float = 2.0) -> pf.Tensor:
    return pf.from_numpy(sum(x.numpy() for x in xs) * k)


def keep_list(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.k, ctx.n = inputs[1], len(inputs[0])


def test_lists_of_tensors() -> None:
    op = custom_op("mylib::weighted_sum", weighted_sum)
    needs: list[Any] = []

    def backward(ctx: Any, g: pf.Tensor) -> Any:
        needs.append(ctx.needs_input_grad)
        return [g * ctx.k] * ctx.n, None

    op.register_autograd(backward, setup_context=keep_list)
    a = pf.randn(3, dtype=pf.float64, requires_grad=True)
    b, c = pf.randn(2, 3, dtype=pf.float64).unbind()
    op([a, b, c], 3.0).sum().backward()
    assert needs == [([True, False, False], False)]
    assert a.grad.tolist() == [3.0] * 3
    assert gradcheck(lambda x, y: op((x, y)), (a, b.clone().requires_grad_()))
    pair = collections.namedtuple("pair", "first second")
    assert op(pair(a, b)).requires_grad
    assert gradgradcheck(lambda x, y: op([x, y]), (a, b.clone().requires_grad_()))
    with pytest.raises(TypeError, match=r"'xs' must be a list of Tensors.*write \[x\]"):
        op(a)


@pytest.mark.parametrize("result", [lambda g: (g, None), lambda g: ([g], None)])
def test_lists_of_tensors_want_lists_of_gradients(result: Any) -> None:
    op = custom_op("mylib::weighted_sum", weighted_sum)
    op.register_autograd(lambda ctx, g: result(g), setup_context=keep_list)
    x = pf.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="weighted_sum: backward: expected a list of 2"):
        op([x, x]).sum().backward()
