// Python callables for ops of libraries loaded at run time.
#pragma once
#include "ops/external.h"
#include "python/object.h"

namespace pyforge::python {

// New reference. The callable keeps the library's code mapped.
PyObject* external_callable(ExternalOp& op, bool inplace);

}  // namespace pyforge::python
