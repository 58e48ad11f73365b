"""The libraries that take part, each in a process of its own with its own number of threads."""

from __future__ import annotations

import importlib
import importlib.util
import os
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


def pin(threads: int) -> None:
    """Before any library is imported: so many threads, on so many processors, the same for all."""
    for name in THREAD_VARIABLES:
        os.environ[name] = str(threads)
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
