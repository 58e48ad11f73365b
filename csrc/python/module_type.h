// The base of nn.Module and the calls of modules.
#pragma once
#include "python/object.h"

namespace pyforge::python {

struct PyModuleBase {
  PyObject_HEAD char has_hooks;
  char fuses;  // a Sequential of a compiled model
};

// Whether a call of `module` goes straight to its forward().
bool calls_forward(PyObject* module);
// module(input). New reference.
PyObject* call_module(PyObject* module, PyObject* input);
// sequence(input) with layers and the activations behind them as one op (sequence.cpp).
PyObject* call_fused(PyObject* sequence, PyObject* input);

}  // namespace pyforge::python
