"""Less common distributions and transforms against PyTorch: draws, densities, moments, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from distribution_cases import LIBS, asked, params, torch

import pyforge as pf

CASES: dict[str, Any] = {
    "Cauchy": lambda D, p: D.Cauchy(p["loc"], p["scale"]),
    "HalfCauchy": lambda D, p: D.HalfCauchy(p["scale"]),
    "Pareto": lambda D, p: D.Pareto(p["scale"], p["a"]),
    "GeneralizedPareto": lambda D, p: D.GeneralizedPareto(p["loc"], p["scale"], p["tail"]),
    "GeneralizedPareto, exponential": lambda D, p: D.GeneralizedPareto(p["loc"], p["scale"], 0.0),
    "Weibull": lambda D, p: D.Weibull(p["scale"], p["a"]),
    "Kumaraswamy": lambda D, p: D.Kumaraswamy(p["a"], p["b"]),
    "InverseGamma": lambda D, p: D.InverseGamma(p["a"], p["rate"]),
    "FisherSnedecor": lambda D, p: D.FisherSnedecor(p["a"], p["b"]),
    "LogitRelaxedBernoulli": lambda D, p: D.relaxed_bernoulli.LogitRelaxedBernoulli(p["temperature"], p["probs"]),
    "RelaxedBernoulli": lambda D, p: D.RelaxedBernoulli(p["temperature"], p["probs"]),
    "RelaxedBernoulli of logits": lambda D, p: D.RelaxedBernoulli(p["temperature"], logits=p["logits"]),
    "RelaxedOneHotCategorical": lambda D, p: D.RelaxedOneHotCategorical(p["temperature"], p["probs"]),
    "RelaxedOneHotCategorical of logits": lambda D, p: D.RelaxedOneHotCategorical(p["temperature"], logits=p["logits"]),
    "LogisticNormal": lambda D, p: D.LogisticNormal(p["loc"], p["scale"]),
    "ContinuousBernoulli": lambda D, p: D.ContinuousBernoulli(p["probs"]),
    "ContinuousBernoulli of logits": lambda D, p: D.ContinuousBernoulli(logits=p["logits"]),
    "Multinomial": lambda D, p: D.Multinomial(7, p["probs"]),
    "Multinomial of logits": lambda D, p: D.Multinomial(7, logits=p["logits"]),
    "NegativeBinomial": lambda D, p: D.NegativeBinomial(5.5, p["probs"]),
    "NegativeBinomial of logits": lambda D, p: D.NegativeBinomial(p["a"], logits=p["logits"]),
    "VonMises": lambda D, p: D.VonMises(p["loc"], p["a"]),
    "MultivariateNormal": lambda D, p: D.MultivariateNormal(p["loc"], p["definite"]),
    "MultivariateNormal, precision": lambda D, p: D.MultivariateNormal(p["loc"], precision_matrix=p["definite"]),
    "MultivariateNormal, factor": lambda D, p: D.MultivariateNormal(p["loc"], scale_tril=p["lower"][0]),
    "LowRankMultivariateNormal": lambda D, p: D.LowRankMultivariateNormal(p["loc"], p["factor"], p["scale"]),
    "LowRankMultivariateNormal, one": lambda D, p: D.LowRankMultivariateNormal(p["loc"], p["factor"][0], p["scale"][0]),
    "Wishart": lambda D, p: D.Wishart(p["df"], p["definite"]),
    "Wishart, factor": lambda D, p: D.Wishart(5.0, scale_tril=p["lower"][0]),
    "LKJCholesky": lambda D, p: D.LKJCholesky(4, p["eta"]),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Singular sample detected")
@pytest.mark.parametrize("name", CASES)
def test_equals_torch(name: str) -> None:
    # PyTorch's GeneralizedPareto compares with a float32 zero.
    dtype = "float32" if name.startswith("Gen") else "float64"
    theirs, ours = (asked(lib, CASES[name], dtype) for lib in LIBS)
    for key, value in theirs.items():
        if not hasattr(value, "detach"):
            assert ours[key] == value, key
            continue
        rtol = 2e-4 if value.dtype == torch.float32 else 1e-7
        if key == "entropy" and name.startswith("Multinomial"):
            rtol = 1e-6  # PyTorch's factorial is in float32
        if key in ("pathwise gradient of a", "pathwise gradient of b"):
            rtol = 3e-3  # PyTorch's derivative of gamma numbers is good to three digits
        if key == "gradient of lower":  # PyTorch's goes above the diagonal, where nothing is read
            value, ours[key] = value.tril(), ours[key].tril()
        np.testing.assert_allclose(
            ours[key].detach().numpy(), value.detach().numpy(), rtol, atol=1e-6 * rtol, err_msg=key
        )


@pytest.mark.parametrize("name", ["Pareto", "MultivariateNormal", "VonMises", "Cauchy"])
def test_float32_draws_equal_torch(name: str) -> None:
    draws = []
    for lib in LIBS:
        lib.manual_seed(5)
        draws.append(CASES[name](lib.distributions, params(lib, "float32")).sample((100,)).numpy())
    np.testing.assert_allclose(draws[1], draws[0], rtol=1e-5, atol=1e-6)


KINDS: dict[str, Any] = {
    "Bernoulli": lambda D, p: D.Bernoulli(p["probs"]),
    "Beta": lambda D, p: D.Beta(p["a"], p["b"]),
    "Binomial": lambda D, p: D.Binomial(7, p["probs"]),
    "Categorical": lambda D, p: D.Categorical(p["probs"]),
    "ContinuousBernoulli": CASES["ContinuousBernoulli"],
    "Dirichlet": lambda D, p: D.Dirichlet(p["a"]),
    "Exponential": lambda D, p: D.Exponential(p["rate"]),
    "Gamma": lambda D, p: D.Gamma(p["a"], p["rate"]),
    "Gumbel": lambda D, p: D.Gumbel(p["loc"], p["scale"]),
    "Geometric": lambda D, p: D.Geometric(p["probs"]),
    "HalfNormal": lambda D, p: D.HalfNormal(p["scale"]),
    "Laplace": lambda D, p: D.Laplace(p["loc"], p["scale"]),
    "LowRankMultivariateNormal": CASES["LowRankMultivariateNormal"],
    "MultivariateNormal": CASES["MultivariateNormal"],
    "Normal": lambda D, p: D.Normal(p["loc"], p["scale"]),
    "OneHotCategorical": lambda D, p: D.OneHotCategorical(p["probs"]),
    "Pareto": CASES["Pareto"],
    "Poisson": lambda D, p: D.Poisson(p["rate"]),
    "Uniform": lambda D, p: D.Uniform(p["low"], p["low"] + p["scale"]),
    "Independent": lambda D, p: D.Independent(D.Normal(p["loc"], p["scale"]), 1),
    "Cauchy": CASES["Cauchy"],
    "TransformedDistribution": lambda D, p: D.LogNormal(p["loc"], p["scale"]),
    # One matrix: PyTorch sums over a batch.
    "ExponentialFamily": lambda D, p: D.Wishart(p["df"][0], p["definite"][0]),
}


def test_all_divergences_of_torch() -> None:
    pairs = list(torch.distributions.kl._KL_REGISTRY)
    assert len(pairs) > 80
    for left, right in pairs:
        results = []
        for lib in LIBS:
            p = params(lib)
            q = {**p, "loc": p["loc"] * 0.5, "scale": p["scale"] + 1, "rate": p["rate"] * 2,
                 "probs": p["probs"] ** 2, "a": p["b"], "b": p["a"], "factor": p["factor"] + 1,
                 "definite": p["definite"] * 2, "df": p["df"] + 1, "low": p["low"] - 0.5}  # fmt: skip
            D = lib.distributions
            kl = D.kl_divergence(KINDS[left.__name__](D, p), KINDS[right.__name__](D, q))
            results.append(kl.detach().numpy())
        np.testing.assert_allclose(
            results[1], results[0], rtol=1e-8, atol=1e-10, err_msg=f"{left} {right}"
        )


def test_families_by_their_normalisers() -> None:
    """What a class of one's own gets from its natural parameters."""

    class Exponential(pf.distributions.ExponentialFamily):
        _mean_carrier_measure = 0.0

        def __init__(self, rate: Any) -> None:
            self.rate = rate
            super().__init__(rate.shape, validate_args=False)

        @property
        def _natural_params(self) -> Any:
            return (-self.rate,)

        def _log_normalizer(self, x: Any) -> Any:
            return -(-x).log()

    known, rates = pf.distributions.Exponential, pf.tensor([0.5, 3.0], dtype=pf.float64)
    ours, other = Exponential(rates), Exponential(rates + 1)
    np.testing.assert_allclose(ours.entropy().detach().numpy(), known(rates).entropy().numpy())
    np.testing.assert_allclose(
        pf.distributions.kl_divergence(ours, other).detach().numpy(),
        pf.distributions.kl_divergence(known(rates), known(rates + 1)).numpy(),
    )


TRANSFORMS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "ReshapeTransform": (lambda D: D.ReshapeTransform((2, 3), (3, 2)), (4, 2, 3)),
    "CorrCholeskyTransform": (lambda D: D.CorrCholeskyTransform(), (4, 6)),
    "LowerCholeskyTransform": (lambda D: D.LowerCholeskyTransform(), (4, 3, 3)),
    "PositiveDefiniteTransform": (lambda D: D.PositiveDefiniteTransform(), (4, 3, 3)),
    "CatTransform": (
        lambda D: D.CatTransform([D.ExpTransform(), D.TanhTransform()], 1, [2, 1]),
        (4, 3),
    ),
    "CatTransform of events": (
        lambda D: D.CatTransform([D.AffineTransform(1.0, 2.0, 1), D.ExpTransform()], -1, [2, 1]),
        (4, 3),
    ),
    "StackTransform": (
        lambda D: D.StackTransform([D.ExpTransform(), D.TanhTransform()], 0),
        (2, 3),
    ),
    "CumulativeDistributionTransform": (
        lambda D: D.CumulativeDistributionTransform(D.Normal(0.0, 2.0)),
        (4,),
    ),
    "IndependentTransform": (lambda D: D.IndependentTransform(D.ExpTransform(), 1), (4, 3)),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_equal_torch(name: str) -> None:
    make, shape = TRANSFORMS[name]
    results = []
    for lib in LIBS:
        x = lib.from_numpy(np.random.default_rng(1).normal(size=shape)).requires_grad_()
        transform = make(lib.distributions)
        y = transform(x)
        found = {"y": y}
        if "Lower" not in name and "Definite" not in name:
            found["jacobian"] = transform.log_abs_det_jacobian(x, y)
        if "Definite" not in name and "Lower" not in name:
            found["back"] = transform.inv(y)
        y.square().sum().backward()
        found["gradient"] = x.grad
        shapes = [tuple(transform.forward_shape(shape)), tuple(transform.inverse_shape(y.shape))]
        shapes.append((transform.domain.event_dim, transform.codomain.event_dim))
        shapes.append(
            (transform.bijective, bool(transform == make(lib.distributions)), "Res" in name)
        )
        shapes.append("events" in name or bool(transform.codomain.check(y).all()))
        results.append((found, shapes))
    (theirs, their_shapes), (ours, our_shapes) = results
    assert our_shapes[:3] == their_shapes[:3]
    assert our_shapes[4] == their_shapes[4]
    for key, value in theirs.items():
        np.testing.assert_allclose(ours[key].detach().numpy(), value.detach().numpy(), 1e-9, 1e-12)


def constraints_of(D: Any) -> list[Any]:
    c = D.constraints
    return [
        c.real, c.positive, c.nonnegative, c.greater_than(2.0), c.greater_than_eq(2.0), c.less_than(1.0),
        c.interval(0, 1), c.interval(-1.0, 3.0), c.half_open_interval(-1.0, 3.0), c.unit_interval, c.simplex,
        c.corr_cholesky, c.lower_cholesky, c.positive_definite, c.real_vector, c.independent(c.positive, 1),
        c.cat([c.real, c.positive], 0, [2, 1]), c.stack([c.real, c.positive], 0), c.boolean, c.square, c.symmetric,
        c.lower_triangular, c.positive_semidefinite, c.one_hot, c.positive_integer, c.integer_interval(0, 3),
        c.multinomial(3), c.MixtureSameFamilyConstraint(c.positive), c.dependent,
    ]  # fmt: skip


def test_constraints_and_their_transforms_equal_torch() -> None:
    x = np.random.default_rng(2).normal(size=(3, 3))
    results = []
    for lib in LIBS:
        rows = []
        for constraint in constraints_of(lib.distributions):
            row: list[Any] = [
                repr(constraint),
                lib.distributions.constraints.is_dependent(constraint),
            ]
            with_dims = not row[1]
            row += [constraint.event_dim, constraint.is_discrete] if with_dims else []
            for value in (x, x @ x.T, np.linalg.cholesky(x @ x.T), np.eye(3), np.ones((2, 2))):
                if (
                    with_dims
                    and "Mixture" not in row[0]
                    and ("Cat" in row[0]) + ("Stack" in row[0]) == 0
                ):
                    row.append(constraint.check(lib.from_numpy(value.copy())).numpy().tolist())
            for registry in (lib.distributions.biject_to, lib.distributions.transform_to):
                try:
                    transform = registry(constraint)
                except NotImplementedError as error:
                    row.append(str(error))
                    continue
                rows_in = 2 if "Stack" in row[0] else 3
                y = transform(lib.from_numpy(x[:rows_in].copy()))
                row += [repr(transform), y.numpy().round(10).tolist()]
            rows.append(row)
        results.append(rows)
    for theirs, ours in zip(*results, strict=True):
        assert ours == theirs, theirs[0]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda D: D.MultivariateNormal(pf.zeros(2)), ValueError, "Exactly one of"),
        (lambda D: D.MultivariateNormal(pf.tensor(0.0), pf.eye(2)), ValueError, "one-dimensional"),
        (lambda D: D.MultivariateNormal(pf.zeros(2), -pf.eye(2)), ValueError, "covariance_matrix"),
        (lambda D: D.MultivariateNormal(pf.zeros(2), scale_tril=pf.ones(2)), ValueError, "scale_tril"),
        (lambda D: D.LowRankMultivariateNormal(pf.zeros(2), pf.ones(3, 1), pf.ones(2)), ValueError, "2 x m"),
        (lambda D: D.Wishart(1.0, pf.eye(3)), ValueError, "greater than ndim - 1"),
        (lambda D: D.Wishart(5.0), AssertionError, "Exactly one of"),
        (lambda D: D.LKJCholesky(1), ValueError, "greater than or equal to 2"),
        (lambda D: D.Multinomial(pf.tensor([1, 2]), pf.ones(2)), NotImplementedError, "inhomogeneous"),
        (lambda D: D.NegativeBinomial(2.0), ValueError, "but not both"),
        (lambda D: D.Pareto(1.0, -1.0), ValueError, "Expected parameter"),
        (lambda D: D.Pareto(1.0, 1.0).log_prob(pf.tensor(0.5)), ValueError, "within the support"),
        (lambda D: D.ReshapeTransform((2,), (3,)), ValueError, "different numbers of elements"),
        (lambda D: D.CorrCholeskyTransform().forward_shape((4,)), ValueError, "lower-diagonal number"),
        (lambda D: D.biject_to.register(3, 4), TypeError, "Constraint subclass"),
    ],
)  # fmt: skip
def test_wrong_use_is_refused(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make(pf.distributions)


def test_modules_have_their_old_names() -> None:
    from pyforge.distributions.multivariate_normal import MultivariateNormal
    from pyforge.distributions.normal import Normal

    assert MultivariateNormal is pf.distributions.MultivariateNormal
    assert Normal is pf.distributions.Normal
