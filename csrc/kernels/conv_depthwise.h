// Depthwise 3x3 convolutions in steps of one: rows are read where they lie, lanes outside the image
// masked off, and serve three rows of the target each.
#pragma once
#include "kernels/conv.h"
#include "kernels/gemm_plan.h"

namespace pyforge::kernels::PF_ISA {
namespace {

#if defined(__AVX512F__) || defined(__AVX2__)
inline constexpr bool kDepthwise3 = true;

// Lanes [low, high).
template <class T>
PF_INLINE Mask lanes_between(int64_t low, int64_t high) {
  constexpr int64_t L = kLanes<T>;
  low = low < 0 ? 0 : low > L ? L : low;
  high = high < low ? low : high > L ? L : high;
#if defined(__AVX512F__)
  return static_cast<Mask>((1u << high) - (1u << low));
#else
  return _mm256_andnot_si256(mask_for<T>(static_cast<int>(low)),
                             mask_for<T>(static_cast<int>(high)));
#endif
}
#else
inline constexpr bool kDepthwise3 = false;
template <class T>
PF_INLINE Mask lanes_between(int64_t, int64_t high) {
  return static_cast<Mask>(high);
}
#endif

// The plane of a channel, and where the window of the first place begins.
struct Plane3 {
  int64_t height, width, top, left;
};

// Vectors of one row of a plane, from `column` on, for the three columns of the window.
template <class T, int V>
struct Row3 {
  Mask mask[3][V];

  Row3(const Plane3& plane, int64_t column) {
    for (int s = 0; s < 3; ++s) {
      for (int v = 0; v < V; ++v) {
        const int64_t at = column + v * kLanes<T> + plane.left + s;
        mask[s][v] = lanes_between<T>(-at, plane.width - at);
      }
    }
  }
  PF_INLINE Reg<T> load(const T* row, int s, int v) const {
    return load_first(row + s + v * kLanes<T>, mask[s][v]);
  }
};

// R rows of V vectors of the target.
template <class T, int R, int V>
PF_INLINE void depthwise_tile(T* out, int64_t ld, int last, const T* in, const Plane3& plane,
                              const Row3<T, V>& row, int64_t column, int64_t y, const T* weight,
                              T bias) {
  constexpr int L = kLanes<T>;
  Reg<T> acc[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) acc[r][v] = broadcast(bias);
  }
#pragma GCC unroll 16
  for (int i = 0; i < R + 2; ++i) {
    const int64_t at = y + i + plane.top;
    if (at < 0 || at >= plane.height) continue;
    const T* from = in + at * plane.width + column + plane.left;
#pragma GCC unroll 16
    for (int s = 0; s < 3; ++s) {
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) {
        const Reg<T> x = row.load(from, s, v);
#pragma GCC unroll 16
        for (int k = 0; k < 3; ++k) {
          const int r = i - k;
          if (r >= 0 && r < R) acc[r][v] = fma(broadcast_at(weight + 3 * k + s), x, acc[r][v]);
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) {
      T* to = out + r * ld + v * L;
      if (v < V - 1 || last == L) {
        store(to, acc[r][v]);
      } else {
        store_first(to, acc[r][v], last);
      }
    }
  }
}

// The rows [first, end) of the target, `width` places each; `out` is row 0.
template <class T, int V>
void depthwise_columns(T* out, int64_t width, const T* in, const Plane3& plane, int64_t column,
                       int64_t first, int64_t end, const T* weight, T bias) {
  constexpr int R = kGemmBytes == 64 ? 4 : 2;
  const Row3<T, V> row(plane, column);
  const int last = static_cast<int>(smaller(width - column - (V - 1) * kLanes<T>, kLanes<T>));
  int64_t y = first;
  for (; y + R <= end; y += R) {
    depthwise_tile<T, R, V>(out + y * width + column, width, last, in, plane, row, column, y,
                            weight, bias);
  }
  for (; y < end; ++y) {
    depthwise_tile<T, 1, V>(out + y * width + column, width, last, in, plane, row, column, y,
                            weight, bias);
  }
}

template <class T>
void depthwise_rows(T* out, int64_t width, const T* in, const Plane3& plane, int64_t first,
                    int64_t end, const T* weight, T bias) {
  constexpr int64_t L = kLanes<T>;
  int64_t column = 0;
  for (; width - column > L; column += 2 * L) {
    depthwise_columns<T, 2>(out, width, in, plane, column, first, end, weight, bias);
  }
  if (column < width) {
    depthwise_columns<T, 1>(out, width, in, plane, column, first, end, weight, bias);
  }
}

// sums[3 k + s] += the products of a plane of gradients with the source k rows and s columns on.
template <class T>
void depthwise_sums(T* sums, const T* grad, int64_t height, int64_t width, const T* in,
                    const Plane3& plane) {
  constexpr int L = kLanes<T>;
  Reg<T> acc[3][3];
#pragma GCC unroll 16
  for (int i = 0; i < 9; ++i) acc[i / 3][i % 3] = Reg<T>{};
  for (int64_t column = 0; column < width; column += L) {
    const Row3<T, 1> row(plane, column);
    const Mask some = mask_for<T>(static_cast<int>(smaller(width - column, L)));
    Reg<T> g[3] = {Reg<T>{}, Reg<T>{}, Reg<T>{}};  // the rows that the source's row meets
    for (int64_t i = 0; i < height + 2; ++i) {
      g[2] = g[1];
      g[1] = g[0];
      g[0] = i < height ? load_first(grad + i * width + column, some) : Reg<T>{};
      const int64_t at = i + plane.top;
      if (at < 0 || at >= plane.height) continue;
      const T* from = in + at * plane.width + column + plane.left;
#pragma GCC unroll 16
      for (int s = 0; s < 3; ++s) {
        const Reg<T> x = row.load(from, s, 0);
#pragma GCC unroll 16
        for (int k = 0; k < 3; ++k) acc[k][s] = fma(g[k], x, acc[k][s]);
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < 9; ++i) sums[i] += sum_lanes<T>(acc[i / 3][i % 3]);
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
