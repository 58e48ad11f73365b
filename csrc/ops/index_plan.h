// Where the elements of an indexed tensor lie, and the loops that read and write them.
#pragma once
#include <vector>

#include "core/tensor.h"

namespace pyforge {

// Element offsets of all index tuples of `sizes` over `strides`, in row-major order.
std::vector<int64_t> offsets_of(IntSpan sizes, IntSpan strides);

// The indexed elements are those at outer[o] + mid[m] + inner[i]; row-major over (o, m, i) they
// make up a tensor of shape `sizes`.
struct IndexPlan {
  Dims sizes;
  std::vector<int64_t> outer{0}, mid, inner;
  int64_t n_inner = 1;
  bool run = true;  // inner offsets are 0, 1, 2 ...; the vector stays empty

  int64_t inner_at(int64_t i) const { return run ? i : inner[static_cast<size_t>(i)]; }
  void set_inner(IntSpan sizes, IntSpan strides);
};

// `indices`: one int64 tensor per dimension (undefined: the whole dimension), broadcast against
// each other. Throws Error(Index) where they do not broadcast or are out of bounds.
IndexPlan plan_index(const Tensor& self, const std::vector<Tensor>& indices,
                     bool allow_negative = true);

// out (contiguous, plan.sizes) := the indexed elements of self.
void read_indexed(const Tensor& out, const Tensor& self, const IndexPlan& plan);
// The indexed elements := values (contiguous, plan.sizes; or one element for all). The last of
// several writes to one place wins.
void write_indexed(const Tensor& self, const Tensor& values, const IndexPlan& plan);
// The indexed elements += values, in order, so that sums are the same for every number of threads.
void add_indexed(const Tensor& self, const Tensor& values, const IndexPlan& plan);

// The elements along one dimension that an index of the same number of dimensions picks, as in
// gather: element (o, j, i) lies at outer[o] + index[o, j, i] * step + inner[i].
struct AlongPlan {
  std::vector<int64_t> outer, inner;
  Tensor index;  // contiguous int64
  int64_t n_along = 1, step = 0;
};
// Throws Error(Runtime) where an index is not in [0, size).
AlongPlan plan_along(const char* op, const Tensor& self, int64_t dim, const Tensor& index);

enum class Combine : uint8_t { Assign, Add, Multiply, Max, Min };  // NaN wins over all
void read_along(const Tensor& out, const Tensor& self, const AlongPlan& plan);
// values: contiguous in the index's shape, or one element for all.
void write_along(const Tensor& self, const Tensor& values, const AlongPlan& plan, Combine combine);

}  // namespace pyforge
