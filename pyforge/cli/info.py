"""``python -m pyforge info``: what pyforge found on this machine."""

from __future__ import annotations

import os
import platform

import pyforge


def show() -> int:
    """Print version, processor, instruction set and threads; returns the exit status."""
    rows = [
        ("pyforge", pyforge.__version__),
        ("Python", platform.python_version()),
        ("processor", _processor()),
        ("instruction set", pyforge.backends.cpu.get_instruction_set()),
        ("threads", f"{pyforge.get_num_threads()} of {os.cpu_count()} processors"),
    ]
    for name, value in rows:
        print(f"{name:<16} {value}")
    return 0


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
