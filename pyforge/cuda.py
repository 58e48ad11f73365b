"""There is no CUDA here; programs that ask get a clear no."""

from __future__ import annotations

__all__ = ["device_count", "is_available"]


def is_available() -> bool:
    """False: pyforge computes on the CPU only."""
    return False


def device_count() -> int:
    """0: pyforge computes on the CPU only."""
    return 0
