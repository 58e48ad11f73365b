// What scatter, scatter_add and scatter_reduce share.
#pragma once
#include "ops/index_plan.h"
#include "ops/registry.h"

namespace pyforge::ops {

struct ScatterTarget {
  int64_t dim;
  Tensor index;   // the shape of the gradient of src
  Tensor source;  // recorded, cut to the index
};

// Checks shapes and dtypes. Throws Error(Runtime), Error(Index).
ScatterTarget prepare_scatter(const char* op, const Tensor& self, int64_t dim, const Tensor& index,
                              const Tensor& src);
// Combines the source with self's elements at the index.
void write_scatter(const char* op, const Tensor& self, const ScatterTarget& t, Combine combine);

}  // namespace pyforge::ops
