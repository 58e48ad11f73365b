// New tensors of indices and powers.
#include <algorithm>
#include <cmath>

#include "ops/loop.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

using OptDType = std::optional<DType>;

Tensor logspace(Scalar start, Scalar end, int64_t steps, double base, OptDType dtype) {
  PF_CHECK(steps >= 0, Runtime, "logspace: number of steps must be non-negative, got ", steps);
  DType d = dtype.value_or(default_dtype());
  Tensor y = empty({steps}, d);
  auto fill = [&](auto zero) {
    using T = decltype(zero);
    T a = static_cast<T>(start.to_double()), b = static_cast<T>(end.to_double());
    T step = steps > 1 ? (b - a) / static_cast<T>(steps - 1) : T{0};
    char* to = y->data;
    for (int64_t i = 0; i < steps; ++i, to += itemsize(d)) {
      T power = i < steps / 2 || steps == 1 ? a + step * static_cast<T>(i)
                                            : b - step * static_cast<T>(steps - 1 - i);
      Scalar value(static_cast<double>(static_cast<T>(std::pow(base, power))));
      store_scalar(to, is_floating(d) ? value : checked_fit(value, d), d);
    }
  };
  compute_type(d) == DType::Float32 ? fill(float{}) : fill(double{});
  return y;
}

// Row and column numbers [2, n] of a triangle, row by row.
Tensor triangle_indices(const char* op, int64_t rows, int64_t columns, int64_t offset, bool lower,
                        OptDType dtype) {
  PF_CHECK(rows >= 0, Runtime, op, ": row must be non-negative, got ", rows);
  PF_CHECK(columns >= 0, Runtime, op, ": col must be non-negative, got ", columns);
  DType d = dtype.value_or(DType::Int64);
  PF_CHECK(d == DType::Int64 || d == DType::Int32, Runtime, op,
           ": dtype must be int64 or int32, got ", dtype_name(d));
  // Rows [low, high) have elements; `growing` of them less than a full row.
  using Wide = __int128;
  auto clamp = [](Wide x, Wide low, Wide high) { return std::clamp<Wide>(x, low, high); };
  auto edge = [&](Wide row) { return clamp(row + offset + lower, 0, columns); };
  Wide low = lower ? clamp(-Wide(offset), 0, rows) : 0,
       high = lower ? Wide(rows) : clamp(Wide(columns) - offset, 0, rows);
  Wide full_from = lower ? clamp(Wide(columns) - offset - 1, low, high) : low,
       full_to = lower ? high : clamp(-Wide(offset), low, high);
  Wide growing = lower ? full_from - low : high - full_to,
       smallest = lower ? edge(low) : columns - edge(high - 1);
  Wide n = columns == 0 || high <= low
               ? 0
               : (full_to - full_from) * columns + growing * smallest + growing * (growing - 1) / 2;
  PF_CHECK(n < (Wide(1) << 60), Memory, op, ": ", rows, " by ", columns, " are too many elements");
  Tensor y = empty({2, static_cast<int64_t>(n)}, DType::Int64);
  int64_t *row = y.data<int64_t>(), *column = row + static_cast<int64_t>(n);
  for (Wide r = low; n > 0 && r < high; ++r) {
    auto cut = static_cast<int64_t>(edge(r));
    for (int64_t c = lower ? 0 : cut; c < (lower ? cut : columns); ++c) {
      *row++ = static_cast<int64_t>(r);
      *column++ = c;
    }
  }
  return to(y, d);
}

Tensor tril_indices(int64_t row, int64_t col, int64_t offset, OptDType dtype) {
  return triangle_indices("tril_indices", row, col, offset, true, dtype);
}
Tensor triu_indices(int64_t row, int64_t col, int64_t offset, OptDType dtype) {
  return triangle_indices("triu_indices", row, col, offset, false, dtype);
}

Tensor scalar_tensor(Scalar s, OptDType dtype) {
  DType d = dtype.value_or(default_dtype());
  return full({}, is_floating(d) ? s : checked_fit(s, d), d);
}

Tensor empty_strided_op(IntSpan size, IntSpan stride, OptDType dtype) {
  return empty_strided(size, stride, dtype.value_or(default_dtype()));
}
Tensor new_empty_strided(const Tensor& t, IntSpan size, IntSpan stride, OptDType dtype) {
  return empty_strided(size, stride, dtype.value_or(t.dtype()));
}

constexpr uint32_t kNew = kFunction | kCreation;

PF_OP(logspace,
      "logspace(Number start, Number end, int steps, float base=10.0, *, dtype? dtype=None) -> "
      "Tensor",
      kNew, "`steps` powers of `base`, exponents at equal distances from start to end.")
PF_OP(tril_indices, "tril_indices(int row, int col, int offset=0, *, dtype? dtype=None) -> Tensor",
      kNew, "Rows and columns [2, n] of the lower triangle of a row by col matrix.")
PF_OP(triu_indices, "triu_indices(int row, int col, int offset=0, *, dtype? dtype=None) -> Tensor",
      kNew, "Rows and columns [2, n] of the upper triangle of a row by col matrix.")
PF_OP(scalar_tensor, "scalar_tensor(Number s, *, dtype? dtype=None) -> Tensor", kNew,
      "A 0-d tensor of the default dtype.")
PF_OP(empty_strided_op, "empty_strided(int[] size, int[] stride, *, dtype? dtype=None) -> Tensor",
      kNew, "Arbitrary values laid out with these strides.")
PF_OP(new_empty_strided,
      "new_empty_strided(Tensor input, int[] size, int[] stride, *, dtype? dtype=None) -> Tensor",
      kMethod | kCreation, "Arbitrary values of this tensor's dtype laid out with these strides.")

}  // namespace
}  // namespace pyforge::ops
