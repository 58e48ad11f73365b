// 3x3 convolutions in steps of one between many channels by Winograd's F(2x2, 3x3): 16 products
// where the direct way takes 36. See docs/convolution.md.
#pragma once
#include "kernels/conv.h"
#include "kernels/conv_depthwise.h"
#include "kernels/conv_gather.h"
#include "kernels/conv_plane.h"
#include "kernels/gemm_plan.h"

namespace pyforge::kernels::PF_ISA {
namespace {

inline constexpr int kWinogradPoints = 16;

// Tiles of 2x2 places, counted through rows and images; a panel is kTileColumns of them.
struct WinogradSizes {
  int64_t high, wide, tiles, panels;
  int64_t low[kSpatial];  // of the window of a place

  template <class T>
  static WinogradSizes of(const GatherConv& conv) {
    WinogradSizes s;
    s.high = ceil_div(conv.grid[1], 2);
    s.wide = ceil_div(conv.grid[2], 2);
    s.tiles = conv.images * s.high * s.wide;
    s.panels = ceil_div(s.tiles, kTileColumns<T>);
    for (int d = 0; d < kSpatial; ++d) {
      s.low[d] = conv.offset[d];
      for (int64_t t = 1; t < conv.taps; ++t)
        s.low[d] = smaller(s.low[d], conv.offset[t * kSpatial + d]);
    }
    return s;
  }
};

// Tiles of a panel that lie in one row of tiles.
struct WinogradRun {
  int64_t image, y, x;
  int start, count;
};

template <class T>
int find_tiles(const WinogradSizes& s, int64_t first, int64_t count, WinogradRun* runs) {
  int n = 0;
  for (int64_t done = 0; done < count;) {
    const int64_t at = first + done, x = at % s.wide, row = at / s.wide;
    const int64_t some = smaller(smaller(s.wide - x, count - done), kLanes<T>);
    runs[n++] = {row / s.high, row % s.high, x, static_cast<int>(done), static_cast<int>(some)};
    done += some;
  }
  return n;
}

template <class T, int kFirst, int... I>
PF_INLINE Reg<T> every_other(Reg<T> a, Reg<T> b, LaneList<I...>) {
  return shuffle<T, (2 * I + kFirst)...>(a, b);
}
// The lower (0) or upper (1) half of a0 b0 a1 b1 ...
template <class T, int kHalf, int... I>
PF_INLINE Reg<T> interleaved(Reg<T> a, Reg<T> b, LaneList<I...>) {
  constexpr int L = kLanes<T>;
  return shuffle<T, (I / 2 + kHalf * L / 2 + (I % 2) * L)...>(a, b);
}

// to[i] = t^T d with the columns (1 0 -1 0), (0 1 1 0), (0 -1 1 0), (0 1 0 -1) of t.
template <class R>
PF_INLINE void winograd_source(const R* d, R* to) {
  to[0] = d[0] - d[2];
  to[1] = d[1] + d[2];
  to[2] = d[2] - d[1];
  to[3] = d[1] - d[3];
}

// The transformed 4x4 windows of a run, for one channel: to[point * distance + lane].
template <class T>
void winograd_windows(T* to, int64_t distance, const T* plane, const GatherConv& conv,
                      const WinogradSizes& s, const WinogradRun& run) {
  constexpr int L = kLanes<T>;
  const int64_t height = conv.source[1], width = conv.source[2];
  const int64_t first = 2 * run.x + s.low[2];
  Mask inside[4];  // of the vectors at first, first + L, first + 2, first + 2 + L
#pragma GCC unroll 16
  for (int i = 0; i < 4; ++i) {
    const int64_t at = first + i % 2 * L + i / 2 * 2;
    inside[i] = lanes_between<T>(-at, width - at);
  }
  Reg<T> rows[4][4];  // [column][row]
#pragma GCC unroll 16
  for (int r = 0; r < 4; ++r) {
    const int64_t y = 2 * run.y + s.low[1] + r;
    if (y < 0 || y >= height) {
#pragma GCC unroll 16
      for (int c = 0; c < 4; ++c) rows[c][r] = Reg<T>{};
      continue;
    }
    const T* from = plane + y * width + first;
#pragma GCC unroll 16
    for (int c = 0; c < 4; c += 2) {
      const Reg<T> a = load_first(from + c, inside[c]), b = load_first(from + c + L, inside[c + 1]);
      rows[c][r] = every_other<T, 0>(a, b, Lanes<T>{});
      rows[c + 1][r] = every_other<T, 1>(a, b, Lanes<T>{});
    }
  }
  Reg<T> half[4][4];  // [row][column]
#pragma GCC unroll 16
  for (int c = 0; c < 4; ++c) {
    Reg<T> column[4];
    winograd_source(rows[c], column);
#pragma GCC unroll 16
    for (int r = 0; r < 4; ++r) half[r][c] = column[r];
  }
#pragma GCC unroll 16
  for (int r = 0; r < 4; ++r) {
    Reg<T> line[4];
    winograd_source(half[r], line);
#pragma GCC unroll 16
    for (int c = 0; c < 4; ++c) store_first(to + (4 * r + c) * distance, line[c], run.count);
  }
}

// to[i] = t^T m with the columns (1 1 1 0) and (0 1 -1 -1) of t.
template <class R>
PF_INLINE void winograd_target(const R* m, R* to) {
  to[0] = m[0] + m[1] + m[2];
  to[1] = m[1] - m[2] - m[3];
}

// The places of a run from its sums [point][..], for one row of the weights.
template <class T>
void winograd_places(T* plane, const T* sums, int64_t distance, T bias, const GatherConv& conv,
                     const WinogradRun& run) {
  constexpr int L = kLanes<T>;
  Reg<T> half[2][4];
#pragma GCC unroll 16
  for (int c = 0; c < 4; ++c) {
    Reg<T> column[4], two[2];
#pragma GCC unroll 16
    for (int r = 0; r < 4; ++r) column[r] = load(sums + (4 * r + c) * distance);
    winograd_target(column, two);
    half[0][c] = two[0];
    half[1][c] = two[1];
  }
  const int64_t height = conv.grid[1], width = conv.grid[2];
  const int count = static_cast<int>(smaller(2 * run.count, width - 2 * run.x));
#pragma GCC unroll 16
  for (int r = 0; r < 2; ++r) {
    if (2 * run.y + r >= height) break;
    Reg<T> two[2];
    winograd_target(half[r], two);
    two[0] += bias;
    two[1] += bias;
    T* to = plane + (2 * run.y + r) * width + 2 * run.x;
    const Reg<T> low = interleaved<T, 0>(two[0], two[1], Lanes<T>{});
    if (count < L) {
      store_first(to, low, count);
      continue;
    }
    store(to, low);
    if (count > L) {
      const Reg<T> high = interleaved<T, 1>(two[0], two[1], Lanes<T>{});
      if (count < 2 * L) {
        store_first(to + L, high, count - L);
      } else {
        store(to + L, high);
      }
    }
  }
}

// Activates the places of a panel's runs, which are in the first-level cache, for one row.
template <class T>
void winograd_activate(const GatherConv& conv, const T* plane, const WinogradRun& run) {
  const int64_t height = conv.grid[1], width = conv.grid[2];
  const int64_t count = smaller(2 * run.count, width - 2 * run.x);
  for (int64_t y = 2 * run.y; y < smaller(2 * run.y + 2, height); ++y) {
    activate(conv, plane + y * width + 2 * run.x, count);
  }
}

// The transformed weights [group][point][tile of rows][channel][row].
template <class T>
void winograd_prepare(const GatherConv& conv, void* shared, int64_t first, int64_t last) {
  constexpr int L = kLanes<T>, kVectors = (kTileRows + L - 1) / L, kWide = kVectors * L;
  const WinogradSizes s = WinogradSizes::of<T>(conv);
  const RowTiles tiles(conv.rows);
  const int64_t size = conv.rows * conv.channels;
  int64_t at[9];
  for (int64_t t = 0; t < 9; ++t) {
    const int64_t* offset = conv.offset + t * kSpatial;
    at[3 * (offset[1] - s.low[1]) + offset[2] - s.low[2]] = conv.weight_at[t];
  }
  for (int64_t unit = first; unit < last; ++unit) {
    const int64_t group = unit / tiles.tiles, tile = unit % tiles.tiles;
    const int rows = tiles.size(tile);
    const T* from = static_cast<const T*>(conv.weight) + group * conv.weight_group +
                    tiles.start(tile) * conv.weight_row;
    T* to = static_cast<T*>(shared) + group * kWinogradPoints * size +
            tiles.start(tile) * conv.channels;
    T taps[9][kWide] = {}, points[kWinogradPoints][kWide];
    for (int64_t c = 0; c < conv.channels; ++c, from += conv.weight_channel) {
      for (int r = 0; r < rows; ++r) {
        const T* w = from + r * conv.weight_row;
        for (int t = 0; t < 9; ++t) taps[t][r] = w[at[t]];
      }
      for (int v = 0; v < kWide; v += L) {
        const auto transform = [](Reg<T> a, Reg<T> b, Reg<T> d, Reg<T>* four) {
          const Reg<T> outer = T(0.5) * (a + d), middle = T(0.5) * b;
          four[0] = a;
          four[1] = outer + middle;
          four[2] = outer - middle;
          four[3] = d;
        };
        Reg<T> columns[3][4];
#pragma GCC unroll 16
        for (int x = 0; x < 3; ++x) {
          transform(load(&taps[x][v]), load(&taps[3 + x][v]), load(&taps[6 + x][v]), columns[x]);
        }
#pragma GCC unroll 16
        for (int y = 0; y < 4; ++y) {
          Reg<T> line[4];
          transform(columns[0][y], columns[1][y], columns[2][y], line);
#pragma GCC unroll 16
          for (int x = 0; x < 4; ++x) store(&points[4 * y + x][v], line[x]);
        }
      }
      for (int p = 0; p < kWinogradPoints; ++p) {
        __builtin_memcpy(to + p * size + c * rows, points[p],
                         static_cast<size_t>(rows) * sizeof(T));
      }
    }
  }
}

template <class T>
void winograd_run(const GatherConv& conv, const void* shared, void* workspace, int64_t first,
                  int64_t last) {
  constexpr int C = kTileColumns<T>;
  const WinogradSizes s = WinogradSizes::of<T>(conv);
  const RowTiles tiles(conv.rows);
  const int64_t in_plane = conv.source[1] * conv.source[2], out_plane = conv.grid[1] * conv.grid[2];
  const int64_t windows_size = conv.channels * C, sums_size = conv.rows * C;
  T* const windows = static_cast<T*>(workspace);
  T* const sums = windows + kWinogradPoints * windows_size;
  WinogradRun runs[C];
  for (int64_t unit = first; unit < last; ++unit) {
    const int64_t group = unit / s.panels, start = unit % s.panels * C;
    const int count = static_cast<int>(smaller(C, s.tiles - start));
    const int n_runs = find_tiles<T>(s, start, count, runs);
    if (count < C) {
      for (int64_t i = 0; i < kWinogradPoints * windows_size; ++i) windows[i] = T(0);
    }
    for (int i = 0; i < n_runs; ++i) {
      const int64_t member = runs[i].image * conv.groups + group;
      const T* plane = static_cast<const T*>(conv.in) + member * conv.channels * in_plane;
      for (int64_t c = 0; c < conv.channels; ++c) {
        winograd_windows(windows + c * C + runs[i].start, windows_size, plane + c * in_plane, conv,
                         s, runs[i]);
      }
    }
    const T* weights =
        static_cast<const T*>(shared) + group * kWinogradPoints * conv.rows * conv.channels;
    for (int p = 0; p < kWinogradPoints; ++p) {
      Target<T> out{sums + p * sums_size, C, 1, nullptr, 0, 0, T(1), T(0), Epilogue::None, true};
      multiply_panel(weights + p * conv.rows * conv.channels, windows + p * windows_size,
                     conv.channels, tiles, 0, tiles.tiles, C, C, out);
    }
    for (int i = 0; i < n_runs; ++i) {
      const int64_t member = runs[i].image * conv.groups + group;
      T* plane = static_cast<T*>(conv.out) + member * conv.rows * out_plane;
      const T* bias = static_cast<const T*>(conv.bias);
      for (int64_t m = 0; m < conv.rows; ++m) {
        winograd_places(plane + m * out_plane, sums + m * C + runs[i].start, sums_size,
                        bias ? bias[group * conv.rows + m] : T(0), conv, runs[i]);
        if (conv.activation) winograd_activate(conv, plane + m * out_plane, runs[i]);
      }
    }
  }
}

template <class T>
void winograd_plan(const GatherConv& conv, ConvPlan& plan) {
  const WinogradSizes s = WinogradSizes::of<T>(conv);
  constexpr int64_t size = sizeof(T);
  plan.units = conv.groups * s.panels;
  plan.prepare_units = conv.groups * RowTiles(conv.rows).tiles;
  // A run's vector of sums may begin in the last columns of a panel.
  plan.workspace_bytes =
      (kWinogradPoints * (conv.channels + conv.rows) * kTileColumns<T> + kLanes<T>)*size;
  plan.shared_bytes = conv.groups * kWinogradPoints * conv.rows * conv.channels * size;
  plan.finish_units = 0;
}

// Whether the transforms cost less than the products that they save, in cycles of AVX-512: about
// 100 for a row of tiles and channel, 13 for a weight. Taps are in the order of rows and columns,
// up or down, as `F` and `I` have them.
inline bool winograd_pays(const GatherConv& conv) {
  constexpr int64_t kTile = 32, kLane = 16;
  if (!kMaskedLoads || conv.taps != 9 || conv.source[0] != 1 || conv.grid[0] != 1 ||
      conv.offset[0] != 0 || conv.channels < kLane || conv.rows < kLane) {
    return false;
  }
  for (int d = 0; d < kSpatial; ++d) {
    if (conv.step[d] != 1 || conv.stride[d] != 1 || conv.first[d] != 0 ||
        conv.grid[d] != conv.target[d]) {
      return false;
    }
  }
  const int64_t way = conv.offset[8 * kSpatial + 1] > conv.offset[1] ? 1 : -1;
  for (int64_t t = 0; t < 9; ++t) {
    const int64_t *first = conv.offset, *at = conv.offset + t * kSpatial;
    if (at[1] != first[1] + way * (t / 3) || at[2] != first[2] + way * (t % 3)) return false;
  }
  const int64_t wide = ceil_div(conv.grid[2], 2),
                rows_of_tiles = conv.images * ceil_div(conv.grid[1], 2);
  const int64_t panels = ceil_div(rows_of_tiles * wide, kTile),
                runs = rows_of_tiles * ceil_div(wide, kLane) + panels;
  const int64_t pairs = conv.rows * conv.channels;
  const int64_t plain = (conv.rows + 10) * conv.channels * 9 * conv.images * conv.grid[1] *
                        conv.grid[2] / kLane;  // packing costs what 10 rows do
  const int64_t transformed =
      pairs * (panels * kTile + 13) + 100 * (conv.rows + conv.channels) * runs;
  return 10 * transformed < 9 * plain;
}

template <class T>
void fill_winograd_or_gather(GatherKernels& kernels) {
  kernels.plan = [](const GatherConv& conv, ConvPlan& plan) {
    winograd_pays(conv) ? winograd_plan<T>(conv, plan) : gather_plan<T>(conv, plan);
  };
  kernels.prepare = [](const GatherConv& conv, void* shared, int64_t first, int64_t last) {
    winograd_pays(conv) ? winograd_prepare<T>(conv, shared, first, last)
                        : gather_prepare<T>(conv, shared, first, last);
  };
  kernels.run = [](const GatherConv& conv, const void* shared, void* workspace, int64_t first,
                   int64_t last) {
    winograd_pays(conv) ? winograd_run<T>(conv, shared, workspace, first, last)
                        : gather_run<T>(conv, shared, workspace, first, last);
  };
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
