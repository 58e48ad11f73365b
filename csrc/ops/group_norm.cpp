// Normalisation of groups of channels, and of single channels, in each sample.
#include "autograd/inplace.h"
#include "autograd/node.h"
#include "ops/lines.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

using kernels::GroupNormShape;

// [n, groups, channels of a group, inner]
struct Sizes {
  int64_t n, groups, channels, inner;
  Sizes(const Tensor& x, int64_t num_groups)
      : n(x.size(0)), groups(num_groups), channels(x.size(1) / num_groups), inner(1) {
    for (int64_t d = 2; d < x.dim(); ++d) inner *= x.size(d);
  }
  int64_t each() const { return channels * inner; }
  Dims wide() const { return {n, groups, channels, inner}; }
};

template <class F>
void for_groups(const Sizes& s, F&& f) {
  for_rows(s.n * s.groups, s.each(), [&](int64_t first, int64_t last) {
    f(GroupNormShape{s.groups, s.channels, s.inner, first, last});
  });
}

const void* data_or_null(const Tensor& t) { return t.defined() ? t->data : nullptr; }
void* writable(const Tensor& t) { return t.defined() ? t->data : nullptr; }

// Saved: 0 = input, 1 = statistics [2, n * groups] (mean, then 1 / deviation), 2 = weight.
struct NativeGroupNormBackward {
  static constexpr const char* kName = "NativeGroupNormBackward0";
  int64_t groups;
  double eps;

  static void backward(Node& n, NativeGroupNormBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    if (grad_enabled()) {
      p.recorded(n, in[0], out);
    } else {
      p.fused(n, in[0], out);
    }
  }

  void recorded(Node& n, const Tensor& grad, Tensor* out) {
    DType dtype = compute_type(n.saved(0).dtype());
    Tensor x = to(n.saved(0), dtype), weight = n.saved(2);
    const Sizes s(x, groups);
    const int64_t group_dims[2] = {2, 3}, channel_dims[2] = {0, 3};
    auto mean = [&](const Tensor& t) {
      return div(sum_dims(t, IntSpan(group_dims, 2), true, std::nullopt),
                 static_cast<double>(s.each()));
    };
    auto per_channel = [&](const Tensor& t) {
      return reshape(sum_dims(t, IntSpan(channel_dims, 2), false, std::nullopt), {x.size(1)});
    };
    Tensor g = reshape(to(grad, dtype), s.wide()), wide = reshape(x, s.wide());
    Tensor centred = sub(wide, mean(wide));
    Tensor rstd = rsqrt(add(mean(square(centred)), eps)), z = mul(centred, rstd);
    if (n.needs(0)) {
      Tensor gw = weight.defined() ? mul(g, reshape(weight, {1, s.groups, s.channels, 1})) : g;
      out[0] = reshape(mul(rstd, sub(sub(gw, mean(gw)), mul(z, mean(mul(gw, z))))), x.sizes());
    }
    if (n.needs(1)) out[1] = per_channel(mul(g, z));
    if (n.needs(2)) out[2] = per_channel(g);
  }

  void fused(Node& n, const Tensor& grad, Tensor* out) {
    Tensor x = contiguous(widened(n.saved(0))), stats = n.saved(1), weight = widened(n.saved(2)),
           g = contiguous(widened(grad));
    if (weight.defined()) weight = contiguous(weight);
    const Sizes s(x, groups);
    const int64_t size = static_cast<int64_t>(itemsize(x.dtype())), channels = x.size(1);
    Tensor parts[3];
    for (uint32_t k = 0; k < 3; ++k) {
      if (!n.needs(k)) continue;
      parts[k] = k == 0 ? empty(x.sizes(), x.dtype()) : empty({s.n, channels}, x.dtype());
    }
    const auto kernel = kernels::active().rows.group_norm_backward[float_index(x.dtype())];
    const char* mean = stats->data;
    for_groups(s, [&](const GroupNormShape& part) {
      kernel(writable(parts[0]), writable(parts[1]), writable(parts[2]), g->data, x->data, mean,
             mean + s.n * s.groups * size, data_or_null(weight), part);
    });
    out[0] = parts[0];
    const int64_t samples[1] = {0};
    for (uint32_t k = 1; k < 3; ++k)
      if (parts[k].defined()) out[k] = sum_dims(parts[k], IntSpan(samples, 1), false, std::nullopt);
  }
};

void check_channels(const char* op, const char* name, const Tensor& t, const Tensor& input,
                    bool same_dtype) {
  if (!t.defined()) return;
  PF_CHECK(t.dim() == 1 && t.numel() == input.size(1), Runtime, op, ": Expected ", name,
           " to be a vector of size equal to the number of channels in input, but got ", name,
           " of shape ", to_string(t.sizes()), " and input of shape ", to_string(input.sizes()));
  bool fits = t.dtype() == input.dtype() || t.dtype() == compute_type(input.dtype());
  PF_CHECK(!same_dtype || fits, Runtime, op, ": expected scalar type ", dtype_name(input.dtype()),
           " for ", name, " but found ", dtype_name(t.dtype()));
}

void check_input(const char* op, const Tensor& input, const Tensor& weight, const Tensor& bias) {
  check_floating(op, input);
  PF_CHECK(input.dim() >= 2, Runtime, op,
           ": Expected at least 2 dimensions for input tensor but received ", input.dim());
  check_channels(op, "weight", weight, input, true);
  check_channels(op, "bias", bias, input, true);
}

Tensor normalised(const Tensor& input, int64_t groups, const Tensor& weight, const Tensor& bias,
                  double eps) {
  Tensor x, w, b;
  {
    GradModeGuard off(false);
    x = contiguous(widened(input));
    if (weight.defined()) w = contiguous(widened(weight));
    if (bias.defined()) b = contiguous(widened(bias));
  }
  const Sizes s(x, groups);
  Tensor y = empty(x.sizes(), x.dtype()), stats = empty({2, s.n * s.groups}, x.dtype());
  char *mean = stats->data,
       *rstd = mean + s.n * s.groups * static_cast<int64_t>(itemsize(x.dtype()));
  const auto kernel = kernels::active().rows.group_norm[float_index(x.dtype())];
  if (x.numel() > 0)
    for_groups(s, [&](const GroupNormShape& part) {
      kernel(y->data, mean, rstd, x->data, data_or_null(w), data_or_null(b), eps, part);
    });
  y = narrowed(y, input.dtype());
  record<NativeGroupNormBackward>(y, {&input, &weight, &bias}, {&input, &stats, &weight},
                                  {groups, eps});
  return y;
}

Tensor group_norm(const Tensor& input, int64_t num_groups, const Tensor& weight, const Tensor& bias,
                  double eps) {
  check_input("group_norm", input, weight, bias);
  PF_CHECK(num_groups > 0, Runtime, "group_norm: Expected num groups to be greater than 0, got ",
           num_groups);
  PF_CHECK(input.size(1) % num_groups == 0, Runtime,
           "group_norm: Expected number of channels in input to be divisible by num_groups, but "
           "got input of shape ",
           to_string(input.sizes()), " and num_groups=", num_groups);
  return normalised(input, num_groups, weight, bias, eps);
}

// running := (1 - momentum) * running + momentum * value, in place.
void update_running(const Tensor& running, const Tensor& value, double momentum) {
  check_inplace("instance_norm", running, false);
  copy_data(running, add(mul(running, 1 - momentum), mul(value, momentum)));
  running->storage->bump();
}

Tensor instance_norm(const Tensor& input, const Tensor& running_mean, const Tensor& running_var,
                     const Tensor& weight, const Tensor& bias, bool use_input_stats,
                     double momentum, double eps) {
  constexpr const char* op = "instance_norm";
  check_input(op, input, weight, bias);
  check_channels(op, "running_mean", running_mean, input, false);
  check_channels(op, "running_var", running_var, input, false);
  if (!use_input_stats) {
    PF_CHECK(running_mean.defined() && running_var.defined(), Runtime, op,
             ": Expected running_mean and running_var to be defined when use_input_stats is false");
    return batch_norm(input, running_mean, running_var, weight, bias, false, momentum, eps);
  }
  int64_t each = 1;
  for (int64_t d = 2; d < input.dim(); ++d) each *= input.size(d);
  PF_CHECK(each != 1, Value, "Expected more than 1 spatial element when training, got input size ",
           to_string(input.sizes()));
  if (running_mean.defined() || running_var.defined()) {
    GradModeGuard off(false);
    const int64_t last[1] = {2}, samples[1] = {0};
    Tensor rows = reshape(input, {input.size(0), input.size(1), each});
    if (running_mean.defined())
      update_running(running_mean,
                     mean_dims(mean_dims(rows, IntSpan(last, 1), false, std::nullopt),
                               IntSpan(samples, 1), false, std::nullopt),
                     momentum);
    if (running_var.defined())
      update_running(running_var,
                     mean_dims(var(rows, IntSpan(last, 1), Scalar(1), false), IntSpan(samples, 1),
                               false, std::nullopt),
                     momentum);
  }
  if (input.size(1) == 0) return mul(input, 1.0);
  return normalised(input, input.size(1), weight, bias, eps);
}

PF_OP(group_norm,
      "group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float "
      "eps=1e-5) -> Tensor",
      kNN | kFunction,
      "input with mean 0 and variance 1 over each group of channels, then scaled and shifted.")
PF_OP(instance_norm,
      "instance_norm(Tensor input, Tensor? running_mean=None, Tensor? running_var=None, Tensor? "
      "weight=None, Tensor? bias=None, bool use_input_stats=True, float momentum=0.1, float "
      "eps=1e-5) -> Tensor",
      kNN,
      "input with mean 0 and variance 1 in each channel of each sample, then scaled and shifted.")

}  // namespace
}  // namespace pyforge::ops
