"""Continuous stand-ins for distributions over 0 and 1 and over classes."""

from __future__ import annotations

import math

from .. import _C
from .._C import Tensor
from ..nn.functional import binary_cross_entropy_with_logits
from . import constraints
from .composed import TransformedDistribution
from .continuous import Normal
from .discrete import Categorical, _OfCategorical, _Trials
from .distribution import (
    Distribution,
    ExponentialFamily,
    alias,
    broadcast_all,
    clamp_probs,
    real_params,
)
from .transforms import ExpTransform, SigmoidTransform, StickBreakingTransform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .distribution import Shape


class LogitRelaxedBernoulli(_Trials):
    """Log-odds of :class:`RelaxedBernoulli` (Maddison et al. 2017)."""

    support = constraints.real
    _event_dims = {"temperature": None}  # noqa: RUF012

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self._set(probs, logits)
        self.temperature = temperature
        Distribution.__init__(self, self._param.shape, (), validate_args)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws that the parameters can be differentiated through."""
        shape = self._extended_shape(sample_shape)
        probs = clamp_probs(self.probs.expand(shape))
        u = clamp_probs(_C.rand(shape, dtype=probs.dtype))
        noise = u.log() - (-u).log1p() + probs.log() - (-probs).log1p()
        return noise / self.temperature  # type: ignore[no-any-return]

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        difference = logits - value * self.temperature
        return self.temperature.log() + difference - 2 * difference.exp().log1p()


class RelaxedBernoulli(TransformedDistribution):
    """Numbers between 0 and 1 that gather at the ends as ``temperature`` falls."""

    arg_constraints = LogitRelaxedBernoulli.arg_constraints
    support = constraints.unit_interval
    has_rsample = True

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        base = LogitRelaxedBernoulli(temperature, probs, logits)
        super().__init__(base, SigmoidTransform(), validate_args)

    temperature: Any = alias("base_dist.temperature", "How far from 0 and 1 the draws are.")
    probs: Tensor = alias("base_dist.probs", "The probability of more than a half.")
    logits: Tensor = alias("base_dist.logits", "Its log-odds.")


class ExpRelaxedCategorical(_OfCategorical):
    """The logarithms of :class:`RelaxedOneHotCategorical` (Maddison et al. 2017)."""

    support = constraints.real_vector
    has_rsample = True
    _event_dims = {"temperature": None}  # noqa: RUF012

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self.temperature = temperature
        super().__init__(Categorical(probs, logits), validate_args)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws that the parameters can be differentiated through."""
        u = clamp_probs(_C.rand(self._extended_shape(sample_shape), dtype=self.logits.dtype))
        gumbels = -(-u.log()).log()
        scores: Tensor = (self.logits + gumbels) / self.temperature
        return scores - scores.logsumexp(-1, keepdim=True)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        n = self._event_shape[0]
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        scale = math.lgamma(n) + (n - 1) * self.temperature.log()
        score = logits - value * self.temperature
        return (score - score.logsumexp(-1, keepdim=True)).sum(-1) + scale


class RelaxedOneHotCategorical(TransformedDistribution):
    """Shares of classes that gather at single classes as ``temperature`` falls."""

    arg_constraints = Categorical.arg_constraints
    support = constraints.simplex
    has_rsample = True

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args)
        super().__init__(base, ExpTransform(), validate_args)

    temperature: Any = alias("base_dist.temperature", "How far from single classes the draws are.")
    probs: Tensor = alias("base_dist.probs", "The probabilities of the classes.")
    logits: Tensor = alias("base_dist.logits", "Their logarithms.")


class LogisticNormal(TransformedDistribution):
    """Shares of ``n + 1`` parts, by breaking a stick at ``n`` normal numbers."""

    arg_constraints = real_params
    support = constraints.simplex
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args)
        if not base.batch_shape:
            base = base.expand((1,))
        super().__init__(base, StickBreakingTransform(), validate_args)

    loc: Tensor = alias("base_dist.base_dist.loc", "The mean of the normal numbers.")
    scale: Tensor = alias("base_dist.base_dist.scale", "Their standard deviation.")


class ContinuousBernoulli(_Trials, ExponentialFamily):
    """Numbers from 0 to 1 of density proportional to ``p ** x * (1 - p) ** (1 - x)``.

    Where ``probs`` is between the ``lims`` the formulas are replaced by series around 0.5
    (Loaiza-Ganem and Cunningham 2019).
    """

    support = constraints.unit_interval
    has_rsample = True

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        self._set(probs, logits)
        if probs is not None:
            given = self.__dict__["probs"]
            if validate_args is not None and not bool(constraints.unit_interval.check(given).all()):
                raise ValueError("The parameter probs has invalid values")
            self.__dict__["probs"] = clamp_probs(given)
        self._lims = lims
        Distribution.__init__(self, self._param.shape, (), validate_args)

    def _probs_of(self, logits: Tensor) -> Tensor:
        return clamp_probs(super()._probs_of(logits))

    def _outside(self) -> Tensor:
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut(self) -> Tensor:
        return _C.where(self._outside(), self.probs, self._lims[0])

    def _log_norm(self) -> Tensor:
        """The logarithm of the constant that makes the density one."""
        p = self._cut()
        below, above = _C.where(p <= 0.5, p, 0.0), _C.where(p >= 0.5, p, 1.0)
        odds = ((-p).log1p() - p.log()).abs().log()
        width = _C.where(p <= 0.5, (-2.0 * below).log1p(), (2.0 * above - 1.0).log())
        x = (self.probs - 0.5).pow(2)
        series = math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x
        return _C.where(self._outside(), odds - width, series)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        p = self._cut()
        exact = p / (2.0 * p - 1.0) + 1.0 / ((-p).log1p() - p.log())
        x = self.probs - 0.5
        series = 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.pow(2)) * x
        return _C.where(self._outside(), exact, series)

    @property
    def variance(self) -> Tensor:
        """The variance."""
        p = self._cut()
        exact = p * (p - 1.0) / (1.0 - 2.0 * p).pow(2) + 1.0 / ((-p).log1p() - p.log()).pow(2)
        x = (self.probs - 0.5).pow(2)
        series = 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x
        return _C.where(self._outside(), exact, series)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws that the parameters can be differentiated through."""
        u = _C.rand(self._extended_shape(sample_shape), dtype=self.probs.dtype)
        return self.icdf(u)  # type: ignore[no-any-return]

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        cross = binary_cross_entropy_with_logits(logits, value, reduction="none")
        return self._log_norm() - cross

    def cdf(self, value: Any) -> Any:
        """The probability of at most ``value``."""
        if self._validate_args:
            self._validate_sample(value)
        p = self._cut()
        exact = (p.pow(value) * (1.0 - p).pow(1.0 - value) + p - 1.0) / (2.0 * p - 1.0)
        inside = _C.where(self._outside(), exact, value)
        return _C.where(value <= 0, 0.0, _C.where(value >= 1, 1.0, inside))

    def icdf(self, value: Any) -> Any:
        """The quantile."""
        p = self._cut()
        rest = (-p).log1p()
        exact = ((-p + value * (2.0 * p - 1.0)).log1p() - rest) / (p.log() - rest)
        return _C.where(self._outside(), exact, value)

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        no, yes = (-self.probs).log1p(), self.probs.log()
        return self.mean * (no - yes) - self._log_norm() - no
