// Reductions over raw memory. The order of additions depends on the sizes alone.
#pragma once
#include <cstdint>

#include "core/dtype.h"

namespace pyforge::kernels {

enum class Reduce : uint8_t { Sum, Prod, Max, Min, Any, All, SumSquares, SumAbs, AbsMax, count };

// in is [outer, reduce, inner] with strides in elements; out is contiguous [outer, inner].
// When inner_stride == 1 and inner > 1 the inner dimension is vectorised; when reduce_stride == 1
// the reduced one is. float32 and float64 accumulate pairwise or in several lanes with error
// O(log n); Sum and Prod of integers and bool accumulate in int64 and write int64.
// Max and Min propagate NaN. Any and All write bool.
struct ReduceArgs {
  const void* in; void* out;
  int64_t outer, reduce, inner;
  int64_t outer_stride, reduce_stride, inner_stride;
};
using ReduceFn = void (*)(const ReduceArgs& args);

// Position along `reduce` of the extreme (first one; NaN counts as the extreme), and its value.
struct ArgReduceArgs {
  const void* in; void* value /* may be null */; int64_t* index;
  int64_t outer, reduce, inner;
  int64_t outer_stride, reduce_stride, inner_stride;
};
using ArgReduceFn = void (*)(const ArgReduceArgs& args);

struct ReduceTable {
  ReduceFn reduce[static_cast<int>(Reduce::count)][kDTypes];  // null where meaningless
  ArgReduceFn argmax[kDTypes], argmin[kDTypes];
  ReduceFn cumsum[kDTypes];            // out has in's shape, contiguous; integers write int64
  // Mean and sum of squared deviations (Welford or two-pass), float only: [0] f32, [1] f64.
  // out is contiguous [outer, inner]; either pointer may be null.
  void (*moments[2])(const ReduceArgs& args, void* mean, void* m2);
  ReduceFn logsumexp[2];               // all -inf gives -inf, any +inf gives +inf
};

}  // namespace pyforge::kernels
