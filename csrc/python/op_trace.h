// What tracing and the profiler need of the op objects.
#pragma once
#include "python/object.h"

namespace pyforge::python {

PyObject* plain_op_call(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames);
// Replaces how every op object is called; the traced way ends in plain_op_call(), and null
// puts that back.
void set_op_call(vectorcallfunc call);
bool op_calls_replaced();
const std::string& op_object_name(PyObject* op);
// Puts the entry points of ops in the state that tracing, anomaly mode and the profiler ask for.
void exchange_entries();

}  // namespace pyforge::python
