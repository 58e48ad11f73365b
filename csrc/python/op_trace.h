// What tracing needs of the op objects.
#pragma once
#include "python/object.h"

namespace pyforge::python {

vectorcallfunc plain_op_call();
// Replaces how every op object is called; the traced way ends in plain_op_call().
void set_op_call(vectorcallfunc call);
const std::string& op_object_name(PyObject* op);

}  // namespace pyforge::python
