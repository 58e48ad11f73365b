"""opcheck passes sound ops and names what is wrong with others."""

from __future__ import annotations

from typing import Any

import pytest

import pyforge as pf
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
"""


@pytest.fixture(scope="module")
def ext() -> Any:
    return cpp_extension.load_inline("test_opcheck_ops", SOURCE)


def sample() -> Any:
    return pf.randn(3, 4, dtype=pf.float64).requires_grad_()


def test_sound(ext: Any) -> None:
    assert "second derivative" in opcheck(ext.sound, (sample(),))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ignores_strides", "ignores strides"),
        ("leaves_one_out", "never written"),
        ("runs_over", "past the end"),
        ("swallows_nan", "reaches no output"),
        ("changes_input", "input 0 was changed"),
        ("wrong_float32", "float32 is far"),
        ("unwritten_scalar", "never written for 0-d"),
        ("wrong_factor", "first derivative"),
    ],
)
def test_mistakes(ext: Any, name: str, text: str) -> None:
    with pytest.raises(OpCheckError, match=text):
        opcheck(getattr(ext, name), (sample(),))
