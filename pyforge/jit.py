"""TorchScript's names, for programs that use them: functions and modules stay the Python they are.

What is saved with TorchScript needs its interpreter: :func:`save` and :func:`load` raise.
"""

from __future__ import annotations

from typing import Final

from .nn import Module as ScriptModule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, TypeVar

    T = TypeVar("T")

__all__ = [
    "Final",
    "ScriptModule",
    "annotate",
    "export",
    "freeze",
    "ignore",
    "interface",
    "is_scripting",
    "is_tracing",
    "load",
    "optimize_for_inference",
    "save",
    "script",
    "script_method",
    "trace",
    "unused",
]


def script(obj: T, *args: Any, **kwargs: Any) -> T:
    """``obj`` itself, a function, class or module; nothing is translated."""
    return obj


def trace(func: T, example_inputs: Any = None, *args: Any, **kwargs: Any) -> T:
    """``func`` itself: unlike a trace it keeps all its branches."""
    return func


def freeze(mod: T, *args: Any, **kwargs: Any) -> T:
    """``mod`` itself."""
    return mod


def optimize_for_inference(mod: T, *args: Any, **kwargs: Any) -> T:
    """``mod`` itself."""
    return mod


def script_method(fn: T) -> T:
    """``fn`` itself."""
    return fn


def export(fn: T) -> T:
    """``fn`` itself."""
    return fn


def unused(fn: T) -> T:
    """``fn`` itself."""
    return fn


def interface(obj: T) -> T:
    """``obj`` itself."""
    return obj


def _overload(fn: T) -> T:
    return fn


_overload_method = _script_if_tracing = _overload
BroadcastingList1 = BroadcastingList2 = BroadcastingList3 = list


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """The function that is decorated, with or without arguments."""
    return drop if callable(drop) else lambda fn: fn


def annotate(the_type: Any, the_value: T) -> T:
    """``the_value``."""
    return the_value


def is_scripting() -> bool:
    """False: all code is Python."""
    return False


def is_tracing() -> bool:
    """False: all code is Python."""
    return False


def save(m: Any, f: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises NotImplementedError."""
    raise NotImplementedError(
        "jit.save: pyforge writes no TorchScript; save the state with torch.save(m.state_dict(), f)"
    )


def load(f: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises NotImplementedError."""
    raise NotImplementedError(
        "jit.load: pyforge reads no TorchScript; build the module in Python and load its "
        "state_dict with torch.load(f)"
    )
