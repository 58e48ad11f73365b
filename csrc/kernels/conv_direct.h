// Convolutions with one or two channels and rows per group (depthwise ones): a plane at a time, in
// a padded copy, without a matrix product.
#pragma once
#include "kernels/conv.h"
#include "kernels/conv_plane.h"
#include "kernels/gemm_plan.h"

namespace pyforge::kernels::PF_ISA {
namespace {

inline constexpr int64_t kPlaneElements = 6 * 1024;  // of the padded copy at a time

// The window of a gather or of a weight gradient, and its padded copy.
struct DirectSizes {
  int64_t low[kSpatial], span[kSpatial];  // least offset, extent of all offsets
  int64_t phases, length, row, block_rows, block_height, plane;

  template <class T>
  static DirectSizes of(const int64_t* grid, const int64_t* step, const int64_t* low,
                        const int64_t* high) {
    DirectSizes s;
    for (int d = 0; d < kSpatial; ++d) {
      s.low[d] = low[d];
      s.span[d] = high[d] - low[d] + 1;
    }
    s.phases = smaller(step[2], s.span[2]);
    s.length = grid[2] + (s.span[2] - 1) / step[2];
    s.row = s.phases * s.length;
    const int64_t fixed = s.span[0] * s.span[1] * s.row;
    const int64_t left = kPlaneElements - smaller(kPlaneElements, fixed);
    s.block_rows = smaller(grid[1], 1 + left / (s.span[0] * step[1] * s.row));
    s.block_height = (s.block_rows - 1) * step[1] + s.span[1];
    s.plane = s.span[0] * s.block_height * s.row;
    return s;
  }
  // Where the element at `offset` from a window's origin lies in the copy.
  int64_t at(const int64_t* offset, int64_t step) const {
    const int64_t w = offset[2] - low[2];
    return ((offset[0] - low[0]) * block_height + offset[1] - low[1]) * row + w % step * length +
           w / step;
  }
};

// The padded copy of the source rows that the rows [h, h + rows) of the grid read at depth d.
template <class T>
void copy_plane(T* to, const DirectSizes& s, const T* plane, const int64_t* size,
                const int64_t* step, int64_t d, int64_t h, int64_t rows) {
  const int64_t height = (rows - 1) * step[1] + s.span[1];
  for (int64_t kd = 0; kd < s.span[0]; ++kd) {
    const int64_t z = d * step[0] + s.low[0] + kd;
    for (int64_t y = 0; y < height; ++y) {
      const int64_t from = h * step[1] + s.low[1] + y;
      T* row = to + (kd * s.block_height + y) * s.row;
      if (z < 0 || z >= size[0] || from < 0 || from >= size[1]) {
        for (int64_t i = 0; i < s.row; ++i) row[i] = T(0);
      } else {
        split_row(row, s.phases, s.length, plane + (z * size[1] + from) * size[2], s.low[2],
                  step[2], size[2], T(0));
      }
    }
  }
}

template <class T, int V>
PF_INLINE void direct_vectors(T* out, int count, const T* source, const int64_t* at,
                              const T* weight, int64_t terms, T bias) {
  constexpr int L = kLanes<T>;
  Reg<T> acc[V];
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) acc[v] = broadcast(bias);
  for (int64_t t = 0; t < terms; ++t) {
    const T* from = source + at[t];
    const Reg<T> w = broadcast_at(weight + t);
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) acc[v] = fma(w, load(from + v * L), acc[v]);
  }
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) {
    if (v < V - 1 || count == V * L) {
      store(out + v * L, acc[v]);
    } else {
      store_first(out + v * L, acc[v], count - v * L);
    }
  }
}

template <class T>
PF_INLINE void direct_row(T* out, int64_t count, const T* source, const int64_t* at,
                          const T* weight, int64_t terms, T bias) {
  constexpr int L = kLanes<T>;
  int64_t j = 0;
  for (; j + 4 * L <= count; j += 4 * L) {
    direct_vectors<T, 4>(out + j, 4 * L, source + j, at, weight, terms, bias);
  }
  const int left = static_cast<int>(count - j);
  if (left > 3 * L) {
    direct_vectors<T, 4>(out + j, left, source + j, at, weight, terms, bias);
  } else if (left > 2 * L) {
    direct_vectors<T, 3>(out + j, left, source + j, at, weight, terms, bias);
  } else if (left > L) {
    direct_vectors<T, 2>(out + j, left, source + j, at, weight, terms, bias);
  } else if (left > 0) {
    direct_vectors<T, 1>(out + j, left, source + j, at, weight, terms, bias);
  }
}

template <class T>
DirectSizes sizes_of(const GatherConv& conv) {
  int64_t low[kSpatial], high[kSpatial];
  for (int d = 0; d < kSpatial; ++d) {
    low[d] = high[d] = conv.offset[d];
    for (int64_t t = 1; t < conv.taps; ++t) {
      low[d] = smaller(low[d], conv.offset[t * kSpatial + d]);
      high[d] = larger(high[d], conv.offset[t * kSpatial + d]);
    }
  }
  return DirectSizes::of<T>(conv.grid, conv.step, low, high);
}

// Workspace: the planes of the channels and a vector's slack, a row of results, the places and
// weights of the terms.
template <class T>
void direct_plan(const GatherConv& conv, ConvPlan& plan) {
  const DirectSizes s = sizes_of<T>(conv);
  const int64_t terms = conv.channels * conv.taps;
  plan.units = conv.images * conv.groups;
  plan.prepare_units = plan.shared_bytes = plan.finish_units = 0;
  plan.workspace_bytes =
      (round_up(conv.channels * s.plane, 8) + 4 * kLanes<T> + round_up(conv.grid[2], 8)) *
          static_cast<int64_t>(sizeof(T)) +
      terms * static_cast<int64_t>(sizeof(int64_t) + sizeof(T));
}

template <class T>
void direct_run(const GatherConv& conv, const void*, void* workspace, int64_t first, int64_t last) {
  const DirectSizes s = sizes_of<T>(conv);
  const int64_t terms = conv.channels * conv.taps;
  T* const source = static_cast<T*>(workspace);
  T* const line = source + round_up(conv.channels * s.plane, 8) + 4 * kLanes<T>;
  int64_t* const at = reinterpret_cast<int64_t*>(line + round_up(conv.grid[2], 8));
  T* const weight = reinterpret_cast<T*>(at + terms);
  for (int64_t c = 0; c < conv.channels; ++c) {
    for (int64_t t = 0; t < conv.taps; ++t) {
      at[c * conv.taps + t] = c * s.plane + s.at(conv.offset + t * kSpatial, conv.step[2]);
    }
  }
  const int64_t *size = conv.target, *stride = conv.stride;
  const int64_t in_plane = conv.source[0] * conv.source[1] * conv.source[2];
  const int64_t out_plane = size[0] * size[1] * size[2];
  const T* bias = static_cast<const T*>(conv.bias);
  for (int64_t unit = first; unit < last; ++unit) {
    const int64_t group = unit % conv.groups;
    const T* in = static_cast<const T*>(conv.in) + unit * conv.channels * in_plane;
    for (int64_t d = 0; d < conv.grid[0]; ++d) {
      for (int64_t h = 0; h < conv.grid[1]; h += s.block_rows) {
        const int64_t rows = smaller(s.block_rows, conv.grid[1] - h);
        for (int64_t c = 0; c < conv.channels; ++c) {
          copy_plane(source + c * s.plane, s, in + c * in_plane, conv.source, conv.step, d, h,
                     rows);
        }
        for (int64_t m = 0; m < conv.rows; ++m) {
          const T* from =
              static_cast<const T*>(conv.weight) + group * conv.weight_group + m * conv.weight_row;
          for (int64_t i = 0; i < terms; ++i) {
            weight[i] = from[i / conv.taps * conv.weight_channel + conv.weight_at[i % conv.taps]];
          }
          T* out = static_cast<T*>(conv.out) + (unit * conv.rows + m) * out_plane +
                   ((conv.first[0] + d * stride[0]) * size[1] + conv.first[1] + h * stride[1]) *
                       size[2] +
                   conv.first[2];
          const T b = bias ? bias[group * conv.rows + m] : T(0);
          for (int64_t y = 0; y < rows; ++y) {
            const T* window = source + y * conv.step[1] * s.row;
            T* to = out + y * stride[1] * size[2];
            if (stride[2] == 1) {
              direct_row(to, conv.grid[2], window, at, weight, terms, b);
            } else {
              direct_row(line, conv.grid[2], window, at, weight, terms, b);
              for (int64_t i = 0; i < conv.grid[2]; ++i) to[i * stride[2]] = line[i];
            }
          }
        }
      }
    }
  }
}

// sums[n] += the products of a plane of gradients with the source at N offsets.
template <class T, int N>
void direct_sums(T* sums, const int64_t* at, const T* source, const T* grad, int64_t rows,
                 int64_t width, int64_t row_step) {
  constexpr int L = kLanes<T>;
  Reg<T> acc[N];
#pragma GCC unroll 16
  for (int n = 0; n < N; ++n) acc[n] = Reg<T>{};
  const int left = static_cast<int>(width % L);
  [[maybe_unused]] const Mask mask = mask_for<T>(left);
  for (int64_t y = 0; y < rows; ++y) {
    const T *g = grad + y * width, *x = source + y * row_step;
    int64_t j = 0;
    for (; j + L <= width; j += L) {
      const Reg<T> v = load(g + j);
#pragma GCC unroll 16
      for (int n = 0; n < N; ++n) acc[n] = fma(v, load(x + j + at[n]), acc[n]);
    }
    if (left > 0) {
      const Reg<T> v = load_first(g + j, mask);
#pragma GCC unroll 16
      for (int n = 0; n < N; ++n) acc[n] = fma(v, load_first(x + j + at[n], mask), acc[n]);
    }
  }
#pragma GCC unroll 16
  for (int n = 0; n < N; ++n) sums[n] += sum_lanes<T>(acc[n]);
}

template <class T>
DirectSizes sizes_of(const WeightConv& conv) {
  int64_t low[kSpatial], high[kSpatial];
  for (int d = 0; d < kSpatial; ++d) {
    low[d] = -conv.padding[d];
    high[d] = low[d] + (conv.kernel[d] - 1) * conv.dilation[d];
  }
  return DirectSizes::of<T>(conv.grid, conv.step, low, high);
}

template <class T>
void direct_weight_plan(const WeightConv& conv, ConvPlan& plan) {
  const DirectSizes s = sizes_of<T>(conv);
  const int64_t taps = conv.kernel[0] * conv.kernel[1] * conv.kernel[2];
  plan.units = conv.chunks * conv.groups;
  plan.prepare_units = 0;
  plan.workspace_bytes = (round_up(s.plane, 8) + 4 * kLanes<T>)*static_cast<int64_t>(sizeof(T)) +
                         taps * static_cast<int64_t>(sizeof(int64_t));
  plan.shared_bytes =
      plan.units * conv.rows * conv.channels * taps * static_cast<int64_t>(sizeof(T));
  plan.finish_units = conv.groups * conv.rows;
}

// Chunks of whole images; sums [chunk, group, row, channel, tap].
template <class T>
void direct_weight_run(const WeightConv& conv, void* shared, void* workspace, int64_t first,
                       int64_t last) {
  const DirectSizes s = sizes_of<T>(conv);
  const int64_t *kernel = conv.kernel, taps = kernel[0] * kernel[1] * kernel[2];
  T* const source = static_cast<T*>(workspace);
  int64_t* const at = reinterpret_cast<int64_t*>(source + round_up(s.plane, 8) + 4 * kLanes<T>);
  for (int64_t t = 0; t < taps; ++t) {
    const int64_t offset[kSpatial] = {
        s.low[0] + t / kernel[2] / kernel[1] * conv.dilation[0],
        s.low[1] + t / kernel[2] % kernel[1] * conv.dilation[1],
        s.low[2] + t % kernel[2] * conv.dilation[2],
    };
    at[t] = s.at(offset, conv.step[2]);
  }
  const int64_t in_plane = conv.source[0] * conv.source[1] * conv.source[2];
  const int64_t grid_plane = conv.grid[0] * conv.grid[1] * conv.grid[2];
  const int64_t width = conv.grid[2], row_step = conv.step[1] * s.row;
  for (int64_t unit = first; unit < last; ++unit) {
    const int64_t chunk = unit / conv.groups, group = unit % conv.groups;
    const int64_t begin = conv.images * chunk / conv.chunks,
                  end = conv.images * (chunk + 1) / conv.chunks;
    T* const all = static_cast<T*>(shared) + unit * conv.rows * conv.channels * taps;
    for (int64_t i = 0; i < conv.rows * conv.channels * taps; ++i) all[i] = T(0);
    for (int64_t image = begin; image < end; ++image) {
      const int64_t member = image * conv.groups + group;
      const T* in = static_cast<const T*>(conv.in) + member * conv.channels * in_plane;
      const T* grad = static_cast<const T*>(conv.grad) + member * conv.rows * grid_plane;
      for (int64_t c = 0; c < conv.channels; ++c) {
        for (int64_t d = 0; d < conv.grid[0]; ++d) {
          for (int64_t h = 0; h < conv.grid[1]; h += s.block_rows) {
            const int64_t rows = smaller(s.block_rows, conv.grid[1] - h);
            copy_plane(source, s, in + c * in_plane, conv.source, conv.step, d, h, rows);
            for (int64_t m = 0; m < conv.rows; ++m) {
              const T* g = grad + m * grid_plane + (d * conv.grid[1] + h) * width;
              T* sums = all + (m * conv.channels + c) * taps;
              int64_t t = 0;
              for (; t + 9 <= taps; t += 9) {
                direct_sums<T, 9>(sums + t, at + t, source, g, rows, width, row_step);
              }
              for (; t + 3 <= taps; t += 3) {
                direct_sums<T, 3>(sums + t, at + t, source, g, rows, width, row_step);
              }
              for (; t < taps; ++t) {
                direct_sums<T, 1>(sums + t, at + t, source, g, rows, width, row_step);
              }
            }
          }
        }
      }
    }
  }
}

template <class T>
void direct_weight_finish(const WeightConv& conv, const void* shared, int64_t first, int64_t last) {
  const int64_t each = conv.channels * conv.kernel[0] * conv.kernel[1] * conv.kernel[2];
  const int64_t chunk = conv.groups * conv.rows * each;
  for (int64_t i = first * each; i < last * each; ++i) {
    const T* at = static_cast<const T*>(shared) + i;
    T total = at[0];
    for (int64_t k = 1; k < conv.chunks; ++k) total += at[k * chunk];
    static_cast<T*>(conv.out)[i] = total;
  }
}

template <class T>
void fill_direct(GatherKernels& kernels) {
  kernels.plan = direct_plan<T>;
  kernels.prepare = nullptr;
  kernels.run = direct_run<T>;
}
template <class T>
void fill_direct_weight(WeightKernels& kernels) {
  kernels.plan = direct_weight_plan<T>;
  kernels.run = direct_weight_run<T>;
  kernels.finish = direct_weight_finish<T>;
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
