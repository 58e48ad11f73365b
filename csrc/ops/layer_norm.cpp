// Normalisation over the last dimensions.
#include <limits>

#include "autograd/node.h"
#include "ops/lines.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

Tensor mean_keep(const Tensor& t, IntSpan dims, int64_t count) {
  return div(sum_dims(t, dims, true, std::nullopt), static_cast<double>(count));
}

Dims last_dims(int64_t ndim, int64_t n) {
  Dims dims;
  for (int64_t d = ndim - n; d < ndim; ++d) dims.push_back(d);
  return dims;
}

// Saved: 0 = input, 1 = statistics [2, rows] (mean, then 1 / deviation), 2 = weight.
struct RowNorm {
  int64_t rows, cols, normalized_dims;
  double eps;
  bool centred;  // layer norm; else RMS norm, whose statistics have no mean

  void backward(Node& n, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    if (grad_enabled()) {
      recorded(n, in[0], out);
    } else {
      fused(n, in[0], out);
    }
  }

  void recorded(Node& n, const Tensor& grad, Tensor* out) {
    DType dtype = compute_type(n.saved(0).dtype());
    Tensor x = to(n.saved(0), dtype), weight = n.saved(2);
    Dims dims = last_dims(x.dim(), normalized_dims);
    Tensor shifted = centred ? sub(x, mean_keep(x, dims, cols)) : x;
    Tensor rstd = rsqrt(add(mean_keep(square(shifted), dims, cols), eps));
    Tensor z = mul(shifted, rstd), g = to(grad, dtype);
    if (n.needs(0)) {
      Tensor gw = weight.defined() ? mul(g, weight) : g;
      Tensor across = mul(z, mean_keep(mul(gw, z), dims, cols));
      if (centred) gw = sub(gw, mean_keep(gw, dims, cols));
      out[0] = mul(rstd, sub(gw, across));
    }
    if (n.needs(1)) out[1] = mul(g, z);
    if (n.needs(2)) out[2] = g;
  }

  void fused(Node& n, const Tensor& grad, Tensor* out) {
    Tensor x = contiguous(widened(n.saved(0))), stats = n.saved(1), weight = widened(n.saved(2)),
           g = contiguous(widened(grad));
    if (weight.defined()) weight = contiguous(weight);
    int64_t size = static_cast<int64_t>(itemsize(x.dtype()));
    Dims shape = IntSpan(x.sizes().end() - normalized_dims, normalized_dims);
    bool params = n.needs(1) || n.needs(2);
    int64_t blocks = (rows + kernels::kRowBlock - 1) / kernels::kRowBlock;
    // Per block of rows: dweight, then dbias.
    Tensor parts = params ? zeros({std::max<int64_t>(blocks, 1), 2, cols}, x.dtype()) : Tensor();
    Tensor dx = n.needs(0) ? empty(x.sizes(), x.dtype()) : Tensor();
    const char *mean = centred ? stats->data : nullptr, *rstd = stats->data + rows * size;
    const auto& table = kernels::active().rows;
    auto kernel =
        (centred ? table.layer_norm_backward : table.rms_norm_backward)[float_index(x.dtype())];
    bool need_weight = n.needs(1), need_bias = n.needs(2);
    for_rows(blocks, kernels::kRowBlock * cols, [&](int64_t first, int64_t last) {
      for (int64_t b = first; b < last; ++b) {
        int64_t row = b * kernels::kRowBlock, count = std::min(kernels::kRowBlock, rows - row);
        char* part = params ? parts->data + 2 * b * cols * size : nullptr;
        kernel(dx.defined() ? dx->data + row * cols * size : nullptr, need_weight ? part : nullptr,
               need_bias ? part + cols * size : nullptr, g->data + row * cols * size,
               x->data + row * cols * size, mean ? mean + row * size : nullptr, rstd + row * size,
               weight.defined() ? weight->data : nullptr, count, cols);
      }
    });
    out[0] = dx;
    if (!params) return;
    Tensor total = blocks > 1 ? sum_dims(parts, IntSpan({0}), false, std::nullopt) : parts;
    for (uint32_t k = 0; k < 2; ++k)
      if (n.needs(k + 1))
        out[k + 1] =
            make_view(total, shape, contiguous_strides(shape), total->data + k * cols * size);
  }
};

struct NativeLayerNormBackward {
  static constexpr const char* kName = "NativeLayerNormBackward0";
  RowNorm norm;
  static void backward(Node& n, NativeLayerNormBackward& p, Tensor* in, Tensor* out) {
    p.norm.backward(n, in, out);
  }
};
struct RmsNormBackward {
  static constexpr const char* kName = "FusedRmsNormBackward0";
  RowNorm norm;
  static void backward(Node& n, RmsNormBackward& p, Tensor* in, Tensor* out) {
    p.norm.backward(n, in, out);
  }
};

void check_affine(const char* op, const char* name, const Tensor& t, const Tensor& input,
                  IntSpan shape) {
  if (!t.defined()) return;
  PF_CHECK(t.sizes() == shape, Runtime, op, ": Expected ", name,
           " to be of same shape as normalized_shape, but got ", name, " of shape ",
           to_string(t.sizes()), " and normalized_shape = ", to_string(shape));
  bool fits = t.dtype() == input.dtype() || t.dtype() == compute_type(input.dtype());
  PF_CHECK(fits, Runtime, op, ": expected scalar type ", dtype_name(input.dtype()), " for ", name,
           " but found ", dtype_name(t.dtype()));
}

void check_input(const char* op, const Tensor& input, IntSpan shape) {
  check_floating(op, input);
  PF_CHECK(
      shape.size() > 0, Runtime, op,
      ": Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
      "element, but got normalized_shape = []");
  bool fits = input.dim() >= shape.size() &&
              IntSpan(input.sizes().end() - shape.size(), shape.size()) == shape;
  PF_CHECK(fits, Runtime, op, ": Given normalized_shape=", to_string(shape),
           ", expected input with shape [*, ", to_string(shape).substr(1),
           ", but got input of size ", to_string(input.sizes()));
}

template <class Backward>
Tensor normalised(const Tensor& input, IntSpan normalized_shape, const Tensor& weight,
                  const Tensor& bias, double eps, bool centred) {
  int64_t cols = count(normalized_shape), rows = cols ? input.numel() / cols : 0;
  DType dtype = compute_type(input.dtype());
  int64_t size = static_cast<int64_t>(itemsize(dtype));
  Tensor x, w, b;
  {
    GradModeGuard off(false);
    x = contiguous(widened(input));
    if (weight.defined()) w = contiguous(widened(weight));
    if (bias.defined()) b = contiguous(widened(bias));
  }
  Tensor y = empty(input.sizes(), dtype), stats = empty({2, rows}, dtype);
  char *mean = centred ? stats->data : nullptr, *rstd = stats->data + rows * size;
  const auto& table = kernels::active().rows;
  auto kernel = (centred ? table.layer_norm : table.rms_norm)[float_index(dtype)];
  for_rows(rows, cols, [&](int64_t first, int64_t last) {
    kernel(y->data + first * cols * size, mean ? mean + first * size : nullptr, rstd + first * size,
           x->data + first * cols * size, w.defined() ? w->data : nullptr,
           b.defined() ? b->data : nullptr, eps, last - first, cols);
  });
  y = narrowed(y, input.dtype());
  record<Backward>(y, {&input, &weight, &bias}, {&input, &stats, &weight},
                   {{rows, cols, normalized_shape.size(), eps, centred}});
  return y;
}

Tensor rms_norm(const Tensor& input, IntSpan normalized_shape, const Tensor& weight,
                std::optional<double> eps) {
  check_input("rms_norm", input, normalized_shape);
  check_affine("rms_norm", "weight", weight, input, normalized_shape);
  double epsilon = eps                                ? *eps
                   : input.dtype() == DType::Float16  ? 0x1p-10
                   : input.dtype() == DType::BFloat16 ? 0x1p-7
                   : input.dtype() == DType::Float32  ? std::numeric_limits<float>::epsilon()
                                                      : std::numeric_limits<double>::epsilon();
  return normalised<RmsNormBackward>(input, normalized_shape, weight, Tensor(), epsilon, false);
}

}  // namespace

Tensor layer_norm(const Tensor& input, IntSpan normalized_shape, const Tensor& weight,
                  const Tensor& bias, double eps) {
  constexpr const char* op = "layer_norm";
  check_input(op, input, normalized_shape);
  check_affine(op, "weight", weight, input, normalized_shape);
  check_affine(op, "bias", bias, input, normalized_shape);
  return normalised<NativeLayerNormBackward>(input, normalized_shape, weight, bias, eps, true);
}

PF_OP(layer_norm,
      "layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, Tensor? bias=None, "
      "float eps=1e-5) -> Tensor",
      kNN | kFunction,
      "input with mean 0 and variance 1 over its last dimensions, then scaled and shifted.")
PF_OP(rms_norm,
      "rms_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, float? eps=None) -> "
      "Tensor",
      kNN | kFunction,
      "input divided by the root of its mean square over the last dimensions, then scaled.")

}  // namespace pyforge::ops
