"""What a row of the op table says, and the generators its samples draw from."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

FLOATS = ("float32", "float64")
INTS = ("uint8", "int8", "int16", "int32", "int64")
NUMERIC = (*INTS, *FLOATS)
ALL = ("bool", *NUMERIC)
INTEGRAL = ("bool", *INTS)

LAYOUTS = ("transposed", "stepped", "negative", "expanded")


class Const:
    """An array that becomes a tensor for which no gradient is asked."""

    def __init__(self, array: Any) -> None:
        self.array = np.asarray(array)


class DT:
    """A dtype by name: `DT("float64")` becomes `pf.float64` or `torch.float64`."""

    def __init__(self, name: str) -> None:
        self.name = name


@dataclass
class Sample:
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    smooth: bool = True  # False: on a kink or a tie, so no finite differences


def zero_d(a: Any) -> Any:
    """NumPy makes scalars of 0-d arrays; here they stay arrays."""
    return np.asarray(a) if isinstance(a, np.generic) else a


def S(*args: Any, **kwargs: Any) -> Sample:
    return Sample(tuple(zero_d(a) for a in args), kwargs)


def Kink(*args: Any, **kwargs: Any) -> Sample:
    return Sample(tuple(zero_d(a) for a in args), kwargs, smooth=False)


@dataclass
class Err:
    """A call that must raise `kind` with a message that `phrase` (a regex) is found in."""

    args: tuple[Any, ...]
    kind: type[BaseException] | tuple[type[BaseException], ...]
    phrase: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    names: str | None = None  # what the message must name; None: the op, "": nothing


Interval = tuple[float, float]
Domain = Interval | tuple[Interval, ...]


class Gen:
    """Draws arrays of one dtype from one domain; integers are the domain times four, rounded."""

    def __init__(self, seed: str | int, dtype: str = "float64", domain: Domain = (-2.0, 2.0)):
        self.rng = np.random.default_rng(zlib.crc32(str(seed).encode()))
        self.dtype = dtype
        self.domain = domain

    def __call__(self, *shape: int, domain: Domain | None = None) -> np.ndarray:
        domain = self.domain if domain is None else domain
        intervals = domain if isinstance(domain[0], tuple) else (domain,)
        if self.dtype == "bool":
            return np.asarray(self.rng.random(shape) < 0.5)
        low, high = np.array(intervals, dtype=np.float64).T
        if self.dtype == "uint8":
            keep = high > 0
            low, high = np.maximum(low[keep], 0), high[keep]
        pick = self.rng.integers(len(low), size=shape)
        values = low[pick] + (high - low)[pick] * self.rng.random(shape)
        if self.dtype in INTS:
            values = np.rint(np.clip(values * 4, np.ceil(low * 4)[pick], np.floor(high * 4)[pick]))
        return np.asarray(values).astype(self.dtype)

    @property
    def floating(self) -> bool:
        return self.dtype in FLOATS

    def positive(self, *shape: int) -> np.ndarray:
        return self(*shape, domain=(0.3, 2.0))

    def distinct(self, *shape: int) -> np.ndarray:
        """No two elements closer than 0.1, so an order has no ties."""
        n = int(np.prod(shape))
        values = self.rng.permutation(n) - n // 2
        if self.floating:
            values = values * 0.1 + self.rng.uniform(0, 0.02, n)
        return np.asarray(values).astype(self.dtype).reshape(shape)

    def bools(self, *shape: int) -> np.ndarray:
        return np.asarray(self.rng.random(shape) < 0.5)

    def index(self, *shape: int, high: int, low: int = 0) -> np.ndarray:
        return np.asarray(self.rng.integers(low, high, size=shape))

    def permuted(self, *shape: int, dim: int, high: int) -> np.ndarray:
        """Indices without repeats along `dim`."""
        out = self.rng.random((*shape[:dim], high, *shape[dim + 1 :])).argsort(axis=dim)
        return out[(slice(None),) * dim + (slice(shape[dim]),)].copy()

    def probabilities(self, *shape: int, dim: int = 1) -> np.ndarray:
        raw = self.rng.uniform(0.2, 1.0, shape)
        return (raw / raw.sum(axis=dim, keepdims=True)).astype(self.dtype)

    def scalar(self, low: float = 0.3, high: float = 2.0) -> float | int:
        """A Python number of the generator's kind."""
        if self.floating:
            return float(self.rng.uniform(low, high))
        return int(self.rng.integers(1, 5))


@dataclass
class Op:
    name: str
    samples: Callable[[Gen], Iterable[Sample]]
    call: Callable[..., Any] | str | None = None  # call(P, *args); a dotted name; the op's own name
    numpy: Callable[..., Any] | None = None
    torch: Callable[..., Any] | str | None = None  # where PyTorch's spelling differs
    grad: bool = True
    grad2: bool = True
    inplace: str | None = None
    method: str | None = None
    domain: Domain = (-2.0, 2.0)
    dtypes: Sequence[str] = FLOATS
    errors: Sequence[Err] = ()
    extremes: int = 0  # number of leading tensor arguments to feed inf, nan, huge, subnormal, 0
    extreme_grad: bool = True
    signed_zero: bool = True  # the sign of zero results is PyTorch's
    large: Callable[[Gen], Sample] | None = None
    random: bool = False
    layouts: Sequence[str] = LAYOUTS
    covers: Sequence[str] = ()  # further registered names that this row exercises
    tol: float = 1.0
    oracle: bool = True  # False: PyTorch has no such op, or leaves the result open
    note: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.samples, tuple):
            return
        raise TypeError(f"{self.name}: samples is a function of a Gen")

    def draw(self, dtype: str = "float64", salt: str = "") -> list[Sample]:
        return list(self.samples(Gen(self.name + salt, dtype, self.domain)))

    def __repr__(self) -> str:
        return self.name


def unary_samples(g: Gen) -> list[Sample]:
    shapes: list[tuple[int, ...]] = [(), (1,), (0,), (5,), (3, 4), (2, 0, 3), (2, 3, 2), (67,)]
    return [S(g(*shape)) for shape in shapes]


BROADCASTS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((), ()),
    ((3, 4), (3, 4)),
    ((3, 4), (4,)),
    ((4,), (3, 1)),
    ((3, 1), (1, 4)),
    ((2, 3, 4), (3, 1)),
    ((2, 1, 3), (1, 4, 1)),
    ((0, 3), (1, 3)),
    ((4,), ()),
    ((), (2, 3)),
    ((67,), (67,)),
    ((5, 67), (67,)),
]


SCALAR_SHAPES: list[tuple[int, ...]] = [(), (3, 4), (0,), (67,)]


def binary_samples(g: Gen, first: Domain | None = None, second: Domain | None = None):
    """Two tensors with each broadcast; `first` and `second` narrow their domains."""
    return [S(g(*a, domain=first), g(*b, domain=second)) for a, b in BROADCASTS]


def binary_and_scalar_samples(g: Gen) -> list[Sample]:
    """Tensors with each broadcast, then a tensor with a Python number."""
    number = g.scalar() if g.dtype != "bool" else True
    return [*binary_samples(g), *(S(g(*shape), number) for shape in SCALAR_SHAPES)]


def large_unary(g: Gen) -> Sample:
    return S(g(700, 501))


def large_binary(g: Gen) -> Sample:
    return S(g(700, 501), g(700, 501))
