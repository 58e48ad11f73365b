"""float16 and bfloat16: every row of the op table with PyTorch's result for the same dtype."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from optable import ROWS
from optable.model import Op, Sample
from support import (
    Call,
    describe,
    differentiable,
    dtype_name,
    flat,
    gradients,
    is_tensor,
    quiet,
    torch,
)

import pyforge as pf

HALVES = ("float16", "bfloat16")
EPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
# Gradients that are sums of rounded terms which cancel, or that start from a rounded logarithm.
CANCELS = (
    "div",
    "divide",
    "true_divide",
    "operator /",
    "logsumexp",
    "ctc_loss",
    "special.spherical_bessel_j0",
    "cumulative_trapezoid",
)


class HalfCall(Call):
    """A sample with its floating arrays rounded to a half dtype; `wide`: held in float64."""

    def __init__(
        self, P: Any, op: Op, sample: Sample, dtype: str, grad: bool = False, wide: bool = False
    ) -> None:
        self.dtype, self.wide = dtype, wide
        super().__init__(P, op, sample, grad=grad)

    def _tensor(self, v: np.ndarray) -> Any:
        t = super()._tensor(v)
        if v.dtype.kind != "f":
            return t
        t = t.to(getattr(self.P, self.dtype))
        return t.double() if self.wide else t


def values(t: Any) -> np.ndarray:
    return np.array(t.detach().double().numpy())


def near(got: Any, want: Any, ulps: float) -> np.ndarray:
    """Within units in the last place of a value, or of a quarter of the largest."""
    a, b = values(got), values(want)
    finite = np.abs(b[np.isfinite(b)])
    size = np.maximum(np.abs(b), 0.25 * float(finite.max())) if finite.size else np.abs(b)
    with np.errstate(invalid="ignore"):
        close = np.abs(a - b) <= ulps * EPS[dtype_name(got.dtype)] * size
    return np.asarray(close | (a == b) | (np.isnan(a) & np.isnan(b)))


def assert_near(got: Any, want: Any, ulps: float, what: str) -> None:
    bad = ~near(got, want, ulps)
    assert not bad.any(), f"{what}: {values(got)[bad][:4]}, expected {values(want)[bad][:4]}"


def floating_rows(keep: Any) -> Any:
    pairs = [(op, half) for op in ROWS if "float32" in op.dtypes and keep(op) for half in HALVES]
    return pytest.mark.parametrize(
        ("op", "half"), pairs, ids=[f"{op}-{half}" for op, half in pairs]
    )


@pytest.mark.torch
@floating_rows(lambda op: op.oracle and op.name != "from_numpy")
def test_values(op: Op, half: str) -> None:
    """PyTorch's result, or the float64 result rounded where PyTorch rounds on the way to it."""
    for sample in op.draw("float32"):
        what = f"{op}({describe(sample)})"
        try:
            got, exact = (flat(HalfCall(pf, op, sample, half, wide=w)()) for w in (False, True))
        except RuntimeError as error:  # decompositions, as in PyTorch
            assert "Low precision dtypes not supported" in str(error)
            continue
        try:
            want = flat(quiet(HalfCall(torch, op, sample, half)))
        except (NotImplementedError, RuntimeError) as error:  # PyTorch's lack
            lacks = "not implemented for", "float or double", "vander supports"
            assert any(text in str(error) for text in lacks)
            want = exact
        for g, w, x in zip(got, want, exact, strict=True):
            if not is_tensor(w):
                continue
            assert tuple(g.shape) == tuple(w.shape), what
            if want is not exact:
                assert dtype_name(g.dtype) == dtype_name(w.dtype), what
            if op.random:
                continue
            if w.is_floating_point():
                bad = ~(near(g, w, 1.01) | near(g, x, 4))
                assert not bad.any(), f"{what}: {values(g)[bad][:4]}, expected {values(x)[bad][:4]}"
            else:
                np.testing.assert_array_equal(g.numpy(), w.numpy(), err_msg=what)


@floating_rows(lambda op: op.grad and not op.random and "float64" in op.dtypes)
def test_gradients(op: Op, half: str) -> None:
    """In the dtype of the leaf, and near the gradient that float64 gives for the same values."""
    for sample in op.draw("float32"):
        if not sample.smooth:
            continue
        what = f"{op}({describe(sample)})"
        call, wide = (HalfCall(pf, op, sample, half, grad=True, wide=w) for w in (False, True))
        try:
            outs = differentiable(call())
        except RuntimeError as error:
            assert "Low precision dtypes not supported" in str(error)
            continue
        if not outs:
            continue
        weights = [np.asarray(1 + np.arange(t.numel()).reshape(t.shape) % 5 / 4) for t in outs]
        want = gradients(wide, weights=weights)
        cotangents = [pf.from_numpy(w).to(t.dtype) for w, t in zip(weights, outs, strict=True)]
        got = pf.autograd.grad(outs, call.leaves, cotangents, allow_unused=True)
        for g, w, leaf in zip(got, want, call.leaves, strict=True):
            assert (g is None) == (w is None), what
            if g is not None:
                assert g.dtype == leaf.dtype, what
                assert_near(g, w, 40 if op.name in CANCELS else 8, what)


halves = pytest.mark.parametrize("half", HALVES)


def every_value(P: Any, half: str) -> Any:
    bits = np.arange(2**16, dtype=np.uint16)
    if half == "float16":
        return P.from_numpy(bits.view(np.float16).copy())
    wide = (bits.astype(np.uint32) << 16).view(np.float32)
    return P.from_numpy(wide).bfloat16()


@pytest.mark.torch
@halves
@pytest.mark.parametrize("isa", pf.backends.cpu.available_instruction_sets())
def test_conversions(half: str, isa: str) -> None:
    """Widening all values, and rounding the midpoints between them and their neighbours."""
    before = pf.backends.cpu.get_instruction_set()
    pf.backends.cpu.set_instruction_set(isa)
    try:
        ours, theirs = every_value(pf, half), every_value(torch, half)
        wide = theirs.float().numpy()
        np.testing.assert_array_equal(ours.float().numpy(), wide)
        np.testing.assert_array_equal(ours.double().numpy(), theirs.double().numpy())
        np.testing.assert_array_equal(ours.bool().numpy(), theirs.bool().numpy())
        with np.errstate(all="ignore"):
            middle = (wide[1:] + wide[:-1]) / 2
            up, down = np.nextafter(middle, np.float32(np.inf)), np.nextafter(middle, -np.inf)
            values = np.concatenate([middle, up, down.astype(np.float32), wide * np.float32(1.3)])
        dtype, torch_dtype = getattr(pf, half), getattr(torch, half)
        for source in (values, values[np.isfinite(values)].astype(np.float64)):
            got = pf.from_numpy(source).to(dtype).float().numpy()
            want = torch.from_numpy(source).to(torch_dtype).float().numpy()
            np.testing.assert_array_equal(got, want)
            zero = want == 0
            np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(want[zero]))
        integers = np.arange(-70000, 70000, 7)
        np.testing.assert_array_equal(
            pf.from_numpy(integers).to(dtype).double().numpy(),
            torch.from_numpy(integers).to(torch_dtype).double().numpy(),
        )
    finally:
        pf.backends.cpu.set_instruction_set(before)


@halves
def test_exchange(half: str) -> None:
    t = every_value(pf, half)
    assert t.dtype.itemsize == 2
    assert t.dtype.is_floating_point
    same = pickle.loads(pickle.dumps(t))
    assert same.dtype == t.dtype
    np.testing.assert_array_equal(same.float().numpy(), t.float().numpy())
    view = pf.from_dlpack(t)
    assert (view.dtype, view.data_ptr()) == (t.dtype, t.data_ptr())
    if half == "float16":
        array = t.numpy()
        assert array.dtype == np.float16
        assert pf.from_numpy(array).data_ptr() == t.data_ptr()
    else:
        with pytest.raises(TypeError, match="unsupported ScalarType BFloat16"):
            t.numpy()
    assert pf.tensor([1.5, -2], dtype=t.dtype).tolist() == [1.5, -2.0]
    assert pf.tensor(0.1, dtype=t.dtype).item() == pf.tensor(0.1).to(t.dtype).double().item()
    assert repr(pf.tensor([1.5], dtype=t.dtype)) == f"tensor([1.5000], dtype=pyforge.{half})"


@pytest.mark.torch
@halves
def test_dlpack_with_torch(half: str) -> None:
    ours, theirs = every_value(pf, half), every_value(torch, half)
    taken, given = pf.from_dlpack(theirs), torch.from_dlpack(ours)
    assert (taken.dtype, given.dtype) == (ours.dtype, theirs.dtype)
    np.testing.assert_array_equal(taken.float().numpy(), given.float().numpy())


@pytest.mark.torch
@halves
def test_limits(half: str) -> None:
    ours, theirs = pf.finfo(getattr(pf, half)), torch.finfo(getattr(torch, half))
    for name in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution"):
        assert getattr(ours, name) == getattr(theirs, name), name


@halves
def test_default_dtype(half: str) -> None:
    pf.set_default_dtype(getattr(pf, half))
    try:
        assert pf.tensor(0.5).dtype == pf.ones(2).dtype == getattr(pf, half)
        assert (pf.tensor([1, 2]) / 2).dtype == getattr(pf, half)
        assert pf.nn.Linear(2, 3).weight.dtype == getattr(pf, half)
    finally:
        pf.set_default_dtype(pf.float32)


@pytest.mark.torch
@halves
def test_random_streams(half: str) -> None:
    def draw(P: Any) -> list[np.ndarray]:
        P.manual_seed(5)
        dtype, out = getattr(P, half), []
        for n in (5, 16, 40, 1001):
            empty = P.empty(n, dtype=dtype)
            out += [empty.clone().uniform_(-1, 3), empty.clone().normal_(2, 0.5)]
            out += [P.rand(n, dtype=dtype), P.randn(n, dtype=dtype)]
            out += [P.nn.functional.dropout(P.ones(n, dtype=dtype), 0.3)]
        return [values(t) for t in out]

    for got, want in zip(draw(pf), draw(torch), strict=True):
        np.testing.assert_array_equal(got, want)


@halves
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
def test_optimizers(half: str, name: str) -> None:
    """Parameter and state stay in their dtype; a step is the float32 step, rounded."""
    start = pf.tensor([0.5, -1.0, 2.0, 0.25])
    wide, narrow = start.clone().requires_grad_(), start.to(getattr(pf, half)).requires_grad_()
    steps = [getattr(pf.optim, name)([p], lr=0.125) for p in (wide, narrow)]
    for p, optimizer in zip((wide, narrow), steps, strict=True):
        p.grad = pf.tensor([0.5, 0.25, -1.0, 0.125]).to(p.dtype)
        optimizer.step()
    assert narrow.dtype == getattr(pf, half)
    assert_near(narrow, wide, 1, name)
    for key, state in steps[1].state[narrow].items():
        if key != "step" and is_tensor(state):
            assert state.dtype == narrow.dtype, key


def test_reductions_accumulate_in_float32() -> None:
    ones = pf.ones(70001, 3, dtype=pf.bfloat16)
    assert ones.sum().item() == pf.tensor(210003.0).bfloat16().item()
    assert ones.mean(0).tolist() == [1.0] * 3
    assert ones.t().sum(1).tolist() == ones.sum(0).tolist() == [70144.0] * 3
    x = pf.full((300,), 200.0, dtype=pf.float16)
    assert x.norm().item() == pf.tensor(200.0 * 300**0.5).half().item()
    assert x.mean().item() == 200.0


@halves
def test_products_round_once(half: str) -> None:
    rng = np.random.default_rng(3)
    dtype = getattr(pf, half)
    for m, k, n in ((1, 7, 1), (3, 5, 4), (33, 65, 17), (70, 300, 90)):
        a, b = (pf.from_numpy(rng.normal(size=s)).to(dtype) for s in ((m, k), (k, n)))
        c = pf.from_numpy(rng.normal(size=n)).to(dtype)
        want = a.double() @ b.double()
        for got in (a @ b, a.t().contiguous().t() @ b, a @ b.t().contiguous().t()):
            assert_near(got, want, 0.6, f"{m} {k} {n}")
        assert_near(pf.addmm(c, a, b), want + c.double(), 0.6, "addmm")
        assert_near(pf.nn.functional.linear(a, b.t(), c), want + c.double(), 0.6, "linear")
