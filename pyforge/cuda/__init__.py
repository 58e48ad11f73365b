"""There is no CUDA here: questions get a clear no, settings do nothing, the rest is an error."""

from __future__ import annotations

import importlib

from ..accelerator import device_count, is_available

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from . import amp as amp

__all__ = [
    "current_device",
    "device_count",
    "empty_cache",
    "get_device_name",
    "get_device_properties",
    "ipc_collect",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_reserved",
    "memory_allocated",
    "memory_reserved",
    "set_device",
    "synchronize",
]


def __getattr__(name: str) -> object:
    if name == "amp":
        return importlib.import_module(f"{__name__}.amp")
    raise AttributeError(f"module 'pyforge.cuda' has no attribute '{name}': {_WHY}")


_WHY = "pyforge computes on the CPU only; ask torch.cuda.is_available() first"


def _absent(name: str) -> NoReturn:
    raise AssertionError(f"torch.cuda.{name}: not compiled with CUDA enabled, {_WHY}")


def is_initialized() -> bool:
    """False, as there is nothing to initialise."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False: there is no device that could support it."""
    return False


def manual_seed(seed: int) -> None:
    """Does nothing: there is no stream of random numbers but the CPU's."""


def manual_seed_all(seed: int) -> None:
    """Does nothing: there is no stream of random numbers but the CPU's."""


def empty_cache() -> None:
    """Does nothing: no memory of a device is kept."""


def ipc_collect() -> None:
    """Does nothing: no memory of a device is shared."""


def memory_allocated(device: Any = None) -> int:
    """0 bytes; the CPU's are in :func:`pyforge.memory.memory_summary`."""
    return 0


def max_memory_allocated(device: Any = None) -> int:
    """0 bytes."""
    return 0


def memory_reserved(device: Any = None) -> int:
    """0 bytes."""
    return 0


def max_memory_reserved(device: Any = None) -> int:
    """0 bytes."""
    return 0


def synchronize(device: Any = None) -> NoReturn:
    """Raises AssertionError: no CUDA."""
    _absent("synchronize")


def current_device() -> NoReturn:
    """Raises AssertionError: no CUDA."""
    _absent("current_device")


def set_device(device: Any) -> NoReturn:
    """Raises AssertionError: no CUDA."""
    _absent("set_device")


def get_device_name(device: Any = None) -> NoReturn:
    """Raises AssertionError: no CUDA."""
    _absent("get_device_name")


def get_device_properties(device: Any = None) -> NoReturn:
    """Raises AssertionError: no CUDA."""
    _absent("get_device_properties")
