#include "ops/pointwise.h"

#include "autograd/node.h"
#include "ops/lines.h"
#include "ops/loop.h"
#include "ops/ops.h"
#include "ops/recorded.h"

namespace pyforge::ops {

using kernels::Elementwise;
using kernels::ElementwiseFn;
using kernels::Epilogue;

namespace {

constexpr int64_t kLeastPlane = 32;  // below, sum() adds in another order

ElementwiseFn derivative_kernel(const Activation& a, DType dtype) {
  return kernels::active().elementwise.backward[static_cast<int>(a.row)][0][floating_index(dtype)];
}

// Where the new gradient goes.
Tensor target_like(const Tensor& g) { return g.unique() && g.is_contiguous() ? g : empty_like(g); }

struct LinearPointwiseBackward {
  static constexpr const char* kName = "LinearPointwiseBackward0";
  Activation activation;

  static void backward(Node& n, LinearPointwiseBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    const Tensor x = n.saved(0), w = n.saved(1);
    Tensor value = n.saved(2);
    if (grad_enabled() && !p.activation.from_result()) value = linear(x, w, n.saved(3));
    const Tensor g = activation_gradient(p.activation, in[0], value);
    if (n.needs(0)) out[0] = product(g, false, w, false);
    if (n.needs(1)) out[1] = rows_product(g, x);
    if (n.needs(2)) out[2] = g;
  }
};

}  // namespace

Tensor Activation::operator()(const Tensor& x) const {
  switch (row) {
    case Elementwise::relu:
      return relu(x);
    case Elementwise::sigmoid:
      return sigmoid(x);
    case Elementwise::tanh:
      return tanh(x);
    case Elementwise::silu:
      return silu(x);
    case Elementwise::gelu_tanh:
      return gelu_tanh(x);
    default:
      return gelu(x);
  }
}

Activation activation_of(const char* op, std::string_view attr,
                         std::optional<std::string_view> algorithm) {
  if (attr == "relu") return {Elementwise::relu};
  if (attr == "sigmoid") return {Elementwise::sigmoid};
  if (attr == "tanh") return {Elementwise::tanh};
  if (attr == "swish") return {Elementwise::silu};
  PF_CHECK(attr == "gelu", Runtime, op, ": no activation is called '", std::string(attr),
           "'; use relu, sigmoid, tanh, swish or gelu");
  const std::string_view form = algorithm.value_or("none");
  PF_CHECK(form == "none" || form == "tanh", Runtime, op,
           ": the algorithm of gelu must be none or tanh, not '", std::string(form), "'");
  return {form == "tanh" ? Elementwise::gelu_tanh : Elementwise::gelu};
}

Tensor activation_gradient(const Activation& activation, Tensor& g, const Tensor& value) {
  const bool from_result = activation.from_result();
  if (grad_enabled() || masked_gradients_propagate) {
    const DerivativeArgs args{g,  from_result ? Tensor() : value,
                              {}, from_result ? value : Tensor(),
                              {}, {},
                              {}, value.dtype()};
    return recorded_derivative(activation.row, 0)(args);
  }
  const Tensor r = target_like(g);
  LoopInput inputs[4] = {g};
  inputs[from_result ? 3 : 1] = LoopInput(value);
  run_loop(derivative_kernel(activation, value.dtype()), r, inputs, 4, nullptr);
  return r;
}

Tensor activation_gradient_sums(const Activation& activation, Tensor& g, const Tensor& value,
                                Tensor& sums) {
  const DType dtype = g.dtype();
  const int64_t images = g.size(0), channels = g.size(1), planes = images * channels;
  const int64_t size = planes > 0 ? g.numel() / planes : 0;
  if (is_half(dtype) || size < kLeastPlane || size > kernels::kReduceBlock ||
      images > kernels::kReduceBlock || channels == 1 || !g.is_contiguous() ||
      !value.is_contiguous()) {
    return Tensor();
  }
  const Tensor r = target_like(g), partial = empty({planes}, dtype);
  sums = empty({channels}, dtype);
  const ElementwiseFn kernel = derivative_kernel(activation, dtype);
  const auto add =
      kernels::active()
          .reduce.reduce[static_cast<int>(kernels::Reduce::Sum)][static_cast<int>(dtype)];
  const int64_t bytes = size * static_cast<int64_t>(itemsize(dtype));
  char* const to = r->data;
  char* const part = partial->data;
  const char *const from = g->data, *const values = value->data;
  const bool from_result = activation.from_result();
  for_rows(planes, size, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const char* const v = values + i * bytes;
      const void* in[4] = {from + i * bytes, from_result ? nullptr : v, nullptr,
                           from_result ? v : nullptr};
      kernel(to + i * bytes, in, size, nullptr);
      add({to + i * bytes, part + i * static_cast<int64_t>(itemsize(dtype)), 1, size, 1, 0, 1, 1});
    }
  });
  add({part, sums->data, 1, images, channels, 0, channels, 1});
  return r;
}

Tensor linear_pointwise(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const Activation& activation) {
  const bool plain = weight.dim() == 2 && x.dim() > 0 && is_floating(x.dtype()) &&
                     (!bias.defined() ||
                      (bias.dim() <= 1 && (bias.numel() == 1 || bias.numel() == weight.size(0))));
  if (!plain) return activation(linear(x, weight, bias));
  const Tensor* const inputs[] = {&x, &weight, &bias};
  const bool recorded = grad_enabled() && any_requires_grad(inputs, 3);
  const bool keeps = recorded && !activation.from_result();
  // In its registers the product applies what leaves the order of its sums as it is.
  const Epilogue epilogue = activation.row == Elementwise::relu ? Epilogue::Relu : Epilogue::None;
  Tensor before = linear_values(x, weight, bias, epilogue), y = before;
  if (epilogue == Epilogue::None) {
    if (keeps) y = empty_like(before);
    const LoopInput in(before);
    run_loop(activation.kernel(x.dtype()), y, &in, 1);
  }
  if (!recorded) return y;
  if (keeps) {
    record<LinearPointwiseBackward>(y, {&x, &weight, &bias}, {&x, &weight, &before, &bias},
                                    {activation});
  } else {
    const Tensor none;
    record<LinearPointwiseBackward>(
        y, {&x, &weight, &bias},
        {weight.requires_grad() ? &x : &none, x.requires_grad() ? &weight : &none, &y},
        {activation});
  }
  return y;
}

namespace {

Tensor linear_named(const Tensor& input, const Tensor& weight, const Tensor& bias,
                    std::string_view attr, std::optional<std::string_view> algorithm) {
  return linear_pointwise(input, weight, bias, activation_of("_linear_pointwise", attr, algorithm));
}

Tensor convolution_named(const Tensor& input, const Tensor& weight, const Tensor& bias,
                         IntSpan padding, IntSpan stride, IntSpan dilation, int64_t groups,
                         std::string_view attr, std::optional<std::string_view> algorithm) {
  return convolution_pointwise(input, weight, bias, padding, stride, dilation, groups,
                               activation_of("_convolution_pointwise", attr, algorithm));
}

PF_OP(linear_named,
      "_linear_pointwise(Tensor input, Tensor weight, Tensor? bias, str attr, str? algorithm=None) "
      "-> Tensor",
      kNN,
      "linear() and the activation `attr` (relu, sigmoid, tanh, swish, or gelu by `algorithm`) in "
      "one op.")
PF_OP(convolution_named,
      "_convolution_pointwise(Tensor input, Tensor weight, Tensor? bias, int[] padding, int[] "
      "stride, int[] dilation, int groups, str attr, str? algorithm=None) -> Tensor",
      kNN,
      "A convolution of one to three dimensions and the activation `attr` (relu, sigmoid, tanh, "
      "swish, or gelu by `algorithm`) in one op.")

}  // namespace
}  // namespace pyforge::ops
