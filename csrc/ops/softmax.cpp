// Softmax and log-softmax along any dimension.
#include "autograd/node.h"
#include "core/gil.h"
#include "core/threads.h"
#include "kernels/dispatch.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements per thread at least
constexpr int64_t kReleaseGil = 1 << 16;

int64_t columns(const Tensor& t, int64_t dim) { return t.dim() ? t.size(dim) : 1; }

int kernel_index(DType dtype) { return dtype == DType::Float64; }

template <class F>
void run_rows(int64_t rows, int64_t cols, F&& f) {
  ReleaseGil gil(rows * cols >= kReleaseGil);
  parallel_for(rows, std::max<int64_t>(1, kGrain / std::max<int64_t>(cols, 1)), f);
}

struct SoftmaxBackward {
  static constexpr const char* kName = "SoftmaxBackward0";
  int64_t dim;
  static void backward(Node& n, SoftmaxBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor y = n.saved(0);
    if (!grad_enabled()) {
      out[0] = map_lines(kernels::active().rows.softmax_backward[kernel_index(y.dtype())], to(in[0], y.dtype()), y, p.dim);
      return;
    }
    Tensor gy = mul(in[0], y);
    if (y.dim() == 0) {
      out[0] = sub(gy, mul(y, gy));
      return;
    }
    int64_t dims[1] = {p.dim};
    out[0] = sub(gy, mul(y, sum_dims(gy, IntSpan(dims, 1), true, std::nullopt)));
  }
};

struct LogSoftmaxBackward {
  static constexpr const char* kName = "LogSoftmaxBackward0";
  int64_t dim;
  static void backward(Node& n, LogSoftmaxBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor y = n.saved(0);
    if (!grad_enabled()) {
      out[0] = map_lines(kernels::active().rows.log_softmax_backward[kernel_index(y.dtype())], to(in[0], y.dtype()), y, p.dim);
      return;
    }
    if (y.dim() == 0) {
      out[0] = sub(in[0], mul(exp(y), in[0]));
      return;
    }
    int64_t dims[1] = {p.dim};
    out[0] = sub(in[0], mul(exp(y), sum_dims(in[0], IntSpan(dims, 1), true, std::nullopt)));
  }
};

Tensor floating_input(const char* op, const Tensor& input, std::optional<DType> dtype) {
  Tensor x = dtype ? to(input, *dtype) : input;
  PF_CHECK(is_floating(x.dtype()), Runtime, op, ": \"", op, "\" not implemented for '", dtype_name(x.dtype()),
           "'; pass dtype= or convert the input with .to(dtype) first");
  return x;
}

Dims moved_last(IntSpan values, int64_t dim) {
  Dims moved(values);
  int64_t v = moved[dim];
  moved.erase(dim);
  moved.push_back(v);
  return moved;
}

}  // namespace

Tensor lines_of(const Tensor& x, int64_t dim) {
  if (dim + 1 >= x.dim() && x.is_contiguous()) return x;
  Tensor lines = empty(x.dim() ? moved_last(x.sizes(), dim) : Dims(), x.dtype());
  Tensor view = x.dim() ? make_view(x, moved_last(x.sizes(), dim), moved_last(x.strides(), dim), x->data) : x;
  copy_data(lines, view);
  return lines;
}

Tensor from_lines(const Tensor& lines, IntSpan sizes, int64_t dim) {
  if (dim + 1 >= sizes.size()) return lines;
  Tensor y = empty(sizes, lines.dtype());
  copy_data(make_view(y, lines.sizes(), moved_last(y.strides(), dim), y->data), lines);
  return y;
}

Tensor map_lines(LineKernel kernel, const Tensor& x, int64_t dim) {
  Tensor in = lines_of(x, dim), y = empty(in.sizes(), in.dtype());
  int64_t cols = columns(x, dim), rows = cols ? x.numel() / cols : 0, row_bytes = cols * static_cast<int64_t>(itemsize(x.dtype()));
  run_rows(rows, cols, [&](int64_t first, int64_t last) {
    kernel(y->data + first * row_bytes, in->data + first * row_bytes, last - first, cols);
  });
  return from_lines(y, x.sizes(), dim);
}

Tensor map_lines(LineKernel2 kernel, const Tensor& a, const Tensor& b, int64_t dim) {
  Tensor first_in = lines_of(a, dim), second_in = lines_of(b, dim), y = empty(second_in.sizes(), b.dtype());
  int64_t cols = columns(b, dim), rows = cols ? b.numel() / cols : 0, row_bytes = cols * static_cast<int64_t>(itemsize(b.dtype()));
  run_rows(rows, cols, [&](int64_t first, int64_t last) {
    kernel(y->data + first * row_bytes, first_in->data + first * row_bytes, second_in->data + first * row_bytes,
           last - first, cols);
  });
  return from_lines(y, b.sizes(), dim);
}

Tensor softmax(const Tensor& input, int64_t dim, std::optional<DType> dtype) {
  dim = wrap_dim("softmax", dim, input.dim());
  Tensor x = floating_input("softmax", input, dtype);
  Tensor y = map_lines(kernels::active().rows.softmax[kernel_index(x.dtype())], x, dim);
  record<SoftmaxBackward>(y, {&x}, {&y}, {dim});
  return y;
}

Tensor log_softmax(const Tensor& input, int64_t dim, std::optional<DType> dtype) {
  dim = wrap_dim("log_softmax", dim, input.dim());
  Tensor x = floating_input("log_softmax", input, dtype);
  Tensor y = map_lines(kernels::active().rows.log_softmax[kernel_index(x.dtype())], x, dim);
  record<LogSoftmaxBackward>(y, {&x}, {&y}, {dim});
  return y;
}

PF_OP(softmax, "softmax(Tensor input, int dim, dtype? dtype=None) -> Tensor", kFunction | kMethod | kNN,
      "exp(input) divided by its sum along `dim`, without overflow.")
PF_OP(log_softmax, "log_softmax(Tensor input, int dim, dtype? dtype=None) -> Tensor", kFunction | kMethod | kNN,
      "The logarithm of softmax(), without overflow.")

}  // namespace pyforge::ops
