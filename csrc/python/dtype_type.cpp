// pyforge.dtype and pyforge.Size.
#include "python/object.h"

namespace pyforge::python {
namespace {

struct PyDType {
  PyObject_HEAD DType dtype;
};

const char* shown_package = "pyforge";

PyObject* dtype_repr(PyObject* self) {
  return PyUnicode_FromFormat("%s.%s", shown_package,
                              dtype_name(reinterpret_cast<PyDType*>(self)->dtype));
}
PyObject* dtype_reduce(PyObject* self, PyObject*) {
  return PyUnicode_FromString(dtype_name(reinterpret_cast<PyDType*>(self)->dtype));
}
PyObject* get_itemsize(PyObject* self, void*) {
  return PyLong_FromSize_t(itemsize(reinterpret_cast<PyDType*>(self)->dtype));
}
PyObject* get_floating(PyObject* self, void*) {
  return PyBool_FromLong(is_floating(reinterpret_cast<PyDType*>(self)->dtype));
}
PyObject* get_complex(PyObject*, void*) { Py_RETURN_FALSE; }
PyObject* get_signed(PyObject* self, void*) {
  DType d = reinterpret_cast<PyDType*>(self)->dtype;
  return PyBool_FromLong(d != DType::Bool && d != DType::UInt8);
}

PyMethodDef dtype_methods[] = {{"__reduce__", dtype_reduce, METH_NOARGS, nullptr}, {}};
PyGetSetDef dtype_getset[] = {
    {"itemsize", get_itemsize, nullptr, "Bytes of one element.", nullptr},
    {"is_floating_point", get_floating, nullptr, "True for float16, bfloat16, float32 and float64.",
     nullptr},
    {"is_complex", get_complex, nullptr, "Always False: there are no complex dtypes.", nullptr},
    {"is_signed", get_signed, nullptr, "True where negative values exist.", nullptr},
    {}};

PyTypeObject DTypeType = {PyVarObject_HEAD_INIT(nullptr, 0)};
PyTypeObject SizeType = {PyVarObject_HEAD_INIT(nullptr, 0)};
PyObject* objects[kDTypes];

PyObject* size_repr(PyObject* self) {
  PyObject* list = PySequence_List(self);
  if (!list) return nullptr;
  PyObject* text = PyUnicode_FromFormat("%s.Size(%R)", shown_package, list);
  Py_DECREF(list);
  return text;
}
PyObject* size_numel(PyObject* self, PyObject*) {
  int64_t n = 1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
    int64_t s;
    if (!to_index(PyTuple_GET_ITEM(self, i), &s)) {
      PyErr_SetString(PyExc_TypeError, "Size.numel(): every element must be an int");
      return nullptr;
    }
    n *= s;
  }
  return PyLong_FromLongLong(n);
}
PyObject* size_reduce(PyObject* self, PyObject*) {
  PyObject* values = PySequence_Tuple(self);
  return values ? Py_BuildValue("O(N)", Py_TYPE(self), values) : nullptr;
}
PyMethodDef size_methods[] = {{"numel", size_numel, METH_NOARGS, "Product of the sizes."},
                              {"__reduce__", size_reduce, METH_NOARGS, nullptr},
                              {}};

}  // namespace

PyObject* dtype_object(DType dtype) { return objects[static_cast<int>(dtype)]; }
bool is_dtype(PyObject* o) { return Py_TYPE(o) == &DTypeType; }
DType dtype_of_object(PyObject* o) { return reinterpret_cast<PyDType*>(o)->dtype; }

PyObject* size_object(IntSpan sizes) {
  PyObject* t = SizeType.tp_alloc(&SizeType, sizes.size());
  if (!t) return nullptr;
  for (int64_t i = 0; i < sizes.size(); ++i) PyTuple_SET_ITEM(t, i, PyLong_FromLongLong(sizes[i]));
  return t;
}

bool init_dtype_type(PyObject* module) {
  DTypeType.tp_name = "pyforge.dtype";
  DTypeType.tp_basicsize = sizeof(PyDType);
  DTypeType.tp_flags = Py_TPFLAGS_DEFAULT;
  DTypeType.tp_doc = "The type of a tensor's elements, such as pyforge.float32.";
  DTypeType.tp_repr = dtype_repr;
  DTypeType.tp_methods = dtype_methods;
  DTypeType.tp_getset = dtype_getset;
  if (PyType_Ready(&DTypeType) < 0) return false;
  for (int i = 0; i < kDTypes; ++i) {
    auto* d = PyObject_New(PyDType, &DTypeType);
    if (!d) return false;
    d->dtype = static_cast<DType>(i);
    objects[i] = reinterpret_cast<PyObject*>(d);
    if (PyModule_AddObjectRef(module, dtype_name(d->dtype), objects[i]) < 0) return false;
  }
  SizeType.tp_name = "pyforge.Size";
  SizeType.tp_base = &PyTuple_Type;
  SizeType.tp_flags = Py_TPFLAGS_DEFAULT;
  SizeType.tp_doc = "The sizes of a tensor: a tuple with numel().";
  SizeType.tp_repr = size_repr;
  SizeType.tp_methods = size_methods;
  if (PyType_Ready(&SizeType) < 0) return false;
  return PyModule_AddObjectRef(module, "dtype", reinterpret_cast<PyObject*>(&DTypeType)) >= 0 &&
         PyModule_AddObjectRef(module, "Size", reinterpret_cast<PyObject*>(&SizeType)) >= 0;
}

void show_as_torch() { shown_package = "torch"; }

}  // namespace pyforge::python
