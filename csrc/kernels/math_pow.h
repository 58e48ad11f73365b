// pow: exp(y log x) with the logarithm and the product in twice the precision.
#pragma once
#include "kernels/math_log.h"

namespace pyforge::kernels::PF_ISA {

template <class T>
struct Pair {
  Vec<T> high, low;
};  // the sum of both, |low| below high's last bit

// a * b exactly
PF_INLINE Pair<double> exact_product(Vec<double> a, Vec<double> b) {
  const Vec<double> p = a * b;
  if constexpr (kFma) return {p, fma(a, b, -p)};
  const Vec<double> split = 134217729.0;  // 2^27 + 1
  const Vec<double> ta = a * split, ah = ta - (ta - a), al = a - ah;
  const Vec<double> tb = b * split, bh = tb - (tb - b), bl = b - bh;
  return {p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}
// a + b exactly, |a| >= |b| or a == 0
PF_INLINE Pair<double> exact_sum(Vec<double> a, Vec<double> b) {
  const Vec<double> s = a + b;
  return {s, b - (s - a)};
}

// log(x) to about 66 bits, x finite and positive. With s = f / (2 + f):
// log(1 + f) = 2 s + 2/3 s^3 + s^5 R(s^2), the first two terms in double precision twice over.
PF_INLINE Pair<double> log_pair(Vec<double> x) {
  using V = Vec<double>;
  const LogSplit<double> split = log_split_any(x);
  const V f = split.f, e = split.e;
  const V d = 2 + f, d_low = f - (d - 2), inverse = 1 / d;
  const V s = f * inverse;
  const Pair<double> sd = exact_product(s, d);
  const V s_low = (((f - sd.high) - sd.low) - s * d_low) * inverse;
  const Pair<double> z = exact_product(s, s);
  const V z_low = z.low + 2 * s * s_low;
  const V tail = z.high * z.high *
                 horner(z.high, 4.000000000000227131e-1, 2.857142857009189616e-1,
                        2.222222252135313157e-1, 1.818178423713391777e-1, 1.538676352683819586e-1,
                        1.325666895817767672e-1, 1.319774898414200718e-1);
  const Pair<double> t = exact_product(z.high, V(0.66666666666666663));
  const V t_low = t.low + (z.high * 3.7007434154171884681e-17 + z_low * 0.66666666666666663) + tail;
  const Pair<double> c = exact_product(s, t.high);
  const V c_low = c.low + (s * t_low + s_low * t.high);
  const Pair<double> h1 = exact_sum(e * ExpConstants<double>::kLn2High, 2 * s);
  const Pair<double> h2 = exact_sum(h1.high, c.high);
  const V low = (h1.low + h2.low) + (c_low + 2 * s_low + e * ExpConstants<double>::kLn2Low);
  return exact_sum(h2.high, low);
}

// x^y for x >= 0, without the cases that pow_of patches.
PF_INLINE Vec<double> pow_positive(Vec<double> x, Vec<double> y) {
  using F = Fp<double>;
  using C = ExpConstants<double>;
  const Mask<double> regular = (x > 0) & (x < F::kInf);
  Pair<double> l = log_pair(where(regular, x, 1));
  const Vec<double> limit = where(x == 0, -F::kInf, x);  // log of 0, inf and NaN
  l.high = where(regular, l.high, limit);
  Pair<double> p = exact_product(y, l.high);
  p.low = where(abs(p.high) < 1e4, p.low + y * l.low, 0);
  auto [shifted, r] =
      exp_reduce(at_least(at_most(p.high, Vec<double>(C::kMost)), Vec<double>(C::kLeast)));
  return scale(exp_poly(r + p.low) + 1, shifted);
}

// In double throughout, with fewer terms.
PF_INLINE Vec<float> pow_positive(Vec<float> x, Vec<float> y) {
  using V = Vec<double>;
  V r[2];
  for (int i = 0; i < 2; i++) {
    const V a = to_double(x, i), b = to_double(y, i);
    const LogSplit<double> split = log_split(a);
    const V s = split.f / (2 + split.f), z = s * s;
    const V series = horner(z, 0.6666666564, 0.4000033622, 0.2853723832, 0.2358356896);
    V l = fma(split.e, V(0.693147180559945309), fma(s * z, series, 2 * s));
    l = where((a > 0) & (a < Fp<double>::kInf), l, where(a == 0, -Fp<double>::kInf, a));
    const auto [shifted, t] = exp_reduce(at_least(at_most(b * l, V(120.0)), V(-120.0)));
    const V q = horner(t, 0.5000000068, 0.1666666586, 0.04166629217, 0.008333498341, 0.001394486851,
                       0.0001979013516);
    const V scale = power_of_two(shifted, 0);
    r[i] = fma(fma(t * t, q, t), scale, scale);
  }
  return to_float(r[0], r[1]);
}

template <class T>
PF_INLINE Vec<T> float_pow(Vec<T> x, Vec<T> y) {
  using F = Fp<T>;
  const Vec<T> a = abs(x), half = static_cast<T>(0.5) * y;
  const Mask<T> integer = floor(y) == y, odd = integer & (floor(half) != half);
  Vec<T> r = pow_positive(a, y);
  r = xor_bits(r, where(odd, sign_bit(x), 0));
  r = where((x < 0) & (a < F::kInf) & !integer, F::kNan, r);
  r = where((a == 1) & integer & ~odd, 1, r);  // also where splitting a huge y overflows
  return where((x == 1) | (y == 0), 1, r);
}

}  // namespace pyforge::kernels::PF_ISA
