// Logarithms: x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), then log(1 + f) + e ln2.
#pragma once
#include "kernels/math_exp.h"

namespace pyforge::kernels::PF_ISA {

template <class T>
struct LogSplit {
  Vec<T> e, f;
};

// x finite, positive and normal.
template <class T>
PF_INLINE LogSplit<T> log_split(Vec<T> x) {
  using F = Fp<T>;
  const Bits<T> root = sizeof(T) == 4 ? static_cast<Bits<T>>(0x3f3504f3u)
                                      : static_cast<Bits<T>>(0x3fe6a09e667f3bcdu);  // sqrt(1/2)
  const Bits<T> one = F::kBias << F::kMantissa;
  const auto shifted = bits(x) + (one - root);
  const auto exponent = shifted >> F::kMantissa;
  const auto m = (shifted & ((Bits<T>{1} << F::kMantissa) - 1)) + root;
  // kExact's exponent field with `exponent` as mantissa is the number kExact + exponent.
  const Bits<T> exact = (F::kBias + F::kMantissa) << F::kMantissa;
  const Vec<T> e = bit_cast<T>(exponent | exact) - (F::kExact + static_cast<T>(F::kBias));
  return {e, bit_cast<T>(m) - 1};
}
// Any x > 0; subnormal ones are scaled up first.
template <class T>
PF_INLINE LogSplit<T> log_split_any(Vec<T> x) {
  constexpr T kScale = Fp<T>::kExact;
  const Mask<T> tiny = x < Fp<T>::kTiny;
  const LogSplit<T> s = log_split(where(tiny, x * kScale, x));
  return {s.e - where(tiny, static_cast<T>(Fp<T>::kMantissa), 0), s.f};
}

// log(1 + f) = f - f^2 / 2 + log_rest(f)
PF_INLINE Vec<float> log_rest(Vec<float> f) {
  const Vec<float> p =
      horner(f, 0.333333126f, -0.250000096f, 0.2000211866f, -0.1666799584f, 0.1421955242f,
             -0.1240558915f, 0.1188816206f, -0.1167565031f, 0.06746639084f);
  return f * f * f * p;
}
PF_INLINE Vec<double> log_rest(Vec<double> f) {
  const Vec<double> s = f / (2 + f), z = s * s;
  const Vec<double> p =
      horner(z, 0.666666666666673489, 0.399999999994110953, 0.285714287432623125,
             0.222221984760031252, 0.18183569739728043, 0.153139032332106712, 0.147975079644821684);
  return s * fma(z, p, 0.5 * f * f);
}

template <class T>
PF_INLINE Vec<T> log_join(LogSplit<T> s) {
  using C = ExpConstants<T>;
  const Vec<T> low =
      fma(s.e, Vec<T>(C::kLn2Low), fma(static_cast<T>(-0.5) * s.f, s.f, log_rest(s.f)));
  return fma(s.e, Vec<T>(C::kLn2High), s.f + low);
}

// Replaces r where x is 0 (-inf), negative or NaN (NaN), or +inf.
template <class T>
PF_INLINE Vec<T> log_special(Vec<T> x, Vec<T> r) {
  using F = Fp<T>;
  r = where(x > 0, r, where(x == 0, -F::kInf, F::kNan));
  return where(x == F::kInf, x, r);
}

template <class T>
PF_INLINE Vec<T> log_of(Vec<T> x) {
  return log_special(x, log_join(log_split_any(x)));
}

// u = 1 + x rounded, and what the rounding lost is added to f.
template <class T>
PF_INLINE Vec<T> log1p_of(Vec<T> x) {
  using F = Fp<T>;
  const Vec<T> u = 1 + x;
  LogSplit<T> s = log_split(u);
  const Vec<T> lost = where(x > 1, 1 - (u - x), x - (u - 1));
  const Vec<T> back = power_of_two(F::kMagic - s.e, 0);
  s.f = s.f + where(u < F::kExact * 16, lost * back, 0);
  return where(x == 0, x, log_special(u, log_join(s)));
}

// log(x) / log(base), with log(1 + f) = high + low, high so short that its product with
// inverse_high is exact; two_high + two_low = log(2) / log(base).
template <class T>
struct LogBase {
  T inverse_high, inverse_low, two_high, two_low;
};
template <class T>
PF_INLINE Vec<T> log_base_of(Vec<T> x, LogBase<T> base) {
  const LogSplit<T> s = log_split_any(x);
  const Vec<T> half_square = static_cast<T>(0.5) * s.f * s.f;
  const Bits<T> keep = ~((Bits<T>{1} << (sizeof(T) == 4 ? 12 : 32)) - 1);
  const Vec<T> high = bit_cast<T>(bits(s.f - half_square) & keep);
  const Vec<T> low = ((s.f - high) - half_square) + log_rest(s.f);
  const Vec<T> whole = s.e * base.two_high, part = high * base.inverse_high;
  const Vec<T> sum = whole + part;
  const Vec<T> rest = ((whole - sum) + part) + s.e * base.two_low + (low + high) * base.inverse_low;
  return log_special(x, sum + fma(low, Vec<T>(base.inverse_high), rest));
}
PF_INLINE Vec<float> log2(Vec<float> x) {
  return log_base_of(x, LogBase<float>{1.44287109375f, -0.00017605286103659264f, 1, 0});
}
PF_INLINE Vec<double> log2(Vec<double> x) {
  return log_base_of(x, LogBase<double>{1.4426950407214462757, 1.6751713164886511069e-10, 1, 0});
}
PF_INLINE Vec<float> log10(Vec<float> x) {
  return log_base_of(x, LogBase<float>{0.434326171875f, -0.000031689971748172348871f,
                                       0.301025390625f, 4.6050389811952137389e-6f});
}
PF_INLINE Vec<double> log10(Vec<double> x) {
  return log_base_of(x, LogBase<double>{0.43429448187816888094, 2.5082946711645276338e-11,
                                        0.30102999566588550806, -1.9043128467164275411e-12});
}

PF_INLINE Vec<float> log(Vec<float> x) { return log_of(x); }
PF_INLINE Vec<double> log(Vec<double> x) { return log_of(x); }
PF_INLINE Vec<float> log1p(Vec<float> x) { return log1p_of(x); }
PF_INLINE Vec<double> log1p(Vec<double> x) { return log1p_of(x); }

}  // namespace pyforge::kernels::PF_ISA
