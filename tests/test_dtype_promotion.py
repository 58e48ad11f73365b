"""Result dtypes of every pair of dtypes, with tensors, 0-d tensors and Python numbers."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from typing import Any

import pytest
from support import assert_same, dtype_name, quiet, torch

import pyforge as pf

FLOATS = ["float16", "bfloat16", "float32", "float64"]
DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", *FLOATS]
SCALARS = [True, 1, 2, -1, 1.5, 0.0]
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "mul": operator.mul,
    "div": operator.truediv,
    "floor_div": operator.floordiv,
    "mod": operator.mod,
    "pow": operator.pow,
    "eq": operator.eq,
    "lt": operator.lt,
    "and": operator.and_,
    "sub": operator.sub,
}
FUNCTIONS = ["maximum", "minimum", "where", "cat", "result_type"]

pairs = list(itertools.product(DTYPES, DTYPES))
operations = pytest.mark.parametrize("name", list(OPERATIONS))
pytestmark = pytest.mark.torch


def outcome(f: Callable[[], Any]) -> Any:
    """The result, or the type of exception that stands for it."""
    try:
        return quiet(f)
    except (RuntimeError, TypeError, NotImplementedError, ZeroDivisionError) as error:
        return type(error)


def check(f: Callable[[Any], Any], what: str) -> None:
    got, want = outcome(lambda: f(pf)), outcome(lambda: f(torch))
    if isinstance(want, type):
        assert isinstance(got, type), f"{what}: {got!r} where PyTorch raises {want.__name__}"
        return
    assert not isinstance(got, type), f"{what}: raises {got}, PyTorch gives {want}"
    if hasattr(want, "dtype"):
        assert_same(got, want, what=what)
    else:
        assert str(got).rpartition(".")[2] == str(want).rpartition(".")[2], what


def tensor(P: Any, dtype: str, zero_d: bool, values: tuple[int, int] = (1, 3)) -> Any:
    return P.tensor(values[0] if zero_d else list(values), dtype=getattr(P, dtype))


@operations
def test_tensor_with_tensor(name: str) -> None:
    f = OPERATIONS[name]
    for (a, b), za, zb in itertools.product(pairs, (False, True), (False, True)):
        what = f"{a}{'[]' if za else '[2]'} {name} {b}{'[]' if zb else '[2]'}"

        def run(P: Any, a: str = a, b: str = b, za: bool = za, zb: bool = zb) -> Any:
            return f(tensor(P, a, za), tensor(P, b, zb, (2, 1)))

        check(run, what)


@operations
def test_tensor_with_number(name: str) -> None:
    f = OPERATIONS[name]
    for a, s, zero_d in itertools.product(DTYPES, SCALARS, (False, True)):
        if a not in FLOATS and s == 0.0 and name in ("div", "floor_div", "mod"):
            continue
        if name == "and" and isinstance(s, float):
            continue
        if name == "pow" and a == "uint8" and s == -1:
            continue

        def right(P: Any, a: str = a, s: Any = s, zero_d: bool = zero_d) -> Any:
            return f(tensor(P, a, zero_d), s)

        def left(P: Any, a: str = a, s: Any = s, zero_d: bool = zero_d) -> Any:
            return f(s, tensor(P, a, zero_d))

        check(right, f"{a}{'[]' if zero_d else '[2]'} {name} {s!r}")
        if name != "eq":
            check(left, f"{s!r} {name} {a}{'[]' if zero_d else '[2]'}")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    for (a, b), za, zb in itertools.product(pairs, (False, True), (False, True)):
        if name == "cat" and (za or zb):
            continue

        def run(P: Any, a: str = a, b: str = b, za: bool = za, zb: bool = zb) -> Any:
            x, y = tensor(P, a, za), tensor(P, b, zb)
            if name == "where":
                return P.where(P.tensor([True, False]), x, y)
            if name == "cat":
                return P.cat([x, y])
            return getattr(P, name)(x, y)

        check(run, f"{name}({a}{'[]' if za else '[2]'}, {b}{'[]' if zb else '[2]'})")


@pytest.mark.parametrize("name", ["add_", "mul_", "div_", "sub_", "pow_"])
def test_in_place(name: str) -> None:
    """The result must fit the target's category; otherwise an error, as in PyTorch."""
    for (a, b), za, zb in itertools.product(pairs, (False, True), (False, True)):
        if za and not zb:
            continue

        def run(P: Any, a: str = a, b: str = b, za: bool = za, zb: bool = zb) -> Any:
            return getattr(tensor(P, a, za), name)(tensor(P, b, zb, (2, 1)))

        check(run, f"{a}{'[]' if za else '[2]'}.{name}({b}{'[]' if zb else '[2]'})")


@pytest.mark.parametrize("name", ["add_", "mul_", "div_"])
def test_in_place_with_number(name: str) -> None:
    for a, s in itertools.product(DTYPES, (True, 2, 1.5)):

        def run(P: Any, a: str = a, s: Any = s) -> Any:
            return getattr(tensor(P, a, False), name)(s)

        check(run, f"{a}.{name}({s!r})")


@pytest.mark.parametrize(
    "name",
    [
        "sum",
        "mean",
        "prod",
        "cumsum",
        "max",
        "argmax",
        "any",
        "exp",
        "sqrt",
        "abs",
        "neg",
        "sigmoid",
    ],
)
def test_one_tensor(name: str) -> None:
    for a in DTYPES:

        def run(P: Any, a: str = a) -> Any:
            x = tensor(P, a, False)
            return P.cumsum(x, 0) if name == "cumsum" else getattr(P, name)(x)

        check(run, f"{name}({a})")


def test_default_dtype() -> None:
    assert pf.get_default_dtype() == pf.float32
    pf.set_default_dtype(pf.float64)
    try:
        assert pf.tensor(1.0).dtype == pf.float64
        assert pf.zeros(2).dtype == pf.float64
        assert (pf.tensor([1, 2]) / 2).dtype == pf.float64
        assert (pf.tensor([1, 2]) * 1.5).dtype == pf.float64
        assert pf.exp(pf.tensor([1, 2])).dtype == pf.float64
        assert pf.arange(0, 1, 0.5).dtype == pf.float64
        assert pf.tensor(1).dtype == pf.int64
    finally:
        pf.set_default_dtype(pf.float32)
    with pytest.raises(TypeError, match="floating"):
        pf.set_default_dtype(pf.int64)


def test_scalars_do_not_widen() -> None:
    assert (pf.ones(2, dtype=pf.float32) * 1e300).isinf().all()
    assert dtype_name((pf.ones(2, dtype=pf.uint8) + 300).dtype) == "uint8"
    assert (pf.ones(2, dtype=pf.int8) + pf.tensor(1, dtype=pf.int64)).dtype == pf.int8
    assert (pf.ones(2, dtype=pf.int8) + pf.tensor([1], dtype=pf.int64)).dtype == pf.int64
    assert (pf.ones(2, dtype=pf.float32) + pf.tensor(1.0, dtype=pf.float64)).dtype == pf.float32
