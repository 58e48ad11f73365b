// DLPack (https://dmlc.github.io/dlpack): tensors to and from other array libraries.
#include <pybind11/pybind11.h>

#include <algorithm>
#include <memory>

#include "ops/ops.h"
#include "python/bind.h"
#include "python/caster.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

struct DLDevice {
  int32_t type, id;
};
struct DLDataType {
  uint8_t code, bits;
  uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape, *strides;
  uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor tensor;
  void* context;
  void (*deleter)(DLManagedTensor*);
};
struct DLManagedTensorVersioned {
  struct {
    uint32_t major, minor;
  } version;
  void* context;
  void (*deleter)(DLManagedTensorVersioned*);
  uint64_t flags;
  DLTensor tensor;
};

constexpr int32_t kCpu = 1;
constexpr uint64_t kReadOnly = 1, kCopied = 2;
enum Code : uint8_t { kInt = 0, kUInt = 1, kFloat = 2, kBfloat = 4, kBool = 6 };

DLDataType type_of(DType d) {
  uint8_t code = d == DType::Bool       ? kBool
                 : d == DType::UInt8    ? kUInt
                 : d == DType::BFloat16 ? kBfloat
                 : is_floating(d)       ? kFloat
                                        : kInt;
  return {code, static_cast<uint8_t>(8 * itemsize(d)), 1};
}

DType dtype_of(DLDataType type) {
  for (int i = 0; i < kDTypes; ++i) {
    DLDataType known = type_of(static_cast<DType>(i));
    if (known.code == type.code && known.bits == type.bits && type.lanes == 1)
      return static_cast<DType>(i);
  }
  raise(ErrorKind::Type, "from_dlpack: unsupported element type (code ", int{type.code}, ", ",
        int{type.bits}, " bits, ", type.lanes, " lanes)");
}

// ---- out -------------------------------------------------------------------------------------

// Managed: DLManagedTensor or DLManagedTensorVersioned.
template <class Managed>
struct Exported {
  Managed managed{};
  Ref<Storage> storage;
  int64_t dims[2 * kMaxDims];

  explicit Exported(const Tensor& t) : storage(t->storage) {
    int64_t n = t.dim();
    std::copy_n(t->dims, 2 * n, dims);
    managed.tensor = {t->data,  {kCpu, 0}, static_cast<int32_t>(n), type_of(t.dtype()), dims,
                      dims + n, 0};
    managed.context = this;
    managed.deleter = [](Managed* m) { delete static_cast<Exported*>(m->context); };
  }
};

constexpr const char *kName = "dltensor", *kNameVersioned = "dltensor_versioned";

template <class Managed>
py::object capsule_of(Exported<Managed>* exported, const char* name) {
  PyObject* capsule = PyCapsule_New(&exported->managed, name, [](PyObject* c) {
    for (const char* unused : {kName, kNameVersioned}) {  // a used capsule has been renamed
      if (!PyCapsule_IsValid(c, unused)) continue;
      auto* m = static_cast<Managed*>(PyCapsule_GetPointer(c, unused));
      m->deleter(m);
    }
  });
  if (!capsule) {
    delete exported;
    throw py::error_already_set();
  }
  return py::reinterpret_steal<py::object>(capsule);
}

[[noreturn]] void buffer_error(const char* message) {
  PyErr_SetString(PyExc_BufferError, message);
  throw py::error_already_set();
}

py::object to_dlpack(Tensor t, bool versioned, bool copy) {
  if (t.requires_grad())
    buffer_error("Can't export tensors that require gradient, use tensor.detach()");
  if (copy) t = ops::clone(t);
  if (versioned) {
    auto exported = std::make_unique<Exported<DLManagedTensorVersioned>>(t);
    exported->managed.version = {1, 0};
    exported->managed.flags = (t->storage->read_only ? kReadOnly : 0) | (copy ? kCopied : 0);
    return capsule_of(exported.release(), kNameVersioned);
  }
  if (t->storage->read_only)
    buffer_error("Can't export read-only tensors to a consumer of DLPack before 1.0");
  return capsule_of(new Exported<DLManagedTensor>(t), kName);
}

// ---- in --------------------------------------------------------------------------------------

template <class Managed>
Tensor import(const py::object& capsule, const char* name, bool read_only) {
  auto* m = static_cast<Managed*>(PyCapsule_GetPointer(capsule.ptr(), name));
  if (!m) throw py::error_already_set();
  const DLTensor& d = m->tensor;
  PF_CHECK(d.device.type == kCpu, Runtime, "from_dlpack: the data is on a device of type ",
           d.device.type, "; pyforge computes on the CPU only");
  PF_CHECK(d.ndim >= 0 && d.ndim <= kMaxDims, Runtime, "from_dlpack: a tensor has at most ",
           kMaxDims, " dimensions, got ", d.ndim);
  DType dtype = dtype_of(d.dtype);
  Dims sizes(IntSpan(d.shape, d.ndim));
  Dims strides = d.strides ? Dims(IntSpan(d.strides, d.ndim)) : contiguous_strides(sizes);
  char *data = static_cast<char*>(d.data) + d.byte_offset, *low = data, *high = data;
  if (count(sizes)) {
    auto size = static_cast<int64_t>(itemsize(dtype));
    high += size;
    for (int i = 0; i < d.ndim; ++i)
      (strides[i] < 0 ? low : high) += (sizes[i] - 1) * strides[i] * size;
  }
  Tensor t = empty({0}, dtype);
  auto release = [](void* p) {
    auto* managed = static_cast<Managed*>(p);
    if (!managed->deleter || !Py_IsInitialized()) return;
    PyGILState_STATE gil = PyGILState_Ensure();
    managed->deleter(managed);
    PyGILState_Release(gil);
  };
  t->storage = Storage::wrap(low, static_cast<size_t>(high - low), read_only, release, m);
  PyCapsule_SetName(capsule.ptr(), name == kName ? "used_dltensor" : "used_dltensor_versioned");
  return make_view(t, sizes, strides, data);
}

Tensor from_capsule(const py::object& capsule) {
  if (PyCapsule_IsValid(capsule.ptr(), kNameVersioned)) {
    auto* m =
        static_cast<DLManagedTensorVersioned*>(PyCapsule_GetPointer(capsule.ptr(), kNameVersioned));
    PF_CHECK(m->version.major == 1, Runtime, "from_dlpack: unsupported DLPack version ",
             m->version.major, ".", m->version.minor);
    return import<DLManagedTensorVersioned>(capsule, kNameVersioned, m->flags & kReadOnly);
  }
  PF_CHECK(PyCapsule_IsValid(capsule.ptr(), kName), Runtime,
           "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed "
           "only once, so you might have "
           "already constructed a tensor from it once.");
  return import<DLManagedTensor>(capsule, kName, false);
}

PF_BIND {
  m.def("_to_dlpack", to_dlpack);
  m.def("_from_dlpack", from_capsule);
}

}  // namespace
}  // namespace pyforge::python
