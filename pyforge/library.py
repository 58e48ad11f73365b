"""Custom ops written in Python, for NumPy, SciPy or ctypes code."""

from __future__ import annotations

from ._C import Tensor, _record_function, _set_grad_enabled, is_grad_enabled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

__all__ = ["CustomOp", "custom_op"]


class _Context:
    """What ``setup_context`` leaves for ``backward``."""

    needs_input_grad: tuple[bool, ...] = ()
    saved_tensors: tuple[Tensor | None, ...] = ()
    _to_save: tuple[Tensor | None, ...] = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs and outputs, found again in ``saved_tensors``."""
        self._to_save = tensors


class CustomOp:
    """A function that is one node of the graph; made by :func:`custom_op`."""

    def __init__(self, name: str, fn: Callable[..., Any], mutates_args: Iterable[str]):
        import functools
        import inspect

        self.qualified_name = name
        self._fn = fn
        self._signature = inspect.signature(fn)
        self._mutates = tuple(mutates_args)
        unknown = [m for m in self._mutates if m not in self._signature.parameters]
        if unknown:
            raise ValueError(f"{name}: mutates_args names {unknown[0]!r}, which is no parameter")
        self._backward: Callable[..., Any] | None = None
        self._setup: Callable[..., Any] | None = None
        self._fake: Callable[..., Any] | None = None
        self._node = name.rpartition("::")[2].title().replace("_", "") + "Backward0"
        functools.update_wrapper(self, fn)

    def register_autograd(
        self, backward: Callable[..., Any], /, *, setup_context: Callable[..., Any] | None = None
    ) -> None:
        """Give the derivative.

        Args:
            backward: ``backward(ctx, *grads)``, one gradient or ``None`` per argument.
            setup_context: ``setup_context(ctx, inputs, output)`` saves what backward reads.
        """
        self._backward, self._setup = backward, setup_context

    def register_fake(self, fn: Callable[..., Any], /) -> Callable[..., Any]:
        """Give the shape rule: returns empty tensors like the op's; each call is checked by it."""
        self._fake = fn
        return fn

    def __repr__(self) -> str:
        return f"<CustomOp {self.qualified_name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        inputs = tuple(bound.arguments.values())
        needs = tuple(isinstance(a, Tensor) and a.requires_grad for a in inputs)
        recording = is_grad_enabled() and any(needs)
        if recording and self._mutates:
            raise RuntimeError(
                f"{self.qualified_name}: an op that changes arguments in place has no derivative; "
                "call it under no_grad()"
            )
        ctx = _Context()
        ctx.needs_input_grad = needs
        before = _set_grad_enabled(False)
        try:
            if recording:  # the function sees plain tensors, which numpy() takes
                for name, value in bound.arguments.items():
                    if isinstance(value, Tensor):
                        bound.arguments[name] = value.detach()
            output = self._fn(*bound.args, **bound.kwargs)
            self._check(tuple(bound.arguments.values()), output, bound.args, bound.kwargs)
            if recording and self._setup is not None:
                self._setup(ctx, inputs, output)
        finally:
            _set_grad_enabled(before)
        if not recording:
            return output
        single = not isinstance(output, (tuple, list))
        outputs = [output] if single else list(output)
        saved, ctx._to_save = ctx._to_save, ()
        results = _record_function(
            self._node, self._run, ctx, list(inputs), outputs, list(saved),
            [True] * len(outputs), [], True,
        )  # fmt: skip
        return results[0] if single else tuple(results)

    def _check(self, inputs: tuple[Any, ...], output: Any, args: Any, kwargs: Any) -> None:
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
        ctx.saved_tensors = saved
        try:
            return self._backward(ctx, *grads)
        finally:
            ctx.saved_tensors = ()


def custom_op(
    name: str, fn: Callable[..., Any] | None = None, /, *, mutates_args: Iterable[str] = ()
) -> Any:
    """Make a function one op of the graph, with a derivative given by ``register_autograd``.

    Args:
        name: ``"namespace::name"``.
        fn: the function; without it this is a decorator.
        mutates_args: names of the arguments that it changes in place.

    Raises:
        ValueError: if the name has no namespace.
    """
    if "::" not in name:
        raise ValueError(f"custom_op: expected a name such as 'mylib::{name}', got {name!r}")
    if fn is None:
        return lambda f: CustomOp(name, f, mutates_args)
    return CustomOp(name, fn, mutates_args)
