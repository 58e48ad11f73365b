"""L-BFGS: the path PyTorch takes, its state, its stopping."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyforge
from pyforge import optim

SETTINGS: list[dict[str, Any]] = [
    {"lr": 0.1},
    {"lr": 0.5, "max_iter": 4, "history_size": 2},
    {"line_search_fn": "strong_wolfe"},
    {"lr": 3.0, "line_search_fn": "strong_wolfe", "max_iter": 7, "history_size": 3},
    {"lr": 30.0, "line_search_fn": "strong_wolfe", "max_eval": 5},
    {"lr": 1e-3, "line_search_fn": "strong_wolfe", "tolerance_change": 1e-3},
]


def rosenbrock(lib: Any) -> tuple[list[Any], Any]:
    """A valley that bends, over two parameters of different shapes."""
    x = lib.tensor([[1.2, 1.0], [0.3, -0.8]], dtype=lib.float64, requires_grad=True)
    y = lib.tensor([0.5, 1.5, -0.5], dtype=lib.float64, requires_grad=True)

    def loss() -> Any:
        z = lib.cat([x.reshape(-1), y])
        return (100 * (z[1:] - z[:-1] ** 2) ** 2 + (1 - z[:-1]) ** 2).sum()

    return [x, y], loss


@pytest.mark.torch
@pytest.mark.parametrize("settings", SETTINGS)
def test_takes_the_path_of_torch(settings: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    runs = []
    for lib in (torch, pyforge):
        params, loss_of = rosenbrock(lib)
        optimizer = lib.optim.LBFGS(params, **settings)

        def closure(optimizer: Any = optimizer, loss_of: Any = loss_of) -> Any:
            optimizer.zero_grad()
            loss = loss_of()
            loss.backward()
            return loss

        losses = [optimizer.step(closure).item() for _ in range(4)]
        runs.append((losses, [p.detach().numpy() for p in params], optimizer.state_dict()))
    (losses, params, state), (our_losses, our_params, our_state) = runs
    np.testing.assert_allclose(our_losses, losses, rtol=1e-7, atol=1e-12)
    for ours, theirs in zip(our_params, params, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert our_state["param_groups"] == state["param_groups"]
    entry, our_entry = state["state"][0], our_state["state"][0]
    assert set(our_entry) == set(entry)
    for key in ("func_evals", "n_iter"):
        assert our_entry[key] == entry[key]
    np.testing.assert_allclose(our_entry["d"].numpy(), entry["d"].numpy(), rtol=1e-4, atol=1e-9)
    assert len(our_entry["old_dirs"]) == len(entry["old_dirs"])


def test_finds_the_minimum_and_resumes() -> None:
    params, loss_of = rosenbrock(pyforge)
    optimizer = optim.LBFGS(params, line_search_fn="strong_wolfe", tolerance_change=1e-15)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        return loss

    optimizer.step(closure)
    resumed = optim.LBFGS(params)
    resumed.load_state_dict(optimizer.state_dict())
    with pyforge.no_grad():
        for _ in range(20):
            resumed.step(closure)
    for p in params:
        np.testing.assert_allclose(p.detach().numpy(), 1, rtol=1e-5)
    calls = resumed.state[params[0]]["func_evals"]
    resumed.step(closure)
    assert resumed.state[params[0]]["func_evals"] == calls + 1


def test_other_line_searches_are_refused() -> None:
    params, loss_of = rosenbrock(pyforge)
    optimizer = optim.LBFGS(params, line_search_fn="golden")

    def closure() -> Any:
        loss = loss_of()
        loss.backward()
        return loss

    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        optimizer.step(closure)
