#include "ops/reduce.h"

#include "autograd/node.h"
#include "ops/loop.h"
#include "ops/ops.h"
#include "ops/reduce_driver.h"

namespace pyforge::ops {
namespace {

using kernels::Reduce;

struct ReducedShape {
  Shape sizes, kept;
  Tensor expanded(const Tensor& g) const { return expand_reduced(g, kept, sizes); }
};

struct SumBackward : ReducedShape {
  static constexpr const char* kName = "SumBackward0";
  static void backward(Node&, SumBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = p.expanded(in[0]);
  }
};
struct SumDimBackward : SumBackward {
  static constexpr const char* kName = "SumBackward1";
  static void backward(Node& n, SumDimBackward& p, Tensor* in, Tensor* out) {
    SumBackward::backward(n, p, in, out);
  }
};
struct MeanBackward : ReducedShape {
  static constexpr const char* kName = "MeanBackward0";
  int64_t length;
  static void backward(Node&, MeanBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = p.expanded(div(in[0], Scalar(std::max<int64_t>(p.length, 1))));
  }
};
struct MeanDimBackward : MeanBackward {
  static constexpr const char* kName = "MeanBackward1";
  static void backward(Node& n, MeanDimBackward& p, Tensor* in, Tensor* out) {
    MeanBackward::backward(n, p, in, out);
  }
};

struct ProdBackward : ReducedShape {
  static constexpr const char* kName = "ProdBackward0";
  int64_t dim;
  static void backward(Node& n, ProdBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor x = n.saved(0), y = n.saved(1);
    bool zeros;
    {
      GradModeGuard off(false);
      zeros = item(any_dims(eq(y, Scalar(0)), std::nullopt, false)).i != 0;
    }
    if (!zeros) {
      out[0] = div(p.expanded(mul(in[0], y)), x);
    } else {
      Tensor others = p.dim >= 0 ? product_of_others(x, p.dim)
                                 : reshape(product_of_others(reshape(x, {x.numel()}), 0), p.sizes);
      out[0] = mul(p.expanded(in[0]), others);
    }
  }
};

Tensor reduced(const ReducePass& pass, const Tensor& x, const ReducedDims& r, Scalar of_nothing) {
  Tensor y = empty(r.shape, pass.out);
  if (x.numel() == 0) {
    fill_data(y, of_nothing);
  } else {
    run_reduce(pass, x, r.mask, y);
  }
  return y;
}

Tensor reduced_all(const ReducePass& pass, const Tensor& x) {
  Tensor y = empty({}, pass.out);
  pass.first({x->data, y->data, 1, x.numel(), 1, 0, 1, 1});
  return y;
}

bool is_small_full(const Tensor& x, const OptionalDims& dims, bool keepdim) {
  return (!dims || dims->empty()) && !keepdim && x.is_contiguous() && x.numel() > 0 &&
         x.numel() <= kReduceGrain;
}

Tensor without_grad(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  GradModeGuard off(false);
  return to(x, dtype);
}

// Sum and product: result and dtype of the computation.
Tensor accumulate(const char* op, Reduce reduce, const Tensor& input, const OptionalDims& dims,
                  bool keepdim, std::optional<DType> dtype, Scalar of_nothing, Dims* kept) {
  Tensor converted;
  const Tensor* x = &input;
  if (__builtin_expect(dtype && *dtype != input.dtype(), 0)) {
    converted = without_grad(input, *dtype);
    x = &converted;
  }
  ReducePass pass = reduce_pass(op, reduce, x->dtype());
  Tensor y;
  if (is_small_full(*x, dims, keepdim)) {
    y = reduced_all(pass, *x);
    *kept = Dims(x->dim(), 1);
  } else {
    ReducedDims r(op, *x, dims, keepdim);
    y = reduced(pass, *x, r, of_nothing);
    *kept = r.kept;
  }
  return y;
}

// What accumulate() gave, in the dtype of the op's result.
Tensor rounded(const Tensor& y, const Tensor& input, std::optional<DType> dtype) {
  if (dtype) return without_grad(y, *dtype);
  return is_half(input.dtype()) ? without_grad(y, input.dtype()) : y;
}

void divide_by(const Tensor& y, int64_t n) {
  if (y.numel() == 1 && y.dtype() == DType::Float32) {
    *y.data<float>() /= static_cast<float>(n);
  } else if (y.numel() == 1) {
    *y.data<double>() /= static_cast<double>(n);
  } else {
    LoopInput in[2] = {LoopInput(y), LoopInput(Scalar(n), y.dtype())};
    auto op = static_cast<int>(kernels::Elementwise::div);
    run_loop(kernels::active().elementwise.forward[op][static_cast<int>(y.dtype())], y, in, 2);
  }
}

Tensor truth(const char* op, Reduce reduce, const Tensor& input, const OptionalDims& dims,
             bool keepdim) {
  ReducePass pass = reduce_pass(op, reduce, input.dtype());
  Tensor y = is_small_full(input, dims, keepdim)
                 ? reduced_all(pass, input)
                 : reduced(pass, input, ReducedDims(op, input, dims, keepdim),
                           Scalar(reduce == Reduce::All));
  return input.dtype() == DType::UInt8 ? to(y, DType::UInt8) : y;
}

}  // namespace

Tensor sum_dims(const Tensor& input, OptionalDims dims, bool keepdim, std::optional<DType> dtype) {
  Dims kept;
  Tensor y = rounded(accumulate("sum", Reduce::Sum, input, dims, keepdim, dtype, Scalar(0), &kept),
                     input, dtype);
  if (!grad_enabled() || !input.requires_grad() || !is_floating(y.dtype())) return y;
  if (dims) {
    record<SumDimBackward>(y, {&input}, {}, {{{input.sizes(), kept}}});
  } else {
    record<SumBackward>(y, {&input}, {}, {{input.sizes(), kept}});
  }
  return y;
}

Tensor mean_dims(const Tensor& input, OptionalDims dims, bool keepdim, std::optional<DType> dtype) {
  PF_CHECK(is_floating(dtype ? *dtype : input.dtype()), Runtime,
           "mean(): could not infer output dtype. ", dtype ? "Optional" : "Input",
           " dtype must be either a floating point or complex dtype. Got: ",
           dtype_name(dtype ? *dtype : input.dtype()), "; convert with .to(pyforge.float32) first");
  Dims kept;
  Tensor y = accumulate("mean", Reduce::Sum, input, dims, keepdim, dtype, Scalar(0), &kept);
  int64_t length = 1;
  for (int64_t d = 0; d < input.dim(); ++d)
    if (kept[d] != input.size(d)) length *= input.size(d);
  divide_by(y, length);
  y = rounded(y, input, dtype);
  if (!grad_enabled() || !input.requires_grad()) return y;
  if (dims) {
    record<MeanDimBackward>(y, {&input}, {}, {{{input.sizes(), kept}, length}});
  } else {
    record<MeanBackward>(y, {&input}, {}, {{input.sizes(), kept}, length});
  }
  return y;
}

Tensor prod_all(const Tensor& input, std::optional<DType> dtype) {
  Dims kept;
  Tensor y =
      rounded(accumulate("prod", Reduce::Prod, input, std::nullopt, false, dtype, Scalar(1), &kept),
              input, dtype);
  if (is_floating(y.dtype()))
    record<ProdBackward>(y, {&input}, {&input, &y}, {{input.sizes(), kept}, -1});
  return y;
}

Tensor prod_dim(const Tensor& input, int64_t dim, bool keepdim, std::optional<DType> dtype) {
  int64_t wrapped = wrap_dim("prod", dim, input.dim());
  Dims kept;
  Tensor y = rounded(accumulate("prod", Reduce::Prod, input,
                                input.dim() ? OptionalDims(IntSpan(&wrapped, 1)) : std::nullopt,
                                keepdim, dtype, Scalar(1), &kept),
                     input, dtype);
  if (is_floating(y.dtype()))
    record<ProdBackward>(y, {&input}, {&input, &y},
                         {{input.sizes(), kept}, input.dim() ? wrapped : -1});
  return y;
}

Tensor any_dims(const Tensor& input, OptionalDims dims, bool keepdim) {
  return truth("any", Reduce::Any, input, dims, keepdim);
}
Tensor all_dims(const Tensor& input, OptionalDims dims, bool keepdim) {
  return truth("all", Reduce::All, input, dims, keepdim);
}

Tensor count_nonzero(const Tensor& input, OptionalDims dims) {
  GradModeGuard off(false);
  return sum_dims(input.dtype() == DType::Bool ? input : ne(input, Scalar(0)), dims, false,
                  std::nullopt);
}

Tensor sum_to_size(const Tensor& t, IntSpan sizes) {
  if (t.sizes() == sizes) return t;
  int64_t shift = t.dim() - sizes.size();
  uint64_t mask = 0;
  for (int64_t d = 0; d < t.dim(); ++d)
    if (d < shift || (sizes[d - shift] == 1 && t.size(d) != 1)) mask |= uint64_t{1} << d;
  if (shift < 0 || !mask) return expand(t, sizes);  // a rule may return a smaller gradient
  Dims kept(t.sizes());
  bool exact = true;
  for (int64_t d = 0; d < t.dim(); ++d) {
    if (mask >> d & 1) kept[d] = 1;
    exact = exact && (d < shift || kept[d] == sizes[d - shift]);
  }
  if (!exact) {  // smaller in one dimension, larger in another
    Tensor s = expand(t, broadcast_shapes("sum_to_size", t.sizes(), sizes));
    return sum_to_size(s, sizes);
  }
  ReducePass pass = reduce_pass("sum", Reduce::Sum, t.dtype());
  Tensor y = empty(sizes, pass.out);
  if (t.numel() == 0) {
    fill_data(y, Scalar(0));
  } else if (y.numel() == 1 && t.is_contiguous() && t.numel() <= kReduceGrain) {
    pass.first({t->data, y->data, 1, t.numel(), 1, 0, 1, 1});
  } else {
    run_reduce(pass, t, mask, y);
  }
  y = without_grad(y, t.dtype());
  if (grad_enabled() && t.requires_grad())
    record<SumDimBackward>(y, {&t}, {}, {{{t.sizes(), kept}}});
  return y;
}

namespace {

Tensor checked_sum_to_size(const Tensor& t, IntSpan sizes) {
  bool fits = sizes.size() <= t.dim();
  for (int64_t d = 0; fits && d < sizes.size(); ++d) {
    int64_t have = t.size(t.dim() - sizes.size() + d);
    fits = sizes[d] == have || sizes[d] == 1;
  }
  PF_CHECK(fits, Runtime, "sum_to_size: size ", to_string(sizes), " is not expandable to size ",
           to_string(t.sizes()));
  return sum_to_size(t, sizes);
}

constexpr uint32_t kBoth = kFunction | kMethod;

PF_OP(sum_dims,
      "sum(Tensor input, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
      kBoth, "Sum over the dimensions `dim` (all by default); integers and bool give int64.")
PF_OP(mean_dims,
      "mean(Tensor input, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
      kBoth, "Mean over the dimensions `dim` (all by default).")
PF_OP(prod_all, "prod(Tensor input, *, dtype? dtype=None) -> Tensor", kBoth,
      "Product of all elements; integers and bool give int64.")
PF_OP(prod_dim, "prod(Tensor input, int dim, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
      kBoth, "Product over the dimension `dim`.")
PF_OP(any_dims, "any(Tensor input, int[]? dim=None, bool keepdim=False) -> Tensor", kBoth,
      "Whether any element is nonzero, over the dimensions `dim` (all by default).")
PF_OP(all_dims, "all(Tensor input, int[]? dim=None, bool keepdim=False) -> Tensor", kBoth,
      "Whether all elements are nonzero, over the dimensions `dim` (all by default).")
PF_OP(count_nonzero, "count_nonzero(Tensor input, int[]? dim=None) -> Tensor", kBoth,
      "Number of nonzero elements over the dimensions `dim` (all by default).")
PF_OP(checked_sum_to_size, "sum_to_size(Tensor input, int[] size) -> Tensor", kMethod,
      "Sums over the dimensions that broadcasting `size` to the shape of `input` would repeat.")

}  // namespace
}  // namespace pyforge::ops
