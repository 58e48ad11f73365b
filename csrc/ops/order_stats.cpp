// Order statistics: k-th values, medians without NaN, modes, quantiles.
#include <algorithm>
#include <cmath>

#include "autograd/node.h"
#include "ops/dtypes.h"
#include "ops/ops.h"
#include "ops/sort.h"

namespace pyforge::ops {
namespace {

constexpr uint32_t kBoth = kFunction | kMethod;
using Pair = std::tuple<Tensor, Tensor>;

struct SelectedBackward {
  Shape sizes;
  int64_t dim;
  bool keepdim;
  void operator()(Node& n, Tensor* in, Tensor* out) const {
    if (in[0].defined()) out[0] = scatter_selected(in[0], n.saved(0), sizes, dim, keepdim);
  }
};
struct KthvalueBackward : SelectedBackward {
  static constexpr const char* kName = "KthvalueBackward0";
  static void backward(Node& n, KthvalueBackward& p, Tensor* in, Tensor* out) { p(n, in, out); }
};
struct NanmedianBackward : SelectedBackward {
  static constexpr const char* kName = "NanmedianBackward1";
  static void backward(Node& n, NanmedianBackward& p, Tensor* in, Tensor* out) { p(n, in, out); }
};
struct ModeBackward : SelectedBackward {
  static constexpr const char* kName = "ModeBackward0";
  static void backward(Node& n, ModeBackward& p, Tensor* in, Tensor* out) { p(n, in, out); }
};

// The elements of x at `index` (size 1 along dim), recorded as P.
template <class P>
Pair selected(const Tensor& x, int64_t dim, const Tensor& index, bool keepdim) {
  Tensor values, indices = index;
  {
    GradModeGuard off(false);
    values = x.dim() ? gather(x, dim, index) : clone(x);
    if (x.dim() && !keepdim) {
      Dims sizes(index.sizes());
      sizes.erase(dim);
      values = reshape(values, IntSpan(sizes));
      indices = reshape(indices, IntSpan(sizes));
    }
  }
  if (is_floating(x.dtype())) record<P>(values, {&x}, {&indices}, {{x.sizes(), dim, keepdim}});
  return {values, indices};
}

int64_t checked_size(const char* op, const Tensor& x, int64_t dim) {
  int64_t n = x.dim() ? x.size(dim) : 1;
  PF_CHECK(n > 0, Index, op, "(): Expected reduction dim ", dim, " to have non-zero size.");
  return n;
}

Pair kthvalue(const Tensor& x, int64_t k, int64_t dim, bool keepdim) {
  int64_t w = wrap_dim("kthvalue", dim, x.dim());
  int64_t n = checked_size("kthvalue", x, w);
  PF_CHECK(k >= 1 && k <= n, Runtime, "kthvalue(): selected number k out of range for dimension ",
           w, ": k is ", k, ", its size ", n);
  Tensor index;
  {
    GradModeGuard off(false);
    index = std::get<1>(topk(x, k, w, false, true));
    if (x.dim()) index = narrow(index, w, k - 1, 1);
  }
  return selected<KthvalueBackward>(x, w, index, keepdim);
}

Pair nanmedian_dim(const Tensor& x, int64_t dim, bool keepdim) {
  int64_t w = wrap_dim("nanmedian", dim, x.dim());
  checked_size("nanmedian", x, w);
  if (!is_floating(x.dtype()) || x.dim() == 0) return median_dim(x, dim, keepdim);
  Tensor index;
  {
    GradModeGuard off(false);
    Tensor valid = sum_dims(logical_not(isnan(x)), IntSpan(&w, 1), true, std::nullopt);
    Tensor middle = floor_divide(maximum(sub(valid, 1), Scalar(0)), Scalar(2));
    index = gather(argsort(x, w, false, true), w, middle);  // NaN comes last
  }
  return selected<NanmedianBackward>(x, w, index, keepdim);
}
Tensor nanmedian_all(const Tensor& x) {
  if (x.numel() == 0) return median_all(x);
  return std::get<0>(nanmedian_dim(reshape(x, {x.numel()}), 0, false));
}

// Of the most frequent elements the smallest, and where it was last.
template <class T>
int64_t mode_of(const T* x, const int64_t* order, int64_t n) {
  int64_t best = 0, most = 0, run = 0;
  for (int64_t i = 0; i < n; ++i) {
    ++run;
    if (i + 1 < n && x[order[i]] == x[order[i + 1]]) continue;
    if (run > most) {
      most = run;
      best = order[i];
    }
    run = 0;
  }
  return best;
}

Pair mode(const Tensor& x, int64_t dim, bool keepdim) {
  int64_t w = wrap_dim("mode", dim, x.dim());
  int64_t n = checked_size("mode", x, w);
  if (x.dim() == 0) return selected<ModeBackward>(x, 0, zeros({}, DType::Int64), keepdim);
  Tensor index;
  {
    GradModeGuard off(false);
    Tensor last = contiguous(transpose(computable(x), w, -1));
    Tensor order = contiguous(argsort(last, -1, false, true));
    Dims sizes(last.sizes());
    sizes.back() = 1;
    Tensor found = empty(sizes, DType::Int64);
    with_element(last.dtype(), [&](auto zero) {
      using T = decltype(zero);
      for (int64_t row = 0; row < found.numel(); ++row)
        found.data<int64_t>()[row] =
            mode_of(last.data<T>() + row * n, order.data<int64_t>() + row * n, n);
    });
    index = contiguous(transpose(found, w, -1));
  }
  return selected<ModeBackward>(x, w, index, keepdim);
}

// Ranks are positions in the sorted line, with a fraction: q (n - 1), n without NaN if ignored.
Tensor quantile_of(const char* op, const Tensor& input, const Tensor& q, std::optional<int64_t> dim,
                   bool keepdim, std::string_view interpolation, bool ignore_nan) {
  PF_CHECK(input.numel() > 0, Runtime, op, "() input tensor must be non-empty");
  PF_CHECK(q.dim() <= 1, Runtime, op, "() q must be a scalar or 1D tensor, got ", q.dim(),
           " dimensions");
  PF_CHECK(is_floating(input.dtype()), Runtime, op,
           "() input tensor must be either float or double dtype, got ", dtype_name(input.dtype()));
  PF_CHECK(q.dtype() == input.dtype(), Runtime, op,
           "() q tensor must be same dtype as the input tensor, got ", dtype_name(q.dtype()));
  if (is_half(input.dtype()))
    return to(quantile_of(op, to(input, DType::Float32), to(q, DType::Float32), dim, keepdim,
                          interpolation, ignore_nan),
              input.dtype());
  static constexpr std::string_view kModes[] = {"linear", "lower", "higher", "midpoint", "nearest"};
  PF_CHECK(std::find(std::begin(kModes), std::end(kModes), interpolation) != std::end(kModes),
           Runtime, op,
           "() interpolation must be one of linear, lower, higher, midpoint or nearest, but got ",
           interpolation);
  int64_t w = dim ? wrap_dim(op, *dim, input.dim()) : 0, front = -1;
  Tensor x =
      dim && input.dim() ? transpose(unsqueeze(input, -1), w, -1) : reshape(input, {input.numel()});
  {
    GradModeGuard off(false);
    Tensor inside = logical_and(ge(q, Scalar(0)), le(q, Scalar(1)));
    PF_CHECK(q.numel() == 0 || item(all_dims(inside, std::nullopt, false)).i, Runtime, op,
             "() q values must be in the range [0, 1]");
  }
  Tensor sorted = std::get<0>(sort(x, -1, false, true)), ranks;
  int64_t n = sorted.size(sorted.dim() - 1);
  Tensor levels = q.dim() ? q : reshape(q, {1});
  if (ignore_nan) {
    Tensor valid =
        to(sum_dims(logical_not(isnan(sorted)), IntSpan(&front, 1), true, std::nullopt), x.dtype());
    ranks = mul(levels, maximum(sub(valid, 1), Scalar(0)));
  } else {
    Tensor any = any_dims(isnan(sorted), IntSpan(&front, 1), true);
    ranks = where(any, Scalar(static_cast<double>(n - 1)), mul(levels, static_cast<double>(n - 1)));
  }
  if (interpolation == "lower") ranks = floor(ranks);
  if (interpolation == "higher") ranks = ceil(ranks);
  if (interpolation == "nearest") ranks = round(ranks);
  Tensor below = floor(ranks);
  Tensor result = gather(sorted, -1, to(detach(below), DType::Int64));
  if (interpolation == "linear" || interpolation == "midpoint") {
    Tensor above = gather(sorted, -1, to(detach(ceil(ranks)), DType::Int64));
    Tensor weight = sub(ranks, below);
    if (interpolation == "midpoint") weight = mul(0.5, ceil(weight));
    // From the nearer end; equal infinities stay what they are.
    Tensor same = logical_and(eq(above, result), isinf(above));
    Tensor d = where(same, 0, sub(above, result));
    result =
        where(lt(weight, 0.5), add(result, mul(d, weight)), sub(above, mul(d, sub(1, weight))));
  }
  // [..., 1 at the reduced place, ..., levels] to [levels, ...]
  if (q.dim() == 0) {
    result = select(result, -1, 0);
  } else {
    Dims order;
    order.push_back(result.dim() - 1);
    for (int64_t d = 0; d + 1 < result.dim(); ++d) order.push_back(d);
    result = permute(result, IntSpan(order));
  }
  int64_t shift = q.dim();
  if (!dim || input.dim() == 0) {
    if (!keepdim) return result;
    Dims sizes(input.dim(), 1);
    if (shift) sizes.insert(0, q.numel());
    return reshape(result, IntSpan(sizes));
  }
  int64_t place = w + shift;
  return keepdim ? result : squeeze_dims(result, IntSpan(&place, 1));
}

Tensor number_as(const Tensor& input, double q) { return full({}, Scalar(q), input.dtype()); }

Tensor quantile(const Tensor& x, const Tensor& q, std::optional<int64_t> dim, bool keepdim,
                std::string_view interpolation) {
  return quantile_of("quantile", x, q, dim, keepdim, interpolation, false);
}
Tensor quantile_number(const Tensor& x, double q, std::optional<int64_t> dim, bool keepdim,
                       std::string_view interpolation) {
  PF_CHECK(q >= 0 && q <= 1, Runtime, "quantile() q must be in the range [0, 1] but got ", q);
  Tensor wide = computable(x);  // q keeps its precision
  return to(quantile(wide, number_as(wide, q), dim, keepdim, interpolation), x.dtype());
}
Tensor nanquantile(const Tensor& x, const Tensor& q, std::optional<int64_t> dim, bool keepdim,
                   std::string_view interpolation) {
  return quantile_of("nanquantile", x, q, dim, keepdim, interpolation, true);
}
Tensor nanquantile_number(const Tensor& x, double q, std::optional<int64_t> dim, bool keepdim,
                          std::string_view interpolation) {
  PF_CHECK(q >= 0 && q <= 1, Runtime, "nanquantile() q must be in the range [0, 1] but got ", q);
  Tensor wide = computable(x);  // q keeps its precision
  return to(nanquantile(wide, number_as(wide, q), dim, keepdim, interpolation), x.dtype());
}

PF_OP(kthvalue,
      "kthvalue(Tensor input, int k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor "
      "indices)",
      kBoth, "The k-th smallest elements along `dim`, counted from 1, and where they were.")
PF_OP(nanmedian_all, "nanmedian(Tensor input) -> Tensor", kBoth,
      "The median of all elements that are not NaN, the lower one of two.")
PF_OP(nanmedian_dim,
      "nanmedian(Tensor input, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
      kBoth, "Medians along `dim` of what is not NaN, and where they were.")
PF_OP(mode, "mode(Tensor input, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)",
      kBoth,
      "The most frequent elements along `dim`, the smallest of several, and where they were last.")
PF_OP(quantile_number,
      "quantile(Tensor input, float q, int? dim=None, bool keepdim=False, *, str "
      "interpolation='linear') -> Tensor",
      kBoth, "The q-th quantile along `dim`, or of all elements; NaN if there is one.")
PF_OP(quantile,
      "quantile(Tensor input, Tensor q, int? dim=None, bool keepdim=False, *, str "
      "interpolation='linear') -> Tensor",
      kBoth, "The quantiles q, in front, along `dim`, or of all elements; NaN if there is one.")
PF_OP(nanquantile_number,
      "nanquantile(Tensor input, float q, int? dim=None, bool keepdim=False, *, str "
      "interpolation='linear') -> Tensor",
      kBoth, "The q-th quantile along `dim`, or of all elements, of what is not NaN.")
PF_OP(nanquantile,
      "nanquantile(Tensor input, Tensor q, int? dim=None, bool keepdim=False, *, str "
      "interpolation='linear') -> Tensor",
      kBoth, "The quantiles q, in front, along `dim`, or of all elements, of what is not NaN.")

}  // namespace
}  // namespace pyforge::ops
