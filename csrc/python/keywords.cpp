#include "python/keywords.h"

#include <string_view>

#include "core/warn.h"
#include "ops/ops.h"
#include "python/resize.h"
#include "python/tensor_type.h"

namespace pyforge::python {
namespace {

void store(const std::string& op, PyObject* out, PyObject* result) {
  PF_CHECK(is_tensor(out), Type, op, "(): argument 'out' must be Tensor, not ", type_name(out));
  const Tensor &to = tensor_of(out), &from = tensor_of(result);
  PF_CHECK(!from.requires_grad() && !(grad_enabled() && to.requires_grad()), Runtime, op,
           "(): functions with out=... arguments don't support automatic differentiation, but one "
           "of the arguments requires grad.");
  auto kind = [](DType d) { return is_floating(d) ? 2 : d == DType::Bool ? 0 : 1; };
  PF_CHECK(kind(from.dtype()) <= kind(to.dtype()), Runtime, op, "(): result type ",
           dtype_name(from.dtype()), " can't be cast to the desired output type ",
           dtype_name(to.dtype()));
  const bool fits = to.sizes() == from.sizes();
  if (!fits && to.numel() != 0)
    warn("An output with one or more elements was resized since it had shape " +
         to_string(to.sizes()) + ", which does not match the required output shape " +
         to_string(from.sizes()) + ".");
  if (!fits) resize(to, from.sizes());
  PF_CHECK(!overlaps_itself(to.sizes(), to.strides()), Runtime, op,
           "(): unsupported operation: more than one element of the written-to tensor refers to a "
           "single memory location. Please clone() the tensor before performing the operation.");
  GradModeGuard off(false);
  ops::copy_(to, from);
}

struct Owned {
  PyObject* object;
  ~Owned() { Py_XDECREF(object); }
};

}  // namespace

Without::Without(PyObject* const* given, size_t n, PyObject* names, PyObject* keyword,
                 const char* also_type) {
  for (size_t i = 0; i < n; ++i) {
    if (also_type && std::string_view(Py_TYPE(given[i])->tp_name) == also_type)
      taken = given[i];
    else
      args.push_back(given[i]);
  }
  nargs = args.size();
  Py_ssize_t n_names = names ? PyTuple_GET_SIZE(names) : 0;
  PyObject* kept = PyList_New(0);
  if (!kept) throw PythonError();
  for (Py_ssize_t i = 0; i < n_names; ++i) {
    PyObject *name = PyTuple_GET_ITEM(names, i), *value = given[n + static_cast<size_t>(i)];
    if (PyUnicode_Compare(name, keyword) == 0) {
      taken = value;
    } else {
      PyList_Append(kept, name);
      args.push_back(value);
    }
  }
  if (PyList_GET_SIZE(kept)) kwnames = PyList_AsTuple(kept);
  Py_DECREF(kept);
  if (PyErr_Occurred()) throw PythonError();
}

Without::Without(PyObject* const* given, size_t n, PyObject* names, PyObject* keyword)
    : Without(given, n, names, keyword, nullptr) {}

WithoutHints::WithoutHints(PyObject* const* given, size_t n, PyObject* names)
    : Without(
          given, n, names,
          [] {
            static PyObject* const name = PyUnicode_InternFromString("memory_format");
            return name;
          }(),
          "memory_format") {}

PyObject* out_keyword() {
  static PyObject* const name = PyUnicode_InternFromString("out");
  return name;
}

bool has_out(PyObject* kwnames) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); ++i)
    if (PyTuple_GET_ITEM(kwnames, i) == out_keyword()) return true;
  return false;
}

PyObject* store_out(const std::string& op, PyObject* out, PyObject* result) {
  Owned owned{result};
  if (is_tensor(result)) {
    store(op, out, result);
    return Py_NewRef(out);
  }
  PF_CHECK(PyTuple_Check(result) && (PyTuple_Check(out) || PyList_Check(out)), Type, op,
           "(): argument 'out' must be tuple of Tensors, not ", type_name(out));
  Owned list{PySequence_Tuple(out)};
  if (!list.object) throw PythonError();
  Py_ssize_t n = PyTuple_GET_SIZE(result);
  PF_CHECK(PyTuple_GET_SIZE(list.object) == n, Type, op, "(): argument 'out' must be tuple of ", n,
           " Tensors, not of ", PyTuple_GET_SIZE(list.object));
  for (Py_ssize_t i = 0; i < n; ++i)
    store(op, PyTuple_GET_ITEM(list.object, i), PyTuple_GET_ITEM(result, i));
  PyObject* type = reinterpret_cast<PyObject*>(Py_TYPE(result));
  PyObject* named = PyObject_CallOneArg(type, list.object);
  if (!named) throw PythonError();
  return named;
}

}  // namespace pyforge::python
