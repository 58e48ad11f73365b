#include "python/resize.h"

#include <pybind11/stl.h>

#include <cstring>

#include "ops/ops.h"
#include "python/bind.h"
#include "python/caster.h"
#include "python/memory_users.h"

namespace pyforge::python {

void resize(const Tensor& t, IntSpan sizes) {
  PF_CHECK(!t.requires_grad(), Runtime, "cannot resize variables that require grad");
  PF_CHECK(sizes.size() <= kMaxDims, Runtime, "resize_: a tensor has at most ", kMaxDims,
           " dimensions, got ", sizes.size());
  for (int64_t size : sizes)
    PF_CHECK(size >= 0, Runtime, "resize_: negative size in ", to_string(sizes));
  TensorImpl* self = t.get();
  const int64_t n = count(sizes);
  const auto before = static_cast<size_t>(self->data - self->storage->data);
  int64_t bytes;
  PF_CHECK(!__builtin_mul_overflow(n, static_cast<int64_t>(itemsize(self->dtype)), &bytes), Memory,
           "resize_: out of memory: cannot allocate ", to_string(sizes));
  const size_t needed = before + static_cast<size_t>(bytes);
  if (needed > self->storage->nbytes) {
    PF_CHECK(!self->storage->release, Runtime,
             "resize_: Trying to resize storage that is not resizable");
    PF_CHECK(alone_in_memory(t), Runtime,
             "resize_: other tensors or arrays lie in the same memory and would not follow it when "
             "it grows; resize before making views, or a clone()");
    Ref<Storage> grown = Storage::make(needed);
    std::memcpy(grown->data, self->storage->data, self->storage->nbytes);
    grown->version = self->storage->version;
    self->storage = std::move(grown);
    self->data = self->storage->data + before;
  }
  Dims strides = contiguous_strides(sizes);
  const auto ndim = static_cast<uint8_t>(sizes.size());
  int64_t* dims = ndim > kInlineDims ? static_cast<int64_t*>(allocate(2 * sizeof(int64_t) * ndim))
                                     : self->inline_dims;
  Dims wanted(sizes);  // `sizes` may be this tensor's own
  if (self->dims != self->inline_dims) deallocate(self->dims, 2 * sizeof(int64_t) * self->ndim);
  self->dims = dims;
  self->ndim = ndim;
  self->numel = n;
  for (int i = 0; i < ndim; ++i) {
    dims[i] = wanted[i];
    dims[ndim + i] = strides[i];
  }
  self->base.reset();
  refresh_contiguous(self);
  self->storage->bump();
}

PF_BIND {
  m.def("_resize", [](const Tensor& t, const std::vector<int64_t>& sizes) { resize(t, sizes); });
}

}  // namespace pyforge::python
