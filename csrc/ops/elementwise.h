// Elementwise ops as C++ functions, one per row of kernels/elementwise_rows.inc.
#pragma once
#include "ops/registry.h"

namespace pyforge::ops {

#define PF_UNARY(name, types, fwd, bwd, doc) Tensor name(const Tensor& input);
#define PF_UNARY_1(name, types, p, dp, fwd, bwd, doc) Tensor name(const Tensor& input, Scalar p);
#define PF_UNARY_2(name, types, p, dp, q, dq, fwd, bwd, doc) \
  Tensor name(const Tensor& input, Scalar p, Scalar q);
#define PF_PREDICATE(name, types, fwd, doc) Tensor name(const Tensor& input);
#define PF_BINARY(name, types, fwd, bwd_a, bwd_b, doc) \
  Tensor name(const Operand& input, const Operand& other);
#define PF_BINARY_1(name, types, p, dp, fwd, bwd_a, bwd_b, doc) \
  Tensor name(const Operand& input, const Operand& other, Scalar p);
#define PF_BINARY_NODIFF(name, types, fwd, doc) \
  Tensor name(const Operand& input, const Operand& other);
#define PF_COMPARE(name, types, fwd, doc) Tensor name(const Operand& input, const Operand& other);
#include "kernels/elementwise_rows.inc"
#undef PF_UNARY
#undef PF_UNARY_1
#undef PF_UNARY_2
#undef PF_PREDICATE
#undef PF_BINARY
#undef PF_BINARY_1
#undef PF_BINARY_NODIFF
#undef PF_COMPARE

// condition (bool) ? a : b, all broadcast.
Tensor where(const Tensor& condition, const Operand& a, const Operand& b);

// self += other and so on, into self's memory where no history is needed.
void add_(const Tensor& self, const Operand& other);
void sub_(const Tensor& self, const Operand& other);
void mul_(const Tensor& self, const Operand& other);
void div_(const Tensor& self, const Operand& other);
// self += other for engine buffers: same shape and dtype, nothing recorded, no version bump.
void accumulate_(const Tensor& self, const Tensor& other);

}  // namespace pyforge::ops
