"""The profiler, over a block or by a schedule of steps."""

from __future__ import annotations

import enum
import json
import warnings
from typing import TYPE_CHECKING

from ._recording import STEP, Recorder, begin_range

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable
    from typing import Any

    from ..autograd.profiler_util import EventList


class ProfilerActivity(enum.Enum):
    """What to record. There is the CPU only; the others are for programs that name them."""

    CPU = 0
    XPU = 1
    CUDA = 2
    MTIA = 3
    HPU = 4
    PrivateUse1 = 5


def supported_activities() -> set[ProfilerActivity]:
    """``{ProfilerActivity.CPU}``."""
    return {ProfilerActivity.CPU}


class ProfilerAction(enum.Enum):
    """What a schedule asks for at a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


_RECORDS = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


def schedule(
    *,
    wait: int,
    warmup: int,
    active: int,
    repeat: int = 0,
    skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Callable[[int], ProfilerAction]:
    """A schedule for :class:`profile`, in cycles of ``wait`` + ``warmup`` + ``active`` steps.

    Args:
        wait: steps that are left alone.
        warmup: steps more that are; recording itself needs no warming up.
        active: steps that are recorded.
        repeat: cycles; 0 goes on for ever.
        skip_first: steps before the first cycle.
        skip_first_wait: if not 0, the first cycle has no ``wait``.

    Raises:
        ValueError: for negative numbers, or no active step.
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active < 1:
        raise ValueError(
            "Invalid profiler schedule arguments: wait, warmup, repeat and skip_first must not be "
            f"negative and active must be positive, got wait={wait}, warmup={warmup}, "
            f"active={active}, repeat={repeat}, skip_first={skip_first}"
        )

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise ValueError(f"step must not be negative, got {step}")
        step -= skip_first
        if step < 0:
            return ProfilerAction.NONE
        if skip_first_wait:
            step += wait
        cycle, position = divmod(step, wait + warmup + active)
        if (repeat and cycle >= repeat) or position < wait:
            return ProfilerAction.NONE
        if position < wait + warmup:
            return ProfilerAction.WARMUP
        last = position == wait + warmup + active - 1
        return ProfilerAction.RECORD_AND_SAVE if last else ProfilerAction.RECORD

    return action


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """An ``on_trace_ready`` that writes each trace to a file of its own in ``dir_name``.

    Args:
        dir_name: made if it is not there.
        worker_name: first part of the name of the file; host and process by default.
        use_gzip: compress.

    Raises:
        RuntimeError: when called, if the folder cannot be made.
    """
    import os
    import socket
    import time

    def handler(prof: profile) -> None:
        try:
            os.makedirs(dir_name, exist_ok=True)
        except OSError as e:
            raise RuntimeError(f"Can't create directory: {dir_name}") from e
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        name = f"{worker}.{time.time_ns()}.pt.trace.json{'.gz' if use_gzip else ''}"
        prof.export_chrome_trace(os.path.join(dir_name, name))

    return handler


class profile(Recorder):
    """Record every op, node of a backward pass, optimiser step and range of a program.

    ::

        with profile(record_shapes=True) as prof:
            train_step()
        print(prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=10))
        prof.export_chrome_trace("trace.json")

    Args:
        activities: :class:`ProfilerActivity` values; without CPU nothing is recorded, and the
            others give a warning.
        schedule: a function from the number of the step, which :meth:`step` counts, to a
            :class:`ProfilerAction`; without it everything is recorded.
        on_trace_ready: called with this object at the end of each recording.
        record_shapes: keep the shapes of arguments.
        profile_memory: keep how many bytes are allocated, by pyforge's own counters.
        with_stack: keep the lines of the program, not those of the package.
        with_flops: estimate floating-point operations of products and convolutions.
        with_modules, experimental_config, execution_trace_observer: accepted and ignored.
        acc_events: :meth:`events` has all recordings, not the last one only.
        use_cuda: the older way to name an activity.

    Raises:
        RuntimeError: when recording begins while another profiler is at it.
    """

    _unread = (
        "the profiler has recorded nothing yet: read it after the with block, or in on_trace_ready"
    )

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[..., Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        execution_trace_observer: Any = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
    ) -> None:
        super().__init__(acc_events)
        self.activities = set(activities) if activities is not None else supported_activities()
        if not self.activities:
            raise ValueError("No valid profiler activities found")
        for other in self.activities - supported_activities():
            warnings.warn(
                f"{other.name} is not available, disabling {other.name} profiling", stacklevel=2
            )
        self.schedule = schedule
        self.on_trace_ready = on_trace_ready
        self.record_shapes, self.profile_memory = record_shapes, profile_memory
        self.with_stack, self.with_flops = with_stack, with_flops
        self.step_num = 0
        self.current_action = self._action()
        self._metadata: dict[str, object] = {}
        self._step_range = 0

    def start(self) -> None:
        """Begin, as at the beginning of a with block."""
        if self.current_action in _RECORDS:
            self._record()
        self._begin_step()

    def stop(self) -> None:
        """End, as at the end of a with block."""
        self._end_step()
        if self._recording is not None:
            self._save()

    def step(self) -> None:
        """Tell that a step of the program is done, and the next one begins."""
        self._end_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = self._action()
        ends = before is ProfilerAction.RECORD_AND_SAVE or self.current_action not in _RECORDS
        if self._recording is not None and ends and self.schedule is not None:
            self._save()
        if self._recording is None and self.current_action in _RECORDS:
            self._record()
        self._begin_step()

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def events(self) -> EventList:
        """All events of the last recording. RuntimeError if nothing was recorded yet."""
        return self._events()

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """See :meth:`EventList.export_chrome_trace`; RuntimeError if nothing was recorded yet."""
        events = self.events()
        events.metadata.update(self._metadata)
        events.export_chrome_trace(path)

    def add_metadata(self, key: str, value: str) -> None:
        """A text that goes into the trace."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """JSON that goes into the trace. ValueError if it is not JSON."""
        self._metadata[key] = json.loads(value)

    preset_metadata_json = add_metadata_json

    def _action(self) -> ProfilerAction:
        if self.schedule is None:
            return ProfilerAction.RECORD
        return self.schedule(self.step_num)

    def _record(self) -> None:
        if ProfilerActivity.CPU in self.activities:
            self._begin(self.record_shapes, self.profile_memory, self.with_stack, self.with_flops)

    def _save(self) -> None:
        self._end()
        if self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def _begin_step(self) -> None:
        if self.schedule is not None and self._recording is not None:
            self._step_range = begin_range(f"ProfilerStep#{self.step_num}", None, STEP)

    def _end_step(self) -> None:
        from .. import _C

        _C._range_end(self._step_range)
        self._step_range = 0
