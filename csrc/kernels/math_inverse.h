// Inverse trigonometric, hyperbolic and inverse hyperbolic functions, hypot.
#pragma once
#include "kernels/math_integer.h"
#include "kernels/math_trig.h"

namespace pyforge::kernels::PF_ISA {

template <class T>
struct ArcConstants;
template <>
struct ArcConstants<float> {
  static constexpr float kHalfPi = 1.57079637f, kHalfPiLow = -4.37113883e-8f;
  static constexpr float kQuarterPi = 0.785398185f, kQuarterPiLow = -2.18556941e-8f;
  static constexpr float kHuge = 1e37f, kDown = 0x1p-20f, kUp = 0x1p60f, kLost = 1e10f;
};
template <>
struct ArcConstants<double> {
  static constexpr double kHalfPi = 1.57079632679489656, kHalfPiLow = 6.12323399573676604e-17;
  static constexpr double kQuarterPi = 0.785398163397448279,
                          kQuarterPiLow = 3.06161699786838302e-17;
  static constexpr double kHuge = 1e307, kDown = 0x1p-20, kUp = 0x1p400, kLost = 1e18;
};

// (atan(sqrt z) - sqrt z) / z^1.5 up to tan(pi / 8)^2
PF_INLINE Vec<float> atan_tail(Vec<float> z) {
  return horner(z, -0.3333331645f, 0.1999853406f, -0.1424455004f, 0.1060049672f, -0.06093591803f);
}
PF_INLINE Vec<double> atan_tail(Vec<double> z) {
  return horner(z, -0.3333333333333323301, 0.1999999999996168959, -0.1428571428088415547,
                0.1111111081354466804, -0.09090898533518652215, 0.07692072801701192176,
                -0.06663236178298465992, 0.05848785606003641159, -0.05043098100957554179,
                0.03815564080113888916, -0.01800194513623933292);
}

// atan(n / d) for 0 <= n <= d, d > 0: beyond tan(pi / 8) by way of pi/4 + atan((n - d) / (n + d)).
template <class T>
PF_INLINE Vec<T> atan_ratio(Vec<T> n, Vec<T> d) {
  using C = ArcConstants<T>;
  const Mask<T> far = n > static_cast<T>(0.414213562373095049) * d;
  const Vec<T> q = where(far, n - d, n) / where(far, n + d, d), z = q * q;
  const Vec<T> r = fma(q * z, atan_tail(z), q);
  return where(far, C::kQuarterPi + (C::kQuarterPiLow + r), r);
}

template <class T>
PF_INLINE Vec<T> atan_of(Vec<T> x) {
  using C = ArcConstants<T>;
  const Vec<T> a = abs(x);
  const Mask<T> steep = a > 1;
  const Vec<T> r = atan_ratio<T>(where(steep, 1, a), where(steep, a, 1));
  return with_sign(where(steep, (C::kHalfPi - r) + C::kHalfPiLow, r), x);
}

template <class T>
PF_INLINE Mask<T> sign_is_set(Vec<T> x) {
  if constexpr (is_float<T>)
    return mask_cast<T>((bits(x) & Fp<T>::kSign) != 0);
  else if constexpr (is_signed<T> && !is_bool<T>)
    return x < 0;
  else
    return x != x;
}

// The angle of the point (x, y).
template <class T>
PF_INLINE Vec<T> atan2_of(Vec<T> y, Vec<T> x) {
  using C = ArcConstants<T>;
  Vec<T> a = abs(y), b = abs(x);
  const Mask<T> both = (a == Fp<T>::kInf) & (b == Fp<T>::kInf);
  a = where(both, 1, a);
  b = where(both, 1, b);
  const Mask<T> steep = a > b;
  Vec<T> n = where(steep, b, a), d = where(steep, a, b);
  const Vec<T> unit = where(d > C::kHuge, C::kDown, where(d < C::kDown / C::kUp, C::kUp, 1));
  d = where(d == 0, 1, d);  // both are 0
  Vec<T> r = atan_ratio<T>(n * unit, d * unit);
  r = where(steep, (C::kHalfPi - r) + C::kHalfPiLow, r);
  r = where(sign_is_set(x), (2 * C::kHalfPi - r) + 2 * C::kHalfPiLow, r);
  return with_sign(r, y);
}

// sqrt(1 - x^2)
template <class T>
PF_INLINE Vec<T> other_leg(Vec<T> x) {
  return sqrt((1 - x) * (1 + x));
}
template <class T>
PF_INLINE Vec<T> asin_of(Vec<T> x) {
  using C = ArcConstants<T>;
  const Vec<T> a = abs(x), c = other_leg(x);
  const Mask<T> steep = a > c;
  const Vec<T> r = atan_ratio<T>(where(steep, c, a), where(steep, a, c));
  return where(c == c, with_sign(where(steep, (C::kHalfPi - r) + C::kHalfPiLow, r), x),
               Fp<T>::kNan);
}
template <class T>
PF_INLINE Vec<T> acos_of(Vec<T> x) {
  using C = ArcConstants<T>;
  const Vec<T> a = abs(x), s = other_leg(x);
  const Mask<T> steep = s > a;
  Vec<T> r = atan_ratio<T>(where(steep, a, s), where(steep, s, a));
  r = where(steep, (C::kHalfPi - r) + C::kHalfPiLow, r);
  r = where(x < 0, (2 * C::kHalfPi - r) + 2 * C::kHalfPiLow, r);
  return where(s == s, r, Fp<T>::kNan);
}

// With h = e^(|x|/2) - 1, so that nothing overflows before the result does:
// sinh = h (h + 2) (1 + 1 / (h + 1)^2) / 2
template <class T>
PF_INLINE Vec<T> sinh_of(Vec<T> x) {
  const Vec<T> half = static_cast<T>(0.5), h = expm1(half * abs(x)), e = h + 1;
  return with_sign(((half * h) * (h + 2)) * (1 + 1 / (e * e)), x);
}
template <class T>
PF_INLINE Vec<T> cosh_of(Vec<T> x) {
  const Vec<T> half = static_cast<T>(0.5), e = exp(half * abs(x));
  return (half * e) * e + half / (e * e);
}

// From kLost on x^2 + 1 is x^2, and log(2 |x|) is taken as log(|x|) + log(2).
template <class T>
PF_INLINE Vec<T> asinh_of(Vec<T> x) {
  using C = ArcConstants<T>;
  const Vec<T> a = abs(x), s = a * a;
  const Mask<T> large = a > C::kLost;
  const Vec<T> r = log1p(where(large, a, a + s / (1 + sqrt(s + 1))));
  return with_sign(r + where(large, static_cast<T>(0.693147180559945309), 0), x);
}
template <class T>
PF_INLINE Vec<T> acosh_of(Vec<T> x) {
  using C = ArcConstants<T>;
  const Mask<T> large = x > C::kLost;
  const Vec<T> t = x - 1, r = log1p(where(large, x, t + sqrt(t * (t + 2))));
  return where(x < 1, Fp<T>::kNan, r + where(large, static_cast<T>(0.693147180559945309), 0));
}
template <class T>
PF_INLINE Vec<T> atanh_of(Vec<T> x) {
  const Vec<T> a = abs(x);
  return with_sign(static_cast<T>(0.5) * log1p(2 * a / (1 - a)), x);
}

PF_INLINE Vec<double> hypot_of(Vec<double> a, Vec<double> b) {
  a = abs(a);
  b = abs(b);
  const Vec<double> m = where(a > b, a, b);
  const Mask<double> huge = m > 0x1p500, tiny = m < 0x1p-480;
  const Vec<double> unit = where(huge, 0x1p-600, where(tiny, 0x1p600, 1));
  const Vec<double> back = where(huge, 0x1p600, where(tiny, 0x1p-600, 1));
  const Vec<double> p = a * unit, q = b * unit, r = sqrt(fma(p, p, q * q)) * back;
  const double inf = Fp<double>::kInf;
  return where((a == inf) | (b == inf), inf, r);
}
PF_INLINE Vec<float> hypot_of(Vec<float> a, Vec<float> b) {
  Vec<double> r[2];
  for (int i = 0; i < 2; i++) {
    const Vec<double> p = to_double(a, i), q = to_double(b, i);
    r[i] = sqrt(fma(p, p, q * q));
  }
  const float inf = Fp<float>::kInf;
  return where((abs(a) == inf) | (abs(b) == inf), inf, to_float(r[0], r[1]));
}

template <class T>
PF_INLINE Vec<T> copysign_of(Vec<T> a, Vec<T> b) {
  return with_sign(abs(a), b);
}

#define PF_REAL_UNARY(name, fn)                             \
  PF_INLINE Vec<float> name(Vec<float> x) { return fn(x); } \
  PF_INLINE Vec<double> name(Vec<double> x) { return fn(x); }
#define PF_REAL_BINARY(name, fn)                                             \
  PF_INLINE Vec<float> name(Vec<float> a, Vec<float> b) { return fn(a, b); } \
  PF_INLINE Vec<double> name(Vec<double> a, Vec<double> b) { return fn(a, b); }
PF_REAL_UNARY(asin, asin_of)
PF_REAL_UNARY(acos, acos_of)
PF_REAL_UNARY(atan, atan_of)
PF_REAL_UNARY(sinh, sinh_of)
PF_REAL_UNARY(cosh, cosh_of)
PF_REAL_UNARY(asinh, asinh_of)
PF_REAL_UNARY(acosh, acosh_of)
PF_REAL_UNARY(atanh, atanh_of)
PF_REAL_BINARY(atan2, atan2_of)
PF_REAL_BINARY(hypot, hypot_of)
PF_REAL_BINARY(copysign, copysign_of)

template <class T>
PF_INLINE T integer_gcd(T a, T b) {
  uint64_t x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
  if constexpr (is_signed<T>) {
    if (a < 0) x = 0 - x;
    if (b < 0) y = 0 - y;
  }
  while (y != 0) {
    const uint64_t r = x % y;
    x = y;
    y = r;
  }
  return static_cast<T>(x);
}
template <class T>
PF_INLINE Vec<T> gcd(Vec<T> a, Vec<T> b) {
  return each_lane(a, b, [](auto x, auto y) { return integer_gcd(x, y); });
}
template <class T>
PF_INLINE Vec<T> lcm(Vec<T> a, Vec<T> b) {
  return each_lane(a, b, [](auto x, auto y) {
    using S = decltype(x);
    const S d = integer_gcd(x, y);
    if (d == 0) return S(0);
    const uint64_t m =
        static_cast<uint64_t>(static_cast<int64_t>(x / d)) * static_cast<uint64_t>(y);
    const S r = static_cast<S>(m);
    return static_cast<S>(r < 0 ? 0 - static_cast<uint64_t>(r) : static_cast<uint64_t>(r));
  });
}
PF_INLINE Vec<float> nextafter(Vec<float> a, Vec<float> b) {
  return each_lane(a, b, [](float x, float y) { return __builtin_nextafterf(x, y); });
}
PF_INLINE Vec<double> nextafter(Vec<double> a, Vec<double> b) {
  return each_lane(a, b, [](double x, double y) { return __builtin_nextafter(x, y); });
}

}  // namespace pyforge::kernels::PF_ISA
