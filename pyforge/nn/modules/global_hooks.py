"""Hooks on all modules at once."""

from __future__ import annotations

from ..._C import _set_global_module_hooks
from ...utils.hooks import RemovableHandle, add_hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Hook = Callable[..., Any]
    Hooks = dict[int, Hook]

__all__ = [
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

forward_pre: Hooks = {}
forward: Hooks = {}
always_called: set[int] = set()
wanting_kwargs: set[int] = set()
backward_pre: Hooks = {}
backward: Hooks = {}
registration: dict[str, Hooks] = {"parameter": {}, "buffer": {}, "module": {}}


def find() -> bool:
    """Set the flag that says whether a call of any module has to look for hooks here."""
    found = bool(forward_pre or forward or backward_pre or backward)
    _set_global_module_hooks(found)
    return found


def _add(hook: Hook, hooks: Hooks) -> RemovableHandle:
    handle = add_hook(hook, hooks)
    find()
    return handle


def register_module_forward_pre_hook(hook: Hook) -> RemovableHandle:
    """Run ``hook(module, args) -> None or new args`` before the forward of every module."""
    return _add(hook, forward_pre)


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Run ``hook(module, args, output) -> None or new output`` after every module's forward.

    Args:
        hook: with ``with_kwargs`` it is ``hook(module, args, kwargs, output)``.
        with_kwargs: also hand over the keyword arguments.
        always_call: run it (with output ``None``) even when the forward raised.
    """
    handle = _add(hook, forward)
    if with_kwargs:
        wanting_kwargs.add(handle.id)
    if always_call:
        always_called.add(handle.id)
    return handle


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """Run ``hook(module, grad_output) -> None or new grad_output`` before every backward."""
    return _add(hook, backward_pre)


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """Run ``hook(module, grad_input, grad_output) -> None or new grad_input`` for every module."""
    return _add(hook, backward)


def register_module_backward_hook(hook: Hook) -> RemovableHandle:
    """The old name of :func:`register_module_full_backward_hook`."""
    return _add(hook, backward)


def register_module_parameter_registration_hook(hook: Hook) -> RemovableHandle:
    """Run ``hook(module, name, param) -> None or another`` when a parameter is registered."""
    return add_hook(hook, registration["parameter"])


def register_module_buffer_registration_hook(hook: Hook) -> RemovableHandle:
    """Run ``hook(module, name, buffer) -> None or another`` when a buffer is registered."""
    return add_hook(hook, registration["buffer"])


def register_module_module_registration_hook(hook: Hook) -> RemovableHandle:
    """Run ``hook(module, name, child) -> None or another`` when a child is registered."""
    return add_hook(hook, registration["module"])


def registered(kind: str, module: Any, name: str, value: Any) -> Any:
    """What is to be registered once the hooks have seen it."""
    for hook in registration[kind].values():
        changed = hook(module, name, value)
        if changed is not None:
            value = changed
    return value
