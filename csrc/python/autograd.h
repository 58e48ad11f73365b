// Shared by the bindings of the backward pass.
#pragma once
#include <vector>

#include "python/object.h"

namespace pyforge::python {

// Positional and keyword arguments into given[0..n), which holds the defaults. TypeError otherwise.
void read_arguments(const char* op, const char* const* names, int n, PyObject* const* args,
                    Py_ssize_t nargs, PyObject* kwnames, PyObject** given);
// A tensor or a sequence of tensors.
std::vector<Tensor> tensors_of(const char* op, const char* argument, PyObject* o);
// The gradient a backward pass starts with: checked, or one for a single element.
Tensor root_gradient(const Tensor& root, const Tensor& given, size_t index);

bool init_autograd(PyObject* module);

}  // namespace pyforge::python
