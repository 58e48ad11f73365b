"""Switches of CUDA's kernels: they can be set and have no effect."""

from __future__ import annotations

from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "enable_flash_sdp",
    "enable_math_sdp",
    "enable_mem_efficient_sdp",
    "flash_sdp_enabled",
    "is_built",
    "math_sdp_enabled",
    "matmul",
    "mem_efficient_sdp_enabled",
    "sdp_kernel",
]


class _Matmul:
    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True


matmul = _Matmul()


def is_built() -> bool:
    """False: pyforge computes on the CPU only."""
    return False


def flash_sdp_enabled() -> bool:
    """False: attention has one implementation here, see docs/attention.md."""
    return False


def mem_efficient_sdp_enabled() -> bool:
    """False: see flash_sdp_enabled."""
    return False


def math_sdp_enabled() -> bool:
    """True: see flash_sdp_enabled."""
    return True


def enable_flash_sdp(enabled: bool) -> None:
    """Does nothing: see flash_sdp_enabled."""


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Does nothing: see flash_sdp_enabled."""


def enable_math_sdp(enabled: bool) -> None:
    """Does nothing: see flash_sdp_enabled."""


@contextmanager
def sdp_kernel(
    enable_flash: bool = True,
    enable_math: bool = True,
    enable_mem_efficient: bool = True,
    enable_cudnn: bool = True,
) -> Iterator[None]:
    """Changes nothing inside: see flash_sdp_enabled."""
    yield
