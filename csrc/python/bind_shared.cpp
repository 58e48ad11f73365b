// Tensors in memory that several processes use.
#include <pybind11/stl.h>

#include <cstring>

#include "core/shared_memory.h"
#include "python/bind.h"
#include "python/caster.h"
#include "python/memory_users.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

bool shared(const Tensor& t) { return is_shared(*t->storage); }

Ref<Storage> shared_copy(const Storage& from) {
  Ref<Storage> to = make_shared_storage(from.nbytes);
  if (from.nbytes) std::memcpy(to->data, from.data, from.nbytes);
  return to;
}

void move_to_shared(const Tensor& t) {
  if (shared(t)) return;
  PF_CHECK(alone_in_memory(t), Runtime,
           "share_memory_: other tensors or arrays lie in the same memory and would not follow it; "
           "share the memory before making views of it, or share a clone()");
  PF_CHECK(!t->storage->release, Runtime,
           "share_memory_: the memory belongs to another library; share a clone()");
  Ref<Storage> moved = shared_copy(*t->storage);
  moved->version = t->storage->version;
  if (TensorImpl* root = t->base.get(); root && root->storage == t->storage) {
    root->data = moved->data + (root->data - root->storage->data);
    root->storage = moved;
  }
  t->data = moved->data + (t->data - t->storage->data);
  t->storage = std::move(moved);
}

// (descriptor, bytes of the storage, bytes before the first element) of a tensor as it travels: in
// its own memory if that is shared, or can be; otherwise in a copy, which is the fourth entry.
py::tuple shared_parts(const Tensor& t) {
  Tensor sent = t;
  if (!shared(t) && alone_in_memory(t) && !t->storage->release) {
    move_to_shared(t);
  } else if (!shared(t)) {
    sent = alias(t);
    sent->storage = shared_copy(*t->storage);
    sent->data = sent->storage->data + (t->data - t->storage->data);
  }
  return py::make_tuple(shared_descriptor(*sent->storage), sent->storage->nbytes,
                        sent->data - sent->storage->data, sent);
}

Tensor from_shared(int descriptor, size_t nbytes, int64_t offset, DType dtype,
                   const std::vector<int64_t>& size, const std::vector<int64_t>& stride) {
  Ref<Storage> storage = attach_shared_storage(descriptor, nbytes);
  PF_CHECK(size.size() == stride.size() && size.size() <= kMaxDims, Value,
           "shared memory: sizes and strides do not fit together");
  auto [first, last] = reach(size, stride);
  const auto width = static_cast<int64_t>(itemsize(dtype));
  const bool none = count(size) == 0;
  PF_CHECK(offset >= 0 && (none || (offset + first * width >= 0 &&
                                    offset + (last + 1) * width <= static_cast<int64_t>(nbytes))),
           Value, "shared memory: the tensor does not lie within it");
  Tensor whole = empty({0}, dtype);
  whole->storage = storage;
  return make_view(whole, size, stride, storage->data + offset);
}

PF_BIND {
  m.def("_is_shared", shared);
  m.def("_share_memory", move_to_shared);
  m.def("_shared_parts", shared_parts);
  m.def("_from_shared", from_shared);
}

}  // namespace
}  // namespace pyforge::python
