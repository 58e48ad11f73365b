"""Distributions of positive numbers, and of numbers whose large values are not rare."""

from __future__ import annotations

import math

from .. import _C
from .._C import Tensor
from .._type_info import finfo
from . import constraints
from .composed import EULER, TransformedDistribution, _Half
from .continuous import Exponential, Uniform, _LocScale
from .distribution import Distribution, alias, broadcast_all
from .gammas import Gamma
from .transforms import AbsTransform, AffineTransform, ExpTransform, PowerTransform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .distribution import Shape


class Cauchy(_LocScale):
    """The ratio of two normal numbers: median ``loc``, half width at half maximum ``scale``."""

    @property
    def mean(self) -> Tensor:
        """NaN: there is none."""
        return _C.full_like(self.loc, math.nan)

    @property
    def variance(self) -> Tensor:
        """Infinite."""
        return _C.full_like(self.loc, math.inf)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws that the parameters can be differentiated through."""
        eps = self.loc.new_empty(self._extended_shape(sample_shape)).cauchy_()
        return self.loc + eps * self.scale

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        y = (value - self.loc) / self.scale
        return -math.log(math.pi) - self.scale.log() - (y**2).log1p()

    def cdf(self, value: Any) -> Any:
        """The probability of at most ``value``."""
        if self._validate_args:
            self._validate_sample(value)
        return ((value - self.loc) / self.scale).atan() / math.pi + 0.5

    def icdf(self, value: Any) -> Any:
        """The quantile."""
        return (math.pi * (value - 0.5)).tan() * self.scale + self.loc

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return math.log(4 * math.pi) + self.scale.log()


class HalfCauchy(_Half):
    """The magnitude of Cauchy numbers around 0."""

    scale: Tensor = alias("base_dist.scale", "The half width before the sign is dropped.")

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Cauchy(0, scale, False), AbsTransform(), validate_args)

    @property
    def mean(self) -> Tensor:
        """Infinite."""
        return _C.full_like(self.scale, math.inf)

    variance: Tensor = alias("base_dist.variance", "Infinite.")

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        value = _C.as_tensor(value, dtype=self.scale.dtype)
        return _C.where(value >= 0, self.base_dist.log_prob(value) + math.log(2), -math.inf)


class Pareto(TransformedDistribution):
    """Numbers above ``scale``, of density proportional to ``x ** -(alpha + 1)``."""

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}  # noqa: RUF012
    scale: Tensor
    alpha: Tensor

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        parts = [ExpTransform(), AffineTransform(0, self.scale)]
        super().__init__(Exponential(self.alpha, validate_args), parts, validate_args)

    @property
    def support(self) -> Any:
        """From ``scale`` on."""
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self) -> Tensor:
        """The mean, infinite for ``alpha <= 1``."""
        a = self.alpha.clamp(min=1)
        return a * self.scale / (a - 1)

    mode: Tensor = alias("scale", "The smallest value.")

    @property
    def variance(self) -> Tensor:
        """The variance, infinite for ``alpha <= 2``."""
        a = self.alpha.clamp(min=2)
        return self.scale.pow(2) * a / ((a - 1).pow(2) * (a - 2))

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return (self.scale / self.alpha).log() + (1 + self.alpha.reciprocal())


class GeneralizedPareto(Distribution):
    """What exceeds the threshold ``loc``; the tail falls with ``x ** (-1 / concentration)``."""

    arg_constraints = {  # noqa: RUF012
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True
    loc: Tensor
    scale: Tensor
    concentration: Tensor

    def __init__(
        self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None
    ) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, (), validate_args)

    @property
    def support(self) -> Any:
        """From ``loc`` on, to the end if ``concentration`` is negative."""
        c = self.concentration
        end = self.loc - self.scale / _C.where(c < 0, c, -1.0)
        return constraints.interval(self.loc, _C.where(c < 0, end, math.inf))

    @property
    def mean(self) -> Tensor:
        """The mean, NaN for ``concentration >= 1``."""
        valid = self.concentration < 1
        safe = _C.where(valid, self.concentration, 0.5)
        return _C.where(valid, self.loc + self.scale / (1 - safe), math.nan)

    mode: Tensor = alias("loc", "The threshold.")

    @property
    def variance(self) -> Tensor:
        """The variance, NaN for ``concentration >= 0.5``."""
        valid = self.concentration < 0.5
        safe = _C.where(valid, self.concentration, 0.25)
        finite = self.scale**2 / ((1 - safe) ** 2 * (1 - 2 * safe))
        return _C.where(valid, finite, math.nan)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws that the parameters can be differentiated through."""
        u = _C.rand(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.icdf(u)  # type: ignore[no-any-return]

    def _safe(self) -> tuple[Tensor, Tensor]:
        zero = _C.isclose(self.concentration, _C.zeros_like(self.concentration))
        return zero, _C.where(zero, 1.0, self.concentration)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        z = (value - self.loc) / self.scale
        zero, safe = self._safe()
        y = 1 / safe + _C.ones_like(z)
        finite = _C.where(y == 0, y, y * (safe * z).log1p())
        return -self.scale.log() - _C.where(zero, z, finite)

    def log_survival_function(self, value: Any) -> Any:
        """The logarithm of the probability of more than ``value``."""
        if self._validate_args:
            self._validate_sample(value)
        z = (value - self.loc) / self.scale
        zero, safe = self._safe()
        return _C.where(zero, -z, -(safe * z).log1p() / safe)

    def log_cdf(self, value: Any) -> Any:
        """The logarithm of the probability of at most ``value``."""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Any) -> Any:
        """The probability of at most ``value``."""
        return self.log_cdf(value).exp()

    def icdf(self, value: Any) -> Any:
        """The quantile."""
        zero, safe = self._safe()
        log = (-value).log1p()
        finite = self.loc + self.scale / safe * (-safe * log).expm1()
        return _C.where(zero, self.loc - self.scale * log, finite)

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return self.scale.log() + self.concentration + 1


class Weibull(TransformedDistribution):
    """Life times whose failure rate changes with the power ``concentration - 1`` of the age."""

    arg_constraints = {  # noqa: RUF012
        "scale": constraints.positive,
        "concentration": constraints.positive,
    }
    support = constraints.positive
    scale: Tensor
    concentration: Tensor

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        parts = [
            PowerTransform(self.concentration.reciprocal()),
            AffineTransform(0, self.scale),
        ]
        base = Exponential(_C.ones_like(self.scale), validate_args)
        super().__init__(base, parts, validate_args)

    @property
    def concentration_reciprocal(self) -> Tensor:
        """``1 / concentration``."""
        return self.concentration.reciprocal()

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self.scale * (1 + self.concentration_reciprocal).lgamma().exp()

    @property
    def mode(self) -> Tensor:
        """The most probable value."""
        k = self.concentration
        return self.scale * ((k - 1) / k) ** k.reciprocal()

    @property
    def variance(self) -> Tensor:
        """The variance."""
        r = self.concentration_reciprocal
        return self.scale.pow(2) * ((1 + 2 * r).lgamma().exp() - (2 * (1 + r).lgamma()).exp())

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        r = self.concentration_reciprocal
        return EULER * (1 - r) + (self.scale * r).log() + 1


class Kumaraswamy(TransformedDistribution):
    """Shares of ``concentration1`` and ``concentration0``, much like :class:`Beta`."""

    arg_constraints = {  # noqa: RUF012
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    support = constraints.unit_interval
    has_rsample = True
    concentration1: Tensor
    concentration0: Tensor

    def __init__(
        self, concentration1: Any, concentration0: Any, validate_args: bool | None = None
    ) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        zero = _C.zeros_like(self.concentration0)
        parts = [
            PowerTransform(self.concentration0.reciprocal()),
            AffineTransform(1.0, -1.0),
            PowerTransform(self.concentration1.reciprocal()),
        ]
        super().__init__(Uniform(zero, zero + 1, validate_args), parts, validate_args)

    def _moment(self, n: int) -> Tensor:
        a, b = 1 + n / self.concentration1, self.concentration0
        return b * (a.lgamma() + b.lgamma() - (a + b).lgamma()).exp()

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self._moment(1)

    @property
    def mode(self) -> Tensor:
        """The most probable value, NaN if a concentration is below 1."""
        a, b = self.concentration1, self.concentration0
        log = b.reciprocal() * (-b).log1p() - (-b * a).log1p()
        return _C.where((b < 1) | (a < 1), math.nan, log).exp()

    @property
    def variance(self) -> Tensor:
        """The variance."""
        return self._moment(2) - self.mean.pow(2)

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        a, b = self.concentration1, self.concentration0
        h = (b + 1).digamma() + EULER
        return (1 - b.reciprocal()) + (1 - a.reciprocal()) * h - a.log() - b.log()


class InverseGamma(TransformedDistribution):
    """``1 / x`` of gamma numbers."""

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}  # noqa: RUF012
    support = constraints.positive
    has_rsample = True

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        base = Gamma(concentration, rate, validate_args)
        power = PowerTransform(-_C.ones((), dtype=base.rate.dtype))
        super().__init__(base, power, validate_args)

    concentration: Tensor = alias("base_dist.concentration", "The shape.")
    rate: Tensor = alias(
        "base_dist.rate", "The rate of the gamma numbers, the scale of their inverses."
    )

    @property
    def mean(self) -> Tensor:
        """The mean, infinite for ``concentration <= 1``."""
        a = self.concentration
        return _C.where(a > 1, self.rate / (a - 1), math.inf)

    @property
    def mode(self) -> Tensor:
        """The most probable value."""
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Tensor:
        """The variance, infinite for ``concentration <= 2``."""
        a = self.concentration
        finite = self.rate.square() / ((a - 1).square() * (a - 2))
        return _C.where(a > 2, finite, math.inf)

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        a = self.concentration
        return a + self.rate.log() + a.lgamma() - (1 + a) * a.digamma()


class FisherSnedecor(Distribution):
    """The ratio of two chi-squared numbers, each by its degrees of freedom ``df1``, ``df2``."""

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}  # noqa: RUF012
    support = constraints.positive
    has_rsample = True
    df1: Tensor
    df2: Tensor

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = broadcast_all(df1, df2)
        self._gamma1 = Gamma(self.df1 * 0.5, self.df1)
        self._gamma2 = Gamma(self.df2 * 0.5, self.df2)
        super().__init__(self.df1.shape, (), validate_args)

    @property
    def mean(self) -> Tensor:
        """The mean, NaN for ``df2 <= 2``."""
        df2 = _C.where(self.df2 <= 2, math.nan, self.df2)
        return df2 / (df2 - 2)

    @property
    def mode(self) -> Tensor:
        """The most probable value, NaN for ``df1 <= 2``."""
        mode = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return _C.where(self.df1 <= 2, math.nan, mode)

    @property
    def variance(self) -> Tensor:
        """The variance, NaN for ``df2 <= 4``."""
        df2 = _C.where(self.df2 <= 4, math.nan, self.df2)
        return 2 * df2.pow(2) * (self.df1 + df2 - 2) / (self.df1 * (df2 - 2).pow(2) * (df2 - 4))

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws that the parameters can be differentiated through."""
        x1 = self._gamma1.rsample(sample_shape)
        x2 = self._gamma2.rsample(sample_shape)
        tiny = finfo(x2.dtype).tiny
        return (x1 / x2.clamp(min=tiny)).clamp(min=tiny)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        a, b, ratio = self.df1 * 0.5, self.df2 * 0.5, self.df1 / self.df2
        norm = (a + b).lgamma() - a.lgamma() - b.lgamma()
        rising = a * ratio.log() + (a - 1) * value.log()
        return norm + rising - (a + b) * (ratio * value).log1p()
