"""Custom ops written in Python, for NumPy, SciPy or ctypes code.

The function gets detached tensors, so that ``x.numpy()`` works, and returns new ones; the
derivative is written in pyforge's ops::

    import numpy as np
    import pyforge as pf
    from pyforge.library import custom_op

    @custom_op("mine::squareplus")
    def squareplus(x: pf.Tensor, b: float = 4.0) -> pf.Tensor:
        a = x.numpy()
        return pf.from_numpy((a + np.sqrt(a * a + b)) / 2)

    def setup_context(ctx, inputs, output):
        x, b = inputs  # every parameter, defaults filled in
        ctx.save_for_backward(x)
        ctx.b = b

    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (1 + x / (x * x + ctx.b).sqrt()) / 2, None  # one per parameter

    squareplus.register_autograd(backward, setup_context=setup_context)
    pf.testing.opcheck(squareplus, (pf.randn(3, requires_grad=True),))

``pyforge.ops.mine.squareplus`` is the op by its name. A backward that calls NumPy must be decorated
with ``pyforge.autograd.function.once_differentiable``: it then gets detached tensors, and a second
derivative raises.
"""

from __future__ import annotations

import re

from ._C import Tensor, _record_function, _set_grad_enabled, is_grad_enabled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

__all__ = ["CustomOp", "custom_op", "register_fake"]

_TENSOR_LIST = re.compile(r"(typing\.|collections\.abc\.)?([Ll]ist|Sequence)\[[\w.]*Tensor\]")
_ops: dict[str, CustomOp] = {}  # by qualified name


class _Context:
    """What ``setup_context`` leaves for ``backward``."""

    _op_name = ""
    needs_input_grad: tuple[bool | list[bool], ...] = ()
    saved_tensors: tuple[Tensor | None, ...] = ()
    _to_save: tuple[Tensor | None, ...] = ()
    _sources: tuple[Tensor | None, ...] = ()  # the saved tensors, recorded
    _lengths: tuple[int | None, ...] = ()  # of each argument that is a list of tensors

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs and outputs, found again in ``saved_tensors``; numbers go on ``ctx``."""
        self._to_save = tensors


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) for v in value)


def _needs_grad(value: Any) -> Any:
    if _is_list(value):
        return [_needs_grad(v) for v in value]
    return isinstance(value, Tensor) and value.requires_grad


def _flat(values: Iterable[Any]) -> list[Any]:
    """The values, with lists of tensors opened."""
    return [v for value in values for v in (value if _is_list(value) else (value,))]


def _detached(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach()
    if not _is_list(value):
        return value
    make = getattr(type(value), "_make", type(value))  # a named tuple
    return make(map(_detached, value))


class CustomOp:
    """A function that is one node of the graph; made by :func:`custom_op`.

    Calling it calls the function with detached tensors. It may not return one of its arguments.
    """

    def __init__(self, name: str, fn: Callable[..., Any], mutates_args: Iterable[str]):
        import functools
        import inspect

        self.qualified_name = name
        self._fn = fn
        self._signature = inspect.signature(fn)
        self._lists = [
            name
            for name, parameter in self._signature.parameters.items()
            if _TENSOR_LIST.match(str(parameter.annotation))
        ]
        self._mutates = tuple(mutates_args)
        unknown = [m for m in self._mutates if m not in self._signature.parameters]
        if unknown:
            raise ValueError(f"{name}: mutates_args names {unknown[0]!r}, which is no parameter")
        self._backward: Callable[..., Any] | None = None
        self._setup: Callable[..., Any] | None = None
        self._fake: Callable[..., Any] | None = None
        self._node = name.rpartition("::")[2].title().replace("_", "") + "Backward0"
        functools.update_wrapper(self, fn)
        _register(self)

    def register_autograd(
        self, backward: Callable[..., Any], /, *, setup_context: Callable[..., Any] | None = None
    ) -> None:
        """Give the derivative.

        Args:
            backward: ``backward(ctx, *grads)`` takes a gradient per output and returns one (or
                ``None``) per parameter of the function, a list for a list of tensors.
                ``ctx.needs_input_grad`` says which are wanted. In pyforge's ops it can be
                differentiated again; with NumPy inside, it must be decorated with
                ``pyforge.autograd.function.once_differentiable``.
            setup_context: ``setup_context(ctx, inputs, output)`` saves what backward reads, tensors
                with ``ctx.save_for_backward``. ``inputs`` is the tuple of all arguments in the
                order of the parameters, keywords and defaults included.
        """
        self._backward, self._setup = backward, setup_context

    def register_fake(self, fn: Callable[..., Any], /) -> Callable[..., Any]:
        """Give the shape rule: returns empty tensors like the op's; each call is checked by it."""
        self._fake = fn
        return fn

    def __repr__(self) -> str:
        return f"<CustomOp {self.qualified_name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(
                f"{self.qualified_name}: {error}; the op is called as {self._signature}"
            ) from None
        bound.apply_defaults()
        for parameter in self._lists:
            if isinstance(bound.arguments[parameter], Tensor):
                raise TypeError(
                    f"{self.qualified_name}: argument '{parameter}' must be a list of Tensors, not "
                    "a Tensor: write [x]"
                )
        inputs = tuple(bound.arguments.values())
        flat = _flat(inputs)
        recording = is_grad_enabled() and any(
            isinstance(a, Tensor) and a.requires_grad for a in flat
        )
        if recording and self._mutates:
            raise RuntimeError(
                f"{self.qualified_name}: an op that changes arguments in place has no derivative; "
                "call it under no_grad()"
            )
        ctx = _Context()
        ctx._op_name = self.qualified_name
        ctx._lengths = tuple(len(a) if _is_list(a) else None for a in inputs)
        ctx.needs_input_grad = tuple(map(_needs_grad, inputs))
        before = _set_grad_enabled(False)
        try:
            if recording:  # the function sees plain tensors, which numpy() takes
                for name, value in bound.arguments.items():
                    bound.arguments[name] = _detached(value)
            output = self._fn(*bound.args, **bound.kwargs)
            self._check(_flat(bound.arguments.values()), output, bound.args, bound.kwargs)
            if recording and self._setup is not None:
                with _named(f"{self.qualified_name}: setup_context"):
                    self._setup(ctx, inputs, output)
        finally:
            _set_grad_enabled(before)
        if not recording:
            return output
        single = not isinstance(output, (tuple, list))
        outputs = [output] if single else list(output)
        saved, ctx._to_save = ctx._to_save, ()
        results = _record_function(
            self._node, self._run, ctx, flat, outputs, list(saved),
            [True] * len(outputs), [], True,
        )  # fmt: skip
        return results[0] if single else tuple(results)

    def _check(self, inputs: list[Any], output: Any, args: Any, kwargs: Any) -> None:
        name = self.qualified_name
        outputs = list(output) if isinstance(output, (tuple, list)) else [output]
        for o, t in enumerate(outputs):
            if not isinstance(t, Tensor):
                raise TypeError(f"{name}: output {o} is a {type(t).__name__}, expected a Tensor")
            if any(isinstance(a, Tensor) and a is t for a in inputs):
                raise RuntimeError(f"{name}: output {o} is an argument itself; return a new tensor")
        if self._fake is None:
            return
        fake = self._fake(*args, **kwargs)
        expected = list(fake) if isinstance(fake, (tuple, list)) else [fake]
        for o, (t, want) in enumerate(zip(outputs, expected, strict=True)):
            if t.shape != want.shape or t.dtype != want.dtype:
                raise RuntimeError(
                    f"{name}: output {o} has shape {tuple(t.shape)} and dtype {t.dtype}, but "
                    f"register_fake says {tuple(want.shape)} and {want.dtype}"
                )

    def _run(self, ctx: _Context, saved: tuple[Tensor | None, ...], grads: Any) -> Any:
        if self._backward is None:
            raise RuntimeError(
                f"derivative for {self.qualified_name} is not implemented: the custom op has no "
                "register_autograd"
            )
        once = getattr(self._backward, "_once_differentiable", False)
        if once:
            ctx.saved_tensors = tuple(None if t is None else t.detach() for t in saved)
            ctx._sources = saved
        else:
            ctx.saved_tensors = saved
        try:
            with _named(f"{self.qualified_name}: backward"):
                found = self._gradients(ctx, grads)
            if once or not is_grad_enabled():
                return found
            return self._recorded(ctx, (*grads, *saved), grads, found)
        finally:
            ctx.saved_tensors = ctx._sources = ()

    def _gradients(self, ctx: _Context, grads: Any) -> Any:
        """What backward returns, with the lists opened."""
        assert self._backward is not None
        found = self._backward(ctx, *grads)
        values = found if isinstance(found, tuple) else (found,)
        if len(values) != len(ctx._lengths) or all(n is None for n in ctx._lengths):
            return found
        result: list[Any] = []
        for i, (value, length) in enumerate(zip(values, ctx._lengths, strict=True)):
            if length is None:
                result.append(value)
            elif value is None:
                result += [None] * length
            elif isinstance(value, (list, tuple)) and len(value) == length:
                result += value
            else:
                given = len(value) if isinstance(value, (list, tuple)) else type(value).__name__
                raise RuntimeError(
                    f"expected a list of {length} gradients for argument {i}, which is "
                    f"a list of {length} tensors; got {given}"
                )
        return tuple(result)

    def _recorded(self, ctx: _Context, sources: Any, grads: Any, found: Any) -> Any:
        """Under create_graph: gradients that left the graph (in NumPy) raise, not count as 0."""
        values = found if isinstance(found, tuple) else (found,)
        lost = [isinstance(v, Tensor) and not v.requires_grad and bool(v.any()) for v in values]
        if not any(lost):
            return found
        # Linear in g and constant otherwise, or computed elsewhere? A g that is recorded tells.
        again = self._gradients(
            ctx, [g if g is None else g.detach().requires_grad_() for g in grads]
        )
        again = again if isinstance(again, tuple) else (again,)
        lost = [
            gone and not (isinstance(v, Tensor) and v.requires_grad)
            for gone, v in zip(lost, again, strict=True)
        ]
        if not any(lost):
            return found
        from .autograd.function import not_twice

        message = (
            f"{self.qualified_name}: backward computes outside of the graph (detach() or NumPy): "
            "there is no second derivative; compute it with pyforge's ops"
        )
        result = tuple(
            not_twice([v], message, sources)[0] if gone else v
            for v, gone in zip(values, lost, strict=True)
        )
        return result if isinstance(found, tuple) else result[0]


class _named:
    """Puts a name before what is raised by a user's function."""

    def __init__(self, name: str):
        self.name = name

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if type(error) not in (IndexError, TypeError, ValueError, RuntimeError):
            return
        if "call numpy() on Tensor that requires grad" in str(error):
            raise RuntimeError(
                f"{self.name} calls numpy() on a tensor that requires grad. Decorate it with "
                "pyforge.autograd.function.once_differentiable (it then gets detached tensors, and "
                "a second derivative raises), or compute with pyforge's ops"
            ) from error
        if self.name not in str(error):
            raise type(error)(f"{self.name}: {error}") from error


def _register(op: CustomOp) -> None:
    """Make it known by its name; a notebook's cell may be run again, another function warns."""

    def identity(fn: Any) -> tuple[Any, ...]:
        code = getattr(fn, "__code__", None)
        line = code.co_firstlineno if code and "<lambda>" in code.co_name else None
        return getattr(fn, "__module__", None), getattr(fn, "__qualname__", repr(fn)), line

    name = op.qualified_name
    before = _ops.get(name)
    if before is not None and identity(before._fn) != identity(op._fn):
        import warnings

        warnings.warn(
            f"custom_op: {name} is defined a second time, by {identity(op._fn)[1]}; "
            f"pyforge.ops.{name.replace('::', '.')} is now that one",
            stacklevel=4,
        )
    _ops[name] = op


def custom_op(
    name: str, fn: Callable[..., Any] | None = None, /, *, mutates_args: Iterable[str] = ()
) -> Any:
    """Make a function one op of the graph, with a derivative given by ``register_autograd``.

    Args:
        name: ``"namespace::name"``, two identifiers.
        fn: the function, of detached tensors and other values, which returns a new tensor or a
            tuple of them; without it this is a decorator.
        mutates_args: names of the arguments that it changes in place.

    Returns:
        A :class:`CustomOp`, also found as ``pyforge.ops.namespace.name``. An example is at the top
        of this module's help.

    Raises:
        ValueError: if the name is not of this form.
        TypeError: if ``fn`` is not callable.

    Warns:
        UserWarning: if another function has the name; it is replaced in ``pyforge.ops``.
    """
    parts = name.split("::")
    if len(parts) != 2:
        raise ValueError(f"custom_op: expected a name such as 'mylib::{name}', got {name!r}")
    if not all(part.isidentifier() for part in parts):
        raise ValueError(
            f"custom_op: {name!r} is no name: both parts of 'namespace::name' must be identifiers"
        )
    if fn is not None and not callable(fn):
        raise TypeError(f"custom_op: {name}: expected a function, got {type(fn).__name__}")
    if fn is None:
        return lambda f: CustomOp(name, f, mutates_args)
    return CustomOp(name, fn, mutates_args)


def register_fake(op: Any, func: Any = None, /, **kwargs: Any) -> Any:
    """Say what a :class:`CustomOp` returns; for ops of other libraries, nothing.

    Args:
        op: a :class:`CustomOp` or a name such as ``"namespace::name"``.
        func: as for :meth:`CustomOp.register_fake`; without it this is a decorator.
        kwargs: have no effect.

    Returns:
        ``func``.
    """
    if func is None:
        return lambda f: register_fake(op, f)
    known = op if isinstance(op, CustomOp) else _ops.get(op)
    return func if known is None else known.register_fake(func)
