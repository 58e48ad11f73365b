"""``torch.compile`` and what goes with it, for programs that call them.

pyforge runs every op when it is called, through compiled kernels, so there is nothing to wait for:
a model comes back as it is, and trains and saves as before.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = ["compile", "disable", "is_compiling", "is_dynamo_compiling", "is_exporting", "reset"]


def compile(
    model: Callable[..., Any] | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str | Callable[..., Any] = "inductor",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """``model`` itself: a module or function runs eagerly here. Without ``model``, a decorator.

    The other arguments say how PyTorch should compile; they have no effect.

    Raises:
        TypeError: if ``model`` cannot be called.
        RuntimeError: for ``mode`` and ``options`` together, as in PyTorch.
    """
    if mode is not None and options is not None:
        raise RuntimeError(
            "Either mode or options can be specified, but both can't be specified at the same time."
        )
    if model is None:
        return compile
    if not callable(model):
        raise TypeError(f"compile: expected a module or a function, not {type(model).__name__}")
    return model


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """``fn`` itself, or a decorator: nothing is compiled."""
    return (lambda fn: fn) if fn is None else fn


def is_compiling() -> bool:
    """False: ops run when they are called."""
    return False


def is_compile_supported(device_type: str) -> bool:
    """False: nothing is compiled when a program runs."""
    return False


def is_dynamo_compiling() -> bool:
    """False: ops run when they are called."""
    return False


def is_exporting() -> bool:
    """False: ops run when they are called."""
    return False


def reset() -> None:
    """Does nothing: there are no compiled graphs to forget."""
