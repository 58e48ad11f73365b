"""Names of older programs, beside PyTorch's."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from support import torch

import pyforge as pf


def results(P: Any) -> list[Any]:
    made = [
        P.FloatTensor([1, 2]), P.LongTensor([[3]]), P.ByteTensor(2, 3).shape, P.DoubleTensor().shape,
        P.ones(2).type(P.LongTensor), P.ones(2).type("torch.DoubleTensor"), P.ones(2).type(P.int32),
        P.ones(2).type(), P.zeros(2, dtype=P.bool).type(), P.BoolTensor([1, 0]),
        isinstance(P.ones(1), P.FloatTensor), isinstance(P.ones(1), P.LongTensor),
        P.is_nonzero(P.tensor([2.0])), P.tensor(0).is_nonzero(), P.ones(1).is_signed(),
        P.ones(1, dtype=P.uint8).is_signed(), P.ones(1).is_cpu, P.get_float32_matmul_precision(),
        P.frombuffer(bytearray(range(8)), dtype=P.int16, offset=2, count=2),
        P.are_deterministic_algorithms_enabled(),
        P.selu(P.ones(2)), P.celu(P.ones(2)), P.threshold(P.ones(2), 2.0, 5.0),
    ]  # fmt: skip
    return [(str(v.dtype).split(".")[1], v.tolist()) if hasattr(v, "tolist") else v for v in made]


@pytest.mark.torch
def test_same_results() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert results(pf) == results(torch)


def test_settings() -> None:
    pf.set_default_tensor_type(pf.DoubleTensor)
    try:
        assert pf.ones(1).dtype == pf.float64
    finally:
        pf.set_default_tensor_type("torch.FloatTensor")
    pf.set_float32_matmul_precision("high")
    assert pf.get_float32_matmul_precision() == "high"
    pf.set_float32_matmul_precision("highest")
    pf.use_deterministic_algorithms(True)
    assert pf.are_deterministic_algorithms_enabled()
    pf.use_deterministic_algorithms(False)
    pf.set_default_device("cpu")
    assert pf.get_default_device() == pf.device("cpu")


def test_memory_of_a_buffer_is_shared() -> None:
    memory = bytearray(8)
    t = pf.frombuffer(memory, dtype=pf.int32)
    t[0] = 7
    assert memory[0] == 7
    assert pf.frombuffer(bytes(8), dtype=pf.int32).tolist() == [0, 0]


def test_errors() -> None:
    with pytest.raises(RuntimeError, match="cuda"):
        pf.set_default_device("cuda")
    with pytest.raises(RuntimeError, match="'highest', 'high', or 'medium'"):
        pf.set_float32_matmul_precision("low")
    with pytest.raises(ValueError, match="invalid type"):
        pf.ones(1).type("torch.NoTensor")
    with pytest.raises(TypeError, match="expected FloatTensor"):
        pf.FloatTensor(pf.ones(1, dtype=pf.int64))
    for buffer in (bytearray(), bytearray(3)):
        with pytest.raises(ValueError, match="buffer"):
            pf.frombuffer(buffer, dtype=pf.int32)
    with pytest.raises(RuntimeError, match="Boolean value"):
        pf.is_nonzero(pf.ones(2))
