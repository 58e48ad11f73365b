"""Tensors in memory that several processes use."""

from __future__ import annotations

import gc
import multiprocessing.connection
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pyforge as pf
import pyforge.multiprocessing as mp
from pyforge import nn

METHODS = ["fork", "spawn"] if sys.platform == "linux" else ["spawn"]


def test_share_memory() -> None:
    x = pf.arange(6.0).reshape(2, 3)
    assert not x.is_shared()
    assert x.share_memory_() is x
    assert x.share_memory_().is_shared()
    assert x.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert x[1:].is_shared()
    assert not (x + 1).is_shared()
    assert pf.ones(0).share_memory_().is_shared()
    part = pf.arange(6.0)[2:].clone()[1:]  # the only one on its memory, not at its beginning
    assert part.share_memory_().tolist() == [3.0, 4.0, 5.0]
    y = pf.ones(3, requires_grad=True)
    z = (y * y).sum()
    y.share_memory_()
    z.backward()
    assert y.grad is not None
    assert y.grad.tolist() == [2.0, 2.0, 2.0]


def test_what_would_not_follow() -> None:
    x = pf.ones(3)
    view = x[1:]
    with pytest.raises(RuntimeError, match="would not follow"):
        x.share_memory_()
    del view
    array = x.numpy()
    with pytest.raises(RuntimeError, match="would not follow"):
        x.share_memory_()
    del array
    x.share_memory_()


def test_modules() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.LSTM(2, 2))
    model[:2](pf.randn(4, 3)).sum().backward()
    assert model.share_memory() is model
    assert all(t.is_shared() for t in (*model.parameters(), *model.buffers()))
    assert all(p.grad is None or p.grad.is_shared() for p in model.parameters())
    assert model[2](pf.randn(5, 1, 2))[0].shape == (5, 1, 2)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_memory_and_descriptors_are_given_back() -> None:
    gc.collect()
    before = descriptors()
    kept = [pf.ones(1000).share_memory_() for _ in range(5)]
    view = kept[0][3:]
    assert descriptors() == before + 5
    maps = Path("/proc/self/maps").read_text()
    assert maps.count("memfd:pyforge") == 5
    del kept
    assert descriptors() == before + 1
    del view
    assert descriptors() == before
    assert "memfd:pyforge" not in Path("/proc/self/maps").read_text()


def worker(queue: Any, back: Any, given: pf.Tensor, param: nn.Parameter) -> None:
    given.add_(1)
    with pf.no_grad():
        param[0] = 7.0
    x = queue.get()
    x[0] = 5.0
    x = queue.get()
    x[0] = 5.0
    mine = pf.arange(3.0)
    back.put((mine, {"a": [pf.zeros(2, dtype=pf.bfloat16)[1:]]}, type(param).__name__))
    queue.get()
    assert mine.tolist() == [9.0, 1.0, 2.0]
    back.put(param.requires_grad)


@pytest.mark.parametrize("method", METHODS)
def test_each_sees_what_the_other_writes(method: str) -> None:
    context = mp.get_context(method)
    queue, back = context.Queue(), context.Queue()
    given, param = pf.zeros(2, 3).t().share_memory_(), nn.Parameter(pf.zeros(2)).share_memory_()
    process = context.Process(target=worker, args=(queue, back, given, param))
    process.start()
    sent, base = pf.zeros(3), pf.zeros(3)
    view = base[1:]
    queue.put(sent)
    queue.put(view)  # its memory is not shared: a copy travels
    mine, rest, name = back.get(timeout=60)
    assert given.tolist() == [[1.0, 1.0]] * 3
    assert param.tolist() == [7.0, 0.0]
    assert sent.tolist() == [5.0, 0.0, 0.0]
    assert base.tolist() == [0.0, 0.0, 0.0]
    assert rest["a"][0].dtype == pf.bfloat16
    assert name == "Parameter"
    mine[0] = 9.0
    queue.put(None)
    assert back.get(timeout=60) is True
    process.join(60)
    assert process.exitcode == 0


def test_a_pipe_gives_back_the_same_memory() -> None:
    first, second = mp.Pipe()
    x = pf.ones(2, 2)
    first.send(x[0])
    assert not x.is_shared()
    x.share_memory_()
    first.send((x, x[1]))
    second.recv()
    whole, row = second.recv()
    whole.fill_(3.0)
    row.fill_(4.0)
    assert x.tolist() == [[3.0, 3.0], [4.0, 4.0]]
    assert x._version > 0  # one storage in one process
    y = pf.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="refusing to serialize non-leaf tensor"):
        first.send(y * 2)
    first.send(y)
    assert second.recv().requires_grad


def train(model: nn.Module, seed: int) -> None:
    pf.manual_seed(seed)
    optimizer = pf.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(60):
        x = pf.randn(16, 3)
        loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize("method", METHODS)
def test_hogwild(method: str) -> None:
    context = mp.get_context(method)
    pf.manual_seed(0)
    model = nn.Linear(3, 1).share_memory()
    processes = [context.Process(target=train, args=(model, seed)) for seed in range(2)]
    for p in processes:
        p.start()
    for p in processes:
        p.join(60)
        assert p.exitcode == 0
    assert pf.allclose(model.weight, pf.ones(1, 3), atol=0.1)


def hold(x: pf.Tensor, pipe: multiprocessing.connection.Connection) -> None:
    y = pf.ones(1000).share_memory_()
    pipe.send(y)
    pipe.recv()
    signal.pause()


@pytest.mark.skipif(sys.platform != "linux", reason="names of /dev/shm")
def test_nothing_is_left_when_a_process_is_killed() -> None:
    before = set(os.listdir("/dev/shm")), descriptors()
    x = pf.ones(1000).share_memory_()
    here, there = mp.get_context("fork").Pipe()
    process = mp.get_context("fork").Process(target=hold, args=(x, there))
    process.start()
    theirs = here.recv()
    here.send(None)
    process.kill()
    process.join(60)
    theirs.add_(1)  # lives on here
    assert theirs.sum().item() == 2000
    process.close()
    here.close()
    there.close()
    del x, theirs
    gc.collect()
    assert set(os.listdir("/dev/shm")) - before[0] == set()
    assert "memfd:pyforge" not in Path("/proc/self/maps").read_text()


@pytest.mark.skipif("fork" not in METHODS, reason="fast with fork only")
def test_workers_of_data_loaders() -> None:
    data = pf.utils.data.TensorDataset(pf.arange(12).reshape(6, 2))
    batches = [batch for (batch,) in pf.utils.data.DataLoader(data, 2, num_workers=2)]
    assert pf.cat(batches).tolist() == pf.arange(12).reshape(6, 2).tolist()
    assert all(batch.is_shared() for batch in batches)


def double(i: int, x: pf.Tensor) -> None:
    x[i] *= 2
    if x[-1].item() < 0 and i == 0:
        raise ValueError("no such luck")
    if x[-1].item() == 0 and i == 0:
        os._exit(3)


def test_spawn() -> None:
    x = pf.ones(3)
    assert mp.spawn(double, (x,), nprocs=2) is None
    assert x.tolist() == [2.0, 2.0, 1.0]
    start = METHODS[0]
    x[2] = -1.0
    with pytest.raises(mp.ProcessRaisedException, match=r"(?s)Process 0.*ValueError: no such luck"):
        mp.start_processes(double, (x,), nprocs=1, start_method=start)
    x[2] = 0.0
    with pytest.raises(mp.ProcessExitedException, match="exit code 3") as error:
        mp.start_processes(double, (x,), nprocs=1, start_method=start)
    assert error.value.exit_code == 3


def test_programs_written_for_pytorch(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import torch\n"
        "import torch.multiprocessing as mp\n"
        "def f(i, x):\n"
        "    x += i + 1\n"
        "    assert torch.__name__ == 'pyforge'\n"
        "if __name__ == '__main__':\n"
        "    x = torch.zeros(2)\n"
        "    mp.spawn(f, args=(x,), nprocs=1)\n"
        "    print(x.tolist(), torch.multiprocessing.get_sharing_strategy())\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pyforge", "run", str(script)], capture_output=True, text=True
    )
    assert run.stdout == "[1.0, 1.0] file_descriptor\n", run.stderr
