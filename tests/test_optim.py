"""Optimisers: trajectories, groups, state, subclassing."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import numpy as np
import pytest

import pyforge
from pyforge import nn, optim

SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 1e-3, "momentum": 0.5, "maximize": True}),
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.01, "amsgrad": True}),
    ("Adam", {"lr": 1e-3, "maximize": True}),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("AdamW", {"lr": 0.01}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.3, "amsgrad": True}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.9, "momentum": 0.5, "centered": True, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 1}),
    ("NAdam", {"lr": 0.01}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1, "momentum_decay": 0.1, "maximize": True}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.01}),
    ("RAdam", {"lr": 0.01, "betas": (0.8, 0.9), "weight_decay": 0.1, "maximize": True}),
    ("RAdam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("Adamax", {"lr": 0.01}),
    ("Adamax", {"lr": 0.01, "betas": (0.8, 0.9), "weight_decay": 0.1, "maximize": True}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.8, "weight_decay": 0.1, "maximize": True}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.4, 1.3), "step_sizes": (1e-3, 0.2), "maximize": True}),
    ("ASGD", {}),
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.02, "weight_decay": 0.1, "d": 2.0, "eps": (1e-6, 1e-2)}),
    ("Adafactor", {"lr": 0.05, "beta2_decay": -0.5, "maximize": True}),
    ("ASGD", {"lr": 0.1, "lambd": 0.01, "t0": 5, "weight_decay": 0.1, "maximize": True}),
]


def problem(lib: Any, dtype: str) -> tuple[list[Any], Any]:
    """Two parameters (one not a multiple of a vector long), and a loss that mixes them."""
    random = np.random.default_rng(0)
    w = lib.from_numpy(random.normal(size=(7, 5)).astype(dtype)).requires_grad_()
    b = lib.from_numpy(random.normal(size=(5,)).astype(dtype)).requires_grad_()
    x = lib.from_numpy(random.normal(size=(11, 7)).astype(dtype))
    return [w, b], lambda: ((x @ w + b).tanh() - 0.5).square().mean() + (w * w).mean()


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_trajectory_equals_torch(name: str, settings: dict[str, Any], dtype: str) -> None:
    torch = pytest.importorskip("torch")
    runs = []
    for lib, module in ((torch, torch.optim), (pyforge, optim)):
        params, loss_of = problem(lib, dtype)
        optimizer = getattr(module, name)(params, **settings)
        losses = []
        for _ in range(30):
            optimizer.zero_grad()
            loss = loss_of()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        state = optimizer.state_dict()["state"]
        runs.append((losses, [p.detach().numpy() for p in params], state))
    (losses, params, state), (our_losses, our_params, our_state) = runs
    tolerance = 1e-6 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(our_losses, losses, rtol=10 * tolerance, atol=tolerance)
    for ours, theirs in zip(our_params, params, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=10 * tolerance, atol=tolerance)
    assert set(our_state) == set(state)
    for i, entry in state.items():
        assert list(our_state[i]) == list(entry)
        for key, value in entry.items():
            if value is not None:
                np.testing.assert_allclose(
                    our_state[i][key].numpy(), value.numpy(), rtol=1e3 * tolerance, atol=tolerance
                )


@pytest.mark.torch
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"lr": 0.02, "nesterov": False, "weight_decay": 0.0, "ns_steps": 3},
        {"lr": 0.01, "adjust_lr_fn": "match_rms_adamw", "ns_coefficients": (2.0, -1.5, 0.5)},
    ],
)
def test_muon_equals_torch(settings: dict[str, Any]) -> None:
    """Steps are orthogonalised in bfloat16, so directions agree to its precision."""
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    starts = [random.normal(size=shape).astype(np.float32) for shape in ((9, 5), (5, 9), (6, 6))]
    runs = []
    for lib in (torch, pyforge):
        params = [lib.from_numpy(w.copy()).requires_grad_() for w in starts]
        optimizer = lib.optim.Muon(params, **settings)
        x = lib.from_numpy(np.linspace(-1, 1, 36, dtype=np.float32).reshape(4, 9))
        for _ in range(10):
            optimizer.zero_grad()
            loss = (x @ params[0] @ params[1] - 1).square().mean() + params[2].square().mean()
            loss.backward()
            optimizer.step()
        state = optimizer.state_dict()
        assert [list(entry) for entry in state["state"].values()] == [["momentum_buffer"]] * 3
        groups = [{k: v for k, v in g.items() if k != "params"} for g in state["param_groups"]]
        runs.append((loss.item(), [p.detach().numpy() for p in params], groups))
    assert runs[0][2] == runs[1][2]
    assert runs[1][0] == pytest.approx(runs[0][0], rel=1e-2)
    for start, theirs, ours in zip(starts, runs[0][1], runs[1][1], strict=True):
        moved = np.linalg.norm(theirs - start)
        assert np.linalg.norm(ours - theirs) < 0.02 * moved


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_parameters_without_gradient_are_left_alone(name: str) -> None:
    used, unused = pyforge.ones(3, requires_grad=True), pyforge.ones(3, requires_grad=True)
    optimizer = getattr(optim, name)([used, unused], lr=0.1)
    used.sum().backward()
    optimizer.step()
    assert used[0].item() != 1
    np.testing.assert_array_equal(unused.detach().numpy(), np.ones(3, np.float32))
    assert unused not in optimizer.state
    unused.sum().backward()
    optimizer.step()
    assert unused[0].item() != 1


def test_state_looks_as_expected() -> None:
    w = pyforge.ones(2, 3, requires_grad=True)
    optimizer = optim.Adam([w], lr=0.1)
    for _ in range(3):
        w.grad = pyforge.full((2, 3), 2.0)
        optimizer.step()
    state = optimizer.state[w]
    assert list(state) == ["step", "exp_avg", "exp_avg_sq"]
    assert state["step"].item() == 3
    assert state["step"].dtype == pyforge.float32
    assert state["exp_avg"].shape == (2, 3)
    assert state["exp_avg"][0, 0].item() == pytest.approx(2 * (1 - 0.9**3), rel=1e-5)
    assert not state["exp_avg"].requires_grad


def test_step_uses_state_and_settings_as_they_are_now() -> None:
    w = pyforge.ones(2, requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0, momentum=0.5)
    w.grad = pyforge.ones(2)
    optimizer.step()
    optimizer.param_groups[0]["lr"] = 0.0
    optimizer.step()
    assert w[0].item() == 0
    optimizer.param_groups[0]["lr"] = 1.0
    optimizer.state[w]["momentum_buffer"] = pyforge.full((2,), 10.0)
    optimizer.step()
    assert w[0].item() == -6
    optimizer.state.clear()
    optimizer.step()
    assert w[0].item() == -7


def test_parameters_and_gradients_that_are_not_contiguous() -> None:
    random = np.random.default_rng(0)
    values, slopes = (random.normal(size=(3, 4)).astype(np.float32) for _ in range(2))
    results = []
    for turned in (False, True):
        w = pyforge.from_numpy(values.T.copy()).t() if turned else pyforge.from_numpy(values.copy())
        w.requires_grad_()
        w.grad = pyforge.from_numpy(slopes.T.copy()).t() if turned else pyforge.from_numpy(slopes)
        optimizer = optim.Adam([w], lr=0.1)
        for _ in range(3):
            optimizer.step()
        results.append(w.detach().numpy())
    np.testing.assert_array_equal(results[0], results[1])


def test_step_counts_as_an_overwrite() -> None:
    w = pyforge.ones(3, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    loss = (w * w).sum()
    w.grad = pyforge.ones(3)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_groups_have_their_own_settings() -> None:
    a, b = pyforge.ones(1, requires_grad=True), pyforge.ones(1, requires_grad=True)
    optimizer = optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1)
    a.grad, b.grad = pyforge.ones(1), pyforge.ones(1)
    optimizer.step()
    assert a.item() == pytest.approx(0.9)
    assert b.item() == pytest.approx(0.5)
    late = pyforge.ones(1, requires_grad=True)
    optimizer.add_param_group({"params": late, "lr": 1.0})
    late.grad = pyforge.ones(1)
    optimizer.step()
    assert late.item() == 0
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5, 1.0]


def test_named_parameters_are_taken() -> None:
    layer = nn.Linear(2, 2)
    optimizer = optim.Adam(layer.named_parameters())
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.param_groups[0]["params"][0] is layer.weight


@pytest.mark.parametrize("name", sorted({name for name, _ in SETTINGS}))
@pytest.mark.parametrize("copier", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_training_goes_on_from_a_saved_state(name: str, copier: Any) -> None:
    settings: dict[str, Any] = {"lr": 0.01} | ({"momentum": 0.9} if name == "SGD" else {})

    def steps(params: list[Any], loss_of: Any, optimizer: Any, count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            loss_of().backward()
            optimizer.step()

    params, loss_of = problem(pyforge, "float32")
    optimizer = getattr(optim, name)(params, **settings)
    steps(params, loss_of, optimizer, 5)
    saved, values = copier(optimizer.state_dict()), [p.detach().clone() for p in params]
    steps(params, loss_of, optimizer, 5)

    again, loss_again = problem(pyforge, "float32")
    with pyforge.no_grad():
        for param, value in zip(again, values, strict=True):
            param.copy_(value)
    resumed = getattr(optim, name)(again, lr=123.0)
    resumed.load_state_dict(saved)
    assert resumed.param_groups[0]["lr"] == 0.01
    steps(again, loss_again, resumed, 5)
    for ours, theirs in zip(again, params, strict=True):
        np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())


def moved(value: Any, lib: Any) -> Any:
    """A state dictionary with the tensors of the other library."""
    if isinstance(value, dict):
        return {k: moved(v, lib) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(moved(v, lib) for v in value)
    if hasattr(value, "numpy"):
        return lib.tensor(value.numpy().tolist(), dtype=getattr(lib, str(value.dtype)[-7:]))
    return value


@pytest.mark.torch
@pytest.mark.parametrize(("name", "settings"), [s for s in SETTINGS if s[1].get("lr") != 0.05])
@pytest.mark.parametrize("to_torch", [False, True])
def test_state_goes_to_and_from_torch(name: str, settings: dict[str, Any], to_torch: bool) -> None:
    torch = pytest.importorskip("torch")
    libs = [(torch, torch.optim), (pyforge, optim)]
    (source, their_module), (target, module) = libs[::-1] if to_torch else libs

    def steps(params: list[Any], loss_of: Any, optimizer: Any) -> None:
        for _ in range(3):
            optimizer.zero_grad()
            loss_of().backward()
            optimizer.step()

    theirs, their_loss = problem(source, "float64")
    their_optimizer = getattr(their_module, name)(theirs, **settings)
    steps(theirs, their_loss, their_optimizer)
    ours, our_loss = problem(target, "float64")
    with target.no_grad():
        for p, q in zip(ours, theirs, strict=True):
            p.copy_(target.from_numpy(q.detach().numpy().copy()))
    optimizer = getattr(module, name)(ours)
    state = moved(their_optimizer.state_dict(), target)
    optimizer.load_state_dict(state)
    assert optimizer.state_dict()["param_groups"] == state["param_groups"]
    steps(theirs, their_loss, their_optimizer)
    steps(ours, our_loss, optimizer)
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-7, atol=1e-12)


@pytest.mark.torch
def test_state_of_torch_is_taken() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.ones(3, requires_grad=True)
    their_optimizer = torch.optim.Adam([theirs], lr=0.1)
    theirs.grad = torch.ones(3)
    their_optimizer.step()
    state = their_optimizer.state_dict()
    entry = {k: pyforge.from_numpy(v.numpy()) for k, v in state["state"][0].items()}
    ours = pyforge.from_numpy(theirs.detach().numpy().copy()).requires_grad_()
    optimizer = optim.Adam([ours])
    optimizer.load_state_dict({"state": {0: entry}, "param_groups": state["param_groups"]})
    ours.grad = pyforge.ones(3)
    optimizer.step()
    their_optimizer.step()
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-6)
    assert repr(optimizer) == repr(their_optimizer)


def test_zero_grad() -> None:
    w = pyforge.ones(2, requires_grad=True)
    optimizer = optim.SGD([w])
    w.grad = pyforge.ones(2)
    optimizer.zero_grad(set_to_none=False)
    np.testing.assert_array_equal(w.grad.numpy(), np.zeros(2, np.float32))
    optimizer.zero_grad()
    assert w.grad is None


def test_closure() -> None:
    w = pyforge.ones(1, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with pyforge.no_grad():
        assert optimizer.step(closure).item() == 1
    assert w.item() == pytest.approx(0.8)


def test_own_optimizer() -> None:
    class SignDescent(optim.Optimizer):
        def __init__(self, params: Any, lr: float = 0.1) -> None:
            super().__init__(params, {"lr": lr})

        def step(self, closure: Any = None) -> Any:
            with pyforge.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        self.state[p]["count"] = self.state[p].get("count", 0) + 1
                        p.add_(p.grad.sign(), alpha=-group["lr"])

    w = pyforge.tensor([1.0, -1.0], requires_grad=True)
    optimizer = SignDescent([w])
    for _ in range(3):
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(w.detach().numpy(), [0.7, -0.7], rtol=1e-6)
    assert optimizer.state_dict()["state"] == {0: {"count": 3}}


def test_step_hooks() -> None:
    log: list[str] = []
    w = pyforge.ones(1, requires_grad=True)
    optimizer = optim.SGD([w])
    optimizer.register_step_pre_hook(lambda o, a, k: log.append("before"))
    handle = optimizer.register_step_post_hook(lambda o, a, k: log.append("after"))
    optimizer.step()
    handle.remove()
    optimizer.step()
    assert log == ["before", "after", "before"]
    assert pickle.loads(pickle.dumps(optimizer)).param_groups[0]["lr"] == 1e-3


def test_state_hooks() -> None:
    w = pyforge.ones(1, requires_grad=True)
    optimizer = optim.SGD([w], momentum=0.9)
    log: list[str] = []
    optimizer.register_state_dict_pre_hook(lambda o: log.append("save"))
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "extra": 7})
    optimizer.register_load_state_dict_pre_hook(lambda o, state: log.append(state.pop("extra")))
    optimizer.register_load_state_dict_post_hook(lambda o: log.append("last"))
    optimizer.register_load_state_dict_post_hook(lambda o: log.append("loaded"), prepend=True)
    state = optimizer.state_dict()
    optimizer.load_state_dict(state)
    assert log == ["save", 7, "loaded", "last"]
    assert state["extra"] == 7


@pytest.mark.torch
@pytest.mark.parametrize("maximize", [False, True])
def test_sparse_adam_leaves_other_rows_alone(maximize: bool) -> None:
    torch = pytest.importorskip("torch")
    start = np.random.default_rng(0).normal(size=(6, 3))
    tables = [
        lib.tensor(start.tolist(), dtype=lib.float64).requires_grad_() for lib in (torch, pyforge)
    ]
    theirs = torch.optim.SparseAdam([tables[0]], lr=0.1, maximize=maximize)
    ours = optim.SparseAdam([tables[1]], lr=0.1, maximize=maximize)
    for rows in ([0, 2, 2], [1, 2], [5]):
        for lib, table, optimizer in ((torch, tables[0], theirs), (pyforge, tables[1], ours)):
            optimizer.zero_grad()
            extra = {"sparse": True} if lib is torch else {}
            (lib.nn.functional.embedding(lib.tensor(rows), table, **extra) ** 2).sum().backward()
            optimizer.step()
    np.testing.assert_allclose(tables[1].detach().numpy(), tables[0].detach().numpy(), rtol=1e-12)
    np.testing.assert_array_equal(tables[1][3:5].detach().numpy(), start[3:5])
    for key, value in theirs.state[tables[0]].items():
        np.testing.assert_allclose(
            np.asarray(ours.state[tables[1]][key]), np.asarray(value), rtol=1e-12
        )


def test_optimizer_is_freed_without_the_collector() -> None:
    gc.disable()
    try:
        w = pyforge.ones(2, requires_grad=True)
        optimizer = optim.Adam([w])
        w.grad = pyforge.ones(2)
        optimizer.step()
        watch = weakref.ref(optimizer)
        del optimizer
        assert watch() is None
    finally:
        gc.enable()


def leaf() -> Any:
    return pyforge.ones(2, requires_grad=True)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: optim.SGD([leaf()], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda: optim.SGD([leaf()], momentum=-1), ValueError, "Invalid momentum value: -1"),
        (lambda: optim.SGD([leaf()], nesterov=True), ValueError, "Nesterov momentum requires"),
        (lambda: optim.Adam([leaf()], betas=(1.0, 0.9)), ValueError, "at index 0: 1.0"),
        (lambda: optim.Adam([leaf()], eps=-1e-8), ValueError, "Invalid epsilon value"),
        (lambda: optim.AdamW([leaf()], weight_decay=-1), ValueError, "Invalid weight_decay"),
        (lambda: optim.Adam([leaf()], differentiable=True), NotImplementedError, "recorded"),
        (lambda: optim.NAdam([leaf()], momentum_decay=-1), ValueError, "momentum_decay"),
        (lambda: optim.RAdam([leaf()], betas=(0.5, 1.0)), ValueError, "at index 1: 1.0"),
        (lambda: optim.Adadelta([leaf()], rho=1.5), ValueError, "Invalid rho value: 1.5"),
        (lambda: optim.Rprop([leaf()], etas=(1.1, 1.2)), ValueError, "Invalid eta values"),
        (lambda: optim.Adamax([leaf()], lr=leaf()), ValueError, "Tensor lr must be 1-element"),
        (lambda: optim.SparseAdam([leaf()], lr=0), ValueError, "Invalid learning rate"),
        (
            lambda: optim.LBFGS([{"params": [leaf()]}, {"params": [leaf()]}]),
            ValueError,
            "parameter groups",
        ),
        (lambda: optim.Adafactor([leaf()], d=0.5), ValueError, "Clipping threshold d"),
        (lambda: optim.Adafactor([leaf()], beta2_decay=0.5), ValueError, "beta2_decay should"),
        (lambda: optim.Muon([leaf()]), ValueError, "Muon only supports 2D parameters"),
        (lambda: optim.Muon([leaf()], adjust_lr_fn="x"), ValueError, "x is not supported"),
        (lambda: optim.SGD([]), ValueError, "empty parameter list"),
        (lambda: optim.SGD(leaf()), TypeError, "should be an iterable of Tensors"),
        (lambda: optim.SGD([{"params": {leaf()}}]), TypeError, "ordered collections"),
        (lambda: optim.SGD([1.0]), TypeError, "one of the params is float"),
        (lambda: optim.SGD([leaf() * 2]), ValueError, "can't optimize a non-leaf Tensor"),
        (
            lambda: optim.SGD([{"params": [p := leaf()]}, {"params": [p]}]),
            ValueError,
            "more than one parameter group",
        ),
        (
            lambda: optim.SGD([leaf()]).load_state_dict({"state": {}, "param_groups": []}),
            ValueError,
            "different number of parameter groups",
        ),
        (lambda: optim.SGD([("a", leaf()), leaf()]), ValueError, "names are missing"),
    ],
)
def test_wrong_use_is_refused(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        make()
    assert text in str(caught.value)


def test_state_of_the_wrong_shape_is_refused() -> None:
    w = leaf()
    optimizer = optim.Adam([w])
    w.grad = pyforge.ones(2)
    optimizer.step()
    optimizer.state[w]["exp_avg"] = pyforge.ones(3)
    with pytest.raises(RuntimeError, match="exp_avg"):
        optimizer.step()
    optimizer.state[w]["exp_avg"] = "text"
    with pytest.raises(TypeError, match="exp_avg"):
        optimizer.step()
