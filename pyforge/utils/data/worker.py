"""Worker processes of a loader: each gets batches of indices and sends batches of samples back."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import random
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...random import manual_seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .dataloader import DataLoader

__all__ = ["get_worker_info"]


@dataclass(frozen=True)
class WorkerInfo:
    """Of the process that asks: its number, how many there are, its seed, its copy of the data."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_worker_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a worker process what it is, in the main process None."""
    return _worker_info


@dataclass
class _Failure:
    """An exception of a worker, with its traceback as text."""

    kind: type[BaseException]
    text: str

    def reraise(self, worker: int) -> None:
        message = f"Caught {self.kind.__name__} in DataLoader worker process {worker}.\n{self.text}"
        try:
            error = self.kind(message)
        except Exception:  # an exception that cannot be made from a message
            raise RuntimeError(message) from None
        raise error


class _Stop:
    """Tells a worker to end."""


class _Exhausted:
    """The stream of a worker's iterable data set has ended."""


def _failure() -> _Failure:
    kind = sys.exc_info()[0] or RuntimeError
    return _Failure(kind, traceback.format_exc())


def _work(
    loader_parts: tuple[Any, ...], info: tuple[int, int, int], tasks: Any, results: Any
) -> None:
    global _worker_info
    dataset, fetcher, init, one_thread = loader_parts
    number, count, seed = info
    try:
        one_thread(1)
        random.seed(seed)
        manual_seed(seed)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(seed % 2**32)
        _worker_info = WorkerInfo(number, count, seed, dataset)
        if init is not None:
            init(number)
        fetch = fetcher(dataset)
    except Exception:
        failed = _failure()

        def fetch(_: Any) -> Any:
            return failed

    while not isinstance(indices := tasks.get(), _Stop):
        try:
            batch = fetch(indices)
        except StopIteration:
            batch = _Exhausted()
        except Exception:
            batch = _failure()
        try:
            results.send(batch)
        except BrokenPipeError:
            return
        except Exception:  # what cannot be sent
            results.send(_failure())


class MultiprocessIterator:
    """The worker processes of a loader; batches come in the order they were asked for."""

    def __init__(self, loader: DataLoader[Any], base_seed: int) -> None:
        from ..._C import set_num_threads

        context = loader.multiprocessing_context
        if context is None or isinstance(context, str):
            context = multiprocessing.get_context(context)
        self._timeout = loader.timeout or None
        self._workers: list[Any] = []
        self._tasks: list[Any] = []
        self._results: list[Any] = []
        parts = (loader.dataset, loader.fetcher(), loader.worker_init_fn, set_num_threads)
        for k in range(loader.num_workers):
            tasks = context.Queue()
            tasks.cancel_join_thread()
            receive, send = context.Pipe(duplex=False)
            worker = context.Process(
                target=_work,
                args=(parts, (k, loader.num_workers, base_seed + k), tasks, send),
                daemon=True,
            )
            worker.start()
            send.close()
            self._workers.append(worker)
            self._tasks.append(tasks)
            self._results.append(receive)
        self._ahead = loader.num_workers * (loader.prefetch_factor or 2)

    def batches(self, indices: Iterator[Any]) -> Iterator[Any]:
        """The batches of one pass over ``indices``."""
        alive = list(range(len(self._workers)))
        queue: list[int] = []  # which worker makes the next, the one after ...
        turn = 0

        def ask() -> None:
            nonlocal turn
            while alive and len(queue) < self._ahead:
                try:
                    batch = next(indices)
                except StopIteration:
                    return
                worker = alive[turn % len(alive)]
                turn += 1
                self._tasks[worker].put(batch)
                queue.append(worker)

        ask()
        while queue:
            worker = queue.pop(0)
            batch = self._receive(worker)
            if isinstance(batch, _Failure):
                batch.reraise(worker)
            if isinstance(batch, _Exhausted):
                if worker in alive:
                    alive.remove(worker)
                ask()
                continue
            ask()
            yield batch

    def _receive(self, worker: int) -> Any:
        pipe, process = self._results[worker], self._workers[worker]
        ready = multiprocessing.connection.wait([pipe, process.sentinel], self._timeout)
        if not ready:
            raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")
        try:
            return pipe.recv()
        except EOFError:
            process.join()
            raise RuntimeError(
                f"DataLoader worker (pid {process.pid}) exited unexpectedly with exit code "
                f"{process.exitcode}"
            ) from None

    def shutdown(self) -> None:
        """Ends the worker processes."""
        for tasks in self._tasks:
            tasks.put(_Stop())
        for pipe in self._results:
            pipe.close()
        for worker in self._workers:
            worker.join(0.5)
            if worker.is_alive():
                worker.terminate()
                worker.join()
        self._workers, self._tasks, self._results = [], [], []
