// Indexing with tensors, along a dimension, and with masks.
#pragma once
#include "ops/registry.h"

namespace pyforge::ops {

// One entry per dimension: undefined for the whole dimension, an integer tensor, or a mask (bool or
// uint8) that stands for as many dimensions as it has.
using Indices = std::vector<Tensor>;
Tensor index(const Tensor& self, const Indices& indices);
Tensor index_put(const Tensor& self, const Indices& indices, const Tensor& values, bool accumulate);
void index_put_(const Tensor& self, const Indices& indices, const Tensor& values, bool accumulate);
bool is_mask(const Tensor& t);

// index_dim.cpp
Tensor index_select(const Tensor& self, int64_t dim, const Tensor& index);
Tensor index_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                 Scalar alpha);
Tensor index_fill(const Tensor& self, int64_t dim, const Tensor& index, const Operand& value);
Tensor index_copy(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source);

// gather.cpp
Tensor gather(const Tensor& self, int64_t dim, const Tensor& index);
Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src);
Tensor scatter_value(const Tensor& self, int64_t dim, const Tensor& index, Scalar value);
Tensor scatter_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src);

// mask.cpp
Tensor masked_fill(const Tensor& self, const Tensor& mask, const Operand& value);
void masked_fill_(const Tensor& self, const Tensor& mask, const Operand& value);
Tensor masked_select(const Tensor& self, const Tensor& mask);
Tensor nonzero(const Tensor& t);                     // [n, ndim] int64
std::vector<Tensor> nonzero_tuple(const Tensor& t);  // one [n] per dimension

}  // namespace pyforge::ops
