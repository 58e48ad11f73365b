"""Full backward hooks: identity operations around a module that see its gradients."""

from __future__ import annotations

import warnings

from ..._C import Tensor
from ...autograd import Function
from . import global_hooks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .module_hooks import HookMethods

Grads = tuple["Tensor | None", ...]


class _Tap(Function):
    """Hands its tensors through; in backward shows their gradients to ``see``."""

    @staticmethod
    def forward(ctx: Any, see: Callable[[Grads], Grads], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.see = see
        return tuple(t.view_as(t) for t in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        return (None, *ctx.see(grads))


class BackwardWatch:
    """Runs a module's backward hooks for one call of it."""

    def __init__(self, module: HookMethods) -> None:
        self._module = module
        self._pre_hooks = (
            *global_hooks.backward_pre.values(),
            *module._backward_pre_hooks.values(),
        )
        self._hooks = (*global_hooks.backward.values(), *module._backward_hooks.values())
        self._grad_output: Grads | None = None
        self._input_seen = False
        self._n_inputs = 0

    def on_input(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """``args`` with its differentiable tensors led through the tap."""
        self._n_inputs = len(args)
        at = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        if not any(args[i].requires_grad for i in at):
            return args
        self._input_seen = True
        tapped = list(args)
        for i, t in zip(at, _Tap.apply(self._see_input(at), *(args[i] for i in at)), strict=True):
            tapped[i] = t
        return tuple(tapped)

    def on_output(self, result: Any) -> Any:
        """``result`` with its tensors led through the tap."""
        if not isinstance(result, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of "
                f"Tensors but received {type(result)}",
                stacklevel=4,
            )
            return result
        outputs = result if isinstance(result, tuple) else (result,)
        at = [i for i, a in enumerate(outputs) if isinstance(a, Tensor)]
        if not any(outputs[i].requires_grad for i in at):
            return result
        tapped = list(outputs)
        see = self._see_output(at, len(outputs))
        for i, t in zip(at, _Tap.apply(see, *(outputs[i] for i in at)), strict=True):
            tapped[i] = t
        return tuple(tapped) if isinstance(result, tuple) else tapped[0]

    def _see_output(self, at: list[int], total: int) -> Callable[[Grads], Grads]:
        def see(grads: Grads) -> Grads:
            grad_output = _spread(grads, at, total)
            for hook in self._pre_hooks:
                grad_output = _replaced(hook(self._module, grad_output), grad_output)
            self._grad_output = grad_output
            if not self._input_seen:
                nothing: Grads = (None,) * self._n_inputs
                for hook in self._hooks:
                    if hook(self._module, nothing, grad_output) is not None:
                        raise RuntimeError(
                            "Backward hook for Modules where no input requires gradient should "
                            "always return None or None for all gradients."
                        )
            return tuple(grad_output[i] for i in at)

        return see

    def _see_input(self, at: list[int]) -> Callable[[Grads], Grads]:
        def see(grads: Grads) -> Grads:
            grad_input = _spread(grads, at, self._n_inputs)
            if self._grad_output is not None:
                for hook in self._hooks:
                    changed = hook(self._module, grad_input, self._grad_output)
                    grad_input = _replaced(changed, grad_input)
            self._grad_output = None
            return tuple(grad_input[i] for i in at)

        return see


def _spread(grads: Grads, at: list[int], total: int) -> Grads:
    spread: list[Tensor | None] = [None] * total
    for i, grad in zip(at, grads, strict=True):
        spread[i] = grad
    return tuple(spread)


def _replaced(changed: Any, current: Grads) -> Grads:
    if changed is None:
        return current
    replaced: Grads = changed if isinstance(changed, tuple) else (changed,)
    if len(replaced) != len(current):
        raise RuntimeError(
            f"Backward hook returned an invalid number of grad_input, got {len(replaced)}, but "
            f"expected {len(current)}"
        )
    return replaced
