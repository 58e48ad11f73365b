"""The older profiler: ``with profile() as prof: ...; print(prof.key_averages().table())``."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from .. import _C
from ..profiler._recording import Recorder, begin_range
from .profiler_util import EventList, FunctionEvent, FunctionEventAvg

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "profile", "record_function"]


class profile(Recorder):
    """Record every op, node and range of the block; see :class:`pyforge.profiler.profile`.

    Args:
        enabled: False makes the whole a no-op.
        record_shapes: keep the shapes of arguments.
        with_flops: estimate floating-point operations of products and convolutions.
        profile_memory: keep how many bytes are allocated.
        with_stack: keep the lines of the program.
        use_cuda, use_device, with_modules, use_kineto, use_cpu, experimental_config: accepted;
            there is the CPU only.
        acc_events: keep the events of earlier blocks of this object.

    Raises:
        RuntimeError: on entry, if a profiler is recording already or this one has been used.
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: str | None = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        use_kineto: bool = False,
        use_cpu: bool = True,
        experimental_config: Any = None,
        acc_events: bool = False,
    ) -> None:
        super().__init__(acc_events)
        self.enabled = enabled
        self._options = (record_shapes, profile_memory, with_stack, with_flops)

    def __enter__(self) -> profile:
        if self.enabled:
            self._begin(*self._options)
        return self

    def __exit__(self, *error: object) -> None:
        if self._recording is not None:
            self._end()

    @property
    def function_events(self) -> EventList | None:
        """The events, or None before the end of the block."""
        return self._events_or_none()

    def total_average(self) -> FunctionEventAvg:
        """The sum over all events. RuntimeError inside the block."""
        return self._events().total_average()

    def table(self, sort_by: str | None = None, row_limit: int = 100, **options: Any) -> str:
        """See :meth:`EventList.table`. RuntimeError inside the block."""
        return self._events().table(sort_by, row_limit, **options)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """See :meth:`EventList.export_chrome_trace`. RuntimeError inside the block."""
        self._events().export_chrome_trace(path)

    @property
    def self_cpu_time_total(self) -> float:
        """The time of all events, in µs. RuntimeError inside the block."""
        return self._events().self_cpu_time_total

    def __str__(self) -> str:
        events = self.function_events
        return "<unfinished profiler_profile>" if events is None else str(events)

    def __repr__(self) -> str:
        return str(self)


class record_function:
    """A range of the program with a name, as a context manager or a decorator.

    Costs next to nothing while nothing is recorded.

    Args:
        name: as it is to appear among the events.
        args: a text that goes with it into the trace.
    """

    __slots__ = ("_handles", "args", "name")

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args
        self._handles: list[int] = []

    def __enter__(self) -> record_function:
        self._handles.append(begin_range(self.name, self.args))
        return self

    def __exit__(self, *error: object) -> None:
        _C._range_end(self._handles.pop())

    def __call__(self, function: F) -> F:
        name, args = self.name, self.args

        @functools.wraps(function)
        def call(*given: Any, **named: Any) -> Any:
            with record_function(name, args):
                return function(*given, **named)

        return call  # type: ignore[return-value]
