// Convolutions on raw contiguous memory. The algorithm is in docs/convolution.md.
#pragma once
#include <cstdint>

#include "kernels/elementwise.h"

namespace pyforge::kernels {

inline constexpr int kSpatial = 3;  // depth, height, width; missing ones have size 1

// Every convolution and every gradient of an input is a gather: with t over taps and c over the
// channels of a group,
//   target[n, g, r, first + stride * p] = bias[g, r]
//       + sum_c,t weight[g, r, c, t] * source[n, g, c, step * p + offset[t]]
// for all places p of the grid; source elements outside the image count as 0. Images are dense.
struct GatherConv {
  int64_t images, groups, channels, rows;
  int64_t source[kSpatial], target[kSpatial], grid[kSpatial];
  int64_t step[kSpatial], first[kSpatial], stride[kSpatial];
  int64_t taps;
  const int64_t* offset;     // [taps, kSpatial]
  const int64_t* weight_at;  // [taps], in elements
  int64_t weight_group, weight_row, weight_channel;
  const void *in, *weight, *bias;  // bias may be null
  void* out;
  // Null, or what `activated` (maybe `out` itself) gets of the target, whose stride is then 1.
  ElementwiseFn activation;
  void* activated;
};

// weight[g, r, t, c] = sum over images and places of grad[n, g, r, p] * in[n, g, c, step p + ...],
// by chunks of whole rows of places; `finish` adds the chunks up and brings c before t.
struct WeightConv {
  int64_t images, groups, channels, rows;
  int64_t source[kSpatial], grid[kSpatial], kernel[kSpatial];
  int64_t step[kSpatial], dilation[kSpatial], padding[kSpatial];
  int64_t chunks;
  const void *in, *grad;
  void* out;
};

// Work is counted in units; any division of [0, units) gives the same bits.
struct ConvPlan {
  int64_t units, workspace_bytes;  // workspace per concurrent call of `run`
  int64_t prepare_units;           // of `prepare`
  int64_t shared_bytes;            // written by `prepare`, or by `run` for `finish`
  int64_t finish_units;
};

struct GatherKernels {
  void (*plan)(const GatherConv& conv, ConvPlan& plan);
  void (*prepare)(const GatherConv& conv, void* shared, int64_t first, int64_t last);
  void (*run)(const GatherConv& conv, const void* shared, void* workspace, int64_t first,
              int64_t last);
};
struct WeightKernels {
  void (*plan)(const WeightConv& conv, ConvPlan& plan);
  void (*run)(const WeightConv& conv, void* shared, void* workspace, int64_t first, int64_t last);
  void (*finish)(const WeightConv& conv, const void* shared, int64_t first, int64_t last);
};

// Index 0 is float32, 1 float64. `direct` is for one or two channels and rows per group.
struct ConvTable {
  GatherKernels gather[2], direct[2];
  WeightKernels weight[2], direct_weight[2];
};

}  // namespace pyforge::kernels
