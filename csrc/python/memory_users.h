// Who lies in the memory of a tensor.
#pragma once
#include "core/tensor.h"

namespace pyforge::python {

// Nobody but `t`, and the root that it is a view of if nothing else refers to that.
inline bool alone_in_memory(const Tensor& t) {
  const bool root = t->base && t->base->refs == 1 && t->base->storage == t->storage;
  return t->storage->refs == (root ? 2u : 1u);
}

}  // namespace pyforge::python
