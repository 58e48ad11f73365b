"""The CPU as a device: ``pyforge.cpu.amp``, and the questions PyTorch's programs ask."""

from . import amp

__all__ = ["amp", "current_device", "device_count", "is_available", "synchronize"]


def is_available() -> bool:
    """True."""
    return True


def device_count() -> int:
    """1"""
    return 1


def current_device() -> str:
    """'cpu'"""
    return "cpu"


def synchronize(device: object = None) -> None:
    """Does nothing: ops have finished when they return."""
