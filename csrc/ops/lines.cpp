#include "ops/lines.h"

#include "autograd/inplace.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

int64_t columns(const Tensor& t, int64_t dim) { return t.dim() ? t.size(dim) : 1; }

Dims moved_last(IntSpan values, int64_t dim) {
  Dims moved(values);
  if (moved.empty()) return moved;
  int64_t v = moved[dim];
  moved.erase(dim);
  moved.push_back(v);
  return moved;
}

template <class F>
Tensor map(const Tensor& like, int64_t dim, F&& kernel) {
  Tensor y = empty(moved_last(like.sizes(), dim), like.dtype());
  int64_t cols = columns(like, dim), rows = cols ? like.numel() / cols : 0;
  int64_t row_bytes = cols * static_cast<int64_t>(itemsize(like.dtype()));
  for_rows(rows, cols, [&](int64_t first, int64_t last) {
    kernel(y->data + first * row_bytes, first * row_bytes, last - first, cols);
  });
  return from_lines(y, like.sizes(), dim);
}

}  // namespace

void check_floating(const char* op, const Tensor& t) {
  PF_CHECK(is_floating(t.dtype()), Runtime, op, ": \"", op, "\" not implemented for '",
           dtype_name(t.dtype()), "'; convert the input with .to(dtype) first");
}

Tensor assigned(const char* op, const Tensor& input, const Tensor& result, bool inplace) {
  if (!inplace) return result;
  assign_inplace(op, input, result);
  return input;
}

Tensor lines_of(const Tensor& x, int64_t dim) {
  if (dim + 1 >= x.dim() && x.is_contiguous()) return x;
  Tensor lines = empty(moved_last(x.sizes(), dim), x.dtype());
  copy_data(lines, make_view(x, moved_last(x.sizes(), dim), moved_last(x.strides(), dim), x->data));
  return lines;
}

Tensor from_lines(const Tensor& lines, IntSpan sizes, int64_t dim) {
  if (dim + 1 >= sizes.size()) return lines;
  Tensor y = empty(sizes, lines.dtype());
  copy_data(make_view(y, lines.sizes(), moved_last(y.strides(), dim), y->data), lines);
  return y;
}

Tensor map_lines(LineKernel kernel, const Tensor& x, int64_t dim) {
  Tensor in = lines_of(x, dim);
  return map(x, dim, [&](char* y, int64_t at, int64_t rows, int64_t cols) {
    kernel(y, in->data + at, rows, cols);
  });
}

Tensor map_lines(LineKernel2 kernel, const Tensor& a, const Tensor& b, int64_t dim) {
  Tensor x = lines_of(a, dim), z = lines_of(b, dim);
  return map(b, dim, [&](char* y, int64_t at, int64_t rows, int64_t cols) {
    kernel(y, x->data + at, z->data + at, rows, cols);
  });
}

}  // namespace pyforge::ops
