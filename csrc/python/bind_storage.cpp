// The memory under a tensor, for files: all of it as bytes, and tensors laid out on it.
#include "python/bind.h"
#include "python/caster.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

Tensor storage_bytes(const Tensor& t) {
  Tensor y = empty({0}, DType::UInt8);
  y->storage = t->storage;
  y->data = t->storage->data;
  y->numel = y->dims[0] = static_cast<int64_t>(t->storage->nbytes);
  return y;
}

Tensor view_storage(const Tensor& bytes, DType dtype, const std::vector<int64_t>& size,
                    const std::vector<int64_t>& stride, int64_t offset) {
  PF_CHECK(bytes.dtype() == DType::UInt8 && bytes->data == bytes->storage->data, Value,
           "_view_storage: expected the bytes of a storage");
  PF_CHECK(size.size() == stride.size() && size.size() <= kMaxDims, Value,
           "mismatch in length of strides and shape: ", to_string(size), " and ",
           to_string(stride));
  auto width = static_cast<int64_t>(itemsize(dtype));
  int64_t available = static_cast<int64_t>(bytes->storage->nbytes) / width;
  bool fits = offset >= 0 && offset <= available, none = false;
  int64_t last = offset;
  for (size_t d = 0; d < size.size(); ++d) {
    int64_t span;
    fits = fits && size[d] >= 0 && stride[d] >= 0;
    none = none || size[d] == 0;
    if (!fits || none) continue;
    fits = !__builtin_mul_overflow(size[d] - 1, stride[d], &span) &&
           !__builtin_add_overflow(last, span, &last);
  }
  fits = fits && (none || last < available);
  PF_CHECK(fits, Runtime, "sizes ", to_string(size), ", strides ", to_string(stride),
           ", storage offset ", offset, " are out of bounds for a storage of ", available,
           " elements of ", dtype_name(dtype));
  Tensor typed = empty({0}, dtype);
  typed->storage = bytes->storage;
  return make_view(typed, size, stride, bytes->storage->data + offset * width);
}

PF_BIND {
  m.def("_storage_bytes", storage_bytes, py::arg("input"),
        "All the memory that `input` lies in, as a uint8 tensor that shares it.");
  m.def("_view_storage", view_storage, py::arg("bytes"), py::arg("dtype"), py::arg("size"),
        py::arg("stride"), py::arg("offset"),
        "A tensor on memory given by _storage_bytes; offset and strides in elements of dtype.");
}

}  // namespace
}  // namespace pyforge::python
