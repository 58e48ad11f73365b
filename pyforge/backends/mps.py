"""There is no Metal here: pyforge computes on the CPU only."""

from __future__ import annotations

__all__ = ["is_available", "is_built"]


def is_available() -> bool:
    """False: pyforge computes on the CPU only."""
    return False


def is_built() -> bool:
    """False: pyforge computes on the CPU only."""
    return False
