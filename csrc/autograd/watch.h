// What diagnosis knows of a leaf's gradient; filled as the gradient is accumulated.
#pragma once
#include "core/tensor.h"
#include "kernels/stats.h"

namespace pyforge {

struct GradientWatch {
  kernels::GradientStats stats{};  // of `count` elements of .grad after the last accumulation
  int64_t count = 0, total = 0;    // elements looked at, elements there are
  uint16_t bins[kernels::kExponentBins] = {};
  uint32_t turn = 0;      // place of the last accumulation among those of all watched leaves
  uint32_t passes = 0;    // accumulations since .grad was last empty or zero
  uint64_t arrivals = 0;  // accumulations ever
  uint32_t users = 1;
  bool exact = false;    // look at all elements each time
  bool stepped = false;  // an optimiser has used the gradient since the last accumulation
  bool carried = false;  // .grad holds what an earlier step has already used
};

// Note [What a watch looks at]
// The first gradient, small ones and those of an exact watch are read in full. Of others, each
// accumulation reads every fourth block of elements, the next one the blocks beside them: reading a
// gradient again costs about 2% of a training step of an MLP, for memory traffic alone. One element
// of every row and column is read each time: a product of matrices spreads NaN along one of them.
// Exponents are counted every eighth time.

// Before and after a gradient is added to `grad` (undefined if there is none yet).
void begin_watch(GradientWatch& watch, const Tensor& grad);
void end_watch(GradientWatch& watch, const Tensor& grad);

// Sums, extremes and counts of a contiguous float32 or float64 tensor.
kernels::GradientStats gradient_stats(const Tensor& t);

}  // namespace pyforge
