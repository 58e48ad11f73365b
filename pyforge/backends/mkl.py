"""pyforge does not use MKL: its kernels and its threads are its own."""

from __future__ import annotations

__all__ = ["is_available"]


def is_available() -> bool:
    """False: pyforge does not use MKL."""
    return False
