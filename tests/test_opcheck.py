"""opcheck passes sound ops and names what is wrong with others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import pyforge as pf
from pyforge.library import custom_op
from pyforge.testing import OpCheckError, opcheck
from pyforge.utils import cpp_extension

SOURCE = """
using namespace pyforge;
template <int kMistake>
static Tensor twice(Context& ctx, const Tensor& x) {
  Tensor in = kMistake == 1 ? x : contiguous(x), y = ctx.empty_like(in);
  const double* p = in.data<double>();
  double* q = y.mutable_data<double>();
  int64_t n = in.numel();
  for (int64_t i = 0; i < n - (kMistake == 2) + (kMistake == 3); ++i)
    q[i] = kMistake == 4 ? (p[i] > 0 ? 2 * p[i] : -2 * -p[i] > 0 ? 0 : p[i] < 0 ? 2 * p[i] : 0) : 2 * p[i % n];
  if (kMistake == 5) x.mutable_data<double>()[0] = 7;
  return y;
}
template <int kFactor>
static void back(Context& ctx) { ctx.set_grad(0, ctx.grad() * static_cast<double>(kFactor)); }
PF_OP("sound(Tensor x) -> Tensor", twice<0>, back<2>)
PF_OP("ignores_strides(Tensor x) -> Tensor", twice<1>, back<2>)
PF_OP("leaves_one_out(Tensor x) -> Tensor", twice<2>, back<2>)
PF_OP("runs_over(Tensor x) -> Tensor", twice<3>, back<2>)
PF_OP("swallows_nan(Tensor x) -> Tensor", twice<4>, back<2>)
PF_OP("changes_input(Tensor x) -> Tensor", twice<5>, back<2>)
// Reads float32 as half as many doubles; leaves a single element alone.
static Tensor reads_wrong(Context& ctx, const Tensor& x) {
  Tensor in = contiguous(x), y = ctx.empty_like(in);
  if (in.dtype() == DType::Float64) return in * 2.0;
  for (int64_t i = 0; i < in.numel(); ++i) y.mutable_data<float>()[i] = static_cast<float>(i);
  return y;
}
static Tensor leaves_scalar(Context& ctx, const Tensor& x) {
  return x.dim() ? x * 2.0 : ctx.empty_like(x);
}
PF_OP("wrong_float32(Tensor x) -> Tensor", reads_wrong, nullptr)
PF_OP("unwritten_scalar(Tensor x) -> Tensor", leaves_scalar, nullptr)
PF_OP("wrong_factor(Tensor x) -> Tensor", twice<0>, back<3>)

// x squared with kernels for both directions and one mistake.
template <class T, class F>
static void fill(const Tensor& y, F f) {
  T* to = y.mutable_data<T>();
  parallel_for(y.numel(), 10000, [=](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) to[i] = f(i, first);
  });
}
enum Mistake { kNone, kGrad, kInput, kBranch, kRange, kGradRange, kFloat, kGradEnd, kOneElement };
template <Mistake kMistake>
static Tensor squared(Context& ctx, const Tensor& x) {
  Tensor in = contiguous(x), y = ctx.empty_like(in);
  with_floating("squared", in.dtype(), [&](auto zero) {
    using T = decltype(zero);
    fill<T>(y, [p = in.data<T>()](int64_t i, int64_t first) {
      int64_t k = kMistake == kRange ? i - first : i;
      return p[k] * p[k];
    });
  });
  ctx.save(x);
  return y;
}
template <Mistake kMistake>
static void squared_back(Context& ctx) {
  Tensor x = ctx.saved(0), g = ctx.grad();
  if (ctx.create_graph()) return ctx.set_grad(0, g * x * (kMistake == kBranch ? 3.0 : 2.0));
  Tensor in = kMistake == kInput ? x : contiguous(x), top = kMistake == kGrad ? g : contiguous(g);
  Tensor out = ctx.empty_like(contiguous(x));
  with_floating("squared", in.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T factor = kMistake == kFloat && sizeof(T) == 4 ? 5 : 2;
    int64_t n = in.numel();
    fill<T>(kMistake == kGradEnd ? narrow(out, 0, 0, x.size(0) - 1) : out,
            [=, p = in.data<T>(), q = top.data<T>()](int64_t i, int64_t first) {
              int64_t k = kMistake == kGradRange ? i - first : i;
              return factor * p[k] * q[i] * (kMistake == kOneElement && i == n / 3 ? T(1.25) : 1);
            });
  });
  ctx.set_grad(0, out);
}
#define SQUARED(name, mistake) PF_OP(name "(Tensor x) -> Tensor", squared<mistake>, squared_back<mistake>)
SQUARED("square_sound", kNone)
SQUARED("grad_strides", kGrad)
SQUARED("input_strides", kInput)
SQUARED("branches", kBranch)
SQUARED("range", kRange)
SQUARED("grad_range", kGradRange)
SQUARED("float32_grad", kFloat)
SQUARED("grad_end", kGradEnd)
SQUARED("one_element", kOneElement)

// Every range adds to the same place.
static Tensor race(Context& ctx, const Tensor& x) {
  Tensor in = contiguous(x), y = ctx.empty(Sizes(1), x.dtype());
  with_floating("race", x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    volatile T* sum = y.mutable_data<T>();
    *sum = 0;
    const T* p = in.data<T>();
    parallel_for(in.numel(), 1, [=](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) *sum = *sum + p[i];
    });
  });
  return y;
}
PF_OP("race(Tensor x) -> Tensor", race, nullptr)

static Tensor pair(Context&, Span<Tensor> xs) { return xs[0] * 1.0 + xs[1]; }
static void pair_back(Context& ctx) {
  ctx.set_grad(0, 0, ctx.grad());
  ctx.set_grad(0, 1, ctx.grad() * 5.0);
}
PF_OP("pair(Tensor[] xs) -> Tensor", pair, pair_back)
static Tensor scale(Context& ctx, const Tensor& x, Optional<Tensor> w) {
  ctx.save(x, *w);
  return x * *w;
}
static void scale_back(Context& ctx) {
  ctx.set_grad(0, ctx.grad() * ctx.saved(1));
  ctx.set_grad(1, ctx.grad() * 3.0);
}
PF_OP("scale(Tensor x, *, Tensor? w=None) -> Tensor", scale, scale_back)
static Tensor minus_square(Context& ctx, const Tensor& a, const Tensor& b) {
  ctx.save(a, b);
  return a - b * b;
}
static void swapped(Context& ctx) {
  Tensor b = ctx.saved(1);
  ctx.set_grad(0, ctx.grad() * b * -2.0);
  ctx.set_grad(1, ctx.grad());
}
PF_OP("swapped(Tensor a, Tensor b) -> Tensor", minus_square, swapped)
static void forgets(Context& ctx) { ctx.set_grad(0, ctx.saved(0) * 2.0); }
PF_OP("forgets_g(Tensor x) -> Tensor", squared<kNone>, forgets)
static int64_t calls = 0;
static Tensor counts(Context&, const Tensor& x) { return x * static_cast<double>(++calls); }
PF_OP("counts(Tensor x) -> Tensor", counts, nullptr)
static Tensor set_first(Context&, const Tensor& x) {
  x.mutable_data<double>()[0] = 7;
  return x;
}
PF_OP("set_first(Tensor(a!) x) -> Tensor", set_first, nullptr)
static void once(Context& ctx) { ctx.set_grad(0, ctx.grad() * ctx.saved(0) * 2.0); }
PF_OP("once(Tensor x) -> Tensor", squared<kNone>, once, OpOptions{.once_differentiable = true})
"""


@pytest.fixture(scope="module")
def ext() -> Iterator[Any]:
    library = cpp_extension.load_inline("test_opcheck_ops", SOURCE)
    yield library
    library.unload()


def sample(*shape: int, grad: bool = True, dtype: Any = pf.float64) -> Any:
    return pf.randn(*(shape or (3, 4)), dtype=dtype).requires_grad_(grad)


@pytest.mark.parametrize("name", ["sound", "square_sound"])
def test_sound(ext: Any, name: str) -> None:
    report = opcheck(getattr(ext, name), (sample(),))
    assert {"threads", "second derivative", "strided gradients"} <= set(report)
    assert set(report.skipped) <= {"float32", "float32 gradients"}
    assert ("float32" in report) == (name == "square_sound")  # the other reads doubles only


WRONG: list[tuple[str, str]] = [
    ("ignores_strides", "strided inputs: .* ignores strides"),
    ("leaves_one_out", r"every element written: element \(2, 3\) of output 0 is never written"),
    ("runs_over", "past the end"),
    ("swallows_nan", "NaN: .* reaches no output"),
    ("changes_input", "inputs unchanged: input 0 was changed"),
    ("wrong_float32", "float32: .* float32 is far"),
    ("unwritten_scalar", "never written for 0-d"),
    ("wrong_factor", "first derivative: .*input 0"),
    ("grad_strides", r"strided gradients: .*expanded.*use contiguous\(g\)"),
    ("input_strides", r"strided inputs: .*the gradient of input 0 .*contiguous\(x\)"),
    ("branches", "create_graph: the gradient of input 0"),
    ("range", "threads: .*another order, output 0 .*beginning of the range"),
    ("grad_range", "threads: .*another order, the gradient of input 0"),
    ("float32_grad", "float32 gradients: the gradient of input 0"),
    ("grad_end", r"element \(2, 0\) of the gradient of input 0 is never written"),
    ("forgets_g", "first derivative: .*is g forgotten"),
    ("counts", "same result twice: .*second of two equal calls"),
]


@pytest.mark.parametrize(("name", "text"), WRONG, ids=[name for name, _ in WRONG])
def test_mistakes(ext: Any, name: str, text: str) -> None:
    with pytest.raises(OpCheckError, match=f"(?s)opcheck.{name}.: .*{text}"):
        opcheck(getattr(ext, name), (sample(),))
    assert pf.get_num_threads() >= 1


@pytest.mark.parametrize("n", [12, 1000, 300_000])
def test_race(ext: Any, n: int) -> None:
    with pytest.raises(OpCheckError, match=r"threads: .*output 0 differs.*shared by all ranges"):
        opcheck(ext.race, (pf.rand(n),))


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "text"),
    [
        ("pair", ([sample(2), sample(2)],), {}, r"respect to input 0\[1\]"),
        ("scale", (sample(2),), {"w": sample(2)}, "respect to input 'w'"),
        ("swapped", (sample(4, 3), sample(3)), {}, "derivative with respect to input 1.*exchanged"),
        ("swapped", (sample(4), sample(4)), {}, "derivative with respect to input 1.*exchanged"),
        # whatever the dtype, and whether or not it requires grad
        ("wrong_factor", (sample(3, dtype=pf.float64, grad=False),), {}, "1.5 times"),
        ("one_element", (sample(3, 5, dtype=pf.float32),), {}, r"input\[1, 0\]"),
        ("one_element", (sample(4, dtype=pf.float32, grad=False),), {}, r"input\[1\]"),
        # too large for every entry: the one that is wrong is found
        ("one_element", (sample(300, 30),), {}, r"at element \(100, 0\)"),
        ("wrong_factor", (sample(300, 30),), {}, "1.5 times"),
    ],
)
def test_derivatives(ext: Any, name: str, args: Any, kwargs: Any, text: str) -> None:
    with pytest.raises(OpCheckError, match=f"(?s)first derivative: .*{text}"):
        opcheck(getattr(ext, name), args, kwargs)


def test_what_was_not_done(ext: Any) -> None:
    report = opcheck(ext.once, sample())
    assert "first derivative" in report
    assert "second derivative" not in report
    assert "once differentiable" in report.skipped["second derivative"]
    report = opcheck(ext.sound, (sample(),), second=False)
    assert "refuses float32" in report.skipped["float32"]
    assert "not done: float32" in repr(report)
    report = opcheck(pf.add, (sample(2), sample(2, grad=False)))
    assert report.skipped == {"derivative of input 1": "it does not require grad"}
    report = opcheck(ext.set_first, (sample(2, grad=False),), gradients=False)
    assert "inputs unchanged" in report
    with pytest.raises(TypeError, match="from_numpy"):
        opcheck(ext.sound, pf.ones(3).numpy())


def test_python_ops() -> None:
    def changes(x: pf.Tensor) -> pf.Tensor:
        x.mul_(2)
        return x * 1

    op = custom_op("test_opcheck::changes", changes)
    for x in (sample(3), sample(3, grad=False), pf.ones(3)):
        for f, name in ((op, "test_opcheck::changes"), (changes, "changes")):
            with pytest.raises(
                OpCheckError, match=f"opcheck.{name}.: inputs unchanged: input 0 was changed"
            ):
                opcheck(f, (x,))
    alias = custom_op("test_opcheck::alias", lambda x: pf.from_numpy(x.numpy()))
    with pytest.raises(OpCheckError, match="shares memory with input 0"):
        opcheck(alias, (pf.ones(3),))
