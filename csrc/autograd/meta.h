// The rare parts of a tensor that takes part in autograd.
#pragma once
#include <vector>

#include "autograd/node.h"
#include "autograd/watch.h"

namespace pyforge {

struct TensorMeta {
  Tensor grad;
  Node* accumulator = nullptr;     // weak; the accumulator owns the tensor
  Node* parked = nullptr;          // owned: the accumulator while no graph refers to it
  std::vector<Hook> hooks;         // of a leaf: run before its gradient is accumulated
  std::vector<Hook> post_hooks;    // of a leaf: run after, with the leaf itself
  GradientWatch* watch = nullptr;  // owned; of a leaf whose gradient is being diagnosed
  bool retains_grad = false;

  ~TensorMeta() {
    for (Hook& h : hooks) h.destroy(h.context);
    for (Hook& h : post_hooks) h.destroy(h.context);
    delete watch;
  }
};

inline TensorMeta& meta_of(const Tensor& t) {
  if (!t->meta) t->meta = new TensorMeta;
  return *t->meta;
}

}  // namespace pyforge
