// Windows along one dimension as a view: Tensor.unfold.
#include "autograd/inplace.h"
#include "autograd/node.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

Tensor windows(const Tensor& t, int64_t dimension, int64_t size, int64_t step);

struct UnfoldBackwardBackward {
  static constexpr const char* kName = "UnfoldBackwardBackward0";
  int64_t dim, size, step;
  static void backward(Node&, UnfoldBackwardBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = windows(in[0], p.dim, p.size, p.step);
  }
};

// The windows added back: one pass per place in a window, within which no two windows meet.
Tensor add_windows(const Tensor& g, IntSpan sizes, int64_t dim, int64_t size, int64_t step) {
  Tensor y = zeros(sizes, g.dtype());
  {
    GradModeGuard off(false);
    int64_t n = g.size(dim), last = g.dim() - 1;
    for (int64_t k = 0; k < size && n > 0; ++k)
      accumulate_(slice(y, dim, k, k + (n - 1) * step + 1, step), select(g, last, k));
  }
  record<UnfoldBackwardBackward>(y, {&g}, {}, {dim, size, step});
  return y;
}

struct UnfoldBackward {
  static constexpr const char* kName = "UnfoldBackward0";
  Shape sizes;
  int64_t dim, size, step;
  static void backward(Node&, UnfoldBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = add_windows(in[0], p.sizes, p.dim, p.size, p.step);
  }
};

Tensor windows(const Tensor& t, int64_t dimension, int64_t size, int64_t step) {
  int64_t d = wrap_dim("unfold", dimension, t.dim()), n = t.dim() ? t.size(d) : 1;
  PF_CHECK(size >= 0, Runtime, "unfold: size is ", size, " but must be >= 0");
  PF_CHECK(size <= n, Runtime, "unfold: maximum size for tensor at dimension ", d, " is ", n,
           " but size is ", size);
  PF_CHECK(step > 0, Runtime, "unfold: step is ", step, " but must be > 0");
  if (t.dim() == 0) return narrow(reshape(t, {1}), 0, 0, size);
  Dims sizes(t.sizes()), strides(t.strides());
  sizes[d] = (n - size) / step + 1;
  if (sizes[d] > 1) strides[d] *= step;
  sizes.push_back(size);
  strides.push_back(t.stride(d));
  Tensor y = make_view(t, sizes, strides, t->data);
  mark_view(y, t);
  record<UnfoldBackward>(y, {&t}, {}, {t.sizes(), d, size, step});
  return y;
}

PF_OP(windows, "unfold(Tensor input, int dimension, int size, int step) -> Tensor", kMethod,
      "A view with the windows of `size` positions, `step` apart, of dimension `dimension`, which "
      "counts them; a new last dimension holds the positions within each.")

}  // namespace
}  // namespace pyforge::ops
