"""The older spelling of ``pyforge.amp`` for the CPU."""

from __future__ import annotations

import warnings

from ... import _C
from ...amp import autocast_mode, grad_scaler

__all__ = ["GradScaler", "autocast"]


class autocast(autocast_mode.autocast):
    """Deprecated: ``pyforge.amp.autocast("cpu", ...)``."""

    def __init__(
        self,
        enabled: bool = True,
        dtype: _C.dtype = _C.bfloat16,
        cache_enabled: bool = True,
    ) -> None:
        warnings.warn(
            "`pyforge.cpu.amp.autocast(args...)` is deprecated. Please use "
            "`pyforge.amp.autocast('cpu', args...)` instead.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__("cpu", dtype, enabled, cache_enabled)


class GradScaler(grad_scaler.GradScaler):
    """Deprecated: ``pyforge.amp.GradScaler("cpu", ...)``."""

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        warnings.warn(
            "`pyforge.cpu.amp.GradScaler(args...)` is deprecated. Please use "
            "`pyforge.amp.GradScaler('cpu', args...)` instead.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__("cpu", init_scale, growth_factor, backoff_factor, growth_interval, enabled)
