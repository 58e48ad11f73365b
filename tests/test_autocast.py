"""autocast and GradScaler behave as PyTorch's do on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import array, dtype_name, torch

import pyforge as pf

CALLS = {
    "matmul": lambda P, x: x @ x,
    "mm": lambda P, x: P.mm(x, x),
    "method": lambda P, x: x.matmul(x),
    "bmm": lambda P, x: P.bmm(x[None], x[None]),
    "addmm": lambda P, x: P.addmm(x[0], x, x),
    "linear": lambda P, x: P.nn.functional.linear(x, x, bias=x[0]),
    "mv": lambda P, x: P.mv(x, x[0]),
    "matmul vector": lambda P, x: P.matmul(x, x[0]),
    "add": lambda P, x: x + 1,
    "relu": lambda P, x: x.relu(),
    "softmax": lambda P, x: x.softmax(-1),
    "softmax of product": lambda P, x: (x @ x).softmax(-1),
    "layer_norm": lambda P, x: P.nn.functional.layer_norm(x @ x, (4,), x[0], x[1]),
    "cross_entropy": lambda P, x: P.nn.functional.cross_entropy(x @ x, P.tensor([0, 1, 2, 3])),
    "mse_loss": lambda P, x: P.nn.functional.mse_loss(x @ x, x),
    "bce": lambda P, x: P.nn.functional.binary_cross_entropy_with_logits(x @ x, x),
    "prod": lambda P, x: (x @ x).prod(),
    "sum": lambda P, x: (x @ x).sum(),
    "cat": lambda P, x: P.cat([x, x @ x]),
    "cat halves": lambda P, x: P.cat([x @ x, x @ x]),
    "stack": lambda P, x: P.stack([x, x @ x]),
    "double": lambda P, x: x.double() @ x.double(),
    "integers": lambda P, x: P.arange(4).reshape(2, 2) @ P.arange(4).reshape(2, 2),
}


@pytest.mark.torch
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("half", [None, "float16"])
def test_op_lists(name: str, half: str | None) -> None:
    values = np.random.default_rng(1).normal(size=(4, 4)).astype(np.float32)

    def run(P: Any) -> Any:
        x = P.from_numpy(values)
        with P.autocast("cpu", dtype=half and getattr(P, half)):
            return CALLS[name](P, x)

    got, want = run(pf), run(torch)
    assert dtype_name(got.dtype) == dtype_name(want.dtype)
    rtol = 2e-2 if half is None else 2e-3
    np.testing.assert_allclose(array(got), array(want), rtol=rtol, atol=rtol)


def test_state() -> None:
    assert not pf.is_autocast_enabled("cpu")
    assert pf.get_autocast_dtype("cpu") == pf.bfloat16
    x = pf.ones(2, 2)
    with pf.autocast("cpu", dtype=pf.float16):
        assert pf.is_autocast_enabled("cpu")
        assert not pf.is_autocast_enabled()  # of CUDA
        assert (x @ x).dtype == pf.float16
        with pf.autocast("cpu", enabled=False):
            assert not pf.is_autocast_enabled("cpu")
            assert (x @ x).dtype == pf.float32
        with pf.amp.autocast("cpu"):
            assert (x @ x).dtype == pf.float16
        with pf.amp.autocast("cpu", dtype=pf.bfloat16):
            assert (x @ x).dtype == pf.bfloat16
        assert pf.get_autocast_dtype("cpu") == pf.float16
    assert pf.get_autocast_dtype("cpu") == pf.bfloat16
    with pytest.raises(KeyError), pf.autocast("cpu"):
        raise KeyError
    assert not pf.is_autocast_enabled("cpu")
    assert (x @ x).dtype == pf.float32


def test_decorator_and_older_spelling() -> None:
    @pf.autocast("cpu")
    def product(x: pf.Tensor, again: bool = True) -> pf.Tensor:
        return product(x, False) if again else x @ x

    x = pf.ones(2, 2)
    assert product(x).dtype == pf.bfloat16
    assert (x @ x).dtype == pf.float32
    with pytest.warns(FutureWarning, match="deprecated"):
        old = pf.cpu.amp.autocast(dtype=pf.float16)
    with old:
        assert (x @ x).dtype == pf.float16


def test_refusals() -> None:
    with pytest.warns(UserWarning, match="target dtype is not supported"):
        context = pf.autocast("cpu", dtype=pf.float64)
    with context:
        assert not pf.is_autocast_enabled("cpu")
    with pytest.warns(UserWarning, match="CUDA is not available"):
        pf.autocast("cuda")
    with pytest.raises(RuntimeError, match="unsupported autocast device_type"):
        pf.autocast("abacus")
    with pytest.raises(ValueError, match="device_type"):
        pf.autocast(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="callable"):
        pf.autocast("cpu")(3)  # type: ignore[type-var]
    with pf.autocast("cpu"), pytest.raises(TypeError, match="linear"):
        pf.nn.functional.linear(3, 4)  # type: ignore[arg-type]
    x = pf.ones(2, 2)
    with pf.autocast("cpu"), pytest.raises(RuntimeError, match="cannot be multiplied"):
        pf.mm(x, pf.ones(3, 3))
    with pf.autocast("cpu"):
        assert (x @ x).dtype == pf.bfloat16  # an error leaves the context open


def test_weights_are_cast_once() -> None:
    weight = pf.ones(3, 3, requires_grad=True)
    x = pf.ones(2, 3)
    with pf.autocast("cpu"):
        y, z = pf.mm(x, weight), pf.mm(x, weight)
        cast = [t.grad_fn.next_functions[1][0] for t in (y, z)]
        assert cast[0] is cast[1]
        with pf.no_grad():
            weight.mul_(2)
        assert pf.mm(x, weight).tolist() == [[6.0] * 3] * 2  # not the stale cast
    with pf.autocast("cpu", cache_enabled=False):
        y, z = pf.mm(x, weight), pf.mm(x, weight)
        cast = [t.grad_fn.next_functions[1][0] for t in (y, z)]
        assert cast[0] is not cast[1]
    with pf.autocast("cpu"):
        with pf.no_grad():
            pf.mm(x, weight)
        assert pf.mm(x, weight).requires_grad  # not the cast without history


@pytest.mark.torch
def test_training() -> None:
    """Loss, gradients and their dtypes of a small network, with PyTorch's in bfloat16."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=s).astype(np.float32) * 0.3 for s in ((16, 8), (16,), (4, 16), (4,))]
    inputs, targets = rng.normal(size=(12, 8)).astype(np.float32), rng.integers(0, 4, 12)

    def run(P: Any) -> list[np.ndarray]:
        net = P.nn.Sequential(P.nn.Linear(8, 16), P.nn.GELU(), P.nn.Linear(16, 4))
        with P.no_grad():
            for p, w in zip(net.parameters(), weights, strict=True):
                p.copy_(P.from_numpy(w))
        optimizer = P.optim.Adam(net.parameters(), lr=1e-2)
        losses = []
        for _ in range(5):
            optimizer.zero_grad()
            with P.autocast("cpu", dtype=P.bfloat16):
                out = net(P.from_numpy(inputs))
                loss = P.nn.functional.cross_entropy(out, P.from_numpy(targets))
            assert out.dtype == P.bfloat16
            assert loss.dtype == P.float32
            loss.backward()
            assert all(p.grad.dtype == P.float32 for p in net.parameters())
            optimizer.step()
            losses.append(loss.item())
        return [np.array(losses)]

    np.testing.assert_allclose(run(pf), run(torch), rtol=5e-3)


def test_custom_function() -> None:
    seen = []

    class Double(pf.autograd.Function):
        @staticmethod
        @pf.amp.custom_fwd(device_type="cpu", cast_inputs=pf.float32)
        def forward(ctx: Any, x: pf.Tensor) -> pf.Tensor:
            seen.append((x.dtype, pf.is_autocast_enabled("cpu")))
            return x * 2

        @staticmethod
        @pf.amp.custom_bwd(device_type="cpu")
        def backward(ctx: Any, g: pf.Tensor) -> pf.Tensor:
            seen.append((g.dtype, pf.is_autocast_enabled("cpu")))
            return g * 2

    x = pf.ones(2, dtype=pf.bfloat16, requires_grad=True)
    with pf.autocast("cpu"):
        Double.apply(x).sum().backward()
    assert seen == [(pf.float32, False), (pf.float32, False)]
    assert x.grad.dtype == pf.bfloat16  # type: ignore[union-attr]


def scaled_run(P: Any, gradients: list[float], **options: Any) -> list[float]:
    w = P.nn.Parameter(P.tensor([1.0, 2.0]))
    optimizer = P.optim.SGD([w], lr=0.1)
    scaler = P.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2, **options)
    history = []
    for g in gradients:
        optimizer.zero_grad()
        scaler.scale((w * g).sum()).backward()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        history += [scaler.get_scale(), *w.tolist()]
    state = scaler.state_dict()
    return [*history, *state.values()]


@pytest.mark.torch
@pytest.mark.parametrize("enabled", [True, False])
def test_grad_scaler(enabled: bool) -> None:
    gradients = [1.0, 0.5, float("inf"), 0.25, 1.0, float("nan"), 2.0] if enabled else [1.0, 2.0]
    assert scaled_run(pf, gradients, enabled=enabled) == pytest.approx(
        scaled_run(torch, gradients, enabled=enabled)
    )


def test_grad_scaler_order() -> None:
    w = pf.nn.Parameter(pf.ones(2))
    optimizer = pf.optim.SGD([w], lr=0.1)
    scaler = pf.amp.GradScaler("cpu")
    with pytest.raises(AssertionError, match="No inf checks"):
        scaler.update()
    scaler.scale([w.sum()])[0].backward()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="after step"):
        scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="since the last update"):
        scaler.step(optimizer)
    scaler.update()
    other = pf.amp.GradScaler("cpu")
    other.load_state_dict(scaler.state_dict())
    assert other.get_scale() == scaler.get_scale()
    with pytest.raises(RuntimeError, match="source state dict is empty"):
        other.load_state_dict({})
    half = pf.nn.Parameter(pf.ones(2, dtype=pf.float16))
    half.grad = pf.ones(2, dtype=pf.float16)
    with pytest.raises(ValueError, match="FP16"):
        scaler.unscale_(pf.optim.SGD([half], lr=0.1))
    with pytest.warns(UserWarning, match="Disabling"):
        assert not pf.amp.GradScaler().is_enabled()
