"""Views and in-place operations: gradients of small programs, against PyTorch and by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support import array, assert_close, torch

import pyforge as pf

Program = Callable[[Any, Any, Any], Any]


def view_then_overwrite(P: Any, x: Any, w: Any) -> Any:
    y = x * 2
    v = y[0]
    v.mul_(w[0])
    return y


def overwrite_then_view(P: Any, x: Any, w: Any) -> Any:
    y = x * 2
    y.mul_(w)
    return y[:, 1:] * y[0, 0]


def base_changed_under_a_view(P: Any, x: Any, w: Any) -> Any:
    y = x * 2
    v = y.view(-1)
    y.mul_(3)
    return v * w.reshape(-1)


def chain_of_views(P: Any, x: Any, w: Any) -> Any:
    y = x * 2
    y.t()[1].view(3)[1:].add_(w[0, 0]).mul_(w[1, 1])
    return y.sum(0)


def assign_row(P: Any, x: Any, w: Any) -> Any:
    y = x * 2
    y[1] = w[0] * x[2]
    return y * y


def assign_constant(P: Any, x: Any, w: Any) -> Any:
    y = x * w
    y[:, 0] = 5.0
    return y * x


def assign_by_mask(P: Any, x: Any, w: Any) -> Any:
    y = x * 2
    y[x > 0] = 0.0
    return y + y * w


def assign_by_index(P: Any, x: Any, w: Any) -> Any:
    y = x * 2
    y[P.tensor([0, 2])] = w[:2] * 3
    return y * x


def assign_into_new_tensor(P: Any, x: Any, w: Any) -> Any:
    y = P.zeros(3, 4, dtype=P.float64)
    for i in range(3):
        y[i] = x[i] * w[2 - i]
    return y


def assign_element_by_element(P: Any, x: Any, w: Any) -> Any:
    y = P.zeros(4, dtype=P.float64)
    for i in range(4):
        y[i] = x[0, i] * w[1, i] + (y[i - 1] if i else 0)
    return y


def two_views_of_one(P: Any, x: Any, w: Any) -> Any:
    y = x * 2
    a, b = y[0], y[1]
    a.add_(w[0])
    b.mul_(w[1])
    return a * b + y[2]


def view_of_a_view_keeps_up(P: Any, x: Any, w: Any) -> Any:
    y = x * 2
    a = y[0]
    b = a[1:]
    y.mul_(w)
    return b * 3 + a[:3]


def in_place_through_split(P: Any, x: Any, w: Any) -> Any:
    y = x * w
    first = y.narrow(1, 0, 2)
    first.mul_(2)
    return y * first.sum()


def transposed_assignment(P: Any, x: Any, w: Any) -> Any:
    y = x * 1
    y.t()[0] = w[:, 1]
    return y.exp()


def augmented_arithmetic(P: Any, x: Any, w: Any) -> Any:
    y = x * 1
    y += w
    y -= 1
    y *= x
    y /= 3
    y[0] += w[1]
    y[:, 1] *= 2
    return y


def copy_into(P: Any, x: Any, w: Any) -> Any:
    y = x * 2
    y[0].copy_(w[1])
    y.view(12)[4:8].copy_(w[2])
    return y * x


def fill_and_zero(P: Any, x: Any, w: Any) -> Any:
    y = x * w
    y[0].zero_()
    y[1].fill_(3.0)
    return y * w


def in_place_activation(P: Any, x: Any, w: Any) -> Any:
    y = x @ w.t()
    return y.tanh_().add(1).exp_()


def in_place_clamp_and_masked_fill(P: Any, x: Any, w: Any) -> Any:
    y = x * 1
    y.clamp_(-0.5, 0.5)
    y.masked_fill_(w > 0.3, 2.0)
    return y * w


def detach_in_the_middle(P: Any, x: Any, w: Any) -> Any:
    y = x * 2
    return y * y.detach() + (w * y).detach() * x


def no_grad_part(P: Any, x: Any, w: Any) -> Any:
    with P.no_grad():
        scale = (x * w).sum()
    return x * scale + w


def reuse_after_in_place(P: Any, x: Any, w: Any) -> Any:
    y = x + 1
    z = y * 2
    y.add_(w)
    return z + y * 3


def expand_and_reduce(P: Any, x: Any, w: Any) -> Any:
    e = x[0].expand(3, 4)
    return (e * w).sum(1, keepdim=True) * x


def unsqueeze_in_place(P: Any, x: Any, w: Any) -> Any:
    y = x * 2
    y.unsqueeze(0)[0, 1].mul_(w[1])
    return y


def diagonal_walk(P: Any, x: Any, w: Any) -> Any:
    y = x * 2
    for i in range(3):
        y[i, i] = y[i, i].clone() * w[i, i]
    return y


def scatter_forms(P: Any, x: Any, w: Any) -> Any:
    y = x * 1
    index = P.tensor([[0, 1, 2, 0]])
    y.scatter_add_(0, index, w[:1] * 2)
    return y.scatter(1, P.tensor([[1], [2], [3]]), w[:, :1]) * x


def running_product(P: Any, x: Any, w: Any) -> Any:
    y = x[0] * 1
    for i in range(1, 3):
        y = y * x[i] + w[i]
        y.mul_(1.5)
    return y


def overwritten_view_of_unrelated_rows(P: Any, x: Any, w: Any) -> Any:
    y = x * 1
    a = y[0] + 0
    y[1:].zero_()
    return a * w[0]


def unbind_and_stack(P: Any, x: Any, w: Any) -> Any:
    return P.stack([r * s for r, s in zip(x.unbind(0), w.unbind(0), strict=True)], 1)


def chunk_and_cat(P: Any, x: Any, w: Any) -> Any:
    a, b = x.chunk(2, 1)
    return P.cat([b * w[:, :2], a, a * a], 1)


def reshape_of_transposed(P: Any, x: Any, w: Any) -> Any:
    return x.t().reshape(2, 6) * w.t().reshape(2, 6)


PROGRAMS: list[Program] = [
    f for f in list(globals().values()) if callable(f) and getattr(f, "__module__", "") == __name__
]


def inputs(P: Any) -> tuple[Any, Any]:
    rng = np.random.default_rng(11)
    x = P.from_numpy(rng.uniform(-1, 1, (3, 4))).requires_grad_()
    w = P.from_numpy(rng.uniform(-1, 1, (3, 4))).requires_grad_()
    return x, w


def cotangent(P: Any, out: Any) -> Any:
    values = np.random.default_rng(12).uniform(0.5, 1.5, tuple(out.shape))
    return P.from_numpy(np.asarray(values))


def run(P: Any, program: Program) -> list[np.ndarray]:
    x, w = inputs(P)
    out = program(P, x, w)
    grads = P.autograd.grad(out, [x, w], cotangent(P, out), allow_unused=True)
    return [array(out), *(np.zeros((3, 4)) if g is None else array(g) for g in grads)]


@pytest.mark.torch
@pytest.mark.parametrize("program", PROGRAMS)
def test_program_against_torch(program: Program) -> None:
    for got, want in zip(run(pf, program), run(torch, program), strict=True):
        assert_close(got, want)


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_by_finite_differences(program: Program) -> None:
    if program in (detach_in_the_middle, no_grad_part):
        pytest.skip("detached on purpose")
    x0, w0 = (array(t) for t in inputs(pf))
    out, gx, gw = run(pf, program)
    c = array(cotangent(pf, pf.from_numpy(out)))

    def f(a: np.ndarray, b: np.ndarray) -> float:
        with pf.no_grad():
            return float((array(program(pf, pf.from_numpy(a), pf.from_numpy(b))) * c).sum())

    rng = np.random.default_rng(13)
    for _ in range(3):
        u, v = rng.uniform(-1, 1, (3, 4)), rng.uniform(-1, 1, (3, 4))
        h = 1e-6
        numeric = (f(x0 + h * u, w0 + h * v) - f(x0 - h * u, w0 - h * v)) / (2 * h)
        assert (gx * u + gw * v).sum() == pytest.approx(numeric, rel=1e-7, abs=1e-8)


@pytest.mark.torch
@pytest.mark.parametrize("program", PROGRAMS)
def test_program_second_order_against_torch(program: Program) -> None:
    results = []
    for P in (pf, torch):
        x, w = inputs(P)
        out = program(P, x, w)
        grads = P.autograd.grad(
            out, [x, w], cotangent(P, out), create_graph=True, allow_unused=True
        )
        total = sum((g * g).sum() for g in grads if g is not None)
        if not total.requires_grad:
            results.append([None, None])
        else:
            results.append(list(P.autograd.grad(total, [x, w], allow_unused=True)))
    for got, want in zip(*results, strict=True):
        # A missing gradient and one of zeros say the same.
        zero = np.zeros((3, 4))
        assert_close(
            zero if got is None else array(got), zero if want is None else array(want), 10.0
        )


def test_view_of_no_grad_becomes_stale() -> None:
    x = pf.ones(3, dtype=pf.float64, requires_grad=True)
    y = x * 2
    with pf.no_grad():
        v = y[0:2]
    with pytest.raises(RuntimeError, match="no_grad"):
        v.mul_(2)


def test_multiple_views_of_unbind_refuse_in_place() -> None:
    x = pf.ones(3, 2, dtype=pf.float64, requires_grad=True)
    a, _, _ = (x * 2).unbind(0)
    with pytest.raises(RuntimeError, match=r"multiple views|modified inplace"):
        a.mul_(2)


def test_version_counters_are_shared_by_views() -> None:
    x = pf.zeros(4)
    v = x[1:3]
    assert (x._version, v._version) == (0, 0)
    v.add_(1)
    x.mul_(2)
    assert (x._version, v._version) == (2, 2)
    assert x.detach()._version == 2
    assert x.clone()._version == 0


def test_is_view_and_base() -> None:
    x = pf.zeros(4)
    v = x[1:3]
    if not hasattr(v, "_base"):
        pytest.skip("not offered")
    assert v._base is x
    assert x._base is None
    assert v[0]._base is x
