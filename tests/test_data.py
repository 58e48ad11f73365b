"""Data sets, samplers and the loader: batches, order and errors as in PyTorch."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

import pyforge
from pyforge.utils import data

X = np.arange(40.0, dtype="f").reshape(20, 2)
Y = np.arange(20)


def batches(P: Any, D: Any, **settings: Any) -> list[Any]:
    P.manual_seed(1)
    loader = D.DataLoader(D.TensorDataset(P.from_numpy(X), P.from_numpy(Y)), **settings)
    return [[t.numpy() for t in batch] for _ in range(2) for batch in loader]


@pytest.mark.torch
@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 6},
        {"batch_size": 6, "shuffle": True},
        {"batch_size": 6, "shuffle": True, "drop_last": True},
        {"batch_size": 7, "shuffle": True, "num_workers": 2},
        {"batch_size": None},
    ],
    ids=str,
)
def test_batches_are_those_of_torch(settings: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    serial = {k: v for k, v in settings.items() if k != "num_workers"}
    ours, theirs = batches(pyforge, data, **settings), batches(torch, torch.utils.data, **serial)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.mark.torch
@pytest.mark.parametrize(
    "draw",
    [
        lambda P: P.empty(5, dtype=P.int64).random_(),
        lambda P: P.empty(5).random_(),
        lambda P: P.empty(5, dtype=P.int8).random_(),
        lambda P: P.empty(5, dtype=P.int32).random_(3, 10),
        lambda P: P.multinomial(P.tensor([[0.1, 0.5, 0.4], [1.0, 0.0, 2.0]]), 20, True),
        lambda P: P.multinomial(P.tensor([0.1, 0.5, 0.4]).expand(30, 3), 1, True),
        lambda P: P.normal(P.zeros(3, 4), P.ones(4) * 2),
        lambda P: P.normal(2.0, 3.0, size=(3, 4)),
    ],
)
def test_draws_are_those_of_torch(draw: Any) -> None:
    torch = pytest.importorskip("torch")
    results = []
    for P in (torch, pyforge):
        P.manual_seed(3)
        results.append(draw(P).numpy())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-6)


def test_multinomial_follows_the_weights() -> None:
    pyforge.manual_seed(0)
    weights = pyforge.tensor([1.0, 0.0, 3.0])
    drawn = pyforge.multinomial(weights, 4000, True)
    share = np.bincount(drawn.numpy(), minlength=3) / 4000
    np.testing.assert_allclose(share, [0.25, 0, 0.75], atol=0.03)
    for _ in range(20):
        assert sorted(pyforge.multinomial(weights, 2).tolist()) == [0, 2]
    for bad, count in (([-1.0, 2.0], 1), ([0.0, 0.0], 1), ([1.0], 2), ([float("nan")], 1)):
        with pytest.raises(RuntimeError):
            pyforge.multinomial(pyforge.tensor(bad), count)


class Stream(data.IterableDataset[Any]):
    def __iter__(self) -> Any:
        info = data.get_worker_info()
        start, step = (info.id, info.num_workers) if info else (0, 1)
        return iter(range(start, 10, step))


@pytest.mark.parametrize("workers", [0, 2, 3])
def test_stream(workers: int) -> None:
    loader = data.DataLoader(Stream(), batch_size=3, num_workers=workers)
    for _ in range(2):
        seen = [batch.tolist() for batch in loader]
        assert sorted(i for batch in seen for i in batch) == list(range(10))
        assert all(len(batch) <= 3 for batch in seen)


class Faulty(data.Dataset[Any]):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        if index == 5:
            raise KeyError("five")
        return index


@pytest.mark.parametrize("workers", [0, 2])
def test_errors_of_samples_arrive(workers: int) -> None:
    with pytest.raises(KeyError, match="five"):
        list(data.DataLoader(Faulty(), batch_size=2, num_workers=workers))


class Slow(Faulty):
    def __getitem__(self, index: int) -> Any:
        time.sleep(30)


def test_timeout_and_dead_worker() -> None:
    with pytest.raises(RuntimeError, match="timed out"):
        list(data.DataLoader(Slow(), num_workers=1, timeout=0.2))


def exits(number: int) -> None:
    import os

    os._exit(3)


def test_worker_that_dies() -> None:
    with pytest.raises(RuntimeError, match="exit code 3"):
        list(data.DataLoader(Faulty(), num_workers=1, worker_init_fn=exits))


def test_persistent_workers_and_break() -> None:
    rows = data.TensorDataset(pyforge.arange(12))
    loader = data.DataLoader(rows, batch_size=2, num_workers=2, persistent_workers=True)
    first = [b[0].tolist() for b in loader]
    assert first == [b[0].tolist() for b in loader]
    for _ in data.DataLoader(rows, num_workers=2):
        break


def test_collate() -> None:
    Point = __import__("collections").namedtuple("Point", "x y")
    batch = data.default_collate(
        [
            {"a": pyforge.ones(2), "b": (1, 2.0), "c": "s", "d": Point(1, np.float32(2))},
            {"a": pyforge.zeros(2), "b": (3, 4.0), "c": "t", "d": Point(3, np.float32(4))},
        ]
    )
    assert batch["a"].tolist() == [[1, 1], [0, 0]]
    assert [t.tolist() for t in batch["b"]] == [[1, 3], [2, 4]]
    assert batch["b"][1].dtype == pyforge.float64
    assert batch["c"] == ["s", "t"]
    assert batch["d"].y.dtype == pyforge.float32
    with pytest.raises(TypeError, match="default_collate"):
        data.default_collate([object()])
    with pytest.raises(RuntimeError, match="equal size"):
        data.default_collate([[1], [1, 2]])


def test_subset_split_concat() -> None:
    rows = data.TensorDataset(pyforge.arange(10), pyforge.arange(10) * 2)
    parts = data.random_split(rows, [0.5, 0.3, 0.2], generator=pyforge.Generator().manual_seed(0))
    assert [len(p) for p in parts] == [5, 3, 2]
    joined = data.ConcatDataset(parts)
    assert sorted(int(joined[i][0]) for i in range(10)) == list(range(10))
    (first, second) = next(iter(data.DataLoader(parts[0], batch_size=5)))
    assert second.tolist() == (first * 2).tolist()
    assert first.tolist() == list(parts[0].indices)
    with pytest.raises(ValueError, match="Sum of input lengths"):
        data.random_split(rows, [3, 3])


def test_batches_do_not_share_memory_with_the_data() -> None:
    rows = data.TensorDataset(pyforge.zeros(4, 2))
    for (batch,) in data.DataLoader(rows, batch_size=2):
        batch.fill_(1)
    assert not rows.tensors[0].any()


@pytest.mark.parametrize(
    "settings",
    [
        {"num_workers": -1},
        {"timeout": -1},
        {"prefetch_factor": 2},
        {"persistent_workers": True},
        {"shuffle": True, "sampler": [0]},
        {"batch_sampler": [[0]], "drop_last": True},
        {"batch_size": 0},
        {"batch_size": None, "drop_last": True},
    ],
    ids=str,
)
def test_settings_that_exclude_each_other(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"option|should|exclusive"):
        data.DataLoader(Faulty(), **settings)


def test_draws_with_replacement_need_no_memory() -> None:
    sampler = pyforge.utils.data.RandomSampler(range(10), replacement=True, num_samples=10**15)
    assert len(list(zip(sampler, range(100), strict=False))) == 100
