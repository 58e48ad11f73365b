// Masks by lane number, and vectors filled up at one end, for the ends of rows.
#pragma once
#include "kernels/vec.h"

#define PF_LAMBDA __attribute__((always_inline))

namespace pyforge::kernels::PF_ISA {
namespace {

template <class T>
inline constexpr int kLanes = Vec<T>::kLanes;

template <bool kCondition, class A, class B>
struct Choice {
  using Type = A;
};
template <class A, class B>
struct Choice<false, A, B> {
  using Type = B;
};

// The index type as wide as T.
template <class T>
using IndexOf = typename Choice<sizeof(T) == 4, int32_t, int64_t>::Type;

template <class T>
struct LaneWindow {
  IndexOf<T> lane[2 * kLanes<T>];
  constexpr LaneWindow() : lane{} {
    for (int i = kLanes<T>; i < 2 * kLanes<T>; ++i) lane[i] = -1;
  }
};
template <class T>
constexpr LaneWindow<T> kLaneWindow;

template <class T>
PF_INLINE Mask<T> last_lanes(int count) {
  return Mask<T>::of(load(kLaneWindow<T>.lane + count).v);
}

template <class T>
PF_INLINE T where(bool condition, T a, T b) {
  return condition ? a : b;
}

// The first `count` lanes from memory, `fill` in the others.
template <class T>
PF_INLINE Vec<T> load_filled(const T* p, int64_t count, Vec<T> fill) {
  int n = static_cast<int>(count);
  return where(last_lanes<T>(kLanes<T> - n), fill, load(p, n));
}
// The last `count` lanes of x, `fill` in the others.
template <class T>
PF_INLINE Vec<T> keep_last(Vec<T> x, int count, Vec<T> fill) {
  return where(last_lanes<T>(count), x, fill);
}

// A place in the arrays: a whole vector, or the rest of one at the end.
struct Whole {
  int64_t at;
  template <class T>
  Vec<T> load(const T* p) const {
    return PF_ISA::load(p + at);
  }
  template <class T>
  void store(T* p, Vec<T> v) const {
    PF_ISA::store(p + at, v);
  }
};
struct Rest {
  int64_t at;
  int count;
  template <class T>
  Vec<T> load(const T* p) const {
    return PF_ISA::load(p + at, count);
  }
  template <class T>
  void store(T* p, Vec<T> v) const {
    PF_ISA::store(p + at, v, count);
  }
};
template <class T, class Step>
inline void for_each_vector(int64_t n, const Step& step) {
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) step(Whole{i});
  if (i < n) step(Rest{i, static_cast<int>(n - i)});
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
