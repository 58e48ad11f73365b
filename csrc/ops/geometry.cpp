// Views by raw geometry, for the in-place rules.
#include "autograd/inplace.h"
#include "autograd/node.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

Tensor region(const Tensor& t, IntSpan sizes, IntSpan strides, int64_t offset) {
  return make_view(t, sizes, strides, t->data + offset * static_cast<int64_t>(itemsize(t.dtype())));
}

// Uninitialised memory laid out with exactly these strides, negative ones too.
Tensor empty_laid_out(IntSpan sizes, IntSpan strides, DType dtype) {
  Dims forward(strides);
  int64_t start = 0;
  for (int64_t d = 0; d < sizes.size(); ++d) {
    if (strides[d] >= 0) continue;
    forward[d] = -strides[d];
    if (sizes[d] > 0) start += (sizes[d] - 1) * forward[d];
  }
  Tensor t = empty_strided(sizes, forward, dtype);
  return start ? region(t, sizes, strides, start) : t;
}

struct RegionBackward {
  static constexpr const char* kName = "AsStridedBackward0";
  Shape base_sizes, base_strides, sizes, strides;
  int64_t offset;
  static void backward(Node&, RegionBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined())
      out[0] =
          as_strided_backward(in[0], p.base_sizes, p.base_strides, p.sizes, p.strides, p.offset);
  }
};
struct RegionZeroedBackward {
  static constexpr const char* kName = "AsStridedZeroedBackward0";
  Shape base_strides, sizes, strides;
  int64_t offset;
  static void backward(Node&, RegionZeroedBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined())
      out[0] = as_strided_zeroed(to_strides(in[0], p.base_strides), p.sizes, p.strides, p.offset);
  }
};
struct RegionScatterBackward {
  static constexpr const char* kName = "AsStridedScatterBackward0";
  Shape base_strides, sizes, strides;
  int64_t offset;
  static void backward(Node&, RegionScatterBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined())
      out[0] = as_strided(to_strides(in[0], p.base_strides), p.sizes, p.strides, p.offset);
  }
};
struct RestrideBackward {
  static constexpr const char* kName = "CloneBackward0";
  static void backward(Node&, RestrideBackward&, Tensor* in, Tensor* out) { out[0] = in[0]; }
};

}  // namespace

Tensor to_strides(const Tensor& t, IntSpan strides) {
  if (t.strides() == strides) return t;
  Tensor y = empty_laid_out(t.sizes(), strides, t.dtype());
  copy_data(y, t);
  record<RestrideBackward>(y, {&t}, {}, {});
  return y;
}

Tensor as_strided(const Tensor& t, IntSpan sizes, IntSpan strides, int64_t offset) {
  Tensor y = region(t, sizes, strides, offset);
  mark_view(y, t);
  record<RegionBackward>(y, {&t}, {}, {t.sizes(), t.strides(), sizes, strides, offset});
  return y;
}

Tensor as_strided_zeroed(const Tensor& t, IntSpan sizes, IntSpan strides, int64_t offset) {
  Tensor y = empty_laid_out(t.sizes(), t.strides(), t.dtype());
  copy_data(y, t);
  fill_data(region(y, sizes, strides, offset), Scalar(0));
  record<RegionZeroedBackward>(y, {&t}, {}, {t.strides(), sizes, strides, offset});
  return y;
}

Tensor as_strided_backward(const Tensor& g, IntSpan base_sizes, IntSpan base_strides, IntSpan sizes,
                           IntSpan strides, int64_t offset) {
  Tensor base = empty_laid_out(base_sizes, base_strides, g.dtype());
  fill_data(make_view(base, {static_cast<int64_t>(base->storage->nbytes / itemsize(g.dtype()))},
                      {1}, base->storage->data),
            Scalar(0));
  Tensor target = region(base, sizes, strides, offset);
  // Overlapping regions (expanded views) add up: one pass per repeated element would race, so sum
  // over stride-0 dimensions first.
  Dims reduced;
  for (int64_t d = 0; d < sizes.size(); ++d)
    if (strides[d] == 0 && sizes[d] > 1) reduced.push_back(d);
  Tensor values = g;
  if (!reduced.empty()) {
    values = sum_dims(g, IntSpan(reduced), true, std::nullopt);
    Dims kept(sizes);
    for (int64_t d : reduced) kept[d] = 1;
    target = region(base, kept, strides, offset);
  }
  copy_data(target, values);
  record<RegionScatterBackward>(base, {&g}, {}, {base_strides, sizes, strides, offset});
  return base;
}

}  // namespace pyforge::ops
