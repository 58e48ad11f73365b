// Softmax and log-softmax along any dimension.
#include "autograd/node.h"
#include "ops/lines.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

// map_lines() widens halves for the float32 kernel.
int kernel_of(const Tensor& t) { return float_index(compute_type(t.dtype())); }

struct SoftmaxBackward {
  static constexpr const char* kName = "SoftmaxBackward0";
  int64_t dim;
  static void backward(Node& n, SoftmaxBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor y = n.saved(0);
    if (!grad_enabled()) {
      out[0] = map_lines(kernels::active().rows.softmax_backward[kernel_of(y)],
                         to(in[0], y.dtype()), y, p.dim);
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
      out[0] = map_lines(kernels::active().rows.log_softmax_backward[kernel_of(y)],
                         to(in[0], y.dtype()), y, p.dim);
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
  check_floating(op, x);
  return x;
}

}  // namespace

Tensor softmax(const Tensor& input, int64_t dim, std::optional<DType> dtype) {
  dim = wrap_dim("softmax", dim, input.dim());
  Tensor x = floating_input("softmax", input, dtype);
  Tensor y = map_lines(kernels::active().rows.softmax[kernel_of(x)], x, dim);
  record<SoftmaxBackward>(y, {&x}, {&y}, {dim});
  return y;
}

Tensor log_softmax(const Tensor& input, int64_t dim, std::optional<DType> dtype) {
  dim = wrap_dim("log_softmax", dim, input.dim());
  Tensor x = floating_input("log_softmax", input, dtype);
  Tensor y = map_lines(kernels::active().rows.log_softmax[kernel_of(x)], x, dim);
  record<LogSoftmaxBackward>(y, {&x}, {&y}, {dim});
  return y;
}

PF_OP(softmax, "softmax(Tensor input, int dim, dtype? dtype=None) -> Tensor",
      kFunction | kMethod | kNN, "exp(input) divided by its sum along `dim`, without overflow.")
PF_OP(log_softmax, "log_softmax(Tensor input, int dim, dtype? dtype=None) -> Tensor",
      kFunction | kMethod | kNN, "The logarithm of softmax(), without overflow.")

}  // namespace pyforge::ops
