#include "ops/lines.h"

#include <memory>

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

// out [outer, cols, rows] := in [outer, rows, cols], tile by tile so that both stay in the cache.
template <class T>
void transpose(T* out, const T* in, int64_t outer, int64_t rows, int64_t cols) {
  constexpr int64_t kTile = 16;
  int64_t bands = (cols + kTile - 1) / kTile;
  for_rows(outer * bands, rows * kTile, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const T* from = in + i / bands * rows * cols;
      T* to = out + i / bands * rows * cols;
      int64_t c0 = i % bands * kTile, c1 = std::min(c0 + kTile, cols);
      for (int64_t r0 = 0; r0 < rows; r0 += kTile) {
        int64_t r1 = std::min(r0 + kTile, rows);
        for (int64_t c = c0; c < c1; ++c)
          for (int64_t r = r0; r < r1; ++r) to[c * rows + r] = from[r * cols + c];
      }
    }
  });
}

void transpose(const Tensor& out, const Tensor& in, int64_t outer, int64_t rows, int64_t cols) {
  with_floating(in.dtype(), [&](auto zero) {
    using T = decltype(zero);
    transpose(out.data<T>(), in.data<T>(), outer, rows, cols);
  });
}

int64_t product(IntSpan sizes, int64_t first, int64_t last) {
  int64_t n = 1;
  for (int64_t d = first; d < last; ++d) n *= sizes[d];
  return n;
}

// kernel(y, a, b, rows) on float32 copies of a few lines of halves at a time; b may be null.
template <class F>
void widened_lines(DType dtype, char* y, const char* a, const char* b, int64_t rows, int64_t cols,
                   F&& kernel) {
  constexpr int64_t kFloats = 2048;
  constexpr int kFloat = static_cast<int>(DType::Float32);
  const auto& convert = kernels::active().elementwise.convert;
  auto widen = convert[static_cast<int>(dtype)][kFloat],
       narrow = convert[kFloat][static_cast<int>(dtype)];
  int64_t together = std::max<int64_t>(1, kFloats / std::max<int64_t>(cols, 1)),
          each = together * cols;
  alignas(64) float local[3 * kFloats];
  std::unique_ptr<float[]> longer(each > kFloats ? new float[static_cast<size_t>(3 * each)]
                                                 : nullptr);
  float *wide_a = longer ? longer.get() : local, *wide_b = wide_a + each, *wide_y = wide_b + each;
  for (int64_t row = 0; row < rows; row += together) {
    int64_t count = std::min(together, rows - row), n = count * cols, at = 2 * row * cols;
    const void* from[1] = {a + at};
    widen(wide_a, from, n, nullptr);
    if (b) {
      from[0] = b + at;
      widen(wide_b, from, n, nullptr);
    }
    kernel(wide_y, wide_a, wide_b, count);
    from[0] = wide_y;
    narrow(y + at, from, n, nullptr);
  }
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
  PF_CHECK(is_floating(t.dtype()), NotImplemented, op, ": \"", op, "\" not implemented for '",
           dtype_name(t.dtype()), "'; convert the input with .to(dtype) first");
}

void no_half_kernel(DType dtype) {
  raise(ErrorKind::NotImplemented, "not implemented for '", dtype_name(dtype),
        "'; convert the input with .float() first");
}

Tensor assigned(const char* op, const Tensor& input, const Tensor& result, bool inplace) {
  if (!inplace) return result;
  assign_inplace(op, input, result);
  return input;
}

Tensor lines_of(const Tensor& x, int64_t dim) {
  if (dim + 1 >= x.dim() && x.is_contiguous()) return x;
  Tensor lines = empty(moved_last(x.sizes(), dim), x.dtype());
  if (x.is_contiguous()) {
    transpose(lines, x, product(x.sizes(), 0, dim), x.size(dim),
              product(x.sizes(), dim + 1, x.dim()));
  } else {
    copy_data(lines,
              make_view(x, moved_last(x.sizes(), dim), moved_last(x.strides(), dim), x->data));
  }
  return lines;
}

Tensor from_lines(const Tensor& lines, IntSpan sizes, int64_t dim) {
  if (dim + 1 >= sizes.size()) return lines;
  Tensor y = empty(sizes, lines.dtype());
  transpose(y, lines, product(sizes, 0, dim), product(sizes, dim + 1, sizes.size()), sizes[dim]);
  return y;
}

Tensor map_lines(LineKernel kernel, const Tensor& x, int64_t dim) {
  Tensor in = lines_of(x, dim);
  return map(x, dim, [&](char* y, int64_t at, int64_t rows, int64_t cols) {
    if (is_half(x.dtype()))
      return widened_lines(x.dtype(), y, in->data + at, nullptr, rows, cols,
                           [&](float* to, const float* from, const float*, int64_t count) {
                             kernel(to, from, count, cols);
                           });
    kernel(y, in->data + at, rows, cols);
  });
}

Tensor map_lines(LineKernel2 kernel, const Tensor& a, const Tensor& b, int64_t dim) {
  Tensor x = lines_of(a, dim), z = lines_of(b, dim);
  return map(b, dim, [&](char* y, int64_t at, int64_t rows, int64_t cols) {
    if (is_half(b.dtype()))
      return widened_lines(b.dtype(), y, x->data + at, z->data + at, rows, cols,
                           [&](float* to, const float* from, const float* other, int64_t count) {
                             kernel(to, from, other, count, cols);
                           });
    kernel(y, x->data + at, z->data + at, rows, cols);
  });
}

}  // namespace pyforge::ops
