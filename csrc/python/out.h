// The keyword `out`: an op's results written into tensors that the caller has.
#pragma once
#include "python/object.h"

namespace pyforge::python {

// Its position among the keywords, or -1.
Py_ssize_t find_out(PyObject* kwnames);

// Calls the op without `out` and writes what it gives. `call` takes positional and keyword values,
// how many are positional, and the names. New reference to what the op returns then.
PyObject* call_with_out(const char* name, PyObject* const* args, size_t nargs, PyObject* kwnames,
                        Py_ssize_t position,
                        PyObject* (*call)(const void* op, PyObject* const* args, size_t nargs,
                                          PyObject* kwnames),
                        const void* op);

// `t` in another shape on its memory, which grows where it must; new elements may be anything.
void resize(const Tensor& t, IntSpan sizes);

}  // namespace pyforge::python
