// Helpers of the ops that work line by line: kernels of kernels/rows.h along one dimension.
#pragma once
#include <algorithm>

#include "core/gil.h"
#include "core/half.h"
#include "core/threads.h"
#include "kernels/dispatch.h"
#include "ops/registry.h"

namespace pyforge::ops {

// f(first, last) over rows of cols elements, on several threads and without the GIL where it pays.
template <class F>
void for_rows(int64_t rows, int64_t cols, F&& f) {
  constexpr int64_t kGrain = 1 << 14, kReleaseGil = 1 << 16;
  int64_t each = std::max<int64_t>(cols, 1);
  ReleaseGil gil(rows * each >= kReleaseGil);
  parallel_for(rows, std::max<int64_t>(1, kGrain / each), f);
}

// Results from this size on are written past the caches: nothing would be left in them.
inline constexpr int64_t kStreamBytes = 16 << 20;

// Throws: the op has no kernel for float16 and bfloat16 and did not widen them.
[[noreturn]] void no_half_kernel(DType dtype);

// Calls f with a zero of float32 or float64.
template <class F>
void with_float(DType dtype, F&& f) {
  if (dtype == DType::Float32) {
    f(float{});
  } else if (__builtin_expect(dtype == DType::Float64, 1)) {
    f(double{});
  } else {
    no_half_kernel(dtype);
  }
}

// The same for float16 and bfloat16 too.
template <class F>
void with_floating(DType dtype, F&& f) {
  if (dtype == DType::Float16) {
    f(Half{});
  } else if (dtype == DType::BFloat16) {
    f(BFloat16{});
  } else {
    with_float(dtype, f);
  }
}

// Where the dtype is in the tables of kernels for float32 and float64; halves need widened() first.
inline int float_index(DType dtype) {
  if (__builtin_expect(is_half(dtype), 0)) no_half_kernel(dtype);
  return dtype == DType::Float64;
}

// Throws unless the dtype is floating.
void check_floating(const char* op, const Tensor& t);
// input := result, for ops with inplace=True; returns input.
Tensor assigned(const char* op, const Tensor& input, const Tensor& result, bool inplace);

// y = kernel(x) for every line along `dim` of a floating tensor, and two operands alike. Lines of
// float16 and bfloat16 go through the float32 kernel a few at a time.
using LineKernel = void (*)(void* y, const void* x, int64_t rows, int64_t cols);
using LineKernel2 = void (*)(void* y, const void* a, const void* b, int64_t rows, int64_t cols);
Tensor map_lines(LineKernel kernel, const Tensor& x, int64_t dim);
Tensor map_lines(LineKernel2 kernel, const Tensor& a, const Tensor& b, int64_t dim);
// x with `dim` moved to the end, contiguous (x itself where it is); nothing recorded.
Tensor lines_of(const Tensor& x, int64_t dim);
// lines (contiguous, `dim` last) back in the order of `sizes`, contiguous.
Tensor from_lines(const Tensor& lines, IntSpan sizes, int64_t dim);

}  // namespace pyforge::ops
