// Padded copies of rows of an image, with every step-th element brought together, so that a window
// that moves in steps reads contiguous vectors.
#pragma once
#include "kernels/gemm_registers.h"

namespace pyforge::kernels::PF_ISA {
namespace {

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
  for (; i < high; ++i) to[i] = from[first + i * step];
  for (i = high; i < count; ++i) to[i] = fill;
}

// A row as `phases` runs of `length` elements: to[ph * length + i] = from[first + i * step + ph].
template <class T>
PF_INLINE void split_row(T* to, int64_t phases, int64_t length, const T* from, int64_t first,
                         int64_t step, int64_t size, T fill) {
  for (int64_t ph = 0; ph < phases; ++ph) {
    copy_phase(to + ph * length, length, from, first + ph, step, size, fill);
  }
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
