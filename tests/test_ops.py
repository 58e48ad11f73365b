"""Every row of the op table: values, dtypes and shapes, layouts, in-place forms, extremes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from optable import ROWS
from optable.model import FLOATS, Op, S, Sample
from support import (
    Call,
    array,
    assert_close,
    assert_same,
    describe,
    differentiable,
    dtype_name,
    flat,
    function,
    is_floating,
    is_tensor,
    quiet,
    torch,
)

import pyforge as pf


def rows(keep: Callable[[Op], Any] = lambda op: True) -> Any:
    return pytest.mark.parametrize("op", [op for op in ROWS if keep(op)], ids=repr)


def rows_and(name: str, of: Callable[[Op], Iterable[str]]) -> Any:
    pairs = [pytest.param(op, x, id=f"{op}-{x}") for op in ROWS for x in of(op)]
    return pytest.mark.parametrize(("op", name), pairs)


def is_function(op: Op) -> bool:
    """Reached by name, not through an operator or a lambda."""
    return op.call is None or isinstance(op.call, str)


def floats_of(op: Op) -> list[str]:
    return [d for d in op.dtypes if d in FLOATS]


def test_names_are_unique() -> None:
    names = [op.name for op in ROWS]
    assert sorted(set(names)) == sorted(names)


def reference(op: Op, sample: Sample) -> list[Any]:
    with np.errstate(all="ignore"):
        out = op.numpy(*sample.args, **sample.kwargs)
    return flat(out)


@rows(lambda op: op.numpy)
def test_values_numpy(op: Op) -> None:
    dtype = "float64" if "float64" in op.dtypes else op.dtypes[-1]
    for sample in op.draw(dtype):
        got, want = flat(Call(pf, op, sample)()), reference(op, sample)
        assert len(got) == len(want), describe(sample)
        for g, w in zip(got, want, strict=True):
            # PyTorch's default dtype is float32 where NumPy's is float64.
            single = is_floating(g) and dtype_name(g.dtype) == "float32"
            assert_close(
                g, w, op.tol, "float32" if single else "float64", f"{op}({describe(sample)})"
            )


@pytest.mark.torch
@rows_and("dtype", lambda op: op.dtypes if op.oracle else ())
def test_values_torch(op: Op, dtype: str) -> None:
    for sample in op.draw(dtype):
        what = f"{op}({describe(sample)})"
        want = quiet(Call(torch, op, sample))
        got = Call(pf, op, sample)()
        if op.random:
            for g, w in zip(flat(got), flat(want), strict=True):
                assert tuple(g.shape) == tuple(w.shape), what
                assert dtype_name(g.dtype) == dtype_name(w.dtype), what
        else:
            assert_same(got, want, op.tol, what)


@rows_and("layout", lambda op: op.layouts)
def test_layout(op: Op, layout: str) -> None:
    """The same values in other strides give the same results."""
    dtype = "float32" if "float32" in op.dtypes else op.dtypes[-1]
    for sample in op.draw(dtype, salt=layout):
        what = f"{op}({describe(sample)})"
        call = Call(pf, op, sample, layout)
        plain = Call(pf, op, sample)
        values = [array(t) for t in call.leaves]
        if layout == "expanded":
            plain = Call(pf, op, same_values(sample))
        assert_same(call(), plain(), op.tol, what)
        for t, v in zip(call.leaves, values, strict=True):
            np.testing.assert_array_equal(array(t), v, err_msg=f"{what} changed its input")


def same_values(sample: Sample) -> Sample:
    """What `expanded` makes of a sample, as plain arrays."""

    def spread(a: Any) -> Any:
        if isinstance(a, np.ndarray):
            return np.broadcast_to(a[:1], a.shape).copy() if a.ndim and a.shape[0] else a
        if hasattr(a, "array"):
            return type(a)(spread(a.array))
        if isinstance(a, (list, tuple)):
            return type(a)(spread(x) for x in a)
        return a

    args = tuple(spread(a) for a in sample.args)
    return Sample(args, {k: spread(v) for k, v in sample.kwargs.items()})


@rows(lambda op: op.method)
def test_method(op: Op) -> None:
    """`x.op(...)` is `pf.op(x, ...)`."""
    for sample in op.draw("float64" if "float64" in op.dtypes else op.dtypes[-1]):
        call = Call(pf, op, sample)
        first, *rest = call.args
        if not is_tensor(first):
            continue
        got = getattr(first, op.method)(*rest, **call.kwargs)
        assert_same(got, call(), what=f"{op}({describe(sample)})")


@rows(lambda op: op.inplace)
def test_inplace(op: Op) -> None:
    """`x.op_(...)` leaves in x what `op` returns, keeps its identity and bumps its version."""
    for dtype in op.dtypes:
        for sample in op.draw(dtype):
            what = f"{op}({describe(sample)})"
            want = Call(pf, op, sample)()
            for layout in ("contiguous", "transposed", "stepped"):
                call = Call(pf, op, sample, layout)
                first, *rest = call.args
                if not is_tensor(first) or tuple(first.shape) != tuple(want.shape):
                    continue
                target = first.detach()
                if dtype_name(want.dtype) != dtype_name(first.dtype):
                    if can_hold(dtype, dtype_name(want.dtype)):
                        continue
                    with pytest.raises(RuntimeError, match="can't be cast"):
                        getattr(target, op.inplace)(*rest, **call.kwargs)
                    continue
                version = target._version
                result = getattr(target, op.inplace)(*rest, **call.kwargs)
                assert result is target, what
                assert target._version > version, what
                assert_same(target, want, what=what)
                assert_same(first, want, what=f"{what}: storage is shared")


def can_hold(into: str, result: str) -> bool:
    order = {"b": 0, "u": 1, "i": 1, "f": 2}
    return order[np.dtype(result).kind] <= order[np.dtype(into).kind]


EXTREME = [0.0, -0.0, 1.0, -1.0, 1000.0, -1000.0, np.inf, -np.inf, np.nan, 0.5, -0.5, 88.8, -104.0]
SUBNORMAL = {"float32": [1e-40, -1e-45, 3.4e38], "float64": [5e-324, -1e-310, 1.7e308]}


def extreme_sample(op: Op, dtype: str) -> Sample:
    values = np.array(EXTREME + SUBNORMAL[dtype], dtype=dtype)
    if op.extremes == 1:
        return S(values)
    a, b = np.meshgrid(values, values)
    return S(a.copy(), b.copy())


@pytest.mark.torch
@rows_and("dtype", lambda op: floats_of(op) if op.extremes else ())
def test_extremes(op: Op, dtype: str) -> None:
    """Infinities, NaN, zeros, huge and subnormal values: what PyTorch gives."""
    sample = extreme_sample(op, dtype)
    if op.name == "clamp":
        sample = S(sample.args[0], -0.5, 0.7)
    got, want = array(Call(pf, op, sample)()), array(Call(torch, op, sample)())
    if op.name == "gelu":  # PyTorch's float32 answer at huge values depends on the processor
        sane = np.abs(sample.args[0]) < 1e30
        got, want = got[sane], want[sane]
    assert_close(got, want, op.tol, dtype, what=f"{op} of {sample.args}", elementwise=True)
    # PyTorch's vectorised float32 log1p and gelu lose the sign of a zero.
    if got.dtype.kind == "f" and op.name not in ("log1p", "gelu"):
        zero = want == 0
        np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(want[zero]))


@rows(lambda op: op.grad and "float64" in op.dtypes)
def test_result_is_recorded(op: Op) -> None:
    """Differentiable results carry a `grad_fn` when an input asks for it, and only then."""
    sample = op.draw("float64")[0]
    assert not any(t.requires_grad for t in flat(Call(pf, op, sample)()) if is_tensor(t))
    call = Call(pf, op, sample, grad=True)
    outs = differentiable(call())
    assert outs
    with pf.no_grad():
        quiet = flat(call())
    assert all(t.grad_fn is None for t in quiet if is_tensor(t))
    if outs[0] is not call.leaves[0]:
        assert all(t.grad_fn is not None and not t.is_leaf for t in outs)


@rows(lambda op: not op.grad and "float32" in op.dtypes)
def test_no_silent_gradient(op: Op) -> None:
    """What has no derivative: not recorded, an error that says so, or zero for a step function."""
    for sample in op.draw("float32")[:3]:
        call = Call(pf, op, sample, grad=True)
        for t in differentiable(call()):
            try:
                t.sum().backward()
            except RuntimeError as error:
                assert "derivative" in str(error)
            else:
                assert not any(x.grad is not None and x.grad.any() for x in call.leaves)


@rows(is_function)
def test_function_is_documented(op: Op) -> None:
    assert function(pf, op).__doc__
