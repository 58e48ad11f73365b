"""The older names of :mod:`pyforge.amp`, for a device that is not there: they do nothing."""

from __future__ import annotations

from .. import amp as _amp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._C import dtype as DType

__all__ = ["GradScaler", "autocast"]


class autocast(_amp.autocast):
    """``pyforge.amp.autocast('cuda', ...)``, which warns and does nothing."""

    def __init__(
        self, enabled: bool = True, dtype: DType | None = None, cache_enabled: bool = True
    ) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(_amp.GradScaler):
    """``pyforge.amp.GradScaler('cuda', ...)``, which warns and does nothing."""

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        super().__init__(
            "cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled
        )
