"""Events in the trace format of chrome://tracing and ui.perfetto.dev."""

from __future__ import annotations

import gzip
import json
import os
import sys
from typing import TYPE_CHECKING

from .._files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..autograd.profiler_util import EventList, FunctionEvent


def export(events: EventList, path: str | os.PathLike[str]) -> None:
    """See :meth:`EventList.export_chrome_trace`."""
    zipped = os.fspath(path).endswith(".gz")
    with (
        replacing(path) as name,
        gzip.open(name, "wt", 6, "utf-8") if zipped else open(name, "w", encoding="utf-8") as file,
    ):
        head = {"schemaVersion": 1, "displayTimeUnit": "ms", **events.metadata}
        file.write(json.dumps(head)[:-1] + ', "traceEvents": [')
        for i, row in enumerate(_rows(events)):
            file.write(",\n" if i else "\n")
            file.write(json.dumps(row))
        file.write("\n]}\n")


def _rows(events: EventList) -> Iterator[dict[str, Any]]:
    pid, zero = os.getpid(), events.start_ns / 1e3
    program = os.path.basename(sys.argv[0]) or "python" if sys.argv else "python"
    yield {"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": program}}
    for thread in dict.fromkeys(e.thread for e in events):
        label = "main thread" if thread == pid else f"thread {thread}"
        row = {"ph": "M", "name": "thread_name", "pid": pid, "tid": thread}
        yield {**row, "args": {"name": label}}
    for e in events:
        start = zero + e.time_range.start
        place = {"pid": pid, "tid": e.thread}
        yield {
            "ph": "X",
            "cat": "user_annotation" if e.is_user_annotation else "cpu_op",
            "name": e.name,
            **place,
            "ts": round(start, 3),
            "dur": round(e.time_range.elapsed_us(), 3),
            "args": _arguments(events, e),
        }
        if e.forward is not None:  # an arrow from the op to its node
            flow = {"cat": "fwdbwd", "name": "fwdbwd", "id": e.sequence_nr, "pid": pid}
            begin = round(zero + e.forward.time_range.start, 3)
            yield {"ph": "s", **flow, "tid": e.forward.thread, "ts": begin}
            yield {"ph": "f", "bp": "e", **flow, "tid": e.thread, "ts": round(start, 3)}
        if events.profile_memory:
            for at, live in (
                (e.time_range.start, e.bytes_before),
                (e.time_range.end, e.bytes_after),
            ):
                row = {"ph": "C", "name": "allocated bytes", "pid": pid, "tid": 0}
                yield {**row, "ts": round(zero + at, 3), "args": {"bytes": live}}


def _arguments(events: EventList, e: FunctionEvent) -> dict[str, Any]:
    found: dict[str, Any] = {"External id": e.id}
    if e.sequence_nr >= 0:
        found["Sequence number"] = e.sequence_nr
    if e.input_shapes:
        found["Input Dims"] = e.input_shapes
    if e.stack:
        found["Call stack"] = ";".join(e.stack)
    if events.profile_memory:
        found["Bytes"] = e.cpu_memory_usage
    if e.flops:
        found["Flops"] = e.flops
    if e.args is not None:
        found["Args"] = e.args
    return found
