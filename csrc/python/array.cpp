// The buffer protocol in both directions, and nested lists.
#include "python/array.h"

#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "ops/loop.h"
#include "ops/ops.h"
#include "python/bind.h"
#include "python/caster.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

// ---- out -------------------------------------------------------------------------------------

const char* format_of(DType dtype) {
  constexpr const char* formats[kDTypes] = {"?", "B", "b", "h", "i", sizeof(long) == 8 ? "l" : "q",
                                            "e", "H", "f", "d"};
  return formats[static_cast<int>(dtype)];
}

// What an exported buffer points to; it stays valid whatever becomes of the tensor object.
struct Lent {
  Ref<Storage> storage;
  Py_ssize_t shape[kMaxDims], strides[kMaxDims];
};

int get_buffer(PyObject* o, Py_buffer* view, int flags) {
  view->obj = nullptr;
  return guarded(
      [&]() -> int {
        const Tensor& t = tensor_of(o);
        PF_CHECK(!t.requires_grad(), Runtime,
                 "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() "
                 "instead.");
        if (t.dtype() == DType::BFloat16) {
          PyErr_SetString(
              PyExc_TypeError,
              "Got unsupported ScalarType BFloat16: NumPy has no bfloat16; convert with "
              ".float() first");
          return -1;
        }
        const char* refused = nullptr;
        if ((flags & PyBUF_WRITABLE) && t->storage->read_only)
          refused = "the tensor's memory is read-only";
        if ((flags & PyBUF_STRIDES) != PyBUF_STRIDES && !t.is_contiguous())
          refused = "the tensor is not contiguous";
        if ((flags & PyBUF_C_CONTIGUOUS) == PyBUF_C_CONTIGUOUS && !t.is_contiguous())
          refused = "the tensor is not contiguous";
        if ((flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS && t.dim() > 1)
          refused = "the tensor is not contiguous in Fortran order";
        if (refused) {
          PyErr_SetString(PyExc_BufferError, refused);
          return -1;
        }
        auto exported = std::make_unique<Lent>();
        auto size = static_cast<Py_ssize_t>(itemsize(t.dtype()));
        for (int64_t i = 0; i < t.dim(); ++i) {
          exported->shape[i] = t.size(i);
          exported->strides[i] = t.stride(i) * size;
        }
        exported->storage = t->storage;
        view->buf = t->data;
        view->len = t.numel() * size;
        view->itemsize = size;
        view->readonly = t->storage->read_only;
        view->format = (flags & PyBUF_FORMAT) ? const_cast<char*>(format_of(t.dtype())) : nullptr;
        view->ndim = static_cast<int>(t.dim());
        view->shape = (flags & PyBUF_ND) ? exported->shape : nullptr;
        view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? exported->strides : nullptr;
        view->suboffsets = nullptr;
        view->internal = exported.release();
        view->obj = Py_NewRef(o);
        return 0;
      },
      -1);
}

void release_buffer(PyObject*, Py_buffer* view) { delete static_cast<Lent*>(view->internal); }

// ---- in --------------------------------------------------------------------------------------

// Attribute of the numpy module if it has been imported. Borrowed from the module.
PyObject* numpy_type(const char* name) {
  PyObject* modules = PyImport_GetModuleDict();
  PyObject* numpy = modules ? PyDict_GetItemString(modules, "numpy") : nullptr;
  PyObject* type = numpy ? PyObject_GetAttrString(numpy, name) : nullptr;
  if (!type) {
    PyErr_Clear();
    return nullptr;
  }
  Py_DECREF(type);
  return PyType_Check(type) ? type : nullptr;
}

bool is_instance(PyObject* o, const char* name) {
  PyObject* type = numpy_type(name);
  return type && PyType_IsSubtype(Py_TYPE(o), reinterpret_cast<PyTypeObject*>(type));
}

// The dtype of a buffer's elements; false if there is no counterpart.
bool parse_format(const Py_buffer& view, DType* dtype) {
  const char* f = view.format ? view.format : "B";
  if (*f == '@' || *f == '=' || *f == '<') ++f;
  if (f[0] == '\0' || f[1] != '\0') return false;
  switch (*f) {
    case '?':
      *dtype = DType::Bool;
      return true;
    case 'B':
      *dtype = DType::UInt8;
      return true;
    case 'e':
      *dtype = DType::Float16;
      return true;
    case 'f':
      *dtype = DType::Float32;
      return true;
    case 'd':
      *dtype = DType::Float64;
      return true;
    default:
      break;
  }
  if (!std::strchr("bhilqn", *f)) return false;
  switch (view.itemsize) {
    case 1:
      *dtype = DType::Int8;
      return true;
    case 2:
      *dtype = DType::Int16;
      return true;
    case 4:
      *dtype = DType::Int32;
      return true;
    case 8:
      *dtype = DType::Int64;
      return true;
    default:
      return false;
  }
}

// "numpy.complex128"
std::string element_type(PyObject* o) {
  PyObject* dtype = PyObject_GetAttrString(o, "dtype");
  PyObject* scalar = dtype ? PyObject_GetAttrString(dtype, "type") : nullptr;
  std::string name = "unknown type";
  if (scalar && PyType_Check(scalar)) {
    name = reinterpret_cast<PyTypeObject*>(scalar)->tp_name;
    if (name.compare(0, 6, "numpy.") != 0) name = "numpy." + name;
  }
  Py_XDECREF(scalar);
  Py_XDECREF(dtype);
  PyErr_Clear();
  return name;
}

[[noreturn]] void unsupported(PyObject* o) {
  PyErr_Clear();
  raise(ErrorKind::Type, "can't convert ", is_ndarray(o) ? "np.ndarray" : type_name(o), " of type ",
        element_type(o),
        ". The only supported types are: float64, float32, float16, int64, int32, int16, int8, "
        "uint8, and "
        "bool.");
}

void release_view(void* p) {
  auto* view = static_cast<Py_buffer*>(p);
  if (Py_IsInitialized()) {
    PyGILState_STATE gil = PyGILState_Ensure();
    PyBuffer_Release(view);
    PyGILState_Release(gil);
  }
  delete view;
}

struct DeleteView {
  void operator()(Py_buffer* view) const { release_view(view); }
};

Tensor tensor_from_buffer(PyObject* o) {
  auto* raw = new Py_buffer;
  if (PyObject_GetBuffer(o, raw, PyBUF_FULL_RO) < 0) {
    delete raw;
    unsupported(o);
  }
  std::unique_ptr<Py_buffer, DeleteView> view(raw);
  PF_CHECK(view->itemsize <= 1 || !view->format || (*view->format != '>' && *view->format != '!'),
           Value,
           "given numpy array has byte order different from the native byte order. Conversion "
           "between byte orders is "
           "currently not supported.");
  DType dtype;
  if (view->suboffsets || !parse_format(*view, &dtype)) unsupported(o);
  PF_CHECK(view->ndim <= kMaxDims, Value, "array with ", view->ndim,
           " dimensions; a tensor has at most ", kMaxDims);
  auto size = static_cast<int64_t>(itemsize(dtype));
  PF_CHECK(reinterpret_cast<uintptr_t>(view->buf) % static_cast<uintptr_t>(size) == 0, Value,
           "given numpy array is not aligned to its element size. Copy the numpy array to "
           "reallocate the memory.");
  Dims sizes, strides;
  char *low = static_cast<char*>(view->buf), *high = low + size;
  for (int i = 0; i < view->ndim; ++i) sizes.push_back(view->shape[i]);
  strides = contiguous_strides(sizes);
  int64_t numel = count(sizes);
  for (int i = 0; i < view->ndim && view->strides && numel; ++i) {
    PF_CHECK(view->strides[i] % size == 0, Value,
             "given numpy array strides not a multiple of the element byte size. Copy the numpy "
             "array to reallocate the "
             "memory.");
    if (sizes[i] == 1) continue;
    strides[i] = view->strides[i] / size;
    int64_t span = (sizes[i] - 1) * view->strides[i];
    (span < 0 ? low : high) += span;
  }
  char* data = static_cast<char*>(view->buf);
  bool read_only = view->readonly;
  Tensor t = empty({0}, dtype);
  t->storage = Storage::wrap(low, numel ? static_cast<size_t>(high - low) : 0, read_only,
                             release_view, view.release());
  t->data = low;
  Tensor y = make_view(t, sizes, strides, data);
  return y;
}

// ---- lists -----------------------------------------------------------------------------------

PyObject* element(const char* p, DType dtype) { return from_scalar(load_scalar(p, dtype)); }

// Of a dimension longer than 2 * edge only `edge` entries at each end; all if edge < 0.
PyObject* nested_list(const TensorImpl& t, int64_t dim, const char* p, int64_t edge) {
  if (dim == t.ndim) return element(p, t.dtype);
  int64_t n = t.dims[dim], step = t.dims[t.ndim + dim] * static_cast<int64_t>(itemsize(t.dtype));
  bool shorten = edge >= 0 && n > 2 * edge;
  int64_t kept = shorten ? 2 * edge : n;
  PyObject* list = PyList_New(kept);
  if (!list) throw PythonError();
  for (int64_t i = 0; i < kept; ++i) {
    int64_t at = shorten && i >= edge ? n - kept + i : i;
    PyObject* item = nullptr;
    try {
      item = nested_list(t, dim + 1, p + at * step, edge);
    } catch (...) {
      Py_DECREF(list);
      throw;
    }
    if (!item) {
      Py_DECREF(list);
      throw PythonError();
    }
    PyList_SET_ITEM(list, i, item);
  }
  return list;
}

py::object to_list(const Tensor& t, int64_t edge) {
  PyObject* list = nested_list(*t.get(), 0, t->data, edge);
  if (!list) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(list);
}

// ---- bytes -----------------------------------------------------------------------------------

py::bytes to_bytes(const Tensor& t) {
  Tensor c = ops::contiguous(ops::detach(t));
  return py::bytes(c->data, static_cast<size_t>(c.numel()) * itemsize(c.dtype()));
}

Tensor from_bytes(const py::bytes& bytes, DType dtype, const py::tuple& shape) {
  Dims sizes;
  for (py::handle s : shape) sizes.push_back(s.cast<int64_t>());
  Tensor t = empty(sizes, dtype);
  auto text = static_cast<std::string_view>(bytes);
  PF_CHECK(text.size() == static_cast<size_t>(t.numel()) * itemsize(dtype), Value,
           "pickled tensor of shape ", to_string(sizes), " and dtype ", dtype_name(dtype),
           " cannot have ", text.size(), " bytes");
  if (!text.empty()) std::memcpy(t->data, text.data(), text.size());
  return t;
}

}  // namespace

PyBufferProcs tensor_buffer = {get_buffer, release_buffer};

bool is_ndarray(PyObject* o) { return is_instance(o, "ndarray"); }
bool is_numpy_scalar(PyObject* o) { return is_instance(o, "generic"); }

Tensor tensor_from_array(PyObject* o) {
  if (PyUnicode_Check(o) || PyBytes_Check(o)) return Tensor();
  if (is_ndarray(o) || PyObject_CheckBuffer(o)) return tensor_from_buffer(o);
  if (PyType_Check(o)) return Tensor();
  PyObject* array;
  if (PyObject_HasAttrString(o, "__array__")) {
    array = PyObject_CallMethod(o, "__array__", nullptr);
  } else if (PyObject_HasAttrString(o, "__array_interface__")) {
    PyObject* numpy = PyImport_ImportModule("numpy");
    array = numpy ? PyObject_CallMethod(numpy, "asarray", "O", o) : nullptr;
    Py_XDECREF(numpy);
  } else {
    return Tensor();
  }
  if (!array) throw PythonError();
  struct Drop {
    PyObject* o;
    ~Drop() { Py_DECREF(o); }
  } drop{array};
  PF_CHECK(PyObject_CheckBuffer(array), Type, type_name(o), ".__array__() must give an array, not ",
           type_name(array));
  return tensor_from_buffer(array);
}

PF_BIND {
  m.def(
      "from_numpy",
      [](const py::object& ndarray) {
        PF_CHECK(is_ndarray(ndarray.ptr()), Type, "expected np.ndarray (got ",
                 type_name(ndarray.ptr()), ")");
        return tensor_from_buffer(ndarray.ptr());
      },
      py::arg("ndarray"),
      "A tensor on the memory of a NumPy array. A read-only array gives a tensor that in-place ops "
      "refuse.\nTypeError for "
      "dtypes without a counterpart, ValueError for a foreign byte order.");
  m.def("_to_list", to_list);
  m.def("_to_bytes", to_bytes);
  m.def("_from_bytes", from_bytes);
}

}  // namespace pyforge::python
