"""Runs a piece of Python in a process of its own, and its children with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def limit_memory() -> None:
    """3 GiB of address space beyond what the process has. AddressSanitizer needs terabytes of it, and
    has a limit of its own."""
    sanitized = "max_allocation_size_mb" in os.environ.get("ASAN_OPTIONS", "")
    if sanitized or not sys.platform.startswith("linux"):
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + (3 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


@dataclass
class Outcome:
    status: int
    out: str
    err: str

    def explain(self) -> str:
        return f"exit status {self.status}\n{self.out[-1000:]}\n{self.err[-3000:]}"


def run(arguments: Sequence[Any], timeout: float = 120, **options: Any) -> Outcome:
    """A hang ends with status -9 after `timeout`, forked children included."""
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        out, err = process.communicate()
        err += f"\nstopped after {timeout} s"
    return Outcome(process.returncode, out, err)


def run_code(code: str, timeout: float = 120, **options: Any) -> Outcome:
    return run(["-c", code], timeout, **options)


def with_path(*folders: Path) -> dict[str, str]:
    """The environment, with `folders` ahead on PYTHONPATH."""
    old = os.environ.get("PYTHONPATH")
    path = [str(f) for f in folders] + ([old] if old else [])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
