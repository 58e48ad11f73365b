// What tracing needs of the op objects.
#pragma once
#include "python/object.h"

namespace pyforge::python {

PyObject* plain_op_call(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames);
// Replaces how every op object is called; the traced way ends in plain_op_call(), and null
// puts that back.
void set_op_call(vectorcallfunc call);
const std::string& op_object_name(PyObject* op);

}  // namespace pyforge::python
