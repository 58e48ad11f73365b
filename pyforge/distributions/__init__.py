"""Probability distributions: draws in PyTorch's streams, densities, entropies, divergences."""

from __future__ import annotations

from . import constraints, transforms
from .composed import (
    Gumbel,
    HalfNormal,
    Independent,
    LogNormal,
    MixtureSameFamily,
    TransformedDistribution,
)
from .constraint_registry import biject_to, transform_to
from .continuous import Exponential, Laplace, Normal, Uniform
from .counts import Multinomial, NegativeBinomial, VonMises
from .discrete import (
    Bernoulli,
    Binomial,
    Categorical,
    Geometric,
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
    Poisson,
)
from .distribution import Distribution, ExponentialFamily
from .gammas import Beta, Chi2, Dirichlet, Gamma, StudentT
from .heavy_tails import (
    Cauchy,
    FisherSnedecor,
    GeneralizedPareto,
    HalfCauchy,
    InverseGamma,
    Kumaraswamy,
    Pareto,
    Weibull,
)
from .kl import kl_divergence, register_kl
from .matrices import LKJCholesky, Wishart
from .multivariate import LowRankMultivariateNormal, MultivariateNormal
from .relaxed import ContinuousBernoulli, LogisticNormal, RelaxedBernoulli, RelaxedOneHotCategorical
from .structured_transforms import (
    CatTransform,
    CorrCholeskyTransform,
    CumulativeDistributionTransform,
    LowerCholeskyTransform,
    PositiveDefiniteTransform,
    ReshapeTransform,
    StackTransform,
)
from .transforms import (
    AbsTransform,
    AffineTransform,
    ComposeTransform,
    ExpTransform,
    IndependentTransform,
    PowerTransform,
    SigmoidTransform,
    SoftmaxTransform,
    SoftplusTransform,
    StickBreakingTransform,
    TanhTransform,
    Transform,
    identity_transform,
)

from . import kl_normals, kl_pairs  # isort: skip  # noqa: F401  they register their rules


def _old_names() -> None:
    """The modules under the names that PyTorch has for them, one for each distribution."""
    import sys

    places = (
        "continuous: exponential laplace normal uniform",
        "composed: gumbel half_normal independent log_normal mixture_same_family"
        " transformed_distribution",
        "counts: multinomial negative_binomial von_mises",
        "discrete: bernoulli binomial categorical geometric one_hot_categorical poisson",
        "distribution: exp_family utils",
        "gammas: beta chi2 dirichlet gamma studentT",
        "heavy_tails: cauchy fishersnedecor generalized_pareto half_cauchy inverse_gamma"
        " kumaraswamy pareto weibull",
        "matrices: lkj_cholesky wishart",
        "multivariate: lowrank_multivariate_normal multivariate_normal",
        "relaxed: continuous_bernoulli logistic_normal relaxed_bernoulli relaxed_categorical",
    )
    for place in places:
        source, _, names = place.partition(": ")
        module = sys.modules[f"{__name__}.{source}"]
        for name in names.split():
            sys.modules[f"{__name__}.{name}"] = globals()[name] = module


_old_names()

__all__ = [
    "AbsTransform",
    "AffineTransform",
    "Bernoulli",
    "Beta",
    "Binomial",
    "CatTransform",
    "Categorical",
    "Cauchy",
    "Chi2",
    "ComposeTransform",
    "ContinuousBernoulli",
    "CorrCholeskyTransform",
    "CumulativeDistributionTransform",
    "Dirichlet",
    "Distribution",
    "ExpTransform",
    "Exponential",
    "ExponentialFamily",
    "FisherSnedecor",
    "Gamma",
    "GeneralizedPareto",
    "Geometric",
    "Gumbel",
    "HalfCauchy",
    "HalfNormal",
    "Independent",
    "IndependentTransform",
    "InverseGamma",
    "Kumaraswamy",
    "LKJCholesky",
    "Laplace",
    "LogNormal",
    "LogisticNormal",
    "LowRankMultivariateNormal",
    "LowerCholeskyTransform",
    "MixtureSameFamily",
    "Multinomial",
    "MultivariateNormal",
    "NegativeBinomial",
    "Normal",
    "OneHotCategorical",
    "OneHotCategoricalStraightThrough",
    "Pareto",
    "Poisson",
    "PositiveDefiniteTransform",
    "PowerTransform",
    "RelaxedBernoulli",
    "RelaxedOneHotCategorical",
    "ReshapeTransform",
    "SigmoidTransform",
    "SoftmaxTransform",
    "SoftplusTransform",
    "StackTransform",
    "StickBreakingTransform",
    "StudentT",
    "TanhTransform",
    "Transform",
    "TransformedDistribution",
    "Uniform",
    "VonMises",
    "Weibull",
    "Wishart",
    "biject_to",
    "constraints",
    "identity_transform",
    "kl_divergence",
    "register_kl",
    "transform_to",
    "transforms",
]
