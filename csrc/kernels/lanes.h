// Lanes of a vector: masks by number, exchanges, the part of a vector at the end of a row.
#pragma once
#include "kernels/math_basic.h"

// On a lambda, after its parameters.
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

// One vector of zeros, one of ones, one of zeros: a mask is a window of it.
template <class T>
struct LaneWindow {
  IndexOf<T> lane[3 * kLanes<T>];
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
PF_INLINE Mask<T> first_lanes(int count) {
  return Mask<T>::of(load(kLaneWindow<T>.lane + 2 * kLanes<T> - count).v);
}

template <class T>
PF_INLINE T where(bool condition, T a, T b) {
  return condition ? a : b;
}

template <class T>
PF_NOINLINE void store_few(T* p, Vec<T> x, int count) {
  store(p, x, count);
}

// As load(p, count) and store(p, x, count), in few instructions.
template <class T>
PF_INLINE Vec<T> load_rest(const T* p, int count) {
#if defined(__AVX2__) && PF_VECTOR_BYTES == 32
  const auto mask = (__m256i)first_lanes<T>(count).m;
  if constexpr (sizeof(T) == 4) {
    return Vec<T>::of(_mm256_maskload_epi32(reinterpret_cast<const int*>(p), mask));
  } else {
    return Vec<T>::of(_mm256_maskload_epi64(reinterpret_cast<const long long*>(p), mask));
  }
#elif defined(__AVX512F__) && PF_VECTOR_BYTES == 64
  const unsigned mask = (1u << count) - 1;
  if constexpr (sizeof(T) == 4) {
    return Vec<T>::of(_mm512_maskz_loadu_epi32(static_cast<__mmask16>(mask), p));
  } else {
    return Vec<T>::of(_mm512_maskz_loadu_epi64(static_cast<__mmask8>(mask), p));
  }
#else
  return load(p, count);
#endif
}
template <class T>
PF_INLINE void store_rest(T* p, Vec<T> x, int count) {
#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
  const unsigned mask = (1u << count) - 1;
  if constexpr (sizeof(T) == 4) {
    _mm512_mask_storeu_epi32(p, static_cast<__mmask16>(mask), (__m512i)x.v);
  } else {
    _mm512_mask_storeu_epi64(p, static_cast<__mmask8>(mask), (__m512i)x.v);
  }
#else
  store_few(p, x, count);
#endif
}

// The first `count` lanes from memory, `fill` in the others.
template <class T>
PF_INLINE Vec<T> load_filled(const T* p, int64_t count, Vec<T> fill) {
  const int n = static_cast<int>(count);
  return where(first_lanes<T>(n), load_rest(p, n), fill);
}
// The last `count` lanes of x, `fill` in the others.
template <class T>
PF_INLINE Vec<T> keep_last(Vec<T> x, int count, Vec<T> fill) {
  return where(last_lanes<T>(count), x, fill);
}

template <int... kIndex>
struct Indices {};
#if defined(__clang__)
template <class, int... kIndex>
using MakeIndices = Indices<kIndex...>;
template <int kCount>
using IndicesTo = __make_integer_seq<MakeIndices, int, kCount>;
#else
template <int kCount>
using IndicesTo = Indices<__integer_pack(kCount)...>;
#endif

template <int kDistance, class T, int... kIndex>
PF_INLINE Vec<T> exchange(Vec<T> x, Indices<kIndex...>) {
#if defined(__clang__)
  return Vec<T>::of(__builtin_shufflevector(x.v, x.v, (kIndex ^ kDistance)...));
#else
  return Vec<T>::of(__builtin_shuffle(x.v, typename Mask<T>::Native{(kIndex ^ kDistance)...}));
#endif
}

template <class T, int... kIndex>
PF_INLINE Vec<T> even_lanes(Vec<T> a, Vec<T> b, Indices<kIndex...>) {
#if defined(__clang__)
  return Vec<T>::of(__builtin_shufflevector(a.v, b.v, (2 * kIndex)...));
#else
  return Vec<T>::of(__builtin_shuffle(a.v, b.v, typename Mask<T>::Native{(2 * kIndex)...}));
#endif
}
// Every second lane of a, then of b.
template <class T>
PF_INLINE Vec<T> even_lanes(Vec<T> a, Vec<T> b) {
  return even_lanes(a, b, IndicesTo<kLanes<T>>{});
}

// All lanes combined, in every lane.
template <class Op, class T, int kDistance = kLanes<T> / 2>
PF_INLINE Vec<T> across(Vec<T> x) {
  x = Op::combine(x, exchange<kDistance>(x, IndicesTo<kLanes<T>>{}));
  if constexpr (kDistance > 1)
    return across<Op, T, kDistance / 2>(x);
  else
    return x;
}

// A place in the arrays: a whole vector, or the rest of one at the end.
struct Whole {
  int64_t at;
  template <class T>
  PF_INLINE Vec<T> load(const T* p) const {
    return PF_ISA::load(p + at);
  }
  template <class T>
  PF_INLINE void store(T* p, Vec<T> v) const {
    PF_ISA::store(p + at, v);
  }
};
struct Rest {
  int64_t at;
  int count;
  template <class T>
  PF_INLINE Vec<T> load(const T* p) const {
    return load_rest(p + at, count);
  }
  template <class T>
  PF_INLINE void store(T* p, Vec<T> v) const {
    store_rest(p + at, v, count);
  }
};
// A whole vector at an aligned address of the output, which is written past the caches.
struct Streamed {
  int64_t at;
  template <class T>
  PF_INLINE Vec<T> load(const T* p) const {
    return PF_ISA::load(p + at);
  }
  template <class T>
  PF_INLINE void store(T* p, Vec<T> v) const {
#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
    _mm512_stream_si512(reinterpret_cast<__m512i*>(p + at), (__m512i)v.v);
#elif defined(__AVX2__) && PF_VECTOR_BYTES == 32
    _mm256_stream_si256(reinterpret_cast<__m256i*>(p + at), (__m256i)v.v);
#elif defined(__x86_64__) && PF_VECTOR_BYTES == 16
    _mm_stream_si128(reinterpret_cast<__m128i*>(p + at), (__m128i)v.v);
#else
    PF_ISA::store(p + at, v);
#endif
  }
};
// Makes streamed stores visible to whoever is told about them next.
PF_INLINE void finish_streaming() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}
// As for_each_vector, where `out` is what step stores to.
template <class T, class Step>
PF_INLINE void for_each_streamed(const T* out, int64_t n, const Step& step) {
  const uint64_t past = reinterpret_cast<uint64_t>(out) % kVectorBytes;
  int64_t i = past ? static_cast<int64_t>((kVectorBytes - past) / sizeof(T)) : 0;
  if (i > n) i = n;
  if (i > 0) step(Rest{0, static_cast<int>(i)});
  for (; i + kLanes<T> <= n; i += kLanes<T>) step(Streamed{i});
  if (i < n) step(Rest{i, static_cast<int>(n - i)});
}

template <class T, class Step>
PF_INLINE void for_each_vector(int64_t n, const Step& step) {
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) step(Whole{i});
  if (i < n) step(Rest{i, static_cast<int>(n - i)});
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
