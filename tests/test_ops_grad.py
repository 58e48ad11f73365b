"""Every differentiable row: first and second derivative, in every form in which they are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from checker import Vector, direction, directional, inner, worst_element
from optable import ROWS
from optable.model import FLOATS, Op, S, Sample
from support import (
    Call,
    array,
    assert_close,
    assert_same,
    cotangents,
    describe,
    differentiable,
    gradients,
    leaf_values,
    quiet,
    torch,
    transposed,
)
from test_ops import extreme_sample, same_values

import pyforge as pf

DIFFERENTIABLE = [op for op in ROWS if op.grad and "float64" in op.dtypes]


def rows(keep: Callable[[Op], Any] = lambda op: True) -> Any:
    return pytest.mark.parametrize("op", [op for op in DIFFERENTIABLE if keep(op)], ids=repr)


def rows_and(name: str, of: Callable[[Op], Iterable[str]]) -> Any:
    pairs = [pytest.param(op, x, id=f"{op}-{x}") for op in DIFFERENTIABLE for x in of(op)]
    return pytest.mark.parametrize(("op", name), pairs)


def floats_of(op: Op) -> list[str]:
    return [d for d in op.dtypes if d in FLOATS]


# Random directions: a wrong derivative survives one with probability zero.
FIRST_RTOL, SECOND_RTOL = 1e-8, 1e-7


def smooth(op: Op) -> list[Sample]:
    return [s for s in op.draw("float64") if s.smooth and leaf_values(s)]


def dense(grads: Any, values: Vector) -> Vector:
    """Gradients as arrays; an input the result ignores has gradient zero."""
    return [np.zeros_like(v) if g is None else array(g) for g, v in zip(grads, values, strict=True)]


def weighted(op: Op, sample: Sample, weights: Vector) -> Any:
    def f(values: Vector) -> float:
        with pf.enable_grad():
            outs = differentiable(Call(pf, op, sample, grad=True, values=values)())
        return float(sum(np.sum(array(o) * w) for o, w in zip(outs, weights, strict=True)))

    return f


def assert_slope(got: float, want: float, scale: float, rtol: float, what: str) -> None:
    assert abs(got - want) <= rtol * max(scale, 1.0), f"{what}: analytic {got!r}, numeric {want!r}"


@rows()
def test_first_derivative(op: Op) -> None:
    rng = np.random.default_rng(1)
    for sample in smooth(op):
        x = leaf_values(sample)
        call = Call(pf, op, sample, grad=True)
        outs = differentiable(call())
        weights = cotangents(outs)
        grads = dense(gradients(call, weights=weights), x)
        f = weighted(op, sample, weights)
        for _ in range(2):
            u = direction(rng, x)
            got, want = inner(grads, u), directional(f, x, u)
            scale = sum(np.abs(g).sum() for g in grads)
            if not abs(got - want) <= FIRST_RTOL * max(scale, 1.0):
                pytest.fail(f"{op}({describe(sample)}): {worst_element(f, x, grads)}")


@rows(lambda op: op.grad2)
def test_second_derivative(op: Op) -> None:
    """The derivative of the first one, with respect to inputs and to the cotangent."""
    rng = np.random.default_rng(2)
    for sample in smooth(op):
        x = leaf_values(sample)
        v0 = cotangents(differentiable(Call(pf, op, sample, grad=True)()))
        if sum(a.size for a in v0) == 0:
            continue
        w = [np.asarray(rng.uniform(0.5, 1.5, a.shape)) for a in x]

        def slope(values: Vector, op: Op = op, sample: Sample = sample, w: Vector = w) -> float:
            n = len(w)
            call = Call(pf, op, sample, grad=True, values=values[:n])
            return inner(dense(gradients(call, weights=values[n:]), w), w)

        call = Call(pf, op, sample, grad=True)
        outs = differentiable(call())
        vs = [pf.from_numpy(np.array(v)).requires_grad_() for v in v0]
        first = pf.autograd.grad(outs, call.leaves, vs, create_graph=True, allow_unused=True)
        pairs = [(g, pf.from_numpy(b)) for g, b in zip(first, w, strict=True) if g is not None]
        total = sum((g * b).sum() for g, b in pairs)
        point = [*x, *v0]
        if isinstance(total, int) or not total.requires_grad:
            second = [None] * len(point)
        else:
            second = pf.autograd.grad(total, [*call.leaves, *vs], allow_unused=True)
        grads = dense(second, point)
        u = direction(rng, point)
        scale = sum(np.abs(g).sum() for g in grads)
        what = f"{op}({describe(sample)})"
        assert_slope(inner(grads, u), directional(slope, point, u), scale, SECOND_RTOL, what)


@rows()
def test_recorded_backward_equals_fused(op: Op) -> None:
    for dtype in ("float32", "float64"):
        for sample in op.draw(dtype):
            plain = gradients(Call(pf, op, sample, grad=True))
            recorded = gradients(Call(pf, op, sample, grad=True), create_graph=True)
            for a, b in zip(plain, recorded, strict=True):
                assert (a is None) == (b is None), describe(sample)
                if a is not None:
                    assert_close(a, b, 4 * op.tol, dtype, f"{op}({describe(sample)})")


@pytest.mark.torch
@rows_and("dtype", lambda op: floats_of(op) if op.oracle and not op.random else ())
def test_gradient_torch(op: Op, dtype: str) -> None:
    for sample in op.draw(dtype):
        what = f"gradient of {op}({describe(sample)})"
        got = gradients(Call(pf, op, sample, grad=True))
        want = quiet(gradients, Call(torch, op, sample, grad=True))
        for k, (g, w) in enumerate(zip(got, want, strict=True)):
            assert (g is None) == (w is None), f"{what}, input {k}"
            if w is not None:
                assert_same(g, w, 4 * op.tol, f"{what}, input {k}")


@rows_and("layout", lambda op: op.layouts)
def test_gradient_layout(op: Op, layout: str) -> None:
    """Inputs in other strides give the same gradients."""
    for sample in op.draw("float64", salt=layout):
        base = same_values(sample) if layout == "expanded" else sample
        want = gradients(Call(pf, op, base, grad=True))
        got = gradients(Call(pf, op, sample, layout, grad=True))
        for g, w in zip(got, want, strict=True):
            if w is not None:
                assert_close(g, w, op.tol, what=f"{op}({describe(sample)})")


@rows()
def test_gradient_of_strided_cotangent(op: Op) -> None:
    for sample in op.draw("float64"):
        call = Call(pf, op, sample, grad=True)
        outs = differentiable(call())
        weights = cotangents(outs)
        want = gradients(call, weights=weights)
        outs = differentiable(call())
        turned = [transposed(pf, w) for w in weights]
        got = pf.autograd.grad(outs, call.leaves, turned, allow_unused=True)
        for g, w in zip(got, want, strict=True):
            if w is not None:
                assert_close(g, w, op.tol, what=f"{op}({describe(sample)})")


@rows()
def test_gradient_of_expanded_cotangent(op: Op) -> None:
    """`sum().backward()` hands a cotangent with strides of zero to the op."""
    for sample in op.draw("float64"):
        call = Call(pf, op, sample, grad=True)
        outs = differentiable(call())
        want = gradients(call, weights=[np.ones(tuple(o.shape)) for o in outs])
        outs = differentiable(call())
        if not outs:
            continue
        total = sum(o.sum() for o in outs)
        got = pf.autograd.grad(total, call.leaves, allow_unused=True)
        for g, w in zip(got, want, strict=True):
            if w is not None:
                assert_close(g, w, op.tol, what=f"{op}({describe(sample)})")


@rows()
def test_gradient_of_one_input(op: Op) -> None:
    """Each input alone gets the gradient it gets among all."""
    for sample in op.draw("float64"):
        count = len(leaf_values(sample))
        if count < 2:
            continue
        together = gradients(Call(pf, op, sample, grad=True))
        for k in range(count):
            call = Call(pf, op, sample, grad=k + 1)
            outs = differentiable(call())
            if not outs:
                assert together[k] is None
                continue
            if len(outs) != len(differentiable(Call(pf, op, sample, grad=True)())):
                continue  # other outputs, so other random weights
            (alone,) = gradients(call)
            if together[k] is not None:
                assert_close(
                    alone, together[k], op.tol, what=f"{op}({describe(sample)}), input {k}"
                )


@pytest.mark.torch
@rows_and("dtype", lambda op: floats_of(op) if op.extremes and op.extreme_grad else ())
def test_gradient_extremes(op: Op, dtype: str) -> None:
    sample = extreme_sample(op, dtype)
    if op.name == "clamp":
        sample = S(sample.args[0], -0.5, 0.7)
    got = gradients(Call(pf, op, sample, grad=True))
    want = quiet(gradients, Call(torch, op, sample, grad=True))
    for k, (g, w) in enumerate(zip(got, want, strict=True)):
        g, w = array(g), array(w)
        # Rounding differs where the largest finite values meet; that is not what is asked here.
        args = np.stack([np.abs(a) for a in sample.args if isinstance(a, np.ndarray)])
        sane = ~((args > 1e30) & np.isfinite(args)).any(axis=0)
        assert_close(g[sane], w[sane], 4 * op.tol, dtype, what=f"gradient {k} of {op}")


def twins(op: Op) -> Sample | None:
    """A sample of two matrices of equal shape."""
    for s in op.draw("float64"):
        arrays = [a for a in s.args if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
        if len(s.args) == len(arrays) == 2 and not s.kwargs and arrays[0].shape == arrays[1].shape:
            return s
    return None


@rows(twins)
def test_same_tensor_twice(op: Op) -> None:
    """`op(x, x)`: both contributions arrive."""
    sample = twins(op)
    assert sample is not None
    x = sample.args[0]
    apart = gradients(Call(pf, op, S(x, x.copy()), grad=True))
    call = Call(pf, op, sample, grad=True)
    call.args, call.leaves = (call.leaves[0],) * 2, call.leaves[:1]
    (got,) = gradients(call)
    assert_close(got, sum(array(g) for g in apart if g is not None), op.tol)
