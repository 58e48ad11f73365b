// Drives reduction kernels over any dimensions of any strided tensor, on one thread or several. The
// order of additions depends on shape and strides alone, never on the number of threads.
#pragma once
#include <optional>

#include "core/tensor.h"
#include "kernels/dispatch.h"
#include "ops/reduce_split.h"
#include "ops/registry.h"

namespace pyforge::ops {

// The dimensions an op reduces, and the shapes with and without them.
struct ReducedDims {
  uint64_t mask = 0;   // bit d: dimension d is reduced
  int64_t length = 1;  // elements per result
  Dims kept, shape;    // reduced sizes as 1; the result's sizes

  // dims absent or empty: all.
  ReducedDims(const char* op, const Tensor& x, std::optional<IntSpan> dims, bool keepdim);
};

// `first` reduces elements of `in` to `out`; `then` reduces results of blocks or of other
// dimensions.
struct ReducePass {
  kernels::ReduceFn first, then;
  DType in, out;
};

// Throws Error(NotImplemented) where there is no kernel for the dtype. The result of float16 and
// bfloat16 is float32, which the op rounds (narrowed()) when it is done with it.
ReducePass reduce_pass(const char* op, kernels::Reduce reduce, DType dtype);

// out [kept sizes] from x; x has elements and out is contiguous.
void run_reduce(const ReducePass& pass, const Tensor& x, uint64_t mask, const Tensor& out);

// x as [outer, reduce, inner] without a copy, if it can be; fills sizes, strides and `in`.
bool as_three_levels(const Tensor& x, uint64_t mask, kernels::ReduceArgs& args);
// Rows that lie closer to each other than their elements become columns; results stay as they are.
void prefer_columns(kernels::ReduceArgs& args);
// As three levels along one dimension, or along all with dim < 0, after a copy into `holder` where
// needed.
kernels::ReduceArgs along_dim(const Tensor& x, int64_t dim, Tensor& holder);

// A gradient of a reduction's result, seen with the shape that was reduced.
Tensor expand_reduced(const Tensor& g, IntSpan kept, IntSpan sizes);

}  // namespace pyforge::ops
