#include "ops/reduce.h"

#include "autograd/node.h"
#include "ops/loop.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

struct SumBackward {
  static constexpr const char* kName = "SumBackward0";
  Shape sizes, kept;
  static void backward(Node&, SumBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = expand(reshape(in[0], p.kept), p.sizes);
  }
};

}  // namespace

Tensor sum_dims(const Tensor& input, std::optional<IntSpan> dims, bool keepdim, std::optional<DType> dtype) {
  DType to_dtype = dtype ? *dtype : is_floating(input.dtype()) ? input.dtype() : DType::Int64;
  bool all = !dims || dims->empty();
  Dims kept(input.sizes()), squeezed;
  bool reduced[kMaxDims] = {};
  for (int64_t d = 0; d < input.dim(); ++d) reduced[d] = all;
  if (!all)
    for (int64_t d : *dims) {
      int64_t w = wrap_dim("sum", d, input.dim());
      PF_CHECK(!reduced[w], Runtime, "sum: dim ", w, " appears multiple times in the list of dims");
      reduced[w] = true;
    }
  for (int64_t d = 0; d < input.dim(); ++d) {
    if (reduced[d]) kept[d] = 1;
    if (!reduced[d] || keepdim) squeezed.push_back(kept[d]);
  }
  Tensor x = input;
  {
    GradModeGuard off(false);
    x = contiguous(to(input, to_dtype));
    auto fn = kernels::active().reduce.reduce[static_cast<int>(kernels::Reduce::Sum)][static_cast<int>(to_dtype)];
    Dims now(input.sizes());
    for (int64_t d = input.dim() - 1; d >= 0; --d) {
      if (!reduced[d] || (now[d] == 1)) continue;
      int64_t first = d;  // merge neighbouring reduced dims
      int64_t n = now[d];
      while (first > 0 && reduced[first - 1]) n *= now[--first];
      int64_t outer = count(IntSpan(now.begin(), first)), inner = count(IntSpan(now.begin() + d + 1, now.size() - d - 1));
      for (int64_t e = first; e <= d; ++e) now[e] = 1;
      Tensor y = empty(now, to_dtype);
      kernels::ReduceArgs args{x->data, y->data, outer, n, inner, n * inner, inner, 1};
      fn(args);
      x = y;
      d = first;
    }
    Tensor y = make_view(x, squeezed, contiguous_strides(squeezed), x->data);
    x = x.get() == input.get() || x->storage.get() == input->storage.get() ? clone(y) : y;
  }
  if (is_floating(to_dtype)) record<SumBackward>(x, {&input}, {}, {input.sizes(), kept});
  return x;
}

Tensor sum_to_size(const Tensor& t, IntSpan sizes) {
  if (t.sizes() == sizes) return t;
  Dims dims;
  int64_t shift = t.dim() - sizes.size();
  for (int64_t d = 0; d < t.dim(); ++d)
    if (d < shift || (sizes[d - shift] == 1 && t.size(d) != 1)) dims.push_back(d);
  if (shift < 0 || dims.empty()) return expand(t, sizes);  // a rule may return a smaller gradient
  Tensor s = sum_dims(t, IntSpan(dims), true, t.dtype());
  if (s.dim() == sizes.size() && s.sizes() == sizes) return s;
  Tensor r = reshape(s, IntSpan(s.sizes().begin() + shift, s.dim() - shift));
  return r.sizes() == sizes ? r : expand(r, sizes);
}

PF_OP(sum_dims, "sum(Tensor input, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
      kFunction | kMethod, "Sum over the dimensions `dim` (all by default); integers and bool give int64.")
}  // namespace pyforge::ops
