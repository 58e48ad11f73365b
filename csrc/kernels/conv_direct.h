// Convolutions with one or two channels and rows per group (depthwise ones): a plane at a time, in
// a padded copy, without a matrix product.
#pragma once
#include "kernels/conv.h"
#include "kernels/conv_depthwise.h"
#include "kernels/conv_narrow.h"
#include "kernels/conv_plane.h"
#include "kernels/gemm_plan.h"

namespace pyforge::kernels::PF_ISA {
namespace {

template <class T>
WindowSizes sizes_of(const GatherConv& conv) {
  int64_t low[kSpatial], high[kSpatial];
  for (int d = 0; d < kSpatial; ++d) {
    low[d] = high[d] = conv.offset[d];
    for (int64_t t = 1; t < conv.taps; ++t) {
      low[d] = smaller(low[d], conv.offset[t * kSpatial + d]);
      high[d] = larger(high[d], conv.offset[t * kSpatial + d]);
    }
  }
  return WindowSizes::of<T>(conv.grid, conv.step, low, high);
}

// R rows of V vectors of the target at once; weights [terms][R].
template <class T, int R, int V>
void direct_tile(T* out, int64_t ld, int count, const T* source, const int64_t* at, const T* weight,
                 int64_t terms, const T* bias) {
  constexpr int L = kLanes<T>;
  Reg<T> acc[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    const Reg<T> b = bias ? broadcast(bias[r]) : Reg<T>{};
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) acc[r][v] = b;
  }
  for (int64_t t = 0; t < terms; ++t) {
    Reg<T> row[V];
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) row[v] = load(source + at[t] + v * L);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Reg<T> w = broadcast_at(weight + t * R + r);
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) acc[r][v] = fma(w, row[v], acc[r][v]);
    }
  }
  const int last = count - (V - 1) * L;
  if (last == L) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) store(out + r * ld + v * L, acc[r][v]);
    }
    return;
  }
  Reg<T> edge[R];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < V - 1; ++v) store(out + r * ld + v * L, acc[r][v]);
    edge[r] = acc[r][V - 1];
  }
  for (int r = 0; r < R; ++r) store_first(out + r * ld + (V - 1) * L, edge[r], last);
}

template <class T>
using DirectFn = void (*)(T* out, int64_t ld, int count, const T* source, const int64_t* at,
                          const T* weight, int64_t terms, const T* bias);
template <class T, int V, int... I>
PF_INLINE DirectFn<T> direct_tile_for(int rows, LaneList<I...>) {
  static constexpr DirectFn<T> tiles[] = {direct_tile<T, I + 1, V>...};
  return tiles[rows - 1];
}

// `rows` rows of `count` elements each, in the order of the weights [terms][rows].
template <class T>
PF_INLINE void direct_rows(int rows, T* out, int64_t ld, int64_t count, const T* source,
                           const int64_t* at, const T* weight, int64_t terms, const T* bias) {
  constexpr int L = kLanes<T>;
  if (rows == 1) return direct_row(out, count, source, at, weight, terms, bias ? *bias : T(0));
  using List = typename MakeLanes<kTileRows>::type;
  for (int64_t j = 0; j < count; j += 2 * L) {
    const int some = static_cast<int>(smaller(2 * L, count - j));
    const auto tile =
        some > L ? direct_tile_for<T, 2>(rows, List{}) : direct_tile_for<T, 1>(rows, List{});
    tile(out + j, ld, some, source + j, at, weight, terms, bias);
  }
}

// Workspace: the planes of the channels and a vector's slack, a row of results for each row of a
// tile (or the places of conv_narrow.h), the places of the terms and all weights of a group.
template <class T>
void direct_plan(const GatherConv& conv, ConvPlan& plan) {
  const WindowSizes s = sizes_of<T>(conv);
  const int64_t terms = conv.channels * conv.taps;
  plan.units = conv.images * conv.groups * conv.grid[0] * ceil_div(conv.grid[1], s.block_rows);
  plan.prepare_units = plan.shared_bytes = plan.finish_units = 0;
  int64_t lines = kTileRows * round_up(conv.grid[2], 8), weights = conv.rows * terms;
  if (is_narrow<T>(conv)) {
    const NarrowSizes<T> narrow(conv);
    lines = narrow.places, weights = narrow.weights;
  }
  plan.workspace_bytes = (round_up(conv.channels * s.plane, 8) + 4 * kLanes<T> + lines + weights) *
                             static_cast<int64_t>(sizeof(T)) +
                         terms * static_cast<int64_t>(sizeof(int64_t));
}

inline bool is_depthwise3(const GatherConv& conv, const WindowSizes& s) {
  bool plain = conv.channels == 1 && conv.rows == 1 && conv.taps == 9 && conv.source[0] == 1 &&
               s.span[0] == 1 && s.span[1] == 3 && s.span[2] == 3;
  for (int d = 0; d < kSpatial; ++d) {
    plain = plain && conv.step[d] == 1 && conv.stride[d] == 1 && conv.first[d] == 0 &&
            conv.grid[d] == conv.target[d];
  }
  return plain && s.low[0] == 0;
}

// As direct_run, of the same units.
template <class T>
void depthwise_run(const GatherConv& conv, const WindowSizes& s, int64_t first, int64_t last) {
  const Plane3 plane{conv.source[1], conv.source[2], s.low[1], s.low[2]};
  const int64_t height = conv.grid[1], width = conv.grid[2];
  const int64_t blocks = ceil_div(height, s.block_rows);
  for (int64_t unit = first; unit < last; ++unit) {
    const int64_t h = unit % blocks * s.block_rows, member = unit / blocks;
    const int64_t group = member % conv.groups;
    const T* from = static_cast<const T*>(conv.weight) + group * conv.weight_group;
    T weight[9];
    for (int64_t t = 0; t < 9; ++t) {
      const int64_t* offset = conv.offset + t * kSpatial;
      weight[3 * (offset[1] - s.low[1]) + offset[2] - s.low[2]] = from[conv.weight_at[t]];
    }
    const int64_t end = smaller(height, h + s.block_rows);
    T* const out = static_cast<T*>(conv.out) + member * height * width;
    depthwise_rows(out, width, static_cast<const T*>(conv.in) + member * plane.height * plane.width,
                   plane, h, end, weight,
                   conv.bias ? static_cast<const T*>(conv.bias)[group] : T(0));
    activate(conv, out + h * width, (end - h) * width);
  }
}

template <class T>
void direct_run(const GatherConv& conv, const void*, void* workspace, int64_t first, int64_t last) {
  const WindowSizes s = sizes_of<T>(conv);
  if constexpr (kDepthwise3) {
    if (is_depthwise3(conv, s)) return depthwise_run<T>(conv, s, first, last);
  }
  const RowTiles tiles(conv.rows);
  const int64_t terms = conv.channels * conv.taps, line_size = round_up(conv.grid[2], 8);
  T* const source = static_cast<T*>(workspace);
  T* const lines = source + round_up(conv.channels * s.plane, 8) + 4 * kLanes<T>;
  const bool narrow = is_narrow<T>(conv);
  int64_t* const at = reinterpret_cast<int64_t*>(
      lines + (narrow ? NarrowSizes<T>(conv).places : kTileRows * line_size));
  T* const weights = reinterpret_cast<T*>(at + terms);
  for (int64_t c = 0; c < conv.channels; ++c) {
    for (int64_t t = 0; t < conv.taps; ++t) {
      at[c * conv.taps + t] = c * s.plane + s.at(conv.offset + t * kSpatial, conv.step[2]);
    }
  }
  const int64_t *size = conv.target, *stride = conv.stride;
  const int64_t in_plane = conv.source[0] * conv.source[1] * conv.source[2];
  const int64_t out_plane = size[0] * size[1] * size[2];
  int64_t packed = -1;  // the group whose weights are there
  const int64_t blocks = ceil_div(conv.grid[1], s.block_rows);
  for (int64_t unit = first; unit < last; ++unit) {
    const int64_t h = unit % blocks * s.block_rows, d = unit / blocks % conv.grid[0];
    const int64_t member = unit / blocks / conv.grid[0], group = member % conv.groups;
    const int64_t rows = smaller(s.block_rows, conv.grid[1] - h);
    const T* in = static_cast<const T*>(conv.in) + member * conv.channels * in_plane;
    const T* bias = static_cast<const T*>(conv.bias);
    if (bias) bias += group * conv.rows;
    if (group != packed && narrow) narrow_pack(weights, conv, group);
    if (group != packed && !narrow) {
      const T* from = static_cast<const T*>(conv.weight) + group * conv.weight_group;
      T* to = weights;
      for (int64_t tile = 0; tile < tiles.tiles; ++tile) {
        for (int64_t i = 0; i < terms; ++i) {
          const T* w = from + tiles.start(tile) * conv.weight_row +
                       i / conv.taps * conv.weight_channel + conv.weight_at[i % conv.taps];
          for (int r = 0; r < tiles.size(tile); ++r) *to++ = w[r * conv.weight_row];
        }
      }
    }
    packed = group;
    for (int64_t c = 0; c < conv.channels; ++c) {
      copy_plane(source + c * s.plane, s, in + c * in_plane, conv.source, conv.step, d, h, rows,
                 T(0));
    }
    if (narrow) {
      T* out =
          static_cast<T*>(conv.out) + member * conv.rows * out_plane + (d * size[1] + h) * size[2];
      narrow_rows(out, out_plane, conv, rows, source, conv.step[1] * s.row, at, weights, lines);
      for (int64_t m = 0; m < conv.rows; ++m) activate(conv, out + m * out_plane, rows * size[2]);
      continue;
    }
    for (int64_t tile = 0; tile < tiles.tiles; ++tile) {
      const int64_t m = tiles.start(tile);
      const int n = tiles.size(tile);
      const T* b = bias ? bias + m : nullptr;
      T* out =
          static_cast<T*>(conv.out) + (member * conv.rows + m) * out_plane +
          ((conv.first[0] + d * stride[0]) * size[1] + conv.first[1] + h * stride[1]) * size[2] +
          conv.first[2];
      const bool strided = stride[2] != 1;
      for (int64_t y = 0; y < rows; ++y) {
        const T* window = source + y * conv.step[1] * s.row;
        T* to = out + y * stride[1] * size[2];
        direct_rows(n, strided ? lines : to, strided ? line_size : out_plane, conv.grid[2], window,
                    at, weights + m * terms, terms, b);
        for (int r = 0; strided && r < n; ++r) {
          spread_row(to + r * out_plane, stride[2], lines + r * line_size, conv.grid[2]);
        }
      }
      for (int r = 0; r < n; ++r) activate(conv, out + r * out_plane, rows * size[2]);
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
WindowSizes sizes_of(const WeightConv& conv) {
  int64_t low[kSpatial], high[kSpatial];
  for (int d = 0; d < kSpatial; ++d) {
    low[d] = -conv.padding[d];
    high[d] = low[d] + (conv.kernel[d] - 1) * conv.dilation[d];
  }
  return WindowSizes::of<T>(conv.grid, conv.step, low, high);
}

template <class T>
void direct_weight_plan(const WeightConv& conv, ConvPlan& plan) {
  const WindowSizes s = sizes_of<T>(conv);
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
  const WindowSizes s = sizes_of<T>(conv);
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
  bool plain = conv.channels == 1 && conv.rows == 1 && kernel[0] == 1 && kernel[1] == 3 &&
               kernel[2] == 3 && conv.source[0] == 1 && conv.grid[0] == 1;
  for (int d = 0; d < kSpatial; ++d) plain = plain && conv.step[d] == 1 && conv.dilation[d] == 1;
  const Plane3 source_plane{conv.source[1], conv.source[2], s.low[1], s.low[2]};
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
      if (kDepthwise3 && plain) {
        depthwise_sums(all, grad, conv.grid[1], width, in, source_plane);
        continue;
      }
      for (int64_t c = 0; c < conv.channels; ++c) {
        for (int64_t d = 0; d < conv.grid[0]; ++d) {
          for (int64_t h = 0; h < conv.grid[1]; h += s.block_rows) {
            const int64_t rows = smaller(s.block_rows, conv.grid[1] - h);
            copy_plane(source, s, in + c * in_plane, conv.source, conv.step, d, h, rows, T(0));
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
