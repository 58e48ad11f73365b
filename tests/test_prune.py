"""Pruning: masks, names, states, errors, as PyTorch has them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import pyforge as pf
from pyforge import nn
from pyforge.nn.utils import prune

try:
    import torch
    from torch.nn.utils import prune as torch_prune
except ImportError:
    torch = None  # type: ignore[assignment]

CALLS: dict[str, Any] = {
    "identity": lambda P, p, m: p.identity(m, "weight"),
    "random": lambda P, p, m: p.random_unstructured(m, "weight", amount=0.3),
    "l1": lambda P, p, m: p.l1_unstructured(m, "weight", amount=7),
    "l1 by scores": lambda P, p, m: p.l1_unstructured(
        m, "weight", 5, importance_scores=m.weight.detach().cos()
    ),
    "random slices": lambda P, p, m: p.random_structured(m, "weight", amount=2, dim=1),
    "slices": lambda P, p, m: p.ln_structured(m, "weight", amount=0.5, n=2, dim=0),
    "slices by -inf": lambda P, p, m: p.ln_structured(m, "weight", 1, float("-inf"), -1),
    "nothing": lambda P, p, m: p.ln_structured(m, "weight", amount=0, n=1, dim=0),
    "mask": lambda P, p, m: p.custom_from_mask(m, "bias", P.tensor([1, 0, 1, 0], dtype=P.bool)),
    "again": lambda P, p, m: [
        p.l1_unstructured(m, "weight", 0.2),
        p.random_structured(m, "weight", 1, dim=1),
        p.random_unstructured(m, "weight", 3),
        p.ln_structured(m, "weight", 1, 2, dim=0),
    ],
    "together": lambda P, p, m: p.global_unstructured(
        [(m, "weight"), (m, "bias")], p.L1Unstructured, amount=0.4
    ),
    "together again": lambda P, p, m: [
        p.random_unstructured(m, "bias", 1),
        p.global_unstructured(
            [(m, "weight"), (m, "bias")],
            p.L1Unstructured,
            importance_scores={(m, "bias"): P.full((4,), 9.0)},
            amount=6,
        ),
    ],
}


def result(P: Any, p: Any, name: str) -> dict[str, Any]:
    P.manual_seed(3)
    m = P.nn.Linear(6, 4)
    CALLS[name](P, p, m)
    m(P.linspace(-1, 1, 12).view(2, 6)).square().sum().backward()
    found: dict[str, Any] = {k: v.numpy() for k, v in m.state_dict().items()}
    found["keys"] = list(m.state_dict())
    found["hooks"] = [type(h).__name__ for h in m._forward_pre_hooks.values()]
    found.update({f"{n}.grad": q.grad.numpy() for n, q in m.named_parameters()})
    for name in ("weight", "bias"):
        if hasattr(m, f"{name}_orig"):
            p.remove(m, name)
    found.update({f"{n} removed": q.detach().numpy() for n, q in m.named_parameters()})
    found["pruned"] = p.is_pruned(m)
    return found


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name", CALLS)
def test_as_pytorch_does(name: str) -> None:
    ours, theirs = result(pf, prune, name), result(torch, torch_prune, name)
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(ours[key], value, 1e-6, 1e-6, err_msg=key)
        else:
            assert ours[key] == value


class NoDim(prune.BasePruningMethod):
    PRUNING_TYPE = "structured"

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        return default_mask


class Strange(NoDim):
    PRUNING_TYPE = "strange"


def again(method: Any) -> Any:
    return lambda m: [prune.identity(m, "weight"), method.apply(m, "weight")]


ERRORS: list[tuple[Any, type[Exception], str]] = [
    (lambda m: prune.l1_unstructured(m, "weight", "a"), TypeError, "Invalid type for amount: a"),
    (lambda m: prune.l1_unstructured(m, "weight", 1.1), ValueError, "range .0, 1. or a non-neg"),
    (lambda m: prune.random_unstructured(m, "weight", -1), ValueError, "amount=-1 should either"),
    (lambda m: prune.l1_unstructured(m, "weight", 25), ValueError, "amount=25 should be smaller"),
    (lambda m: prune.ln_structured(m, "bias", 1, 2, 0), ValueError, "multidimensional tensors"),
    (lambda m: prune.random_structured(m, "weight", 1, 2), IndexError, "Invalid index 2"),
    (lambda m: prune.random_structured(m, "weight", 7, 1), ValueError, "to prune=6"),
    (lambda m: prune.remove(m, "weight"), ValueError, "Parameter 'weight' of module Linear.*prun"),
    (
        lambda m: prune.l1_unstructured(m, "weight", 1, importance_scores=pf.ones(2)),
        AssertionError,
        "importance_scores should have the same shape as parameter weight",
    ),
    (
        lambda m: prune.L1Unstructured(1).prune(pf.ones(3), importance_scores=pf.ones(2)),
        AssertionError,
        "same shape as tensor t",
    ),
    (
        lambda m: prune.custom_from_mask(m, "weight", pf.ones(4)),
        AssertionError,
        "default_mask shape .* must match",
    ),
    (lambda m: prune.global_unstructured(3, prune.Identity), TypeError, "not an Iterable"),
    (
        lambda m: prune.global_unstructured([], prune.Identity, importance_scores=[1]),
        TypeError,
        "must be of type dict",
    ),
    (
        lambda m: prune.global_unstructured([(m, "weight")], prune.LnStructured, amount=1, n=2),
        TypeError,
        'Only "unstructured" PRUNING_TYPE',
    ),
    (lambda m: prune.PruningContainer(3), TypeError, "int.* is not a BasePruningMethod subclass"),
    (lambda m: prune.L1Unstructured(1).apply_mask(m), AssertionError, "has to be pruned"),
    (lambda m: prune.L1Unstructured(1).remove(m), AssertionError, "before pruning can be removed"),
    (again(NoDim), AttributeError, "need to have the attribute `dim`"),
    (again(Strange), ValueError, "Unrecognized PRUNING_TYPE strange"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS)
def test_errors_leave_the_module_as_it_was(call: Any, error: Any, text: str) -> None:
    m = nn.Linear(6, 4)
    with pytest.raises(error, match=text):
        call(m)
    assert m(pf.ones(2, 6)).shape == (2, 4)
    pruned = "weight_mask" in m._buffers
    assert pruned == prune.is_pruned(m) == ("weight" not in m._parameters)


def test_a_container_takes_methods_of_one_parameter() -> None:
    container = prune.PruningContainer()
    container._tensor_name = "weight"
    method = prune.L1Unstructured(1)
    method._tensor_name = "weight"
    container.add_pruning_method(method)
    assert len(container) == 1
    assert list(container) == [container[0]] == [method]
    with pytest.raises(ValueError, match=r"named 'weight' to PruningContainer.*Found 'None'"):
        container.add_pruning_method(prune.L1Unstructured(1))


def test_training_keeps_zeros() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    assert not prune.is_pruned(model)
    prune.l1_unstructured(model[0], "weight", 0.5)
    assert prune.is_pruned(model)
    optimizer = pf.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        model(pf.ones(2, 4)).sum().backward()
        optimizer.step()
    prune.remove(model[0], "weight")
    assert (model[0].weight == 0).sum() == 16
    assert isinstance(model[0].weight, nn.Parameter)


def test_states_and_copies() -> None:
    m = prune.l1_unstructured(nn.Linear(6, 4), "weight", 0.5)
    other = prune.identity(nn.Linear(6, 4), "weight")
    other.load_state_dict(m.state_dict())
    m.weight = m.weight.detach()  # tensors inside a graph can be neither copied nor pickled
    x = pf.ones(2, 6)
    for same in (other, copy.deepcopy(m), pickle.loads(pickle.dumps(m))):
        np.testing.assert_array_equal(same(x).detach(), m(x).detach())


def test_a_recurrent_layer_is_pruned() -> None:
    layer = nn.LSTM(3, 4)
    x = pf.ones(2, 1, 3)
    before = layer(x)[0]
    prune.random_unstructured(layer, "weight_ih_l0", 48)
    want = nn.LSTM(3, 4)
    want.load_state_dict(
        {k.removesuffix("_orig"): v for k, v in layer.state_dict().items() if "_mask" not in k}
    )
    with pf.no_grad():
        want.weight_ih_l0.zero_()
    np.testing.assert_allclose(layer(x)[0].detach(), want(x)[0].detach(), rtol=1e-6)
    assert not pf.equal(before, layer(x)[0])
