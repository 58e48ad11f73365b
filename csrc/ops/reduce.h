// Reductions.
#pragma once
#include "ops/registry.h"

namespace pyforge::ops {

using OptionalDims = std::optional<IntSpan>;

// Over `dims`, all if absent or empty. Integers and bool add and multiply in int64.
Tensor sum_dims(const Tensor& input, OptionalDims dims, bool keepdim, std::optional<DType> dtype);
inline Tensor sum(const Tensor& input) {
  return sum_dims(input, std::nullopt, false, std::nullopt);
}
Tensor mean_dims(const Tensor& input, OptionalDims dims, bool keepdim, std::optional<DType> dtype);
inline Tensor mean(const Tensor& input) {
  return mean_dims(input, std::nullopt, false, std::nullopt);
}
Tensor prod_all(const Tensor& input, std::optional<DType> dtype);
Tensor prod_dim(const Tensor& input, int64_t dim, bool keepdim, std::optional<DType> dtype);
Tensor any_dims(const Tensor& input, OptionalDims dims, bool keepdim);
Tensor all_dims(const Tensor& input, OptionalDims dims, bool keepdim);
Tensor count_nonzero(const Tensor& input, OptionalDims dims);
// The gradient of a broadcast: sums t down to `sizes`; a smaller t is expanded.
Tensor sum_to_size(const Tensor& t, IntSpan sizes);

// Extremes (reduce_extreme.cpp). NaN is larger and smaller than everything.
Tensor amax(const Tensor& input, OptionalDims dims, bool keepdim);  // ties share the gradient
Tensor amin(const Tensor& input, OptionalDims dims, bool keepdim);
Tensor max_all(const Tensor& input);
Tensor min_all(const Tensor& input);
std::tuple<Tensor, Tensor> max_dim(const Tensor& input, int64_t dim, bool keepdim);
std::tuple<Tensor, Tensor> min_dim(const Tensor& input, int64_t dim, bool keepdim);
// Gradient of what took elements at `index` along dim (one of each slice unless keepdim): zeros but
// there.
Tensor scatter_selected(const Tensor& g, const Tensor& index, IntSpan sizes, int64_t dim,
                        bool keepdim);
Tensor argmax(const Tensor& input, std::optional<int64_t> dim, bool keepdim);
Tensor argmin(const Tensor& input, std::optional<int64_t> dim, bool keepdim);

// Moments and norms (reduce_moments.cpp).
Tensor var(const Tensor& input, OptionalDims dims, Scalar correction, bool keepdim);
Tensor std(const Tensor& input, OptionalDims dims, Scalar correction, bool keepdim);
Tensor norm(const Tensor& input, double p, OptionalDims dims, bool keepdim,
            std::optional<DType> dtype);
Tensor logsumexp(const Tensor& input, OptionalDims dims, bool keepdim);

// Running sums and products (scan.cpp).
Tensor cumsum(const Tensor& input, int64_t dim, std::optional<DType> dtype);
Tensor cumprod(const Tensor& input, int64_t dim, std::optional<DType> dtype);
// The product of all other elements along `dim`, without division.
Tensor product_of_others(const Tensor& input, int64_t dim);
// y[i] = g[i] + c[i] * y[i - 1], or y[i + 1] where reverse; the first c is not used.
Tensor linear_recurrence(const Tensor& g, const Tensor& c, int64_t dim, bool reverse);

}  // namespace pyforge::ops
