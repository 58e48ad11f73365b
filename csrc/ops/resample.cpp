// Linear maps along one dimension: interpolation and adaptive averages, each a table of weights.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "autograd/node.h"
#include "kernels/dispatch.h"
#include "ops/lines.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

enum class Rule : uint8_t { Nearest, NearestExact, Linear, Cubic, Area };

struct Resampling {
  Rule rule;
  bool align_corners;
  int64_t dim, size, out_size;
  double scale;  // places of the input per place of the output
};

struct Weights {
  int64_t taps;
  std::vector<int64_t> start, count;
  std::vector<double> weight;
};

// Keys' kernel with a = -0.75, as everyone has it.
void cubic_weights(double t, double* w) {
  constexpr double a = -0.75;
  const auto near = [](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto far = [](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  w[0] = far(t + 1);
  w[1] = near(t);
  w[2] = near(1 - t);
  w[3] = far(2 - t);
}

Weights weights_of(const Resampling& r) {
  Weights w;
  const int64_t size = r.size, out = r.out_size;
  w.taps = r.rule == Rule::Area ? (size + out - 1) / out + 1 : r.rule == Rule::Cubic ? 4 : 2;
  w.start.resize(out);
  w.count.assign(out, 1);
  w.weight.assign(out * w.taps, 0.0);
  const float scale32 = static_cast<float>(r.scale);
  for (int64_t o = 0; o < out; ++o) {
    double* row = w.weight.data() + o * w.taps;
    const double place = static_cast<double>(o);
    switch (r.rule) {
      case Rule::Nearest:
      case Rule::NearestExact: {
        const float half = r.rule == Rule::NearestExact ? 0.5f : 0.0f;
        const auto at = static_cast<int64_t>(std::floor((static_cast<float>(o) + half) * scale32));
        w.start[o] = std::min(at, size - 1);
        row[0] = 1;
        break;
      }
      case Rule::Linear: {
        const double at =
            r.align_corners ? r.scale * place : std::max(0.0, r.scale * (place + 0.5) - 0.5);
        const int64_t low = std::min(static_cast<int64_t>(at), size - 1);
        w.start[o] = low;
        const double t = at - static_cast<double>(low);
        row[0] = low + 1 < size ? 1 - t : 1;
        row[1] = low + 1 < size ? t : 0;
        w.count[o] = low + 1 < size ? 2 : 1;
        break;
      }
      case Rule::Cubic: {
        const double at = r.align_corners ? r.scale * place : r.scale * (place + 0.5) - 0.5;
        const double low = std::floor(at);
        double four[4];
        cubic_weights(at - low, four);
        // Elements beyond the edge stand for the last one.
        const auto clamped = [&](int k) {
          return std::clamp<int64_t>(static_cast<int64_t>(low) - 1 + k, 0, size - 1);
        };
        w.start[o] = clamped(0);
        w.count[o] = clamped(3) - clamped(0) + 1;
        for (int k = 0; k < 4; ++k) row[clamped(k) - clamped(0)] += four[k];
        break;
      }
      case Rule::Area: {
        const int64_t low = o * size / out, high = ((o + 1) * size + out - 1) / out;
        w.start[o] = low;
        w.count[o] = high - low;
        for (int64_t j = 0; j < high - low; ++j) row[j] = 1.0 / static_cast<double>(high - low);
        break;
      }
    }
  }
  return w;
}

Tensor resample(const Tensor& input, const Resampling& r, bool adjoint);

struct ResampleBackward {
  static constexpr const char* kName = "UpsampleBackward0";
  Resampling r;
  bool adjoint;
  static void backward(Node&, ResampleBackward& b, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = resample(in[0], b.r, !b.adjoint);
  }
};

Tensor resample(const Tensor& input, const Resampling& r, bool adjoint) {
  Tensor x;
  {
    const GradModeGuard off(false);
    x = contiguous(widened(input));
  }
  Dims sizes(x.sizes());
  sizes[r.dim] = adjoint ? r.size : r.out_size;
  Tensor y = empty(sizes, x.dtype());
  if (x.numel() == 0) {
    fill_data(y, Scalar(0));
  } else if (y.numel() > 0) {
    const Weights w = weights_of(r);
    int64_t outer = 1, inner = 1;
    for (int64_t d = 0; d < x.dim(); ++d) (d < r.dim ? outer : inner) *= d == r.dim ? 1 : x.size(d);
    const kernels::ResampleShape shape{r.size,         r.out_size,     inner,          w.taps,
                                       w.start.data(), w.count.data(), w.weight.data()};
    const auto& table = kernels::active().pool;
    const int f = float_index(x.dtype());
    const auto kernel = adjoint ? table.resample_backward[f] : table.resample[f];
    for_rows(outer, std::max(r.size, r.out_size) * inner,
             [&](int64_t first, int64_t last) { kernel(y->data, x->data, shape, first, last); });
  }
  y = narrowed(y, input.dtype());
  record<ResampleBackward>(y, {&input}, {}, {r, adjoint});
  return y;
}

void check_resampled(const char* op, const Tensor& input, int64_t dim, int64_t size) {
  check_floating(op, input);
  PF_CHECK(input.size(dim) > 0, Runtime, op,
           ": Expected input to have non-zero size for non-batch dimensions, but input has sizes ",
           to_string(input.sizes()));
  PF_CHECK(size >= 0, Runtime, op, ": the output size must not be negative, got ", size);
}

Tensor resample_dim(const Tensor& input, int64_t dim, int64_t size, std::string_view mode,
                    bool align_corners, std::optional<double> scale) {
  constexpr const char* op = "interpolate";
  Resampling r;
  r.rule = mode == "nearest"         ? Rule::Nearest
           : mode == "nearest-exact" ? Rule::NearestExact
           : mode == "linear"        ? Rule::Linear
                                     : Rule::Cubic;
  r.align_corners = align_corners;
  r.dim = wrap_dim(op, dim, input.dim());
  check_resampled(op, input, r.dim, size);
  PF_CHECK(size > 0, Runtime, op,
           ": Input and output sizes should be greater than 0, but got output size ", size);
  r.size = input.size(r.dim);
  r.out_size = size;
  if (align_corners) {
    r.scale = size > 1 ? static_cast<double>(r.size - 1) / static_cast<double>(size - 1) : 0.0;
  } else {
    r.scale = scale && *scale > 0 ? 1.0 / *scale
                                  : static_cast<double>(r.size) / static_cast<double>(size);
  }
  return resample(input, r, false);
}

template <int dims>
Tensor adaptive_average(const Tensor& input, IntSpan output_size) {
  constexpr const char* op = dims == 1   ? "adaptive_avg_pool1d"
                             : dims == 2 ? "adaptive_avg_pool2d"
                                         : "adaptive_avg_pool3d";
  PF_CHECK(input.dim() == dims + 1 || input.dim() == dims + 2, Runtime, op, ": Expected ", dims + 1,
           "D or ", dims + 2, "D tensor, but got ", to_string(input.sizes()));
  PF_CHECK(output_size.size() == 1 || output_size.size() == dims, Runtime, op,
           ": output_size must be one int or ", dims, ", got ", to_string(output_size));
  Dims all;
  bool whole = true;
  for (int d = 0; d < dims; ++d) {
    const int64_t dim = input.dim() - dims + d;
    const int64_t size = output_size[output_size.size() == 1 ? 0 : d];
    check_resampled(op, input, dim, size);
    all.push_back(dim);
    whole = whole && size == 1;
  }
  if (whole) return mean_dims(input, IntSpan(all), true, std::nullopt);
  Tensor y = input;
  for (int d = 0; d < dims; ++d) {
    const int64_t size = output_size[output_size.size() == 1 ? 0 : d];
    y = resample(y, {Rule::Area, false, all[d], y.size(all[d]), size, 1.0}, false);
  }
  return y;
}

PF_OP(resample_dim,
      "_resample_dim(Tensor input, int dim, int size, str mode, bool align_corners=False, float? "
      "scale=None) -> Tensor",
      kFunction, "One dimension of an interpolation.")
PF_OP(adaptive_average<1>, "adaptive_avg_pool1d(Tensor input, int[] output_size) -> Tensor",
      kNN | kFunction, "Averages of output_size windows that together cover the last dimension.")
PF_OP(adaptive_average<2>, "adaptive_avg_pool2d(Tensor input, int[] output_size) -> Tensor", kNN,
      "Averages of output_size windows that together cover the last two dimensions.")
PF_OP(adaptive_average<3>, "adaptive_avg_pool3d(Tensor input, int[] output_size) -> Tensor", kNN,
      "Averages of output_size windows that together cover the last three dimensions.")

}  // namespace
}  // namespace pyforge::ops
