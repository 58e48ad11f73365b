"""Hooks of a module: registering them, and the call that runs them."""

from __future__ import annotations

from ...utils.hooks import RemovableHandle, add_hook
from . import global_hooks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class HookMethods:
    """The part of :class:`Module` that deals with hooks."""

    forward: Callable[..., Any]
    _has_hooks: bool
    _forward_pre_hooks: dict[int, Callable[..., Any]]
    _forward_hooks: dict[int, Callable[..., Any]]
    _hooks_with_kwargs: set[int]
    _hooks_always_called: set[int]
    _backward_pre_hooks: dict[int, Callable[..., Any]]
    _backward_hooks: dict[int, Callable[..., Any]]

    def _init_hooks(self) -> None:
        self._forward_pre_hooks = {}
        self._forward_hooks = {}
        self._hooks_with_kwargs = set()
        self._hooks_always_called = set()
        self._backward_pre_hooks = {}
        self._backward_hooks = {}

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Run ``hook`` before each forward.

        Args:
            hook: ``hook(module, args) -> None or new args``; with ``with_kwargs`` it is
                ``hook(module, args, kwargs) -> None or (new args, new kwargs)``.
            prepend: run it before the hooks that are there already.
            with_kwargs: also hand over the keyword arguments.

        Returns:
            A handle whose ``remove()`` takes the hook away.
        """
        handle = add_hook(hook, self._forward_pre_hooks, prepend=prepend)
        if with_kwargs:
            self._hooks_with_kwargs.add(handle.id)
        self._has_hooks = True
        return handle

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Run ``hook`` after each forward.

        Args:
            hook: ``hook(module, args, output) -> None or new output``; with ``with_kwargs`` it is
                ``hook(module, args, kwargs, output)``.
            prepend: run it before the hooks that are there already.
            with_kwargs: also hand over the keyword arguments.
            always_call: run it (with output ``None``) even when the forward raised.

        Returns:
            A handle whose ``remove()`` takes the hook away.
        """
        handle = add_hook(hook, self._forward_hooks, prepend=prepend)
        if with_kwargs:
            self._hooks_with_kwargs.add(handle.id)
        if always_call:
            self._hooks_always_called.add(handle.id)
        self._has_hooks = True
        return handle

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Run ``hook(module, grad_output) -> None or new grad_output`` before its backward.

        Returns:
            A handle whose ``remove()`` takes the hook away.
        """
        handle = add_hook(hook, self._backward_pre_hooks, prepend=prepend)
        self._has_hooks = True
        return handle

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Run ``hook(module, grad_input, grad_output) -> None or new grad_input``.

        It runs once the gradients with respect to the module's tensor inputs are known. Entries of
        ``grad_input`` and ``grad_output`` are ``None`` for arguments that are not tensors.

        Returns:
            A handle whose ``remove()`` takes the hook away.
        """
        handle = add_hook(hook, self._backward_hooks, prepend=prepend)
        self._has_hooks = True
        return handle

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The old name of :meth:`register_full_backward_hook`."""
        return self.register_full_backward_hook(hook)

    def _find_hooks(self) -> bool:
        """Set the flag that says whether a call has to look for hooks."""
        self._has_hooks = bool(
            self._forward_hooks
            or self._forward_pre_hooks
            or self._backward_hooks
            or self._backward_pre_hooks
        )
        return self._has_hooks

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self._find_hooks():
            self._hooks_with_kwargs.clear()
            self._hooks_always_called.clear()
            if not global_hooks.find():
                return self.forward(*args, **kwargs)
        ran: set[int] = set()
        try:
            return self._run_hooks(args, kwargs, ran)
        except Exception:
            for key, hook in {**global_hooks.forward, **self._forward_hooks}.items():
                always = key in self._hooks_always_called or key in global_hooks.always_called
                if always and key not in ran:
                    self._run_forward_hook(key, hook, args, kwargs, None)
            raise

    def _run_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any], ran: set[int]) -> Any:
        for key, hook in (*global_hooks.forward_pre.items(), *self._forward_pre_hooks.items()):
            if key in self._hooks_with_kwargs:
                changed = hook(self, args, kwargs)
                if changed is not None:
                    if not (isinstance(changed, tuple) and len(changed) == 2):
                        raise RuntimeError(
                            "forward pre-hook must return None or a tuple of "
                            f"(new_args, new_kwargs), but got {changed}."
                        )
                    args, kwargs = changed
            else:
                changed = hook(self, args)
                if changed is not None:
                    args = changed if isinstance(changed, tuple) else (changed,)
        watch = None
        if (
            self._backward_hooks
            or self._backward_pre_hooks
            or global_hooks.backward
            or global_hooks.backward_pre
        ):
            from .backward_hooks import BackwardWatch

            watch = BackwardWatch(self)
            args = watch.on_input(args)
        result = self.forward(*args, **kwargs)
        for key, hook in (*global_hooks.forward.items(), *self._forward_hooks.items()):
            ran.add(key)
            changed = self._run_forward_hook(key, hook, args, kwargs, result)
            if changed is not None:
                result = changed
        return result if watch is None else watch.on_output(result)

    def _run_forward_hook(
        self,
        key: int,
        hook: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
    ) -> Any:
        if key in self._hooks_with_kwargs or key in global_hooks.wanting_kwargs:
            return hook(self, args, kwargs, result)
        return hook(self, args, result)
