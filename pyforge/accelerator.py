"""There is no accelerator: pyforge computes on the CPU only."""

from __future__ import annotations

__all__ = ["current_accelerator", "device_count", "is_available"]


def is_available() -> bool:
    """False: pyforge computes on the CPU only."""
    return False


def device_count() -> int:
    """0: pyforge computes on the CPU only."""
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """None: pyforge computes on the CPU only."""
