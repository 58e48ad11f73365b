"""Methods of Tensor that are called rarely and so are written in Python."""

from __future__ import annotations

from . import _C
from ._C import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class HookHandle:
    """Takes a gradient hook away again: ``handle.remove()``, or use it as a context manager."""

    __slots__ = ("_id", "_owner", "_remove")

    def __init__(self, owner: Any, id: int, remove: Callable[[Any, int], bool]) -> None:
        self._owner, self._id, self._remove = owner, id, remove

    def remove(self) -> None:
        """Take the hook away. Calling it again does nothing."""
        if self._owner is not None:
            self._remove(self._owner, self._id)
            self._owner = None

    def __enter__(self) -> HookHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> HookHandle:
    """Call ``hook(grad)`` when this tensor's gradient is computed; what it returns replaces the gradient.

    Raises RuntimeError if the tensor does not require grad.
    """
    return HookHandle(self, _C._add_hook(self, hook), _C._remove_hook)


def register_post_accumulate_grad_hook(self: Tensor, hook: Callable[[Tensor], None]) -> HookHandle:
    """Call ``hook(tensor)`` after a gradient was accumulated into this leaf's ``.grad``."""

    def call(grad: Tensor) -> None:
        hook(self)

    return HookHandle(self, _C._add_post_hook(self, call), _C._remove_hook)


def node_register_hook(self: Any, hook: Callable[..., Any]) -> HookHandle:
    """Call ``hook(grad_inputs, grad_outputs)`` after this node has run; it may return new grad_inputs."""
    return HookHandle(self, _C._add_node_hook(self, hook, True), _C._remove_node_hook)


def node_register_prehook(self: Any, hook: Callable[..., Any]) -> HookHandle:
    """Call ``hook(grad_outputs)`` before this node runs; it may return new grad_outputs."""
    return HookHandle(self, _C._add_node_hook(self, hook, False), _C._remove_node_hook)


def install() -> None:
    """Attach these to the native types."""
    for method in (register_hook, register_post_accumulate_grad_hook):
        _C._add_tensor_attribute(method.__name__, method)
    _C._add_node_attribute("register_hook", node_register_hook)
    _C._add_node_attribute("register_prehook", node_register_prehook)
