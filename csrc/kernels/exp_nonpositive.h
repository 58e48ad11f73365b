// The exponential of what has had its maximum subtracted.
#pragma once
#include "kernels/math_exp.h"

namespace pyforge::kernels::PF_ISA {

// exp(x) for x <= 0 (or NaN); 0 where 2^k, k the nearest integer to log2(e) x, is not a normal
// number, so that masked elements (-inf) cost no more than others.
template <class T>
PF_INLINE Vec<T> exp_nonpositive(Vec<T> x) {
  // k = -1 - the greatest exponent: the bits of 2^k are those of 0.
  const Vec<T> least = static_cast<T>(-0.693147180559945309 * (static_cast<int>(Fp<T>::kBias)));
#if defined(PF_TABLED_EXP)
  if constexpr (sizeof(T) == 4) return tabled_exp_moderate(at_least(x, least));
#endif
  const auto [shifted, r] = exp_reduce(at_least(x, least));
  const Vec<T> s = power_of_two(shifted, 0);
  return fma(exp_poly(r), s, s);
}

}  // namespace pyforge::kernels::PF_ISA
