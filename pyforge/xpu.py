"""There is no xpu device: pyforge computes on the CPU only."""

from __future__ import annotations

from .accelerator import device_count, is_available

__all__ = ["device_count", "empty_cache", "is_available", "manual_seed"]


def manual_seed(seed: int) -> None:
    """Does nothing: there is no stream of random numbers but the CPU's."""


def empty_cache() -> None:
    """Does nothing: no memory of a device is kept."""
