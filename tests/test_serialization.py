"""save and load: PyTorch's files both ways, shared memory, damaged and malicious files."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyforge
from pyforge import nn, serialization


def content(P: Any) -> dict[str, Any]:
    P.manual_seed(0)
    base = P.arange(12, dtype=P.float64).reshape(3, 4)
    return {
        "model": P.nn.Linear(3, 2).state_dict(),
        "dtypes": [P.ones(2).to(d) for d in (P.int64, P.int32, P.int16, P.int8, P.uint8, P.bool)],
        "base": base,
        "view": base.t()[1:, ::2],
        "leaf": P.randn(2, requires_grad=True),
        "parameter": P.nn.Parameter(P.randn(2)),
        "empty": P.empty(0, 3),
        "scalar": P.tensor(2.5),
        "expanded": P.ones(1, 3).expand(2, 3),
        "plain": (1, 2.5, "text", None, True, {1, 2}, OrderedDict(a=1)),
        "dtype": P.float32,
        "size": base.shape,
        "device": P.device("cpu"),
    }


def same(a: Any, b: Any) -> None:
    if isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif hasattr(a, "numpy"):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
        assert a.requires_grad == b.requires_grad
        assert a.stride() == b.stride()
        assert type(a).__name__ == type(b).__name__
    else:
        assert str(a).rpartition(".")[2] == str(b).rpartition(".")[2]


def test_round_trip(tmp_path: Path) -> None:
    before = content(pyforge)
    pyforge.save(before, tmp_path / "file.pt")
    after = pyforge.load(tmp_path / "file.pt")
    same(after, before)
    after["base"][0, 1] = 99
    assert after["view"][0, 0] == 99
    assert os.listdir(tmp_path) == ["file.pt"]


@pytest.mark.torch
def test_torch_reads_ours_and_we_read_torch() -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = io.BytesIO(), io.BytesIO()
    pyforge.save(content(pyforge), ours)
    torch.save(content(torch), theirs)
    same(torch.load(io.BytesIO(ours.getvalue())), content(torch))
    same(pyforge.load(io.BytesIO(theirs.getvalue())), content(pyforge))


@pytest.mark.torch
def test_optimizer_state_crosses_both_ways() -> None:
    torch = pytest.importorskip("torch")

    def trained(P: Any) -> tuple[Any, Any]:
        P.manual_seed(0)
        model = P.nn.Linear(3, 2)
        optimizer = P.optim.Adam(model.parameters(), lr=0.01)
        return model, optimizer

    def step(P: Any, model: Any, optimizer: Any) -> None:
        optimizer.zero_grad()
        model(P.ones(4, 3)).pow(2).sum().backward()
        optimizer.step()

    for source, target in ((torch, pyforge), (pyforge, torch)):
        model, optimizer = trained(source)
        step(source, model, optimizer)
        file = io.BytesIO()
        source.save([model.state_dict(), optimizer.state_dict()], file)
        copy, copied = trained(target)
        weights, state = target.load(io.BytesIO(file.getvalue()))
        copy.load_state_dict(weights)
        copied.load_state_dict(state)
        step(source, model, optimizer)
        step(target, copy, copied)
        for p, q in zip(model.parameters(), copy.parameters(), strict=True):
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-6)


def test_module(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    pyforge.save(model, tmp_path / "m.pt")
    with pytest.raises(pickle.UnpicklingError, match="allow-list"):
        pyforge.load(tmp_path / "m.pt")
    copy = pyforge.load(tmp_path / "m.pt", weights_only=False)
    x = pyforge.randn(4, 2)
    np.testing.assert_array_equal(copy(x).detach().numpy(), model(x).detach().numpy())


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch pwned",)


def archive(data: bytes, **files: bytes) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("archive/data.pkl", data)
        for name, content in files.items():
            z.writestr(f"archive/data/{name[1:]}", content)
    return out


def test_malicious_files_run_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for payload in (
        pickle.dumps(Evil()),
        b"cbuiltins\neval\n(S'1/0'\ntR.",
        b"cpyforge.serialization\n_known\n(tR.",
        b"ctorch._utils\n_rebuild_tensor_v2\n(lI0\n(I9\nt(I1\nttR.",
    ):
        with pytest.raises((pickle.UnpicklingError, RuntimeError, AttributeError)):
            pyforge.load(archive(payload))
    assert not os.listdir(tmp_path)


def reference(numel: int, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> bytes:
    def ints(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(b"I%d\n" % v for v in values) + b"t"

    stored = b"(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI%d\ntQ" % numel
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n("
    hooks = b"ccollections\nOrderedDict\n)R"
    body = b"I%d\n" % offset + ints(size) + ints(stride) + b"I00\n" + hooks
    return rebuild + stored + body + b"tR."


@pytest.mark.parametrize(
    ("numel", "offset", "size", "stride"),
    [
        (4, 1, (4,), (1,)),
        (4, -1, (2,), (1,)),
        (4, 0, (2,), (-1,)),
        (4, 0, (2, 2), (1,)),
        (4, 0, (2**62, 2**62), (2**62, 1)),
        (5, 0, (4,), (1,)),
        (4, 0, (-1,), (1,)),
    ],
)
def test_geometry_outside_the_storage(
    numel: int, offset: int, size: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    with pytest.raises((RuntimeError, ValueError)):
        pyforge.load(archive(reference(numel, offset, size, stride), _0=b"\0" * 16))


def test_geometry_inside_the_storage() -> None:
    t = pyforge.load(archive(reference(4, 1, (3,), (1,)), _0=b"\0" * 16))
    assert t.tolist() == [0, 0, 0]


def test_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="not a file in PyTorch's zip format"):
        pyforge.load(io.BytesIO(b"hello"))
    out = io.BytesIO()
    zipfile.ZipFile(out, "w").close()
    with pytest.raises(RuntimeError, match="without one"):
        pyforge.load(out)
    with pytest.raises(RuntimeError, match="damaged"):
        pyforge.load(archive(reference(4, 0, (3,), (1,))))
    with pytest.raises(FileNotFoundError):
        pyforge.load(tmp_path / "nowhere.pt")


def test_a_failure_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.pt"
    pyforge.save({"x": 1}, path)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pyforge.save({"x": lambda: 0}, path)
    assert pyforge.load(path) == {"x": 1}
    assert os.listdir(tmp_path) == ["file.pt"]


class Thing:
    def __init__(self) -> None:
        self.x = pyforge.ones(2)


def test_safe_globals(tmp_path: Path) -> None:
    pyforge.save(Thing(), tmp_path / "t.pt")
    with pytest.raises(pickle.UnpicklingError, match="Thing"):
        pyforge.load(tmp_path / "t.pt")
    with serialization.safe_globals([Thing]):
        assert pyforge.load(tmp_path / "t.pt").x.tolist() == [1, 1]
    with pytest.raises(pickle.UnpicklingError, match="Thing"):
        pyforge.load(tmp_path / "t.pt")


def test_environment_says_what_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "array.pt"
    pyforge.save(np.ones(2), path)
    no, yes = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    monkeypatch.setenv(no, "1")
    assert pyforge.load(path).tolist() == [1.0, 1.0]
    with pytest.raises(pickle.UnpicklingError):
        pyforge.load(path, weights_only=True)
    monkeypatch.setenv(yes, "1")
    with pytest.raises(RuntimeError, match="Only one of"):
        pyforge.load(path)
    monkeypatch.delenv(no)
    with pytest.raises(pickle.UnpicklingError):
        pyforge.load(path, weights_only=False)
