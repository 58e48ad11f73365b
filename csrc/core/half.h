// float16 and bfloat16 as types of elements. They convert to and from float, rounding to the
// nearest, halves to even; a NaN stays one. Always inlined, so that kernels may use them in any
// instruction set.
#pragma once
#include <cstdint>

#include "core/dtype.h"

#define PF_HALF_INLINE inline __attribute__((always_inline))

namespace pyforge {

PF_HALF_INLINE float float_from_bits(uint32_t bits) { return __builtin_bit_cast(float, bits); }
PF_HALF_INLINE uint32_t bits_of_float(float x) { return __builtin_bit_cast(uint32_t, x); }

// Without branches, so that loops over it become vector code.
PF_HALF_INLINE float float16_to_float(uint16_t h) {
  const uint32_t magnitude = static_cast<uint32_t>(h & 0x7fff) << 13;
  const uint32_t exponent = magnitude & (0x7c00u << 13);
  const uint32_t normal =
      magnitude + (112u << 23) + (exponent == (0x7c00u << 13) ? 112u << 23 : 0u);
  const uint32_t subnormal =
      bits_of_float(float_from_bits(magnitude + (113u << 23)) - float_from_bits(113u << 23));
  return float_from_bits((exponent ? normal : subnormal) | static_cast<uint32_t>(h & 0x8000) << 16);
}
PF_HALF_INLINE uint16_t float_to_float16(float x) {
  constexpr uint32_t kInfinity = 255u << 23, kOverflow = 143u << 23, kNormal = 113u << 23,
                     kMagic = 126u << 23;
  const uint32_t bits = bits_of_float(x), magnitude = bits & 0x7fffffffu;
  const uint32_t special = magnitude > kInfinity ? 0x7e00u : 0x7c00u;
  const uint32_t subnormal =
      bits_of_float(float_from_bits(magnitude) + float_from_bits(kMagic)) - kMagic;
  const uint32_t normal = (magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1)) >> 13;
  const uint32_t rounded = magnitude < kNormal ? subnormal : normal;
  return static_cast<uint16_t>((magnitude >= kOverflow ? special : rounded) |
                               (bits >> 16 & 0x8000u));
}
PF_HALF_INLINE float bfloat16_to_float(uint16_t h) {
  return float_from_bits(static_cast<uint32_t>(h) << 16);
}
PF_HALF_INLINE uint16_t float_to_bfloat16(float x) {
  const uint32_t bits = bits_of_float(x);
  const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
  const uint32_t nan = (bits >> 16 & 0x8000u) | 0x7fc0u;
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

struct Half {
  uint16_t bits;
  Half() = default;
  PF_HALF_INLINE Half(float x) : bits(float_to_float16(x)) {}
  PF_HALF_INLINE operator float() const { return float16_to_float(bits); }
};
struct BFloat16 {
  uint16_t bits;
  BFloat16() = default;
  PF_HALF_INLINE BFloat16(float x) : bits(float_to_bfloat16(x)) {}
  PF_HALF_INLINE operator float() const { return bfloat16_to_float(bits); }
};

template <>
struct dtype_of<Half> {
  static constexpr DType value = DType::Float16;
};
template <>
struct dtype_of<BFloat16> {
  static constexpr DType value = DType::BFloat16;
};

}  // namespace pyforge
