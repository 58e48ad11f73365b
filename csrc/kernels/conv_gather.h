// Gathers as matrix products: weights [rows, channels x taps] times panels of source elements that
// are packed straight from the image, in the register tiles of the matrix product.
#pragma once
#include "kernels/conv.h"
#include "kernels/conv_plane.h"
#include "kernels/gemm_plan.h"

namespace pyforge::kernels::PF_ISA {
namespace {

inline constexpr int kUnitPanels = 8;       // panels of columns in a unit of work
inline constexpr int64_t kBlockTiles = 16;  // row tiles that meet all panels before the next ones

// K is summed in blocks: of whole channels, or of a part of one channel's taps if there are many.
struct GatherBlocks {
  int64_t channels, taps;  // per block
  int64_t channel_blocks, tap_blocks;
  int64_t count() const { return channel_blocks * tap_blocks; }
};

inline GatherBlocks blocks_of(const GatherConv& conv) {
  GatherBlocks b;
  b.tap_blocks = larger(1, ceil_div(conv.taps, kBlockDepth));
  b.taps = ceil_div(conv.taps, b.tap_blocks);
  b.tap_blocks = larger(1, ceil_div(conv.taps, larger(1, b.taps)));
  b.channels = b.tap_blocks > 1 ? 1 : larger(1, kBlockDepth / larger(1, b.taps));
  b.channel_blocks = ceil_div(conv.channels, b.channels);
  b.channels = ceil_div(conv.channels, larger(1, b.channel_blocks));
  b.channel_blocks = ceil_div(conv.channels, larger(1, b.channels));
  return b;
}

struct GatherBlock {
  int64_t c0, channels, t0, taps, at;  // at: elements of K before this block
  int64_t depth() const { return channels * taps; }
};

inline GatherBlock block_at(const GatherConv& conv, const GatherBlocks& b, int64_t index) {
  GatherBlock k;
  k.c0 = index / b.tap_blocks * b.channels;
  k.t0 = index % b.tap_blocks * b.taps;
  k.channels = smaller(b.channels, conv.channels - k.c0);
  k.taps = smaller(b.taps, conv.taps - k.t0);
  k.at = k.c0 * conv.taps + k.channels * k.t0;
  return k;
}

// Columns of the product: places of one image, or of all images one after the other where an
// image alone would fill its last panel badly.
template <class T>
struct GatherColumns {
  bool joined, strided;
  int64_t places, columns, units;  // units per image, or in all
  static constexpr int64_t kUnit = kUnitPanels * kTileColumns<T>;

  explicit GatherColumns(const GatherConv& conv) {
    constexpr int64_t C = kTileColumns<T>;
    places = conv.grid[0] * conv.grid[1] * conv.grid[2];
    joined = conv.images > 1 && round_up(places, C) * 8 > places * 9;
    strided = false;
    for (int d = 0; d < kSpatial; ++d) {
      if (conv.stride[d] != 1 || conv.first[d] != 0 || conv.grid[d] != conv.target[d]) {
        strided = true;
      }
    }
    columns = joined ? places * conv.images : places;
    units = ceil_div(columns, kUnit);
  }
  bool buffered() const { return joined || strided; }
  int64_t parts(const GatherConv& conv) const { return joined ? 1 : conv.images; }
};

// Columns of a panel that lie in one row of the grid.
struct GatherRun {
  int64_t image, d, h, w;
  int start, count;
};

template <class T>
PF_INLINE int find_runs(const GatherConv& conv, int64_t column, int count, GatherRun* runs) {
  const int64_t gd = conv.grid[0], gh = conv.grid[1], gw = conv.grid[2];
  int n = 0, start = 0;
  int64_t row = column / gw, w = column % gw;
  while (start < count) {
    GatherRun& run = runs[n++];
    run.h = row % gh;
    run.d = row / gh % gd;
    run.image = row / gh / gd;
    run.w = w;
    run.start = start;
    run.count = static_cast<int>(smaller(gw - w, count - start));
    start += run.count;
    w = 0;
    ++row;
  }
  return n;
}

// Lanes of a run's piece that lie inside the image: [low, high).
template <class T>
PF_INLINE void copy_piece(T* to, const T* from, int low, int high, int count) {
#if defined(__AVX512F__)
  const Mask inside = static_cast<Mask>(high <= low ? 0u : (1u << high) - (1u << low));
  store_masked(to, load_first(from, inside), first_lanes(count));
#else
  if (low == 0 && high == kLanes<T> && count == kLanes<T>) {
    store(to, load(from));
    return;
  }
  for (int l = 0; l < count; ++l) to[l] = l >= low && l < high ? from[l] : T(0);
#endif
}

// One run of one tap, for all channels of the block.
template <class T>
void pack_run(T* to, int64_t width, const T* plane, int64_t plane_size, int64_t channels,
              int64_t row_step, const GatherRun& run, int64_t w0, int64_t step, int64_t size) {
  constexpr int L = kLanes<T>;
  // Mostly 1, and a division costs as much as copying several pieces.
  const auto steps_over = [step](int64_t distance) {
    return step == 1 ? distance : ceil_div(distance, step);
  };
  for (int start = 0; start < run.count; start += L) {
    const int count = run.count - start < L ? run.count - start : L;
    const int64_t first = w0 + start * step;
    // Lanes [low, high) have 0 <= first + lane * step < size.
    int64_t low = first >= 0 ? 0 : steps_over(-first);
    int64_t high = first >= size ? 0 : steps_over(size - first);
    low = smaller(low, count);
    high = larger(low, smaller(high, count));
    T* out = to + run.start + start;
    if (step == 1) {
      const T* from = plane + first;
      const int lo = static_cast<int>(low), hi = static_cast<int>(high);
      if (lo == 0 && hi == L) {
        for (int64_t c = 0; c < channels; ++c) {
          store(out, load(from));
          out += row_step * width;
          from += plane_size;
        }
      } else {
        for (int64_t c = 0; c < channels; ++c) {
          copy_piece(out, from, lo, hi, count);
          out += row_step * width;
          from += plane_size;
        }
      }
    } else if (step == 2 && low == 0 && high == L) {
      const T* from = plane + first;
      for (int64_t c = 0; c < channels; ++c) {
        store(out, every_second(from, Lanes<T>{}));
        out += row_step * width;
        from += plane_size;
      }
    } else {
      for (int64_t c = 0; c < channels; ++c) {
        const T* from = plane + c * plane_size + first;
        for (int64_t l = 0; l < low; ++l) out[l] = T(0);
        for (int64_t l = low; l < high; ++l) out[l] = from[l * step];
        for (int64_t l = high; l < count; ++l) out[l] = T(0);
        out += row_step * width;
      }
    }
  }
}

template <class T>
void pack_zeros(T* to, int64_t width, int64_t channels, int64_t row_step, const GatherRun& run) {
  for (int64_t c = 0; c < channels; ++c) {
    T* row = to + c * row_step * width + run.start;
    for (int l = 0; l < run.count; ++l) row[l] = T(0);
  }
}

// The panel [depth][width] of the block's source elements under `count` columns.
template <class T>
void pack_panel(const GatherConv& conv, const T* source, int64_t group, const GatherBlock& k,
                const GatherRun* runs, int n_runs, int64_t image, int count, int width, T* panel) {
  const int64_t sd = conv.source[0], sh = conv.source[1], sw = conv.source[2];
  const int64_t plane_size = sd * sh * sw;
  if (count < width) {
    for (int64_t i = 0; i < k.depth(); ++i) {
      for (int l = count; l < width; ++l) panel[i * width + l] = T(0);
    }
  }
  for (int r = 0; r < n_runs; ++r) {
    const GatherRun& run = runs[r];
    const int64_t at = (image + run.image) * conv.groups + group;
    const T* planes = source + (at * conv.channels + k.c0) * plane_size;
    for (int64_t t = 0; t < k.taps; ++t) {
      const int64_t* offset = conv.offset + (k.t0 + t) * kSpatial;
      const int64_t d = run.d * conv.step[0] + offset[0], h = run.h * conv.step[1] + offset[1];
      T* to = panel + t * width;
      if (d < 0 || d >= sd || h < 0 || h >= sh) {
        pack_zeros(to, width, k.channels, k.taps, run);
      } else {
        pack_run(to, width, planes + (d * sh + h) * sw, plane_size, k.channels, k.taps, run,
                 run.w * conv.step[2] + offset[2], conv.step[2], sw);
      }
    }
  }
}

// From the buffer [rows][kUnit] to the places of the target that the columns stand for.
template <class T>
void scatter_panel(const GatherConv& conv, void* target, const T* buffer, int64_t ld, int64_t group,
                   const GatherRun* runs, int n_runs, int64_t image) {
  const int64_t *size = conv.target, *stride = conv.stride, *first = conv.first;
  const int64_t plane_size = size[0] * size[1] * size[2];
  for (int r = 0; r < n_runs; ++r) {
    const GatherRun& run = runs[r];
    const int64_t at = (image + run.image) * conv.groups + group;
    T* to = static_cast<T*>(target) + at * conv.rows * plane_size +
            ((first[0] + run.d * stride[0]) * size[1] + first[1] + run.h * stride[1]) * size[2] +
            first[2] + run.w * stride[2];
    for (int64_t m = 0; m < conv.rows; ++m) {
      const T* from = buffer + m * ld + run.start;
      spread_row(to, stride[2], from, run.count);
      to += plane_size;
    }
  }
}

// Blocks of K in turn, each as tiles [depth][tile rows].
template <class T>
void gather_prepare(const GatherConv& conv, void* shared, int64_t first, int64_t last) {
  const GatherBlocks blocks = blocks_of(conv);
  const int64_t depth_total = conv.channels * conv.taps, n_blocks = blocks.count();
  bool plain = conv.weight_channel == conv.taps;
  for (int64_t t = 0; plain && t < conv.taps; ++t) plain = conv.weight_at[t] == t;
  for (int64_t unit = first; unit < last; ++unit) {
    const int64_t group = unit / n_blocks;
    const GatherBlock k = block_at(conv, blocks, unit % n_blocks);
    const T* weight = static_cast<const T*>(conv.weight) + group * conv.weight_group;
    // A vector beyond the end may be written: blocks are `kLanes` apart.
    T* to = static_cast<T*>(shared) + (group * depth_total + k.at) * conv.rows + unit * kLanes<T>;
    const RowTiles tiles(conv.rows);
    for (int64_t i = 0; i < tiles.tiles; ++i) {
      const int rows = tiles.size(i);
      const T* from = weight + tiles.start(i) * conv.weight_row + k.c0 * conv.weight_channel;
      if (plain) {
        pack_rows<T, kTileRows>(to, rows, from + k.t0, conv.weight_row, 1, k.depth());
        to += rows * k.depth();
        continue;
      }
      for (int64_t c = 0; c < k.channels; ++c) {
        for (int64_t t = 0; t < k.taps; ++t) {
          const T* w = from + c * conv.weight_channel + conv.weight_at[k.t0 + t];
          for (int r = 0; r < rows; ++r) to[r] = w[r * conv.weight_row];
          to += rows;
        }
      }
    }
  }
}

// Tiles [t0, t1) of the rows, against one panel.
template <class T>
void multiply_panel(const T* weights, const T* panel, int64_t depth, const RowTiles& tiles,
                    int64_t t0, int64_t t1, int count, int width, const Target<T>& out) {
  for (int64_t t = t0; t < t1; ++t) {
    const int rows = tiles.size(t);
    TileArgs<T> tile{depth, weights + tiles.start(t) * depth, 1, 0, panel, width, count};
    Target<T> to = out.at(tiles.start(t), 0);
    if (count == kTileColumns<T>) {
      tile_for<T, kTileRows, kTileVectors, true, false>(rows)(tile, to);
    } else {
      tile.a_col = rows;
      times_panel(rows, tile, to);
    }
  }
}

template <class T>
void gather_run(const GatherConv& conv, const void* shared, void* workspace, int64_t first,
                int64_t last) {
  constexpr int64_t C = kTileColumns<T>, kUnit = GatherColumns<T>::kUnit;
  const GatherColumns<T> columns(conv);
  const GatherBlocks blocks = blocks_of(conv);
  const RowTiles tiles(conv.rows);
  const int64_t depth_total = conv.channels * conv.taps, n_blocks = blocks.count();
  const int64_t panel_size = blocks.channels * blocks.taps * C;
  const int64_t plane_size = conv.target[0] * conv.target[1] * conv.target[2];
  T* const panels = static_cast<T*>(workspace);
  T* const buffer = panels + kUnitPanels * panel_size;
  const T* source = static_cast<const T*>(conv.in);
  GatherRun runs[kUnitPanels][C];
  int n_runs[kUnitPanels];
  for (int64_t unit = first; unit < last; ++unit) {
    const int64_t j0 = unit % columns.units * kUnit, part = unit / columns.units;
    const int64_t group = part % conv.groups, image = part / conv.groups;
    const int64_t width = smaller(kUnit, columns.columns - j0);
    Target<T> out{};
    out.alpha = T(1);
    if (columns.buffered()) {
      out.c = buffer;
      out.c_row = kUnit;
    } else {
      out.c = static_cast<T*>(conv.out) + part * conv.rows * plane_size + j0;
      out.c_row = plane_size;
    }
    out.c_col = 1;
    out.bias = static_cast<const T*>(conv.bias);
    if (out.bias) out.bias += group * conv.rows;
    out.bias_row = 1;
    for (int64_t j = 0, p = 0; j < width; j += C, ++p) {
      n_runs[p] = find_runs<T>(conv, j0 + j, static_cast<int>(smaller(C, width - j)), runs[p]);
    }
    for (int64_t b = 0; b < n_blocks; ++b) {
      const GatherBlock k = block_at(conv, blocks, b);
      const Target<T> to = target_for(out, b == 0, b == n_blocks - 1);
      const T* weights = static_cast<const T*>(shared) + (group * depth_total + k.at) * conv.rows +
                         (group * n_blocks + b) * kLanes<T>;
      for (int64_t t0 = 0; t0 < tiles.tiles; t0 += kBlockTiles) {
        const int64_t t1 = smaller(tiles.tiles, t0 + kBlockTiles);
        for (int64_t j = 0, p = 0; j < width; j += C, ++p) {
          const int count = static_cast<int>(smaller(C, width - j));
          const int wide = static_cast<int>(round_up(count, kLanes<T>));
          T* panel = panels + p * panel_size;
          if (t0 == 0) {
            pack_panel(conv, source, group, k, runs[p], n_runs[p], image, count, wide, panel);
          }
          multiply_panel(weights, panel, k.depth(), tiles, t0, t1, count, wide, to.at(0, j));
        }
      }
    }
    const auto scatter = [&](void* target) {
      for (int64_t j = 0, p = 0; j < width; j += C, ++p) {
        scatter_panel(conv, target, buffer + j, kUnit, group, runs[p], n_runs[p], image);
      }
    };
    if (!columns.buffered()) {
      for (int64_t m = 0; m < conv.rows; ++m) activate(conv, out.c + m * plane_size, width);
      continue;
    }
    if (!conv.activation || conv.activated != conv.out) scatter(conv.out);
    if (!conv.activation) continue;
    for (int64_t m = 0; m < conv.rows; ++m) {
      const void* in[] = {buffer + m * kUnit};
      conv.activation(buffer + m * kUnit, in, width, nullptr);
    }
    scatter(conv.activated);
  }
}

template <class T>
void gather_plan(const GatherConv& conv, ConvPlan& plan) {
  const GatherColumns<T> columns(conv);
  const GatherBlocks blocks = blocks_of(conv);
  const int64_t panels = kUnitPanels * kTileColumns<T> * blocks.channels * blocks.taps;
  const int64_t buffer = columns.buffered() ? conv.rows * GatherColumns<T>::kUnit : 0;
  plan.units = columns.parts(conv) * conv.groups * columns.units;
  plan.prepare_units = conv.groups * blocks.count();
  plan.workspace_bytes = (panels + buffer) * static_cast<int64_t>(sizeof(T));
  plan.shared_bytes = (conv.groups * conv.rows * conv.channels * conv.taps +
                       plan.prepare_units * kLanes<T> + kLanes<T>)*static_cast<int64_t>(sizeof(T));
  plan.finish_units = 0;
}

template <class T>
void fill_gather(GatherKernels& kernels) {
  kernels.plan = gather_plan<T>;
  kernels.prepare = gather_prepare<T>;
  kernels.run = gather_run<T>;
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
