"""Several processes that run one function, watched over together."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import signal
import sys
import traceback
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.process import BaseProcess
    from typing import Any

__all__ = [
    "ProcessContext",
    "ProcessException",
    "ProcessExitedException",
    "ProcessRaisedException",
    "SpawnContext",
    "spawn",
    "start_processes",
]


class ProcessException(Exception):
    """A process has failed: number ``error_index``, with the system's ``error_pid``."""

    def __init__(self, msg: str, error_index: int, pid: int) -> None:
        super().__init__(msg)
        self.msg, self.error_index, self.pid = msg, error_index, pid

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), (self.msg, self.error_index, self.pid)


class ProcessRaisedException(ProcessException):
    """The function has raised an exception, whose traceback is the message."""


class ProcessExitedException(ProcessException):
    """The process has ended by a signal or with an exit code."""

    def __init__(
        self,
        msg: str,
        error_index: int,
        error_pid: int,
        exit_code: int,
        signal_name: str | None = None,
    ) -> None:
        super().__init__(msg, error_index, error_pid)
        self.exit_code, self.signal_name = exit_code, signal_name

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), (self.msg, self.error_index, self.pid, self.exit_code, self.signal_name)


def _run(function: Callable[..., Any], i: int, args: Sequence[Any], errors: Any) -> None:
    try:
        function(i, *args)
    except KeyboardInterrupt:
        pass  # the parent has it too
    except Exception:
        errors.send(traceback.format_exc())
        errors.close()
        sys.exit(1)


class ProcessContext:
    """Processes that were started together; see :func:`spawn`."""

    def __init__(self, processes: list[BaseProcess], errors: list[Any]) -> None:
        self.processes, self._errors = processes, errors
        self._running = {p.sentinel: i for i, p in enumerate(processes)}

    def pids(self) -> list[int | None]:
        """What the system calls the processes."""
        return [p.pid for p in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Wait until a process ends; if it failed, end the others and raise.

        Args:
            timeout: seconds to wait at most.
            grace_period: seconds that the others have to end by themselves before they are killed.

        Returns:
            True once all have ended.

        Raises:
            ProcessRaisedException, ProcessExitedException: one has failed.
        """
        if not self._running:
            return True
        ended = multiprocessing.connection.wait(list(self._running), timeout=timeout)
        failed = None
        for sentinel in ended:
            i = self._running.pop(sentinel)  # type: ignore[arg-type]
            self.processes[i].join()
            if self.processes[i].exitcode != 0:
                failed = i
                break
        if failed is None:
            return not self._running
        for process in self.processes:
            if process.is_alive():
                process.terminate()
        for process in self.processes:
            process.join(grace_period if grace_period is not None else 30)
            if process.is_alive():
                process.kill()
                process.join()
        self._raise(failed)
        return False

    def _raise(self, i: int) -> None:
        process = self.processes[i]
        pid, code = process.pid or 0, process.exitcode or 0
        if self._errors[i].poll():
            try:
                text = self._errors[i].recv()
            except EOFError:
                text = None
            if text is not None:
                raise ProcessRaisedException(
                    f"\n\n-- Process {i} terminated with the following error:\n{text}", i, pid
                )
        if code < 0:
            name = signal.Signals(-code).name
            raise ProcessExitedException(
                f"process {i} terminated with signal {name}", i, pid, code, name
            )
        raise ProcessExitedException(f"process {i} terminated with exit code {code}", i, pid, code)


class SpawnContext(ProcessContext):
    """What :func:`spawn` returns with ``join=False``."""


def start_processes(
    fn: Callable[..., Any],
    args: Sequence[Any] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Run ``fn(i, *args)`` in ``nprocs`` processes; see :func:`spawn`."""
    context: Any = multiprocessing.get_context(start_method)
    processes: list[BaseProcess] = []
    errors = []
    for i in range(nprocs):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_run, args=(fn, i, tuple(args), sender), daemon=daemon)
        process.start()
        sender.close()
        errors.append(receiver)
        processes.append(process)
    started = (SpawnContext if start_method == "spawn" else ProcessContext)(processes, errors)
    if not join:
        return started
    while not started.join():
        pass
    return None


def spawn(
    fn: Callable[..., Any],
    args: Sequence[Any] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Run ``fn(i, *args)`` in ``nprocs`` fresh processes, ``i`` counting them.

    Args:
        fn: a function of a module.
        args: what it gets besides; tensors arrive as shared memory.
        nprocs: how many processes.
        join: wait for all; the first failure ends the others.
        daemon: the processes end with this one.
        start_method: for another one than ``"spawn"`` use :func:`start_processes`.

    Returns:
        None with ``join``, else the processes.

    Raises:
        ProcessRaisedException: ``fn`` raised; the message has the traceback.
        ProcessExitedException: a process was killed or left with an exit code.
    """
    if start_method != "spawn":
        warnings.warn(
            f"This method only supports start_method=spawn (got: {start_method}).\nTo use a "
            "different start_method use:\n\t\tpyforge.multiprocessing.start_processes(...)",
            FutureWarning,
            stacklevel=2,
        )
    return start_processes(fn, args, nprocs, join, daemon, start_method="spawn")
