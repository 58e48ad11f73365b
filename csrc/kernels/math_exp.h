// exp and what is made of it: expm1, exp2, tanh, sigmoid.
// x = k ln2 + r with |r| <= ln2 / 2; e^r by a minimax polynomial; 2^k put into the exponent.
#pragma once
#include "kernels/math_exp_table.h"

namespace pyforge::kernels::PF_ISA {

template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  // Beyond these exp is infinite or zero; expm1 is -1 below kAllLost.
  static constexpr float kMost = 89.0f, kLeast = -104.0f, kAllLost = -18.0f;
  static constexpr float kLog2Most = 129.0f, kLog2Least = -151.0f;
  static constexpr float kLn2High = 0.693359375f,
                         kLn2Low = -2.12194440054690581e-4f;  // high: few bits
  static constexpr float kNegligible = 1e-9f;                 // e^x - 1 is x
  static constexpr float kTanhOne = 10.0f;                    // tanh is 1 from here on
  static constexpr float kSigmoidOne = -30.0f;                // the sigmoid is 1 up to this -x
};
template <>
struct ExpConstants<double> {
  static constexpr double kMost = 710.0, kLeast = -746.0, kAllLost = -40.0;
  static constexpr double kLog2Most = 1025.0, kLog2Least = -1080.0;
  static constexpr double kLn2High = 6.93147180369123816490e-01,
                          kLn2Low = 1.90821492927058770002e-10;
  static constexpr double kNegligible = 1e-18;
  static constexpr double kTanhOne = 22.0, kSigmoidOne = -50.0;
};

// (e^r - 1 - r) / r^2 on |r| <= ln2 / 2
PF_INLINE Vec<float> exp_tail(Vec<float> r) {
  return horner(r, 0.4999999337f, 0.1666651952f, 0.04166840111f, 0.008368851111f, 0.001381431945f);
}
PF_INLINE Vec<double> exp_tail(Vec<double> r) {
  const Vec<double> z = r * r;
  const Vec<double> even =
      horner(z, 0.500000000000001083, 0.0416666666665281028, 0.00138888889442494519,
             0.0000248014923880172675, 2.76305235643337944e-7);
  const Vec<double> odd =
      horner(z, 0.166666666666664077, 0.00833333333349692727, 0.000198412695027354322,
             2.755758842481258e-6, 2.4999857450895106e-8);
  return fma(odd, r, even);
}

// k is an integer held as k + kMagic.
template <class T>
struct ExpReduced {
  Vec<T> shifted, r;
};

template <class T>
PF_INLINE ExpReduced<T> exp_reduce(Vec<T> x) {
  using C = ExpConstants<T>;
  const Vec<T> shifted = fma(x, Vec<T>(static_cast<T>(1.44269504088896341)), Vec<T>(Fp<T>::kMagic));
  const Vec<T> k = shifted - Fp<T>::kMagic;
  return {shifted, fma(k, Vec<T>(-C::kLn2Low), fma(k, Vec<T>(-C::kLn2High), x))};
}

// e^r - 1
template <class T>
PF_INLINE Vec<T> exp_poly(Vec<T> r) {
  return fma(r * r, exp_tail(r), r);
}

// 2^(k + offset) where that is a normal number.
template <class T>
PF_INLINE Vec<T> power_of_two(Vec<T> shifted, int offset) {
  const Bits<T> base = Fp<T>::kMagicBits - Fp<T>::kBias - static_cast<Bits<T>>(offset);
  return bit_cast<T>((bits(shifted) - base) << Fp<T>::kMantissa);
}
// y 2^k, k from twice the least exponent to twice the greatest: rounded once.
template <class T>
PF_INLINE Vec<T> scale(Vec<T> y, Vec<T> shifted) {
#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
  const Vec<T> k = shifted - Fp<T>::kMagic;
  if constexpr (sizeof(T) == 4)
    return Vec<T>::of(_mm512_scalef_ps((__m512)y.v, (__m512)k.v));
  else
    return Vec<T>::of(_mm512_scalef_pd((__m512d)y.v, (__m512d)k.v));
#else
  const auto biased = bits(shifted) - (Fp<T>::kMagicBits - 2 * Fp<T>::kBias);
  const auto first = biased >> 1;
  const auto second = biased - first;
  return y * bit_cast<T>(first << Fp<T>::kMantissa) * bit_cast<T>(second << Fp<T>::kMantissa);
#endif
}

// y 2^-k, likewise.
template <class T>
PF_INLINE Vec<T> unscale(Vec<T> y, Vec<T> shifted) {
#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
  const Vec<T> k = Fp<T>::kMagic - shifted;
  if constexpr (sizeof(T) == 4)
    return Vec<T>::of(_mm512_scalef_ps((__m512)y.v, (__m512)k.v));
  else
    return Vec<T>::of(_mm512_scalef_pd((__m512d)y.v, (__m512d)k.v));
#else
  const auto biased = (Fp<T>::kMagicBits + 2 * Fp<T>::kBias) - bits(shifted);
  const auto first = biased >> 1;
  const auto second = biased - first;
  return y * bit_cast<T>(first << Fp<T>::kMantissa) * bit_cast<T>(second << Fp<T>::kMantissa);
#endif
}

template <class T>
PF_INLINE Vec<T> exp_of(Vec<T> x) {
  using C = ExpConstants<T>;
  const auto [shifted, r] = exp_reduce(at_least(at_most(x, Vec<T>(C::kMost)), Vec<T>(C::kLeast)));
  return scale(exp_poly(r) + 1, shifted);
}
// For |x| < 80.
template <class T>
PF_INLINE Vec<T> exp_moderate(Vec<T> x) {
  const auto [shifted, r] = exp_reduce(x);
  const Vec<T> s = power_of_two(shifted, 0);
  return fma(exp_poly(r), s, s);
}

template <class T>
PF_INLINE Vec<T> expm1_of(Vec<T> x) {
  using C = ExpConstants<T>;
  const auto [shifted, r] = exp_reduce(at_least(at_most(x, Vec<T>(C::kMost)), Vec<T>(C::kAllLost)));
  const Vec<T> half = power_of_two(shifted, -1);  // half of 2^k, which may overflow itself
  const Vec<T> y = fma(r * r * exp_tail(r), half, fma(r, half, half - static_cast<T>(0.5)));
  return where(abs(x) < C::kNegligible, x, y + y);
}

template <class T>
PF_INLINE Vec<T> exp2_of(Vec<T> x) {
  using C = ExpConstants<T>;
  x = at_least(at_most(x, Vec<T>(C::kLog2Most)), Vec<T>(C::kLog2Least));
  const Vec<T> shifted = x + Fp<T>::kMagic;
  const Vec<T> r = (x - (shifted - Fp<T>::kMagic)) * static_cast<T>(0.693147180559945309);
  return scale(exp_poly(r) + 1, shifted);
}

// With e^-x = 2^k (1 + p): 1 / (1 + e^-x) = 2^-k / (2^-k + 1 + p). No rounded e^-x comes in, and
// nothing overflows.
template <class T>
PF_INLINE Vec<T> sigmoid_of(Vec<T> x) {
  using C = ExpConstants<T>;
  const auto [shifted, r] =
      exp_reduce(at_least(at_most(-x, Vec<T>(-C::kLeast)), Vec<T>(C::kSigmoidOne)));
  const Vec<T> down = unscale(Vec<T>(T(1)), shifted);
  return unscale(1 / (1 + (down + exp_poly(r))), shifted);
}

// With e^-2|x| = s (1 - p): (1 - s + s p) / (1 + s - s p). Numerator and denominator are rounded
// once each, and the numerator is less than 2 tanh, so that its unit is never the larger one.
// k ln2 / 2 needs no second part: its error counts for 2 s / (1 - s^2).
PF_INLINE Vec<float> tanh_of(Vec<float> x) {
  const Vec<float> a = at_most(abs(x), Vec<float>(ExpConstants<float>::kTanhOne));
  const Vec<float> shifted = fma(a, Vec<float>(-2.88539008f), Vec<float>(Fp<float>::kMagic));
  const Vec<float> r = fma(shifted - Fp<float>::kMagic, Vec<float>(0.346573591f), a);
  const Vec<float> tail =
      horner(r, 1.9999997348f, -1.3333215616f, 0.66669441776f, -0.267803235552f, 0.08841164448f);
  const Vec<float> s = power_of_two(shifted, 0), p = fma(-(r * r), tail, r + r);
  return with_sign(fma(p, s, 1 - s) / fma(-p, s, 1 + s), x);
}
// Near 0 a rational minimax approximation, elsewhere 1 - 2 / (e^2x + 1): one division for both.
PF_INLINE Vec<double> tanh_of(Vec<double> x) {
  const Vec<double> a = abs(x), z = x * x;
  const Mask<double> small = a < 0.62;
  const Vec<double> p =
      horner(z, -0.333333333333333241, -0.0204968794416415074, -0.000199093041218945692);
  const Vec<double> q =
      horner(z, 1.0, 0.461490638324910038, 0.0232887725491104041, 0.000206442706813868791);
  const Vec<double> e = exp_moderate(2 * at_most(a, Vec<double>(ExpConstants<double>::kTanhOne)));
  const Vec<double> ratio = where(small, a * z * p, -2.0) / where(small, q, e + 1);
  return with_sign(where(small, a, 1.0) + ratio, x);
}

#if defined(PF_TABLED_EXP)
PF_INLINE Vec<float> exp(Vec<float> x) { return tabled_exp(x); }
PF_INLINE Vec<float> sigmoid(Vec<float> x) { return tabled_sigmoid(x); }
#else
PF_INLINE Vec<float> exp(Vec<float> x) { return exp_of(x); }
PF_INLINE Vec<float> sigmoid(Vec<float> x) { return sigmoid_of(x); }
#endif
PF_INLINE Vec<float> tanh(Vec<float> x) { return tanh_of(x); }
PF_INLINE Vec<double> exp(Vec<double> x) { return exp_of(x); }
PF_INLINE Vec<float> expm1(Vec<float> x) { return expm1_of(x); }
PF_INLINE Vec<double> expm1(Vec<double> x) { return expm1_of(x); }
PF_INLINE Vec<float> exp2(Vec<float> x) { return exp2_of(x); }
PF_INLINE Vec<double> exp2(Vec<double> x) { return exp2_of(x); }
PF_INLINE Vec<double> sigmoid(Vec<double> x) { return sigmoid_of(x); }
PF_INLINE Vec<double> tanh(Vec<double> x) { return tanh_of(x); }

}  // namespace pyforge::kernels::PF_ISA
