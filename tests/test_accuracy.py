"""Elementary functions against higher precision, to the bounds that docs/kernels.md states."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import instruction_sets

import pyforge as pf

DOC = Path(__file__).parents[1] / "docs" / "kernels.md"
BOUNDS = {
    name: {"float32": float(single), "float64": float(double)}
    for name, single, double in re.findall(
        r"^\| (\w+) \| ([\d.]+) \| ([\d.]+) \|$", DOC.read_text(encoding="utf-8"), re.M
    )
}
SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 0.5, 2.0, 1e-45, 5e-324, 1e-310]
SPECIAL += [88.7, -103.9, 709.7, -745.1, 1000.0, -1000.0, 1024.0, -1074.0, 3e38, 1e300, 1e22]


def sigmoid(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e / (1 + e), 1 / (1 + e))


REFERENCE: dict[str, Callable[..., Any]] = {
    "sigmoid": sigmoid,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "erf": lambda x: np.array([math.erf(v) for v in x], dtype=x.dtype),
    "erfc": lambda x: np.array([math.erfc(v) for v in x], dtype=x.dtype),
    "pow": np.power,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
}

C_LIBRARY = ("erf", "erfc")  # Python's own, in float64


def inputs(name: str, dtype: str) -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    if name == "pow":
        n = 20_000
        base = np.concatenate([10.0 ** rng.uniform(-30, 30, n), rng.uniform(0, 10, n)])
        power = np.concatenate([rng.normal(size=n) * 8, rng.uniform(-40, 40, n)])
        return [base.astype(dtype), power.astype(dtype)]
    if name in ("atan2", "hypot"):
        sizes = 10.0 ** rng.uniform(-38, 38, (2, 10_000)) * rng.choice([-1, 1], (2, 10_000))
        near = rng.normal(size=(2, 20_000))
        special = np.stack([a.ravel() for a in np.meshgrid(SPECIAL, SPECIAL)])
        with np.errstate(all="ignore"):
            return list(np.concatenate([sizes, near, special], axis=1).astype(dtype))
    count = 40_000 if name in C_LIBRARY else 200_000
    if dtype == "float32":
        patterns = np.arange(0, 2**32, 2**32 // count | 1, dtype=np.uint64).astype(np.uint32)
        parts = [patterns.view(np.float32)]
    else:
        patterns = rng.integers(0, 2**64, count // 2, dtype=np.uint64)
        parts = [patterns.view(np.float64), rng.uniform(-750, 750, count // 4)]
    spread = np.exp(rng.uniform(-30, 8, count // 4)) * rng.choice([-1, 1], count // 4)
    parts += [rng.normal(size=count // 4), spread, 1 + rng.normal(size=count // 8) * 1e-3]
    with np.errstate(all="ignore"):
        return [np.concatenate([*parts, SPECIAL]).astype(dtype)]


def error_in_ulp(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """Distance in units in the last place of `want` as a number of got's dtype."""
    info = np.finfo(got.dtype)
    exponent = np.frexp(np.maximum(np.abs(want), want.dtype.type(info.tiny)))[1]
    unit = np.ldexp(want.dtype.type(1), exponent - 1 - info.nmant)
    return np.abs(got.astype(want.dtype) - want) / unit


@pytest.mark.usefixtures("_settings")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_accuracy(name: str, dtype: str) -> None:
    wide = np.float64 if dtype == "float32" else np.longdouble
    slack = 0.0
    if dtype == "float64" and (name in C_LIBRARY or np.finfo(wide).nmant < 60):
        slack = 1.0  # the reference is itself a float64
    args = inputs(name, dtype)
    with np.errstate(all="ignore"):
        want = REFERENCE.get(name, getattr(np, name, None))(*[a.astype(wide) for a in args])
        rounded = want.astype(dtype)
    regular = np.isfinite(rounded)
    for isa in instruction_sets():
        pf.backends.cpu.set_instruction_set(isa)
        got = getattr(pf, name)(*[pf.from_numpy(a) for a in args]).numpy()
        np.testing.assert_array_equal(got[~regular], rounded[~regular], err_msg=f"{name} on {isa}")
        zero = rounded == 0
        assert np.array_equal(np.signbit(got[zero]), np.signbit(rounded[zero])), f"{name} on {isa}"
        error = error_in_ulp(got[regular], want[regular])
        worst = int(error.argmax())
        where = [a[regular][worst] for a in args]
        assert error[worst] <= BOUNDS[name][dtype] + slack, f"{name} of {where} on {isa}"


@pytest.mark.usefixtures("_settings")
def test_accuracy_of_gelu() -> None:
    x = np.linspace(-8, 8, 200_001, dtype=np.float32)
    wide = pf.tensor(x, dtype=pf.float64, requires_grad=True)
    want = pf.nn.functional.gelu(wide)
    want.backward(pf.ones_like(want))
    for isa in instruction_sets():
        pf.backends.cpu.set_instruction_set(isa)
        single = pf.tensor(x, requires_grad=True)
        got = pf.nn.functional.gelu(single)
        got.backward(pf.ones_like(got))
        error = np.abs(got.detach().numpy() - want.detach().numpy())
        assert (error <= 2e-7 * np.abs(x)).all(), isa
        assert single.grad is not None
        assert wide.grad is not None
        assert np.abs(single.grad.numpy() - wide.grad.numpy()).max() <= 2e-7, isa
