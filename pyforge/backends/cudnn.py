"""cuDNN is not there; its switches can be set and have no effect: pyforge is deterministic."""

from __future__ import annotations

__all__ = ["allow_tf32", "benchmark", "deterministic", "enabled", "is_available", "version"]

enabled = True
benchmark = False
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """False: pyforge computes on the CPU only."""
    return False


def version() -> None:
    """None: there is no cuDNN."""
