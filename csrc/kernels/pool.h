// Pooling and resampling on raw contiguous memory.
#pragma once
#include <cstdint>

#include "kernels/conv.h"

namespace pyforge::kernels {

// Windows of kernel elements, dilation apart, at step * place - padding, over each plane.
struct PoolShape {
  int64_t source[kSpatial], grid[kSpatial], kernel[kSpatial];
  int64_t step[kSpatial], padding[kSpatial], dilation[kSpatial];
  bool count_include_pad;
  int64_t divisor;  // of averages; 0: the number of elements
};

// out[o] = sum_j weight[o * taps + j] * in[start[o] + j], j < count[o], along the middle dimension
// of [outer, size, inner]; out has out_size places.
struct ResampleShape {
  int64_t size, out_size, inner, taps;
  const int64_t *start, *count;
  const double* weight;
};

// Planes (or outer indices) [first, last). Index 0 is float32, 1 float64.
struct PoolTable {
  int64_t (*workspace_bytes[2])(const PoolShape& shape);
  // indices: places in the plane, the first largest element or the last NaN; may be null.
  void (*max[2])(void* out, int64_t* indices, const void* in, const PoolShape& shape,
                 void* workspace, int64_t first, int64_t last);
  void (*average[2])(void* out, const void* in, const PoolShape& shape, void* workspace,
                     int64_t first, int64_t last);
  void (*average_backward[2])(void* out, const void* grad, const PoolShape& shape, void* workspace,
                              int64_t first, int64_t last);
  // Planes of `size` elements: zero, plus each of the `count` gradients at its index.
  void (*scatter[2])(void* out, const void* grad, const int64_t* indices, int64_t size,
                     int64_t count, int64_t first, int64_t last);
  void (*resample[2])(void* out, const void* in, const ResampleShape& shape, int64_t first,
                      int64_t last);
  void (*resample_backward[2])(void* out, const void* grad, const ResampleShape& shape,
                               int64_t first, int64_t last);
};

}  // namespace pyforge::kernels
