"""Bad input of every kind gives a Python exception: no crash, no hang, an engine still usable."""

from __future__ import annotations

from pathlib import Path

import programs
import pytest
from optable import FAMILIES

import pyforge as pf

HERE = Path(__file__).parent
SEED, ROUNDS = 1, 60

# What a failed call may raise; anything else is an error of ours leaking out.
EXPECTED = {
    "TypeError",
    "RuntimeError",
    "ValueError",
    "IndexError",
    "OverflowError",
    "MemoryError",
    "NotImplementedError",
    "ZeroDivisionError",
    "AttributeError",
    "AssertionError",
    "LinAlgError",
}


def run_fuzz(names: list[str], seed: int = SEED, rounds: int = ROUNDS) -> list[str]:
    arguments = ["-W", "ignore", "fuzz.py", seed, rounds, *names]
    run = programs.run(arguments, timeout=300, cwd=HERE, env=programs.with_path(HERE))
    lines = run.out.splitlines()
    assert run.status == 0, f"in {lines[-1] if lines else '?'}: {run.explain()}"
    assert lines[-1] == "done"
    return lines


@pytest.mark.parametrize("family", list(FAMILIES))
def test_fuzz(family: str) -> None:
    names = [op.name for op in FAMILIES[family].ROWS]
    lines = run_fuzz(names)
    tried = ""
    unexpected, nameless = [], []
    for line in lines[:-1]:
        kind, _, rest = line.partition(" ")
        if kind == "try":
            tried = rest
            continue
        if kind != "raised":
            continue
        error, _, message = rest.partition(" ")
        if error == "KeyError" and tried.startswith("getitem({"):
            continue  # a dict's own, where slices can be hashed (Python 3.12)
        if error not in EXPECTED:
            unexpected.append(f"{tried}: {rest}")
        elif not message and error != "MemoryError":  # Python's own has none
            nameless.append(f"{tried}: {error} without a message")
    assert not unexpected, "\n".join(unexpected[:20])
    assert not nameless, "\n".join(nameless[:20])


DIRECT = ("exp", "add", "sum", "matmul", "softmax", "cat", "gather", "masked_fill", "zeros")


@pytest.mark.parametrize("name", DIRECT)
def test_wrong_types_name_the_op(name: str) -> None:
    f = getattr(pf, name)
    for args in ((), (None,), ("x",), (object(), object()), ({}, 1, 2)):
        with pytest.raises((TypeError, ValueError, RuntimeError)) as info:
            f(*args)
        assert name in str(info.value), f"{name}{args!r}: {info.value}"


@pytest.mark.parametrize("name", [n for n in DIRECT if n not in ("zeros", "cat")])
def test_unknown_keyword_names_itself(name: str) -> None:
    with pytest.raises(TypeError, match="nonsense"):
        getattr(pf, name)(pf.ones(2), nonsense=1)


def test_methods_on_wrong_objects() -> None:
    for name in ("add", "sum", "__add__", "__getitem__", "backward", "numpy"):
        with pytest.raises(TypeError):
            getattr(pf.Tensor, name)(3)


def test_devices() -> None:
    assert str(pf.zeros(2, device="cpu").device) == "cpu"
    for bad in ("cuda", "gpu", "", "cpu:x", 7, None.__class__):
        with pytest.raises((RuntimeError, TypeError, AssertionError, ValueError)):
            pf.zeros(2, device=bad)


def test_dtypes() -> None:
    for bad in ("float32", 3, float, object()):
        if bad is float:
            continue
        with pytest.raises(TypeError):
            pf.zeros(2, dtype=bad)


DOES_NOT_FIT = [
    (300, "uint8"),
    (-256, "uint8"),
    (-0.5, "uint8"),
    (255.5, "uint8"),
    (200, "int8"),
    (1 << 40, "int32"),
    (float("nan"), "int64"),
    (float("inf"), "int32"),
    (9.3e18, "int64"),
]


def assign(x: pf.Tensor, key: object, value: float) -> None:
    x[key] = value


@pytest.mark.parametrize(("number", "name"), DOES_NOT_FIT)
def test_numbers_that_a_dtype_cannot_hold(number: float, name: str) -> None:
    dtype = getattr(pf, name)
    x = pf.zeros(2, 2, dtype=dtype)
    mask, rows = pf.tensor([True, False]), pf.tensor([0])
    ways = [
        lambda: pf.tensor(number, dtype=dtype),
        lambda: pf.tensor([[0, number]], dtype=dtype),
        lambda: pf.tensor([pf.tensor(number)], dtype=dtype),
        lambda: pf.as_tensor([number], dtype=dtype),
        lambda: pf.full((2,), number, dtype=dtype),
        lambda: pf.full_like(x, number),
        lambda: x.new_full((2,), number),
        lambda: x.fill_(number),
        lambda: x.masked_fill(mask, number),
        lambda: x.index_fill(0, rows, number),
        lambda: x.scatter(0, rows[None], number),
        lambda: assign(x, 0, number),
        lambda: assign(x, [0], number),
        lambda: assign(x, mask, number),
    ]
    if isinstance(number, int):
        ways.append(lambda: pf.where(mask, x, number))
        ways.append(lambda: x.clamp(max=number))
    for way in ways:
        with pytest.raises(RuntimeError, match=r"cannot be converted to type .* without overflow"):
            way()
    assert not x.any()


def test_numbers_that_fit_after_all() -> None:
    assert pf.tensor([-1, -255, 255], dtype=pf.uint8).tolist() == [255, 1, 255]
    assert pf.tensor([float("nan"), 300], dtype=pf.bool).tolist() == [True, True]
    assert pf.tensor([1 << 63, 1 << 70], dtype=pf.float64).tolist() == [2.0**63, 2.0**70]
    assert pf.full((1,), float("inf")).item() == float("inf")
    assert pf.tensor(pf.tensor(300), dtype=pf.uint8).item() == 44  # a conversion, not a number
    with pytest.raises(RuntimeError, match="float32 without overflow"):
        pf.full((1,), 1e40)


def test_random_integers_that_a_dtype_cannot_hold() -> None:
    for low, high, dtype in [(0, 300, pf.uint8), (0, 3, pf.bool), (0, 1 << 40, pf.int32)]:
        with pytest.raises(RuntimeError, match="randint: to - 1 is out of bounds"):
            pf.randint(low, high, (2,), dtype=dtype)
    for low, dtype in [(-5, pf.uint8), (-129, pf.int8), (-1, pf.bool)]:
        with pytest.raises(RuntimeError, match="randint: from is out of bounds"):
            pf.randint(low, 1, (2,), dtype=dtype)
    with pytest.raises(RuntimeError, match="without overflow"):
        pf.randperm(300, dtype=pf.uint8)


def test_losses_do_not_broadcast_to_their_weights() -> None:
    half, one = pf.tensor([0.5]), pf.tensor([1.0])
    losses = pf.nn.functional
    for loss in (losses.binary_cross_entropy, losses.binary_cross_entropy_with_logits):
        with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
            loss(half, one, weight=pf.ones(2))
        with pytest.raises(RuntimeError, match="int64"):
            loss(half, pf.tensor([1]))
    with pytest.raises(RuntimeError, match="pos_weight"):
        losses.binary_cross_entropy_with_logits(half, one, pos_weight=pf.ones(2))


def test_huge_shapes() -> None:
    for shape in [(1 << 40, 1 << 40), (1 << 62, 4), (1 << 63,), (1 << 50,)]:
        with pytest.raises((RuntimeError, MemoryError, OverflowError, TypeError)):
            pf.zeros(*shape)
    with pytest.raises(RuntimeError, match="repeat: the size of dimension 0 overflows"):
        pf.ones(4).repeat(1 << 62)
    low, high = -(1 << 63), (1 << 63) - 1
    assert pf.arange(low, high, 1 << 62).tolist() == [low, -(1 << 62), 0, 1 << 62]
    with pytest.raises((RuntimeError, MemoryError), match="arange"):
        pf.arange(low, high)
    assert pf.zeros(1 << 40, 0).shape == (1 << 40, 0)
    big = pf.zeros(1).expand(1 << 40)
    assert big.numel() == 1 << 40
    with pytest.raises((RuntimeError, MemoryError)):
        big + 1
    with pytest.raises((RuntimeError, MemoryError, ValueError, OverflowError)):
        pf.zeros(1).expand(1 << 40, 1 << 40)


def test_self_referencing_list() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises((ValueError, RecursionError, RuntimeError)):
        pf.tensor(loop)


def test_deeply_nested_list() -> None:
    nested: object = 1.0
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises((ValueError, RecursionError, RuntimeError)):
        pf.tensor(nested)
    # Freed without recursion, for the interpreter's own sake.
    while isinstance(nested, list):
        nested = nested[0]


def test_sequence_that_changes_while_it_is_read() -> None:
    class Liar:
        def __len__(self) -> int:
            return 3

        def __getitem__(self, k: int) -> float:
            if k > 1:
                raise IndexError
            return 1.0

    assert pf.tensor(Liar()).tolist() == [1.0, 1.0]  # what iteration gives


def test_index_objects_that_raise() -> None:
    class Broken:
        def __index__(self) -> int:
            raise ZeroDivisionError

    with pytest.raises((ZeroDivisionError, IndexError, TypeError)):
        pf.ones(3)[Broken()]
    with pytest.raises((ZeroDivisionError, TypeError)):
        pf.ones(2, 2).sum(Broken())


def test_operators_return_not_implemented_for_strangers() -> None:
    class Stranger:
        def __radd__(self, other: object) -> str:
            return "stranger"

        def __rmatmul__(self, other: object) -> str:
            return "stranger"

    assert pf.ones(2) + Stranger() == "stranger"
    assert pf.ones(2) @ Stranger() == "stranger"
    with pytest.raises(TypeError):
        pf.ones(2) + "x"
    with pytest.raises(TypeError):
        None * pf.ones(2)
    assert (pf.ones(2) == "x") is False
    assert (pf.ones(2) != None) is True  # noqa: E711


def test_nan_is_an_answer() -> None:
    x = pf.tensor([float("nan"), 1.0], requires_grad=True)
    y = x.tanh().sum()
    y.backward()
    assert y.isnan().item()
    assert x.grad.isnan().tolist() == [True, False]
