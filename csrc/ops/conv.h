// Convolution as three bilinear maps, each the derivative of the others.
#pragma once
#include "ops/registry.h"

namespace pyforge::ops {

// Greatest stride, padding or dilation, so that products with sizes fit.
inline constexpr int64_t kMaxStep = INT32_MAX;

struct ConvParams {
  int dims = 2;  // spatial ones, 1 to 3
  int64_t stride[3] = {1, 1, 1}, padding[3] = {0, 0, 0}, dilation[3] = {1, 1, 1};
  int64_t groups = 1;
};

// input [N, C, *in], weight [K, C / groups, *kernel], grad or result [N, K, *out]; bias [K].
// Shapes and dtypes are the caller's business.
// The result has `sizes`, at most what fits.
Tensor conv_forward(const Tensor& input, const Tensor& weight, const Tensor& bias,
                    const ConvParams& p, IntSpan sizes);
// The gradient of the input, which has `sizes`; with a bias [C] that is the transposed convolution.
Tensor conv_input(const Tensor& grad, const Tensor& weight, const Tensor& bias, const ConvParams& p,
                  IntSpan sizes);
// The gradient of the weight, which has `sizes`.
Tensor conv_weight(const Tensor& input, const Tensor& grad, const ConvParams& p, IntSpan sizes);

}  // namespace pyforge::ops
