"""What the allocator holds."""

from __future__ import annotations

from ._C import _empty_cache, _memory_classes, _memory_stats, _reset_peak_memory

__all__ = [
    "empty_cache",
    "live_bytes",
    "memory_summary",
    "peak_bytes",
    "reset_peak",
    "size_classes",
    "stats",
]


def stats() -> dict[str, int]:
    """The allocator's counters.

    live_bytes, peak_bytes, cached_bytes (free lists), live_blocks, allocations,
    system_allocations.
    """
    return _memory_stats()


def live_bytes() -> int:
    """Bytes in use by tensors and graphs."""
    return _memory_stats()["live_bytes"]


def peak_bytes() -> int:
    """The largest live_bytes() since the start or the last reset_peak()."""
    return _memory_stats()["peak_bytes"]


def reset_peak() -> None:
    """Let peak_bytes() start again from what is live now."""
    _reset_peak_memory()


def size_classes() -> list[tuple[int, int, int]]:
    """(bytes of a block, live blocks, cached blocks) of every size class in use."""
    return _memory_classes()


def empty_cache() -> None:
    """Give cached blocks above 4 KiB back to the system."""
    _empty_cache()


def memory_summary() -> str:
    """A table of the counters and of the size classes in use."""
    lines = [f"{name:>20} {value:>16,}" for name, value in stats().items()]
    lines += ["", f"{'block bytes':>14} {'live':>10} {'cached':>10}"]
    lines += [f"{size:>14,} {live:>10,} {cached:>10,}" for size, live, cached in size_classes()]
    return "\n".join(lines)
