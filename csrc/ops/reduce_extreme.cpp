// Largest and smallest elements and where they are.
#include "autograd/node.h"
#include "ops/ops.h"
#include "ops/reduce_driver.h"

namespace pyforge::ops {
namespace {

using kernels::Reduce;

// The gradient goes in equal parts to all elements equal to the result.
struct ExtremeBackward {
  Shape sizes, kept;
  void operator()(Node& n, Tensor* in, Tensor* out) const {
    if (!in[0].defined()) return;
    Tensor x = n.saved(0), y = n.saved(1), mask, ties;
    {
      GradModeGuard off(false);
      Tensor result = expand_reduced(y, kept, sizes);
      mask = eq(x, result);
      if (item(any_dims(isnan(y), std::nullopt, false)).i)
        mask = logical_or(mask, logical_and(isnan(x), isnan(result)));
      Dims dims;
      for (int64_t d = 0; d < sizes.size(); ++d)
        if (kept[d] != sizes[d]) dims.push_back(d);
      ties = to(dims.empty() ? mask : sum_dims(mask, IntSpan(dims), true, std::nullopt), x.dtype());
    }
    Tensor g = reshape(in[0], kept);
    out[0] = where(mask, expand(div(g, ties), sizes), Scalar(0.0));
  }
};
struct AmaxBackward : ExtremeBackward {
  static constexpr const char* kName = "AmaxBackward0";
  static void backward(Node& n, AmaxBackward& p, Tensor* in, Tensor* out) { p(n, in, out); }
};
struct AminBackward : ExtremeBackward {
  static constexpr const char* kName = "AminBackward0";
  static void backward(Node& n, AminBackward& p, Tensor* in, Tensor* out) { p(n, in, out); }
};
struct MaxBackward : ExtremeBackward {
  static constexpr const char* kName = "MaxBackward1";
  static void backward(Node& n, MaxBackward& p, Tensor* in, Tensor* out) { p(n, in, out); }
};
struct MinBackward : ExtremeBackward {
  static constexpr const char* kName = "MinBackward1";
  static void backward(Node& n, MinBackward& p, Tensor* in, Tensor* out) { p(n, in, out); }
};

// The gradient goes to the element whose index was returned.
struct SelectBackward {
  Shape sizes;
  int64_t dim;
  bool keepdim;
  void operator()(Node& n, Tensor* in, Tensor* out) const {
    if (in[0].defined()) out[0] = scatter_selected(in[0], n.saved(0), sizes, dim, keepdim);
  }
};
struct MaxDimBackward : SelectBackward {
  static constexpr const char* kName = "MaxBackward0";
  static void backward(Node& n, MaxDimBackward& p, Tensor* in, Tensor* out) { p(n, in, out); }
};
struct MinDimBackward : SelectBackward {
  static constexpr const char* kName = "MinBackward0";
  static void backward(Node& n, MinDimBackward& p, Tensor* in, Tensor* out) { p(n, in, out); }
};

void check_not_empty(const char* op, const Tensor& x, const OptionalDims& dims) {
  if (x.numel()) return;
  PF_CHECK(dims && !dims->empty(), Runtime, op,
           "(): Expected reduction dim to be specified for input.numel() == 0. Specify "
           "the reduction dim with the 'dim' argument.");
  for (int64_t d : *dims) {
    int64_t w = wrap_dim(op, d, x.dim());
    PF_CHECK(x.dim() == 0 || x.size(w), Index, op, "(): Expected reduction dim ", w,
             " to have non-zero size.");
  }
}

template <class P>
Tensor extreme(const char* op, Reduce reduce, const Tensor& x, OptionalDims dims, bool keepdim) {
  check_not_empty(op, x, dims);
  ReducePass pass = reduce_pass(op, reduce, x.dtype());
  ReducedDims r(op, x, dims, keepdim);
  Tensor y = empty(r.shape, pass.out);
  if (y.numel()) run_reduce(pass, x, r.mask, y);
  y = narrowed(y, x.dtype());
  if (grad_enabled() && x.requires_grad()) record<P>(y, {&x}, {&x, &y}, {{x.sizes(), r.kept}});
  return y;
}

// Index, and value where `values` is defined, of the extreme along dim (-1: all).
void run_arg_reduce(kernels::ArgReduceFn fn, const Tensor& input, int64_t dim, const Tensor& values,
                    const Tensor& indices) {
  if (indices.numel() == 0) return;
  Tensor x = widened(input);
  Tensor holder;
  kernels::ReduceArgs a = along_dim(x, dim, holder);
  prefer_columns(a);
  char* value = values.defined() ? values->data : nullptr;
  int64_t* index = indices.data<int64_t>();
  size_t size = itemsize(x.dtype());
  split_outer_inner(a, size, [&](const kernels::ReduceArgs& part, int64_t o, int64_t i) {
    int64_t at = o * a.inner + i;
    fn({part.in, value ? value + at * static_cast<int64_t>(size) : nullptr, index + at, part.outer,
        part.reduce, part.inner, part.outer_stride, part.reduce_stride, part.inner_stride});
  });
}

template <class P>
std::tuple<Tensor, Tensor> extreme_dim(const char* op, kernels::ArgReduceFn fn, const Tensor& x,
                                       int64_t dim, bool keepdim) {
  int64_t w = wrap_dim(op, dim, x.dim());
  check_not_empty(op, x, IntSpan(&w, 1));
  ReducedDims r(op, x, IntSpan(&w, 1), keepdim);
  Tensor values = empty(r.shape, compute_type(x.dtype())), indices = empty(r.shape, DType::Int64);
  run_arg_reduce(fn, x, w, values, indices);
  values = narrowed(values, x.dtype());
  if (is_floating(x.dtype())) record<P>(values, {&x}, {&indices}, {{x.sizes(), w, keepdim}});
  return {values, indices};
}

Tensor arg_extreme(const char* op, kernels::ArgReduceFn fn, const Tensor& x,
                   std::optional<int64_t> dim, bool keepdim) {
  PF_CHECK(x.dtype() != DType::Bool, Runtime, op,
           "(): does not support bool input; convert it with .to(pyforge.uint8)");
  if (!dim) {
    PF_CHECK(x.numel(), Index, op,
             "(): Expected reduction dim to be specified for input.numel() == 0.");
    Tensor indices = empty(keepdim ? Dims(x.dim(), 1) : Dims(), DType::Int64);
    run_arg_reduce(fn, x, -1, Tensor(), indices);
    return indices;
  }
  int64_t w = wrap_dim(op, *dim, x.dim());
  check_not_empty(op, x, IntSpan(&w, 1));
  Tensor indices = empty(ReducedDims(op, x, IntSpan(&w, 1), keepdim).shape, DType::Int64);
  run_arg_reduce(fn, x, w, Tensor(), indices);
  return indices;
}

kernels::ArgReduceFn argmax_kernel(DType dtype) {
  return kernels::active().reduce.argmax[static_cast<int>(compute_type(dtype))];
}
kernels::ArgReduceFn argmin_kernel(DType dtype) {
  return kernels::active().reduce.argmin[static_cast<int>(compute_type(dtype))];
}

}  // namespace

Tensor scatter_selected(const Tensor& g, const Tensor& index, IntSpan sizes, int64_t dim,
                        bool keepdim) {
  Tensor base = zeros(sizes, g.dtype());
  if (keepdim || sizes.empty()) return scatter_add(base, dim, index, g);
  return scatter_add(base, dim, unsqueeze(index, dim), unsqueeze(g, dim));
}

Tensor amax(const Tensor& x, OptionalDims dims, bool keepdim) {
  return extreme<AmaxBackward>("amax", Reduce::Max, x, dims, keepdim);
}
Tensor amin(const Tensor& x, OptionalDims dims, bool keepdim) {
  return extreme<AminBackward>("amin", Reduce::Min, x, dims, keepdim);
}
Tensor max_all(const Tensor& x) {
  return extreme<MaxBackward>("max", Reduce::Max, x, std::nullopt, false);
}
Tensor min_all(const Tensor& x) {
  return extreme<MinBackward>("min", Reduce::Min, x, std::nullopt, false);
}

std::tuple<Tensor, Tensor> max_dim(const Tensor& x, int64_t dim, bool keepdim) {
  return extreme_dim<MaxDimBackward>("max", argmax_kernel(x.dtype()), x, dim, keepdim);
}
std::tuple<Tensor, Tensor> min_dim(const Tensor& x, int64_t dim, bool keepdim) {
  return extreme_dim<MinDimBackward>("min", argmin_kernel(x.dtype()), x, dim, keepdim);
}
Tensor argmax(const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  return arg_extreme("argmax", argmax_kernel(x.dtype()), x, dim, keepdim);
}
Tensor argmin(const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  return arg_extreme("argmin", argmin_kernel(x.dtype()), x, dim, keepdim);
}

namespace {

Tensor max_of_two(const Tensor& a, const Tensor& b) { return maximum(a, b); }
Tensor min_of_two(const Tensor& a, const Tensor& b) { return minimum(a, b); }

constexpr uint32_t kBoth = kFunction | kMethod;

PF_OP(max_all, "max(Tensor input) -> Tensor", kBoth,
      "Largest element; NaN if there is one. Ties share the gradient.")
PF_OP(max_dim, "max(Tensor input, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
      kBoth, "Largest elements along `dim` and where they are (the first of equals).")
PF_OP(max_of_two, "max(Tensor input, Tensor other) -> Tensor", kBoth, "Elementwise maximum.")
PF_OP(min_all, "min(Tensor input) -> Tensor", kBoth,
      "Smallest element; NaN if there is one. Ties share the gradient.")
PF_OP(min_dim, "min(Tensor input, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
      kBoth, "Smallest elements along `dim` and where they are (the first of equals).")
PF_OP(min_of_two, "min(Tensor input, Tensor other) -> Tensor", kBoth, "Elementwise minimum.")
PF_OP(amax, "amax(Tensor input, int[]? dim=None, bool keepdim=False) -> Tensor", kBoth,
      "Largest elements over the dimensions `dim` (all by default); ties share the gradient.")
PF_OP(amin, "amin(Tensor input, int[]? dim=None, bool keepdim=False) -> Tensor", kBoth,
      "Smallest elements over the dimensions `dim` (all by default); ties share the gradient.")
PF_OP(argmax, "argmax(Tensor input, int? dim=None, bool keepdim=False) -> Tensor", kBoth,
      "Index of the largest element (the first of equals) along `dim`, or in the flattened tensor.")
PF_OP(
    argmin, "argmin(Tensor input, int? dim=None, bool keepdim=False) -> Tensor", kBoth,
    "Index of the smallest element (the first of equals) along `dim`, or in the flattened tensor.")

}  // namespace
}  // namespace pyforge::ops
