// What elementwise ops know of a row, and what they record of a call.
#pragma once
#include "autograd/node.h"
#include "kernels/elementwise.h"
#include "ops/registry.h"

namespace pyforge::ops {

using kernels::Elementwise;

enum class RowKind : uint8_t { Unary, Predicate, Binary, Compare };

struct Row {
  const char* name;
  RowKind kind;
  kernels::Types types;
  int n_attrs;
};

inline constexpr Row rows[] = {
#define PF_UNARY(name, types, fwd, bwd, doc) {#name, RowKind::Unary, kernels::Types::types, 0},
#define PF_UNARY_1(name, types, p, dp, fwd, bwd, doc) \
  {#name, RowKind::Unary, kernels::Types::types, 1},
#define PF_UNARY_2(name, types, p, dp, q, dq, fwd, bwd, doc) \
  {#name, RowKind::Unary, kernels::Types::types, 2},
#define PF_PREDICATE(name, types, fwd, doc) {#name, RowKind::Predicate, kernels::Types::types, 0},
#define PF_BINARY(name, types, fwd, bwd_a, bwd_b, doc) \
  {#name, RowKind::Binary, kernels::Types::types, 0},
#define PF_BINARY_1(name, types, p, dp, fwd, bwd_a, bwd_b, doc) \
  {#name, RowKind::Binary, kernels::Types::types, 1},
#define PF_BINARY_NODIFF(name, types, fwd, doc) {#name, RowKind::Binary, kernels::Types::types, 0},
#define PF_COMPARE(name, types, fwd, doc) {#name, RowKind::Compare, kernels::Types::types, 0},
#include "kernels/elementwise_rows.inc"
#undef PF_UNARY
#undef PF_UNARY_1
#undef PF_UNARY_2
#undef PF_PREDICATE
#undef PF_BINARY
#undef PF_BINARY_1
#undef PF_BINARY_NODIFF
#undef PF_COMPARE
};

inline const Row& row_of(Elementwise op) { return rows[static_cast<int>(op)]; }

// The node of y = op(operands), which computed in `dtype`; `attrs` as many as the row has.
void record_elementwise(Elementwise op, const Tensor& y, const Operand* operands, int n_operands,
                        DType dtype, const kernels::Attr* attrs);
// A node that refuses to run, for floating results of rows without a derivative.
void record_missing(Elementwise op, const Tensor& y, const Operand& a, const Operand& b);

}  // namespace pyforge::ops
