// Padding at the edges of a tensor.
#pragma once
#include "ops/registry.h"

namespace pyforge::ops {

// `pad` holds before and after of the last dimension, then of the one before it...; negative cuts.
Tensor constant_pad_nd(const Tensor& input, IntSpan pad, Scalar value);

}  // namespace pyforge::ops
