// Counts per bin.
#include <algorithm>
#include <cmath>

#include "autograd/grad_mode.h"
#include "ops/dtypes.h"
#include "ops/ops.h"
#include "ops/sort.h"

namespace pyforge::ops {
namespace {

constexpr uint32_t kBoth = kFunction | kMethod;
using Pair = std::tuple<Tensor, Tensor>;

Tensor bincount(const Tensor& input, const Tensor& weights, int64_t minlength) {
  PF_CHECK(is_integral(input.dtype()), NotImplemented,
           "bincount: \"bincount_cpu\" not implemented for '", dtype_name(input.dtype()),
           "'; convert the input with .to(dtype) first");
  PF_CHECK(minlength >= 0, Runtime, "bincount: minlength should be >= 0, got ", minlength);
  GradModeGuard off(false);
  Tensor x = contiguous(to(input, DType::Int64));
  const int64_t* at = x.data<int64_t>();
  int64_t n = x.numel(), bins = minlength;
  bool valid = input.dim() == 1;
  for (int64_t i = 0; valid && i < n; ++i) {
    valid = at[i] >= 0;
    bins = std::max(bins, at[i] + (at[i] < INT64_MAX));
  }
  PF_CHECK(valid, Runtime, "bincount only supports 1-d non-negative integral inputs.");
  if (!weights.defined()) {
    Tensor y = zeros({bins}, DType::Int64);
    for (int64_t i = 0; i < n; ++i) ++y.data<int64_t>()[at[i]];
    return y;
  }
  PF_CHECK(weights.dim() == 1 && weights.numel() == n, Runtime,
           "bincount: weights should be 1-d and have the same length as input, got ",
           to_string(weights.sizes()), " and ", to_string(input.sizes()));
  Tensor w = contiguous(to(weights, DType::Float64)), y = zeros({bins}, DType::Float64);
  for (int64_t i = 0; i < n; ++i) y.data<double>()[at[i]] += w.data<double>()[i];
  return to(y, weights.dtype() == DType::Float32 ? DType::Float32 : DType::Float64);
}

void check_histogram(const char* op, const Tensor& x, int64_t bins) {
  PF_CHECK(is_floating(x.dtype()), NotImplemented, op, ": \"histogram_cpu\" not implemented for '",
           dtype_name(x.dtype()), "'; convert the input with .to(dtype) first");
  PF_CHECK(bins > 0, Runtime, op, ": bins must be > 0, but got ", bins);
}

Tensor histc(const Tensor& input, int64_t bins, Scalar min, Scalar max) {
  check_histogram("histc", input, bins);
  GradModeGuard off(false);
  double low = min.to_double(), high = max.to_double();
  PF_CHECK(low <= high, Runtime, "histc: max must be larger than min");
  Tensor x = contiguous(computable(input));
  if (low == high && x.numel()) {
    low = item(min_all(x)).to_double();
    high = item(max_all(x)).to_double();
  }
  PF_CHECK(std::isfinite(low) && std::isfinite(high), Runtime, "histc: range of [", low, ", ", high,
           "] is not finite");
  if (low == high) low -= 1, high += 1;
  Tensor counts = zeros({bins}, DType::Int64);
  int64_t* to_bin = counts.data<int64_t>();
  with_element(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T first = static_cast<T>(low), last = static_cast<T>(high);
    const T* p = x.data<T>();
    for (int64_t i = 0; i < x.numel(); ++i) {
      if (!(p[i] >= first && p[i] <= last)) continue;
      auto at = static_cast<int64_t>((p[i] - first) / (last - first) * static_cast<T>(bins));
      ++to_bin[std::min(at, bins - 1)];
    }
  });
  return to(counts, input.dtype());
}

// Weights per bin between `edges`, the last one closed; per unit of width and weight if density.
Tensor weigh(const Tensor& input, const Tensor& edges, const Tensor& weight, bool density) {
  PF_CHECK(!weight.defined() || weight.sizes() == input.sizes(), Runtime,
           "histogram(): if weight tensor is provided it should have the same shape as the input "
           "tensor, but got ",
           weight.defined() ? to_string(weight.sizes()) : "", " and ", to_string(input.sizes()));
  PF_CHECK(!weight.defined() || weight.dtype() == input.dtype(), Runtime,
           "histogram(): if weight tensor is provided, input tensor and weight tensor should have "
           "the same dtype");
  Tensor x = contiguous(to(input, DType::Float64)), e = contiguous(to(edges, DType::Float64)), w;
  if (weight.defined()) w = contiguous(to(weight, DType::Float64));
  int64_t bins = e.numel() - 1;
  Tensor y = zeros({bins}, DType::Float64);
  const double *p = x.data<double>(), *edge = e.data<double>();
  double *out = y.data<double>(), total = 0;
  for (int64_t i = 0; i < x.numel(); ++i) {
    if (!(p[i] >= edge[0] && p[i] <= edge[bins])) continue;
    int64_t at = std::upper_bound(edge, edge + bins + 1, p[i]) - edge - 1;
    out[std::min(at, bins - 1)] += w.defined() ? w.data<double>()[i] : 1.0;
  }
  if (density) {
    for (int64_t b = 0; b < bins; ++b) total += out[b];
    for (int64_t b = 0; b < bins; ++b) out[b] /= total * (edge[b + 1] - edge[b]);
  }
  return to(y, input.dtype());
}

Pair histogram_edges(const Tensor& input, const Tensor& bins, const Tensor& weight, bool density) {
  check_histogram("histogram", input, 1);
  PF_CHECK(bins.dim() == 1 && bins.numel() > 0, Runtime,
           "histogram(): bins tensor should have one dimension and at least one element, but got ",
           to_string(bins.sizes()));
  PF_CHECK(bins.dtype() == input.dtype(), Runtime,
           "histogram(): input tensor and bins tensors should have the same dtype, but got ",
           dtype_name(input.dtype()), " and ", dtype_name(bins.dtype()));
  GradModeGuard off(false);
  Tensor sorted = std::get<0>(sort(bins, 0, false, false));
  PF_CHECK(item(all_dims(eq(sorted, bins), std::nullopt, false)).i, Runtime,
           "histogram(): bin edges must be increasing");
  return {weigh(input, bins, weight, density), clone(bins)};
}

Pair histogram_count(const Tensor& input, int64_t bins,
                     const std::optional<std::vector<double>>& range, const Tensor& weight,
                     bool density) {
  check_histogram("histogram", input, bins);
  GradModeGuard off(false);
  double low = 0, high = 0;
  if (range) {
    PF_CHECK(range->size() == 2, Runtime, "histogram(): range should have 2 elements, but got ",
             range->size());
    low = (*range)[0];
    high = (*range)[1];
  } else if (input.numel()) {
    low = item(min_all(input)).to_double();
    high = item(max_all(input)).to_double();
  } else {
    high = 1;
  }
  PF_CHECK(std::isfinite(low) && std::isfinite(high), Runtime, "histogram(): range [", low, ", ",
           high, "] is not finite");
  PF_CHECK(low <= high, Runtime, "histogram(): min should not exceed max, but got min ", low,
           " max ", high);
  if (low == high) low -= 0.5, high += 0.5;
  Tensor edges = empty({bins + 1}, DType::Float64);
  double step = (high - low) / static_cast<double>(bins);
  for (int64_t i = 0; i <= bins; ++i)
    edges.data<double>()[i] = 2 * i <= bins ? low + static_cast<double>(i) * step
                                            : high - static_cast<double>(bins - i) * step;
  edges = to(edges, input.dtype());
  return {weigh(input, edges, weight, density), edges};
}

PF_OP(bincount, "bincount(Tensor input, Tensor? weights=None, int minlength=0) -> Tensor", kBoth,
      "How often each of 0, 1, ... occurs in a 1-d tensor, or the sum of its weights.")
PF_OP(histc, "histc(Tensor input, int bins=100, Number min=0, Number max=0) -> Tensor", kBoth,
      "Counts in equal bins from min to max, or over the range of the input if they are equal.")
PF_OP(histogram_edges,
      "histogram(Tensor input, Tensor bins, *, Tensor? weight=None, bool density=False) -> (Tensor "
      "hist, Tensor bin_edges)",
      kBoth, "Weights between the edges `bins`, and the edges.")
PF_OP(histogram_count,
      "histogram(Tensor input, int bins=100, *, float[]? range=None, Tensor? weight=None, bool "
      "density=False) -> (Tensor hist, Tensor bin_edges)",
      kBoth, "Weights in equal bins over `range` (that of the input by default), and their edges.")

}  // namespace
}  // namespace pyforge::ops
