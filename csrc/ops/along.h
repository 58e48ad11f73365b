// Picking and adding along one dimension by position: the derivatives of max, sort and topk.
#pragma once
#include "ops/registry.h"

namespace pyforge::ops {

// y[..., j, ...] = x[..., index[..., j, ...], ...]; index is in range and has x's sizes elsewhere.
Tensor gather_along(const Tensor& x, int64_t dim, const Tensor& index);
// Zeros with `size` in dimension dim, and values added at the positions of `index`.
Tensor scatter_along(const Tensor& values, int64_t dim, const Tensor& index, int64_t size);

}  // namespace pyforge::ops
