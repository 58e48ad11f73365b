"""Tensors on the memory of other libraries, and back."""

from __future__ import annotations

from .._C import Tensor
from .._functions import from_dlpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["from_dlpack", "to_dlpack"]


def to_dlpack(tensor: Tensor) -> Any:
    """A DLPack capsule on the tensor's memory, to be used once. BufferError if it needs grad."""
    return tensor.__dlpack__()
