"""Custom ops by name: ``pyforge.ops.my_op(x)`` for every op of every loaded extension."""

from __future__ import annotations

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_callables: dict[str, Any] = {}  # one object per op of the loaded extensions, as pickle wants it


def __getattr__(name: str) -> Any:
    found = None if name.startswith("__") else _C._external_op(name)
    found = _callables.get(name, found) if found is not None else None
    if found is None:
        raise AttributeError(
            f"there is no custom op '{name}'; load its library first "
            "(pyforge.utils.cpp_extension.load, or import its package)"
        )
    return found


def __dir__() -> list[str]:
    return sorted(_C._external_ops())
