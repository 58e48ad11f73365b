// What the files that make up the Tensor type share.
#pragma once
#include "python/object.h"

namespace pyforge::python {

extern PyMappingMethods mapping_methods;    // tensor_index.cpp
extern PySequenceMethods sequence_methods;  // tensor_index.cpp
extern PyMethodDef tensor_methods[];        // tensor_methods.cpp
PyObject* tensor_iter(PyObject* self);
PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs);
PyObject* matmul_slot(PyObject* a, PyObject* b);

void set_requires_grad(const Tensor& t, bool on);
void set_data(const Tensor& t, const Tensor& from);

}  // namespace pyforge::python
