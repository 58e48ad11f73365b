"""Files of the safetensors format, written and read through its own library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import pyforge as pf
from pyforge import nn

library = pytest.importorskip("safetensors")

from pyforge.utils import safetensors as st  # noqa: E402

DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8"]


def tensors() -> dict[str, pf.Tensor]:
    found = {name: pf.arange(6).reshape(2, 3).to(getattr(pf, name)) for name in (*DTYPES, "bool")}
    return {
        **found,
        "scalar": pf.tensor(2.5),
        "empty": pf.ones(0, 3),
        "half": pf.ones(0).bfloat16(),
    }


def same(a: dict[str, pf.Tensor], b: dict[str, pf.Tensor]) -> bool:
    return sorted(a) == sorted(b) and all(
        a[n].dtype == b[n].dtype and a[n].shape == b[n].shape and pf.equal(a[n], b[n]) for n in a
    )


def test_round_trips(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    st.save_file(tensors(), path, {"who": "me"})
    assert same(st.load_file(path), tensors())
    assert same(st.load(path.read_bytes()), tensors())
    assert same(st.load(st.save(tensors())), tensors())
    with st.safe_open(path, framework="pt", device="cpu") as file:
        assert file.metadata() == {"who": "me"}
        assert sorted(file.keys()) == sorted(tensors())
        assert file.get_slice("float32")[1:].tolist() == [[3.0, 4.0, 5.0]]
        assert file.get_slice("bfloat16")[:, 1].tolist() == [1.0, 4.0]
        assert file.get_slice("int8").get_shape() == [2, 3]
        with pytest.raises(library.SafetensorError, match="nothing"):
            file.get_tensor("nothing")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    with st.safe_open(path, framework="np") as file:
        assert file.get_tensor("float32").sum() == 15


@pytest.mark.torch
def test_exchange_with_the_library_s_module_for_pytorch(tmp_path: Path) -> None:
    from safetensors import torch as theirs

    path = tmp_path / "x.safetensors"
    st.save_file(tensors(), path)
    other = theirs.load_file(path)
    assert {n: str(t.dtype) for n, t in other.items()} == {
        n: str(t.dtype).replace("pyforge", "torch") for n, t in tensors().items()
    }
    theirs.save_file(other, path)
    assert same(st.load_file(path), tensors())


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    x, path = pf.ones(4, 4), tmp_path / "x"
    with pytest.raises(ValueError, match="non contiguous tensor: `a`"):
        st.save_file({"a": x.t()[1:]}, path)
    with pytest.raises(RuntimeError, match="share memory"):
        st.save_file({"a": x, "b": x[1:]}, path)
    with pytest.raises(ValueError, match="Expected a dict"):
        st.save_file([x], path)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Key `a` is invalid"):
        st.save_file({"a": 1.0}, path)  # type: ignore[dict-item]
    assert not list(tmp_path.iterdir())
    st.save_file({"a": x[:2], "b": x[2:]}, path)


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with pytest.raises(FileNotFoundError):
        st.load_file(path)
    path.write_bytes(st.save({"a": pf.ones(3)})[:-1])
    with pytest.raises(library.SafetensorError):
        st.load_file(path)
    header = b'{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}'
    data = len(header).to_bytes(8, "little") + header + b"\0"
    with pytest.raises(TypeError, match="F8_E4M3"):
        st.load(data)
    path.write_bytes(data)
    with pytest.raises(TypeError, match="F8_E4M3"):
        st.load_file(path)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3, bias=False)
        self.b.weight = self.a.weight


def test_models_with_tied_weights(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model, other = Tied(), Tied()
    st.save_model(model, path)
    with st.safe_open(path) as file:
        assert file.metadata() == {"b.weight": "a.weight"}
    assert st.load_model(other, path) == ([], [])
    assert same(dict(model.state_dict()), dict(other.state_dict()))
    st.save_file({"a.weight": pf.ones(3, 3), "c": pf.ones(1)}, path)
    with pytest.raises(RuntimeError, match=r'Missing.*"a.bias"\n.*Unexpected.*"c"'):
        st.load_model(other, path)
    assert st.load_model(other, path, strict=False) == (["a.bias"], ["c"])


def test_programs_written_for_pytorch(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import torch\n"
        "from safetensors import safe_open\n"
        "from safetensors.torch import load_file, save_file\n"
        "save_file({'a': torch.ones(2, dtype=torch.bfloat16)}, 'a.safetensors')\n"
        "print(load_file('a.safetensors')['a'].sum().item(), torch.__name__)\n"
        "with safe_open('a.safetensors', framework='pt') as f:\n"
        "    print(f.get_tensor('a'))\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pyforge", "run", str(script)],
        capture_output=True, text=True, cwd=tmp_path, check=True,
    )  # fmt: skip
    assert run.stdout.splitlines() == ["2.0 pyforge", "tensor([1., 1.], dtype=torch.bfloat16)"]
