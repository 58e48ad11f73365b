// Variance, norms, log-sum-exp.
#include <cmath>
#include <limits>

#include "autograd/anomaly.h"
#include "autograd/node.h"
#include "ops/loop.h"
#include "ops/ops.h"
#include "ops/recorded.h"
#include "ops/reduce_driver.h"

namespace pyforge::ops {
namespace {

using kernels::kReduceBlock;
using kernels::Reduce;
using kernels::ReduceArgs;

// mean and m2 (sum of squared deviations) [outer, inner], contiguous.
void run_moments(const ReduceArgs& args, DType dtype, char* mean, char* m2) {
  auto size = static_cast<int64_t>(itemsize(dtype));
  auto moments = kernels::active().reduce.moments[floating_index(dtype)];
  if (args.reduce <= kReduceBlock) {
    split_outer_inner(args, itemsize(dtype), [&](const ReduceArgs& part, int64_t o, int64_t i) {
      int64_t at = (o * args.inner + i) * size;
      moments(part, mean + at, m2 + at);
    });
    return;
  }
  int64_t blocks = (args.reduce + kReduceBlock - 1) / kReduceBlock;
  Tensor means = empty({args.outer * blocks * args.inner}, dtype),
         m2s = empty(means.sizes(), dtype);
  ReleaseGil gil(true);
  parallel_for(args.outer * blocks, 1, [&](int64_t first, int64_t last) {
    for (int64_t task = first; task < last; ++task) {
      int64_t o = task / blocks, start = task % blocks * kReduceBlock;
      ReduceArgs part = args;
      part.in = static_cast<const char*>(args.in) +
                (o * args.outer_stride + start * args.reduce_stride) * size;
      part.outer = 1;
      part.reduce = std::min(kReduceBlock, args.reduce - start);
      moments(part, means->data + task * args.inner * size, m2s->data + task * args.inner * size);
    }
  });
  auto merge = kernels::active().reduce.merge_moments[floating_index(dtype)];
  for (int64_t o = 0; o < args.outer; ++o) {
    int64_t from = o * blocks * args.inner * size, to = o * args.inner * size;
    merge(means->data + from, m2s->data + from, args.reduce, args.inner, mean + to, m2 + to);
  }
}

// Kept dimensions first, reduced ones after them.
Tensor reduced_last(const Tensor& x, uint64_t mask) {
  Dims sizes, strides;
  for (int pass = 0; pass < 2; ++pass)
    for (int64_t d = 0; d < x.dim(); ++d)
      if ((mask >> d & 1) == static_cast<uint64_t>(pass)) {
        sizes.push_back(x.size(d));
        strides.push_back(x.stride(d));
      }
  return make_view(x, sizes, strides, x->data);
}

struct Moments {
  Tensor mean, m2;
};
Moments moments_of(const Tensor& x, const ReducedDims& r) {
  Moments m{empty(r.shape, x.dtype()), empty(r.shape, x.dtype())};
  if (m.mean.numel() == 0) return m;
  if (x.numel() == 0) {
    fill_data(m.mean, Scalar(std::numeric_limits<double>::quiet_NaN()));
    fill_data(m.m2, Scalar(std::numeric_limits<double>::quiet_NaN()));
    return m;
  }
  GradModeGuard off(false);
  Tensor holder = x;
  ReduceArgs args{};
  if (!as_three_levels(x, r.mask, args)) {
    holder = contiguous(reduced_last(x, r.mask));
    int64_t results = m.mean.numel();
    args = {holder->data, nullptr, results, r.length, 1, r.length, 1, 1};
  }
  prefer_columns(args);
  run_moments(args, x.dtype(), m.mean->data, m.m2->data);
  return m;
}

void apply(kernels::Elementwise op, const Tensor& y) {
  LoopInput in(y);
  run_loop(kernels::active().elementwise.forward[static_cast<int>(op)][static_cast<int>(y.dtype())],
           y, &in, 1);
}
void divide(const Tensor& y, double by) {
  LoopInput in[2] = {LoopInput(y), LoopInput(Scalar(by), y.dtype())};
  run_loop(kernels::active().elementwise.forward[static_cast<int>(kernels::Elementwise::div)]
                                                [static_cast<int>(y.dtype())],
           y, in, 2);
}

struct ReducedShape {
  Shape sizes, kept;
  Tensor expanded(const Tensor& g) const { return expand_reduced(g, kept, sizes); }
  Dims dims() const {
    Dims d;
    for (int64_t i = 0; i < sizes.size(); ++i)
      if (kept[i] != sizes[i]) d.push_back(i);
    return d;
  }
  // sum and mean over the reduced dimensions, kept as 1
  Tensor mean_of(const Tensor& x) const {
    Dims d = dims();
    return d.empty() ? x : mean_dims(x, IntSpan(d), true, std::nullopt);
  }
};

// g / y, and 0 where y is 0, in its derivatives too.
Tensor divide_nonzero(const Tensor& g, const Tensor& y) {
  Tensor zero = eq(y, Scalar(0.0));
  return where(zero, Scalar(0.0), div(g, where(zero, Scalar(1.0), y)));
}

// without_masked() of a reduction's rule.
Tensor masked_rows(const Tensor& g, Tensor r, const ReducedShape& s) {
  if (item(count_nonzero(g, std::nullopt)).i == g.numel()) return r;
  return without_masked(s.expanded(g), std::move(r));
}

// d var / dx = 2 (x - mean) / divisor
Tensor deviation(const Tensor& x, const ReducedShape& s) { return sub(x, s.mean_of(x)); }

struct VarBackward : ReducedShape {
  static constexpr const char* kName = "VarBackward0";
  double divisor;
  static void backward(Node& n, VarBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined())
      out[0] = masked_rows(
          in[0], mul(p.expanded(mul(in[0], Scalar(2.0 / p.divisor))), deviation(n.saved(0), p)), p);
  }
};
struct StdBackward : ReducedShape {
  static constexpr const char* kName = "StdBackward0";
  double divisor;
  static void backward(Node& n, StdBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor y = n.saved(1);
    Tensor g = divide_nonzero(in[0], mul(y, Scalar(p.divisor)));
    out[0] = masked_rows(in[0], mul(p.expanded(g), deviation(n.saved(0), p)), p);
  }
};

// The variance (root: its square root), with what a derivative needs in `divisor` and `kept`.
Tensor spread(const char* op, bool root, const Tensor& x, OptionalDims dims, Scalar correction,
              bool keepdim, Dims* kept, double* divisor) {
  PF_CHECK(is_floating(x.dtype()), Runtime, op,
           ": std and var only support floating point and complex dtypes, got ",
           dtype_name(x.dtype()), "; convert with .to(pyforge.float32) first");
  ReducedDims r(op, x, dims, keepdim);
  Moments m = moments_of(widened(x), r);
  *divisor = static_cast<double>(r.length) - correction.to_double();
  divide(m.m2, std::max(0.0, *divisor));
  if (root) apply(kernels::Elementwise::sqrt, m.m2);
  *kept = r.kept;
  return narrowed(m.m2, x.dtype());
}

// sign(x) where |x| is the norm, shared among ties.
struct NormBackward : ReducedShape {
  static constexpr const char* kName = "LinalgVectorNormBackward0";
  double p;
  static void backward(Node& n, NormBackward& s, Tensor* in, Tensor* out) {
    if (!in[0].defined() || s.p == 0) return;
    Tensor x = n.saved(0), y = n.saved(1), g = in[0];
    double p = s.p;
    Scalar zero(0.0);
    if (p == 1) {
      out[0] = mul(s.expanded(g), sign(x));
    } else if (p == 2) {
      out[0] = mul(s.expanded(divide_nonzero(g, y)), x);
    } else if (std::isinf(p)) {
      Tensor mask, ties;
      {
        GradModeGuard off(false);
        Tensor result = s.expanded(y);
        mask = eq(abs(x), result);
        mask = logical_or(mask, logical_and(isnan(x), isnan(result)));
        Dims d = s.dims();
        ties = to(d.empty() ? mask : sum_dims(mask, IntSpan(d), true, std::nullopt), x.dtype());
      }
      out[0] = where(mask, mul(expand(div(reshape(g, s.kept), ties), s.sizes), sign(x)), zero);
    } else {
      // d/dx = sign(x) |x|^(p-1) y^(1-p) g, and zero where that is 0/0
      Tensor a = abs(x);
      if (p < 1) {
        Tensor powers = mul(sign(x), where(eq(x, zero), zero, pow(a, Scalar(p - 1))));
        out[0] = mul(powers, s.expanded(mul(g, pow(y, Scalar(1 - p)))));
      } else {
        Tensor scale = divide_nonzero(g, pow(y, Scalar(p - 1)));
        Tensor powers = p < 2 ? mul(sign(x), where(eq(x, zero), zero, pow(a, Scalar(p - 1))))
                              : mul(x, pow(a, Scalar(p - 2)));
        out[0] = mul(powers, s.expanded(scale));
      }
    }
  }
};

struct LogsumexpBackward : ReducedShape {
  static constexpr const char* kName = "LogsumexpBackward0";
  static void backward(Node& n, LogsumexpBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor y = n.saved(1);
    // Rows of -inf alone: every element is masked, so none has a share.
    const bool singular = finiteness(y) != kernels::kFinite;
    if (singular && !masked_gradients_propagate)
      y = where(eq(y, Scalar(-std::numeric_limits<double>::infinity())), Scalar(0.0), y);
    Tensor g = p.expanded(in[0]);
    out[0] = mul(g, exp(sub(n.saved(0), p.expanded(y))));
    if (singular) out[0] = without_masked(g, out[0]);
  }
};

}  // namespace

Tensor var(const Tensor& x, OptionalDims dims, Scalar correction, bool keepdim) {
  Dims kept;
  double divisor;
  Tensor y = spread("var", false, x, dims, correction, keepdim, &kept, &divisor);
  record<VarBackward>(y, {&x}, {&x}, {{x.sizes(), kept}, divisor});
  return y;
}

Tensor std(const Tensor& x, OptionalDims dims, Scalar correction, bool keepdim) {
  Dims kept;
  double divisor;
  Tensor y = spread("std", true, x, dims, correction, keepdim, &kept, &divisor);
  record<StdBackward>(y, {&x}, {&x, &y}, {{x.sizes(), kept}, divisor});
  return y;
}

Tensor norm(const Tensor& input, double p, OptionalDims dims, bool keepdim,
            std::optional<DType> dtype) {
  DType compute = dtype ? *dtype : input.dtype();
  PF_CHECK(is_floating(compute), Runtime,
           "norm: linalg.vector_norm: Expected a floating point or complex tensor as input. Got ",
           dtype_name(compute), "; convert with .to(pyforge.float32) first");
  Tensor x = to(input, compute);
  ReducedDims r("norm", x, dims, keepdim);
  Tensor y = empty(r.shape, compute_type(compute));
  if (x.numel() == 0) {
    PF_CHECK(y.numel() == 0 || (p >= 0 && !std::isinf(p)), Runtime, "norm: cannot compute the ", p,
             " norm on an empty tensor because the operation does not have an identity; shape ",
             to_string(x.sizes()));
    fill_data(y, Scalar(0));
  } else {
    GradModeGuard off(false);
    Reduce reduce = p == 2          ? Reduce::SumSquares
                    : p == 1        ? Reduce::SumAbs
                    : std::isinf(p) ? (p > 0 ? Reduce::AbsMax : Reduce::Min)
                                    : Reduce::Sum;
    bool direct = p == 2 || p == 1 || (std::isinf(p) && p > 0);
    Tensor wide = direct ? x : widened(x);
    Tensor terms = direct          ? x
                   : p == 0        ? to(ne(wide, Scalar(0)), wide.dtype())
                   : std::isinf(p) ? abs(wide)
                                   : pow(abs(wide), Scalar(p));
    run_reduce(reduce_pass("norm", reduce, terms.dtype()), terms, r.mask, y);
    if (p == 2) {
      apply(kernels::Elementwise::sqrt, y);
    } else if (p != 1 && p != 0 && !std::isinf(p)) {
      y = pow(y, Scalar(1 / p));
    }
  }
  y = narrowed(y, compute);
  record<NormBackward>(y, {&x}, {&x, &y}, {{x.sizes(), r.kept}, p});
  return y;
}

Tensor logsumexp(const Tensor& input, OptionalDims dims, bool keepdim) {
  Tensor x = is_floating(input.dtype()) ? input : to(input, default_dtype());
  ReducedDims r("logsumexp", x, dims, keepdim);
  Tensor y = empty(r.shape, compute_type(x.dtype()));
  if (x.numel() == 0) {
    fill_data(y, Scalar(-std::numeric_limits<double>::infinity()));
  } else {
    const auto& table = kernels::active().reduce.logsumexp;
    run_reduce(
        {table[floating_index(x.dtype())], table[floating_index(y.dtype())], x.dtype(), y.dtype()},
        x, r.mask, y);
  }
  y = narrowed(y, x.dtype());
  record<LogsumexpBackward>(y, {&x}, {&x, &y}, {{x.sizes(), r.kept}});
  return y;
}

namespace {

constexpr uint32_t kBoth = kFunction | kMethod;

Scalar correction_of(bool unbiased) { return Scalar(unbiased ? 1 : 0); }

Tensor var_all_unbiased(const Tensor& x, bool unbiased) {
  return var(x, std::nullopt, correction_of(unbiased), false);
}
Tensor var_unbiased(const Tensor& x, OptionalDims dims, bool unbiased, bool keepdim) {
  return var(x, dims, correction_of(unbiased), keepdim);
}
Tensor var_correction(const Tensor& x, OptionalDims dims, std::optional<Scalar> correction,
                      bool keepdim) {
  return var(x, dims, correction.value_or(Scalar(1)), keepdim);
}
Tensor std_all_unbiased(const Tensor& x, bool unbiased) {
  return std(x, std::nullopt, correction_of(unbiased), false);
}
Tensor std_unbiased(const Tensor& x, OptionalDims dims, bool unbiased, bool keepdim) {
  return std(x, dims, correction_of(unbiased), keepdim);
}
Tensor std_correction(const Tensor& x, OptionalDims dims, std::optional<Scalar> correction,
                      bool keepdim) {
  return std(x, dims, correction.value_or(Scalar(1)), keepdim);
}
Tensor norm_number(const Tensor& x, std::optional<Scalar> p, OptionalDims dims, bool keepdim,
                   std::optional<DType> dtype) {
  return norm(x, p ? p->to_double() : 2, dims, keepdim, dtype);
}
Tensor norm_named(const Tensor& x, std::string_view p, OptionalDims dims, bool keepdim,
                  std::optional<DType> dtype) {
  PF_CHECK(p == "fro", Runtime, "norm: order '", p, "' is not supported; use 'fro' or a number");
  return norm(x, 2, dims, keepdim, dtype);
}

PF_OP(var_all_unbiased, "var(Tensor input, bool unbiased) -> Tensor", kBoth,
      "Variance of all elements.")
PF_OP(var_unbiased,
      "var(Tensor input, int[]? dim=None, bool unbiased=True, bool keepdim=False) -> Tensor", kBoth,
      "Variance over the dimensions `dim` (all by default), divided by n - 1 (n if not unbiased).")
PF_OP(var_correction,
      "var(Tensor input, int[]? dim=None, *, Number? correction=1, bool keepdim=False) -> Tensor",
      kBoth, "Variance over the dimensions `dim` (all by default), divided by n - correction.")
PF_OP(std_all_unbiased, "std(Tensor input, bool unbiased) -> Tensor", kBoth,
      "Standard deviation of all elements.")
PF_OP(std_unbiased,
      "std(Tensor input, int[]? dim=None, bool unbiased=True, bool keepdim=False) -> Tensor", kBoth,
      "Standard deviation over the dimensions `dim` (all by default): square root of the variance.")
PF_OP(std_correction,
      "std(Tensor input, int[]? dim=None, *, Number? correction=1, bool keepdim=False) -> Tensor",
      kBoth,
      "Standard deviation over the dimensions `dim` (all by default), with divisor n - correction.")
PF_OP(norm_number,
      "norm(Tensor input, Number? p=2, int[]? dim=None, bool keepdim=False, dtype? dtype=None) -> "
      "Tensor",
      kBoth,
      "The p-norm (sum |x|^p)^(1/p) over the dimensions `dim` (all by default); inf: largest |x|, "
      "0: count of nonzeros.")
PF_OP(norm_named,
      "norm(Tensor input, str p, int[]? dim=None, bool keepdim=False, dtype? dtype=None) -> Tensor",
      kBoth, "The Frobenius norm ('fro'), that is p = 2.")
PF_OP(logsumexp, "logsumexp(Tensor input, int[] dim, bool keepdim=False) -> Tensor", kBoth,
      "log(sum(exp(x))) over the dimensions `dim`, without overflow.")

}  // namespace
}  // namespace pyforge::ops
