"""Hooks, graph inspection, higher orders, graphs that change from call to call."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyforge as pf


def leaf(*values: float) -> Any:
    return pf.tensor(list(values), dtype=pf.float64, requires_grad=True)


def test_hooks_see_and_change_gradients() -> None:
    seen: list[list[float]] = []
    x = leaf(1.0, 2.0)
    y = x * 3
    handle = y.register_hook(lambda g: seen.append(g.tolist()))
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y * 2).sum().backward()
    assert seen == [[2.0, 2.0], [20.0, 20.0]]
    assert x.grad.tolist() == [60.0, 60.0]
    handle.remove()
    handle.remove()


def test_hook_on_a_leaf_runs_once_per_backward_on_the_sum() -> None:
    seen: list[float] = []
    x = leaf(2.0)
    handle = x.register_hook(lambda g: seen.append(g.item()))
    (x * 3 + x * 4).backward()
    assert seen == [7.0]
    handle.remove()
    (x * 3).backward()
    assert seen == [7.0]


def test_hook_errors() -> None:
    with pytest.raises(RuntimeError, match="require"):
        pf.ones(1).register_hook(lambda g: None)
    x = leaf(1.0)
    y = x * 2

    def bad(g: Any) -> Any:
        raise KeyError("mine")

    y.register_hook(bad)
    with pytest.raises(KeyError, match="mine"):
        y.backward()
    z = x * 2
    z.register_hook(lambda g: 3)
    with pytest.raises((RuntimeError, TypeError)):
        z.backward()
    (x * 2).backward()
    assert x.grad.item() == 2.0


def test_hook_runs_before_autograd_grad_returns() -> None:
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda g: g * 5)
    assert pf.autograd.grad(y, x)[0].item() == 10.0


def test_retain_grad() -> None:
    x = leaf(1.0)
    y = x * 2
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad
    (y * y).backward()
    assert y.grad.item() == 4.0
    x.retain_grad()
    with pytest.raises(RuntimeError, match=r"requires_grad=False|require"):
        pf.ones(1).retain_grad()


def test_retained_grad_of_a_tensor_that_died() -> None:
    x = leaf(1.0)
    y = x * 2
    y.retain_grad()
    z = y * 3
    del y
    z.backward()
    assert x.grad.item() == 6.0
    y = x * 2
    y.retain_grad()
    z = y * 3
    y.detach_()
    assert not y.retains_grad
    del y
    z.backward()
    assert x.grad.item() == 12.0


def test_hooks_that_remove_hooks() -> None:
    x = leaf(1.0)
    for target in ("tensor", "leaf", "node", "before"):
        y = x * 2
        handles: list[Any] = []
        seen: list[int] = []
        add = {
            "tensor": y.register_hook,
            "leaf": x.register_hook,
            "node": y.grad_fn.register_hook,
            "before": y.grad_fn.register_prehook,
        }[target]

        def remove_all(
            *grads: object, handles: list[Any] = handles, seen: list[int] = seen
        ) -> None:
            seen.append(len(seen))
            while handles:
                handles.pop().remove()

        for _ in range(3):
            handles.append(add(lambda *grads, f=remove_all: f(*grads)))
        y.backward()
        assert seen == [0]


def test_hooks_that_change_size_or_type() -> None:
    x = pf.ones(2, requires_grad=True)
    for wrong, phrase in ((lambda g: g[:1], "size"), (lambda g: g.double(), "type")):
        y = x * 2
        y.register_hook(wrong)
        with pytest.raises(RuntimeError, match=f"changed the {phrase}"):
            y.sum().backward()
        y = x.exp()
        y.grad_fn.register_prehook(lambda grads, wrong=wrong: (wrong(grads[0]),))
        with pytest.raises(RuntimeError, match="changed the size or type"):
            y.sum().backward()
    assert x.grad is None


def test_retain_grad_sees_what_hooks_made() -> None:
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda g: g * 3)
    y.retain_grad()
    y.backward()
    assert y.grad.item() == 3.0


def test_post_accumulate_grad_hook() -> None:
    x = leaf(1.0)
    if not hasattr(x, "register_post_accumulate_grad_hook"):
        pytest.skip("not offered")
    seen = []
    x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.item()))
    (x * 2).backward()
    assert seen == [2.0]


def test_node_names_and_next_functions() -> None:
    x, w, b = leaf(3.0), leaf(2.0), leaf(1.0)
    y = (pf.tanh(w * x + b) - 0.5) ** 2
    assert y.grad_fn.name() == "PowBackward0"
    names = []
    fn: Any = y.grad_fn
    while fn is not None:
        names.append(type(fn).__name__)
        fn = fn.next_functions[0][0] if fn.next_functions else None
    assert names == [
        "PowBackward0",
        "SubBackward0",
        "TanhBackward0",
        "AddBackward0",
        "MulBackward0",
        "AccumulateGrad",
    ]
    mul = (w * x).grad_fn
    assert [type(n).__name__ for n, _ in mul.next_functions] == ["AccumulateGrad"] * 2
    assert mul.next_functions[0][0].variable is w
    assert mul.next_functions[0][1] == 0
    assert x.grad_fn is None
    y.backward()
    assert w.grad.item() == pytest.approx(9.978295e-06, rel=1e-6)
    assert x.grad.item() == pytest.approx(6.652197e-06, rel=1e-6)
    assert b.grad.item() == pytest.approx(3.326098e-06, rel=1e-6)


NAMES: dict[str, Callable[[Any], Any]] = {
    "AddBackward0": lambda x: x + x,
    "SubBackward0": lambda x: x - x,
    "RsubBackward1": lambda x: 1 - x,
    "MulBackward0": lambda x: x * 2,
    "DivBackward0": lambda x: x / x,
    "NegBackward0": lambda x: -x,
    "PowBackward0": lambda x: x**2,
    "PowBackward1": lambda x: x**x,
    "AbsBackward0": lambda x: x.abs(),
    "ExpBackward0": lambda x: x.exp(),
    "LogBackward0": lambda x: x.log(),
    "SqrtBackward0": lambda x: x.sqrt(),
    "SigmoidBackward0": lambda x: x.sigmoid(),
    "ReluBackward0": lambda x: x.relu(),
    "SumBackward0": lambda x: x.sum(),
    "SumBackward1": lambda x: x.sum(0),
    "MeanBackward0": lambda x: x.mean(),
    "MeanBackward1": lambda x: x.mean(0),
    "MmBackward0": lambda x: x @ x,
    "MvBackward0": lambda x: x @ x[0],
    "DotBackward0": lambda x: x[0] @ x[1],
    "AddmmBackward0": lambda x: pf.addmm(x, x, x),
    "BmmBackward0": lambda x: pf.bmm(x[None], x[None]),
    "ViewBackward0": lambda x: x.view(-1),
    "TBackward0": lambda x: x.t(),
    "TransposeBackward0": lambda x: x.transpose(0, 1),
    "PermuteBackward0": lambda x: x.permute(1, 0),
    "UnsqueezeBackward0": lambda x: x.unsqueeze(0),
    "SqueezeBackward0": lambda x: x.squeeze(),
    "ExpandBackward0": lambda x: x.expand(3, 2, 2),
    "CatBackward0": lambda x: pf.cat([x, x]),
    "StackBackward0": lambda x: pf.stack([x, x]),
    "SelectBackward0": lambda x: x[0],
    "SliceBackward0": lambda x: x[:, :1],
    "IndexBackward0": lambda x: x[pf.tensor([0, 1])],
    "CloneBackward0": lambda x: x.clone(),
    "WhereBackward0": lambda x: pf.where(x > 0, x, x),
    "SoftmaxBackward0": lambda x: x.softmax(0),
    "LogSoftmaxBackward0": lambda x: x.log_softmax(0),
    "LogsumexpBackward0": lambda x: x.logsumexp(0),
    "MaxBackward0": lambda x: x.max(0)[0],
    "CumsumBackward0": lambda x: x.cumsum(0),
    "GatherBackward0": lambda x: x.gather(0, pf.tensor([[0, 1]])),
    "MseLossBackward0": lambda x: pf.nn.functional.mse_loss(x, x),
    "GeluBackward0": lambda x: pf.nn.functional.gelu(x),
}


@pytest.mark.parametrize("name", list(NAMES))
def test_node_name(name: str) -> None:
    x = pf.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert type(NAMES[name](x).grad_fn).__name__ == name


def test_grad_fn_identity_and_lifetime() -> None:
    x = leaf(1.0)
    y = x * 2
    assert y.grad_fn is y.grad_fn
    fn = y.grad_fn
    del y, x
    gc.collect()
    assert type(fn).__name__ == "MulBackward0"
    assert repr(fn).startswith("<MulBackward0")
    assert len(fn.next_functions) >= 1


def test_repr_shows_grad_fn() -> None:
    x = leaf(1.0)
    assert "requires_grad=True" in repr(x)
    assert "grad_fn=<MulBackward0>" in repr(x * 2)


def test_tensor_identity_and_attributes() -> None:
    x = leaf(1.0)
    x.label = "mine"
    y = x * 2
    assert y.grad_fn.next_functions[0][0].variable.label == "mine"
    assert {x: 1}[x] == 1


def test_repeated_derivatives() -> None:
    x = leaf(2.0)
    y = x**5
    expected = [80.0, 160.0, 240.0, 240.0, 120.0]
    for value in expected:
        (y,) = pf.autograd.grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(value)


def test_derivatives_of_tanh() -> None:
    x = leaf(0.3)
    y = x.tanh()
    values = []
    for _ in range(4):
        (y,) = pf.autograd.grad(y, x, create_graph=True)
        values.append(y.item())
    t = np.tanh(0.3)
    s = 1 - t * t
    want = [s, -2 * t * s, -2 * s * s + 4 * t * t * s, 16 * t * s * s - 8 * t**3 * s]
    assert values == pytest.approx(want)


def test_create_graph_through_backward() -> None:
    x = leaf(2.0)
    (x**3).backward(create_graph=True)
    assert x.grad.requires_grad
    x.grad.backward()
    assert x.grad.item() == pytest.approx(12.0 + 12.0)


def test_gradient_penalty() -> None:
    rng = np.random.default_rng(0)
    w = pf.from_numpy(rng.normal(size=(3, 4))).requires_grad_()
    x = pf.from_numpy(rng.normal(size=(5, 3))).requires_grad_()
    (g,) = pf.autograd.grad((x @ w).tanh().sum(), x, create_graph=True)
    (g.norm(dim=1) - 1).square().mean().backward()

    def penalty(a: np.ndarray) -> float:
        inner = (1 - np.tanh(x.detach().numpy() @ a) ** 2) @ a.T
        return float(((np.sqrt((inner**2).sum(1)) - 1) ** 2).mean())

    numeric = np.zeros((3, 4))
    for i in np.ndindex(3, 4):
        e = np.zeros((3, 4))
        e[i] = 1e-5
        a = w.detach().numpy()
        numeric[i] = (penalty(a + e) - penalty(a - e)) / 2e-5
    np.testing.assert_allclose(w.grad.numpy(), numeric, rtol=1e-6, atol=1e-9)


def test_hessian_vector_product() -> None:
    x = leaf(1.0, 2.0, 3.0)
    y = (x[0] * x[1] ** 2 + x[2].exp() * x[0]).sum()
    (g,) = pf.autograd.grad(y, x, create_graph=True)
    v = pf.tensor([1.0, -1.0, 0.5], dtype=pf.float64)
    (h,) = pf.autograd.grad(g, x, v)
    e = np.exp(3.0)
    full = np.array([[0, 4, e], [4, 2, 0], [e, 0, e]])
    np.testing.assert_allclose(h.numpy(), full @ v.numpy())


def test_without_create_graph_the_gradient_is_a_constant() -> None:
    x = leaf(2.0)
    (g,) = pf.autograd.grad(x**3, x)
    assert not g.requires_grad


def test_python_control_flow() -> None:
    def f(x: Any) -> Any:
        y = x
        for _ in range(int(x.item())):
            y = y * x if y.item() < 50 else y + x
        return y

    for start, want in [(2.0, 3 * 2.0**2), (3.0, 4 * 3.0**3)]:
        x = leaf(start)
        f(x).backward()
        assert x.grad.item() == pytest.approx(want)


def test_grad_mode_inside_backward_follows_create_graph() -> None:
    modes = []
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda g: modes.append(pf.is_grad_enabled()))
    y.backward(retain_graph=True)
    y.backward(create_graph=True)
    assert modes == [False, True]
    assert pf.is_grad_enabled()
    x.grad = None


def test_in_place_on_a_non_leaf() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    y.add_(x).mul_(3).relu_()
    assert type(y.grad_fn).__name__ == "ReluBackward0"
    y.sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]
    assert y._version == 3


def test_in_place_makes_a_constant_tracked() -> None:
    x, y = leaf(2.0), pf.ones(1, dtype=pf.float64)
    y.mul_(x)
    assert y.requires_grad
    y.backward()
    assert x.grad.item() == 1.0


def test_zero_grad_idioms() -> None:
    x = leaf(1.0)
    (x * 2).backward()
    x.grad.zero_()
    assert x.grad.item() == 0.0
    (x * 2).backward()
    assert x.grad.item() == 2.0
    x.grad.detach_()
