// Convolution and transposed convolution: argument checks, padding by name, unbatched input.
#include "ops/conv.h"

#include <optional>

#include "ops/lines.h"
#include "ops/ops.h"
#include "ops/pad.h"
#include "ops/pointwise.h"

namespace pyforge::ops {
namespace {

// One value for all dimensions or one for each.
void expand_list(const char* op, const char* name, IntSpan given, int dims, int64_t* to) {
  PF_CHECK(given.size() == 1 || given.size() == dims, Runtime, op, ": expected ", name,
           " to be a single integer value or a list of ", dims,
           " values to match the convolution dimensions, but got ", name, "=", to_string(given));
  for (int d = 0; d < dims; ++d) to[d] = given[given.size() == 1 ? 0 : d];
}

ConvParams parameters(const char* op, int dims, IntSpan stride, IntSpan dilation, int64_t groups) {
  ConvParams p;
  p.dims = dims;
  expand_list(op, "stride", stride, dims, p.stride);
  expand_list(op, "dilation", dilation, dims, p.dilation);
  p.groups = groups;
  for (int d = 0; d < dims; ++d) {
    PF_CHECK(p.stride[d] > 0, Runtime, op, ": non-positive stride is not supported, got ",
             to_string(stride));
    PF_CHECK(p.dilation[d] > 0, Runtime, op, ": dilation should be greater than zero, got ",
             to_string(dilation));
    PF_CHECK(p.stride[d] <= kMaxStep && p.dilation[d] <= kMaxStep, Runtime, op,
             ": stride and dilation must be less than 2^31, got ", to_string(stride), " and ",
             to_string(dilation));
  }
  PF_CHECK(groups > 0, Runtime, op, ": non-positive groups is not supported, got ", groups);
  return p;
}

// Checks what both kinds share; `channels` is what the input must have in its channel dimension.
void check_tensors(const char* op, const Tensor& input, const Tensor& weight, const Tensor& bias,
                   int dims, int64_t groups, bool transposed) {
  PF_CHECK(input.dim() == dims + 1 || input.dim() == dims + 2, Runtime, "Expected ", dims + 1,
           "D (unbatched) or ", dims + 2, "D (batched) input to ", op,
           ", but got input of size: ", to_string(input.sizes()));
  PF_CHECK(weight.dim() == dims + 2, Runtime, op, ": expected ", dims + 2,
           "-dimensional weight, but got weight of size ", to_string(weight.sizes()));
  PF_CHECK(is_floating(input.dtype()), Runtime, op, ": not implemented for '",
           dtype_name(input.dtype()), "'; convert the input with .to(pyforge.float32)");
  PF_CHECK(weight.dtype() == input.dtype(), Runtime, op, ": expected scalar type ",
           dtype_name(input.dtype()), " for the weight but found ", dtype_name(weight.dtype()));
  const int64_t channels = input.size(input.dim() - dims - 1);
  const int64_t rows = weight.size(0);
  PF_CHECK(rows >= groups, Runtime, "Given groups=", groups, ", expected weight to be at least ",
           groups, " at dimension 0, but got weight of size ", to_string(weight.sizes()),
           " instead (", op, ")");
  PF_CHECK(rows % groups == 0, Runtime, "Given groups=", groups,
           ", expected weight to be divisible by ", groups,
           " at dimension 0, but got weight of size ", to_string(weight.sizes()), " instead (", op,
           ")");
  const int64_t expected = transposed ? rows : weight.size(1) * groups;
  PF_CHECK(channels == expected, Runtime, "Given ", transposed ? "transposed=1, " : "groups=",
           transposed ? "" : std::to_string(groups) + ", ", "weight of size ",
           to_string(weight.sizes()), ", expected input", to_string(input.sizes()), " to have ",
           expected, " channels, but got ", channels, " channels instead (", op, ")");
  PF_CHECK(weight.size(1) > 0, Runtime, op, ": weight of size ", to_string(weight.sizes()),
           " has no channels");
  if (bias.defined()) {
    const int64_t outputs = transposed ? weight.size(1) * groups : rows;
    PF_CHECK(bias.dim() == 1 && bias.numel() == outputs, Runtime, "Given weight of size ",
             to_string(weight.sizes()), ", expected bias to be 1-dimensional with ", outputs,
             " elements, but got bias of size ", to_string(bias.sizes()), " instead (", op, ")");
    PF_CHECK(bias.dtype() == input.dtype(), Runtime, op, ": expected scalar type ",
             dtype_name(input.dtype()), " for the bias but found ", dtype_name(bias.dtype()));
  }
  for (int d = 0; d < dims; ++d) {
    PF_CHECK(weight.size(d + 2) > 0, Runtime, op, ": weight of size ", to_string(weight.sizes()),
             " has an empty kernel");
  }
}

Tensor batched(const Tensor& input, int dims) {
  return input.dim() == dims + 1 ? unsqueeze(input, 0) : input;
}
Tensor unbatched(const Tensor& y, const Tensor& input, int dims) {
  return input.dim() == dims + 1 ? select(y, 0, 0) : y;
}

Tensor convolve(const char* op, const Tensor& input, const Tensor& weight, const Tensor& bias,
                const ConvParams& p, const Activation* activation = nullptr) {
  const Tensor x = batched(input, p.dims);
  Dims sizes{x.size(0), weight.size(0)};
  for (int d = 0; d < p.dims; ++d) {
    PF_CHECK(p.padding[d] >= 0, Runtime, op, ": negative padding is not supported, got ",
             p.padding[d]);
    PF_CHECK(p.padding[d] <= kMaxStep, Runtime, op, ": padding must be less than 2^31, got ",
             p.padding[d]);
    const int64_t size = x.size(d + 2) + 2 * p.padding[d];
    const int64_t extent = p.dilation[d] * (weight.size(d + 2) - 1) + 1;
    PF_CHECK(size >= extent, Runtime, op, ": Calculated padded input size per channel: ", size,
             ". Kernel size: ", extent, " in dimension ", d,
             ". Kernel size can't be greater than actual input size");
    sizes.push_back((size - extent) / p.stride[d] + 1);
  }
  const Tensor y = activation ? conv_activated(x, weight, bias, p, sizes, *activation)
                              : conv_forward(x, weight, bias, p, sizes);
  return unbatched(y, input, p.dims);
}

template <int dims>
constexpr const char* conv_name() {
  return dims == 1 ? "conv1d" : dims == 2 ? "conv2d" : "conv3d";
}
template <int dims>
constexpr const char* transpose_name() {
  return dims == 1 ? "conv_transpose1d" : dims == 2 ? "conv_transpose2d" : "conv_transpose3d";
}

template <int dims>
Tensor conv(const Tensor& input, const Tensor& weight, const Tensor& bias, IntSpan stride,
            IntSpan padding, IntSpan dilation, int64_t groups) {
  constexpr const char* op = conv_name<dims>();
  ConvParams p = parameters(op, dims, stride, dilation, groups);
  expand_list(op, "padding", padding, dims, p.padding);
  check_tensors(op, input, weight, bias, dims, groups, false);
  return convolve(op, input, weight, bias, p);
}

template <int dims>
Tensor conv_padded(const Tensor& input, const Tensor& weight, const Tensor& bias, IntSpan stride,
                   std::string_view padding, IntSpan dilation, int64_t groups) {
  constexpr const char* op = conv_name<dims>();
  ConvParams p = parameters(op, dims, stride, dilation, groups);
  PF_CHECK(padding == "valid" || padding == "same", Runtime, op, ": Invalid padding string: '",
           std::string(padding), "'; use 'valid' or 'same'");
  check_tensors(op, input, weight, bias, dims, groups, false);
  if (padding == "valid") return convolve(op, input, weight, bias, p);
  Dims extra;  // of the last dimension first
  bool even = true;
  for (int d = dims - 1; d >= 0; --d) {
    PF_CHECK(p.stride[d] == 1, Runtime, op,
             ": padding='same' is not supported for strided convolutions");
    const int64_t total = p.dilation[d] * (weight.size(d + 2) - 1);
    p.padding[d] = total / 2;
    extra.push_back(0);
    extra.push_back(total % 2);
    even = even && total % 2 == 0;
  }
  return convolve(op, even ? input : constant_pad_nd(input, extra, Scalar(0)), weight, bias, p);
}

template <int dims>
Tensor conv_transpose(const Tensor& input, const Tensor& weight, const Tensor& bias, IntSpan stride,
                      IntSpan padding, IntSpan output_padding, int64_t groups, IntSpan dilation) {
  constexpr const char* op = transpose_name<dims>();
  ConvParams p = parameters(op, dims, stride, dilation, groups);
  int64_t extra[3];
  expand_list(op, "padding", padding, dims, p.padding);
  expand_list(op, "output_padding", output_padding, dims, extra);
  check_tensors(op, input, weight, bias, dims, groups, true);
  const Tensor g = batched(input, dims);
  Dims sizes{g.size(0), weight.size(1) * groups};
  for (int d = 0; d < dims; ++d) {
    PF_CHECK(p.padding[d] >= 0, Runtime, op, ": negative padding is not supported, got ",
             to_string(padding));
    PF_CHECK(p.padding[d] <= kMaxStep, Runtime, op, ": padding must be less than 2^31, got ",
             to_string(padding));
    PF_CHECK(extra[d] >= 0 && extra[d] < std::max(p.stride[d], p.dilation[d]), Runtime, op,
             ": output padding must be smaller than either stride or dilation, but got "
             "output_padding=",
             to_string(output_padding), ", stride=", to_string(stride),
             ", dilation=", to_string(dilation));
    PF_CHECK(g.size(d + 2) > 0, Runtime, op, ": Expected a non-empty input, but got input of size ",
             to_string(input.sizes()));
    sizes.push_back((g.size(d + 2) - 1) * p.stride[d] - 2 * p.padding[d] +
                    p.dilation[d] * (weight.size(d + 2) - 1) + extra[d] + 1);
    PF_CHECK(sizes.back() > 0, Runtime, op, ": the output size would be ", sizes.back(),
             " in dimension ", d, " for input of size ", to_string(input.sizes()),
             "; use less padding");
  }
  return unbatched(conv_input(g, weight, bias, p, sizes), input, dims);
}

#define PF_CONV(dims, text)                                                                       \
  PF_OP(conv<dims>,                                                                               \
        "conv" #dims                                                                              \
        "d(Tensor input, Tensor weight, Tensor? bias=None, int[] stride=[1], int[] padding=[0], " \
        "int[] dilation=[1], int groups=1) -> Tensor",                                            \
        kNN | kFunction, text)                                                                    \
  PF_OP(conv_padded<dims>,                                                                        \
        "conv" #dims                                                                              \
        "d(Tensor input, Tensor weight, Tensor? bias=None, int[] stride=[1], str "                \
        "padding='valid', int[] dilation=[1], int groups=1) -> Tensor",                           \
        kNN | kFunction, text)                                                                    \
  PF_OP(conv_transpose<dims>,                                                                     \
        "conv_transpose" #dims                                                                    \
        "d(Tensor input, Tensor weight, Tensor? bias=None, int[] stride=[1], int[] padding=[0], " \
        "int[] output_padding=[0], int groups=1, int[] dilation=[1]) -> Tensor",                  \
        kNN | kFunction,                                                                          \
        "The transposed convolution: the gradient of conv" #dims                                  \
        "d with respect to its input, with weight [in, out / groups, *kernel].")

PF_CONV(1, "Cross-correlation of input [N, C, L] with weight [K, C / groups, kernel], plus bias.")
PF_CONV(2,
        "Cross-correlation of input [N, C, H, W] with weight [K, C / groups, *kernel], plus bias.")
PF_CONV(3,
        "Cross-correlation of input [N, C, D, H, W] with weight [K, C / groups, *kernel], plus "
        "bias.")

}  // namespace

Tensor convolution_pointwise(const Tensor& input, const Tensor& weight, const Tensor& bias,
                             IntSpan padding, IntSpan stride, IntSpan dilation, int64_t groups,
                             const Activation& activation) {
  const int dims = static_cast<int>(weight.dim()) - 2;
  PF_CHECK(dims >= 1 && dims <= kernels::kSpatial, Runtime,
           "_convolution_pointwise: expected 3 to 5-dimensional weight, but got weight of size ",
           to_string(weight.sizes()));
  constexpr const char* names[] = {conv_name<1>(), conv_name<2>(), conv_name<3>()};
  const char* op = names[dims - 1];
  ConvParams p = parameters(op, dims, stride, dilation, groups);
  expand_list(op, "padding", padding, dims, p.padding);
  check_tensors(op, input, weight, bias, dims, groups, false);
  return convolve(op, input, weight, bias, p, &activation);
}

}  // namespace pyforge::ops
