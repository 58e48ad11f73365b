"""Custom ops by name: ``pyforge.ops.my_op(x)`` for every op of every loaded extension.

Those written in Python (``pyforge.library``) are in their namespace: ``pyforge.ops.mylib.op(x)``.
"""

from __future__ import annotations

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_callables: dict[str, Any] = {}  # one object per op of the loaded extensions, as pickle wants it


def load_library(path: object) -> None:
    """Raises OSError: a library built for PyTorch needs PyTorch's own."""
    raise OSError(
        f"load_library: {path} is built for PyTorch; pyforge's extensions are loaded by "
        "utils.cpp_extension.load"
    )


def __getattr__(name: str) -> Any:
    found = None if name.startswith("__") else _C._external_op(name)
    found = _callables.get(name, found) if found is not None else None
    if found is None and not name.startswith("__"):
        from .library import _ops

        if any(n.startswith(name + "::") for n in _ops):
            return _Namespace(name)
        for n in _ops:
            if n.endswith("::" + name):
                raise AttributeError(
                    f"there is no custom op '{name}'; pyforge.ops.{n.replace('::', '.')} is one"
                )
    if found is None:
        raise AttributeError(
            f"there is no custom op '{name}'; load its library first "
            "(pyforge.utils.cpp_extension.load, or import its package)"
        )
    return found


class _Namespace:
    """The ops of one namespace of ``pyforge.library``."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> Any:
        from .library import _ops

        op = _ops.get(key := f"{self.__name__}::{name}")
        if op is None:
            raise AttributeError(
                f"there is no custom op '{key}'; import the module that defines it first"
            )
        return op

    def __dir__(self) -> list[str]:
        from .library import _ops

        prefix = self.__name__ + "::"
        return sorted(n[len(prefix) :] for n in _ops if n.startswith(prefix))


def __dir__() -> list[str]:
    from .library import _ops

    return sorted({*_C._external_ops(), *(n.partition("::")[0] for n in _ops)})
