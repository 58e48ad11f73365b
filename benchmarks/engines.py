"""The libraries that take part, each in a process of its own with its own number of threads."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
from collections.abc import Iterator
from typing import Any

PEERS = ("torch", "numpy", "jax")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "PYFORGE_NUM_THREADS",
)


def installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


@contextlib.contextmanager
def environment(threads: int) -> Iterator[None]:
    """What a process must find when it starts: a library may be loaded before its first line."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def pin(threads: int) -> None:
    """So many processors for this process, the same ones whatever the engine."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def load(name: str, threads: int) -> Any:
    """The namespace that the builds of an engine get as their first argument."""
    if name == "limit":
        from .limits import Limits

        return Limits(threads)
    module = importlib.import_module(name)
    if name in ("pyforge", "torch"):
        module.set_num_threads(threads)
    if name == "jax":  # its thread pool takes its size from the processors it may run on
        module.config.update("jax_enable_x64", True)
    return module
