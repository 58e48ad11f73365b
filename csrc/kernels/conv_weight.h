// Weight gradients as matrix products over places: gradient rows [rows, places] times source
// elements [places, taps x channels]. The source is first brought channels-last, padded, so that
// neighbouring columns are neighbours in memory and packing a panel is copying.
#pragma once
#include "kernels/conv.h"
#include "kernels/gemm_plan.h"

namespace pyforge::kernels::PF_ISA {
namespace {

inline constexpr int64_t kSourceElements = 60 * 1024;  // of the channels-last copy at a time
inline constexpr int64_t kPartPanels = 16;             // panels of columns in a unit of work

struct WeightSizes {
  int64_t taps, columns, ld, parts, rows_of_places, width, padded_width, block_rows, block_height,
      depth;

  template <class T>
  static WeightSizes of(const WeightConv& conv) {
    WeightSizes s;
    s.taps = conv.kernel[0] * conv.kernel[1] * conv.kernel[2];
    s.columns = s.taps * conv.channels;
    s.ld = round_up(s.columns, kLanes<T>);
    s.parts = ceil_div(s.columns, kPartPanels * kTileColumns<T>);
    s.rows_of_places = conv.images * conv.grid[0] * conv.grid[1];
    s.width = conv.grid[2];
    s.padded_width = (s.width - 1) * conv.step[2] + (conv.kernel[2] - 1) * conv.dilation[2] + 1;
    // As many rows of the grid at a time as keep both copies in the second-level cache.
    const int64_t row = conv.kernel[0] * s.padded_width * conv.channels;
    const int64_t fixed = row * (conv.kernel[1] - 1) * conv.dilation[1];
    const int64_t by_source =
        (kSourceElements - smaller(kSourceElements / 2, fixed)) / larger(1, row * conv.step[1]);
    const int64_t by_grad = kSourceElements / larger(1, s.width * conv.rows);
    s.block_rows = larger(1, smaller(conv.grid[1], smaller(by_source, by_grad)));
    s.block_height =
        (s.block_rows - 1) * conv.step[1] + (conv.kernel[1] - 1) * conv.dilation[1] + 1;
    s.depth = smaller(kBlockDepth, s.block_rows * s.width);
    return s;
  }
  int64_t source_elements(const WeightConv& conv) const {
    return conv.kernel[0] * block_height * padded_width * conv.channels;
  }
};

// One row of the image, channels first, to `width` places of `channels` elements, from w0 on.
template <class T>
void interleave_row(T* to, int64_t channels, const T* from, int64_t plane, int64_t w0,
                    int64_t width, int64_t size) {
  constexpr int L = kLanes<T>;
  const int64_t low = smaller(width, larger(0, -w0)), high = larger(low, smaller(width, size - w0));
  for (int64_t i = 0; i < low * channels; ++i) to[i] = T(0);
  for (int64_t i = high * channels; i < width * channels; ++i) to[i] = T(0);
  int64_t c = 0;
  for (; c + L <= channels; c += L) {
    int64_t w = low;
    for (; w + L <= high; w += L) {
      Reg<T> block[L];
#pragma GCC unroll 16
      for (int l = 0; l < L; ++l) block[l] = load(from + (c + l) * plane + w0 + w);
      transpose<T>(block);
#pragma GCC unroll 16
      for (int l = 0; l < L; ++l) store(to + (w + l) * channels + c, block[l]);
    }
    for (; w < high; ++w) {
      for (int l = 0; l < L; ++l) to[w * channels + c + l] = from[(c + l) * plane + w0 + w];
    }
  }
  for (; c < channels; ++c) {
    for (int64_t w = low; w < high; ++w) to[w * channels + c] = from[c * plane + w0 + w];
  }
}

// Columns of a panel that follow each other in the channels-last copy.
struct WeightRun {
  int64_t offset;
  int start, count;
};

template <class T>
int find_weight_runs(const WeightConv& conv, const WeightSizes& s, int64_t column, int count,
                     WeightRun* runs) {
  const int64_t row = s.padded_width * conv.channels;
  int n = 0;
  for (int done = 0; done < count;) {
    const int64_t q = column + done, c = q % conv.channels, t = q / conv.channels;
    const int64_t kw = t % conv.kernel[2], kh = t / conv.kernel[2] % conv.kernel[1],
                  kd = t / conv.kernel[2] / conv.kernel[1];
    const int64_t offset = (kd * s.block_height + kh * conv.dilation[1]) * row +
                           kw * conv.dilation[2] * conv.channels + c;
    const int length = static_cast<int>(smaller(conv.channels - c, count - done));
    if (n > 0 && runs[n - 1].offset + runs[n - 1].count == offset) {
      runs[n - 1].count += length;
    } else {
      runs[n++] = {offset, done, length};
    }
    done += length;
  }
  return n;
}

template <class T>
void pack_places(T* panel, int width, int count, const T* source, const WeightRun* runs, int n_runs,
                 int64_t first, int64_t depth, int64_t grid_width, int64_t row_step,
                 int64_t place_step) {
  constexpr int L = kLanes<T>;
  if (count < width) {
    for (int64_t k = 0; k < depth; ++k) store(panel + k * width + width - L, Reg<T>{});
  }
  for (int r = 0; r < n_runs; ++r) {
    for (int start = 0; start < runs[r].count; start += L) {
      const int some = runs[r].count - start < L ? runs[r].count - start : L;
      T* to = panel + runs[r].start + start;
      int64_t row = first / grid_width, w = first % grid_width;
      for (int64_t k = 0; k < depth;) {
        const T* from = source + row * row_step + w * place_step + runs[r].offset + start;
        const int64_t n = smaller(grid_width - w, depth - k);
        if (some == L) {
          for (int64_t i = 0; i < n; ++i) store(to + i * width, load(from + i * place_step));
        } else if constexpr (kFreeMasks) {
          const Mask mask = mask_for<T>(some);
          for (int64_t i = 0; i < n; ++i) {
            store_first(to + i * width, load_first(from + i * place_step, mask), some);
          }
        } else {
          for (int64_t i = 0; i < n; ++i) {
            for (int l = 0; l < some; ++l) to[i * width + l] = from[i * place_step + l];
          }
        }
        to += n * width;
        k += n;
        w = 0;
        ++row;
      }
    }
  }
}

// The rows [h, h + rows) of the grid of one image and depth, added to the columns [j0, j1) of
// sums [rows][ld].
template <class T>
void weight_block(const WeightConv& conv, const WeightSizes& s, int64_t group, int64_t image,
                  int64_t d, int64_t h, int64_t rows, int64_t j0, int64_t j1, bool add, T* sums,
                  T* source, T* grads, T* panel) {
  constexpr int C = kTileColumns<T>;
  const int64_t *size = conv.source, *kernel = conv.kernel;
  const int64_t plane = size[0] * size[1] * size[2], row = s.padded_width * conv.channels;
  const int64_t at = image * conv.groups + group;
  const T* in = static_cast<const T*>(conv.in) + at * conv.channels * plane;
  const int64_t height = (rows - 1) * conv.step[1] + (kernel[1] - 1) * conv.dilation[1] + 1;
  for (int64_t kd = 0; kd < kernel[0]; ++kd) {
    const int64_t z = d * conv.step[0] + kd * conv.dilation[0] - conv.padding[0];
    for (int64_t y = 0; y < height; ++y) {
      const int64_t from = h * conv.step[1] - conv.padding[1] + y;
      T* to = source + (kd * s.block_height + y) * row;
      if (z < 0 || z >= size[0] || from < 0 || from >= size[1]) {
        for (int64_t i = 0; i < row; ++i) to[i] = T(0);
      } else {
        interleave_row(to, conv.channels, in + (z * size[1] + from) * size[2], plane,
                       -conv.padding[2], s.padded_width, size[2]);
      }
    }
  }
  const int64_t grid_plane = conv.grid[0] * conv.grid[1] * conv.grid[2];
  const T* grad = static_cast<const T*>(conv.grad) + at * conv.rows * grid_plane +
                  (d * conv.grid[1] + h) * s.width;
  const int64_t places = rows * s.width;
  const RowTiles tiles(conv.rows);
  for (int64_t k0 = 0; k0 < places; k0 += s.depth) {
    const int64_t depth = smaller(s.depth, places - k0);
    for (int64_t t = 0; t < tiles.tiles; ++t) {
      const int64_t i = tiles.start(t);
      pack_rows<T, kTileRows>(grads + i * depth, tiles.size(t), grad + i * grid_plane + k0,
                              grid_plane, 1, depth);
    }
    Target<T> out{sums,           s.ld, 1, nullptr, 0, 0, T(1), add || k0 > 0 ? T(1) : T(0),
                  Epilogue::None, true};
    for (int64_t j = j0; j < j1; j += C) {
      const int count = static_cast<int>(smaller(C, s.columns - j));
      const int width = static_cast<int>(round_up(count, kLanes<T>));
      WeightRun runs[C];
      const int n_runs = find_weight_runs<T>(conv, s, j, count, runs);
      pack_places(panel, width, count, source, runs, n_runs, k0, depth, s.width, conv.step[1] * row,
                  conv.step[2] * conv.channels);
      for (int64_t t = 0; t < tiles.tiles; ++t) {
        const int64_t i = tiles.start(t);
        const int r = tiles.size(t);
        TileArgs<T> tile{depth, grads + i * depth, 1, 0, panel, width, count};
        Target<T> to = out.at(i, j);
        if (count == C) {
          tile_for<T, kTileRows, kTileVectors, true, false>(r)(tile, to);
        } else {
          tile.a_col = r;
          times_panel(r, tile, to);
        }
      }
    }
  }
}

template <class T>
void weight_run(const WeightConv& conv, void* shared, void* workspace, int64_t first,
                int64_t last) {
  const WeightSizes s = WeightSizes::of<T>(conv);
  T* source = static_cast<T*>(workspace);
  T* panel = source + round_up(s.source_elements(conv), kLanes<T>);
  T* grads = panel + kTileColumns<T> * s.depth;
  for (int64_t unit = first; unit < last; ++unit) {
    const int64_t part = unit % s.parts, member = unit / s.parts;
    const int64_t chunk = member / conv.groups, group = member % conv.groups;
    const int64_t j0 = part * kPartPanels * kTileColumns<T>;
    const int64_t j1 = smaller(s.columns, j0 + kPartPanels * kTileColumns<T>);
    const int64_t begin = s.rows_of_places * chunk / conv.chunks,
                  end = s.rows_of_places * (chunk + 1) / conv.chunks;
    T* sums = static_cast<T*>(shared) + member * conv.rows * s.ld;
    for (int64_t row = begin; row < end;) {
      const int64_t h = row % conv.grid[1], d = row / conv.grid[1] % conv.grid[0],
                    image = row / conv.grid[1] / conv.grid[0];
      const int64_t rows = smaller(smaller(s.block_rows, conv.grid[1] - h), end - row);
      weight_block(conv, s, group, image, d, h, rows, j0, j1, row > begin, sums, source, grads,
                   panel);
      row += rows;
    }
  }
}

template <class T>
void weight_finish(const WeightConv& conv, const void* shared, int64_t first, int64_t last) {
  const WeightSizes s = WeightSizes::of<T>(conv);
  for (int64_t unit = first; unit < last; ++unit) {
    const T* sums = static_cast<const T*>(shared) + unit * s.ld;
    T* out = static_cast<T*>(conv.out) + unit * s.columns;
    const int64_t chunk = conv.groups * conv.rows * s.ld;
    for (int64_t c = 0; c < conv.channels; ++c) {
      for (int64_t t = 0; t < s.taps; ++t) {
        const T* at = sums + t * conv.channels + c;
        T total = at[0];
        for (int64_t k = 1; k < conv.chunks; ++k) total += at[k * chunk];
        out[c * s.taps + t] = total;
      }
    }
  }
}

template <class T>
void weight_plan(const WeightConv& conv, ConvPlan& plan) {
  const WeightSizes s = WeightSizes::of<T>(conv);
  constexpr int64_t size = sizeof(T);
  plan.units = conv.chunks * conv.groups * s.parts;
  plan.prepare_units = 0;
  plan.workspace_bytes = (round_up(s.source_elements(conv), kLanes<T>) + kTileColumns<T> * s.depth +
                          conv.rows * s.depth + kLanes<T>)*size;
  plan.shared_bytes = conv.chunks * conv.groups * conv.rows * s.ld * size;
  plan.finish_units = conv.groups * conv.rows;
}

template <class T>
void fill_weight(WeightKernels& kernels) {
  kernels.plan = weight_plan<T>;
  kernels.run = weight_run<T>;
  kernels.finish = weight_finish<T>;
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
