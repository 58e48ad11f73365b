// The derivative text of a row on recorded tensors: what higher orders run on.
#pragma once
#include "autograd/node.h"
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
// Of a node of an elementwise row: which value it saved in `slot`, 0 a, 1 b, 2 y. Else -1.
int saved_operand(Node& n, uint32_t slot);
// r, a gradient made of the gradient g, without the NaN that 0 * inf gives where g is 0. Where
// nothing arrives, nothing is passed on: docs/singular_points.md.
Tensor without_masked(const Tensor& g, Tensor r);
// The gradient is passed on as it is.
bool derivative_is_identity(kernels::Elementwise op, int operand);

}  // namespace pyforge::ops
