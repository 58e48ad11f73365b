"""Choice of the CPU's instruction set for all kernels."""

from __future__ import annotations

from .._C import _available_instruction_sets, _instruction_set, _select_instruction_set

__all__ = [
    "available_instruction_sets",
    "get_cpu_capability",
    "get_instruction_set",
    "set_instruction_set",
]


def available_instruction_sets() -> list[str]:
    """Instruction sets that this CPU runs and that were built, best first: ``["v3", "v2"]``.

    ``v2``, ``v3`` and ``v4`` are the levels x86-64-v2 (SSE4.2), -v3 (AVX2, FMA) and -v4 (AVX-512);
    other processors have ``generic``.
    """
    return _available_instruction_sets()


def get_instruction_set() -> str:
    """The instruction set in use."""
    return _instruction_set()


def get_cpu_capability() -> str:
    """PyTorch's name for it: ``"AVX512"``, ``"AVX2"`` or ``"DEFAULT"``."""
    return {"v4": "AVX512", "v3": "AVX2"}.get(_instruction_set(), "DEFAULT")


def set_instruction_set(name: str) -> None:
    """Use another instruction set from now on; PYFORGE_ISA does the same at import.

    Raises:
        ValueError: the CPU or this build does not have it.
    """
    if not _select_instruction_set(name):
        raise ValueError(
            f"instruction set {name!r} is not available here; "
            f"choose from {available_instruction_sets()}"
        )
