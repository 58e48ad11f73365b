// Blocks of float16 and bfloat16 to float32 and back. A kernel that computes in float32 opts into
// both types with these two functions and a buffer that stays in the cache.
#pragma once
#include "core/half.h"
#include "kernels/vec.h"

namespace pyforge::kernels::PF_ISA {

// Elements of a buffer between storage and arithmetic.
inline constexpr int64_t kHalfBlock = 512;

void widen(float* out, const Half* in, int64_t n);
void widen(float* out, const BFloat16* in, int64_t n);
// To the nearest, halves to even.
void narrow(Half* out, const float* in, int64_t n);
void narrow(BFloat16* out, const float* in, int64_t n);

}  // namespace pyforge::kernels::PF_ISA
