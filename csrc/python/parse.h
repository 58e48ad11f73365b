// Python arguments to the values of one registry row.
#pragma once
#include <vector>

#include "python/object.h"

namespace pyforge::python {

inline constexpr int kMaxParams = 16;

struct ParsedArgs {
  Value values[kMaxParams];

  // False if the arguments do not fit and `name` is null; with a name that is a TypeError.
  bool parse(const OpDef& def, PyObject* const* args, size_t nargs, PyObject* kwnames,
             const char* name);

  ParsedArgs() = default;
  ParsedArgs(const ParsedArgs&) = delete;
  ParsedArgs& operator=(const ParsedArgs&) = delete;

 private:
  bool convert(const Param& p, PyObject* o, Value& v);
  bool int_list(PyObject* o, Value& v);
  bool bool_list(PyObject* o, Value& v);
  bool float_list(PyObject* o, Value& v);
  bool add_tensors(std::vector<Tensor> list, Value& v);

  static constexpr int kLists = 5;
  Dims lists_[kLists];
  int n_lists_ = 0;
  std::vector<std::vector<Tensor>> tensor_lists_;
  std::vector<std::vector<double>> float_lists_;
};

// "pyforge.device('cpu')", 'cpu' and None are the same place; anything else raises.
// A dtype, or Python's float, int or bool; false for anything else.
bool to_dtype(PyObject* o, DType* out);
void check_device(PyObject* o);

}  // namespace pyforge::python
