// Operators that hardware has for single integers alone (division, powers, shifts by a lane), and
// their floating forms: fmod and what is defined by it.
#pragma once
#include "kernels/math_pow.h"

namespace pyforge::kernels::PF_ISA {

template <class S, class F>
PF_NOINLINE void each_lane_of(S* x, const S* y, F f) {
  for (int i = 0; i < Vec<S>::kLanes; i++) {
    S r = f(x[i], y[i]);
    asm("" : "+r"(r));  // one lane at a time: compilers would make hundreds of instructions of it
    x[i] = r;
  }
}
template <class T, class F>
PF_INLINE Vec<T> each_lane(Vec<T> a, Vec<T> b, F f) {
  using S = typename Vec<T>::Scalar;
  S x[Vec<T>::kLanes], y[Vec<T>::kLanes];
  store(x, Vec<S>::of(a.v));
  store(y, Vec<S>::of(b.v));
  each_lane_of(x, y, f);
  return Vec<T>::of(load(x).v);
}

// Division by zero gives 0; the least integer by -1 wraps.
template <class T>
PF_INLINE T integer_quotient(T a, T b) {
  if (b == 0) return 0;
  if constexpr (is_signed<T>) {
    if (b == -1) return static_cast<T>(0 - static_cast<uint64_t>(static_cast<int64_t>(a)));
  }
  return static_cast<T>(a / b);
}
template <class T>
PF_INLINE T integer_fmod(T a, T b) {
  if (b == 0) return 0;
  if constexpr (is_signed<T>) {
    if (b == -1) return 0;
  }
  return static_cast<T>(a % b);
}
template <class T>
PF_INLINE T integer_remainder(T a, T b) {
  const T r = integer_fmod(a, b);
  return static_cast<T>(r != 0 && (r < 0) != (b < 0) ? r + b : r);
}
template <class T>
PF_INLINE T integer_floor_divide(T a, T b) {
  const T q = integer_quotient(a, b), r = integer_fmod(a, b);
  return static_cast<T>(r != 0 && (r < 0) != (b < 0) ? q - 1 : q);
}
// A negative power is 0 but for bases 1 and -1.
template <class T>
PF_INLINE T integer_pow(T a, T b) {
  if constexpr (is_signed<T>) {
    if (b < 0) return a == 1 ? T(1) : a == -1 ? static_cast<T>(b & 1 ? -1 : 1) : T(0);
  }
  uint64_t base = static_cast<uint64_t>(a), r = 1;
  for (uint64_t n = static_cast<uint64_t>(b); n != 0; n >>= 1) {
    if (n & 1) r *= base;
    base *= base;
  }
  return static_cast<T>(r);
}

// |a / b| below this and the quotient's integer part is exact or one too large.
template <class T>
inline constexpr T kQuotientLimit = sizeof(T) == 4 ? T(8388608.0) : T(4503599627370496.0);

PF_INLINE float scalar_fmod(float a, float b) { return __builtin_fmodf(a, b); }
PF_INLINE double scalar_fmod(double a, double b) { return __builtin_fmod(a, b); }
template <class T>
PF_NOINLINE void fmod_lanes(T* a, const T* b) {
  for (int i = 0; i < Vec<T>::kLanes; i++) a[i] = scalar_fmod(a[i], b[i]);
}
// Exact, with the sign of a.
template <class T>
PF_INLINE Vec<T> float_fmod(Vec<T> a, Vec<T> b) {
  if constexpr (kFma) {
    const Vec<T> ratio = abs(a / b), size = abs(b), x = abs(a);
    const Mask<T> regular = (size > 0) & (x < Fp<T>::kInf);  // the others give NaN either way
    if (!any(regular & !((ratio < kQuotientLimit<T>)&(size < Fp<T>::kInf)))) {
      const Vec<T> r = fma(-trunc(ratio), size, x);  // exact, as it has no more bits than a or b
      return with_sign(abs(where(r < 0, r + size, r)), a);
    }
  }
  T x[Vec<T>::kLanes], y[Vec<T>::kLanes];
  store(x, a);
  store(y, b);
  fmod_lanes(x, y);
  return load(x);
}

template <class T>
PF_INLINE Vec<T> fmod_of(Vec<T> a, Vec<T> b) {
  if constexpr (is_float<T>)
    return float_fmod(a, b);
  else
    return each_lane(a, b, [](T x, T y) { return integer_fmod(x, y); });
}
template <class T>
PF_INLINE Vec<T> remainder_of(Vec<T> a, Vec<T> b) {
  if constexpr (is_float<T>) {
    const Vec<T> r = float_fmod(a, b);
    return where((r != 0) & ((b < 0) ^ (r < 0)), r + b, r);
  } else {
    return each_lane(a, b, [](T x, T y) { return integer_remainder(x, y); });
  }
}
template <class T>
PF_INLINE Vec<T> floor_divide_of(Vec<T> a, Vec<T> b) {
  if constexpr (is_float<T>) {
    const Vec<T> r = float_fmod(a, b), ratio = a / b;
    Vec<T> q = (a - r) / b;
    q = where((r != 0) & ((b < 0) ^ (r < 0)), q - 1, q);
    const Vec<T> down = floor(q);
    const Vec<T> nearest = where(q - down > static_cast<T>(0.5), down + 1, down);
    return where(b == 0, ratio, where(q == 0, sign_bit(ratio), nearest));
  } else {
    return each_lane(a, b, [](T x, T y) { return integer_floor_divide(x, y); });
  }
}
template <class T>
PF_INLINE Vec<T> pow_of(Vec<T> a, Vec<T> b) {
  if constexpr (is_float<T>)
    return float_pow(a, b);
  else
    return each_lane(a, b, [](T x, T y) { return integer_pow(x, y); });
}

// Shifts by less than 0 or by the width and more: 0, or the sign for rshift.
template <class T>
PF_INLINE Vec<T> lshift_of(Vec<T> a, Vec<T> b) {
  return each_lane(a, b, [](T x, T n) {
    constexpr int kWidth = 8 * static_cast<int>(sizeof(T));
    if (n < 0 || static_cast<int64_t>(n) >= kWidth) return T(0);
    return static_cast<T>(static_cast<uint64_t>(x) << n);
  });
}
template <class T>
PF_INLINE Vec<T> rshift_of(Vec<T> a, Vec<T> b) {
  return each_lane(a, b, [](T x, T n) {
    constexpr int kWidth = 8 * static_cast<int>(sizeof(T)),
                  kMost = is_signed<T> ? kWidth - 1 : kWidth;
    if (n < 0 || static_cast<int64_t>(n) >= kMost)
      return static_cast<T>(kMost == 64 ? 0 : static_cast<int64_t>(x) >> kMost);
    return static_cast<T>(x >> n);
  });
}

}  // namespace pyforge::kernels::PF_ISA
