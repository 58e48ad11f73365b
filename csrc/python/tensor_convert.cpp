// Tensor.to() and its relatives.
#include "autograd/profile.h"
#include "ops/ops.h"
#include "python/autograd.h"
#include "python/bind.h"
#include "python/object.h"
#include "python/parse.h"

namespace pyforge::python {
namespace {

// to(dtype), to(device), to(device, dtype), to(other); keywords dtype, device, non_blocking, copy.
PyObject* to(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_of(self);
    PyObject *dtype = Py_None, *device = Py_None, *copy = Py_False;
    Py_ssize_t at = 0;
    if (at < nargs) {
      PyObject* first = args[at++];
      if (is_dtype(first)) {
        dtype = first;
      } else if (is_tensor(first)) {
        dtype = dtype_object(impl_of(first)->dtype);
      } else {
        device = first;
        if (at < nargs && (is_dtype(args[at]) || args[at] == Py_None)) dtype = args[at++];
      }
      if (at < nargs) ++at;  // non_blocking: there is one device
      if (at < nargs) copy = args[at++];
      PF_CHECK(at == nargs, Type, "to(): takes at most 4 positional arguments but ", nargs,
               " were given");
    }
    Py_ssize_t n_keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t k = 0; k < n_keywords; ++k) {
      const char* key = PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, k));
      if (!key) return nullptr;
      std::string_view name = key;
      PyObject* value = args[nargs + k];
      if (name == "dtype") {
        dtype = value;
      } else if (name == "device") {
        device = value;
      } else if (name == "copy") {
        copy = value;
      } else if (name == "other") {
        PF_CHECK(is_tensor(value), Type, "to(): argument 'other' must be Tensor, not ",
                 type_name(value));
        dtype = dtype_object(impl_of(value)->dtype);
      } else {
        PF_CHECK(name == "non_blocking" || name == "memory_format", Type,
                 "to(): got an unexpected keyword argument '", name, "'");
      }
    }
    check_device(device);
    PF_CHECK(dtype == Py_None || is_dtype(dtype), Type,
             "to(): argument 'dtype' must be pyforge.dtype, not ", type_name(dtype));
    DType target = dtype == Py_None ? t.dtype() : dtype_of_object(dtype);
    int must_copy = PyObject_IsTrue(copy);
    if (must_copy < 0) return nullptr;
    profile::Scope scope("to");
    return wrap(must_copy && target == t.dtype() ? ops::clone(t) : ops::to(t, target));
  });
}

PyObject* cpu(PyObject* self, PyObject*) { return Py_NewRef(self); }

PyMethodDef methods[] = {{"to", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(to)),
                          METH_FASTCALL | METH_KEYWORDS,
                          "to(dtype=None, device=None, non_blocking=False, copy=False)\n\nThe "
                          "tensor in another dtype: itself where nothing changes. Also "
                          "to(device, dtype) and to(other);\nthe only device is the CPU."},
                         {"cpu", cpu, METH_NOARGS, "The tensor itself: there is no other device."},
                         {}};

PF_BIND {
  (void)m;
  for (PyMethodDef* def = methods; def->ml_name; ++def) {
    PyObject* descriptor = PyDescr_NewMethod(&TensorType, def);
    bool ok = descriptor && add_tensor_attribute(def->ml_name, descriptor);
    Py_XDECREF(descriptor);
    if (!ok) throw pybind11::error_already_set();
  }
}

}  // namespace
}  // namespace pyforge::python
