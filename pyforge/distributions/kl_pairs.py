"""Divergences of pairs of distributions over numbers, mostly of different kinds.

Formulas follow from the moments of the first distribution in the log-density of the second.
"""

from __future__ import annotations

import math

from .. import _C
from .._C import Tensor
from .composed import EULER, Gumbel
from .continuous import _LOG_2PI, Exponential, Laplace, Normal, Uniform
from .discrete import Bernoulli, Binomial, Poisson
from .gammas import Beta, Gamma
from .heavy_tails import Cauchy, Pareto
from .kl import register_kl
from .relaxed import ContinuousBernoulli

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _infinite_where(condition: Tensor, x: Tensor) -> Tensor:
    return _C.where(condition, math.inf, x)


def _outside(p: Any, q: Any) -> Tensor:
    """Infinite: the first distribution has values that the second has not."""
    return _C.full_like(_C.broadcast_tensors([p.mean, q.mean])[0], math.inf)


for _p, _qs in (
    (Beta, (Pareto,)),
    (ContinuousBernoulli, (Pareto,)),
    (Exponential, (Beta, ContinuousBernoulli, Pareto, Uniform)),
    (Gamma, (Beta, ContinuousBernoulli, Pareto, Uniform)),
    (Gumbel, (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Laplace, (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Normal, (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Pareto, (Beta, ContinuousBernoulli, Uniform)),
    (Poisson, (Bernoulli, Binomial)),
):
    for _q in _qs:
        register_kl(_p, _q)(_outside)


def _gamma_norm(q: Gamma) -> Tensor:
    return q.concentration.lgamma() - q.concentration * q.rate.log()


def _from_normal_log_density(mean: Tensor, square: Tensor, q: Normal) -> Tensor:
    """Minus the mean of the log-density of ``q``, from the first two moments."""
    spread = (square - 2 * q.loc * mean + q.loc.pow(2)) / (2 * q.scale.pow(2))
    return 0.5 * _LOG_2PI + q.scale.log() + spread


def _second_moment(p: Any) -> Tensor:
    return p.variance + p.mean.pow(2)  # type: ignore[no-any-return]


@register_kl(Beta, Normal)
@register_kl(ContinuousBernoulli, Normal)
@register_kl(Gamma, Normal)
@register_kl(Gumbel, Normal)
def _to_normal(p: Any, q: Normal) -> Tensor:
    return _from_normal_log_density(p.mean, _second_moment(p), q) - p.entropy()  # type: ignore[no-any-return]


@register_kl(Pareto, Normal)
def _pareto_normal(p: Pareto, q: Normal) -> Tensor:
    safe = _C.where(p.alpha <= 2, 3.0, p.alpha)
    mean = safe * p.scale / (safe - 1)
    square = safe * p.scale.pow(2) / (safe - 2)
    return _infinite_where(p.alpha <= 2, _from_normal_log_density(mean, square, q) - p.entropy())


@register_kl(Beta, Exponential)
@register_kl(ContinuousBernoulli, Exponential)
@register_kl(Gamma, Exponential)
def _to_exponential(p: Any, q: Exponential) -> Tensor:
    return q.rate * p.mean - q.rate.log() - p.entropy()  # type: ignore[no-any-return]


@register_kl(Pareto, Exponential)
def _pareto_exponential(p: Pareto, q: Exponential) -> Tensor:
    safe = _C.where(p.alpha <= 1, 2.0, p.alpha)
    mean = safe * p.scale / (safe - 1)
    return _infinite_where(p.alpha <= 1, q.rate * mean - q.rate.log() - p.entropy())


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Uniform, q: Exponential) -> Tensor:
    return _infinite_where(p.low < 0, q.rate * p.mean - q.rate.log() - p.entropy())


def _to_gamma(mean: Tensor, mean_log: Tensor, q: Gamma) -> Tensor:
    return _gamma_norm(q) - (q.concentration - 1) * mean_log + q.rate * mean


@register_kl(Beta, Gamma)
def _beta_gamma(p: Beta, q: Gamma) -> Tensor:
    a, b = p.concentration1, p.concentration0
    return _to_gamma(p.mean, a.digamma() - (a + b).digamma(), q) - p.entropy()


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Exponential, q: Gamma) -> Tensor:
    return _to_gamma(p.mean, -EULER - p.rate.log(), q) - p.entropy()


@register_kl(Pareto, Gamma)
def _pareto_gamma(p: Pareto, q: Gamma) -> Tensor:
    safe = _C.where(p.alpha <= 1, 2.0, p.alpha)
    mean, mean_log = safe * p.scale / (safe - 1), p.scale.log() + p.alpha.reciprocal()
    return _infinite_where(p.alpha <= 1, _to_gamma(mean, mean_log, q) - p.entropy())


def _x_log_x(x: Tensor) -> Tensor:
    return _C.xlogy(x, x)


def _mean_log(p: Uniform) -> Tensor:
    width = p.high - p.low
    return (_x_log_x(p.high) - _x_log_x(p.low) - width) / width


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Uniform, q: Gamma) -> Tensor:
    return _infinite_where(p.low < 0, _to_gamma(p.mean, _mean_log(p), q) - p.entropy())


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Uniform, q: Pareto) -> Tensor:
    density = (q.alpha + 1) * _mean_log(p) - (q.alpha * q.scale.pow(q.alpha)).log()
    return _infinite_where(p.low < q.scale, density - p.entropy())


@register_kl(Uniform, Beta)
def _uniform_beta(p: Uniform, q: Beta) -> Tensor:
    a, b = q.concentration1, q.concentration0
    norm = a.lgamma() + b.lgamma() - (a + b).lgamma()
    mirrored = Uniform(1 - p.high, 1 - p.low, False)
    cross = norm - (a - 1) * _mean_log(p) - (b - 1) * _mean_log(mirrored)
    return _infinite_where((p.high > 1) | (p.low < 0), cross - p.entropy())


@register_kl(Beta, Uniform)
def _beta_uniform(p: Beta, q: Uniform) -> Tensor:
    return _infinite_where((q.low > 0) | (q.high < 1), (q.high - q.low).log() - p.entropy())


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_uniform(p: ContinuousBernoulli, q: Uniform) -> Tensor:
    return _infinite_where((q.low >= 0) | (q.high <= 1), (q.high - q.low).log() - p.entropy())


@register_kl(Beta, ContinuousBernoulli)
@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _to_continuous(p: Any, q: ContinuousBernoulli) -> Tensor:
    return -p.mean * q.logits - (-q.probs).log1p() - q._log_norm() - p.entropy()  # type: ignore[no-any-return]


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous(p: Uniform, q: ContinuousBernoulli) -> Tensor:
    return _infinite_where((p.high >= 1) | (p.low <= 0), _to_continuous(p, q))


def _to_gumbel(mean: Tensor, mean_exp: Tensor, q: Gumbel) -> Tensor:
    """``mean_exp``: the mean of ``exp(-x / scale)``."""
    return q.scale.log() + (mean - q.loc) / q.scale + (q.loc / q.scale).exp() * mean_exp


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Exponential, q: Gumbel) -> Tensor:
    product = p.rate * q.scale
    return _to_gumbel(p.mean, product / (product + 1), q) - p.entropy()


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Gamma, q: Gumbel) -> Tensor:
    mean_exp = (1 + (p.rate * q.scale).reciprocal()).pow(-p.concentration)
    return _to_gumbel(p.mean, mean_exp, q) - p.entropy()


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Normal, q: Gumbel) -> Tensor:
    mean_exp = (-p.loc / q.scale + 0.5 * (p.scale / q.scale).pow(2)).exp()
    return _to_gumbel(p.loc, mean_exp, q) - p.entropy()


@register_kl(Gumbel, Gumbel)
def _gumbel_gumbel(p: Gumbel, q: Gumbel) -> Tensor:
    ratio = p.scale / q.scale
    mean_exp = ((1 + ratio).lgamma() - p.loc / q.scale).exp()
    return _to_gumbel(p.mean, mean_exp, q) - p.entropy()


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Uniform, q: Gumbel) -> Tensor:
    ends = (-p.low / q.scale).exp() - (-p.high / q.scale).exp()
    return _to_gumbel(p.mean, ends * q.scale / (p.high - p.low), q) - p.entropy()


@register_kl(Normal, Laplace)
def _normal_laplace(p: Normal, q: Laplace) -> Tensor:
    difference = p.loc - q.loc
    ratio = difference / p.scale
    distance = math.sqrt(2 / math.pi) * p.scale * (-0.5 * ratio.pow(2)).exp()
    distance = distance + difference * (math.sqrt(0.5) * ratio).erf()
    return (2 * q.scale).log() + distance / q.scale - p.entropy()


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return q.rate - p.probs * q.rate.log() - p.entropy()


@register_kl(Pareto, Pareto)
def _pareto(p: Pareto, q: Pareto) -> Tensor:
    ratio = q.alpha / p.alpha
    result = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return _infinite_where(p.scale < q.scale, result)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Cauchy, q: Cauchy) -> Tensor:
    """Chyzak and Nielsen 2019."""
    distance = (p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)
    return distance.log() - (4 * p.scale * q.scale).log()
