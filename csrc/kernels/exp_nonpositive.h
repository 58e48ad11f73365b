// The exponential of what has had its maximum subtracted.
#pragma once
#include "kernels/math_exp.h"

namespace pyforge::kernels::PF_ISA {

// exp(x) for x <= 0 (or NaN); results below the least normal number are 0, so that masked elements
// (-inf) cost no more than others.
template <class T>
PF_INLINE Vec<T> exp_nonpositive(Vec<T> x) {
  const Vec<T> least =
      sizeof(T) == 4 ? static_cast<T>(-87.33654) : static_cast<T>(-708.3964185322641);
  const auto [shifted, r] = exp_reduce(at_least(x, least));
  const Vec<T> s = power_of_two(shifted, 0);
  return where(x < least, Vec<T>(T(0)), fma(exp_poly(r), s, s));
}

}  // namespace pyforge::kernels::PF_ISA
