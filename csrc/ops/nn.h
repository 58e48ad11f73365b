// Ops of neural networks: activations, softmax, losses, dropout, embedding, normalisation.
#pragma once
#include "ops/registry.h"

namespace pyforge::ops {

// a + alpha * b
Tensor add_scaled(const Operand& input, const Operand& other, Scalar alpha);
// Quotient with rounding_mode none, "floor" or "trunc".
Tensor div_rounded(const Operand& input, const Operand& other,
                   std::optional<std::string_view> rounding_mode);
Tensor clamp_between(const Tensor& input, std::optional<Operand> min, std::optional<Operand> max);

Tensor softmax(const Tensor& input, int64_t dim, std::optional<DType> dtype);
Tensor log_softmax(const Tensor& input, int64_t dim, std::optional<DType> dtype);

Tensor dropout(const Tensor& input, double p, bool training, bool inplace);

enum class Reduction : uint8_t { None, Mean, Sum };
Reduction parse_reduction(std::string_view text);
// The retired arguments of losses win over `text`, with a warning.
Reduction parse_reduction(std::string_view text, std::optional<bool> size_average,
                          std::optional<bool> reduce);
// `loss` averaged, summed, or as it is.
Tensor reduce_loss(const Tensor& loss, Reduction reduction);

// What index targets stand for, checked: classes in dim 1 of the input (dim 0 of a vector).
struct ClassTargets {
  Tensor target;  // contiguous int64
  int64_t n, classes, inner;
  double total;  // weight of all targets that are not ignored: what 'mean' divides by
};
ClassTargets check_targets(const char* op, const Tensor& input, const Tensor& target,
                           const Tensor& weight, int64_t ignore_index);
Tensor nll_loss(const Tensor& input, const Tensor& target, const Tensor& weight,
                int64_t ignore_index, Reduction reduction);
Tensor layer_norm(const Tensor& input, IntSpan normalized_shape, const Tensor& weight,
                  const Tensor& bias, double eps);
Tensor batch_norm(const Tensor& input, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight, const Tensor& bias, bool training, double momentum,
                  double eps);

}  // namespace pyforge::ops
