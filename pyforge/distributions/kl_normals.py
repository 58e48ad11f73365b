"""Divergences of distributions over vectors and matrices, and of exponential families."""

from __future__ import annotations

import pyforge as pf  # whose linalg is loaded on first use

from .. import _C
from .._C import Tensor
from .._functions import broadcast_shapes
from .distribution import ExponentialFamily, sum_rightmost
from .kl import register_kl
from .matrices import Wishart, mvdigamma
from .multivariate import (
    LowRankMultivariateNormal,
    MultivariateNormal,
    log_diagonal,
    mahalanobis,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _check(p: Any, q: Any) -> None:
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two (Low Rank) Multivariate Normals with different event "
            "shapes cannot be computed"
        )


def _square_sum(matrix: Tensor) -> Tensor:
    return matrix.pow(2).sum((-2, -1))


def _solve(lower: Tensor, matrix: Tensor) -> Tensor:
    batch = broadcast_shapes(lower.shape[:-2], matrix.shape[:-2])
    return pf.linalg.solve_triangular(
        lower.expand((*batch, -1, -1)), matrix.expand((*batch, -1, -1)), upper=False
    )


@register_kl(MultivariateNormal, MultivariateNormal)
def _normal_normal(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    _check(p, q)
    spread = _square_sum(_solve(q._lower, p._lower))
    distance = mahalanobis(q._lower, q.loc - p.loc)
    volume = log_diagonal(q._lower) - log_diagonal(p._lower)
    return volume + 0.5 * (spread + distance - p.event_shape[0])


def _lowrank(p: Any, q: LowRankMultivariateNormal, log_det: Tensor, parts: list[Tensor]) -> Tensor:
    """From a normal whose covariance is the sum of the squares of ``parts``."""
    _check(p, q)
    solved, root = q._solved(), q.cov_diag.rsqrt().unsqueeze(-1)
    spread: Any = 0
    for part in parts:
        spread = spread + _square_sum(root * part) - _square_sum(solved @ part)
    distance = q._mahalanobis(q.loc - p.loc)
    return 0.5 * (q._log_det() - log_det + spread + distance - p.event_shape[0])  # type: ignore[no-any-return]


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _lowrank_lowrank(p: LowRankMultivariateNormal, q: LowRankMultivariateNormal) -> Tensor:
    return _lowrank(p, q, p._log_det(), [p.cov_factor, _C.diag_embed(p.cov_diag.sqrt())])


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _normal_lowrank(p: MultivariateNormal, q: LowRankMultivariateNormal) -> Tensor:
    return _lowrank(p, q, 2 * log_diagonal(p._lower), [p._lower])


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _lowrank_normal(p: LowRankMultivariateNormal, q: MultivariateNormal) -> Tensor:
    _check(p, q)
    spread = _square_sum(_solve(q._lower, p.cov_factor))
    spread = spread + _square_sum(_solve(q._lower, _C.diag_embed(p.cov_diag.sqrt())))
    distance = mahalanobis(q._lower, q.loc - p.loc)
    volume = 2 * log_diagonal(q._lower) - p._log_det()
    return 0.5 * (volume + spread + distance - p.event_shape[0])


@register_kl(Wishart, Wishart)
def _wishart(p: Wishart, q: Wishart) -> Tensor:
    n, a, b = p.event_shape[-1], p.df, q.df
    spread = _square_sum(_solve(q._lower, p._lower))
    volume = log_diagonal(q._lower) - log_diagonal(p._lower)
    return (
        b * volume
        + a / 2 * (spread - n)
        + _C.mvlgamma(b / 2, n)
        - _C.mvlgamma(a / 2, n)
        + (a - b) / 2 * mvdigamma(a / 2, n)
    )


@register_kl(ExponentialFamily, ExponentialFamily)
def _family(p: ExponentialFamily, q: ExponentialFamily) -> Tensor:
    """The Bregman divergence of the logarithms of the normalisers."""
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot be computed "
            "using Bregman divergences"
        )
    from ..autograd import grad

    mine = [x.detach().requires_grad_() for x in p._natural_params]
    log_norm = p._log_normalizer(*mine)
    slopes = grad(log_norm.sum(), mine, create_graph=True)
    result: Tensor = q._log_normalizer(*q._natural_params) - log_norm
    for a, b, slope in zip(mine, q._natural_params, slopes, strict=True):
        term = (b - a) * slope
        result = result - sum_rightmost(term, term.dim() - log_norm.dim())
    return result
