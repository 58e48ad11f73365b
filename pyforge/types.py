"""Types for annotations."""

from __future__ import annotations

import builtins
import os
from typing import IO, Any

from ._C import Tensor, dtype
from ._device import device

__all__ = ["Device", "FileLike", "Number", "Tensor"]

Number = builtins.int | builtins.float | builtins.bool
Device = str | int | device | None
FileLike = str | os.PathLike[str] | IO[bytes]
_device, _dtype = device, dtype
_int, _float, _bool = builtins.int, builtins.float, builtins.bool
_size = tuple[builtins.int, ...] | list[builtins.int]
_TensorOrTensors = Any
