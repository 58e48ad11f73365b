// One pass over a row that computes vectors, may store them, and adds up some of them.
#pragma once
#include "kernels/lanes.h"
#include "kernels/math.h"

namespace pyforge::kernels::PF_ISA {
namespace {

template <class T, int K> struct Terms { Vec<T> v[K]; };

template <class T> inline constexpr int64_t kRowLeaf = 256 * kLanes<T>;  // elements

template <class T> PF_INLINE T lane_sum(Vec<T> v) {
  T lane[kLanes<T>];
  store(lane, v);
  for (int half = kLanes<T> / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
  }
  return lane[0];
}
template <class T> PF_INLINE T lane_max(Vec<T> v) {
  T lane[kLanes<T>];
  store(lane, v);
  for (int half = kLanes<T> / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) {
      T a = lane[i], b = lane[i + half];
      lane[i] = a > b || a != a ? a : b;
    }
  }
  return lane[0];
}

// sums[k] = the sum over i in [0, n) of step(place).v[k]. Two vectors of sums run over leaves of
// kRowLeaf elements, the leaves are added in double.
template <class T, int K, class Step>
PF_INLINE void row_sums(double* sums, int64_t n, const Step& step) {
  constexpr int N = kLanes<T>;
  for (int k = 0; k < K; ++k) sums[k] = 0;
  for (int64_t i = 0; i < n;) {
    Vec<T> acc[2][K];
    for (int k = 0; k < K; ++k) acc[0][k] = acc[1][k] = Vec<T>(T(0));
    int64_t end = n - i < kRowLeaf<T> ? n : i + kRowLeaf<T>;
    for (; i + 2 * N <= end; i += 2 * N) {
      Terms<T, K> a = step(Whole{i}), b = step(Whole{i + N});
      for (int k = 0; k < K; ++k) acc[0][k] = acc[0][k] + a.v[k], acc[1][k] = acc[1][k] + b.v[k];
    }
    if (i + N <= end) {
      Terms<T, K> a = step(Whole{i});
      for (int k = 0; k < K; ++k) acc[0][k] = acc[0][k] + a.v[k];
      i += N;
    }
    if (i < end) {
      int rest = static_cast<int>(end - i);
      Terms<T, K> a = step(Rest{i, rest});
      Mask<T> unused = last_lanes<T>(N - rest);
      for (int k = 0; k < K; ++k) {
        acc[1][k] = acc[1][k] + where(unused, Vec<T>(T(0)), a.v[k]);
      }
      i = end;
    }
    for (int k = 0; k < K; ++k) sums[k] += lane_sum<T>(acc[0][k] + acc[1][k]);
  }
}

// The largest of n >= 1 elements; NaN if there is one.
template <class T> PF_INLINE T row_max(const T* p, int64_t n) {
  constexpr int N = kLanes<T>;
  if (n < N) {
    return lane_max<T>(load_filled<T>(p, n, Vec<T>(-static_cast<T>(__builtin_inff()))));
  }
  Vec<T> a = load(p), b = load(p + n - N);  // the last vector may overlap
  int64_t i = N;
  for (; i + 2 * N <= n; i += 2 * N) {
    a = maximum(a, load(p + i));
    b = maximum(b, load(p + i + N));
  }
  if (i + N <= n) a = maximum(a, load(p + i));
  return lane_max<T>(maximum(a, b));
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
