// The frame of a direct in-place op: checks, history, write, version.
#pragma once
#include "autograd/inplace.h"
#include "autograd/node.h"
#include "ops/registry.h"

namespace pyforge::ops {

// self := write(self), where P is the rule of an op with `inputs` (self among them if its old value
// counts). Saves and edges are taken before the write.
template <class P, size_t n_inputs, class Write>
void write_inplace(const char* name, const Tensor& self, const Tensor (&inputs)[n_inputs],
                   const std::vector<Tensor>& saved, P payload, Write write) {
  bool flows = grad_enabled() && self.requires_grad();
  for (const Tensor& t : inputs)
    flows = flows || (grad_enabled() && t.defined() && t.requires_grad());
  check_inplace(name, self, flows);
  Ref<Node> node;
  if (flows && is_floating(self.dtype())) {
    node = Ref<Node>::steal(
        make_node<P>(n_inputs, 1, static_cast<uint32_t>(saved.size()), std::move(payload)));
    for (uint32_t i = 0; i < n_inputs; ++i)
      if (inputs[i].defined()) node->edges()[i] = gradient_edge(inputs[i]);
    for (uint32_t i = 0; i < saved.size(); ++i) save(node.get(), i, saved[i]);
    node->outputs()[0].dtype = self.dtype();
    node->outputs()[0].shape.assign(self.sizes());
  }
  write();
  self->storage->bump();
  if (node) rebase_history(self, node.get(), 0);
}

// A row of a view whose in-place form makes the tensor itself that view.
inline OpDef& viewing_in_place(OpDef& def, void (*inplace)(const Value*)) {
  def.inplace = inplace;
  return def;
}

}  // namespace pyforge::ops

#define PF_VIEW_OP(fn, name, parameters, flags, doc)                                               \
  [[maybe_unused]] static ::pyforge::OpDef& PF_CONCAT(op_, __COUNTER__) =                          \
      ::pyforge::ops::viewing_in_place(                                                            \
          ::pyforge::register_function<fn>(name parameters " -> Tensor", (flags) | kInplace, doc), \
          [](const ::pyforge::Value* args) {                                                       \
            using S = ::pyforge::boxing::Signature<decltype(&fn)>;                                 \
            ::pyforge::become_view(name "_", args[0].tensor(),                                     \
                                   std::get<::pyforge::Tensor>(S::template call<&fn>(args)));      \
          });
