"""Checkpointing and hooks on saved tensors."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import pyforge as pf
from pyforge import nn
from pyforge.autograd.graph import disable_saved_tensors_hooks, save_on_cpu, saved_tensors_hooks
from pyforge.utils.checkpoint import CheckpointError, checkpoint, checkpoint_sequential


def network() -> nn.Module:
    pf.manual_seed(3)
    return nn.Sequential(
        nn.Linear(6, 8), nn.Tanh(), nn.Dropout(0.4), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 6)
    )


def gradients(run: Any) -> list[np.ndarray]:
    net = network()
    x = pf.randn(5, 6).requires_grad_()
    pf.manual_seed(7)
    run(net, x).square().sum().backward()
    after = pf.rand(3)
    grads = [x.grad, *(p.grad for p in net.parameters()), after]
    return [g.numpy() for g in grads]  # type: ignore[union-attr]


RUNS = {
    "reentrant": lambda net, x: checkpoint(net, x, use_reentrant=True),
    "plain": lambda net, x: checkpoint(net, x, use_reentrant=False),
    "keyword": lambda net, x: checkpoint(net, input=x, use_reentrant=False),
    "parts": lambda net, x: checkpoint_sequential(net, 3, x, use_reentrant=False),
    "reentrant parts": lambda net, x: checkpoint_sequential(net, 2, x, use_reentrant=True),
    "nested": lambda net, x: checkpoint(
        lambda x: net[3:](checkpoint(net[:3], x, use_reentrant=False)), x, use_reentrant=False
    ),
    "saved copies": lambda net, x: _under(save_on_cpu(), net, x),
    "saved as NumPy": lambda net, x: _under(saved_tensors_hooks(lambda t: t.numpy().copy(), pf.from_numpy), net, x),
}  # fmt: skip


def _under(hooks: Any, net: Any, x: Any) -> Any:
    with hooks:
        return net(x)


@pytest.mark.parametrize("run", RUNS)
def test_gradients_are_the_same_to_the_bit_under_dropout(run: str) -> None:
    for ours, plain in zip(gradients(RUNS[run]), gradients(lambda net, x: net(x)), strict=True):
        np.testing.assert_array_equal(ours, plain)


@pytest.mark.torch
@pytest.mark.parametrize("use_reentrant", [True, False])
def test_equals_torch(use_reentrant: bool) -> None:
    torch = pytest.importorskip("torch")
    grads = []
    for lib in (torch, pf):
        lib.manual_seed(0)
        net = lib.nn.Sequential(lib.nn.Linear(4, 5), lib.nn.Dropout(0.5), lib.nn.Linear(5, 2))
        x = lib.randn(3, 4).requires_grad_()
        import_ = torch.utils.checkpoint if lib is torch else pf.utils.checkpoint
        import_.checkpoint(net, x, use_reentrant=use_reentrant).sum().backward()
        grads.append([x.grad.numpy(), *(p.grad.numpy() for p in net.parameters())])
    for theirs, ours in zip(*grads, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def peak_of(run: Any) -> int:
    layers = nn.Sequential(
        *[
            nn.Sequential(nn.Linear(64, 64), nn.Sigmoid(), nn.GELU(), nn.Softplus())
            for _ in range(16)
        ]
    )
    x = pf.randn(512, 64).requires_grad_()
    gc.collect()
    pf.memory.reset_peak()
    before = pf.memory.live_bytes()
    run(layers, x).sum().backward()
    return pf.memory.peak_bytes() - before


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_memory_is_saved(use_reentrant: bool) -> None:
    plain = peak_of(lambda net, x: net(x))
    less = peak_of(lambda net, x: checkpoint_sequential(net, 4, x, use_reentrant=use_reentrant))
    assert less < 0.55 * plain


def test_second_derivatives_and_a_kept_graph() -> None:
    def third(x: Any, check: bool) -> list[float]:
        def f(x: Any) -> Any:
            return (x.sin() * x.exp()).sum()

        y = checkpoint(f, x, use_reentrant=False) if check else f(x)
        (g,) = pf.autograd.grad(y, x, create_graph=True)
        (h,) = pf.autograd.grad(g.sum(), x, create_graph=True)
        (again,) = pf.autograd.grad(y, x, retain_graph=True)
        return [*g.tolist(), *h.tolist(), *again.tolist()]

    x = pf.tensor([0.3, 1.2], dtype=pf.float64, requires_grad=True)
    assert third(x, True) == third(x, False)


def test_calls_are_counted_and_everything_is_freed() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(1)
        return (x * x).exp().sum()

    x = pf.ones(3, requires_grad=True)
    y = checkpoint(f, x, use_reentrant=False)
    watch = weakref.ref(y)
    assert len(calls) == 1
    y.backward()
    assert len(calls) == 2
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()
    gc.disable()
    try:
        del y
        assert watch() is None
    finally:
        gc.enable()


def test_functions_that_change_are_noticed() -> None:
    state = {"n": 0}

    def grows(x: Any) -> Any:
        state["n"] += 1
        for _ in range(state["n"]):
            x = x.sin()
        return x

    def reshapes(x: Any) -> Any:
        state["n"] += 1
        return x.repeat(state["n"]).sin().sum()

    for f, text in ((grows, "different number of tensors"), (reshapes, "different metadata")):
        state["n"] = 0
        y = checkpoint(f, pf.ones(2, requires_grad=True), use_reentrant=False).sum()
        with pytest.raises(CheckpointError, match=text):
            y.backward()


def test_settings_are_checked() -> None:
    x = pf.ones(2)
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad"):
        checkpoint(pf.sin, x, use_reentrant=True)
    with pytest.warns(UserWarning, match="should be passed explicitly"):
        checkpoint(pf.sin, x.requires_grad_())
    with pytest.raises(ValueError, match="Unexpected keyword arguments: other"):
        checkpoint(pf.sin, x, use_reentrant=True, other=1)
    with pytest.raises(ValueError, match="only supported when use_reentrant=False"):
        checkpoint(pf.sin, x, use_reentrant=True, debug=True)


# Hooks on saved tensors


def test_hooks_see_what_is_saved() -> None:
    packed: list[Any] = []
    x = pf.tensor([1.0, 2.0], requires_grad=True)
    y = pf.tensor([3.0, 4.0], requires_grad=True)

    def pack(t: Any) -> int:
        assert not t.requires_grad
        packed.append(t)
        return len(packed) - 1

    with saved_tensors_hooks(pack, lambda i: packed[i] * 10):
        z = x * y
        w = z.exp()
    (z.sum() + 0 * w.sum()).backward()
    np.testing.assert_array_equal(np.stack([p.numpy() for p in packed[:2]]), [[1, 2], [3, 4]])
    assert len(packed) == 3
    np.testing.assert_array_equal(x.grad.numpy(), [30, 40])
    np.testing.assert_array_equal(y.grad.numpy(), [10, 20])


def test_only_the_innermost_hooks_run() -> None:
    log: list[str] = []

    def hooks(name: str) -> Any:
        return saved_tensors_hooks(lambda t: (log.append(name), t)[1], lambda t: t)

    x = pf.ones(1, requires_grad=True)
    with hooks("outer"):
        x.sin()
        with hooks("inner"):
            x.sin()
        x.sin()
    x.sin()
    assert log == ["outer", "inner", "outer"]


def test_in_place_ops_keep_the_old_value() -> None:
    with saved_tensors_hooks(lambda t: t, lambda t: t):
        a = pf.tensor([2.0, 3.0], requires_grad=True)
        b = a * 1
        factor = pf.tensor([5.0, 7.0], requires_grad=True)
        b.mul_(factor)
    b.sum().backward()
    np.testing.assert_array_equal(a.grad.numpy(), [5, 7])
    np.testing.assert_array_equal(factor.grad.numpy(), [2, 3])


def test_errors_of_hooks() -> None:
    x = pf.ones(2, requires_grad=True)

    def fails(value: Any) -> Any:
        raise KeyError("no")

    with saved_tensors_hooks(fails, fails), pytest.raises(KeyError, match="no"):
        x.sin()
    with saved_tensors_hooks(lambda t: t, fails):
        y = x.sin().sum()
    with pytest.raises(KeyError, match="no"):
        y.backward()
    with saved_tensors_hooks(lambda t: t, lambda t: 3):  # type: ignore[arg-type,return-value]
        y = x.sin().sum()
    with pytest.raises(TypeError, match="expected to be a Tensor"):
        y.backward()
    with (
        saved_tensors_hooks(lambda t: t.mul_(2), lambda t: t),
        pytest.raises(RuntimeError, match="modifying its input in place"),
    ):
        x.sin()
    with (
        disable_saved_tensors_hooks("not here"),
        pytest.raises(RuntimeError, match="not here"),
        save_on_cpu(),
    ):
        pass
    x.sin().sum().backward()


def test_user_functions_save_through_hooks() -> None:
    class Cube(pf.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x**3
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            x, y = ctx.saved_tensors
            return grad * 3 * y / x

    x = pf.tensor([1.5, 2.0], dtype=pf.float64, requires_grad=True)

    def second(check: bool) -> list[float]:
        y = checkpoint(Cube.apply, x, use_reentrant=False) if check else Cube.apply(x)
        (g,) = pf.autograd.grad(y.sum(), x, create_graph=True)
        (h,) = pf.autograd.grad(g.sum(), x)
        return [*g.tolist(), *h.tolist()]

    np.testing.assert_allclose(second(True), [6.75, 12, 9, 12])
    assert second(True) == second(False)
