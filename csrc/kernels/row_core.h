// One pass over a row that computes vectors, may store them, and adds up some of them.
#pragma once
#include "kernels/lanes.h"
#include "kernels/math.h"

namespace pyforge::kernels::PF_ISA {
namespace {

template <class T, int K>
struct Terms {
  Vec<T> v[K];
};

struct AddLanes {
  template <class V>
  static PF_INLINE V combine(V a, V b) {
    return a + b;
  }
};
struct MaxLanes {
  template <class V>
  static PF_INLINE V combine(V a, V b) {
    return maximum(a, b);
  }
};

// K sums at once over runs of contiguous elements. Every kLeaf vectors the lanes are added up and
// carried over to double.
template <class T, int K, int kAccumulators = K == 1 ? 4 : 2>
struct Sums {
  static constexpr int64_t kLeaf = 256;
  Vec<T> acc[kAccumulators][K];
  int64_t vectors;
  double total[K];

  PF_INLINE Sums() {
    for (int k = 0; k < K; ++k) total[k] = 0;
    clear();
  }
  PF_INLINE void clear() {
    for (int a = 0; a < kAccumulators; ++a) {
      for (int k = 0; k < K; ++k) acc[a][k] = Vec<T>(T(0));
    }
    vectors = 0;
  }
  PF_INLINE void carry() {
    for (int k = 0; k < K; ++k) {
      Vec<T> sum = acc[0][k];
      if constexpr (kAccumulators >= 2) sum = sum + acc[1][k];
      if constexpr (kAccumulators == 4) sum = sum + (acc[2][k] + acc[3][k]);
      total[k] += static_cast<double>(across<AddLanes>(sum)[0]);
    }
    clear();
  }
  PF_INLINE void add(int a, const Terms<T, K>& terms) {
    for (int k = 0; k < K; ++k) acc[a][k] = acc[a][k] + terms.v[k];
  }
  // step(place) gives the terms of one vector.
  template <class Step>
  PF_INLINE void run(int64_t n, const Step& step) {
    constexpr int N = kLanes<T>, A = kAccumulators;
    int64_t i = 0;
    while (i + A * N <= n) {
      int64_t end = n - i < kLeaf * N ? n : i + kLeaf * N;
      vectors += (end - i) / N;
      for (; i + A * N <= end; i += A * N) {
        for (int a = 0; a < A; ++a) add(a, step(Whole{i + a * N}));
      }
      if (vectors >= kLeaf) carry();
    }
    for (; i + N <= n; i += N) add(0, step(Whole{i}));
    if (i < n) {
      int rest = static_cast<int>(n - i);
      Terms<T, K> terms = step(Rest{i, rest});
      Mask<T> used = first_lanes<T>(rest);
      for (int k = 0; k < K; ++k) terms.v[k] = where(used, terms.v[k], Vec<T>(T(0)));
      add(A - 1, terms);
    }
    vectors += A;
  }
};

// sums[k] = the sum over i in [0, n) of step(place).v[k].
template <class T, int K, int kAccumulators = K == 1 ? 4 : 2, class Step>
PF_INLINE void row_sums(double* sums, int64_t n, const Step& step) {
  Sums<T, K, kAccumulators> s;
  s.run(n, step);
  s.carry();
  for (int k = 0; k < K; ++k) sums[k] = s.total[k];
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
