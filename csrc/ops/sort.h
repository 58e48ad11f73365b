// Sorting and its relatives. NaN is larger than every number; equal elements keep their order.
#pragma once
#include "ops/registry.h"

namespace pyforge::ops {

std::tuple<Tensor, Tensor> sort(const Tensor& input, int64_t dim, bool descending, bool stable);
Tensor argsort(const Tensor& input, int64_t dim, bool descending, bool stable);
std::tuple<Tensor, Tensor> topk(const Tensor& input, int64_t k, int64_t dim, bool largest,
                                bool sorted);
// The lower median; NaN if there is one.
Tensor median_all(const Tensor& input);
std::tuple<Tensor, Tensor> median_dim(const Tensor& input, int64_t dim, bool keepdim);

}  // namespace pyforge::ops
