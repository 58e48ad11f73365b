// Reductions and differences that are made of others: NaN-aware sums, pairs of results, distances,
// covariance, integrals.
#include <cmath>

#include "autograd/node.h"
#include "ops/ops.h"
#include "ops/reduce_driver.h"

namespace pyforge::ops {
namespace {

constexpr uint32_t kBoth = kFunction | kMethod;

Tensor floating(const Tensor& t) { return is_floating(t.dtype()) ? t : to(t, default_dtype()); }

struct NansumBackward {
  static constexpr const char* kName = "NansumBackward0";
  Shape sizes, kept;
  static void backward(Node& n, NansumBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined())
      out[0] = where(isnan(n.saved(0)), 0, expand_reduced(in[0], p.kept, p.sizes));
  }
};

Tensor nansum(const Tensor& input, OptionalDims dims, bool keepdim, std::optional<DType> dtype) {
  Tensor x = dtype ? to(input, *dtype) : input, y;
  if (!is_floating(x.dtype())) return sum_dims(x, dims, keepdim, std::nullopt);
  {
    GradModeGuard off(false);
    y = sum_dims(where(isnan(x), 0, x), dims, keepdim, std::nullopt);
  }
  record<NansumBackward>(y, {&x}, {&x}, {x.sizes(), ReducedDims("nansum", x, dims, keepdim).kept});
  return y;
}

Tensor nanmean(const Tensor& input, OptionalDims dims, bool keepdim, std::optional<DType> dtype) {
  PF_CHECK(is_floating(input.dtype()), Runtime,
           "nanmean(): expected input to have floating point or complex dtype but got ",
           dtype_name(input.dtype()));
  Tensor x = dtype ? to(input, *dtype) : input;
  Tensor count = sum_dims(logical_not(isnan(x)), dims, keepdim, std::nullopt);
  return div(nansum(x, dims, keepdim, std::nullopt), count);
}

std::tuple<Tensor, Tensor> aminmax(const Tensor& input, std::optional<int64_t> dim, bool keepdim) {
  OptionalDims dims;
  if (dim) dims = IntSpan(&*dim, 1);
  PF_CHECK(input.numel() || dim, Runtime,
           "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
           "identity");
  return {amin(input, dims, keepdim), amax(input, dims, keepdim)};
}

using Pair = std::tuple<Tensor, Tensor>;
Pair var_mean(const Tensor& x, OptionalDims dims, std::optional<Scalar> correction, bool keepdim) {
  return {var(x, dims, correction.value_or(Scalar(1)), keepdim),
          mean_dims(x, dims, keepdim, std::nullopt)};
}
Pair var_mean_unbiased(const Tensor& x, OptionalDims dims, bool unbiased, bool keepdim) {
  return var_mean(x, dims, Scalar(unbiased ? 1 : 0), keepdim);
}
Pair var_mean_all(const Tensor& x, bool unbiased) {
  return var_mean(x, std::nullopt, Scalar(unbiased ? 1 : 0), false);
}
Pair std_mean(const Tensor& x, OptionalDims dims, std::optional<Scalar> correction, bool keepdim) {
  return {std(x, dims, correction.value_or(Scalar(1)), keepdim),
          mean_dims(x, dims, keepdim, std::nullopt)};
}
Pair std_mean_unbiased(const Tensor& x, OptionalDims dims, bool unbiased, bool keepdim) {
  return std_mean(x, dims, Scalar(unbiased ? 1 : 0), keepdim);
}
Pair std_mean_all(const Tensor& x, bool unbiased) {
  return std_mean(x, std::nullopt, Scalar(unbiased ? 1 : 0), false);
}

Tensor dist(const Tensor& input, const Tensor& other, double p) {
  return norm(sub(floating(input), other), p, std::nullopt, false, std::nullopt);
}

Tensor renorm(const Tensor& input, double p, int64_t dim, double maxnorm) {
  PF_CHECK(p > 0, Runtime, "renorm: non-positive-norm not supported, got p = ", p);
  PF_CHECK(input.dim() > 1, Runtime, "renorm: input needs at least 2 dimensions, got ",
           input.dim());
  PF_CHECK(maxnorm >= 0, Runtime, "renorm: expected maxnorm to be >= 0 but got ", maxnorm);
  int64_t w = wrap_dim("renorm", dim, input.dim());
  Dims others;
  for (int64_t d = 0; d < input.dim(); ++d)
    if (d != w) others.push_back(d);
  Tensor size = norm(input, p, IntSpan(others), true, std::nullopt);
  Tensor factor = where(gt(size, maxnorm), div(maxnorm, add(size, 1e-7)), ones_like(size));
  return mul(input, factor);
}

Tensor trace(const Tensor& input) {
  PF_CHECK(input.dim() == 2, Runtime, "trace: expected a matrix, but got tensor with dim ",
           input.dim());
  return sum(diagonal(input, 0, 0, 1));
}

// Weights of observations: 1-d, as long as there are observations, not negative.
void check_weights(const char* name, const Tensor& w, int64_t n, bool integers) {
  PF_CHECK(w.dim() <= 1, Runtime, "cov(): expected ", name,
           " to have one or fewer dimensions but got ", w.dim());
  PF_CHECK(is_floating(w.dtype()) != integers, Runtime, "cov(): expected ", name, " to have ",
           integers ? "integral" : "floating point", " dtype but got ", dtype_name(w.dtype()));
  PF_CHECK(w.numel() == n, Runtime, "cov(): expected ", name,
           " to have the same numel as there are observations in the input but got ", w.numel(),
           " != ", n);
  PF_CHECK(w.numel() == 0 || item(min_all(w)).to_double() >= 0, Runtime, "cov(): ", name,
           " cannot be negative");
}

Tensor cov(const Tensor& input, int64_t correction, const Tensor& fweights,
           const Tensor& aweights) {
  PF_CHECK(input.dim() <= 2, Runtime,
           "cov(): expected input to have two or fewer dimensions but got an input with ",
           input.dim(), " dimensions");
  PF_CHECK(input.dtype() != DType::Bool, Runtime, "cov(): bool dtype is not supported for input");
  Tensor x = input.dim() < 2 ? reshape(input, {1, input.numel()}) : input;
  int64_t n = x.size(1), along = 1;
  IntSpan last(&along, 1);
  Tensor w;
  if (fweights.defined()) {
    check_weights("fweights", fweights, n, true);
    w = fweights;
  }
  if (aweights.defined()) {
    check_weights("aweights", aweights, n, false);
    w = w.defined() ? mul(w, aweights) : aweights;
  }
  x = floating(x);
  Tensor mean, factor;
  if (w.defined()) {
    Tensor total = sum(w);
    PF_CHECK(item(total).to_double() != 0, Runtime,
             "cov(): weights sum to zero, can't be normalized");
    mean = div(sum_dims(mul(x, w), last, true, std::nullopt), total);
    Tensor lost =
        aweights.defined() ? div(sum(mul(w, aweights)), total) : full({}, Scalar(1), x.dtype());
    factor = sub(to(total, x.dtype()), mul(lost, static_cast<double>(correction)));
  } else {
    mean = mean_dims(x, last, true, std::nullopt);
    factor = full({}, Scalar(static_cast<double>(n - correction)), x.dtype());
  }
  Tensor centred = sub(x, mean);
  Tensor product = matmul(w.defined() ? mul(centred, w) : centred, t(centred));
  Tensor c = div(product, maximum(to(factor, x.dtype()), Scalar(0)));
  return c.numel() == 1 ? reshape(c, IntSpan()) : squeeze(c);
}

Tensor corrcoef(const Tensor& input) {
  PF_CHECK(input.dim() <= 2, Runtime,
           "corrcoef(): expected input to have two or fewer dimensions but got an input with ",
           input.dim(), " dimensions");
  Tensor c = cov(input, 1, Tensor(), Tensor());
  if (c.dim() == 0) return div(c, c);
  Tensor s = sqrt(diagonal(c, 0, 0, 1));
  return clamp(div(div(c, unsqueeze(s, 1)), unsqueeze(s, 0)), Scalar(-1), Scalar(1));
}

Tensor diff(const Tensor& input, int64_t n, int64_t dim, const Tensor& prepend,
            const Tensor& append) {
  PF_CHECK(input.dim() >= 1, Runtime, "diff expects input to be at least one-dimensional");
  PF_CHECK(n >= 0, Runtime, "order must be non-negative but got ", n);
  int64_t w = wrap_dim("diff", dim, input.dim());
  if (n == 0) return clone(input);
  Tensor x = input;
  if (prepend.defined() || append.defined()) {
    std::vector<Tensor> parts;
    if (prepend.defined()) parts.push_back(prepend);
    parts.push_back(input);
    if (append.defined()) parts.push_back(append);
    x = cat(parts, w);
  }
  for (; n > 0; --n) {
    int64_t rest = std::max<int64_t>(x.size(w) - 1, 0), skip = x.size(w) ? 1 : 0;
    Tensor next = narrow(x, w, skip, rest), before = narrow(x, w, 0, rest);
    x = x.dtype() == DType::Bool ? logical_xor(next, before) : sub(next, before);
    if (rest == 0) break;
  }
  return x;
}

// Sums of neighbours' means, times the distance between them.
Tensor trapezoids(const char* op, const Tensor& y, const Tensor& x, const Scalar& dx, int64_t dim) {
  PF_CHECK(y.dtype() != DType::Bool, Runtime, op,
           ": received a bool input for `y`, but bool is not supported");
  int64_t w = wrap_dim(op, dim, y.dim()), n = y.size(w);
  Tensor both = add(narrow(y, w, n ? 1 : 0, std::max<int64_t>(n - 1, 0)),
                    narrow(y, w, 0, std::max<int64_t>(n - 1, 0)));
  if (!x.defined()) return mul(both, dx.to_double() / 2);
  PF_CHECK(x.dtype() != DType::Bool, Runtime, op,
           ": received a bool input for `x`, but bool is not supported");
  PF_CHECK(x.dim() != 1 || x.numel() == n, Runtime, op,
           ": There must be one `x` value for each sample point, got ", x.numel(), " for ", n);
  Tensor points = x;
  if (x.dim() == 1) {
    Dims sizes(y.dim(), 1);
    sizes[w] = n;
    points = reshape(x, IntSpan(sizes));
  } else {
    for (int64_t d = points.dim(); d < y.dim(); ++d) points = unsqueeze(points, 0);
  }
  int64_t v = points.dim() - (y.dim() - w), m = points.size(v);
  Tensor steps = sub(narrow(points, v, m ? 1 : 0, std::max<int64_t>(m - 1, 0)),
                     narrow(points, v, 0, std::max<int64_t>(m - 1, 0)));
  return mul(mul(both, steps), 0.5);
}

Tensor trapezoid(const Tensor& y, const Tensor& x, Scalar dx, int64_t dim) {
  if (y.dim() == 0) wrap_dim("trapezoid", dim, 0);
  PF_CHECK(y.dim(), Index, "trapezoid: y needs at least one dimension");
  int64_t w = wrap_dim("trapezoid", dim, y.dim()), back = w - y.dim();
  return sum_dims(trapezoids("trapezoid", y, x, dx, w), IntSpan(&back, 1), false, std::nullopt);
}
Tensor cumulative_trapezoid(const Tensor& y, const Tensor& x, Scalar dx, int64_t dim) {
  PF_CHECK(y.dim(), Index, "cumulative_trapezoid: y needs at least one dimension");
  int64_t w = wrap_dim("cumulative_trapezoid", dim, y.dim());
  return cumsum(trapezoids("cumulative_trapezoid", y, x, dx, w), w - y.dim(), std::nullopt);
}

PF_OP(nansum,
      "nansum(Tensor input, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
      kBoth, "Sum over the dimensions `dim` (all by default), NaN counting as 0.")
PF_OP(nanmean,
      "nanmean(Tensor input, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
      kBoth, "Mean over the dimensions `dim` (all by default) of what is not NaN.")
PF_OP(aminmax,
      "aminmax(Tensor input, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor max)",
      kBoth, "Smallest and largest elements, of all or along `dim`; ties share the gradient.")
PF_OP(var_mean_all, "var_mean(Tensor input, bool unbiased) -> (Tensor, Tensor)", kFunction,
      "Variance and mean of all elements.")
PF_OP(var_mean_unbiased,
      "var_mean(Tensor input, int[]? dim=None, bool unbiased=True, bool keepdim=False) -> "
      "(Tensor, Tensor)",
      kFunction, "Variance and mean over the dimensions `dim` (all by default).")
PF_OP(var_mean,
      "var_mean(Tensor input, int[]? dim=None, *, Number? correction=1, bool keepdim=False) -> "
      "(Tensor, Tensor)",
      kFunction, "Variance, with divisor n - correction, and mean over the dimensions `dim`.")
PF_OP(std_mean_all, "std_mean(Tensor input, bool unbiased) -> (Tensor, Tensor)", kFunction,
      "Standard deviation and mean of all elements.")
PF_OP(std_mean_unbiased,
      "std_mean(Tensor input, int[]? dim=None, bool unbiased=True, bool keepdim=False) -> "
      "(Tensor, Tensor)",
      kFunction, "Standard deviation and mean over the dimensions `dim` (all by default).")
PF_OP(std_mean,
      "std_mean(Tensor input, int[]? dim=None, *, Number? correction=1, bool keepdim=False) -> "
      "(Tensor, Tensor)",
      kFunction, "Standard deviation, with divisor n - correction, and mean over `dim`.")
PF_OP(dist, "dist(Tensor input, Tensor other, float p=2) -> Tensor", kBoth,
      "The p-norm of input - other.")
PF_OP(renorm, "renorm(Tensor input, float p, int dim, float maxnorm) -> Tensor", kBoth | kInplace,
      "Each slice along `dim` scaled down to a p-norm of at most maxnorm.")
PF_OP(trace, "trace(Tensor input) -> Tensor", kBoth, "Sum of the diagonal of a matrix.")
PF_OP(cov,
      "cov(Tensor input, *, int correction=1, Tensor? fweights=None, Tensor? aweights=None) -> "
      "Tensor",
      kBoth, "Covariance matrix of the rows of input, its columns being observations.")
PF_OP(corrcoef, "corrcoef(Tensor input) -> Tensor", kBoth,
      "Pearson's correlation coefficients of the rows of input.")
PF_OP(
    diff,
    "diff(Tensor input, int n=1, int dim=-1, Tensor? prepend=None, Tensor? append=None) -> Tensor",
    kBoth, "The n-th difference of neighbours along `dim`.")
PF_OP(trapezoid, "trapezoid(Tensor y, Tensor? x=None, *, Number dx=1, int dim=-1) -> Tensor",
      kFunction, "Integral of y along `dim` by the trapezoidal rule, at points x or dx apart.")
PF_OP(trapezoid, "trapz(Tensor y, Tensor? x=None, *, Number dx=1, int dim=-1) -> Tensor", kFunction,
      "Same as trapezoid().")
PF_OP(cumulative_trapezoid,
      "cumulative_trapezoid(Tensor y, Tensor? x=None, *, Number dx=1, int dim=-1) -> Tensor",
      kFunction, "Running integral of y along `dim` by the trapezoidal rule.")

}  // namespace
}  // namespace pyforge::ops
