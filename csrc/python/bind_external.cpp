// Libraries of custom ops seen from Python.
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "kernels/dispatch.h"
#include "python/bind.h"
#include "python/external.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

py::object callable_of(ExternalOp& op, bool inplace) {
  PyObject* o = external_callable(op, inplace);
  if (!o) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(o);
}

py::dict callables(const Library& lib) {
  py::dict found;
  for (const Ref<ExternalOp>& op : lib.ops) {
    found[py::str(op->def.name)] = callable_of(*op, false);
    if (op->def.flags & kInplace) found[py::str(op->def.name + "_")] = callable_of(*op, true);
  }
  return found;
}

// A name of pyforge.ops: the callable, or None.
py::object find_callable(std::string name) {
  if (ExternalOp* op = find_external(name)) return callable_of(*op, false);
  if (name.size() > 1 && name.back() == '_') {
    name.pop_back();
    ExternalOp* op = find_external(name);
    if (op && (op->def.flags & kInplace)) return callable_of(*op, true);
  }
  return py::none();
}

}  // namespace

PF_BIND {
  m.def("_load_library", [](const std::string& name, const std::string& path) {
    return callables(*load_library(name, path));
  });
  m.def("_unload_library", &unload_library);
  m.def("_external_op", &find_callable);
  m.def("_external_ops", &external_op_names);
  m.def("_set_output_fill", &set_output_fill);
  m.def("_set_ranges_reversed", &set_ranges_reversed);
  m.def("_op_instruction_set", [] { return kernels::active().name; });
  m.def("_op_abi", [] { return py::make_tuple(PF_ABI_MAJOR, PF_ABI_MINOR); });
}

}  // namespace pyforge::python
