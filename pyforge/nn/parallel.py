"""Wrappers of modules for several devices: there is one, the CPU."""

from __future__ import annotations

from .modules import DataParallel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["DataParallel", "DistributedDataParallel"]


class DistributedDataParallel(DataParallel):
    """Raises RuntimeError: pyforge trains in one process.

    Raises:
        RuntimeError: always.
    """

    def __init__(self, module: Any, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            "DistributedDataParallel: Default process group has not been initialized, and pyforge "
            "has none: train the module itself, or wrap it in nn.DataParallel, which calls it"
        )
