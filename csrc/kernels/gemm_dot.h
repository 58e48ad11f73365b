// Products without a register tile: inner products along a contiguous K, and one row times B.
#pragma once
#include "kernels/gemm_micro.h"

namespace pyforge::kernels::PF_ISA {
namespace {

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

// C[1, columns] = a[k] B[k, columns] with unit-stride rows of B, several rows per pass.
template <class T>
void row_block(int64_t columns, int64_t k, const T* a, int64_t a_col, const T* b, int64_t b_row,
               const Target<T>& out) {
  constexpr int L = kLanes<T>, kRows = 8;
  alignas(kGemmBytes) T tile[kRowColumns];
  for (int64_t j0 = 0; j0 < columns; j0 += kRowColumns) {
    const int n = static_cast<int>(columns - j0 < kRowColumns ? columns - j0 : kRowColumns);
    const int whole = n / L * L;
    const Mask mask = mask_for<T>(n - whole);
    for (int j = 0; j < n; j += L) store(tile + j, Reg<T>{});
    const T* row = b + j0;
    int64_t p = 0;
    for (; p + kRows <= k; p += kRows, row += kRows * b_row) {
      Reg<T> x[kRows];
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) x[r] = broadcast_at(a + (p + r) * a_col);
      for (int j = 0; j < whole; j += L) {
        Reg<T> sum = load(tile + j);
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) sum = fma(x[r], load(row + r * b_row + j), sum);
        store(tile + j, sum);
      }
      if (whole < n) {
        Reg<T> sum = load(tile + whole);
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          sum = fma(x[r], load_first(row + r * b_row + whole, mask), sum);
        }
        store(tile + whole, sum);
      }
    }
    for (; p < k; ++p, row += b_row) {
      const Reg<T> x = broadcast_at(a + p * a_col);
      for (int j = 0; j < whole; j += L) {
        store(tile + j, fma(x, load(row + j), load(tile + j)));
      }
      if (whole < n) {
        store(tile + whole, fma(x, load_first(row + whole, mask), load(tile + whole)));
      }
    }
    write_tile(tile, n, 1, n, out.at(0, j0));
  }
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
