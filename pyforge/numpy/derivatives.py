"""HIPS autograd's operators."""

from __future__ import annotations

from .. import func
from .._C import Tensor, as_tensor, float64
from .._C import tensor as _tensor
from .._tree import flatten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _floating(value: Any) -> Any:
    """Numbers and arrays, nested or not, as float64 tensors."""
    leaves, rebuild = flatten(value)
    made = []
    for leaf in leaves:
        t = leaf if isinstance(leaf, Tensor) else as_tensor(leaf)
        if isinstance(leaf, float):
            t = _tensor(leaf, dtype=float64)
        made.append(t if t.is_floating_point() else t.to(float64))
    return rebuild(made)


def _prepared(args: tuple[Any, ...], argnum: Any) -> tuple[Any, ...]:
    chosen = (argnum,) if isinstance(argnum, int) else tuple(argnum)
    return tuple(
        _floating(a) if i in chosen or i - len(args) in chosen else a for i, a in enumerate(args)
    )


def _scalar(fun: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        value = fun(*args, **kwargs)
        if isinstance(value, Tensor) and value.numel() == 1:
            return value.reshape(())
        raise TypeError(
            "Grad only applies to real scalar-output functions. Try jacobian, elementwise_grad."
        )

    return call


def grad(fun: Callable[..., Any], argnum: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """A function that returns the gradient of ``fun`` by the argument ``argnum``.

    Raises TypeError if ``fun`` returns several elements.
    """
    gradient = func.grad(_scalar(fun), argnum)

    def call(*args: Any, **kwargs: Any) -> Any:
        return gradient(*_prepared(args, argnum), **kwargs)

    return call


def value_and_grad(
    fun: Callable[..., Any], argnum: int | tuple[int, ...] = 0
) -> Callable[..., Any]:
    """A function that returns the value of ``fun`` and its gradient."""
    both = func.value_and_grad(_scalar(fun), argnum)

    def call(*args: Any, **kwargs: Any) -> Any:
        return both(*_prepared(args, argnum), **kwargs)

    return call


def elementwise_grad(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """A function that returns the derivative of the sum of ``fun``: element by element for ``fun``
    that works so."""

    def total(*args: Any, **kwargs: Any) -> Any:
        return fun(*args, **kwargs).sum()

    return grad(total, argnum)


def jacobian(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """A function that returns the Jacobian of ``fun``: the output's shape, then the input's."""
    rows = func.jacrev(fun, argnum)

    def call(*args: Any, **kwargs: Any) -> Any:
        return rows(*_prepared(args, argnum), **kwargs)

    return call


def hessian(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """A function that returns the Hessian of ``fun``."""
    return jacobian(jacobian(_scalar(fun), argnum), argnum)


def hessian_vector_product(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """A function of the arguments of ``fun`` and a vector: the Hessian times that vector."""

    def product(*args: Any, **kwargs: Any) -> Any:
        *inputs, vector = args

        def directional(*values: Any) -> Any:
            return (grad(fun, argnum)(*values, **kwargs) * _floating(vector)).sum()

        return grad(directional, argnum)(*inputs)

    return product
