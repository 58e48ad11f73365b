// The vectors and elementary functions of pyforge's own kernels: pyforge::simd::Vec<float>, load,
// store, fma, where, exp, log, tanh, ... See docs/kernels.md.
#pragma once
#include "op.h"

#if defined(__GNUC__) && !defined(__clang__)
// GCC warns about the undefined registers inside its own AVX-512 headers, at every use of them.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

#ifndef PF_ISA
#define PF_ISA PF_ISA_NAME
#endif
#define PF_LAMBDA __attribute__((always_inline))
// The kernels' headers, in a namespace of their own: theirs has other classes of the same names.
#define pyforge pyforge_kernels
#include "kernels/elementwise_loops.h"
#include "kernels/lanes.h"
#undef pyforge

namespace pyforge {
namespace simd = ::pyforge_kernels::kernels::PF_ISA;

// Calls body(i, fetch, put) for registers of T that together are [0, n): fetch(p + i) gives a
// Vec<T>, put(q + i, v) writes one. The last may be partly filled; memory past n is not touched.
template <class T, class Body>
PF_INLINE void for_vectors(int64_t n, Body body) {
  constexpr int kLanes = simd::Vec<T>::kLanes;
  for (int64_t i = 0; i < n; i += kLanes) {
    const int count = n - i < kLanes ? static_cast<int>(n - i) : kLanes;
    body(i, simd::FetchEither{count}, [count](T* p, simd::Vec<T> v) PF_LAMBDA {
      if (count == kLanes)
        simd::store(p, v);
      else
        simd::store(p, v, count);
    });
  }
}
}  // namespace pyforge
