// Products without a register tile: inner products along a contiguous K, and one row times B.
#pragma once
#include "kernels/gemm_micro.h"

namespace pyforge::kernels::PF_ISA {
namespace {

template <int N>
struct Count {
  static constexpr int value = N;
};

// Lines this far apart fall into one set of a first-level cache of eight ways, where six streams
// and what else is in use find room. Farther apart, and from memory, eight at a time are faster.
constexpr int64_t kSetBytes = 4096;

// out[R, C] = A[R, k] B[k, C] with K contiguous in both; U partial sums per result.
template <class T, int R, int C, int U>
void dot_tile(T* out, int64_t ld, int64_t k, const T* a, int64_t a_row, const T* b, int64_t b_col) {
  constexpr int L = kLanes<T>;
  Reg<T> acc[R][C][U];
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < C; ++j) {
#pragma GCC unroll 16
      for (int u = 0; u < U; ++u) acc[i][j][u] = Reg<T>{};
    }
  }
  const T *pa[R], *pb[C];
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) pa[i] = a + i * a_row;
#pragma GCC unroll 16
  for (int j = 0; j < C; ++j) pb[j] = b + j * b_col;
  int64_t p = 0;
  for (; p + U * L <= k; p += U * L) {
#pragma GCC unroll 16
    for (int u = 0; u < U; ++u) {
      Reg<T> x[R];
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) x[i] = load(pa[i] + p + u * L);
#pragma GCC unroll 16
      for (int j = 0; j < C; ++j) {
        const Reg<T> y = load(pb[j] + p + u * L);
#pragma GCC unroll 16
        for (int i = 0; i < R; ++i) acc[i][j][u] = fma(x[i], y, acc[i][j][u]);
      }
    }
  }
#pragma GCC unroll 4
  for (int half = U / 2; half > 0; half /= 2) {
#pragma GCC unroll 16
    for (int u = 0; u < half; ++u) {
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
        for (int j = 0; j < C; ++j) acc[i][j][u] += acc[i][j][u + half];
      }
    }
  }
  for (; p < k; p += L) {
    const Mask mask = mask_for<T>(static_cast<int>(k - p < L ? k - p : L));
    Reg<T> x[R];
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) x[i] = load_first(pa[i] + p, mask);
#pragma GCC unroll 16
    for (int j = 0; j < C; ++j) {
      const Reg<T> y = load_first(pb[j] + p, mask);
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) acc[i][j][0] = fma(x[i], y, acc[i][j][0]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < C; ++j) out[i * ld + j] = sum_lanes<T>(acc[i][j][0]);
  }
}

inline constexpr int kDotRows = 4, kDotColumns = 64;

// R rows of A by `columns` <= kDotColumns columns of B.
template <class T, int R>
void dot_rows(T* out, int columns, int64_t k, const T* a, int64_t a_row, const T* b,
              int64_t b_col) {
  constexpr int kWide = R == 1 ? 8 : R == 4 ? 3 : 4;
  int j = 0;
  if (R == 1 && b_col * static_cast<int64_t>(sizeof(T)) == kSetBytes) {
    for (; j + 6 <= columns; j += 6) {
      dot_tile<T, 1, 6, 1>(out + j, kDotColumns, k, a, a_row, b + j * b_col, b_col);
    }
  }
  for (; j + kWide <= columns; j += kWide) {
    dot_tile<T, R, kWide, 1>(out + j, kDotColumns, k, a, a_row, b + j * b_col, b_col);
  }
  if constexpr (R == 1) {
    for (; j + 4 <= columns; j += 4) {
      dot_tile<T, 1, 4, 2>(out + j, kDotColumns, k, a, a_row, b + j * b_col, b_col);
    }
  }
  for (; j < columns; ++j) {
    dot_tile<T, R, 1,
             R == 1   ? 8
             : R == 2 ? 4
                      : 2>(out + j, kDotColumns, k, a, a_row, b + j * b_col, b_col);
  }
}

// C[rows, columns] for A and B contiguous along K.
template <class T>
void dot_block(int64_t rows, int64_t columns, int64_t k, const T* a, int64_t a_row, const T* b,
               int64_t b_col, const Target<T>& out) {
  alignas(kGemmBytes) T tile[kDotRows * kDotColumns];
  for (int64_t j = 0; j < columns; j += kDotColumns) {
    const int n = static_cast<int>(columns - j < kDotColumns ? columns - j : kDotColumns);
    const T* bj = b + j * b_col;
    for (int64_t i = 0; i < rows; i += kDotRows) {
      const int r = static_cast<int>(rows - i < kDotRows ? rows - i : kDotRows);
      const T* ai = a + i * a_row;
      switch (r) {
        case 1:
          dot_rows<T, 1>(tile, n, k, ai, a_row, bj, b_col);
          break;
        case 2:
          dot_rows<T, 2>(tile, n, k, ai, a_row, bj, b_col);
          break;
        case 3:
          dot_rows<T, 3>(tile, n, k, ai, a_row, bj, b_col);
          break;
        default:
          dot_rows<T, 4>(tile, n, k, ai, a_row, bj, b_col);
          break;
      }
      write_tile(tile, kDotColumns, r, n, out.at(i, j));
    }
  }
}

inline constexpr int kRowColumns = 1024;
inline constexpr int64_t kRowCache = 8 << 20;

// tile[columns] += a[R] B[R, columns]
template <class T, int R>
PF_INLINE void add_rows(T* tile, int columns, const T* a, int64_t a_col, const T* b,
                        int64_t b_row) {
  constexpr int L = kLanes<T>;
  Reg<T> x[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) x[r] = broadcast_at(a + r * a_col);
  int j = 0;
  for (; j + L <= columns; j += L) {
    Reg<T> sum = load(tile + j);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) sum = fma(x[r], load(b + r * b_row + j), sum);
    store(tile + j, sum);
  }
  if (j < columns) {
    const Mask mask = mask_for<T>(columns - j);
    Reg<T> sum = load(tile + j);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) sum = fma(x[r], load_first(b + r * b_row + j, mask), sum);
    store(tile + j, sum);
  }
}

// As many columns as registers hold: tile[columns] = a[k] B[k, columns].
inline constexpr int kStripVectors = kGemmBytes == 64 ? 16 : 8;
template <class T, int V, bool Edge>
void strip(T* tile, int columns, int64_t k, const T* a, int64_t a_col, const T* b, int64_t b_row) {
  constexpr int L = kLanes<T>;
  [[maybe_unused]] const Mask mask = mask_for<T>(columns - (V - 1) * L);
  Reg<T> sum[V];
#pragma GCC unroll 16
  for (int j = 0; j < V; ++j) sum[j] = Reg<T>{};
  for (; k > 0; --k, a += a_col, b += b_row) {
    const Reg<T> x = broadcast_at(a);
#pragma GCC unroll 16
    for (int j = 0; j < V; ++j) {
      sum[j] = fma(x, Edge && j == V - 1 ? load_first(b + j * L, mask) : load(b + j * L), sum[j]);
    }
  }
#pragma GCC unroll 16
  for (int j = 0; j < V; ++j) store(tile + j * L, sum[j]);
}
template <class T, bool Edge, int... I>
PF_INLINE auto strip_for(int vectors, LaneList<I...>) {
  static constexpr decltype(&strip<T, 1, Edge>) strips[] = {strip<T, I + 1, Edge>...};
  return strips[vectors - 1];
}
template <class T>
PF_INLINE auto strip_for(int columns) {
  constexpr int L = kLanes<T>;
  using List = typename MakeLanes<kStripVectors>::type;
  const int vectors = (columns + L - 1) / L;
  const bool edge = kFreeMasks || columns % L != 0;
  return edge ? strip_for<T, true>(vectors, List{}) : strip_for<T, kFreeMasks>(vectors, List{});
}

// C[1, columns] = a[k] B[k, columns] with unit-stride rows of B.
template <class T>
void row_block(int64_t columns, int64_t k, const T* a, int64_t a_col, const T* b, int64_t b_row,
               const Target<T>& out) {
  constexpr int L = kLanes<T>;
  alignas(kGemmBytes) T tile[kRowColumns];
  if (columns <= kStripVectors * L) {
    const int n = static_cast<int>(columns);
    strip_for<T>(n)(tile, n, k, a, a_col, b, b_row);
    write_tile(tile, n, 1, n, out);
    return;
  }
  const int64_t distance = b_row * static_cast<int64_t>(sizeof(T));
  const bool crowded = distance % kSetBytes == 0 && k * distance <= kRowCache;
  for (int64_t j0 = 0; j0 < columns; j0 += kRowColumns) {
    const int n = static_cast<int>(columns - j0 < kRowColumns ? columns - j0 : kRowColumns);
    for (int j = 0; j < n; j += L) store(tile + j, Reg<T>{});
    const T* row = b + j0;
    int64_t p = 0;
    const auto add = [&](auto rows) __attribute__((always_inline)) {
      constexpr int R = decltype(rows)::value;
      add_rows<T, R>(tile, n, a + p * a_col, a_col, row + p * b_row, b_row);
      p += R;
    };
    if (crowded) {
      while (p + 6 <= k) add(Count<6>{});
    } else {
      while (p + 8 <= k) add(Count<8>{});
    }
    if (p + 4 <= k) add(Count<4>{});
    while (p < k) add(Count<1>{});
    write_tile(tile, n, 1, n, out.at(0, j0));
  }
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
