// Direct convolutions of narrow images: lanes are rows of the weights instead of places, so that a
// grid whose width does not fill vectors leaves no lane empty.
#pragma once
#include "kernels/conv.h"
#include "kernels/conv_plane.h"
#include "kernels/gemm_plan.h"

namespace pyforge::kernels::PF_ISA {
namespace {

inline constexpr int64_t kNarrowPlaces = 128;  // that are transposed at a time, at least one row
inline constexpr int kNarrowVectors = 2;

// Cycles per row of the grid, term and group: rows of the weights as lanes, and places as lanes.
// The margin is for the transposes.
template <class T>
bool is_narrow(const GatherConv& conv) {
  constexpr int64_t L = kLanes<T>;
  if (conv.rows < L || conv.taps == 1) return false;
  for (int d = 0; d < kSpatial; ++d) {
    if (conv.stride[d] != 1 || conv.first[d] != 0 || conv.grid[d] != conv.target[d]) return false;
  }
  const int64_t width = conv.grid[2];
  return 5 * ceil_div(conv.rows, L) * width < 4 * conv.rows * ceil_div(width, L);
}

// Sizes in elements of the packed weights and biases, and of the places before they are transposed.
template <class T>
struct NarrowSizes {
  int64_t vectors, weights, places;
  explicit NarrowSizes(const GatherConv& conv)
      : vectors(ceil_div(conv.rows, kLanes<T>)),
        weights(vectors * kLanes<T> * (conv.channels * conv.taps + 1)),
        places((larger(kNarrowPlaces, conv.grid[2]) + kLanes<T>)*kNarrowVectors * kLanes<T>) {}
};

// R places by V vectors of rows: to[v * distance + place * L + lane]; weights [terms][V * L].
template <class T, int R, int V>
void narrow_tile(T* to, int64_t distance, const T* source, const int64_t* at, const T* weight,
                 int64_t terms, const T* bias) {
  constexpr int L = kLanes<T>;
  Reg<T> acc[R][V];
#pragma GCC unroll 16
  for (int v = 0; v < V; ++v) {
    const Reg<T> b = load(bias + v * L);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) acc[r][v] = b;
  }
  for (int64_t t = 0; t < terms; ++t) {
    const T* const from = source + at[t];
    Reg<T> w[V];
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) w[v] = load(weight + (t * V + v) * L);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Reg<T> x = broadcast_at(from + r);
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) acc[r][v] = fma(w[v], x, acc[r][v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) store(to + v * distance + r * L, acc[r][v]);
  }
}

template <class T>
using NarrowFn = void (*)(T* to, int64_t distance, const T* source, const int64_t* at,
                          const T* weight, int64_t terms, const T* bias);
template <class T, int V, int... I>
PF_INLINE NarrowFn<T> narrow_tile_for(int places, LaneList<I...>) {
  static constexpr NarrowFn<T> tiles[] = {narrow_tile<T, I + 1, V>...};
  return tiles[places - 1];
}

// The vectors of rows in pairs, a single one last: [pair][terms][2 L], [terms][L]; then the biases.
template <class T>
void narrow_pack(T* to, const GatherConv& conv, int64_t group) {
  constexpr int L = kLanes<T>;
  const int64_t terms = conv.channels * conv.taps, vectors = NarrowSizes<T>(conv).vectors;
  const T* from = static_cast<const T*>(conv.weight) + group * conv.weight_group;
  const T* bias = static_cast<const T*>(conv.bias);
  for (int64_t first = 0; first < vectors; first += kNarrowVectors) {
    const int64_t lanes = smaller(kNarrowVectors, vectors - first) * L, m = first * L;
    for (int64_t i = 0; i < terms; ++i) {
      const T* w = from + m * conv.weight_row + i / conv.taps * conv.weight_channel +
                   conv.weight_at[i % conv.taps];
      for (int64_t l = 0; l < lanes; ++l) *to++ = m + l < conv.rows ? w[l * conv.weight_row] : T(0);
    }
  }
  for (int64_t m = 0; m < vectors * L; ++m)
    *to++ = bias && m < conv.rows ? bias[group * conv.rows + m] : T(0);
}

// places[place][lane] to count elements of each of `rows` planes.
template <class T>
void narrow_store(T* out, int64_t plane, const T* places, int64_t count, int64_t rows) {
  constexpr int L = kLanes<T>;
  for (int64_t p = 0; p < count; p += L) {
    Reg<T> block[L];
#pragma GCC unroll 16
    for (int l = 0; l < L; ++l) block[l] = load(places + (p + l) * L);
    transpose<T>(block);
    const int some = static_cast<int>(smaller(L, count - p));
    if (rows >= L && some == L) {
#pragma GCC unroll 16
      for (int l = 0; l < L; ++l) store(out + l * plane + p, block[l]);
      continue;
    }
    T lines[L * L];
#pragma GCC unroll 16
    for (int l = 0; l < L; ++l) store(lines + l * L, block[l]);
    for (int64_t l = 0; l < smaller(rows, L); ++l)
      store_first(out + l * plane + p, load(lines + l * L), some);
  }
}

// `rows` rows of the grid, `out` where the first plane's begin; source and `at` as in direct_run.
template <class T, int V>
void narrow_vectors(T* out, int64_t plane, const GatherConv& conv, int64_t m, int64_t rows,
                    const T* source, int64_t row_step, const int64_t* at, const T* weight,
                    const T* bias, T* places) {
  constexpr int L = kLanes<T>;
  using List = typename MakeLanes<kTileRows>::type;
  const int64_t width = conv.grid[2], terms = conv.channels * conv.taps;
  const int64_t distance = (larger(kNarrowPlaces, width) + L) * L;
  const int64_t step = larger(1, kNarrowPlaces / width);
  const RowTiles tiles(width);
  for (int64_t first = 0; first < rows; first += step) {
    const int64_t some = smaller(step, rows - first);
    T* to = places;
    for (int64_t y = first; y < first + some; ++y) {
      for (int64_t tile = 0; tile < tiles.tiles; ++tile) {
        const int n = tiles.size(tile);
        narrow_tile_for<T, V>(n, List{})(to, distance, source + y * row_step + tiles.start(tile),
                                         at, weight, terms, bias);
        to += n * L;
      }
    }
    for (int v = 0; v < V && m + v * L < conv.rows; ++v) {
      narrow_store(out + v * L * plane + first * width, plane, places + v * distance, some * width,
                   conv.rows - m - v * L);
    }
  }
}

template <class T>
void narrow_rows(T* out, int64_t plane, const GatherConv& conv, int64_t rows, const T* source,
                 int64_t row_step, const int64_t* at, const T* weights, T* places) {
  constexpr int L = kLanes<T>;
  const int64_t terms = conv.channels * conv.taps, vectors = NarrowSizes<T>(conv).vectors;
  const T* const bias = weights + vectors * L * terms;
  int64_t v = 0;
  for (; v + kNarrowVectors <= vectors; v += kNarrowVectors) {
    narrow_vectors<T, kNarrowVectors>(out + v * L * plane, plane, conv, v * L, rows, source,
                                      row_step, at, weights + v * L * terms, bias + v * L, places);
  }
  for (; v < vectors; ++v) {
    narrow_vectors<T, 1>(out + v * L * plane, plane, conv, v * L, rows, source, row_step, at,
                         weights + v * L * terms, bias + v * L, places);
  }
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
