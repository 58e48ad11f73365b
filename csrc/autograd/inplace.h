// Rules for tensors that change under the tape: views, bases and in-place ops.
#pragma once
#include "autograd/node.h"

namespace pyforge {

// Marks `view` (made by make_view from `source`) as a differentiable view, so that in-place changes
// on either side reach the other's history. multi_output: one of several views made by one op.
void mark_view(const Tensor& view, const Tensor& source, bool multi_output = false);

// Throws unless `t` may be overwritten now: read-only memory, a leaf that requires grad, a view
// made under no_grad or by a multi-output op, an expanded tensor.
void check_inplace(const char* op, const Tensor& t, bool grad_flows);

// t := result, in place: data copied into t's memory, version bumped, history taken over.
// result must broadcast to t's shape exactly and its dtype must be castable.
void assign_inplace(const char* op, const Tensor& t, const Tensor& result);

// t := view, in place: t takes over the geometry and the history of a view of itself.
void become_view(const char* op, const Tensor& t, const Tensor& view);

// t's history becomes (node, output_nr); for a view also the base's.
void rebase_history(const Tensor& t, Node* node, uint32_t output_nr);

// Recomputes the grad_fn of a view whose base was changed in place.
void refresh_view(const Tensor& view);

}  // namespace pyforge
