// Padded copies of rows of an image, with every step-th element brought together, so that a window
// that moves in steps reads contiguous vectors.
#pragma once
#include "kernels/conv.h"
#include "kernels/gemm_plan.h"

namespace pyforge::kernels::PF_ISA {
namespace {

// Activates n elements of the target, from `at` on, while they are in the cache.
template <class T>
PF_INLINE void activate(const GatherConv& conv, const T* at, int64_t n) {
  if (!conv.activation) return;
  const void* in[] = {at};
  T* const to = static_cast<T*>(conv.activated) + (at - static_cast<const T*>(conv.out));
  conv.activation(to, in, n, nullptr);
}

// Rows shared out evenly among the least number of register tiles.
struct RowTiles {
  int64_t rows, tiles;
  explicit RowTiles(int64_t n) : rows(n), tiles(ceil_div(n, kTileRows)) {}
  int64_t start(int64_t t) const { return t * (rows / tiles) + smaller(t, rows % tiles); }
  int size(int64_t t) const { return static_cast<int>(rows / tiles + (t < rows % tiles)); }
};

// Every second element of [from, from + 2 L - 1), of which nothing else is read.
template <class T, int... I>
PF_INLINE Reg<T> every_second(const T* from, LaneList<I...>) {
  return shuffle<T, (2 * I < kLanes<T> ? 2 * I : 2 * I + 1)...>(load(from),
                                                                load(from + kLanes<T> - 1));
}

// to[i] = from[first + i * step] for i < count, `fill` where that is outside [0, size).
template <class T>
PF_INLINE void copy_phase(T* to, int64_t count, const T* from, int64_t first, int64_t step,
                          int64_t size, T fill) {
  constexpr int L = kLanes<T>;
  int64_t low = first >= 0 ? 0 : (-first + step - 1) / step;
  int64_t high = first >= size ? 0 : (size - first + step - 1) / step;
  if (low > count) low = count;
  if (high > count) high = count;
  if (high < low) high = low;
  for (int64_t i = 0; i < low; ++i) to[i] = fill;
  int64_t i = low;
  if (step == 1) {
    for (; i + L <= high; i += L) store(to + i, load(from + first + i));
  } else if (step == 2) {
    for (; i + L <= high; i += L) {
      store(to + i, every_second(from + first + 2 * i, Lanes<T>{}));
    }
  }
  if (kFreeMasks && step == 1 && i < high) {
    const int rest = static_cast<int>(high - i);
    store_first(to + i, load_first(from + first + i, mask_for<T>(rest)), rest);
    i = high;
  }
  for (; i < high; ++i) to[i] = from[first + i * step];
  for (i = high; i < count; ++i) to[i] = fill;
}

// Each element twice: of the lower (0) or the upper (1) half.
template <class T, int Half, int... I>
PF_INLINE Reg<T> doubled(Reg<T> v, LaneList<I...>) {
  return shuffle<T, (I / 2 + Half * kLanes<T> / 2)...>(v, v);
}

// to[i * stride] = from[i]
template <class T>
PF_INLINE void spread_row(T* to, int64_t stride, const T* from, int64_t count) {
  int64_t i = 0;
#if defined(__AVX512F__)
  constexpr int L = kLanes<T>;
  if (stride == 2) {
    for (; i + L <= count; i += L) {
      const Reg<T> v = load(from + i);
      store_masked(to + 2 * i, doubled<T, 0>(v, Lanes<T>{}), static_cast<Mask>(0x5555));
      store_masked(to + 2 * i + L, doubled<T, 1>(v, Lanes<T>{}), static_cast<Mask>(0x5555));
    }
    if (i < count) {
      const int rest = static_cast<int>(count - i);
      const unsigned mask = 0x55555555u & ((1u << (2 * rest - 1)) - 1);
      const Reg<T> v = load_first(from + i, mask_for<T>(rest));
      store_masked(to + 2 * i, doubled<T, 0>(v, Lanes<T>{}),
                   static_cast<Mask>(mask & ((1u << L) - 1)));
      if (2 * rest > L) {
        store_masked(to + 2 * i + L, doubled<T, 1>(v, Lanes<T>{}), static_cast<Mask>(mask >> L));
      }
      i = count;
    }
  }
#endif
  for (; i < count; ++i) to[i * stride] = from[i];
}

// A row as `phases` runs of `length` elements: to[ph * length + i] = from[first + i * step + ph].
template <class T>
PF_INLINE void split_row(T* to, int64_t phases, int64_t length, const T* from, int64_t first,
                         int64_t step, int64_t size, T fill) {
  for (int64_t ph = 0; ph < phases; ++ph) {
    copy_phase(to + ph * length, length, from, first + ph, step, size, fill);
  }
}

inline constexpr int64_t kPlaneElements = 6 * 1024;  // of the padded copy at a time

// The window of a gather or of a weight gradient, and its padded copy.
struct WindowSizes {
  int64_t low[kSpatial], span[kSpatial];  // least offset, extent of all offsets
  int64_t phases, length, row, block_rows, block_height, plane;

  template <class T>
  static WindowSizes of(const int64_t* grid, const int64_t* step, const int64_t* low,
                        const int64_t* high) {
    WindowSizes s;
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
void copy_plane(T* to, const WindowSizes& s, const T* plane, const int64_t* size,
                const int64_t* step, int64_t d, int64_t h, int64_t rows, T fill) {
  const int64_t height = (rows - 1) * step[1] + s.span[1];
  for (int64_t kd = 0; kd < s.span[0]; ++kd) {
    const int64_t z = d * step[0] + s.low[0] + kd;
    for (int64_t y = 0; y < height; ++y) {
      const int64_t from = h * step[1] + s.low[1] + y;
      T* row = to + (kd * s.block_height + y) * s.row;
      if (z < 0 || z >= size[0] || from < 0 || from >= size[1]) {
        for (int64_t i = 0; i < s.row; ++i) row[i] = fill;
      } else {
        split_row(row, s.phases, s.length, plane + (z * size[1] + from) * size[2], s.low[2],
                  step[2], size[2], fill);
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

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
