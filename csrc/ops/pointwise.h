// Activations that a product or a convolution applies to its own result. See docs/fusion.md.
#pragma once
#include "kernels/dispatch.h"
#include "ops/conv.h"
#include "ops/registry.h"

namespace pyforge::ops {

// A differentiable row of the elementwise table, of floats and without attributes.
struct Activation {
  kernels::Elementwise row;

  // Whether the derivative needs the result alone, and not what the row was applied to.
  bool from_result() const {
    return !(kernels::active().elementwise.uses[static_cast<int>(row)][0] & kernels::kUsesA);
  }
  kernels::ElementwiseFn kernel(DType dtype) const {
    return kernels::active().elementwise.forward[static_cast<int>(row)][static_cast<int>(dtype)];
  }
  // The op itself, recorded.
  Tensor operator()(const Tensor& x) const;
};

// PyTorch's names: relu, sigmoid, tanh, swish, gelu (algorithm "none" or "tanh"). Throws
// Error(Runtime) for others.
Activation activation_of(const char* op, std::string_view attr,
                         std::optional<std::string_view> algorithm);

// The gradient behind the activation becomes the one before it, recorded if gradients are; `value`
// is its result if from_result(), else what it was applied to. May overwrite `g` where nobody else
// sees it.
Tensor activation_gradient(const Activation& activation, Tensor& g, const Tensor& value);
// The same of a gradient [N, C, ...], nothing recorded, and its sums over all but C, in one pass;
// undefined where the sums would not have the bits of sum(): then nothing has been done.
Tensor activation_gradient_sums(const Activation& activation, Tensor& g, const Tensor& value,
                                Tensor& sums);

// activation(linear(x, weight, bias)); the same bits.
Tensor linear_pointwise(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const Activation& activation);
// activation(conv(x, ...)) with one to three spatial dimensions; the same bits.
Tensor convolution_pointwise(const Tensor& input, const Tensor& weight, const Tensor& bias,
                             IntSpan padding, IntSpan stride, IntSpan dilation, int64_t groups,
                             const Activation& activation);

// As conv_forward, with the activation on the way.
Tensor conv_activated(const Tensor& input, const Tensor& weight, const Tensor& bias,
                      const ConvParams& p, IntSpan sizes, const Activation& activation);

}  // namespace pyforge::ops
