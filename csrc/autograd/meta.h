// The rare parts of a tensor that takes part in autograd.
#pragma once
#include <string>
#include <vector>

#include "autograd/node.h"

namespace pyforge {

struct TensorMeta {
  Tensor grad;
  Node* accumulator = nullptr;  // weak; the accumulator owns the tensor
  bool retains_grad = false;
  std::string name;
};

inline TensorMeta& meta_of(const Tensor& t) {
  if (!t->meta) t->meta = new TensorMeta;
  return *t->meta;
}

}  // namespace pyforge
