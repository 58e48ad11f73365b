"""One process: the questions that programs ask before they use several."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = [
    "get_rank",
    "get_world_size",
    "is_available",
    "is_initialized",
    "is_torchelastic_launched",
]

_NONE = (
    "Default process group has not been initialized, and pyforge has none: run one process, or "
    "ask torch.distributed.is_available() first"
)


def __getattr__(name: str) -> object:
    raise AttributeError(f"module 'pyforge.distributed' has no attribute '{name}': {_NONE}")


def is_available() -> bool:
    """False: pyforge trains in one process."""
    return False


def is_initialized() -> bool:
    """False: pyforge trains in one process."""
    return False


def is_torchelastic_launched() -> bool:
    """False: pyforge trains in one process."""
    return False


def get_rank(group: object = None) -> NoReturn:
    """Raises ValueError, as PyTorch does where no process group was initialised."""
    raise ValueError(_NONE)


def get_world_size(group: object = None) -> NoReturn:
    """Raises ValueError, as PyTorch does where no process group was initialised."""
    raise ValueError(_NONE)
