// PyTorch's type promotion: tensors with dimensions, then 0-d tensors, then numbers.
#pragma once
#include <initializer_list>

#include "ops/registry.h"

namespace pyforge {

DType result_type(const Operand& a, const Operand& b);
DType result_type(std::initializer_list<Operand> operands);
DType common_dtype(const std::vector<Tensor>& tensors);  // at least one

}  // namespace pyforge
