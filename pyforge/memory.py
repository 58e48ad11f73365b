"""What the allocator and the graphs hold."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import NamedTuple

from . import _C
from ._C import Tensor, _empty_cache, _memory_classes, _memory_stats, _reset_peak_memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

__all__ = [
    "CheckpointRow",
    "Measured",
    "MemoryReport",
    "MemoryRow",
    "empty_cache",
    "live_bytes",
    "measure",
    "memory_report",
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


def memory_summary(*losses: Tensor) -> str:
    """Live, peak and cached bytes, size classes in use, and what the graphs of ``losses`` keep."""
    lines = [f"{name:>20} {value:>16,}" for name, value in stats().items()]
    lines += ["", f"{'block bytes':>14} {'live':>10} {'cached':>10}"]
    lines += [f"{size:>14,} {live:>10,} {cached:>10,}" for size, live, cached in size_classes()]
    for loss in losses:
        lines += ["", str(memory_report(loss))]
    return "\n".join(lines)


class MemoryRow(NamedTuple):
    """What the recorded ops of one kind and line keep for the backward pass."""

    op: str
    source: str
    ops: int
    bytes: int
    """Of memory that no row above keeps, and no parameter or other leaf holds anyway."""


class CheckpointRow(NamedTuple):
    """The checkpoints of one line in a graph."""

    source: str
    calls: int
    bytes: int | None
    """What they would have kept without the checkpoint; None before the first backward pass."""
    seconds: float
    """To compute them once more, in the backward pass."""


class MemoryReport:
    """The memory behind one graph. ``print()`` it.

    Attributes:
        checkpoints: by line, what is not kept and what it costs to compute it again.
        rows: by op and line, the largest first.
        saved: bytes kept for the backward pass alone; each piece of memory counts once.
        shared: bytes the graph refers to, but which leaves that require grad hold anyway.
        nodes: recorded ops.
    """

    def __init__(
        self,
        rows: list[MemoryRow],
        saved: int,
        shared: int,
        nodes: int,
        checkpoints: Sequence[CheckpointRow] = (),
    ) -> None:
        self.rows, self.saved, self.shared, self.nodes = rows, saved, shared, nodes
        self.checkpoints = list(checkpoints)

    def __str__(self) -> str:
        lines = [
            f"{self.nodes} ops keep {_size(self.saved)} for the backward pass"
            f" (and {_size(self.shared)} of parameters)",
            f"{'bytes':>12} {'ops':>6}  op at line",
        ]
        lines += [f"{_size(r.bytes):>12} {r.ops:>6}  {r.op} at {r.source}" for r in self.rows]
        for c in self.checkpoints:
            what = "what it leaves out is known after the first backward pass"
            if c.bytes is not None:
                what = f"{_size(c.bytes)} not kept"
            calls = "1 call" if c.calls == 1 else f"{c.calls} calls"
            lines.append(
                f"checkpoint at {c.source}: {calls}, {what}, {c.seconds * 1e3:.3g} ms to compute "
                "again"
            )
        return "\n".join(lines)


def _size(n: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if abs(n) < 1024:
            return f"{n:.4g} {unit}"
        n /= 1024
    return f"{n:.4g} GiB"


def memory_report(loss: Tensor) -> MemoryReport:
    """What the graph behind ``loss`` keeps for the backward pass, by op and source line.

    A tensor that several ops keep is counted at the op recorded first. After ``backward()`` the
    report is empty: the graph is freed.
    """
    if not isinstance(loss, Tensor):
        raise TypeError(f"memory_report: expected a tensor, got {type(loss).__name__}")
    nodes, stack = set(), [] if loss.grad_fn is None else [loss.grad_fn]
    while stack:
        node = stack.pop()
        if node in nodes:
            continue
        nodes.add(node)
        stack.extend(child for child, _ in node.next_functions if child is not None)
    leaves = [n.variable for n in nodes if type(n).__name__ == "AccumulateGrad"]
    held = {_storage(t)[0]: _storage(t)[1] for t in leaves}
    ops = sorted(
        (n for n in nodes if type(n).__name__ != "AccumulateGrad"), key=lambda n: n._sequence_nr()
    )
    seen, shared = set(held), set()
    table: dict[tuple[str, str], list[int]] = {}
    for node in ops:
        row = table.setdefault((type(node).__name__, node.source), [0, 0])
        row[0] += 1
        for value, _ in node._saved_slots:
            if value is None:
                continue
            key, size = _storage(value)
            if key in held:
                shared.add(key)
            elif key not in seen:
                seen.add(key)
                row[1] += size
    found, arguments = _checkpoints(ops)
    for cost, value in arguments:
        row = table.setdefault(("arguments of checkpoint", cost.source), [0, 0])
        row[0] += 1
        key, size = _storage(value)
        if key not in held and key not in seen:
            seen.add(key)
            row[1] += size
    rows = [MemoryRow(op, line, n, size) for (op, line), (n, size) in table.items() if size]
    rows.sort(key=lambda r: -r.bytes)
    saved = sum(r.bytes for r in rows)
    shared_bytes = sum(held[k] for k in shared)
    checkpoints = [
        CheckpointRow(
            c.source, calls, None if c.bytes is None else c.bytes * calls, c.seconds * calls
        )
        for c, calls in found.items()
    ]
    return MemoryReport(rows, saved, shared_bytes, len(ops), checkpoints)


def _checkpoints(ops: list[Any]) -> tuple[dict[Any, int], list[Any]]:
    module = sys.modules.get("pyforge.utils.checkpoint")
    if module is None:  # nothing was checkpointed
        return {}, []
    found: tuple[dict[Any, int], list[Any]] = module.costs_in({n._sequence_nr(): n for n in ops})
    return found


def _storage(t: Tensor) -> tuple[int, int]:
    """Address and bytes of the memory behind ``t``."""
    whole = _C._storage_bytes(t.detach())
    return whole.data_ptr(), whole.numel()


class Measured:
    """What a block did to the memory: filled in when the block of ``measure()`` ends.

    Attributes:
        peak: the most bytes in use at once, above those at the start.
        growth: bytes in use at the end, above those at the start.
        seconds: how long it took.
    """

    def __init__(self) -> None:
        self.peak = self.growth = 0
        self.seconds = 0.0

    def __str__(self) -> str:
        return f"peak {_size(self.peak)}, kept {_size(self.growth)}, {self.seconds * 1e3:.3f} ms"


@contextmanager
def measure() -> Iterator[Measured]:
    """``with measure() as m: ...``: peak, growth and time of a step, of micro-batches, ...

    It starts ``peak_bytes()`` again, so blocks must not be nested.
    """
    import time

    start = live_bytes()
    reset_peak()
    result = Measured()
    begin = time.perf_counter()
    try:
        yield result
    finally:
        result.seconds = time.perf_counter() - begin
        result.peak, result.growth = peak_bytes() - start, live_bytes() - start
