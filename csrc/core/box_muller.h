// Box-Muller transform of 16 uniform numbers in [0, 1): 8 radii and 8 angles give 16 normal ones.
#pragma once
#include <cmath>
#include <numbers>

namespace pyforge {
namespace box_muller_detail {

typedef float Floats __attribute__((vector_size(16)));
typedef int Ints __attribute__((vector_size(16)));
typedef double Doubles __attribute__((vector_size(32)));

inline Floats load(const float* p) { return Floats{p[0], p[1], p[2], p[3]}; }
inline void store(float* p, Floats x) {
  for (int i = 0; i < 4; ++i) p[i] = x[i];
}
inline Floats to_floats(Ints x) { return __builtin_convertvector(x, Floats); }
inline Ints to_ints(Floats x) { return __builtin_convertvector(x, Ints); }
inline Floats select(Ints mask, Floats a, Floats b) {
  return reinterpret_cast<Floats>((mask & reinterpret_cast<Ints>(a)) |
                                  (~mask & reinterpret_cast<Ints>(b)));
}

// Natural logarithm of normal positive numbers.
inline Floats log(Floats x) {
  const Ints bits = reinterpret_cast<Ints>(x);
  // x = 2^e * m with m in [sqrt(1/2), sqrt(2))
  const Ints shifted = bits - 0x3f3504f3;
  const Floats e = to_floats(shifted >> 23);
  const Floats f = reinterpret_cast<Floats>((shifted & 0x7fffff) + 0x3f3504f3) - 1.0f;
  const Floats z = f * f;
  Floats y = f * 7.0376836292e-2f - 1.1514610310e-1f;
  y = y * f + 1.1676998740e-1f;
  y = y * f - 1.2420140846e-1f;
  y = y * f + 1.4249322787e-1f;
  y = y * f - 1.6668057665e-1f;
  y = y * f + 2.0000714765e-1f;
  y = y * f - 2.4999993993e-1f;
  y = y * f + 3.3333331174e-1f;
  y = y * f * z;
  // ln 2 in two parts: the first one times e is exact.
  y = y - e * 2.12194440e-4f - 0.5f * z;
  return f + y + e * 0.693359375f;
}

// Sine and cosine of 0 <= x <= 2 pi.
inline void sincos(Floats x, Floats& sine, Floats& cosine) {
  const Ints quadrant = to_ints(x * (2 / std::numbers::pi_v<float>)+0.5f);
  const Floats q = to_floats(quadrant);
  // pi/2 in three parts: the first two times q are exact.
  const Floats r = ((x - q * 1.5703125f) - q * 4.83751296997e-4f) - q * 7.54978995489e-8f;
  const Floats z = r * r;
  const Floats s = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * r + r;
  const Floats c =
      ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z -
      0.5f * z + 1.0f;
  const Ints swap = (quadrant & 1) != 0;
  const Ints sine_sign = (quadrant & 2) << 30;
  const Ints cosine_sign = ((quadrant + 1) & 2) << 30;
  sine = reinterpret_cast<Floats>(reinterpret_cast<Ints>(select(swap, c, s)) ^ sine_sign);
  cosine = reinterpret_cast<Floats>(reinterpret_cast<Ints>(select(swap, s, c)) ^ cosine_sign);
}

inline Floats sqrt(Floats x) {
  return Floats{std::sqrt(x[0]), std::sqrt(x[1]), std::sqrt(x[2]), std::sqrt(x[3])};
}

inline Floats scale(Floats x, double std, double mean) {  // rounds once
  return __builtin_convertvector(__builtin_convertvector(x, Doubles) * std + mean, Floats);
}

}  // namespace box_muller_detail

inline void box_muller16(float* data, float mean, float std) {
  namespace detail = box_muller_detail;
  for (int i = 0; i < 8; i += 4) {
    const detail::Floats u1 = 1.0f - detail::load(data + i);  // (0, 1]
    const detail::Floats theta = detail::load(data + i + 8) * (2 * std::numbers::pi_v<float>);
    const detail::Floats radius = detail::sqrt(-2.0f * detail::log(u1));
    detail::Floats sine, cosine;
    detail::sincos(theta, sine, cosine);
    detail::store(data + i, detail::scale(radius * cosine, std, mean));
    detail::store(data + i + 8, detail::scale(radius * sine, std, mean));
  }
}

inline void box_muller16(double* data, double mean, double std) {
  for (int i = 0; i < 8; ++i) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - data[i]));
    const double theta = 2.0 * std::numbers::pi * data[i + 8];
    data[i] = std::fma(radius * std::cos(theta), std, mean);
    data[i + 8] = std::fma(radius * std::sin(theta), std, mean);
  }
}

}  // namespace pyforge
