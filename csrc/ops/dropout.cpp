// Dropout from the default generator's stream.
#include "autograd/grad_mode.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

// 1 / (1 - p) with probability 1 - p, else 0, in t's layout.
Tensor dropout_noise(const Tensor& t, double p) {
  GradModeGuard off(false);
  Tensor noise = empty_like(t);
  bernoulli_data(noise, 1 - p, nullptr);
  div_(noise, 1 - p);
  return noise;
}

}  // namespace

Tensor dropout(const Tensor& input, double p, bool training, bool inplace) {
  PF_CHECK(p >= 0 && p <= 1, Value, "dropout probability has to be between 0 and 1, but got ", p);
  if (p == 0 || !training || input.numel() == 0) return input;
  PF_CHECK(is_floating(input.dtype()), Runtime,
           "dropout: result type Float can't be cast to the dtype of the input, ",
           dtype_name(input.dtype()), "; convert the input with .to(dtype) first");
  Tensor factor = p == 1 ? zeros({}, input.dtype()) : dropout_noise(input, p);
  if (!inplace) return mul(input, factor);
  mul_(input, factor);
  return input;
}

PF_OP(dropout,
      "dropout(Tensor input, float p=0.5, bool training=True, bool inplace=False) -> Tensor",
      kNN | kFunction,
      "In training: every element zeroed with probability p, the others divided by 1 - p. Else the "
      "input.")

}  // namespace pyforge::ops
