// Views and shapes.
#pragma once
#include "ops/registry.h"

namespace pyforge::ops {

Tensor expand(const Tensor& t, IntSpan sizes);    // -1 keeps a size
Tensor reshape(const Tensor& t, IntSpan sizes);   // a view where possible, else a copy
Tensor as_strided(const Tensor& t, IntSpan sizes, IntSpan strides, int64_t offset);  // offset from t's first element

// Geometry helpers of the in-place rules; strides count elements of a dense base.
// Values of t laid out with exactly these strides (t itself where they match).
Tensor to_strides(const Tensor& t, IntSpan strides);
// A copy of dense `t` with the region set to zero.
Tensor as_strided_zeroed(const Tensor& t, IntSpan sizes, IntSpan strides, int64_t offset);
// Adds g [sizes] into zeros [base_sizes] at the region.
Tensor as_strided_backward(const Tensor& g, IntSpan base_sizes, IntSpan base_strides, IntSpan sizes,
                           IntSpan strides, int64_t offset);

}  // namespace pyforge::ops
