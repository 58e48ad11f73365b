// Copies of A and B in the order in which the tiles read them.
#pragma once
#include "kernels/gemm_registers.h"

namespace pyforge::kernels::PF_ISA {
namespace {

// B[k, columns] as [k][width], width a multiple of the lanes, the rest zero.
template <class T>
void pack_columns(T* out, int width, const T* b, int64_t b_row, int64_t b_col, int64_t k,
                  int columns) {
  constexpr int L = kLanes<T>;
  for (int j = 0; j < width; j += L) {
    const int count = columns - j < L ? columns - j : L;
    T* to = out + j;
    const T* from = b + j * b_col;
    int64_t i = 0;
    if (count <= 0) {
      for (; i < k; ++i) store(to + i * width, Reg<T>{});
    } else if (b_col == 1 && count == L) {
      for (; i < k; ++i) store(to + i * width, load(from + i * b_row));
    } else if (b_col == 1) {
      const Mask mask = mask_for<T>(count);
      for (; i < k; ++i) store(to + i * width, load_first(from + i * b_row, mask));
    } else {
      if (b_row == 1) {
        for (; i + L <= k; i += L) {
          Reg<T> rows[L];
#pragma GCC unroll 16
          for (int l = 0; l < L; ++l) {
            rows[l] = l < count ? load(from + l * b_col + i) : Reg<T>{};
          }
          transpose<T>(rows);
#pragma GCC unroll 16
          for (int l = 0; l < L; ++l) store(to + (i + l) * width, rows[l]);
        }
      }
      for (; i < k; ++i) {
        T* row = to + i * width;
        for (int l = 0; l < count; ++l) row[l] = from[i * b_row + l * b_col];
        for (int l = count; l < L; ++l) row[l] = T(0);
      }
    }
  }
}

// The packed panels of kTogether tiles side by side whose rows are contiguous: one walk along the
// rows instead of one down each tile. Rows may lie on pages of their own, where the processor does
// not foresee them.
inline constexpr int kTogether = 4, kRowsAhead = 4;
template <class T, int C>
void pack_tiles_of_columns(T* out, const T* b, int64_t b_row, int64_t k) {
  constexpr int L = kLanes<T>;
  for (int64_t i = 0; i < k; ++i, b += b_row, out += C) {
    const T* ahead = b + kRowsAhead * b_row;
#pragma GCC unroll 4
    for (int t = 0; t < kTogether; ++t) {
#pragma GCC unroll 4
      for (int j = 0; j < C; j += L) {
        if (j * sizeof(T) % 64 == 0) __builtin_prefetch(ahead + t * C + j);
        store(out + t * k * C + j, load(b + t * C + j));
      }
    }
  }
}
template <class T, int R>
void pack_tiles_of_rows(T* out, const T* a, int64_t a_col, int64_t k) {
  for (int64_t i = 0; i < k; ++i, a += a_col, out += R) {
#pragma GCC unroll 4
    for (int t = 0; t < kTogether; ++t) __builtin_memcpy(out + t * k * R, a + t * R, R * sizeof(T));
  }
}

// A[rows, k] row by row, kLineGap elements apart, so that they spread over the sets of the caches.
template <class T>
inline constexpr int64_t kLineGap = 64 / sizeof(T);
template <class T>
void copy_rows(T* out, int64_t line, int64_t rows, const T* a, int64_t a_row, int64_t k) {
  constexpr int L = kLanes<T>;
  for (int64_t r = 0; r < rows; ++r, a += a_row, out += line) {
    const T* ahead = a + kRowsAhead / 2 * a_row;
    int64_t i = 0;
    for (; i + L <= k; i += L) {
      __builtin_prefetch(ahead + i);
      store(out + i, load(a + i));
    }
    const int rest = static_cast<int>(k - i);
    if (rest > 0) store_first(out + i, load_first(a + i, mask_for<T>(rest)), rest);
  }
}

// A[rows, k] as [k][rows]. Writes up to a vector beyond the end.
template <class T, int R>
void pack_rows(T* out, int rows, const T* a, int64_t a_row, int64_t a_col, int64_t k) {
  constexpr int L = kLanes<T>, G = (R + L - 1) / L;
  constexpr int kAhead = 256 / sizeof(T);  // few rows at a time: too many streams to be foreseen
  int64_t i = 0;
  if (rows == R && a_row == 1) {
    for (; i < k; ++i) __builtin_memcpy(out + i * R, a + i * a_col, R * sizeof(T));
  } else if (a_col == 1) {
    for (; i + L <= k; i += L) {
      Reg<T> block[G][L];
#pragma GCC unroll 16
      for (int g = 0; g < G; ++g) {
#pragma GCC unroll 16
        for (int l = 0; l < L; ++l) {
          const int r = g * L + l;
          block[g][l] = r < R && r < rows ? load(a + r * a_row + i) : Reg<T>{};
          if (r < R) __builtin_prefetch(a + r * a_row + i + kAhead);
        }
        transpose<T>(block[g]);
      }
      // In ascending order: what is written beyond a row's end the next row overwrites.
#pragma GCC unroll 16
      for (int l = 0; l < L; ++l) {
#pragma GCC unroll 16
        for (int g = 0; g < G; ++g) {
          if (g == 0 || g * L < rows) store(out + (i + l) * rows + g * L, block[g][l]);
        }
      }
    }
  }
  for (; i < k; ++i) {
    for (int r = 0; r < rows; ++r) out[i * rows + r] = a[r * a_row + i * a_col];
  }
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
