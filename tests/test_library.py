"""Custom ops written in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyforge as pf
from pyforge.autograd import gradcheck, gradgradcheck
from pyforge.library import custom_op


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
