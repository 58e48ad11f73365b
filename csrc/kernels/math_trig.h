// sin, cos, tan: x = n pi/2 + r with |r| <= pi/4, right for every finite x.
// Moderate x subtract n pi/2 in parts whose products with n are exact; a register with a large x
// takes a scalar path that multiplies by as many bits of 2/pi as are needed.
#pragma once
#include "kernels/math_basic.h"

namespace pyforge::kernels::PF_ISA {

inline constexpr double kTwoOverPi = 0.636619772367581343;
// pi/2 in parts of 33 bits and the rest.
inline constexpr double kHalfPi1 = 1.570796326734125614166, kHalfPi2 = 6.077100506303965976596e-11,
                        kHalfPi3 = 2.022266248711166455796e-21, kHalfPi4 = 8.478427660368899644e-32;

// r = high + low; the last two bits of bits(shifted) are n mod 4.
template <class T>
struct TrigReduced {
  Vec<T> high, low, shifted;
};

// 2/pi after 64 zero bits, most significant word first.
inline constexpr uint64_t kTwoOverPiBits[] = {0,
                                              0xa2f9836e4e441529,
                                              0xfc2757d1f534ddc0,
                                              0xdb6295993c439041,
                                              0xfe5163abdebbc561,
                                              0xb7246e3a424dd2e0,
                                              0x06492eea09d1921c,
                                              0xfe1deb1cb129a73e,
                                              0xe88235f52ebb4484,
                                              0xe99c7026b45f7e41,
                                              0x3991d639835339f4,
                                              0x9c845f8bbdf9283b,
                                              0x1ff897ffde05980f,
                                              0xef2f118b5a0a6d1f,
                                              0x6d367ecf27cb09b7,
                                              0x4f463f669e5fea2d,
                                              0x7527bac7ebe5f17b,
                                              0x3d0739f78a5292ea,
                                              0x6bfb5fb11f8d5d08,
                                              0x56033046fc7b6bab,
                                              0xf0cfbc209af4361d,
                                              0xa9e391615ee61b08,
                                              0x6599855f14a06840};

struct ScalarReduced {
  double high, low;
  int quadrant;
};

// Any |x| >= 2^11; infinity and NaN give NaN.
inline PF_NOINLINE ScalarReduced reduce_large(double x) {
  uint64_t word;
  __builtin_memcpy(&word, &x, 8);
  const int exponent = static_cast<int>(word >> 52 & 0x7ff);
  if (exponent == 0x7ff) return {x - x, 0, 0};
  const uint64_t m = (word & 0xfffffffffffffu) | 0x10000000000000u;
  const int e = exponent - 1075;  // |x| = m 2^e
  // Bits of 2/pi worth a multiple of 4 / m / 2^e vanish; 192 bits are taken from there on.
  const int first = e - 2 + 64, index = first / 64, shift = first % 64;
  uint64_t w[3];
  for (int i = 0; i < 3; i++) {
    w[i] = kTwoOverPiBits[index + i] << shift;
    if (shift != 0) w[i] |= kTwoOverPiBits[index + i + 1] >> (64 - shift);
  }
  using Wide = unsigned __int128;
  const Wide p2 = Wide{w[2]} * m, p1 = Wide{w[1]} * m + static_cast<uint64_t>(p2 >> 64);
  const uint64_t low = static_cast<uint64_t>(p2), middle = static_cast<uint64_t>(p1);
  const uint64_t top = w[0] * m + static_cast<uint64_t>(p1 >> 64);
  // top:middle:low is x 2/pi mod 4 with 2 bits before the point.
  int quadrant = static_cast<int>(top >> 62);
  uint64_t high = top << 2 | middle >> 62, rest = middle << 2 | low >> 62;
  bool negative = false;
  if (high >> 63) {  // the nearest integer is above
    quadrant++;
    negative = true;
    rest = ~rest;
    high = ~high;
  }
  const int zeros = high ? __builtin_clzll(high) : 63;
  if (zeros) {
    high = high << zeros | rest >> (64 - zeros);
    rest <<= zeros;
  }
  const uint64_t scale_word = static_cast<uint64_t>(1023 - 64 - zeros) << 52;
  double scale;
  __builtin_memcpy(&scale, &scale_word, 8);
  const double a = static_cast<double>(static_cast<int64_t>(high >> 11)) * 2048.0 * scale;
  const double b = (static_cast<double>(static_cast<int64_t>(high & 0x7ff)) +
                    static_cast<double>(static_cast<int64_t>(rest >> 1)) * 0x1p-63) *
                   scale;
  const double c = kHalfPi1 + kHalfPi2;  // pi/2 rounded; what it lacks follows
  double r = a * c, lost = __builtin_fma(a, c, -r) + (b * c + a * 6.1232339957367658861e-17);
  if (x < 0) quadrant = -quadrant;
  if (negative != (x < 0)) r = -r, lost = -lost;
  return {r, lost, quadrant};
}

PF_INLINE TrigReduced<double> trig_reduce(Vec<double> x) {
  using V = Vec<double>;
  const V shifted = fma(x, V(kTwoOverPi), V(Fp<double>::kMagic));
  const V n = shifted - Fp<double>::kMagic;
  const V a = x - n * kHalfPi1, b = n * kHalfPi2, c = n * kHalfPi3;
  const V r1 = a - b, t1 = r1 - a, e1 = (a - (r1 - t1)) - (b + t1);
  const V r2 = r1 - c, t2 = r2 - r1, e2 = (r1 - (r2 - t2)) - (c + t2);
  const V tail = e1 + (e2 - n * kHalfPi4);
  TrigReduced<double> r;
  r.high = r2 + tail;
  r.low = (r2 - r.high) + tail;
  r.shifted = shifted;
  const Mask<double> large = !(abs(x) < 1e6);
  if (any(large)) {
    for (int i = 0; i < V::kLanes; i++) {
      if (large.m[i] == 0) continue;
      const ScalarReduced s = reduce_large(x.v[i]);
      r.high.v[i] = s.high;
      r.low.v[i] = s.low;
      r.shifted.v[i] = Fp<double>::kMagic + s.quadrant;
    }
  }
  return r;
}

PF_INLINE TrigReduced<float> trig_reduce(Vec<float> x) {
  using V = Vec<double>;
  V n[2], r[2];
  for (int i = 0; i < 2; i++) {
    const V wide = to_double(x, i);
    n[i] = fma(wide, V(kTwoOverPi), V(Fp<double>::kMagic)) - Fp<double>::kMagic;
    r[i] = fma(n[i], V(-(kHalfPi2 + kHalfPi3)), fma(n[i], V(-kHalfPi1), wide));
  }
  TrigReduced<float> result{to_float(r[0], r[1]), 0, to_float(n[0], n[1]) + Fp<float>::kMagic};
  const Mask<float> large = !(abs(x) < 1e5f);
  if (any(large)) {
    for (int i = 0; i < Vec<float>::kLanes; i++) {
      if (large.m[i] == 0) continue;
      const ScalarReduced s = reduce_large(static_cast<double>(x.v[i]));
      result.high.v[i] = static_cast<float>(s.high);
      result.shifted.v[i] = Fp<float>::kMagic + static_cast<float>(s.quadrant);
    }
  }
  return result;
}

// sin and cos of high + low, |high| <= pi/4
PF_INLINE Vec<float> sin_poly(const TrigReduced<float>& r) {
  const Vec<float> z = r.high * r.high;
  return fma(r.high * z, horner(z, -1.666665473e-1f, 8.332164296e-3f, -1.951536756e-4f), r.high);
}
PF_INLINE Vec<float> cos_poly(const TrigReduced<float>& r) {
  const Vec<float> z = r.high * r.high;
  return fma(z * z, horner(z, 4.166664651e-2f, -1.388734927e-3f, 2.443628508e-5f),
             fma(z, Vec<float>(-0.5f), Vec<float>(1)));
}
PF_INLINE Vec<double> sin_poly(const TrigReduced<double>& r) {
  const Vec<double> x = r.high, z = x * x;
  const Vec<double> p =
      horner(z, -1.66666666666666308e-1, 8.333333333322093408e-3, -1.984126982953976098e-4,
             2.7557313595216655e-6, -2.505074243802352617e-8, 1.589585799218734636e-10);
  return x + fma(x * z, p, r.low * fma(z, Vec<double>(-0.5), Vec<double>(1)));
}
PF_INLINE Vec<double> cos_poly(const TrigReduced<double>& r) {
  const Vec<double> x = r.high, z = x * x, half = 0.5 * z, w = 1 - half;
  const Vec<double> p =
      horner(z, 4.16666666666665971e-2, -1.388888888887369085e-3, 2.480158728919903822e-5,
             -2.755731426715540065e-7, 2.087571126810153661e-9, -1.135900553566185138e-11);
  return w + (((1 - w) - half) + fma(z * z, p, -x * r.low));
}

// sin(r + quadrant pi/2), the quadrant being n + offset
template <class T>
PF_INLINE Vec<T> trig_select(const TrigReduced<T>& r, Vec<T> sine, Vec<T> cosine, int offset) {
  const auto n = bits(r.shifted) + static_cast<Bits<T>>(offset);
  const auto odd = mask_cast<T>((n & Bits<T>{1}) != 0);
  const auto sign = (n & Bits<T>{2}) << (8 * static_cast<int>(sizeof(T)) - 2);
  return xor_bits(where(odd, cosine, sine), bit_cast<T>(sign));
}
template <class T>
PF_INLINE Vec<T> sin_of(Vec<T> x) {
  const TrigReduced<T> r = trig_reduce(x);
  return where(x == 0, x, trig_select(r, sin_poly(r), cos_poly(r), 0));
}
template <class T>
PF_INLINE Vec<T> cos_of(Vec<T> x) {
  const TrigReduced<T> r = trig_reduce(x);
  return trig_select(r, sin_poly(r), cos_poly(r), 1);
}
template <class T>
PF_INLINE Vec<T> tan_of(Vec<T> x) {
  const TrigReduced<T> r = trig_reduce(x);
  const Vec<T> s = sin_poly(r), c = cos_poly(r);
  return where(x == 0, x, trig_select(r, s, c, 0) / trig_select(r, s, c, 1));
}

PF_INLINE Vec<float> sin(Vec<float> x) { return sin_of(x); }
PF_INLINE Vec<double> sin(Vec<double> x) { return sin_of(x); }
PF_INLINE Vec<float> cos(Vec<float> x) { return cos_of(x); }
PF_INLINE Vec<double> cos(Vec<double> x) { return cos_of(x); }
PF_INLINE Vec<double> tan(Vec<double> x) { return tan_of(x); }
PF_INLINE Vec<float> tan(Vec<float> x) {
  return to_float(tan_of(to_double(x, 0)), tan_of(to_double(x, 1)));
}

}  // namespace pyforge::kernels::PF_ISA
