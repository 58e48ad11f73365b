"""autograd.functional and func: values against PyTorch, nesting, checks of arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyforge as pf
from pyforge import func
from pyforge.autograd import functional

X = np.random.default_rng(0).normal(size=(3, 2))
W = np.random.default_rng(1).normal(size=(2, 3))
V = np.random.default_rng(2).normal(size=(2,))


def tree(value: Any) -> Any:
    """Nested results as nested lists of arrays."""
    if isinstance(value, dict):
        return {k: tree(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [tree(v) for v in value]
    return value.detach().numpy() if hasattr(value, "detach") else value


def same(ours: Any, theirs: Any) -> None:
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        ours, theirs = list(ours.values()), list(theirs.values())
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for o, t in zip(ours, theirs, strict=True):
            same(o, t)
        return
    assert np.shape(ours) == np.shape(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def scalar(x: Any, w: Any) -> Any:
    return ((x @ w).tanh() ** 2).sum() + (w**3).sum()


def vector(x: Any) -> Any:
    return (x**2).sum(0) * x[0].exp()


def pair(x: Any, w: Any) -> Any:
    return (x @ w).sum(1).sin(), (w * 2).sum()


CASES: dict[str, Any] = {
    "functional.vjp": lambda L, x, w, v: L.autograd.functional.vjp(vector, x, v),
    "functional.vjp of two": lambda L, x, w, v: L.autograd.functional.vjp(scalar, (x, w)),
    "functional.jvp": lambda L, x, w, v: L.autograd.functional.jvp(vector, x, x.cos()),
    "functional.jvp of two": lambda L, x, w, v: L.autograd.functional.jvp(pair, (x, w), (x * 2, w + 1)),
    "functional.jacobian": lambda L, x, w, v: L.autograd.functional.jacobian(vector, x),
    "functional.jacobian of two": lambda L, x, w, v: L.autograd.functional.jacobian(pair, (x, w)),
    "functional.hessian": lambda L, x, w, v: L.autograd.functional.hessian(scalar, (x, w)),
    "functional.hessian of one": lambda L, x, w, v: L.autograd.functional.hessian(lambda x: (x**3).sum(), x),
    "functional.hvp": lambda L, x, w, v: L.autograd.functional.hvp(scalar, (x, w), (x.sin(), w * 2)),
    "functional.vhp": lambda L, x, w, v: L.autograd.functional.vhp(scalar, (x, w), (x.sin(), w * 2)),
    "functional of a linear function": lambda L, x, w, v: L.autograd.functional.hessian(lambda x: x.sum() * 3, x),
    "grad": lambda L, x, w, v: L.func.grad(scalar)(x, w),
    "grad of two": lambda L, x, w, v: L.func.grad(scalar, (1, 0))(x, w),
    "grad with aux": lambda L, x, w, v: L.func.grad(lambda x: ((x**3).sum(), x * 2), has_aux=True)(x),
    "grad of a dictionary": lambda L, x, w, v: L.func.grad(lambda p: scalar(p["x"], p["w"][0]))({"x": x, "w": [w]}),
    "grad_and_value": lambda L, x, w, v: L.func.grad_and_value(scalar)(x, w),
    "grad of grad": lambda L, x, w, v: L.func.grad(L.func.grad(lambda a: (a.sin() * a) ** 3))(x[0, 0]),
    "grad through a closure": lambda L, x, w, v: L.func.grad(lambda a: L.func.grad(lambda b: a**2 * b**3)(a))(x[0, 0]),
    "jvp": lambda L, x, w, v: L.func.jvp(vector, (x,), (x.cos(),)),
    "jvp of two": lambda L, x, w, v: L.func.jvp(pair, (x, w), (x.cos(), w)),
    "vjp": lambda L, x, w, v: L.func.vjp(vector, x)[1](v),
    "vjp of two": lambda L, x, w, v: L.func.vjp(pair, x, w)[1]((v[0] * x[:, 0], v[1])),
    "jacrev": lambda L, x, w, v: L.func.jacrev(pair, (0, 1))(x, w),
    "jacfwd": lambda L, x, w, v: L.func.jacfwd(pair, (0, 1))(x, w),
    "jacfwd of one": lambda L, x, w, v: L.func.jacfwd(vector)(x),
    "hessian": lambda L, x, w, v: L.func.hessian(scalar, (0, 1))(x, w),
    "jacrev of jacfwd": lambda L, x, w, v: L.func.jacrev(L.func.jacfwd(vector))(x),
    "vmap": lambda L, x, w, v: L.func.vmap(lambda a: a.sin().sum())(x),
    "vmap of two": lambda L, x, w, v: L.func.vmap(lambda a, b: a @ b, (0, None))(x, w),
    "vmap of other dimensions": lambda L, x, w, v: L.func.vmap(lambda a, b: (a * b, a.sum()), (1, 0), (1, 0))(x, w),
    "vmap of a dictionary": lambda L, x, w, v: L.func.vmap(lambda d: {"y": d["a"] * 2}, ({"a": 1},))({"a": x}),
    "vmap of grad": lambda L, x, w, v: L.func.vmap(L.func.grad(lambda a, w: (a @ w).sin().sum()), (0, None))(x, w),
    "grad of vmap": lambda L, x, w, v: L.func.grad(lambda w: L.func.vmap(lambda a: (a @ w).prod())(x).sum())(w),
    "vmap of vmap": lambda L, x, w, v: L.vmap(L.vmap(lambda a, b: a * b, (None, 0)), (0, None))(x[:, 0], w),
}  # fmt: skip


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", CASES)
def test_equals_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    results = []
    for lib in (torch, pf):
        x, w, v = (lib.from_numpy(a.copy()) for a in (X, W, V))
        results.append(CASES[name](lib, x, w, v))
    same(tree(results[1]), tree(results[0]))
    flat = results[1] if isinstance(results[1], (tuple, list)) else [results[1]]
    assert not any(getattr(t, "requires_grad", False) for t in flat)


def test_linearize_gives_directional_derivatives() -> None:
    x = pf.from_numpy(X.copy())
    value, push = func.linearize(vector, x)
    for direction in (x.cos(), x * 2):
        expected = func.jvp(vector, (x,), (direction,))
        same([value.numpy(), push(direction).numpy()], tree(expected))


def test_results_belong_to_the_callers_graph() -> None:
    w = pf.from_numpy(W.copy()).requires_grad_()
    x = pf.from_numpy(X.copy())
    for gradient in (
        lambda: func.grad(lambda x: scalar(x, w))(x),
        lambda: func.jacrev(lambda x: scalar(x, w))(x),
        lambda: func.jacfwd(lambda x: scalar(x, w))(x),
        lambda: functional.jacobian(lambda x: scalar(x, w), x.clone().requires_grad_(), True),
    ):
        w.grad = None
        gradient().square().sum().backward()
        (expected,) = pf.autograd.grad(
            pf.autograd.grad(scalar(y := x.clone().requires_grad_(), w), y, create_graph=True)[0]
            .square()
            .sum(),
            w,
        )
        np.testing.assert_allclose(w.grad.numpy(), expected.numpy(), rtol=1e-10)
    with pf.no_grad():
        assert not func.grad(lambda x: scalar(x, w))(x).requires_grad


def test_per_sample_gradients_of_a_module() -> None:
    pf.manual_seed(0)
    net = pf.nn.Sequential(pf.nn.Linear(4, 5), pf.nn.Tanh(), pf.nn.Linear(5, 1))
    params = {k: p.detach() for k, p in net.named_parameters()}
    x, y = pf.randn(3, 4), pf.randn(3, 1)

    def loss(params: Any, x: Any, y: Any) -> Any:
        return ((func.functional_call(net, params, (x,)) - y) ** 2).sum()

    each = func.vmap(func.grad(loss), (None, 0, 0))(params, x, y)
    ((net(x) - y) ** 2).sum().backward()
    for name, p in net.named_parameters():
        np.testing.assert_allclose(each[name].sum(0).numpy(), p.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_functional_call() -> None:
    net = pf.nn.BatchNorm1d(2)
    x = pf.randn(4, 2)
    own = dict(net.named_parameters())
    weight = pf.tensor([2.0, 3.0])
    y = func.functional_call(net, {"weight": weight}, x)
    np.testing.assert_allclose(
        y.detach().numpy(), 2 / 2 * (net(x) * weight).detach().numpy(), rtol=1e-5
    )
    assert all(own[k] is p for k, p in net.named_parameters())
    with pytest.raises(RuntimeError, match=r"Unexpected key\(s\): other.*Missing key\(s\): bias"):
        func.functional_call(net, {"weight": weight, "other": weight}, x, strict=True)
    with pytest.raises(AttributeError, match="no parameter or buffer `other`"):
        func.functional_call(net, {"other": weight}, x)
    with pytest.raises(ValueError, match="multiple dictionaries"):
        func.functional_call(net, [{"bias": weight}, {"bias": weight}], x)
    assert net.weight is own["weight"]

    tied = pf.nn.Sequential(pf.nn.Linear(2, 2, bias=False), pf.nn.Linear(2, 2, bias=False))
    tied[1].weight = tied[0].weight
    eye = pf.eye(2)
    np.testing.assert_array_equal(
        func.functional_call(tied, {"0.weight": eye * 2}, x).numpy(), 4 * x.numpy()
    )
    loose = func.functional_call(tied, {"0.weight": eye, "1.weight": eye * 3}, x, tie_weights=False)
    np.testing.assert_array_equal(loose.numpy(), 3 * x.numpy())
    with pytest.raises(ValueError, match="tied"):
        func.functional_call(tied, {"0.weight": eye, "1.weight": eye * 3}, x)


def test_ensembles() -> None:
    nets = [pf.nn.Linear(3, 2) for _ in range(4)]
    params, buffers = func.stack_module_state(nets)
    assert buffers == {}
    assert params["weight"].shape == (4, 2, 3)
    assert params["weight"].requires_grad
    x = pf.randn(5, 3)
    y = func.vmap(lambda p: func.functional_call(nets[0], p, (x,)))(params)
    np.testing.assert_allclose(y[2].detach().numpy(), nets[2](x).detach().numpy(), rtol=1e-6)


@pytest.mark.parametrize("mode", ["same", "different"])
def test_random_numbers_in_vmap(mode: str) -> None:
    pf.manual_seed(0)
    y = func.vmap(lambda x: x + pf.rand(3), randomness=mode)(pf.zeros(2, 3))
    assert bool((y[0] == y[1]).all()) == (mode == "same")


def test_batched_gradients() -> None:
    x = pf.from_numpy(X.copy()).requires_grad_()
    y = vector(x)
    (rows,) = pf.autograd.grad(y, x, pf.eye(2, dtype=pf.float64), is_grads_batched=True)
    same(rows.numpy(), functional.jacobian(vector, x).numpy())


def test_strict() -> None:
    x = pf.ones(2)
    f = functional
    for call, text in (
        (lambda: f.jacobian(lambda x: pf.ones(2), x, strict=True), "does not require gradients"),
        (lambda: f.vjp(lambda a, b: a.sum(), (x, x), strict=True), "independent of input 1"),
        (lambda: f.jvp(lambda a, b: a * 2, (x, x), (x, x), strict=True), "independent of input 1"),
    ):
        with pytest.raises(RuntimeError, match=text):
            call()
    same(tree(f.vjp(lambda a, b: a.sum(), (x, x))[1]), [np.ones(2), np.zeros(2)])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: functional.vjp(vector, 3.0), TypeError, "must be either a Tensor or a tuple"),
        (lambda x: functional.vjp(vector, x), RuntimeError, "v can only be None"),
        (lambda x: functional.vjp(vector, x, x), RuntimeError, "v has invalid size"),
        (lambda x: functional.hessian(vector, x), RuntimeError, "a single element"),
        (lambda x: functional.jacobian(vector, x, strategy="x"), AssertionError, "forward-mode"),
        (lambda x: func.grad(vector)(x), RuntimeError, "scalar tensor"),
        (lambda x: func.grad(vector, 3)(x), RuntimeError, "only 1 positional inputs"),
        (lambda x: func.grad(lambda x: x.sum(), has_aux=True)(x), RuntimeError, "has_aux"),
        (lambda x: func.grad(scalar)(1.0, x), RuntimeError, "to be Tensors"),
        (lambda x: func.jvp(vector, x, x), RuntimeError, "to be a tuple"),
        (lambda x: func.jvp(vector, (x,), (x[0],)), RuntimeError, "tangents of shape"),
        (lambda x: func.vjp(vector, x)[1](x), RuntimeError, "cotangents of shape"),
        (lambda x: func.vmap(vector, 5)(x), ValueError, "in_dim=5"),
        (lambda x: func.vmap(vector, (0, 0))(x), ValueError, "not compatible with the structure"),
        (lambda x: func.vmap(vector, None)(x), ValueError, "expected `in_dims`"),
        (lambda x: func.vmap(lambda a, b: a)(x, x[0]), ValueError, "same size in the mapped"),
        (lambda x: func.vmap(lambda a: 1.0)(x), ValueError, "must only return Tensors"),
        (lambda x: func.vmap(lambda a: a, out_dims=(0, 0))(x), ValueError, "out_dims"),
        (lambda x: func.vmap(pf.rand_like)(x), RuntimeError, "randomness error mode"),
        (lambda x: func.vmap(vector, randomness="x"), RuntimeError, "Only allowed values"),
        (lambda x: func.stack_module_state([]), RuntimeError, "at least one model"),
        (lambda x: pf.autograd.forward_ad.make_dual(x, x), NotImplementedError, "func.jvp"),
    ],
)  # fmt: skip
def test_wrong_use_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call(pf.from_numpy(X.copy()))
    assert text in str(caught.value)
