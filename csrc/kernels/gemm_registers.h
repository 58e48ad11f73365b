// Registers of the matrix product: loads, stores, fused multiply-add and transposes.
#pragma once
#include <cstdint>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define PF_INLINE inline __attribute__((always_inline))

namespace pyforge::kernels::PF_ISA {
namespace {

#if defined(__AVX512F__)
inline constexpr int kGemmBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kGemmBytes = 32;
#else
inline constexpr int kGemmBytes = 16;
#endif

// With AVX-512 a mask costs nothing, so every column panel may be read and written through one.
#if defined(__AVX512F__)
inline constexpr bool kFreeMasks = true;
#else
inline constexpr bool kFreeMasks = false;
#endif
// Without masked loads a partial column panel is read from a zero-padded copy.
#if defined(__AVX2__)
inline constexpr bool kMaskedLoads = true;
#else
inline constexpr bool kMaskedLoads = false;
#endif

template <class T>
struct Simd;
template <>
struct Simd<float> {
  typedef float Reg __attribute__((vector_size(kGemmBytes)));
  typedef float Loose __attribute__((vector_size(kGemmBytes), aligned(4), may_alias));
  typedef int32_t Index __attribute__((vector_size(kGemmBytes)));
};
template <>
struct Simd<double> {
  typedef double Reg __attribute__((vector_size(kGemmBytes)));
  typedef double Loose __attribute__((vector_size(kGemmBytes), aligned(8), may_alias));
  typedef int64_t Index __attribute__((vector_size(kGemmBytes)));
};
template <class T>
using Reg = typename Simd<T>::Reg;
template <class T>
inline constexpr int kLanes = kGemmBytes / static_cast<int>(sizeof(T));

// The register tile is kTileRows rows of kTileVectors vectors.
#if defined(__AVX512F__)
inline constexpr int kTileRows = 14, kTileVectors = 2;
#elif defined(__aarch64__)
inline constexpr int kTileRows = 8, kTileVectors = 3;
#else
inline constexpr int kTileRows = 6, kTileVectors = 2;
#endif
inline constexpr int kWideVectors = 4;  // of tiles of few rows
template <class T>
inline constexpr int kTileColumns = kTileVectors * kLanes<T>;

template <class T>
PF_INLINE Reg<T> load(const T* p) {
  return *reinterpret_cast<const typename Simd<T>::Loose*>(p);
}
template <class T>
PF_INLINE void store(T* p, Reg<T> v) {
  *reinterpret_cast<typename Simd<T>::Loose*>(p) = v;
}
// Whether whole lines can be written past the caches, by registers at multiples of their size.
#if defined(__AVX2__)
inline constexpr bool kStreams = true;
#else
inline constexpr bool kStreams = false;
#endif
template <class T>
PF_INLINE void stream(T* p, Reg<T> v) {
#if defined(__AVX512F__)
  _mm512_stream_si512(reinterpret_cast<__m512i*>(p), (__m512i)v);
#elif defined(__AVX2__)
  _mm256_stream_si256(reinterpret_cast<__m256i*>(p), (__m256i)v);
#else
  store(p, v);
#endif
}
// Before other threads read what was streamed.
PF_INLINE void finish_streaming() {
#if defined(__AVX2__)
  _mm_sfence();
#endif
}

template <class T>
PF_INLINE Reg<T> broadcast(T x) {
  return Reg<T>{} + x;
}

#if defined(__AVX512F__)
PF_INLINE Reg<float> broadcast_at(const float* p) { return (Reg<float>)_mm512_set1_ps(*p); }
PF_INLINE Reg<double> broadcast_at(const double* p) { return (Reg<double>)_mm512_set1_pd(*p); }
PF_INLINE Reg<float> multiply_add(Reg<float> a, Reg<float> b, Reg<float> c) {
  return (Reg<float>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
PF_INLINE Reg<double> multiply_add(Reg<double> a, Reg<double> b, Reg<double> c) {
  return (Reg<double>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}
#if defined(PF_GEMM_PAIRS)
// A lane of a and b is two bfloat16, whose two products are added to c.
PF_INLINE Reg<float> fma(Reg<float> a, Reg<float> b, Reg<float> c) {
  return (Reg<float>)_mm512_dpbf16_ps((__m512)c, (__m512bh)a, (__m512bh)b);
}
#else
PF_INLINE Reg<float> fma(Reg<float> a, Reg<float> b, Reg<float> c) { return multiply_add(a, b, c); }
#endif
PF_INLINE Reg<double> fma(Reg<double> a, Reg<double> b, Reg<double> c) {
  return multiply_add(a, b, c);
}
template <class T>
struct HalfOf {
  typedef T Reg __attribute__((vector_size(32)));
};
template <class T>
using HalfReg = typename HalfOf<T>::Reg;
PF_INLINE HalfReg<float> half_at(const float* p) { return (HalfReg<float>)_mm256_set1_ps(*p); }
PF_INLINE HalfReg<double> half_at(const double* p) { return (HalfReg<double>)_mm256_set1_pd(*p); }
#if defined(PF_GEMM_PAIRS)
PF_INLINE HalfReg<float> fma(HalfReg<float> a, HalfReg<float> b, HalfReg<float> c) {
  return (HalfReg<float>)_mm256_dpbf16_ps((__m256)c, (__m256bh)a, (__m256bh)b);
}
#else
PF_INLINE HalfReg<float> fma(HalfReg<float> a, HalfReg<float> b, HalfReg<float> c) {
  return (HalfReg<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
#endif
PF_INLINE HalfReg<double> fma(HalfReg<double> a, HalfReg<double> b, HalfReg<double> c) {
  return (HalfReg<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
typedef __mmask16 Mask;
PF_INLINE HalfReg<float> half_first(const float* p, Mask mask) {
  return (HalfReg<float>)_mm256_maskz_loadu_ps(static_cast<__mmask8>(mask), p);
}
PF_INLINE HalfReg<double> half_first(const double* p, Mask mask) {
  return (HalfReg<double>)_mm256_maskz_loadu_pd(static_cast<__mmask8>(mask), p);
}
PF_INLINE Reg<float> widened(HalfReg<float> v) {
  return (Reg<float>)_mm512_zextps256_ps512((__m256)v);
}
PF_INLINE Reg<double> widened(HalfReg<double> v) {
  return (Reg<double>)_mm512_zextpd256_pd512((__m256d)v);
}
PF_INLINE Mask first_lanes(int count) { return static_cast<Mask>((1u << count) - 1); }
PF_INLINE Reg<float> load_first(const float* p, Mask mask) {
  return (Reg<float>)_mm512_maskz_loadu_ps(mask, p);
}
PF_INLINE Reg<double> load_first(const double* p, Mask mask) {
  return (Reg<double>)_mm512_maskz_loadu_pd(static_cast<__mmask8>(mask), p);
}
PF_INLINE void store_masked(float* p, Reg<float> v, Mask mask) {
  _mm512_mask_storeu_ps(p, mask, (__m512)v);
}
PF_INLINE void store_masked(double* p, Reg<double> v, Mask mask) {
  _mm512_mask_storeu_pd(p, static_cast<__mmask8>(mask), (__m512d)v);
}
template <class T>
PF_INLINE void store_first(T* p, Reg<T> v, int count) {
  store_masked(p, v, first_lanes(count));
}
template <class T>
PF_INLINE Mask mask_for(int count) {
  return first_lanes(count);
}
#elif defined(__AVX2__)
PF_INLINE Reg<float> broadcast_at(const float* p) { return (Reg<float>)_mm256_broadcast_ss(p); }
PF_INLINE Reg<double> broadcast_at(const double* p) { return (Reg<double>)_mm256_broadcast_sd(p); }
PF_INLINE Reg<float> fma(Reg<float> a, Reg<float> b, Reg<float> c) {
  return (Reg<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
PF_INLINE Reg<double> fma(Reg<double> a, Reg<double> b, Reg<double> c) {
  return (Reg<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
typedef __m256i Mask;
template <class T>
PF_INLINE Mask mask_for(int count) {
  if constexpr (sizeof(T) == 4) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  } else {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
  }
}
PF_INLINE Reg<float> load_first(const float* p, Mask mask) {
  return (Reg<float>)_mm256_maskload_ps(p, mask);
}
PF_INLINE Reg<double> load_first(const double* p, Mask mask) {
  return (Reg<double>)_mm256_maskload_pd(p, mask);
}
// Masked stores are microcoded on several CPUs; halves are not.
PF_INLINE void store_first(float* p, Reg<float> v, int count) {
  __m128 part = _mm256_castps256_ps128((__m256)v);
  if (count & 8) {
    store(p, v);
    return;
  }
  if (count & 4) {
    _mm_storeu_ps(p, part);
    part = _mm256_extractf128_ps((__m256)v, 1);
    p += 4;
  }
  if (count & 2) {
    _mm_storel_pi(reinterpret_cast<__m64*>(p), part);
    part = _mm_movehl_ps(part, part);
    p += 2;
  }
  if (count & 1) _mm_store_ss(p, part);
}
PF_INLINE void store_first(double* p, Reg<double> v, int count) {
  __m128d part = _mm256_castpd256_pd128((__m256d)v);
  if (count & 4) {
    store(p, v);
    return;
  }
  if (count & 2) {
    _mm_storeu_pd(p, part);
    part = _mm256_extractf128_pd((__m256d)v, 1);
    p += 2;
  }
  if (count & 1) _mm_store_sd(p, part);
}
#else
template <class T>
PF_INLINE Reg<T> broadcast_at(const T* p) {
  return Reg<T>{} + *p;
}
#if defined(__aarch64__)
PF_INLINE Reg<float> fma(Reg<float> a, Reg<float> b, Reg<float> c) {
  return (Reg<float>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
PF_INLINE Reg<double> fma(Reg<double> a, Reg<double> b, Reg<double> c) {
  return (Reg<double>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
#else
template <class V>
PF_INLINE V fma(V a, V b, V c) {
  return c + a * b;
}
#endif
typedef int Mask;
template <class T>
PF_INLINE Mask mask_for(int count) {
  return count;
}
template <class T>
PF_INLINE Reg<T> load_first(const T* p, Mask count) {
  Reg<T> v = {};
  for (int i = 0; i < kLanes<T>; ++i) {
    if (i < count) v[i] = p[i];
  }
  return v;
}
template <class T>
PF_INLINE void store_first(T* p, Reg<T> v, int count) {
  for (int i = 0; i < kLanes<T>; ++i) {
    if (i < count) p[i] = v[i];
  }
}
#endif

#if !defined(__AVX512F__)
template <class V>
PF_INLINE V multiply_add(V a, V b, V c) {
  return fma(a, b, c);
}
#endif

template <int... I>
struct LaneList {};
template <int N, int... I>
struct MakeLanes : MakeLanes<N - 1, N - 1, I...> {};
template <int... I>
struct MakeLanes<0, I...> {
  using type = LaneList<I...>;
};
template <class T>
using Lanes = typename MakeLanes<kLanes<T>>::type;

// Lanes of `a` (from 0) and `b` (from kLanes), chosen by number.
template <class T, int... I>
PF_INLINE Reg<T> shuffle(Reg<T> a, Reg<T> b) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, I...);
#else
  return __builtin_shuffle(a, b, typename Simd<T>::Index{I...});
#endif
}

// Exchanges the off-diagonal blocks of the Distance x Distance blocks that a and b hold.
template <class T, int Distance, int... I>
PF_INLINE void exchange(Reg<T>& a, Reg<T>& b, LaneList<I...>) {
  const Reg<T> low = shuffle<T, ((I & Distance) ? kLanes<T> + I - Distance : I)...>(a, b);
  b = shuffle<T, ((I & Distance) ? kLanes<T> + I : I + Distance)...>(a, b);
  a = low;
}

// kLanes x kLanes transpose in registers.
template <class T, int Distance = 1>
PF_INLINE void transpose(Reg<T>* rows) {
  if constexpr (Distance < kLanes<T>) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes<T>; ++i) {
      if ((i & Distance) == 0) exchange<T, Distance>(rows[i], rows[i + Distance], Lanes<T>{});
    }
    transpose<T, 2 * Distance>(rows);
  }
}

template <class T, int Width, int... I>
PF_INLINE Reg<T> add_rotated(Reg<T> v, LaneList<I...>) {
  return v + shuffle<T, ((I + Width) % kLanes<T>)...>(v, v);
}
template <class T, int Width = kLanes<T> / 2>
PF_INLINE T sum_lanes(Reg<T> v) {
  if constexpr (Width == 0) {
    return v[0];
  } else {
    return sum_lanes<T, Width / 2>(add_rotated<T, Width>(v, Lanes<T>{}));
  }
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
