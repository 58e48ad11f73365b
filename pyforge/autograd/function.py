"""Differentiable functions whose derivative the user writes in Python."""

from __future__ import annotations

from .._C import Tensor, _record_function, _set_grad_enabled, is_grad_enabled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What ``forward`` leaves for ``backward``."""

    needs_input_grad: tuple[bool, ...] = ()
    _saved: tuple[Tensor | None, ...] = ()
    _to_save: tuple[Tensor | None, ...] = ()
    _dirty: tuple[Tensor, ...] = ()
    _non_differentiable: tuple[Tensor, ...] = ()
    _materialize = True
    _own: tuple[tuple[str, int], ...] = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs and outputs for ``backward``, found again in ``ctx.saved_tensors``.

        They are checked against in-place changes, and released with the graph.
        """
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    "save_for_backward can only save variables, "
                    f"but argument is of type {type(t).__name__}"
                )
        self._to_save = tensors

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What ``save_for_backward`` kept."""
        return self._saved

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Name the inputs that ``forward`` changed in place; each must be returned."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Name the outputs that carry no gradient."""
        self._non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """``False``: ``backward`` sees ``None`` where no gradient arrived, instead of zeros."""
        self._materialize = value


class Function(FunctionCtx):
    """Base class: subclass with static ``forward(ctx, *args)`` and ``backward(ctx, *grads)``.

    Call it with ``apply``. ``backward`` takes a gradient per output and returns one (or ``None``)
    per argument of ``forward``.
    Its own operations are recorded under ``create_graph``, so it can be differentiated again.
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs: tensors, or a tuple with tensors."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Alternative to a ``ctx`` argument of ``forward``: leave values for ``backward`` here."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Compute the gradient of every argument of ``forward``."""
        raise NotImplementedError(
            "You must implement the backward function for your custom autograd.Function "
            "to use it with backward mode AD."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward`` and record it."""
        ctx = cls()
        recording = is_grad_enabled() and any(
            isinstance(a, Tensor) and a.requires_grad for a in args
        )
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        separate = cls.setup_context is not Function.setup_context
        before = _set_grad_enabled(False)
        try:
            output = cls.forward(*args, **kwargs) if separate else cls.forward(ctx, *args, **kwargs)
            if separate:
                cls.setup_context(ctx, args, output)
        finally:
            _set_grad_enabled(before)
        single = not isinstance(output, (tuple, list))
        values = (output,) if single else tuple(output)
        if not recording:
            return output
        tensors = [v for v in values if isinstance(v, Tensor)]
        if not tensors:
            raise TypeError(
                f"{cls.__name__}.forward: expected Tensor or tuple of Tensor, "
                f"got {type(output).__name__}"
            )
        results = iter(
            _record_function(
                cls.__name__ + "Backward",
                _run,
                ctx,
                args,
                tensors,
                ctx._to_save,
                [not any(v is n for n in ctx._non_differentiable) for v in tensors],
                ctx._dirty,
                ctx._materialize,
            )
        )
        ctx._to_save = ctx._dirty = ctx._non_differentiable = ()
        _release_outputs(ctx, tensors)
        recorded = tuple(next(results) if isinstance(v, Tensor) else v for v in values)
        return recorded[0] if single else recorded


def _release_outputs(ctx: Function, outputs: list[Tensor]) -> None:
    # An output kept as a plain attribute would tie ctx and graph in a cycle: keep its values only.
    for name, value in ctx.__dict__.items():
        if isinstance(value, Tensor) and any(value is o for o in outputs):
            ctx.__dict__[name] = value.detach()


def _run(ctx: Function, saved: tuple[Tensor | None, ...], grads: tuple[Tensor | None, ...]) -> Any:
    ctx._saved = saved
    try:
        return type(ctx).backward(ctx, *grads)
    finally:
        ctx._saved = ()


class _NotTwice(Function):
    @staticmethod
    def forward(ctx: Any, message: str, count: int, *tensors: Tensor) -> Any:
        ctx.message = message
        return tuple(t.detach() for t in tensors[:count])

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError(ctx.message)


def not_twice(
    tensors: Sequence[Tensor], message: str, sources: Iterable[Tensor | None]
) -> tuple[Tensor, ...]:
    """The same values; differentiating through them raises a RuntimeError with ``message``.

    ``sources`` are what they were computed from: the way to these leads through the error too.
    """
    if not tensors:
        return ()
    plain = [t.detach().requires_grad_() for t in tensors]
    recorded = [s for s in sources if s is not None and s.requires_grad]
    marked: tuple[Tensor, ...] = _NotTwice.apply(message, len(plain), *plain, *recorded)
    return marked


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator of a ``backward`` that must not be differentiated again (RuntimeError)."""
    from functools import wraps

    @wraps(backward)
    def wrapper(ctx: Any, *grads: Any) -> Any:
        recording = is_grad_enabled()
        before = _set_grad_enabled(False)
        try:
            plain = [g.detach() if isinstance(g, Tensor) else g for g in grads]
            output = backward(ctx, *plain)
        finally:
            _set_grad_enabled(before)
        if not recording:
            return output
        values = output if isinstance(output, tuple) else (output,)
        marked = iter(
            not_twice(
                [v for v in values if isinstance(v, Tensor)],
                f"{getattr(ctx, '_op_name', type(ctx).__name__)}: trying to differentiate twice a "
                "function that was marked with @once_differentiable",
                (*grads, *getattr(ctx, "_sources", ctx.saved_tensors)),
            )
        )
        result = tuple(next(marked) if isinstance(v, Tensor) else v for v in values)
        return result if isinstance(output, tuple) else result[0]

    wrapper._once_differentiable = True  # type: ignore[attr-defined]
    return wrapper
