"""One recording: the native recorder, with what is written in Python as events too."""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING

from .. import _C
from ..autograd.profiler_util import KINDS, EventList, FunctionEvent, Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

FRAMES = 16  # of the program's stack, kept per event
OP, RANGE, STEP = KINDS.index("op"), KINDS.index("range"), KINDS.index("step")

_arguments: dict[int, str] = {}  # of ranges, by number of the event


class Recording:
    """Options of a recording, and :meth:`start` and :meth:`stop`; there is one at a time."""

    def __init__(
        self, record_shapes: bool, profile_memory: bool, with_stack: bool, with_flops: bool
    ) -> None:
        self.record_shapes, self.profile_memory = record_shapes, profile_memory
        self.with_stack, self.with_flops = with_stack, with_flops
        self._wrapped: list[tuple[type, str, Any]] = []
        self._trace: Any = None
        self._arguments: dict[int, str] = {}
        self._found: EventList | None = None

    def start(self) -> None:
        """Raises RuntimeError if another recording is under way."""
        shapes = self.record_shapes or self.with_flops
        _C._profiler_start(shapes, self.profile_memory, FRAMES if self.with_stack else 0)
        _forget_in_children()
        _arguments.clear()
        self._wrap_methods()

    def stop(self) -> None:
        """Raises RuntimeError if this process is not recording."""
        for owner, name, plain in self._wrapped:
            setattr(owner, name, plain)
        self._wrapped.clear()
        self._trace = _C._profiler_stop()
        self._arguments = dict(_arguments)

    def events(self) -> EventList:
        """What was recorded, after the end; made from the native events when first asked for."""
        if self._found is None:
            trace, self._trace = self._trace, None
            self._found = EventList(
                profile_memory=self.profile_memory,
                with_flops=self.with_flops,
                duration_us=trace.duration_ns / 1e3,
                start_ns=trace.start_ns,
            )
            self._found.extend(self._events(trace))
        return self._found

    def _events(self, trace: Any) -> list[FunctionEvent]:
        from ._flops import flops_of

        events: list[FunctionEvent] = []
        nodes: list[FunctionEvent] = []
        made: list[tuple[int, int, FunctionEvent]] = []  # first and last node, the op
        for i, row in enumerate(trace.rows()):
            (
                name,
                kind,
                thread,
                parent,
                begin,
                end,
                before,
                after,
                first,
                last,
                given,
                out,
                lines,
            ) = row
            event = FunctionEvent(i, name, KINDS[kind], thread, Interval(begin / 1e3, end / 1e3))
            event.bytes_before, event.bytes_after = before, after
            if self.record_shapes and given:
                event.input_shapes = given
            if lines:
                event.stack = lines
            if self.with_flops:
                event.flops = flops_of(name, given, out)
            event.args = self._arguments.get(i)
            if parent >= 0:
                event.cpu_parent = events[parent]
                event.cpu_parent.cpu_children.append(event)
            if event.kind == "node":
                event.sequence_nr = first
                nodes.append(event)
            elif event.kind == "op" and last > first:
                made.append((first, last, event))
            events.append(event)
        _link(nodes, made)
        return events

    def _wrap_methods(self) -> None:
        """Steps of optimisers and custom ops in Python, for as long as the recording lasts."""
        if module := sys.modules.get("pyforge.optim.optimizer"):
            for owner in _with_subclasses(module.Optimizer):
                self._wrap(owner, "step", _step_name, RANGE)
                self._wrap(owner, "zero_grad", _zero_grad_name, RANGE)
        if module := sys.modules.get("pyforge.library"):
            self._wrap(module.CustomOp, "__call__", _op_name, OP)

    def _wrap(self, owner: type, method: str, event: Callable[[Any], str], kind: int) -> None:
        plain = owner.__dict__.get(method)
        if callable(plain):
            setattr(owner, method, _in_range(plain, event, kind))
            self._wrapped.append((owner, method, plain))


class Recorder:
    """What both kinds of ``profile`` do: recordings, of which the last one or all can be read."""

    _unread = "Profiler didn't finish running: read it after the with block"

    def __init__(self, acc_events: bool) -> None:
        self.acc_events = acc_events
        self._recording: Recording | None = None
        self._done: list[Recording] = []
        self._found: EventList | None = None

    def _begin(self, *options: bool) -> None:
        recording = Recording(*options)
        recording.start()
        self._recording = recording

    def _end(self) -> None:
        assert self._recording is not None
        recording, self._recording = self._recording, None
        recording.stop()
        self._done = [*(self._done if self.acc_events else []), recording]
        self._found = None

    def _events_or_none(self) -> EventList | None:
        if self._found is None and self._done:
            self._found = combined(self._done)
        return self._found

    def _events(self) -> EventList:
        events = self._events_or_none()
        if events is None:
            raise RuntimeError(self._unread)
        return events

    def key_averages(
        self,
        group_by_input_shape: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """See :meth:`EventList.key_averages`; RuntimeError if nothing was recorded yet."""
        return self._events().key_averages(
            group_by_input_shape, group_by_stack_n, group_by_overload_name
        )

    def export_stacks(
        self, path: str | os.PathLike[str], metric: str = "self_cpu_time_total"
    ) -> None:
        """See :meth:`EventList.export_stacks`; RuntimeError if nothing was recorded yet."""
        self._events().export_stacks(path, metric)


def _link(nodes: list[FunctionEvent], made: list[tuple[int, int, FunctionEvent]]) -> None:
    """Give each node the op that made it, which is the innermost of those it falls into."""
    by_number: dict[int, FunctionEvent] = {}
    wanted = {event.sequence_nr for event in nodes}
    for first, last, event in made:  # in the order they began: inner ones come later
        for number in range(first, last):
            if number in wanted:
                by_number[number] = event
    for event in nodes:
        event.forward = by_number.get(event.sequence_nr)
        if event.forward is not None:
            event.stack = event.forward.stack


def _with_subclasses(owner: type) -> Iterator[type]:
    seen: set[type] = {owner}
    stack = [owner]
    while stack:
        cls = stack.pop()
        yield cls
        children: list[type] = type.__subclasses__(cls)
        for child in children:
            if child not in seen:
                seen.add(child)
                stack.append(child)


def _step_name(optimizer: Any) -> str:
    return f"Optimizer.step#{type(optimizer).__name__}.step"


def _zero_grad_name(optimizer: Any) -> str:
    return f"Optimizer.zero_grad#{type(optimizer).__name__}.zero_grad"


def _op_name(op: Any) -> str:
    name: str = op.qualified_name
    return name


def _in_range(
    plain: Callable[..., Any], event: Callable[[Any], str], kind: int
) -> Callable[..., Any]:
    @functools.wraps(plain)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        handle = _C._range_begin(event(self), kind)
        try:
            return plain(self, *args, **kwargs)
        finally:
            _C._range_end(handle)

    return method


def combined(recordings: list[Recording]) -> EventList:
    """The events of several recordings, one after another; all times since the first began."""
    lists = [recording.events() for recording in recordings]
    if len(lists) == 1:
        return lists[0]
    zero = lists[0].start_ns
    for events in lists:
        later, events.start_ns = (events.start_ns - zero) / 1e3, zero
        for event in events if later else ():
            event.time_range = Interval(
                event.time_range.start + later, event.time_range.end + later
            )
    result = lists[0].like(event for events in lists for event in events)
    result.duration_us = sum(events.duration_us for events in lists)
    return result


def begin_range(name: str, args: str | None, kind: int = RANGE) -> int:
    """The handle for ``_C._range_end``; 0 while nothing is recorded."""
    handle: int = _C._range_begin(name, kind)
    if args is not None and handle:
        _arguments[(handle & 0xFFFFFFFF) - 1] = args
    return handle


@functools.cache
def _forget_in_children() -> None:
    """A forked process records nothing, and frees what it has a copy of."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_C._profiler_abandon)
