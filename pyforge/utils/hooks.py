"""Handles by which registered hooks are taken away again."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_next_id = 0


class RemovableHandle:
    """Removes one hook from the dictionaries that hold it; usable as a context manager."""

    __slots__ = ("_dicts", "id")

    def __init__(self, *dicts: dict[int, Any]) -> None:
        global _next_id
        self.id = _next_id
        _next_id += 1
        self._dicts = dicts

    def remove(self) -> None:
        """Take the hook away. Calling it again does nothing."""
        for hooks in self._dicts:
            hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def add_hook(hook: Any, hooks: dict[int, Any], *, prepend: bool = False) -> RemovableHandle:
    """Put ``hook`` into ``hooks``, last or (``prepend``) first."""
    handle = RemovableHandle(hooks)
    if prepend:
        others = dict(hooks)
        hooks.clear()
        hooks[handle.id] = hook
        hooks.update(others)
    else:
        hooks[handle.id] = hook
    return handle
