"""Shared by the tests: a sample as tensors of pyforge or PyTorch, and comparison of results."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from optable.model import DT, Const, Op, Sample

import pyforge as pf

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

# Relative to the value, and to the largest value of the result (sums cancel).
RTOL = {"float64": 1e-10, "float32": 4e-6, "float16": 1e-3, "bfloat16": 8e-3}
ATOL = {"float64": 1e-13, "float32": 4e-7, "float16": 1e-4, "bfloat16": 8e-4}
WIDEST = 1e4  # beyond it the largest value would excuse any error of the others


def dtype_name(dtype: Any) -> str:
    return str(dtype).rpartition(".")[2]


def contiguous(P: Any, v: np.ndarray) -> Any:
    return P.from_numpy(np.array(v, order="C")).clone()


def transposed(P: Any, v: np.ndarray) -> Any:
    base = contiguous(P, np.array(v.T, order="C"))
    return base.permute(*range(v.ndim - 1, -1, -1)) if v.ndim else base


def stepped(P: Any, v: np.ndarray) -> Any:
    if v.ndim == 0:
        return contiguous(P, np.stack([v, v, v]))[1]
    big = np.zeros([2 * n + 1 for n in v.shape], dtype=v.dtype)
    window = tuple(slice(1, None, 2) for _ in v.shape)
    big[window] = v
    return contiguous(P, big)[window]


def negative(P: Any, v: np.ndarray) -> Any:
    return P.from_numpy(np.asarray(np.flip(np.array(np.flip(v), order="C"))))


def expanded(P: Any, v: np.ndarray) -> Any:
    """The first row for all rows, with a stride of zero."""
    if v.ndim == 0 or v.shape[0] == 0:
        return contiguous(P, v)
    return contiguous(P, v[:1]).expand(*v.shape)


LAYOUT = {
    "contiguous": contiguous,
    "transposed": transposed,
    "stepped": stepped,
    "negative": negative,
    "expanded": expanded,
}


class Call:
    """A sample bound to one library: arguments as tensors, and the leaves among them."""

    def __init__(
        self,
        P: Any,
        op: Op,
        sample: Sample,
        layout: str = "contiguous",
        grad: bool | int = False,
        values: list[np.ndarray] | None = None,
    ) -> None:
        self.P, self.op = P, op
        self.leaves: list[Any] = []
        self._layout, self._grad = layout, grad
        self._values = iter(values) if values is not None else None
        self.args = tuple(self._bind(a) for a in sample.args)
        self.kwargs = {k: self._bind(v) for k, v in sample.kwargs.items()}
        self.fn = function(P, op)

    def _bind(self, a: Any) -> Any:
        if isinstance(a, np.ndarray):
            floating = a.dtype.kind == "f"
            if floating and self._values is not None:
                a = next(self._values)
            t = self._tensor(a)
            if floating:
                number = len(self.leaves)
                if self._grad is True or (self._grad is not False and self._grad == number + 1):
                    t = t.detach().requires_grad_()
                self.leaves.append(t)
            return t
        if isinstance(a, Const):
            return self._tensor(a.array)
        if isinstance(a, DT):
            return getattr(self.P, a.name)
        if isinstance(a, (list, tuple)):
            return type(a)(self._bind(x) for x in a)
        return a

    def _tensor(self, v: np.ndarray) -> Any:
        if self.P is torch and self._layout != "contiguous":
            if self._layout == "expanded" and v.ndim and v.shape[0]:
                v = np.broadcast_to(v[:1], v.shape)
            return contiguous(self.P, v)
        return LAYOUT[self._layout](self.P, v)

    def __call__(self) -> Any:
        return self.fn(*self.args, **self.kwargs)


def resolve(P: Any, path: str) -> Any:
    for part in path.split("."):
        P = getattr(P, part)
    return P


def function(P: Any, op: Op) -> Any:
    call = op.torch if P is torch and op.torch is not None else op.call
    if call is None:
        call = op.name
    if isinstance(call, str):
        return resolve(P, call)
    return lambda *args, **kwargs: call(P, *args, **kwargs)


def leaf_values(sample: Sample) -> list[np.ndarray]:
    """The floating arrays of a sample, in the order `Call` takes them."""
    found: list[np.ndarray] = []

    def walk(a: Any) -> None:
        if isinstance(a, np.ndarray):
            if a.dtype.kind == "f":
                found.append(a)
        elif isinstance(a, (list, tuple)):
            for x in a:
                walk(x)

    for a in (*sample.args, *sample.kwargs.values()):
        walk(a)
    return found


def flat(out: Any) -> list[Any]:
    """The tensors (and numbers) of a result, whatever tuples they come in."""
    if isinstance(out, (tuple, list)):
        return [t for part in out for t in flat(part)]
    return [out]


def is_tensor(t: Any) -> bool:
    return hasattr(t, "requires_grad")


def is_floating(t: Any) -> bool:
    return is_tensor(t) and dtype_name(t.dtype) in RTOL


def array(t: Any) -> np.ndarray:
    if not is_tensor(t):
        return np.asarray(t)
    t = t.detach()
    return np.array((t.float() if dtype_name(t.dtype) == "bfloat16" else t).numpy())


def assert_close(
    got: Any,
    want: Any,
    tol: float = 1.0,
    dtype: str | None = None,
    what: str = "",
    elementwise: bool = False,
) -> None:
    """Equal up to rounding; NaN equals NaN, infinities must match.

    The absolute tolerance follows the largest value, for sums, unless that is beyond WIDEST or
    `elementwise` is asked for.
    """
    a, b = array(got), array(want)
    assert a.shape == b.shape, f"{what}: shape {a.shape}, expected {b.shape}"
    kinds = {dtype_name(getattr(x, "dtype", "float64")) for x in (got, want)}
    narrow = [d for d in ("bfloat16", "float16", "float32") if d in kinds]
    name = dtype or (narrow[0] if narrow else "float64")
    if a.dtype.kind in "bui" and b.dtype.kind in "bui":
        np.testing.assert_array_equal(a, b, err_msg=what)
        return
    a, b = a.astype(np.float64), b.astype(np.float64)
    finite = b[np.isfinite(b)]
    largest = float(np.abs(finite).max()) if finite.size else 0.0
    scale = 1.0 if elementwise or largest > WIDEST else max(1.0, largest)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(
            a, b, rtol=RTOL[name] * tol, atol=ATOL[name] * scale * tol, err_msg=what
        )


def assert_same(got: Any, want: Any, tol: float = 1.0, what: str = "", dtypes: bool = True) -> None:
    """Two results of one op in two libraries: structure, shape, dtype, value."""
    gots, wants = flat(got), flat(want)
    assert len(gots) == len(wants), f"{what}: {len(gots)} results, expected {len(wants)}"
    for g, w in zip(gots, wants, strict=True):
        if is_tensor(w):
            assert is_tensor(g), f"{what}: {type(g).__name__} where a tensor is expected"
            assert tuple(g.shape) == tuple(w.shape), (
                f"{what}: shape {tuple(g.shape)}, expected {tuple(w.shape)}"
            )
            if dtypes:
                assert dtype_name(g.dtype) == dtype_name(w.dtype), f"{what}: dtype"
        assert_close(g, w, tol, what=what)


def describe(sample: Sample) -> str:
    def short(a: Any) -> str:
        if isinstance(a, Const):
            a = a.array
        if isinstance(a, np.ndarray):
            return f"{a.dtype}{list(a.shape)}"
        if isinstance(a, (list, tuple)):
            return f"[{', '.join(short(x) for x in a)}]"
        return a.name if isinstance(a, DT) else repr(a)

    parts = [short(a) for a in sample.args]
    return ", ".join(parts + [f"{k}={short(v)}" for k, v in sample.kwargs.items()])


def cotangents(outs: list[Any], seed: int = 7) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    names = [dtype_name(t.dtype).replace("bfloat16", "float32") for t in outs]
    return [
        np.asarray(rng.uniform(0.5, 1.5, tuple(t.shape))).astype(name)
        for t, name in zip(outs, names, strict=True)
    ]


def differentiable(out: Any) -> list[Any]:
    return [t for t in flat(out) if is_floating(t) and t.requires_grad]


def gradients(call: Call, create_graph: bool = False, weights: list[np.ndarray] | None = None):
    """Gradients of the leaves for fixed random cotangents; None where an output ignores a leaf."""
    outs = differentiable(call())
    leaves = [t for t in call.leaves if t.requires_grad]
    if weights is None:
        weights = cotangents(outs)
    return call.P.autograd.grad(
        outs,
        leaves,
        [call.P.from_numpy(np.array(w)).to(t.dtype) for w, t in zip(weights, outs, strict=True)],
        create_graph=create_graph,
        allow_unused=True,
    )


def quiet(fn: Any, *args: Any, **kwargs: Any) -> Any:
    """Call PyTorch without its deprecation warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fn(*args, **kwargs)


def instruction_sets() -> list[str]:
    return list(pf.backends.cpu.available_instruction_sets())
