// A Python number: bool, int or float, with the category that type promotion looks at.
#pragma once
#include <cstdint>

#include "core/dtype.h"

namespace pyforge {

struct Scalar {
  enum Kind : uint8_t { Bool, Int, Float };
  Kind kind = Int;
  int64_t i = 0;
  double f = 0;

  Scalar() = default;
  Scalar(bool v) : kind(Bool), i(v), f(v) {}
  Scalar(int v) : kind(Int), i(v), f(v) {}
  Scalar(int64_t v) : kind(Int), i(v), f(static_cast<double>(v)) {}
  Scalar(double v) : kind(Float), i(0), f(v) {}

  double to_double() const { return kind == Float ? f : static_cast<double>(i); }
  // Float to integer as C truncates; out of range saturates at INT64_MIN.
  int64_t to_int() const {
    if (kind != Float) return i;
    return (f >= -9223372036854775808.0 && f < 9223372036854775808.0) ? static_cast<int64_t>(f)
                                                                      : INT64_MIN;
  }
  DType dtype_class() const {
    return kind == Float ? DType::Float64 : kind == Int ? DType::Int64 : DType::Bool;
  }
};

}  // namespace pyforge
