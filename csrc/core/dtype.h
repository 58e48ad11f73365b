// Element types, in PyTorch's promotion order within each category.
#pragma once
#include <cstddef>
#include <cstdint>

namespace pyforge {

enum class DType : uint8_t {
  Bool,
  UInt8,
  Int8,
  Int16,
  Int32,
  Int64,
  Float16,
  BFloat16,
  Float32,
  Float64
};
inline constexpr int kDTypes = 10;

constexpr size_t itemsize(DType t) {
  constexpr uint8_t sizes[kDTypes] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8};
  return sizes[static_cast<int>(t)];
}
constexpr bool is_floating(DType t) { return t >= DType::Float16; }
// Storage types: arithmetic on them is done in float32 and rounded once.
constexpr bool is_half(DType t) { return t == DType::Float16 || t == DType::BFloat16; }
// The dtype in which arithmetic on t is done.
constexpr DType compute_type(DType t) { return is_half(t) ? DType::Float32 : t; }
// float32 [0], float64 [1], float16 [2], bfloat16 [3]
inline constexpr int kFloatings = 4;
constexpr int floating_index(DType t) { return (static_cast<int>(t) - 4) & 3; }
static_assert(floating_index(DType::Float32) == 0 && floating_index(DType::Float16) == 2);
constexpr bool is_integral(DType t) { return t >= DType::UInt8 && t <= DType::Int64; }

// "float32"
constexpr const char* dtype_name(DType t) {
  constexpr const char* names[kDTypes] = {"bool",  "uint8",   "int8",     "int16",   "int32",
                                          "int64", "float16", "bfloat16", "float32", "float64"};
  return names[static_cast<int>(t)];
}

// The dtype that holds both, as PyTorch has it: uint8 with a signed type and float16 with bfloat16
// widen.
constexpr DType promote(DType a, DType b) {
  if (a == b) return a;
  if (a > b) {
    DType t = a;
    a = b;
    b = t;
  }
  if (a == DType::UInt8 && b == DType::Int8) return DType::Int16;
  if (a == DType::Float16 && b == DType::BFloat16) return DType::Float32;
  return b;
}

template <class T>
struct dtype_of;
template <>
struct dtype_of<bool> {
  static constexpr DType value = DType::Bool;
};
template <>
struct dtype_of<uint8_t> {
  static constexpr DType value = DType::UInt8;
};
template <>
struct dtype_of<int8_t> {
  static constexpr DType value = DType::Int8;
};
template <>
struct dtype_of<int16_t> {
  static constexpr DType value = DType::Int16;
};
template <>
struct dtype_of<int32_t> {
  static constexpr DType value = DType::Int32;
};
template <>
struct dtype_of<int64_t> {
  static constexpr DType value = DType::Int64;
};
template <>
struct dtype_of<float> {
  static constexpr DType value = DType::Float32;
};
template <>
struct dtype_of<double> {
  static constexpr DType value = DType::Float64;
};

}  // namespace pyforge
