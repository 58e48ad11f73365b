"""The standard library's multiprocessing, with tensors that travel as shared memory.

A tensor that goes through a queue or a pipe, or is an argument of a process, is moved to anonymous
shared memory and arrives as a tensor on the same memory: what one process writes in place, the
other one sees. The system frees the memory when the last process that has it ends, however it ends.
"""

from __future__ import annotations

import multiprocessing as _multiprocessing
from multiprocessing import *  # noqa: F403

from .reductions import init_reductions
from .spawn import (
    ProcessContext,
    ProcessException,
    ProcessExitedException,
    ProcessRaisedException,
    SpawnContext,
    spawn,
    start_processes,
)

__all__ = [
    *_multiprocessing.__all__,
    "ProcessContext",
    "ProcessException",
    "ProcessExitedException",
    "ProcessRaisedException",
    "SpawnContext",
    "get_all_sharing_strategies",
    "get_sharing_strategy",
    "init_reductions",
    "set_sharing_strategy",
    "spawn",
    "start_processes",
]

init_reductions()


def get_all_sharing_strategies() -> set[str]:
    """``{"file_descriptor"}``: memory without a name, so that nothing can be left behind."""
    return {"file_descriptor"}


def get_sharing_strategy() -> str:
    """``"file_descriptor"``."""
    return "file_descriptor"


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepts ``"file_descriptor"``, and ``"file_system"`` as another word for it.

    Raises:
        ValueError: for anything else.
    """
    if new_strategy not in ("file_descriptor", "file_system"):
        raise ValueError(
            f"unknown sharing strategy {new_strategy!r}: there is only 'file_descriptor'"
        )
