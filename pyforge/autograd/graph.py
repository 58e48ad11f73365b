"""The recorded graph: its nodes, and hooks on what it keeps for the backward pass."""

from __future__ import annotations

from .._C import Node, Tensor, _pop_saved_hooks, _push_saved_hooks
from .grad_mode import _Mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = [
    "Node",
    "disable_saved_tensors_hooks",
    "save_on_cpu",
    "saved_tensors_hooks",
]

_forbidden: list[str] = []


class saved_tensors_hooks:
    """Inside, every tensor that is saved for the backward pass goes through two functions.

    ``pack_hook(tensor)`` is called when an op saves a tensor and may return anything;
    ``unpack_hook`` gets that when the backward pass needs the value, and returns a tensor with the
    same values. Both see tensors without history and run with recording off. Of nested pairs only
    the innermost is used.

    Raises:
        RuntimeError: when entered inside :class:`disable_saved_tensors_hooks`; when a pack hook
            changes its argument in place.
        TypeError: if an unpack hook returns something else than a tensor.
    """

    def __init__(
        self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]
    ) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        if _forbidden:
            raise RuntimeError(_forbidden[-1])
        _push_saved_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *error: object) -> None:
        _pop_saved_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Keeps copies of what is saved; all memory is the CPU's, so this gains nothing here."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cpu") -> None:
        super().__init__(lambda tensor: tensor.clone(), lambda copy: copy)


class disable_saved_tensors_hooks(_Mode):
    """Inside, entering :class:`saved_tensors_hooks` raises a RuntimeError with this message."""

    def __init__(self, error_message: str) -> None:
        self.error_message = error_message

    def _clone(self) -> _Mode:
        return type(self)(self.error_message)

    def __enter__(self) -> None:
        _forbidden.append(self.error_message)

    def __exit__(self, *error: object) -> None:
        _forbidden.pop()
