"""The loader: samples of a data set in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Generic, TypeVar

from ..._C import Generator, Tensor
from .collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset, Subset, TensorDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, random_seed
from .worker import MultiprocessIterator

__all__ = ["DataLoader"]

T_co = TypeVar("T_co", covariant=True)


class _Forever(Sampler[None]):
    """Stands for the indices of an iterable data set."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


class _MapFetcher:
    def __init__(self, collate: Callable[[Any], Any], batched: bool, dataset: Any) -> None:
        self.collate, self.batched, self.dataset = collate, batched, dataset
        self.many = getattr(dataset, "__getitems__", None)
        self.rows = _whole_batches(dataset) if batched and collate is default_collate else None

    def __call__(self, indices: Any) -> Any:
        if self.rows is not None:
            return self.rows(indices)
        if not self.batched:
            return self.collate(self.dataset[indices])
        if isinstance(indices, Tensor):
            indices = indices.tolist()
        if self.many is not None:
            return self.collate(self.many(indices))
        return self.collate([self.dataset[i] for i in indices])


class _StreamFetcher:
    def __init__(
        self, collate: Callable[[Any], Any], batch_size: int | None, drop: bool, dataset: Any
    ) -> None:
        self.collate, self.batch_size, self.drop = collate, batch_size, drop
        self.stream = iter(dataset)

    def __call__(self, _: Any) -> Any:
        if self.batch_size is None:
            return self.collate(next(self.stream))
        samples = []
        for sample in self.stream:
            samples.append(sample)
            if len(samples) == self.batch_size:
                break
        if not samples or (self.drop and len(samples) < self.batch_size):
            raise StopIteration
        return self.collate(samples)


def _whole_batches(dataset: Any) -> Callable[[Any], Any] | None:
    """For rows of tensors: a function from the indices of a batch to the batch."""
    from ... import _C

    if type(dataset) is Subset:
        inner = _whole_batches(dataset.dataset)
        if inner is None:
            return None
        chosen = _C.as_tensor(dataset.indices, dtype=_C.int64)

        def chosen_rows(indices: Any) -> Any:
            at = indices if type(indices) is slice else _C.as_tensor(indices, dtype=_C.int64)
            return inner(chosen[at])

        return chosen_rows
    if type(dataset) is not TensorDataset:
        return None

    def rows(indices: Any) -> list[Tensor]:
        if type(indices) is slice:
            return [t[indices].clone() for t in dataset.tensors]
        at = _C.as_tensor(indices, dtype=_C.int64)
        return [t.index_select(0, at) if t.dim() else t[at] for t in dataset.tensors]

    return rows


class DataLoader(Generic[T_co]):
    """Iterates over a data set in batches, in this process or with worker processes.

    Args:
        dataset: anything with ``__getitem__`` and ``__len__``, or an :class:`IterableDataset`.
        batch_size: samples in a batch; None yields single samples.
        shuffle: a new random order at each pass.
        sampler, batch_sampler: the order, instead of ``shuffle`` and ``batch_size``.
        num_workers: processes that load; 0 loads in this one.
        collate_fn: from a list of samples to a batch, :func:`default_collate` if not given.
        drop_last: leave out the last batch if it is smaller.
        timeout: seconds to wait for a worker, 0 for ever.
        worker_init_fn: called in each worker with its number.
        generator: the stream that orders and seeds are drawn from.
        prefetch_factor: batches that each worker is ahead, 2 by default.
        persistent_workers: keep the workers from one pass to the next.
        pin_memory, pin_memory_device, in_order: accepted; without effect on a CPU.

    Raises:
        ValueError: settings that exclude each other.
    """

    def __init__(
        self,
        dataset: Dataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        if num_workers < 0:
            raise ValueError(
                "num_workers option should be non-negative; use num_workers=0 to disable "
                "multiprocessing."
            )
        if timeout < 0:
            raise ValueError("timeout option should be non-negative")
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError(
                "prefetch_factor option could only be specified in multiprocessing. "
                "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to "
                "None."
            )
        if prefetch_factor is not None and prefetch_factor < 1:
            raise ValueError("prefetch_factor option should be positive")
        if persistent_workers and num_workers == 0:
            raise ValueError("persistent_workers option needs num_workers > 0")
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        streaming = isinstance(dataset, IterableDataset)
        if streaming:
            for name, given in (
                ("shuffle", shuffle),
                ("sampler", sampler),
                ("batch_sampler", batch_sampler),
            ):
                if given:
                    raise ValueError(
                        f"DataLoader with IterableDataset: expected unspecified {name} option, "
                        f"but got {name}={given}"
                    )
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, "
                    "sampler, and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with "
                "drop_last"
            )
        order: Any = sampler
        if order is None:
            if streaming:
                order = _Forever()
            elif shuffle:
                order = RandomSampler(dataset, generator=generator)  # type: ignore[arg-type]
            else:
                order = SequentialSampler(dataset)  # type: ignore[arg-type]
        if batch_size is not None and batch_sampler is None and not streaming:
            batch_sampler = BatchSampler(order, batch_size, drop_last)
        self.dataset = dataset
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler: Any = order
        self.batch_sampler: Any = batch_sampler
        self.num_workers = num_workers
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        if collate_fn is None:
            batched = batch_sampler is not None or (streaming and batch_size is not None)
            collate_fn = default_collate if batched else default_convert
        self.collate_fn = collate_fn
        self._kept: MultiprocessIterator | None = None

    def fetcher(self) -> Callable[[Any], Callable[[Any], Any]]:
        """From the data set to a function from indices to a batch."""
        if isinstance(self.dataset, IterableDataset):
            return partial(_StreamFetcher, self.collate_fn, self.batch_size, self.drop_last)
        return partial(_MapFetcher, self.collate_fn, self.batch_sampler is not None)

    def _indices(self) -> Iterator[Any]:
        batches = self.batch_sampler
        if batches is None:
            return iter(self.sampler)
        plain = type(batches) is BatchSampler and self.collate_fn is default_collate
        if plain and self.num_workers == 0 and _whole_batches(self.dataset) is not None:
            if type(batches.sampler) is SequentialSampler:
                return _slices(len(batches.sampler), batches)
            if type(batches.sampler) is RandomSampler and not batches.sampler.replacement:
                return _permuted(batches.sampler, batches)
        return iter(batches)

    def __iter__(self) -> Iterator[Any]:
        seed = random_seed(self.generator)
        if self.num_workers == 0:
            fetch = self.fetcher()(self.dataset)
            whole = getattr(fetch, "rows", None)
            return map(whole or fetch, self._indices())  # ends on StopIteration
        return self._iterate_workers(seed)

    def _iterate_workers(self, seed: int) -> Iterator[Any]:
        workers = self._kept or MultiprocessIterator(self, seed)
        self._kept = None
        finished = False
        try:
            yield from workers.batches(self._indices())
            finished = True
        finally:
            if finished and self.persistent_workers:
                self._kept = workers
            else:
                workers.shutdown()

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            n = len(self.dataset)  # type: ignore[arg-type]
            if self.batch_size is None:
                return n
            return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)

    def __del__(self) -> None:
        kept = getattr(self, "_kept", None)
        if kept is not None:
            kept.shutdown()


def _cuts(n: int, batches: BatchSampler) -> Iterator[tuple[int, int]]:
    for start in range(0, n, batches.batch_size):
        stop = min(start + batches.batch_size, n)
        if stop - start == batches.batch_size or not batches.drop_last:
            yield start, stop


def _slices(n: int, batches: BatchSampler) -> Iterator[slice]:
    for start, stop in _cuts(n, batches):
        yield slice(start, stop)


def _permuted(sampler: RandomSampler, batches: BatchSampler) -> Iterator[Tensor]:
    from ..._C import cat

    chunks = list(sampler.chunks())
    order = chunks[0] if len(chunks) == 1 else cat(chunks)
    for start, stop in _cuts(len(order), batches):
        yield order[start:stop]
