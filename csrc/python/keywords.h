// Keywords that every op takes besides those of its row.
#pragma once
#include <string>
#include <vector>

#include "python/object.h"

namespace pyforge::python {

// The arguments of a call without one keyword.
struct Without {
  std::vector<PyObject*> args;
  size_t nargs = 0;
  PyObject* kwnames = nullptr;  // owned; null if none are left
  PyObject* taken = nullptr;    // the value of the keyword, borrowed

  Without(PyObject* const* given, size_t n, PyObject* names, PyObject* keyword);
  ~Without() { Py_XDECREF(kwnames); }
  Without(const Without&) = delete;
  Without& operator=(const Without&) = delete;

 protected:
  // Without objects of this type among the positional arguments too.
  Without(PyObject* const* given, size_t n, PyObject* names, PyObject* keyword,
          const char* also_type);
};

// memory_format: a hint about the order of dimensions in memory, which has no effect here.
struct WithoutHints : Without {
  WithoutHints(PyObject* const* given, size_t n, PyObject* names);
};

// The name "out", and whether it is among the keywords.
PyObject* out_keyword();
bool has_out(PyObject* kwnames);
// Writes `result`, a tensor or a tuple of them, into `out`; returns what holds it now. Takes over
// the reference to `result`.
PyObject* store_out(const std::string& op, PyObject* out, PyObject* result);

}  // namespace pyforge::python
