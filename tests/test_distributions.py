"""Distributions against PyTorch: draws, densities, moments, entropies, divergences, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from distribution_cases import LIBS, asked, params, torch

import pyforge as pf

CASES: dict[str, Any] = {
    "Normal": lambda D, p: D.Normal(p["loc"], p["scale"]),
    "Normal of numbers": lambda D, p: D.Normal(0.0, 2.0),
    "Laplace": lambda D, p: D.Laplace(p["loc"], p["scale"]),
    "Uniform": lambda D, p: D.Uniform(p["loc"], p["loc"] + p["scale"]),
    "Exponential": lambda D, p: D.Exponential(p["rate"]),
    "Bernoulli": lambda D, p: D.Bernoulli(p["probs"]),
    "Bernoulli of logits": lambda D, p: D.Bernoulli(logits=p["logits"]),
    "Geometric": lambda D, p: D.Geometric(p["probs"]),
    "Categorical": lambda D, p: D.Categorical(p["probs"]),
    "Categorical of logits": lambda D, p: D.Categorical(logits=p["logits"]),
    "OneHotCategorical": lambda D, p: D.OneHotCategorical(p["probs"]),
    "LogNormal": lambda D, p: D.LogNormal(p["loc"], p["scale"]),
    "HalfNormal": lambda D, p: D.HalfNormal(p["scale"]),
    "Gumbel": lambda D, p: D.Gumbel(p["loc"], p["scale"]),
    "Independent": lambda D, p: D.Independent(D.Normal(p["loc"], p["scale"]), 1),
    "mixture": lambda D, p: D.MixtureSameFamily(D.Categorical(p["probs"]), D.Normal(p["loc"], p["scale"])),
    "tanh of a normal": lambda D, p: D.TransformedDistribution(D.Normal(p["loc"], p["scale"]), [D.TanhTransform(cache_size=1)]),
    "sigmoid of affine": lambda D, p: D.TransformedDistribution(
        D.Normal(p["loc"], 1.0), [D.AffineTransform(p["loc"], p["scale"]), D.SigmoidTransform()]
    ),
    "sticks": lambda D, p: D.TransformedDistribution(D.Normal(p["loc"], p["scale"]), D.StickBreakingTransform()),
    "power": lambda D, p: D.TransformedDistribution(D.Exponential(p["rate"]), D.PowerTransform(2.0)),
    "softplus": lambda D, p: D.TransformedDistribution(D.Laplace(p["loc"], p["scale"]), D.SoftplusTransform()),
    "Gamma": lambda D, p: D.Gamma(p["a"], p["rate"]),
    "Chi2": lambda D, p: D.Chi2(p["a"]),
    "Beta": lambda D, p: D.Beta(p["a"], p["b"]),
    "Dirichlet": lambda D, p: D.Dirichlet(p["a"]),
    "StudentT": lambda D, p: D.StudentT(p["a"], p["loc"], p["scale"]),
    "Poisson": lambda D, p: D.Poisson(p["rate"]),
    "Binomial": lambda D, p: D.Binomial(7, p["probs"]),
    "Binomial of logits": lambda D, p: D.Binomial(40, logits=p["logits"]),
}  # fmt: skip


def close(ours: Any, theirs: Any, what: str) -> None:
    # PyTorch's derivative of gamma numbers by their shape is good to about three digits.
    rtol = 3e-3 if what == "pathwise gradient of a" else 1e-7
    np.testing.assert_allclose(
        ours.detach().numpy(), theirs.detach().numpy(), rtol=rtol, atol=1e-9, err_msg=what
    )


@pytest.mark.parametrize("name", CASES)
def test_equals_torch(name: str) -> None:
    theirs, ours = (asked(lib, CASES[name]) for lib in LIBS)
    for key, value in theirs.items():
        if hasattr(value, "detach"):
            close(ours[key], value, key)
        else:
            assert ours[key] == value, key


def test_divergences_over_other_values_equal_torch() -> None:
    for left, right in (("Uniform", "Uniform"), ("Normal", "Uniform")):
        results = []
        for lib in LIBS:
            p = params(lib)
            q = {**p, "loc": p["loc"] * 0.5, "scale": p["scale"] + 1}
            D = lib.distributions
            results.append(D.kl_divergence(CASES[left](D, p), CASES[right](D, q)))
        close(results[1], results[0], f"{left} and {right}")
        assert results[1].isinf().any()
    D = pf.distributions
    with pytest.raises(NotImplementedError, match="cross KL"):
        D.kl_divergence(D.Normal(0.0, 1.0), D.Bernoulli(0.5))


def test_beta_draws_have_the_right_gradient() -> None:
    """The mean of the pathwise gradient is the gradient of the mean."""
    pf.manual_seed(0)
    a = pf.tensor(2.0, dtype=pf.float64, requires_grad=True)
    b = pf.tensor(3.0, dtype=pf.float64, requires_grad=True)
    pf.distributions.Beta(a, b).rsample((20000,)).mean().backward()
    assert a.grad is not None
    assert b.grad is not None
    assert a.grad.item() == pytest.approx(3 / 25, rel=0.03)
    assert b.grad.item() == pytest.approx(-2 / 25, rel=0.03)


def test_gamma_gradient_over_the_whole_range() -> None:
    shapes = torch.logspace(-2, 4, 60, dtype=torch.float64)
    for seed in range(3):
        torch.manual_seed(seed)
        pf.manual_seed(seed)
        x = torch._standard_gamma(shapes)
        a = pf.from_numpy(shapes.numpy().copy()).requires_grad_()
        drawn = pf._C._standard_gamma(a)
        np.testing.assert_allclose(drawn.detach().numpy(), x.numpy(), rtol=1e-12)
        drawn.sum().backward()
        np.testing.assert_allclose(
            a.grad.numpy(), torch._standard_gamma_grad(shapes, x).numpy(), rtol=3e-3
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_counts_are_those_of_torch(dtype: str) -> None:
    rng = np.random.default_rng(0)
    rate = rng.uniform(0, 60, 2000).astype(dtype)
    n, p = rng.integers(0, 90, 2000).astype(dtype), rng.uniform(0, 1, 2000).astype(dtype)
    drawn = []
    for lib in LIBS:
        lib.manual_seed(3)
        t = [lib.from_numpy(v.copy()) for v in (rate, n, p)]
        drawn.append(
            [lib.poisson(t[0]).numpy(), lib.binomial(t[1], t[2]).numpy(), lib.rand(2).numpy()]
        )
    for theirs, ours in zip(*drawn, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(RuntimeError, match="rate to be non-negative"):
        pf.poisson(pf.tensor([-1.0]))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda D: D.Normal(0.0, -1.0), "Expected parameter scale"),
        (lambda D: D.Bernoulli(1.5), "Expected parameter probs"),
        (lambda D: D.Uniform(1.0, 0.0), "Expected parameter low"),
        (lambda D: D.Bernoulli(0.5, logits=0.0), "must be specified, but not both"),
        (lambda D: D.Bernoulli(0.5).log_prob(pf.tensor(2.0)), "within the support"),
        (lambda D: D.Exponential(1.0).log_prob(pf.tensor(-2.0)), "within the support"),
        (lambda D: D.HalfNormal(1.0).cdf(pf.tensor(-2.0)), "within the support"),
        (lambda D: D.Normal(0.0, 1.0).log_prob(2.0), "must be a Tensor"),
        (lambda D: D.Normal(pf.zeros(3), 1.0).log_prob(pf.zeros(2)), "not broadcastable"),
        (lambda D: D.Independent(D.Normal(0.0, 1.0), 1), "reinterpreted_batch_ndims"),
        (lambda D: D.Categorical(pf.tensor(1.0)), "at least one-dimensional"),
        (lambda D: D.Normal("a", 1.0), "must all be instances of Number"),
    ],
)
def test_wrong_use_is_refused(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make(pf.distributions)
    pf.distributions.Normal(0.0, -1.0, validate_args=False)
    with pytest.raises(NotImplementedError, match="no rsample"):
        pf.distributions.Bernoulli(0.5).rsample()


def test_a_policy_gradient() -> None:
    """The usual way to use them: a score function estimate."""
    pf.manual_seed(0)
    logits = pf.zeros(3, requires_grad=True)
    optimizer = pf.optim.Adam([logits], lr=0.1)
    for _ in range(60):
        policy = pf.distributions.Categorical(logits=logits)
        action = policy.sample((16,))
        reward = (action == 1).float()
        loss = -(policy.log_prob(action) * (reward - reward.mean())).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert policy.probs[1].item() > 0.9
