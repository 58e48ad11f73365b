// Normalisation of each channel over the batch.
#include <cmath>

#include "autograd/inplace.h"
#include "autograd/node.h"
#include "ops/lines.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

using kernels::BatchNormShape;

BatchNormShape shape_of(const Tensor& x) {
  int64_t inner = 1;
  for (int64_t d = 2; d < x.dim(); ++d) inner *= x.size(d);
  return {x.size(0), x.size(1), inner, 0, x.size(1)};
}

// Channels that share cache lines.
int64_t channels_together(const BatchNormShape& s) { return s.inner == 1 ? 64 : 1; }

// f(shape) for parts of the channels.
template <class F>
void for_channels(const BatchNormShape& s, F&& f) {
  int64_t together = channels_together(s);
  for_rows((s.channels + together - 1) / together, s.n * s.inner * together,
           [&](int64_t first, int64_t last) {
             BatchNormShape part = s;
             part.first = first * together;
             part.last = std::min(last * together, s.channels);
             f(part);
           });
}

const void* data_or_null(const Tensor& t) { return t.defined() ? t->data : nullptr; }

// Saved: 0 = input, 1 = statistics [2, channels] (mean, then 1 / deviation), 2 = weight.
struct NativeBatchNormBackward {
  static constexpr const char* kName = "NativeBatchNormBackward0";
  bool training;
  double eps;

  static void backward(Node& n, NativeBatchNormBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    if (grad_enabled()) {
      p.recorded(n, in[0], out);
    } else {
      p.fused(n, in[0], out);
    }
  }

  void recorded(Node& n, const Tensor& grad, Tensor* out) {
    DType dtype = compute_type(n.saved(0).dtype());
    Tensor x = to(n.saved(0), dtype), g = to(grad, dtype), stats = n.saved(1), weight = n.saved(2);
    int64_t channels = x.size(1);
    double each = static_cast<double>(x.numel()) / static_cast<double>(channels);
    Dims dims, wide(x.dim(), 1);
    wide[1] = channels;
    for (int64_t d = 0; d < x.dim(); ++d)
      if (d != 1) dims.push_back(d);
    auto mean = [&](const Tensor& t) {
      return div(sum_dims(t, IntSpan(dims), true, std::nullopt), each);
    };
    auto per_channel = [&](const Tensor& t) {
      return sum_dims(t, IntSpan(dims), false, std::nullopt);
    };
    auto statistic = [&](int64_t k) {
      int64_t offset = k * channels * static_cast<int64_t>(itemsize(stats.dtype()));
      return make_view(stats, wide, contiguous_strides(wide), stats->data + offset);
    };
    Tensor centred = sub(x, training ? mean(x) : statistic(0));
    Tensor rstd = training ? rsqrt(add(mean(square(centred)), eps)) : statistic(1);
    Tensor z = mul(centred, rstd);
    if (n.needs(0)) {
      Tensor gw = weight.defined() ? mul(g, reshape(weight, wide)) : g;
      if (training) gw = sub(sub(gw, mean(gw)), mul(z, mean(mul(gw, z))));
      out[0] = mul(rstd, gw);
    }
    if (n.needs(1)) out[1] = per_channel(mul(g, z));
    if (n.needs(2)) out[2] = per_channel(g);
  }

  void fused(Node& n, const Tensor& grad, Tensor* out) {
    Tensor x = contiguous(widened(n.saved(0))), stats = n.saved(1), weight = widened(n.saved(2)),
           g = contiguous(widened(grad));
    if (weight.defined()) weight = contiguous(weight);
    BatchNormShape s = shape_of(x);
    for (uint32_t k = 0; k < 3; ++k)
      if (n.needs(k))
        out[k] = k == 0 ? empty(x.sizes(), x.dtype()) : empty({s.channels}, x.dtype());
    const char *mean = stats->data,
               *rstd = mean + s.channels * static_cast<int64_t>(itemsize(x.dtype()));
    auto kernel = kernels::active().rows.batch_norm_backward[float_index(x.dtype())];
    void *dx = out[0].defined() ? out[0]->data : nullptr,
         *dweight = out[1].defined() ? out[1]->data : nullptr,
         *dbias = out[2].defined() ? out[2]->data : nullptr;
    for_channels(s, [&](const BatchNormShape& part) {
      kernel(dx, dweight, dbias, g->data, x->data, mean, rstd, data_or_null(weight), training,
             part);
    });
  }
};

// running := (1 - momentum) * running + momentum * scale * value, in place.
void update_running(const char* op, const Tensor& running, const Tensor& value, double momentum,
                    double scale) {
  if (!running.defined()) return;
  check_inplace(op, running, false);
  GradModeGuard off(false);
  Tensor weighted = mul(value, momentum * scale);
  copy_data(running, add(mul(running, 1 - momentum), weighted));
  running->storage->bump();
}

void check_channels(const char* name, const Tensor& t, const Tensor& input, bool same_dtype) {
  if (!t.defined()) return;
  PF_CHECK(t.dim() == 1 && t.numel() == input.size(1), Runtime, "batch_norm: ", name,
           " should contain ", input.size(1), " elements not ", t.numel());
  bool fits = t.dtype() == input.dtype() || t.dtype() == compute_type(input.dtype());
  PF_CHECK(!same_dtype || fits, Runtime, "batch_norm: expected scalar type ",
           dtype_name(input.dtype()), " for ", name, " but found ", dtype_name(t.dtype()));
}

}  // namespace

Tensor batch_norm(const Tensor& input, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight, const Tensor& bias, bool training, double momentum,
                  double eps) {
  check_floating("batch_norm", input);
  PF_CHECK(input.dim() >= 2, Runtime,
           "batch_norm: expected at least 2D input with channels in dim 1, got shape ",
           to_string(input.sizes()));
  check_channels("running_mean", running_mean, input, false);
  check_channels("running_var", running_var, input, false);
  check_channels("weight", weight, input, true);
  check_channels("bias", bias, input, true);
  BatchNormShape s = shape_of(input);
  int64_t each = s.n * s.inner;
  PF_CHECK(!training || each != 1, Value,
           "Expected more than 1 value per channel when training, got input size ",
           to_string(input.sizes()));
  PF_CHECK(training || (running_mean.defined() && running_var.defined()), Runtime,
           "batch_norm: running_mean and running_var must be defined in evaluation mode");
  Tensor x, w, b;
  {
    GradModeGuard off(false);
    x = contiguous(widened(input));
    if (weight.defined()) w = contiguous(widened(weight));
    if (bias.defined()) b = contiguous(widened(bias));
  }
  Tensor y = empty(x.sizes(), x.dtype()), stats = empty({2, s.channels}, x.dtype());
  Tensor mean = make_view(stats, {s.channels}, {1}, stats->data);
  Tensor rstd = make_view(stats, {s.channels}, {1},
                          stats->data + s.channels * static_cast<int64_t>(itemsize(x.dtype())));
  Tensor variance = empty({s.channels}, x.dtype());
  if (!training) {
    copy_data(mean, running_mean);
    copy_data(variance, running_var);
  }
  const auto& table = kernels::active().rows;
  int d = float_index(x.dtype());
  // A few channels at a time, so that they are still in the cache when they are normalised.
  int64_t together = channels_together(s);
  for_channels(s, [&](const BatchNormShape& part) {
    BatchNormShape few = part;
    for (int64_t c = part.first; c < part.last; c = few.last) {
      few.first = c;
      few.last = std::min(c + together, part.last);
      if (training) table.batch_norm_stats[d](mean->data, variance->data, x->data, few);
      with_float(x.dtype(), [&](auto zero) {
        using T = decltype(zero);
        for (int64_t k = few.first; k < few.last; ++k)
          rstd.data<T>()[k] =
              static_cast<T>(1 / std::sqrt(static_cast<double>(variance.data<T>()[k]) + eps));
      });
      table.batch_norm[d](y->data, x->data, mean->data, rstd->data, data_or_null(w),
                          data_or_null(b), few);
    }
  });
  if (training) {
    double unbiased = static_cast<double>(each) / static_cast<double>(each - 1);
    update_running("batch_norm", running_mean, mean, momentum, 1);
    update_running("batch_norm", running_var, variance, momentum, unbiased);
  }
  y = narrowed(y, input.dtype());
  record<NativeBatchNormBackward>(y, {&input, &weight, &bias}, {&input, &stats, &weight},
                                  {training, eps});
  return y;
}

PF_OP(batch_norm,
      "batch_norm(Tensor input, Tensor? running_mean, Tensor? running_var, Tensor? weight=None, "
      "Tensor? bias=None, "
      "bool training=False, float momentum=0.1, float eps=1e-5) -> Tensor",
      kNN,
      "input with mean 0 and variance 1 in each channel (dim 1), then scaled and shifted; in "
      "training the running "
      "statistics are updated.")

}  // namespace pyforge::ops
