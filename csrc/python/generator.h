// Random generators seen from Python.
#pragma once
#include "core/random.h"
#include "python/object.h"

namespace pyforge::python {

// Null if `o` is not a pyforge.Generator.
Generator* generator_of(PyObject* o);

}  // namespace pyforge::python
