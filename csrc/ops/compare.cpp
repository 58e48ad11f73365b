// Whole-tensor comparison.
#include <cstring>

#include "autograd/grad_mode.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

bool all_true(const Tensor& mask) {
  Tensor c = contiguous(mask);
  return !std::memchr(c->data, 0, static_cast<size_t>(c.numel()));
}

Tensor isclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) {
  PF_CHECK(a.dtype() == b.dtype(), Runtime, "isclose: ", dtype_name(a.dtype()), " did not match ",
           dtype_name(b.dtype()), "; convert one of the tensors with .to(dtype)");
  PF_CHECK(rtol >= 0, Runtime, "isclose: rtol must be greater than or equal to zero, but got ",
           rtol);
  PF_CHECK(atol >= 0, Runtime, "isclose: atol must be greater than or equal to zero, but got ",
           atol);
  GradModeGuard off(false);
  Tensor close = eq(a, b);
  bool floating = is_floating(a.dtype());
  if (floating && equal_nan) close = bitwise_or(close, bitwise_and(isnan(a), isnan(b)));
  if ((rtol == 0 && atol == 0) || a.dtype() == DType::Bool) return close;
  Tensor x = floating ? a : to(a, DType::Float64), y = floating ? b : to(b, DType::Float64);
  Tensor difference = abs(sub(x, y));
  Tensor within = le(difference, add(abs(mul(y, rtol)), atol));
  return bitwise_or(close, bitwise_and(isfinite(difference), within));
}

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) {
  return all_true(isclose(a, b, rtol, atol, equal_nan));
}

bool equal(const Tensor& a, const Tensor& b) {
  GradModeGuard off(false);
  return a.sizes() == b.sizes() && all_true(eq(a, b));
}

}  // namespace

PF_OP(isclose,
      "isclose(Tensor input, Tensor other, float rtol=1e-05, float atol=1e-08, bool "
      "equal_nan=False) -> Tensor",
      kFunction | kMethod, "Where abs(input - other) <= atol + rtol * abs(other).")
PF_OP(allclose,
      "allclose(Tensor input, Tensor other, float rtol=1e-05, float atol=1e-08, bool "
      "equal_nan=False) -> bool",
      kFunction | kMethod, "True if isclose() holds everywhere.")
PF_OP(equal, "equal(Tensor input, Tensor other) -> bool", kFunction | kMethod,
      "True if shape and all elements are the same.")

}  // namespace pyforge::ops
