"""Names of ``torch._C`` that companions of PyTorch, such as torchvision, read on import.

pyforge has one backend and no dispatcher: they are there, and make no difference.
"""

from __future__ import annotations

import contextlib
import enum

__all__ = [
    "DisableTorchFunctionSubclass",
    "DispatchKey",
    "DispatchKeySet",
    "_log_api_usage_once",
]


class DisableTorchFunctionSubclass(contextlib.nullcontext[None]):
    """A block without ``__torch_function__`` of Tensor's subclasses, which is never asked here."""


class DispatchKey(enum.Enum):
    """Where PyTorch would look for an op's code."""

    CPU = 0
    CUDA = 1
    XPU = 2
    Meta = 3
    Autograd = 4
    AutocastCPU = 5
    AutocastCUDA = 6
    AutocastXPU = 7


class DispatchKeySet:
    """A set of keys."""

    def __init__(self, *keys: DispatchKey) -> None:
        self._keys = frozenset(keys)

    def __or__(self, other: DispatchKeySet) -> DispatchKeySet:
        return DispatchKeySet(*self._keys, *other._keys)

    def has(self, key: DispatchKey) -> bool:
        """Whether ``key`` is one of them."""
        return key in self._keys


def _log_api_usage_once(event: str) -> None:
    """Nothing: pyforge reports no usage."""
