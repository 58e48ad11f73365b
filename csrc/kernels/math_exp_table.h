// exp and sigmoid in float32 on AVX-512: x = k ln2 + r with k in sixteenths, so that
// |r| <= ln2 / 32 and a short polynomial is enough; 2^(fraction of k) is a permutation of one
// register. Included by math_exp.h; others take its formulas.
#pragma once
#include "kernels/math_basic.h"

namespace pyforge::kernels::PF_ISA {

#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
#define PF_TABLED_EXP

// clang-format off
// 2^(j/16) rounded, and the logarithm of what the value is to the rounded one.
inline constexpr float kSixteenths[16] = {
    1.0f, 1.04427373f, 1.09050775f, 1.13878858f, 1.18920708f, 1.24185777f, 1.29683959f, 1.35425556f,
    1.41421354f, 1.47682619f, 1.54221082f, 1.61049032f, 1.68179286f, 1.75625217f, 1.8340081f,
    1.91520655f};
inline constexpr float kSixteenthsError[16] = {
    0.0f, 4.62854715e-08f, -1.19921575e-08f, 4.72978208e-08f, 3.19341815e-08f, 3.62105723e-08f,
    -3.09907229e-08f, -7.47521334e-09f, 1.71142709e-08f, -3.04768335e-08f, 5.23333421e-09f,
    6.10759177e-09f, -1.4719606e-08f, -5.25879518e-09f, -6.12825968e-09f, 5.14060927e-09f};
// clang-format on
inline constexpr float kSixteenthsMagic = 786432.0f;  // 1.5 * 2^19: adding it rounds to sixteenths

PF_INLINE Vec<float> sixteenth(const float (&table)[16], Vec<float> shifted) {
  return Vec<float>::of(_mm512_permutexvar_ps((__m512i)shifted.v, _mm512_loadu_ps(table)));
}

// The bits of 2^(j/16 + offset) less what the four bits of j add to the exponent below.
struct ShiftedSixteenths {
  uint32_t bits[16];
  constexpr explicit ShiftedSixteenths(int offset) : bits{} {
    for (uint32_t j = 0; j < 16; ++j)
      bits[j] = __builtin_bit_cast(uint32_t, kSixteenths[j]) - (j << 19) +
                (static_cast<uint32_t>(offset) << 23);
  }
};
template <int kOffset>
inline constexpr ShiftedSixteenths kShiftedSixteenths{kOffset};

// 2^(k + offset) where that is a normal number.
template <int kOffset>
PF_INLINE Vec<float> power_of_sixteenths(Vec<float> shifted) {
  const __m512i index = (__m512i)shifted.v;
  const __m512i base =
      _mm512_permutexvar_epi32(index, _mm512_loadu_si512(kShiftedSixteenths<kOffset>.bits));
  return Vec<float>::of(_mm512_add_epi32(base, _mm512_slli_epi32(index, 19)));
}

struct SixteenthsReduced {
  Vec<float> shifted, k, r;
};
PF_INLINE SixteenthsReduced reduce_sixteenths(Vec<float> x) {
  const Vec<float> shifted = fma(x, Vec<float>(1.44269504f), Vec<float>(kSixteenthsMagic));
  const Vec<float> k = shifted - kSixteenthsMagic;
  const Vec<float> r = fma(k, Vec<float>(1.90465421e-09f), fma(k, Vec<float>(-0.693147182f), x));
  return {shifted, k, r};
}
// e^r - 1
PF_INLINE Vec<float> exp_short(Vec<float> r) {
  return r * horner(r, 1.0f, 0.500016196f, 0.166670313f);
}
// 2^(j/16) e^r / (the rounded 2^(j/16)) - 1
PF_INLINE Vec<float> exp_short_exact(Vec<float> r, Vec<float> shifted) {
  return fma(r, horner(r, 1.0f, 0.500016196f, 0.166670313f), sixteenth(kSixteenthsError, shifted));
}

// Where x is too large for k, r is anything, infinite or NaN; limited, it cannot spoil the
// overflow.
PF_INLINE Vec<float> tabled_exp(Vec<float> x) {
  const auto [shifted, k, r] = reduce_sixteenths(x);
  constexpr int kLeastMagnitudeSignOfFirst = 2;
  const Vec<float> s = exp_short(Vec<float>::of(
      _mm512_range_ps((__m512)r.v, _mm512_set1_ps(1.0f), kLeastMagnitudeSignOfFirst)));
  const Vec<float> f = sixteenth(kSixteenths, shifted);
  return Vec<float>::of(_mm512_scalef_ps((__m512)fma(f, s, f).v, (__m512)k.v));
}
// For |x| < 87.
PF_INLINE Vec<float> tabled_exp_moderate(Vec<float> x) {
  const auto [shifted, k, r] = reduce_sixteenths(x);
  const Vec<float> f = power_of_sixteenths<0>(shifted);
  return fma(f, exp_short(r), f);
}

// With e^-x = f (1 + p), one / (one + f + f p) where one = 2^-24, and f with it: an overflow in
// e^-x is a subnormal result. The smaller one of f and one is added to f p first, which rounds
// less.
PF_INLINE Vec<float> tabled_sigmoid(Vec<float> x) {
  constexpr int kDown = -24;
  const auto [shifted, k, r] =
      reduce_sixteenths(at_least(at_most(-x, Vec<float>(104.0f)), Vec<float>(-30.0f)));
  const Vec<float> f = power_of_sixteenths<kDown>(shifted), one = 0x1p-24f;
  const Vec<float> sum = fma(f, exp_short_exact(r, shifted), at_most(f, one));
  return one / (at_least(f, one) + sum);
}
#endif

}  // namespace pyforge::kernels::PF_ISA
