// Activations made of other ops.
#include "autograd/node.h"
#include "ops/lines.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

constexpr double kSeluAlpha = 1.6732632423543772848170429916717,
                 kSeluScale = 1.0507009873554804934193349852946;

// The limits get no gradient, unlike clamp's.
struct HardtanhBackward {
  static constexpr const char* kName = "HardtanhBackward0";
  Scalar min, max;
  static void backward(Node& n, HardtanhBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor x = n.saved(0);
    out[0] = where(logical_and(gt(x, p.min), lt(x, p.max)), in[0], 0);
  }
};

Tensor limited(const Tensor& input, const Scalar& min, const Scalar& max) {
  Tensor y;
  {
    GradModeGuard off(false);
    y = clamp(input, min, max);
  }
  record<HardtanhBackward>(y, {&input}, {&input}, {min, max});
  return y;
}

Tensor hardtanh(const Tensor& input, Scalar min_val, Scalar max_val, bool inplace) {
  PF_CHECK(min_val.to_double() <= max_val.to_double(), Value,
           "hardtanh: min_val cannot be greater than max_val");
  return assigned("hardtanh_", input, limited(input, min_val, max_val), inplace);
}
Tensor relu6(const Tensor& input, bool inplace) {
  return assigned("relu6_", input, limited(input, 0, 6), inplace);
}
Tensor hardsigmoid(const Tensor& input, bool inplace) {
  return assigned("hardsigmoid_", input, limited(add(div(input, 6), 0.5), 0, 1), inplace);
}
Tensor hardswish(const Tensor& input, bool inplace) {
  return assigned("hardswish_", input, mul(input, div(limited(add(input, 3), 0, 6), 6)), inplace);
}
Tensor selu(const Tensor& input, bool inplace) {
  return assigned("selu_", input, mul(elu(input, kSeluAlpha), kSeluScale), inplace);
}
Tensor celu(const Tensor& input, double alpha, bool inplace) {
  PF_CHECK(alpha != 0, Runtime, "celu: ZeroDivisionError: alpha cannot be 0 for CELU");
  return assigned("celu_", input, mul(elu(div(input, alpha), 1.0), alpha), inplace);
}
Tensor mish(const Tensor& input, bool inplace) {
  return assigned("mish_", input, mul(input, tanh(softplus(input, 1.0, 20.0))), inplace);
}
Tensor softsign(const Tensor& input) { return div(input, add(abs(input), 1)); }
Tensor tanhshrink(const Tensor& input) { return sub(input, tanh(input)); }
Tensor threshold(const Tensor& input, Scalar threshold, Scalar value, bool inplace) {
  return assigned("threshold_", input,
                  where(le(input, threshold), full({}, value, input.dtype()), input), inplace);
}

Tensor prelu(const Tensor& input, const Tensor& weight) {
  Tensor w = weight;
  if (weight.numel() != 1) {
    int64_t channels = input.dim() > 1 ? input.size(1) : 1;
    PF_CHECK(
        weight.dim() == 1 && weight.numel() == channels, Runtime,
        "prelu: Mismatch of parameter numbers and input channel size. Found parameter numbers = ",
        weight.numel(), " and channel size = ", channels);
    Dims shape(input.dim(), 1);
    shape[1] = channels;
    w = reshape(weight, shape);
  } else if (weight.dim() > input.dim()) {
    w = reshape(weight, {});
  }
  return where(gt(input, 0), input, mul(w, input));
}

PF_OP(
    hardtanh,
    "hardtanh(Tensor input, Number min_val=-1.0, Number max_val=1.0, bool inplace=False) -> Tensor",
    kNN, "input limited to [min_val, max_val]; the limits get no gradient.")
PF_OP(relu6, "relu6(Tensor input, bool inplace=False) -> Tensor", kNN, "input limited to [0, 6].")
PF_OP(hardsigmoid, "hardsigmoid(Tensor input, bool inplace=False) -> Tensor", kNN,
      "input / 6 + 1/2, limited to [0, 1].")
PF_OP(hardswish, "hardswish(Tensor input, bool inplace=False) -> Tensor", kNN,
      "input * hardsigmoid(input)")
PF_OP(selu, "selu(Tensor input, bool inplace=False) -> Tensor", kNN,
      "elu() with the constants of self-normalising networks.")
PF_OP(celu, "celu(Tensor input, float alpha=1.0, bool inplace=False) -> Tensor", kNN,
      "input where positive, alpha * (e^(input / alpha) - 1) elsewhere.")
PF_OP(mish, "mish(Tensor input, bool inplace=False) -> Tensor", kNN,
      "input * tanh(softplus(input))")
PF_OP(softsign, "softsign(Tensor input) -> Tensor", kNN, "input / (1 + |input|)")
PF_OP(tanhshrink, "tanhshrink(Tensor input) -> Tensor", kNN, "input - tanh(input)")
PF_OP(threshold,
      "threshold(Tensor input, Number threshold, Number value, bool inplace=False) -> Tensor", kNN,
      "input where above threshold, value elsewhere.")
PF_OP(prelu, "prelu(Tensor input, Tensor weight) -> Tensor", kNN | kFunction | kMethod,
      "input where positive, weight (one, or one per channel) * input elsewhere.")

}  // namespace
}  // namespace pyforge::ops
