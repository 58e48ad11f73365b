// Sign, rounding, roots, extrema: everything that is exact or one instruction.
#pragma once
#include "kernels/vec.h"

namespace pyforge::kernels::PF_ISA {

template <class T>
struct Fp;  // the layout of a floating type
template <>
struct Fp<float> {
  using Bits = uint32_t;
  static constexpr int kMantissa = 23;
  static constexpr Bits kBias = 127, kSign = 0x80000000u;
  static constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  static constexpr Bits kMagicBits = 0x4b400000u;
  static constexpr float kExact = 8388608.0f;  // from here on every value is an integer
  static constexpr float kTiny = 1.17549435e-38f, kInf = __builtin_inff(),
                         kNan = __builtin_nanf("");
};
template <>
struct Fp<double> {
  using Bits = uint64_t;
  static constexpr int kMantissa = 52;
  static constexpr Bits kBias = 1023, kSign = 0x8000000000000000u;
  static constexpr double kMagic = 6755399441055744.0;
  static constexpr Bits kMagicBits = 0x4338000000000000u;
  static constexpr double kExact = 4503599627370496.0;
  static constexpr double kTiny = 2.2250738585072014e-308, kInf = __builtin_inf(),
                          kNan = __builtin_nan("");
};
template <class T>
using Bits = typename Fp<T>::Bits;

template <class T>
PF_INLINE Vec<Bits<T>> bits(Vec<T> x) {
  return bit_cast<Bits<T>>(x);
}
template <class T>
PF_INLINE Vec<T> sign_bit(Vec<T> x) {
  return bit_cast<T>(bits(x) & Fp<T>::kSign);
}
template <class T>
PF_INLINE Vec<T> xor_bits(Vec<T> a, Vec<T> b) {
  return bit_cast<T>(bits(a) ^ bits(b));
}
// The magnitude must not have its sign set.
template <class T>
PF_INLINE Vec<T> with_sign(Vec<T> magnitude, Vec<T> sign) {
  return bit_cast<T>(bits(magnitude) | bits(sign_bit(sign)));
}

template <class T>
PF_INLINE Vec<T> abs(Vec<T> x) {
  if constexpr (is_float<T>)
    return bit_cast<T>(bits(x) & ~Fp<T>::kSign);
  else if constexpr (is_signed<T> && !is_bool<T>)
    return where(x < 0, -x, x);
  else
    return x;
}
// 0 for NaN.
template <class T>
PF_INLINE Vec<T> sign(Vec<T> x) {
  if constexpr (is_bool<T>)
    return x;
  else if constexpr (is_signed<T>)
    return where(x > 0, 1, where(x < 0, T(-1), 0));
  else
    return where(x > 0, 1, 0);
}
template <class T>
PF_INLINE Vec<T> square(Vec<T> x) {
  return x * x;
}
template <class T>
PF_INLINE Vec<T> reciprocal(Vec<T> x) {
  return 1 / x;
}

// NaN in either operand gives NaN.
template <class T>
PF_INLINE Vec<T> maximum_of(Vec<T> a, Vec<T> b) {
  if constexpr (is_float<T>)
    return where((a > b) | (a != a), a, b);
  else
    return where(a > b, a, b);
}
template <class T>
PF_INLINE Vec<T> minimum_of(Vec<T> a, Vec<T> b) {
  if constexpr (is_float<T>)
    return where((a < b) | (a != a), a, b);
  else
    return where(a < b, a, b);
}
// At most / at least a constant; NaN stays NaN. One instruction on x86, which GCC has to be told.
template <class T>
PF_INLINE Vec<T> at_most(Vec<T> x, Vec<T> limit) {
#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
  if constexpr (same_type<T, float>) return Vec<T>::of(_mm512_min_ps((__m512)limit.v, (__m512)x.v));
  if constexpr (same_type<T, double>)
    return Vec<T>::of(_mm512_min_pd((__m512d)limit.v, (__m512d)x.v));
#elif defined(__AVX__) && PF_VECTOR_BYTES == 32
  if constexpr (same_type<T, float>) return Vec<T>::of(_mm256_min_ps((__m256)limit.v, (__m256)x.v));
  if constexpr (same_type<T, double>)
    return Vec<T>::of(_mm256_min_pd((__m256d)limit.v, (__m256d)x.v));
#endif
  return where(limit < x, limit, x);
}
template <class T>
PF_INLINE Vec<T> at_least(Vec<T> x, Vec<T> limit) {
#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
  if constexpr (same_type<T, float>) return Vec<T>::of(_mm512_max_ps((__m512)limit.v, (__m512)x.v));
  if constexpr (same_type<T, double>)
    return Vec<T>::of(_mm512_max_pd((__m512d)limit.v, (__m512d)x.v));
#elif defined(__AVX__) && PF_VECTOR_BYTES == 32
  if constexpr (same_type<T, float>) return Vec<T>::of(_mm256_max_ps((__m256)limit.v, (__m256)x.v));
  if constexpr (same_type<T, double>)
    return Vec<T>::of(_mm256_max_pd((__m256d)limit.v, (__m256d)x.v));
#endif
  return where(limit > x, limit, x);
}

PF_INLINE Vec<float> sqrt(Vec<float> x) {
#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
  return Vec<float>::of(_mm512_sqrt_ps((__m512)x.v));
#elif defined(__AVX__) && PF_VECTOR_BYTES == 32
  return Vec<float>::of(_mm256_sqrt_ps((__m256)x.v));
#elif defined(__SSE2__) && PF_VECTOR_BYTES == 16
  return Vec<float>::of(_mm_sqrt_ps((__m128)x.v));
#else
  for (int i = 0; i < x.kLanes; i++) x.v[i] = __builtin_sqrtf(x.v[i]);
  return x;
#endif
}
PF_INLINE Vec<double> sqrt(Vec<double> x) {
#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
  return Vec<double>::of(_mm512_sqrt_pd((__m512d)x.v));
#elif defined(__AVX__) && PF_VECTOR_BYTES == 32
  return Vec<double>::of(_mm256_sqrt_pd((__m256d)x.v));
#elif defined(__SSE2__) && PF_VECTOR_BYTES == 16
  return Vec<double>::of(_mm_sqrt_pd((__m128d)x.v));
#else
  for (int i = 0; i < x.kLanes; i++) x.v[i] = __builtin_sqrt(x.v[i]);
  return x;
#endif
}
template <class T>
PF_INLINE Vec<T> rsqrt(Vec<T> x) {
  return 1 / sqrt(x);
}

enum class Rounding { Nearest = 0, Down = 1, Up = 2, Zero = 3 };  // x86's immediates

template <Rounding kMode, class T>
PF_INLINE Vec<T> round_to(Vec<T> x) {
  if constexpr (!is_float<T>) {
    return x;
  } else {
    [[maybe_unused]] constexpr int kImmediate = static_cast<int>(kMode) | 8;
#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
    if constexpr (sizeof(T) == 4)
      return Vec<T>::of(_mm512_roundscale_ps((__m512)x.v, kImmediate));
    else
      return Vec<T>::of(_mm512_roundscale_pd((__m512d)x.v, kImmediate));
#elif defined(__AVX__) && PF_VECTOR_BYTES == 32
    if constexpr (sizeof(T) == 4)
      return Vec<T>::of(_mm256_round_ps((__m256)x.v, kImmediate));
    else
      return Vec<T>::of(_mm256_round_pd((__m256d)x.v, kImmediate));
#elif defined(__SSE4_1__) && PF_VECTOR_BYTES == 16
    if constexpr (sizeof(T) == 4)
      return Vec<T>::of(_mm_round_ps((__m128)x.v, kImmediate));
    else
      return Vec<T>::of(_mm_round_pd((__m128d)x.v, kImmediate));
#else
    const Vec<T> a = abs(x), exact = Fp<T>::kExact;
    Vec<T> r = (a + exact) - exact;  // nearest, ties to even
    if constexpr (kMode == Rounding::Zero) r = where(r > a, r - 1, r);
    r = where(a < exact, with_sign(r, x), x);
    if constexpr (kMode == Rounding::Down) r = where(r > x, r - 1, r);
    if constexpr (kMode == Rounding::Up) r = where(r < x, with_sign(abs(r + 1), x), r);
    return r;
#endif
  }
}
template <class T>
PF_INLINE Vec<T> floor(Vec<T> x) {
  return round_to<Rounding::Down>(x);
}
template <class T>
PF_INLINE Vec<T> ceil(Vec<T> x) {
  return round_to<Rounding::Up>(x);
}
template <class T>
PF_INLINE Vec<T> trunc(Vec<T> x) {
  return round_to<Rounding::Zero>(x);
}
template <class T>
PF_INLINE Vec<T> round(Vec<T> x) {
  return round_to<Rounding::Nearest>(x);
}

// The lanes of one half of x; and both halves back, rounded.
PF_INLINE Vec<double> to_double(Vec<float> x, int which) {
#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
  const __m256d half =
      which ? _mm512_extractf64x4_pd((__m512d)x.v, 1) : _mm512_castpd512_pd256((__m512d)x.v);
  return Vec<double>::of(_mm512_cvtps_pd((__m256)half));
#elif defined(__AVX__) && PF_VECTOR_BYTES == 32
  const __m128 half =
      which ? _mm256_extractf128_ps((__m256)x.v, 1) : _mm256_castps256_ps128((__m256)x.v);
  return Vec<double>::of(_mm256_cvtps_pd(half));
#elif defined(__SSE2__) && PF_VECTOR_BYTES == 16
  return Vec<double>::of(
      _mm_cvtps_pd(which ? _mm_movehl_ps((__m128)x.v, (__m128)x.v) : (__m128)x.v));
#else
  Vec<double> r;
  for (int i = 0; i < r.kLanes; i++) r.v[i] = x.v[which * r.kLanes + i];
  return r;
#endif
}
PF_INLINE Vec<float> to_float(Vec<double> low, Vec<double> high) {
#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
  const __m256 a = _mm512_cvtpd_ps((__m512d)low.v), b = _mm512_cvtpd_ps((__m512d)high.v);
  return Vec<float>::of(_mm512_insertf64x4(_mm512_castpd256_pd512((__m256d)a), (__m256d)b, 1));
#elif defined(__AVX__) && PF_VECTOR_BYTES == 32
  return Vec<float>::of(
      _mm256_set_m128(_mm256_cvtpd_ps((__m256d)high.v), _mm256_cvtpd_ps((__m256d)low.v)));
#elif defined(__SSE2__) && PF_VECTOR_BYTES == 16
  return Vec<float>::of(_mm_movelh_ps(_mm_cvtpd_ps((__m128d)low.v), _mm_cvtpd_ps((__m128d)high.v)));
#else
  Vec<float> r;
  for (int i = 0; i < low.kLanes; i++) {
    r.v[i] = static_cast<float>(low.v[i]);
    r.v[low.kLanes + i] = static_cast<float>(high.v[i]);
  }
  return r;
#endif
}

// c0 + c1 x + c2 x^2 + ...
template <class T, class... C>
PF_INLINE Vec<T> horner(Vec<T> x, T c0, C... c) {
  if constexpr (sizeof...(c) == 0)
    return Vec<T>(c0);
  else
    return fma(horner(x, static_cast<T>(c)...), x, Vec<T>(c0));
}

}  // namespace pyforge::kernels::PF_ISA
