// Views and shapes.
#pragma once
#include "ops/registry.h"

namespace pyforge::ops {

Tensor expand(const Tensor& t, IntSpan sizes);   // -1 keeps a size
Tensor reshape(const Tensor& t, IntSpan sizes);  // a view where possible, else a copy
Tensor view(const Tensor& t, IntSpan sizes);     // throws where a copy would be needed
Tensor flatten(const Tensor& t, int64_t start_dim, int64_t end_dim);
Tensor atleast_1d(const Tensor& t);
Tensor atleast_2d(const Tensor& t);
Tensor atleast_3d(const Tensor& t);
Tensor as_strided(const Tensor& t, IntSpan sizes, IntSpan strides,
                  int64_t offset);  // offset from t's first element

// views.cpp
Tensor alias_view(const Tensor& t);  // another tensor on the same elements, with history
Tensor permute(const Tensor& t, IntSpan dims);
Tensor transpose(const Tensor& t, int64_t dim0, int64_t dim1);
Tensor t(const Tensor& t);
Tensor squeeze(const Tensor& t);
Tensor squeeze_dims(const Tensor& t, IntSpan dims);
Tensor unsqueeze(const Tensor& t, int64_t dim);
Tensor select(const Tensor& t, int64_t dim, int64_t index);
// Elements start, start + step, ... < end, clipped as Python slices are; step > 0.
Tensor slice(const Tensor& t, int64_t dim, int64_t start, int64_t end, int64_t step);
Tensor narrow(const Tensor& t, int64_t dim, int64_t start, int64_t length);
Tensor diagonal(const Tensor& t, int64_t offset, int64_t dim1, int64_t dim2);

// split.cpp
std::vector<Tensor> split(const Tensor& t, int64_t split_size, int64_t dim);
std::vector<Tensor> split_sizes(const Tensor& t, IntSpan sizes, int64_t dim);
std::vector<Tensor> chunk(const Tensor& t, int64_t chunks, int64_t dim);
std::vector<Tensor> unbind(const Tensor& t, int64_t dim);

// joining.cpp
Tensor cat(const std::vector<Tensor>& tensors, int64_t dim);
Tensor stack(const std::vector<Tensor>& tensors, int64_t dim);
std::vector<Tensor> broadcast_tensors(const std::vector<Tensor>& tensors);

// rearrange.cpp
Tensor repeat(const Tensor& t, IntSpan repeats);
Tensor flip(const Tensor& t, IntSpan dims);
Tensor roll(const Tensor& t, IntSpan shifts, IntSpan dims);
Tensor tril(const Tensor& t, int64_t diagonal);
Tensor triu(const Tensor& t, int64_t diagonal);

// Geometry helpers of the in-place rules; strides count elements of a dense base.
// Values of t laid out with exactly these strides (t itself where they match).
Tensor to_strides(const Tensor& t, IntSpan strides);
// A copy of dense `t` with the region set to zero.
Tensor as_strided_zeroed(const Tensor& t, IntSpan sizes, IntSpan strides, int64_t offset);
// Adds g [sizes] into zeros [base_sizes] at the region.
Tensor as_strided_backward(const Tensor& g, IntSpan base_sizes, IntSpan base_strides, IntSpan sizes,
                           IntSpan strides, int64_t offset);

}  // namespace pyforge::ops
