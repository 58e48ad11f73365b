// Reductions over raw memory. The order of additions depends on the sizes alone.
#pragma once
#include <cstdint>

#include "core/dtype.h"

namespace pyforge::kernels {

enum class Reduce : uint8_t { Sum, Prod, Max, Min, Any, All, SumSquares, SumAbs, AbsMax, count };

// A reduction longer than this is split by the caller, whatever the number of threads: every block
// of exactly kReduceBlock elements (the last may be shorter) is reduced on its own, then the block
// results by `combining(op)` as a reduction [blocks, inner]. Splitting `outer` and `inner` is free.
inline constexpr int64_t kReduceBlock = 32768;

constexpr Reduce combining(Reduce op) {
  return op == Reduce::SumSquares || op == Reduce::SumAbs ? Reduce::Sum
         : op == Reduce::AbsMax                           ? Reduce::Max
                                                          : op;
}

// in is [outer, reduce, inner] with strides in elements; out is contiguous [outer, inner].
// Fastest when reduce_stride == 1, or inner_stride == 1 with inner > 1.
// float32 and float64 add pairwise in several lanes: error O(log reduce). Sum and Prod of integers
// and bool accumulate in int64 and write int64. Max and Min propagate NaN. Any and All write bool.
// float16 and bfloat16 are reduced to float32 results, which their blocks combine as.
// Of nothing: Sum and its relatives 0, Prod 1, Any false, All true; Max and Min are undefined.
struct ReduceArgs {
  const void* in;
  void* out;
  int64_t outer, reduce, inner;
  int64_t outer_stride, reduce_stride, inner_stride;
};
using ReduceFn = void (*)(const ReduceArgs& args);

// Position along `reduce` of the extreme (first one; NaN counts as the extreme), and its value.
struct ArgReduceArgs {
  const void* in;
  void* value /* may be null */;
  int64_t* index;
  int64_t outer, reduce, inner;
  int64_t outer_stride, reduce_stride, inner_stride;
};
using ArgReduceFn = void (*)(const ArgReduceArgs& args);

struct ReduceTable {
  // Null where meaningless: SumSquares, SumAbs and AbsMax exist for floating types only.
  ReduceFn reduce[static_cast<int>(Reduce::count)][kDTypes];
  ArgReduceFn argmax[kDTypes], argmin[kDTypes];
  // Float16 and bfloat16 have none of the rest: their ops widen the tensor.
  // out has in's shape, contiguous; floats accumulate in double, integers and bool write int64.
  ReduceFn cumsum[kDTypes], cumprod[kDTypes];
  // Mean and sum of squared deviations, float only: [0] f32, [1] f64; args.out is not read.
  // mean and m2 are contiguous [outer, inner]; m2 may be null.
  void (*moments[2])(const ReduceArgs& args, void* mean, void* m2);
  // Joins the moments of blocks of kReduceBlock elements, the last one shorter, `reduce` elements
  // together: mean and m2 are contiguous [blocks, inner]; writes [inner].
  void (*merge_moments[2])(const void* mean, const void* m2, int64_t reduce, int64_t inner,
                           void* mean_out, void* m2_out);
  ReduceFn logsumexp[4];  // by floating_index(); all -inf gives -inf, any +inf gives +inf; blocks
                          // combine by logsumexp
};

}  // namespace pyforge::kernels
