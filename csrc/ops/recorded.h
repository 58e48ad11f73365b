// The derivative text of a row on recorded tensors: what higher orders run on.
#pragma once
#include "kernels/elementwise.h"
#include "ops/registry.h"

namespace pyforge::ops {

// grad, operands (a number where the operand was one), result, attributes -> gradient.
struct DerivativeArgs {
  Tensor g, a, b, y;
  Scalar a_number, b_number;
  Scalar attrs[2];
  DType dtype;  // in which the op computed
};
using RecordedDerivative = Tensor (*)(const DerivativeArgs& args);

// Null where the row has no derivative for that operand.
RecordedDerivative recorded_derivative(kernels::Elementwise op, int operand);
// The gradient is passed on as it is.
bool derivative_is_identity(kernels::Elementwise op, int operand);

}  // namespace pyforge::ops
