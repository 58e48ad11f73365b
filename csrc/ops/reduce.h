// Reductions.
#pragma once
#include "ops/registry.h"

namespace pyforge::ops {

// Sum over `dims` (empty or absent: all). Integers and bool give int64.
Tensor sum_dims(const Tensor& input, std::optional<IntSpan> dims, bool keepdim, std::optional<DType> dtype);
inline Tensor sum(const Tensor& input) { return sum_dims(input, std::nullopt, false, std::nullopt); }
// The gradient of a broadcast: sums t down to `sizes`.
Tensor sum_to_size(const Tensor& t, IntSpan sizes);

}  // namespace pyforge::ops
