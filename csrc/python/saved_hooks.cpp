// saved_tensors_hooks: Python functions that a value goes through between forward and backward.
#include <utility>
#include <vector>

#include "autograd/engine.h"
#include "autograd/node.h"
#include "python/bind.h"
#include "python/caster.h"
#include "python/object.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

// What the hooks of a thread are, innermost last.
struct HookPair {
  PyObject* pack;
  PyObject* unpack;
};
thread_local std::vector<HookPair> hooks;

void* pack_value(const Tensor& t) {
  HookPair active = hooks.back();
  auto pack = py::reinterpret_borrow<py::object>(active.pack);
  auto unpack = py::reinterpret_borrow<py::object>(active.unpack);
  auto argument = py::reinterpret_steal<py::object>(wrap(t));
  if (!argument) throw PythonError();
  PyObject* packed = PyObject_CallOneArg(pack.ptr(), argument.ptr());
  if (!packed) throw PythonError();
  return new HookPair{packed, unpack.release().ptr()};
}

Tensor unpack_value(void* handle) {
  auto* kept = static_cast<HookPair*>(handle);
  auto unpack = py::reinterpret_borrow<py::object>(kept->unpack);
  auto packed = py::reinterpret_borrow<py::object>(kept->pack);
  auto value = py::reinterpret_steal<py::object>(PyObject_CallOneArg(unpack.ptr(), packed.ptr()));
  if (!value) throw PythonError();
  PF_CHECK(is_tensor(value.ptr()), Type,
           "Output of saved tensor unpack_hook expected to be a Tensor but got result of type ",
           type_name(value.ptr()));
  return tensor_of(value.ptr());
}

void destroy_value(void* handle) {
  auto* kept = static_cast<HookPair*>(handle);
  Py_DECREF(kept->pack);
  Py_DECREF(kept->unpack);
  delete kept;
}

}  // namespace

PF_BIND {
  saved_value_hooks = {pack_value, unpack_value, destroy_value};
  m.def("_push_saved_hooks", [](const py::object& pack, const py::object& unpack) {
    hooks.push_back({pack.inc_ref().ptr(), unpack.inc_ref().ptr()});
    grad_mode_state.packs = true;
  });
  m.def("_pop_saved_hooks", [] {
    if (hooks.empty()) return;
    HookPair last = hooks.back();
    hooks.pop_back();
    grad_mode_state.packs = !hooks.empty();
    Py_DECREF(last.pack);
    Py_DECREF(last.unpack);
  });
  m.def("_current_run", &current_run);
  m.def("_runs_now", [](const py::object& node) {
    Node* n = node_of(node.ptr());
    return n && runs_now(n);
  });
  m.def("_show_as_torch", &show_as_torch);
  m.def("_bump_version", [](const Tensor& t) { t->storage->bump(); });
}

}  // namespace pyforge::python
