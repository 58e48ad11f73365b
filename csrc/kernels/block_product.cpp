#include "kernels/block_product.h"

#include "kernels/gemm_pack.h"

namespace pyforge::kernels::PF_ISA {
namespace {

constexpr int kLeastRows = kTileRows / 2;
constexpr int64_t kMostPacked = 128;  // rows of b copied where they lie far apart

// R rows of V vectors, summed over all of k in registers. Every step asks for a line of one more of
// the rows ahead.
template <class T, int R, int V>
void block_tile(const BlockProduct<T>& p) {
  constexpr int L = kLanes<T>, kRowsPerPointer = 3, P = (R + kRowsPerPointer - 1) / kRowsPerPointer;
  const int64_t a_row = p.a_row, a_col = p.a_col, b_row = p.b_row, c_row = p.c_row;
  Reg<T> acc[R][V];
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < V; ++j) acc[i][j] = Reg<T>{};
  }
  const T* a[P];
#pragma GCC unroll 16
  for (int q = 0; q < P; ++q) a[q] = p.a + q * kRowsPerPointer * a_row;
  const T* b = p.b;
  T* const c = p.c;
  const T* ahead = p.ahead.rows;
  const int64_t ahead_row = p.ahead.row;
  for (int64_t k = p.k; k > 0; --k) {
    __builtin_prefetch(ahead);
    ahead += ahead_row;
    Reg<T> row[V];
#pragma GCC unroll 16
    for (int j = 0; j < V; ++j) row[j] = load(b + j * L);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      const Reg<T> x = broadcast_at(a[i / kRowsPerPointer] + (i % kRowsPerPointer) * a_row);
#pragma GCC unroll 16
      for (int j = 0; j < V; ++j) acc[i][j] = fma(x, row[j], acc[i][j]);
    }
    b += b_row;
#pragma GCC unroll 16
    for (int q = 0; q < P; ++q) a[q] += a_col;
  }
  if (p.add) {
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
      for (int j = 0; j < V; ++j) acc[i][j] += load(c + i * c_row + j * L);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < V; ++j) store(c + i * c_row + j * L, acc[i][j]);
  }
}

template <class T, int V, int... I>
PF_INLINE void tile_of(int rows, const BlockProduct<T>& p, LaneList<I...>) {
  static constexpr void (*tiles[])(const BlockProduct<T>&) = {block_tile<T, kLeastRows + I, V>...};
  tiles[rows - kLeastRows](p);
}

// All rows against one panel of V vectors, in tiles of nearly the same height. Tile by tile the
// next lines of the rows ahead are asked for, then more rows.
template <class T, int V>
void panel(const BlockProduct<T>& p) {
  constexpr int64_t kLine = 64 / sizeof(T);
  BlockProduct<T> tile = p;
  const int64_t tiles = (p.m + kTileRows - 1) / kTileRows;
  int64_t line = 0;
  for (int64_t t = 0; t < tiles; ++t) {
    const int64_t rows = p.m / tiles + (t < p.m % tiles);
    tile_of<T, V>(static_cast<int>(rows), tile,
                  typename MakeLanes<kTileRows - kLeastRows + 1>::type{});
    tile.a += rows * p.a_row;
    tile.c += rows * p.c_row;
    if (p.ahead.row == 0) continue;
    line += kLine;
    tile.ahead.rows += kLine;
    if (line >= p.ahead.dim) {
      tile.ahead.rows += p.k * p.ahead.row - line;
      line = 0;
    }
  }
}

template <class T>
bool multiply(const BlockProduct<T>& p) {
  constexpr int L = kLanes<T>, C = kTileVectors * L;
  constexpr int64_t kFar = 2048 / sizeof(T);
  // Rows so far apart share few sets of the first-level cache.
  const bool far = p.b_row >= kFar;
  if (p.m < kLeastRows || p.n % L != 0 || (far && p.k > kMostPacked)) return false;
  alignas(kGemmBytes) T packed[kMostPacked * C];
  const Ahead<T> nothing{p.a, 0, 0};
  BlockProduct<T> part = p;
  if (!p.ahead.rows) part.ahead = nothing;
  while (part.n > 0) {
    const bool whole = part.n >= C;
    const int64_t columns = whole ? C : L;
    BlockProduct<T> one = part;
    if (far) {
      pack_columns(packed, static_cast<int>(columns), part.b, part.b_row, 1, part.k,
                   static_cast<int>(columns));
      one.b = packed, one.b_row = columns;
    }
    if (whole) {
      panel<T, kTileVectors>(one);
    } else {
      panel<T, 1>(one);
    }
    part.ahead = nothing;
    part.b += columns, part.c += columns, part.n -= columns;
  }
  return true;
}

}  // namespace

bool multiply_block(const BlockProduct<float>& p) { return multiply(p); }
bool multiply_block(const BlockProduct<double>& p) { return multiply(p); }

}  // namespace pyforge::kernels::PF_ISA
