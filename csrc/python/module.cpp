// The extension module: hooks of the lower layers, the hand-written types, the cold bindings.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cxxabi.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "autograd/engine.h"
#include "core/gil.h"
#include "core/threads.h"
#include "kernels/dispatch.h"
#include "ops/ops.h"
#include "python/autograd.h"
#include "python/bind.h"
#include "python/caster.h"
#include "python/frame.h"
#include "python/object.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

std::string format_location(void* code, int32_t instruction) {
  auto* c = static_cast<PyCodeObject*>(code);
  const char* file = PyUnicode_AsUTF8(c->co_filename);
  const char* name = PyUnicode_AsUTF8(c->co_name);
  PyErr_Clear();
  return std::string(file ? file : "?") + ":" + std::to_string(PyCode_Addr2Line(c, instruction)) +
         ", in " + (name ? name : "?");
}

// At interpreter exit CPython ends a daemon thread that asks for the GIL by unwinding it, which
// must not pass through C++ frames: such a thread waits here for the end of the process.
void restore_thread(PyThreadState* state) {
  try {
    PyEval_RestoreThread(state);
  } catch (abi::__forced_unwind&) {
    for (;;) pause();
  }
}

void install_hooks() {
  source_hooks.capture = pf_capture_frame;
  source_hooks.release = [](void* code) { Py_DECREF(static_cast<PyObject*>(code)); };
  source_hooks.format = format_location;
  gil_hooks.release = []() -> void* { return PyGILState_Check() ? PyEval_SaveThread() : nullptr; };
  gil_hooks.acquire = [](void* state) { restore_thread(static_cast<PyThreadState*>(state)); };
  engine_hooks.yield = [] {
    PyThreadState* state = PyEval_SaveThread();
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    restore_thread(state);
  };
  engine_hooks.check_signals = [] {
    if (PyErr_CheckSignals() < 0) throw PythonError();
  };
}

void check(bool ok) {
  if (!ok) throw py::error_already_set();
}

}  // namespace
}  // namespace pyforge::python

PYBIND11_MODULE(_C, m) {
  using namespace pyforge;
  using namespace pyforge::python;
  if (std::string problem = kernels::init(); !problem.empty()) throw py::import_error(problem);
  if (std::string problem = init_threads(); !problem.empty()) throw py::import_error(problem);
  install_hooks();
  py::register_exception_translator([](std::exception_ptr p) {
    try {
      if (p) std::rethrow_exception(p);
    } catch (const Error&) {
      set_error();
    } catch (const PythonError&) {
    }
  });
  PyObject* module = m.ptr();
  check(init_tensor_type(module));
  check(init_dtype_type(module));
  check(init_op_type(module));
  check(init_node_type(module));
  check(init_autograd(module));
  for (BindFn bind : bindings()) bind(m);
  // What `from pyforge._C import *` takes: everything public but what belongs to nn.functional.
  py::list all;
  for (auto item : m.attr("__dict__").cast<py::dict>()) {
    auto name = item.first.cast<std::string>();
    if (name[0] == '_') continue;
    const OpGroup* group = find_op(name);
    uint32_t flags = 0;
    if (group)
      for (const OpDef* def : group->overloads) flags |= def->flags;
    if ((flags & kFunction) || !(flags & kNN)) all.append(name);
  }
  m.attr("__all__") = all;
  m.def(
      "_registered_ops",
      [] {
        std::vector<std::string> names;
        for (const OpGroup& group : op_groups()) names.push_back(group.name);
        return names;
      },
      "Names of all registered ops.");
  m.def(
      "_op_rows",
      [](const std::string& name) {
        const OpGroup* group = find_op(name);
        if (!group) throw py::key_error(name);
        py::list rows;
        for (const OpDef* def : group->overloads)
          rows.append(py::make_tuple(def->schema, def->doc, def->flags));
        return rows;
      },
      "(schema, doc, flags) of each overload of an op.");
}
