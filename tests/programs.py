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

# A statement that leaves 3 GiB to a program. AddressSanitizer needs terabytes of address space, and
# has a limit of its own.
LIMIT_MEMORY = (
    "pass"
    if "max_allocation_size_mb" in os.environ.get("ASAN_OPTIONS", "")
    else "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))"
)


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


def run_code(code: str, timeout: float = 120) -> Outcome:
    return run(["-c", code], timeout)


def with_path(*folders: Path) -> dict[str, str]:
    """The environment, with `folders` ahead on PYTHONPATH."""
    old = os.environ.get("PYTHONPATH")
    path = [str(f) for f in folders] + ([old] if old else [])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
