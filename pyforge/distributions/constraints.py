"""Sets that parameters and values of distributions must lie in."""

from __future__ import annotations

from .._C import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "Constraint",
    "boolean",
    "greater_than",
    "greater_than_eq",
    "half_open_interval",
    "independent",
    "integer_interval",
    "interval",
    "less_than",
    "lower_cholesky",
    "multinomial",
    "nonnegative",
    "nonnegative_integer",
    "one_hot",
    "positive",
    "positive_definite",
    "positive_integer",
    "real",
    "real_vector",
    "simplex",
    "unit_interval",
]


class Constraint:
    """A set; :meth:`check` says elementwise (or per event) whether values are in it."""

    is_discrete = False
    event_dim = 0

    def check(self, value: Any) -> Any:
        """A tensor of bools."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return type(self).__name__.removeprefix("_") + "()"


class _Real(Constraint):
    def check(self, value: Any) -> Any:
        return value == value


class _Boolean(Constraint):
    is_discrete = True

    def check(self, value: Any) -> Any:
        return (value == 0) | (value == 1)


class _Interval(Constraint):
    """Between two bounds, either of which may be open or missing."""

    def __init__(
        self,
        lower_bound: Any = None,
        upper_bound: Any = None,
        *,
        open_below: bool = False,
        open_above: bool = False,
        whole: bool = False,
        name: str = "Interval",
    ) -> None:
        self.lower_bound = lower_bound
        self.upper_bound = upper_bound
        self._open_below = open_below
        self._open_above = open_above
        self.is_discrete = whole
        self._name = name

    def check(self, value: Any) -> Any:
        inside = value % 1 == 0 if self.is_discrete else value == value
        if self.lower_bound is not None:
            low = self.lower_bound
            inside = inside & (value > low if self._open_below else value >= low)
        if self.upper_bound is not None:
            high = self.upper_bound
            inside = inside & (value < high if self._open_above else value <= high)
        return inside

    def __repr__(self) -> str:
        bounds = [
            f"{key}={value}"
            for key, value in (("lower_bound", self.lower_bound), ("upper_bound", self.upper_bound))
            if value is not None
        ]
        return f"{self._name}({', '.join(bounds)})"


class _Simplex(Constraint):
    event_dim = 1

    def check(self, value: Any) -> Any:
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


class _OneHot(Constraint):
    is_discrete = True
    event_dim = 1

    def check(self, value: Any) -> Any:
        return ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)


class _Multinomial(Constraint):
    is_discrete = True
    event_dim = 1

    def __init__(self, upper_bound: Any) -> None:
        self.upper_bound = upper_bound

    def check(self, value: Any) -> Any:
        return (value >= 0).all(-1) & (value.sum(-1) <= self.upper_bound)


class _LowerCholesky(Constraint):
    event_dim = 2

    def check(self, value: Any) -> Any:
        triangle = (value.tril() == value).flatten(-2).all(-1)
        return triangle & (value.diagonal(0, -2, -1) > 0).all(-1)


class _PositiveDefinite(Constraint):
    event_dim = 2

    def check(self, value: Any) -> Any:
        import numpy as np

        from .._C import from_numpy

        values = np.linalg.eigvalsh(value.detach().numpy())
        symmetric = ((value - value.transpose(-2, -1)).abs() < 1e-6).flatten(-2).all(-1)
        return symmetric & (from_numpy(values) > 0).all(-1)


class _Independent(Constraint):
    def __init__(self, base: Constraint, dims: int) -> None:
        self.base_constraint = base
        self.reinterpreted_batch_ndims = dims
        self.is_discrete = base.is_discrete
        self.event_dim = base.event_dim + dims

    def check(self, value: Any) -> Any:
        result: Tensor = self.base_constraint.check(value)
        dims = self.reinterpreted_batch_ndims
        return result.flatten(result.dim() - dims).all(-1) if dims else result


def interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Numbers from ``lower_bound`` to ``upper_bound``."""
    return _Interval(lower_bound, upper_bound)


def half_open_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Numbers from ``lower_bound`` to below ``upper_bound``."""
    return _Interval(lower_bound, upper_bound, open_above=True, name="HalfOpenInterval")


def greater_than(lower_bound: Any) -> Constraint:
    """Numbers above ``lower_bound``."""
    return _Interval(lower_bound, open_below=True, name="GreaterThan")


def greater_than_eq(lower_bound: Any) -> Constraint:
    """Numbers from ``lower_bound`` on."""
    return _Interval(lower_bound, name="GreaterThanEq")


def less_than(upper_bound: Any) -> Constraint:
    """Numbers below ``upper_bound``."""
    return _Interval(None, upper_bound, open_above=True, name="LessThan")


def integer_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Whole numbers from ``lower_bound`` to ``upper_bound``."""
    return _Interval(lower_bound, upper_bound, whole=True, name="IntegerInterval")


def multinomial(upper_bound: Any) -> Constraint:
    """Vectors of counts of which there are ``upper_bound`` at most."""
    return _Multinomial(upper_bound)


def independent(base: Constraint, reinterpreted_batch_ndims: int) -> Constraint:
    """``base`` for all entries of the last dimensions at once."""
    return _Independent(base, reinterpreted_batch_ndims)


real = _Real()
real_vector = independent(real, 1)
boolean = _Boolean()
positive = greater_than(0.0)
nonnegative = greater_than_eq(0.0)
positive_integer = _Interval(1, whole=True, name="IntegerGreaterThan")
nonnegative_integer = _Interval(0, whole=True, name="IntegerGreaterThan")
unit_interval = interval(0.0, 1.0)
simplex = _Simplex()
one_hot = _OneHot()
lower_cholesky = _LowerCholesky()
positive_definite = _PositiveDefinite()
