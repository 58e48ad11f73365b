// Indexing, iteration and length of tensors.
#include "ops/ops.h"
#include "python/object.h"
#include "python/tensor_type.h"

namespace pyforge::python {
namespace {

Py_ssize_t length(PyObject* self) {
  TensorImpl* t = impl_of(self);
  if (t->ndim == 0) {
    PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
    return -1;
  }
  return t->dims[0];
}

}  // namespace

PyMappingMethods mapping_methods = {length, nullptr, nullptr};
PySequenceMethods sequence_methods = [] {
  PySequenceMethods m{};
  m.sq_length = length;
  return m;
}();

PyObject* tensor_iter(PyObject* self) { return PySeqIter_New(self); }

PyObject* matmul_slot(PyObject*, PyObject*) { Py_RETURN_NOTIMPLEMENTED; }

}  // namespace pyforge::python
