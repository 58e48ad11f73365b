"""The machine and the versions, as far as results depend on them; nothing that names its owner."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .limits import compiler


def processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def caches() -> dict[str, str]:
    """Sizes of the first processor's caches, by level and kind."""
    sizes = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            level, kind, size = (
                (folder / name).read_text().strip() for name in ("level", "type", "size")
            )
        except OSError:
            continue
        sizes[f"L{level} {kind.lower()}"] = size
    return sizes


def compiler_version() -> str:
    cc = compiler()
    if cc is None:
        return "none"
    said = subprocess.run([cc, "--version"], capture_output=True, text=True).stdout
    return said.splitlines()[0] if said else "unknown"


def package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def describe() -> dict[str, Any]:
    import pyforge

    about: dict[str, Any] = {
        "processor": processor(),
        "processors": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "caches": caches(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "compiler": compiler_version(),
        "python": sys.version.split()[0],
        "pyforge": f"{pyforge.__version__} ({pyforge.backends.cpu.get_instruction_set()})",
    }
    for name in ("torch", "numpy", "jax"):
        if package(name):
            about[name] = package(name)
    return about
