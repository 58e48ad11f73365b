"""There is no xpu device: pyforge computes on the CPU only."""

from __future__ import annotations

from .accelerator import device_count, is_available
from .cuda import empty_cache, manual_seed

__all__ = ["device_count", "empty_cache", "is_available", "manual_seed"]
