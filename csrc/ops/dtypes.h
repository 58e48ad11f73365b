// Calling a template with the element type of a dtype.
#pragma once
#include "ops/basic.h"

namespace pyforge::ops {

// t itself, or in float32 where its dtype is only a storage type.
inline Tensor computable(const Tensor& t) {
  bool stored = is_floating(t.dtype()) && itemsize(t.dtype()) < 4;
  return stored ? to(t, DType::Float32) : t;
}

// Calls f with a zero of the element type (uint8 for bool); for dtypes that computable() leaves.
template <class F>
void with_element(DType dtype, F&& f) {
  switch (dtype) {
    case DType::Bool:
    case DType::UInt8:
      return f(uint8_t{});
    case DType::Int8:
      return f(int8_t{});
    case DType::Int16:
      return f(int16_t{});
    case DType::Int32:
      return f(int32_t{});
    case DType::Int64:
      return f(int64_t{});
    case DType::Float32:
      return f(float{});
    default:
      return f(double{});
  }
}

}  // namespace pyforge::ops
