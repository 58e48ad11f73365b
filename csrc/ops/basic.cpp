#include "ops/basic.h"

#include <cstring>

#include "autograd/node.h"
#include "ops/loop.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

struct CloneBackward {
  static constexpr const char* kName = "CloneBackward0";
  static void backward(Node&, CloneBackward&, Tensor* in, Tensor* out) { out[0] = in[0]; }
};
// The engine casts back to the input's dtype at the edge.
struct ToCopyBackward {
  static constexpr const char* kName = "ToCopyBackward0";
  static void backward(Node&, ToCopyBackward&, Tensor* in, Tensor* out) { out[0] = in[0]; }
};

}  // namespace

void fill_data(const Tensor& t, Scalar value) {
  if (t.is_contiguous() && value.kind != Scalar::Float && value.i == 0) {
    if (t.numel()) std::memset(t->data, 0, static_cast<size_t>(t.numel()) * itemsize(t.dtype()));
    return;
  }
  int d = static_cast<int>(t.dtype());
  LoopInput in(value, t.dtype());
  run_loop(kernels::active().elementwise.convert[d][d], t, &in, 1);
}

Tensor full(IntSpan sizes, Scalar value, DType dtype) {
  Tensor t = empty(sizes, dtype);
  fill_data(t, value);
  return t;
}

Tensor zeros(IntSpan sizes, DType dtype) { return full(sizes, Scalar(0), dtype); }

void copy_data(const Tensor& to, const Tensor& from) {
  if (to.numel() == 0) return;
  if (to.dtype() == from.dtype() && to.is_contiguous() && from.is_contiguous() &&
      to.numel() == from.numel() && to.numel() < 4096) {
    std::memmove(to->data, from->data, static_cast<size_t>(to.numel()) * itemsize(to.dtype()));
    return;
  }
  bool overlaps = to->storage.get() == from->storage.get() && !to.is(from);
  Tensor copy;
  if (overlaps) {
    GradModeGuard off(false);
    copy = clone(from);
  }
  LoopInput in(overlaps ? copy : from);
  run_loop(kernels::active()
               .elementwise.convert[static_cast<int>(from.dtype())][static_cast<int>(to.dtype())],
           to, &in, 1);
}

Tensor clone(const Tensor& t) {
  Tensor y = empty_like(t);
  copy_data(y, t);
  record<CloneBackward>(y, {&t}, {}, {});
  return y;
}

Tensor contiguous(const Tensor& t) {
  if (t.is_contiguous()) return t;
  Tensor y = empty(t.sizes(), t.dtype());
  copy_data(y, t);
  record<CloneBackward>(y, {&t}, {}, {});
  return y;
}

Tensor to(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype) return t;
  Tensor y = t.is_contiguous() || !is_dense(t) ? empty(t.sizes(), dtype)
                                               : empty_strided(t.sizes(), t.strides(), dtype);
  copy_data(y, t);
  if (is_floating(dtype)) record<ToCopyBackward>(y, {&t}, {}, {});
  return y;
}

Tensor narrowed(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype) return t;
  GradModeGuard off(false);
  return to(t, dtype);
}

Tensor widened(const Tensor& t) {
  return t.defined() && is_half(t.dtype()) ? narrowed(t, DType::Float32) : t;
}

Tensor detach(const Tensor& t) {
  Tensor y = alias(t);
  return y;
}

Scalar item(const Tensor& t) {
  PF_CHECK(t.numel() == 1, Runtime, "a Tensor with ", t.numel(),
           " elements cannot be converted to Scalar; shape ", to_string(t.sizes()),
           ", index it or reduce it first");
  return load_scalar(t->data, t.dtype());
}

PF_OP(detach, "detach(Tensor input) -> Tensor", kFunction, "The same memory without history.")

}  // namespace pyforge::ops
