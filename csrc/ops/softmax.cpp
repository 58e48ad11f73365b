// Softmax and log-softmax along any dimension.
#include "autograd/node.h"
#include "ops/lines.h"
#include "ops/ops.h"
#include "ops/recorded.h"

namespace pyforge::ops {
namespace {

using ColumnKernel = void (*)(void* y, const void* x, int64_t rows, int64_t stride, int64_t cols);
using ColumnKernel2 = void (*)(void* dx, const void* g, const void* y, int64_t rows, int64_t stride,
                               int64_t cols);

int64_t columns_behind(const Tensor& x, int64_t dim) {
  int64_t columns = 1;
  for (int64_t d = dim + 1; d < x.dim(); ++d) columns *= x.size(d);
  return columns;
}

// Whether lines along dim are treated where they lie: side by side, a cache line of them or more.
bool by_columns(const Tensor& x, int64_t dim) {
  constexpr int64_t kCacheLine = 64;
  return x.is_contiguous() && (x.dtype() == DType::Float32 || x.dtype() == DType::Float64) &&
         x.numel() > 0 &&
         columns_behind(x, dim) * static_cast<int64_t>(itemsize(x.dtype())) >= kCacheLine;
}

// kernel(offset in bytes, rows, stride, columns) for all lines along dim, in blocks of columns
// that the second-level cache holds from one pass to the next.
template <class F>
void for_column_blocks(const Tensor& x, int64_t dim, F&& kernel) {
  constexpr int64_t kBlockBytes = 256 << 10, kLeast = 256, kMost = 4096;
  const auto size = static_cast<int64_t>(itemsize(x.dtype()));
  const int64_t rows = x.size(dim), columns = columns_behind(x, dim);
  const int64_t wide = std::clamp(kBlockBytes / (rows * kLeast) * kLeast, kLeast, kMost) / size;
  const int64_t blocks = (columns + wide - 1) / wide;
  for_rows(x.numel() / (rows * columns) * blocks, rows * std::min(wide, columns),
           [&](int64_t first, int64_t last) {
             for (int64_t i = first; i < last; ++i) {
               const int64_t at = i % blocks * wide;
               kernel((i / blocks * rows * columns + at) * size, rows, columns,
                      std::min(wide, columns - at));
             }
           });
}

Tensor forward_of(LineKernel lines, ColumnKernel columns, const Tensor& x, int64_t dim) {
  if (!by_columns(x, dim)) return map_lines(lines, x, dim);
  Tensor y = empty(x.sizes(), x.dtype());
  for_column_blocks(x, dim, [&](int64_t at, int64_t rows, int64_t stride, int64_t cols) {
    columns(y->data + at, x->data + at, rows, stride, cols);
  });
  return y;
}

Tensor backward_of(LineKernel2 lines, ColumnKernel2 columns, const Tensor& g, const Tensor& y,
                   int64_t dim) {
  if (!by_columns(y, dim) || !g.is_contiguous()) return map_lines(lines, g, y, dim);
  Tensor dx = empty(y.sizes(), y.dtype());
  for_column_blocks(y, dim, [&](int64_t at, int64_t rows, int64_t stride, int64_t cols) {
    columns(dx->data + at, g->data + at, y->data + at, rows, stride, cols);
  });
  return dx;
}

// map_lines() widens halves for the float32 kernel.
int kernel_of(const Tensor& t) { return float_index(compute_type(t.dtype())); }

struct SoftmaxBackward {
  static constexpr const char* kName = "SoftmaxBackward0";
  int64_t dim;
  static void backward(Node& n, SoftmaxBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor y = n.saved(0);
    if (!grad_enabled() && !masked_gradients_propagate) {
      const auto& table = kernels::active().rows;
      const int index = kernel_of(y);
      out[0] = backward_of(table.softmax_backward[index], table.softmax_backward_columns[index],
                           to(in[0], y.dtype()), y, p.dim);
      return;
    }
    Tensor gy = mul(in[0], y);
    if (y.dim() == 0) {
      out[0] = sub(gy, mul(y, gy));
      return;
    }
    int64_t dims[1] = {p.dim};
    out[0] =
        without_masked(in[0], sub(gy, mul(y, sum_dims(gy, IntSpan(dims, 1), true, std::nullopt))));
  }
};

struct LogSoftmaxBackward {
  static constexpr const char* kName = "LogSoftmaxBackward0";
  int64_t dim;
  static void backward(Node& n, LogSoftmaxBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor y = n.saved(0);
    if (!grad_enabled() && !masked_gradients_propagate) {
      const auto& table = kernels::active().rows;
      const int index = kernel_of(y);
      out[0] =
          backward_of(table.log_softmax_backward[index], table.log_softmax_backward_columns[index],
                      to(in[0], y.dtype()), y, p.dim);
      return;
    }
    if (y.dim() == 0) {
      out[0] = sub(in[0], mul(exp(y), in[0]));
      return;
    }
    int64_t dims[1] = {p.dim};
    out[0] = without_masked(
        in[0], sub(in[0], mul(exp(y), sum_dims(in[0], IntSpan(dims, 1), true, std::nullopt))));
  }
};

Tensor floating_input(const char* op, const Tensor& input, std::optional<DType> dtype) {
  Tensor x = dtype ? to(input, *dtype) : input;
  check_floating(op, x);
  return x;
}

}  // namespace

Tensor softmax(const Tensor& input, int64_t dim, std::optional<DType> dtype) {
  dim = wrap_dim("softmax", dim, input.dim());
  Tensor x = floating_input("softmax", input, dtype);
  const auto& table = kernels::active().rows;
  const int index = kernel_of(x);
  Tensor y = forward_of(table.softmax[index], table.softmax_columns[index], x, dim);
  record<SoftmaxBackward>(y, {&x}, {&y}, {dim});
  return y;
}

Tensor log_softmax(const Tensor& input, int64_t dim, std::optional<DType> dtype) {
  dim = wrap_dim("log_softmax", dim, input.dim());
  Tensor x = floating_input("log_softmax", input, dtype);
  const auto& table = kernels::active().rows;
  const int index = kernel_of(x);
  Tensor y = forward_of(table.log_softmax[index], table.log_softmax_columns[index], x, dim);
  record<LogSoftmaxBackward>(y, {&x}, {&y}, {dim});
  return y;
}

PF_OP(softmax, "softmax(Tensor input, int dim, dtype? dtype=None) -> Tensor",
      kFunction | kMethod | kNN, "exp(input) divided by its sum along `dim`, without overflow.")
PF_OP(log_softmax, "log_softmax(Tensor input, int dim, dtype? dtype=None) -> Tensor",
      kFunction | kMethod | kNN, "The logarithm of softmax(), without overflow.")

}  // namespace pyforge::ops
