"""What a profiler has recorded: events, their sums by name, and lists of both."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "Interval"]

KINDS = ("op", "node", "pass", "range", "step")


class Interval:
    """A span of time, in µs since the recording began."""

    __slots__ = ("end", "start")

    def __init__(self, start: float, end: float) -> None:
        self.start, self.end = start, end

    def elapsed_us(self) -> float:
        """Its length in µs."""
        return self.end - self.start

    def __repr__(self) -> str:
        return f"Interval(start={self.start:.3f}, end={self.end:.3f})"


class _Times:
    """What single events and sums have in common; there is no other device than the CPU."""

    __slots__ = ()

    count: int
    cpu_time_total: float
    self_cpu_time_total: float

    cuda_time_total = device_time_total = self_cuda_time_total = self_device_time_total = 0.0
    cuda_time = device_time = 0.0
    cuda_memory_usage = self_cuda_memory_usage = 0
    device_memory_usage = self_device_memory_usage = 0
    is_async = is_remote = is_legacy = False
    node_id = -1
    overload_name = ""

    @property
    def cpu_time(self) -> float:
        """Mean time of one call, in µs."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def cpu_time_str(self) -> str:
        return format_time(self.cpu_time)

    @property
    def cpu_time_total_str(self) -> str:
        return format_time(self.cpu_time_total)

    @property
    def self_cpu_time_total_str(self) -> str:
        return format_time(self.self_cpu_time_total)


class FunctionEvent(_Times):
    """One call: of an op, of a node in a backward pass, or of a range that the program marked.

    Attributes:
        name: of the op (``"add"``), node (``"AddBackward0"``) or range.
        kind: ``"op"``, ``"node"``, ``"pass"`` (a whole backward pass), ``"range"`` or ``"step"``.
        time_range: an :class:`Interval` in µs since the recording began.
        thread: what the system calls the thread.
        cpu_parent, cpu_children: the events around it and directly inside it, on its thread.
        sequence_nr: of the node that ran; -1 for other events.
        forward: of a node, the event of the op that made it, where that was recorded.
        input_shapes: of the arguments (of a node: of the gradients that arrived), if recorded; an
            empty list stands for a number.
        stack: lines ``"file(line): function"`` of the program, innermost first, if recorded.
        cpu_memory_usage: bytes allocated minus bytes freed during the call, if recorded.
        flops: floating-point operations of products and convolutions, if asked for, else 0.
    """

    __slots__ = (
        "args",
        "bytes_after",
        "bytes_before",
        "cpu_children",
        "cpu_parent",
        "flops",
        "forward",
        "id",
        "input_shapes",
        "kind",
        "name",
        "sequence_nr",
        "stack",
        "thread",
        "time_range",
    )
    count = 1

    def __init__(self, id: int, name: str, kind: str, thread: int, time_range: Interval) -> None:
        self.id, self.name, self.kind, self.thread = id, name, kind, thread
        self.time_range = time_range
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []
        self.forward: FunctionEvent | None = None
        self.sequence_nr = -1
        self.input_shapes: list[list[int]] = []
        self.stack: list[str] = []
        self.args: str | None = None
        self.bytes_before = self.bytes_after = 0
        self.flops = 0

    @property
    def key(self) -> str:
        return self.name

    @property
    def is_user_annotation(self) -> bool:
        return self.kind in ("range", "step")

    @property
    def cpu_time_total(self) -> float:  # type: ignore[override]
        """Time in µs, with what ran inside."""
        return self.time_range.elapsed_us()

    @property
    def self_cpu_time_total(self) -> float:  # type: ignore[override]
        """Time in µs, without the events inside."""
        return self.cpu_time_total - sum(c.cpu_time_total for c in self.cpu_children)

    @property
    def cpu_memory_usage(self) -> int:
        return self.bytes_after - self.bytes_before

    @property
    def self_cpu_memory_usage(self) -> int:
        return self.cpu_memory_usage - sum(c.cpu_memory_usage for c in self.cpu_children)

    def __repr__(self) -> str:
        return (
            f"<FunctionEvent id={self.id} name={self.name} kind={self.kind} "
            f"cpu_time={self.cpu_time_str} start_us={self.time_range.start:.3f} "
            f"end_us={self.time_range.end:.3f} cpu_children={[c.id for c in self.cpu_children]} "
            f"thread={self.thread} input_shapes={self.input_shapes} "
            f"cpu_memory_usage={self.cpu_memory_usage} seq_nr={self.sequence_nr}>"
        )


class FunctionEventAvg(_Times):
    """The sum over the events of one name (and of one shape or source, if grouped by these).

    Attributes:
        key: the name.
        count: how many events there are.
        cpu_time_total, self_cpu_time_total: in µs, with and without the events inside; a name that
            is inside itself counts once in the former.
        cpu_memory_usage, self_cpu_memory_usage: bytes.
    """

    __slots__ = (
        "count",
        "cpu_memory_usage",
        "cpu_time_total",
        "flops",
        "input_shapes",
        "key",
        "self_cpu_memory_usage",
        "self_cpu_time_total",
        "stack",
    )

    def __init__(self, key: str | None = None) -> None:
        self.key = key
        self.count = 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0
        self.flops = 0
        self.input_shapes: str = ""
        self.stack: list[str] = []

    def add(self, other: FunctionEvent | FunctionEventAvg) -> FunctionEventAvg:
        """Add one event, or the sum of several."""
        if self.key is None and not self.count:
            self.key = other.key
        self.count += other.count
        if not (isinstance(other, FunctionEvent) and _inside_itself(other)):
            self.cpu_time_total += other.cpu_time_total
            self.cpu_memory_usage += other.cpu_memory_usage
        self.self_cpu_time_total += other.self_cpu_time_total
        self.self_cpu_memory_usage += other.self_cpu_memory_usage
        self.flops += other.flops
        return self

    __iadd__ = add

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} count={self.count} "
            f"self_cpu_time={self.self_cpu_time_total_str} cpu_time={self.cpu_time_str} "
            f"input_shapes={self.input_shapes} cpu_memory_usage={self.cpu_memory_usage}>"
        )


def _inside_itself(event: FunctionEvent) -> bool:
    around = event.cpu_parent
    while around is not None:
        if around.name == event.name:
            return True
        around = around.cpu_parent
    return False


class EventList(list):  # type: ignore[type-arg]
    """Events in the order they began, or their sums; prints as a table.

    Attributes:
        duration_us: how long the recording was.
        start_ns: when it began, by the system's monotonic clock.
    """

    def __init__(
        self,
        events: Iterable[FunctionEvent | FunctionEventAvg] = (),
        *,
        profile_memory: bool = False,
        with_flops: bool = False,
        duration_us: float = 0.0,
        start_ns: int = 0,
    ) -> None:
        super().__init__(events)
        self.profile_memory, self.with_flops = profile_memory, with_flops
        self.duration_us, self.start_ns = duration_us, start_ns
        self.metadata: dict[str, object] = {}

    @property
    def self_cpu_time_total(self) -> float:
        """The time of all events, in µs, each moment counted once per thread."""
        return float(sum(e.self_cpu_time_total for e in self))

    def key_averages(
        self,
        group_by_input_shapes: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """The sums over events of one name.

        Args:
            group_by_input_shapes: a sum of its own for each combination of shapes.
            group_by_stack_n: a sum of its own for each of so many innermost lines of the program.
            group_by_overload_name: accepted; names have no overloads.
        """
        sums: defaultdict[tuple[str, ...], FunctionEventAvg] = defaultdict(FunctionEventAvg)
        for event in self:
            shapes = str(event.input_shapes) if group_by_input_shapes else ""
            stack = event.stack[:group_by_stack_n] if group_by_stack_n > 0 else []
            group = (event.key, shapes, *stack)
            total = sums[group]
            if not total.count:
                total.input_shapes, total.stack = shapes, stack
            total.add(event)
        return self.like(sums.values())

    def total_average(self) -> FunctionEventAvg:
        """The sum over everything; its ``key`` is None."""
        total = FunctionEventAvg()
        for event in self:
            total.add(event)
            total.key = None
        return total

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        max_shapes_column_width: int = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:
        """The list as text.

        Args:
            sort_by: ``"cpu_time"``, ``"cpu_time_total"``, ``"self_cpu_time_total"``,
                ``"cpu_memory_usage"``, ``"self_cpu_memory_usage"``, ``"flops"`` or ``"count"``, the
                largest first; the order of the list by default.
            row_limit: rows at most; -1 for all.
            max_src_column_width, max_name_column_width, max_shapes_column_width: characters.
            header: a line above.
            top_level_events_only: leave out what is inside another event.
            time_unit: ``"s"``, ``"ms"``, ``"us"`` or ``"ns"`` for all times.

        Raises:
            AttributeError: if there is no such ``sort_by``.
        """
        from ..profiler._table import render

        return render(
            self,
            sort_by,
            row_limit,
            (max_name_column_width, max_shapes_column_width, max_src_column_width),
            header,
            top_level_events_only,
            time_unit,
        )

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the events for chrome://tracing or ui.perfetto.dev (JSON; compressed for ``.gz``).

        Raises:
            OSError: if the file cannot be written.
        """
        from ..profiler._chrome import export

        export(self, path)

    def export_stacks(
        self, path: str | os.PathLike[str], metric: str = "self_cpu_time_total"
    ) -> None:
        """Write ``outer;inner value`` lines, in whole µs, as tools for flame graphs read them.

        Raises:
            ValueError: for another ``metric``, or if no stacks were recorded.
            OSError: if the file cannot be written.
        """
        from .._files import replacing

        known = ("self_cpu_time_total", "self_cuda_time_total", "self_device_time_total")
        if metric not in known:
            raise ValueError(f"metric should be one of: {known}")
        if self and not any(event.stack for event in self):
            raise ValueError("no stacks were recorded: profile with with_stack=True")
        totals: defaultdict[str, float] = defaultdict(float)
        for event in self:
            if event.stack:
                totals[";".join(s.replace(";", ",") for s in reversed(event.stack))] += getattr(
                    event, metric
                )
        with replacing(path) as name, open(name, "w", encoding="utf-8") as file:
            file.writelines(
                f"{stack.replace(' ', '_')} {int(v)}\n" for stack, v in totals.items() if int(v)
            )

    def like(self, events: Iterable[FunctionEvent | FunctionEventAvg]) -> EventList:
        """These events, with the settings of this list."""
        return EventList(
            events,
            profile_memory=self.profile_memory,
            with_flops=self.with_flops,
            duration_us=self.duration_us,
            start_ns=self.start_ns,
        )

    def __str__(self) -> str:
        return self.table()


def format_time(us: float, unit: str | None = None) -> str:
    """``"1.500ms"``."""
    scales = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
    if unit is None:
        unit = "s" if abs(us) >= 1e6 else "ms" if abs(us) >= 1e3 else "us"
    if unit not in scales:
        raise ValueError(f"time_unit should be one of {', '.join(scales)}, got {unit!r}")
    return f"{us / scales[unit]:.3f}{unit}"


def format_bytes(n: int) -> str:
    """``"1.50 KB"``."""
    for scale, unit in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if abs(n) >= scale:
            return f"{n / scale:.2f} {unit}"
    return f"{n} B"
