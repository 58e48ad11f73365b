"""How tensors print, against PyTorch digit for digit."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest
from support import torch

import pyforge as pf

rng = np.random.default_rng(0)
VALUES: dict[str, Any] = {
    "number": 3.5,
    "whole": 3.0,
    "int": -7,
    "bool": True,
    "nan": float("nan"),
    "inf": [float("inf"), -float("inf"), 1.0],
    "mixed": [1.0, float("nan"), -2.5],
    "big": [1e9, 1.0],
    "whole big": [1e9],
    "tiny": [1e-5, 1.0],
    "range": [1.0, 1500.5],
    "zeros": [0.0, -0.0],
    "ints": [1, -22, 333],
    "bools": [[True, False], [False, False]],
    "empty": [],
    "empty matrix": np.zeros((0, 3), np.float32),
    "empty ints": np.zeros((2, 0), np.int64),
    "long": np.arange(50),
    "long floats": np.linspace(-1, 1, 50),
    "matrix": rng.standard_normal((3, 4)).astype(np.float32),
    "cube": rng.standard_normal((2, 3, 4)).astype(np.float32),
    "four": np.arange(16).reshape(2, 2, 2, 2),
    "wide": rng.standard_normal((2, 30)),
    "summary": np.arange(1001.0),
    "summary matrix": np.arange(4000).reshape(40, 100),
    "summary thin": rng.standard_normal((2, 3000)).astype(np.float32),
    "summary cube": rng.standard_normal((12, 12, 12)),
    "summary deep": np.arange(2048.0).reshape(2, 4, 2, 128),
    "bytes": np.arange(5, dtype=np.uint8),
    "shorts": np.arange(-3, 3, dtype=np.int16),
    "doubles": np.array([1.5, 2.25]),
}
OPTIONS: list[dict[str, Any]] = [
    {},
    {"precision": 2},
    {"sci_mode": True},
    {"sci_mode": False},
    {"threshold": 5},
    {"edgeitems": 1, "threshold": 3},
    {"linewidth": 40},
    {"profile": "short"},
    {"profile": "full"},
]


def text(P: Any, t: Any) -> str:
    # The library's name is a suffix's length and so moves the line break before it.
    return re.sub(r",\n +dtype=", ", dtype=", repr(t).replace("torch.", "pyforge."))


@pytest.fixture(autouse=True)
def _default_options() -> Any:
    yield
    pf.set_printoptions(profile="default")
    if torch is not None:
        torch.set_printoptions(profile="default")


@pytest.mark.torch
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_same_text_as_pytorch(options: dict[str, Any]) -> None:
    for P in (pf, torch):
        P.set_printoptions(**options)
    for name, value in VALUES.items():
        got, want = (text(P, P.tensor(value)) for P in (pf, torch))
        assert got == want, name


@pytest.mark.torch
def test_random_tensors() -> None:
    for seed, ndim in itertools.product(range(30), range(4)):
        g = np.random.default_rng(seed)
        shape = tuple(g.integers(1, 5, ndim))
        value = g.standard_normal(shape) * 10.0 ** g.integers(-6, 9)
        if seed % 3 == 0:
            value = np.round(value)
        value = np.asarray(value, dtype=("float32", "float64")[seed % 2])
        assert text(pf, pf.tensor(value)) == text(torch, torch.tensor(value))


@pytest.mark.torch
@pytest.mark.parametrize("n", [1, 5, 12, 13, 14, 15])
def test_suffixes(n: int) -> None:
    for P in (pf, torch):
        P.manual_seed(0)
    a, b = (P.arange(float(n), requires_grad=True) for P in (pf, torch))
    assert text(pf, a) == text(torch, b)
    assert text(pf, a * 2) == text(torch, b * 2)
    assert text(pf, a.double().exp()) == text(torch, b.double().exp())
    assert text(pf, a.detach()) == text(torch, b.detach())


def test_parameter_and_format() -> None:
    assert repr(pf.nn.Parameter(pf.ones(2))) == (
        "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    )
    assert f"{pf.tensor(1.5, requires_grad=True):.2f}" == "1.50"
    assert f"{pf.ones(2)}" == str(pf.ones(2)) == "tensor([1., 1.])"
    with pytest.raises(TypeError, match="unsupported format string"):
        format(pf.ones(2), ".2f")


def test_options() -> None:
    with pf.printoptions(precision=1):
        assert repr(pf.tensor(1.26)) == "tensor(1.3)"
    assert repr(pf.tensor(1.26)) == "tensor(1.2600)"
    assert pf.get_printoptions()["precision"] == 4
    with pytest.raises(ValueError, match="profile"):
        pf.set_printoptions(profile="tall")


def test_default_dtype_is_left_out() -> None:
    pf.set_default_dtype(pf.float64)
    try:
        assert repr(pf.ones(1)) == "tensor([1.])"
        assert repr(pf.ones(1, dtype=pf.float32)) == "tensor([1.], dtype=pyforge.float32)"
    finally:
        pf.set_default_dtype(pf.float32)
