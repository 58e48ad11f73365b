"""Modules behind the functions of the op table: names, defaults, initial weights, results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import assert_close, quiet, torch

import pyforge as pf

LABELS = np.array([1, 0, 3])
SIGNS = np.array([1.0, -1.0, 1.0])
LENGTHS = np.array([5, 5, 5]), np.array([2, 1, 2])


def f(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


MODULES: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[Any, ...]]] = [
    ("KLDivLoss", (), {"reduction": "batchmean", "log_target": True}, (f(3, 4), f(3, 4, seed=1))),
    ("HuberLoss", ("sum", 0.7), {}, (f(3, 4), f(3, 4, seed=1))),
    ("PoissonNLLLoss", (), {"full": True}, (f(3, 4), abs(f(3, 4, seed=1)))),
    ("GaussianNLLLoss", (), {"full": True}, (f(3, 4), f(3, 4, seed=1), abs(f(3, 4, seed=2)))),
    ("HingeEmbeddingLoss", (0.5,), {}, (f(3), SIGNS)),
    ("SoftMarginLoss", (), {"reduction": "none"}, (f(3), SIGNS)),
    ("MultiLabelMarginLoss", (), {}, (f(3, 3), np.array([[0, 2, -1], [1, -1, 0], [-1, 0, 1]]))),
    ("MultiLabelSoftMarginLoss", (), {}, (f(3, 4), (f(3, 4, seed=1) > 0).astype(float))),
    ("MultiMarginLoss", (2, 0.8), {}, (f(3, 4), LABELS)),
    ("CosineEmbeddingLoss", (0.1,), {}, (f(3, 4), f(3, 4, seed=1), SIGNS)),
    ("MarginRankingLoss", (0.1,), {}, (f(3), f(3, seed=1), SIGNS)),
    ("TripletMarginLoss", (0.9, 1.0), {"swap": True}, (f(3, 4), f(3, 4, seed=1), f(3, 4, seed=2))),
    ("TripletMarginWithDistanceLoss", (), {}, (f(3, 4), f(3, 4, seed=1), f(3, 4, seed=2))),
    ("CTCLoss", (3, "mean", True), {}, (f(5, 3, 4), np.array([[1, 2], [0, 1], [2, 2]]), *LENGTHS)),
    ("CosineSimilarity", (), {"dim": 0}, (f(3, 4), f(3, 4, seed=1))),
    ("PairwiseDistance", (1.0,), {"keepdim": True}, (f(3, 4), f(3, 4, seed=1))),
    ("Bilinear", (2, 3, 4), {}, (f(5, 2), f(5, 3))),
    ("Bilinear", (2, 3, 1), {"bias": False}, (f(5, 2), f(5, 3))),
    ("EmbeddingBag", (5, 3), {"mode": "max"}, (np.array([[1, 2], [4, 4]]),)),
    ("EmbeddingBag", (5, 3), {"padding_idx": -1}, (np.array([1, 4, 2]), np.array([0, 2]))),
    ("EmbeddingBag", (5, 3, 0.5), {"mode": "sum"}, (np.array([[1, 2], [4, 4]]),)),
    ("GLU", (), {"dim": 0}, (f(4, 3),)),
    ("Softmin", (1,), {}, (f(4, 3),)),
    ("Softmax2d", (), {}, (f(2, 3, 2, 2),)),
    ("Hardshrink", (0.3,), {}, (f(9),)),
    ("Softshrink", (), {}, (f(9),)),
    ("RReLU", (), {"lower": 0.2, "inplace": True}, (f(9),)),
    ("Hardtanh", (-0.5, 0.4), {}, (f(9),)),
    ("ReLU6", (True,), {}, (f(9),)),
    ("CELU", (0.8,), {}, (f(9),)),
    ("SELU", (), {"inplace": True}, (f(9),)),
    ("Mish", (), {}, (f(9),)),
    ("Hardsigmoid", (), {}, (f(9),)),
    ("Hardswish", (), {}, (f(9),)),
    ("Softsign", (), {}, (f(9),)),
    ("Tanhshrink", (), {}, (f(9),)),
    ("Threshold", (0.1, 2.0), {}, (f(9),)),
    ("PReLU", (3,), {}, (f(2, 3, 2),)),
    ("Dropout1d", (0.3,), {}, (f(2, 5, 3),)),
    ("Dropout2d", (), {}, (f(2, 5, 3, 2),)),
    ("Dropout3d", (), {"inplace": True}, (f(2, 5, 3, 2, 2),)),
    ("AlphaDropout", (0.2,), {}, (f(20),)),
    ("FeatureAlphaDropout", (), {}, (f(2, 5, 3),)),
    ("ChannelShuffle", (2,), {}, (f(1, 4, 3),)),
    ("Unflatten", (1, (2, -1)), {}, (f(2, 6),)),
]


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "args", "kwargs", "inputs"),
    MODULES,
    ids=[f"{m[0]}-{i}" for i, m in enumerate(MODULES)],
)
def test_module(name: str, args: Any, kwargs: Any, inputs: Any) -> None:
    results = []
    for P in (torch, pf):
        P.manual_seed(2)
        module = getattr(P.nn, name)(*args, **kwargs).double()
        values = [P.tensor(v.copy()) for v in inputs]
        if name == "CTCLoss":
            values[0] = values[0].log_softmax(-1)
        results.append((module, quiet(module, *values), values[0]))
    (theirs, want, written), (ours, got, over) = results
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert_close(got, want, 4)
    assert_close(over, written, 4)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


@pytest.mark.torch
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_ctc_extremes(reduction: str) -> None:
    """Targets too long to be aligned, empty ones, certain and impossible labels."""
    logits = np.array([[0.0, 2000.0, -1000.0], [0.0, -2000.0, 3.0]] * 2)[:, None].repeat(4, 1)
    targets = np.array([[1, 1, 2], [1, 2, 1], [2, 0, 0], [1, 1, 1]])
    lengths = np.array([4, 4, 3, 4]), np.array([2, 3, 0, 3])
    results = []
    for P in (torch, pf):
        x = P.tensor(logits.copy()).requires_grad_()
        args = (P.tensor(targets), *map(P.tensor, lengths), 0, reduction, True)
        y = P.nn.functional.ctc_loss(x.log_softmax(-1), *args)
        results.append((y, P.autograd.grad(y.sum(), x)[0]))
    for got, want in zip(results[1], results[0], strict=True):
        assert np.isfinite(got.detach().numpy()).all()
        assert_close(got, want, 4)


def test_ctc_bad_labels_and_second_derivative() -> None:
    x = pf.randn(4, 1, 3, requires_grad=True)
    F = pf.nn.functional
    with pytest.raises(IndexError, match="Target 3 is out of bounds"):
        F.ctc_loss(x, pf.tensor([[3]]), [4], [1])
    loss = F.ctc_loss(x.log_softmax(-1), pf.tensor([[1]]), [4], [1])
    (g,) = pf.autograd.grad(loss, x, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiated once"):
        g.sum().backward()
    single = F.ctc_loss(x[:, 0], pf.tensor([1]), pf.tensor(4), pf.tensor(1), reduction="none")
    assert_close(single, F.ctc_loss(x, pf.tensor([[1]]), [4], [1]))


@pytest.mark.torch
def test_hard_gumbel_and_rates() -> None:
    """Straight through: values one-hot, the gradient that of the soft sample."""
    results = []
    for P in (torch, pf):
        P.manual_seed(4)
        x = P.tensor(f(4, 5)).requires_grad_()
        y = P.nn.functional.gumbel_softmax(x, tau=0.5, hard=True)
        noise = P.empty(1000, dtype=P.float64).exponential_(2.0)
        results.append((y, P.autograd.grad((y * P.tensor(f(4, 5, seed=1))).sum(), x)[0], noise))
    for got, want in zip(results[1], results[0], strict=True):
        assert_close(got, want)


@pytest.mark.parametrize("name", ["relu_", "elu_", "celu_", "selu_", "leaky_relu_", "hardtanh_"])
def test_written_over(name: str) -> None:
    F = pf.nn.functional
    x = pf.randn(7)
    want = getattr(F, name[:-1])(x.clone())
    assert getattr(F, name)(x) is x
    assert x.equal(want)
