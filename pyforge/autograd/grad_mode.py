"""Switches for recording: context managers that are decorators too."""

from __future__ import annotations

from .._C import _set_grad_enabled, _set_inference_mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])


class _Mode:
    """Base: subclasses set the mode in __enter__ and restore it in __exit__."""

    def _clone(self) -> _Mode:
        return type(self)()

    def __enter__(self) -> None:
        raise NotImplementedError

    def __exit__(self, *error: object) -> None:
        raise NotImplementedError

    def __call__(self, function: F) -> F:
        from functools import wraps
        from inspect import isgeneratorfunction

        if isgeneratorfunction(function):

            @wraps(function)
            def generate(*args: Any, **kwargs: Any) -> Any:
                generator = function(*args, **kwargs)
                try:
                    with self._clone():
                        value = next(generator)
                    while True:
                        try:
                            sent = yield value
                        except GeneratorExit:
                            with self._clone():
                                generator.close()
                            raise
                        except BaseException as error:
                            with self._clone():
                                value = generator.throw(error)
                        else:
                            with self._clone():
                                value = generator.send(sent)
                except StopIteration as stop:
                    return stop.value

            return generate  # type: ignore[return-value]

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._clone():
                return function(*args, **kwargs)

        return call  # type: ignore[return-value]


class no_grad(_Mode):
    """Inside, nothing is recorded: ``with no_grad():`` or ``@no_grad()``."""

    def __init__(self, function: F | None = None) -> None:
        self._stack: list[bool] = []

    def __new__(cls, function: F | None = None) -> Any:
        mode = super().__new__(cls)
        if function is not None:
            mode.__init__()  # type: ignore[misc]
            return mode(function)
        return mode

    def __enter__(self) -> None:
        self._stack.append(_set_grad_enabled(False))

    def __exit__(self, *error: object) -> None:
        _set_grad_enabled(self._stack.pop())


class enable_grad(no_grad):
    """Inside, ops are recorded again, also within ``no_grad``."""

    def __enter__(self) -> None:
        self._stack.append(_set_grad_enabled(True))


class set_grad_enabled(_Mode):
    """``set_grad_enabled(mode)`` takes effect at once; a ``with`` block undoes it at its end."""

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(
                "set_grad_enabled(): argument 'enabled' (position 1) must be bool, "
                f"not {type(mode).__name__}"
            )
        self.mode = mode
        self._before = _set_grad_enabled(self.mode)

    def _clone(self) -> _Mode:
        return type(self)(self.mode)

    def __call__(self, function: F) -> F:
        _set_grad_enabled(self._before)
        return super().__call__(function)

    def __enter__(self) -> None:
        _set_grad_enabled(self.mode)

    def __exit__(self, *error: object) -> None:
        _set_grad_enabled(self._before)


class inference_mode(_Mode):
    """As ``no_grad``, and new tensors can never take part in recording."""

    def __init__(self, mode: bool = True) -> None:
        self.mode = bool(mode)
        self._stack: list[tuple[bool, bool]] = []

    def _clone(self) -> _Mode:
        return type(self)(self.mode)

    def __enter__(self) -> None:
        before = _set_grad_enabled(not self.mode)
        self._stack.append((before, _set_inference_mode(self.mode)))

    def __exit__(self, *error: object) -> None:
        grad, inference = self._stack.pop()
        _set_inference_mode(inference)
        _set_grad_enabled(grad)
