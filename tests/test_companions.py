"""What companions of PyTorch, such as torchvision, ask of it: on import, and to shrink images."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyforge as pf
from pyforge import nn

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

IMPORTS = """
import torch, torch.fx, torch._custom_ops, torch.library, torch.hub, torch.ao.quantization
from torch._C import DisableTorchFunctionSubclass
from torch._dynamo.utils import is_compile_supported
from torch.ao.quantization import DeQuantStub, QuantStub
from torch.hub import _get_torch_home
from torch.jit.annotations import BroadcastingList2
from torch.onnx import operators, symbolic_opset11 as opset11
from torch.onnx.symbolic_helper import parse_args
from torch.types import _device, _dtype, _size
from torch.utils.model_zoo import tqdm

keys = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCPU)
keys |= torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCUDA)
assert keys.has(torch._C.DispatchKey.AutocastCPU) and not keys.has(torch._C.DispatchKey.Meta)
assert not is_compile_supported("cpu")
torch._C._log_api_usage_once("module.name")

@torch.fx.wrap
@torch.jit._script_if_tracing
@parse_args("v", "i")
@torch.library.register_fake("elsewhere::op")
def sizes(x: BroadcastingList2[int]) -> int:
    with DisableTorchFunctionSubclass():
        return sum(tqdm(x))

torch.fx.wrap("sizes")
torch.onnx.register_custom_op_symbolic("elsewhere::op", sizes, 11)
assert sizes([1, 2]) == 3
x = torch.ones(2)
assert QuantStub()(x) is DeQuantStub()(x) is x
try:
    torch.ops.load_library("/nowhere/_C.so")
except OSError as e:
    assert "cpp_extension" in str(e)
else:
    raise AssertionError
class Image(torch.Tensor):
    pass
assert repr(x.as_subclass(Image)) == "Image([1., 1.])", repr(x.as_subclass(Image))
assert repr(torch.nn.Parameter(x)).startswith("Parameter containing:\\ntensor([1., 1.]")
print("done")
"""


def test_names_read_on_import(tmp_path: Path) -> None:
    script = tmp_path / "companion.py"
    script.write_text(IMPORTS)
    done = subprocess.run(
        [sys.executable, "-m", "pyforge", "run", str(script)], capture_output=True, text=True
    )
    assert done.stdout == "done\n", done.stderr


@pytest.mark.parametrize(
    ("call", "phrase"),
    [
        (lambda: pf.fx.symbolic_trace, "autograd.graph"),
        (lambda: pf.ao.quantization.prepare, "no quantisation"),
        (lambda: pf.hub.tqdn, "no attribute 'tqdn'"),
    ],
)
def test_what_is_not_there_says_so(call: Any, phrase: str) -> None:
    with pytest.raises(AttributeError, match=phrase):
        call()


def test_the_cpus_name() -> None:
    names = {"v4": "AVX512", "v3": "AVX2"}
    isa = pf.backends.cpu.get_instruction_set()
    assert pf.backends.cpu.get_cpu_capability() == names.get(isa, "DEFAULT")


def test_a_shape_rule_by_name() -> None:
    op = pf.library.custom_op("companions::twice", lambda x: x * 2)
    pf.library.register_fake("companions::twice", lambda x: pf.empty(3))
    with pytest.raises(RuntimeError, match="register_fake says"):
        op(pf.ones(2))


RESIZES: list[dict[str, Any]] = [
    {"size": (4, 5)},
    {"size": (24, 12)},
    {"size": (2, 30)},
    {"scale_factor": 0.45},
    {"scale_factor": (1.7, 0.6)},
    {"scale_factor": 0.45, "recompute_scale_factor": True},
]


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(("dtype", "atol"), [("float64", 1e-12), ("float32", 1e-5), ("uint8", 1)])
def test_resized_images_are_pytorchs(dtype: str, atol: float, antialias: bool, mode: str) -> None:
    """Bytes may differ by one: PyTorch rounds the weights to 16 bits."""
    rng = np.random.default_rng(0)
    for shape, kwargs, corners in itertools.product([(20, 13), (5, 5)], RESIZES, [False, True]):
        values = rng.uniform(0, 255 if dtype == "uint8" else 1, (2, 3, *shape))
        results = []
        for P in (pf, torch):
            x = P.tensor(values).to(getattr(P, dtype))
            y = P.nn.functional.interpolate(
                x, mode=mode, antialias=antialias, align_corners=corners, **kwargs
            )
            assert y.dtype == x.dtype
            results.append(y.double().numpy())
        np.testing.assert_allclose(*results, rtol=0, atol=atol, err_msg=f"{shape} {kwargs}")


def test_gradient_of_resized_images() -> None:
    x = pf.rand(1, 2, 5, 4, dtype=pf.float64, requires_grad=True)
    for mode in ("bilinear", "bicubic"):
        assert pf.autograd.gradcheck(
            lambda x, mode=mode: nn.functional.interpolate(x, (3, 6), mode=mode, antialias=True),
            (x,),
        )


def test_antialias_where_it_cannot_be() -> None:
    with pytest.raises(ValueError, match="restricted to bilinear and bicubic"):
        nn.functional.interpolate(pf.ones(1, 1, 4, 4), 2, antialias=True)
    whole = pf.ones(1, 1, 4, 4, dtype=pf.int64)
    with pytest.raises(NotImplementedError, match="int64"):
        nn.functional.interpolate(whole, 2, mode="bilinear", antialias=True)


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
def test_contiguous_in_a_format() -> None:
    def answers(P: Any) -> list[bool]:
        images = [
            P.ones(2, 3, 4, 5),
            P.ones(2, 4, 5, 3).permute(0, 3, 1, 2),
            P.ones(2, 1, 4, 1),
            P.ones(2, 4, 5, 6, 3).permute(0, 4, 1, 2, 3),
            P.ones(3, 4),
        ]
        formats = (P.contiguous_format, P.channels_last, P.channels_last_3d)
        return [t.is_contiguous(memory_format=f) for t in images for f in formats]

    assert answers(pf) == answers(torch)
    with pytest.raises(TypeError, match=r"must be torch.memory_format, not int"):
        pf.ones(2).is_contiguous(memory_format=3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'format'"):
        pf.ones(2).is_contiguous(format=3)
