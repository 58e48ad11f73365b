// The profiler, seen from Python: start, stop, ranges, and the events as rows.
#include <pybind11/stl.h>

#include "autograd/profile.h"
#include "python/bind.h"
#include "python/frame.h"
#include "python/op_trace.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

using profile::Event, profile::Trace;

void start(bool shapes, bool memory, int frames) {
  profile::start({shapes, memory, frames});
  exchange_entries();
}

std::unique_ptr<Trace> stop() {
  std::unique_ptr<Trace> trace = profile::stop();
  exchange_entries();
  return trace;
}

void abandon() {
  profile::abandon();
  exchange_entries();
}

py::object shapes_at(const Trace& trace, int64_t first) {
  if (first < 0) return py::none();
  const int64_t* p = trace.shapes.data() + first;
  py::list arguments;
  for (int64_t n = *p++; n > 0; --n) {
    py::list sizes;
    for (int64_t d = *p++; d > 0; --d) sizes.append(*p++);
    arguments.append(sizes);
  }
  return arguments;
}

py::object stack_at(const Trace& trace, int64_t first) {
  if (first < 0) return py::none();
  py::list lines;
  for (const profile::Frame* f = trace.frames.data() + first; f->code; ++f) {
    auto* code = static_cast<PyCodeObject*>(f->code);
    PyObject* text = PyUnicode_FromFormat("%U(%d): %U", code->co_filename,
                                          PyCode_Addr2Line(code, f->instruction), code->co_name);
    if (!text) throw py::error_already_set();
    lines.append(py::reinterpret_steal<py::object>(text));
  }
  return lines;
}

py::list rows(Trace& trace) {
  py::list names;
  for (const std::string& name : trace.names) names.append(py::str(name));
  py::list result;
  for (size_t i = 0; i < trace.count; ++i) {
    const Event& e = trace.at(i);
    result.append(py::make_tuple(names[e.name], static_cast<int>(e.kind), trace.threads[e.thread],
                                 e.parent, trace.nanoseconds(e.begin), trace.nanoseconds(e.end),
                                 e.bytes_before, e.bytes_after, e.sequence, e.sequence_end,
                                 shapes_at(trace, e.shapes), shapes_at(trace, e.out_shapes),
                                 stack_at(trace, e.frames)));
  }
  return result;
}

// Programs leave ranges in their code: without a recording these cost a call each.
PyObject* range_begin(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  if (!profile::on) return PyLong_FromLong(0);
  if (nargs != 2 || !PyUnicode_Check(args[0]) || !PyLong_Check(args[1])) {
    PyErr_SetString(PyExc_TypeError, "record_function(): name must be str");
    return nullptr;
  }
  Py_ssize_t length;
  const char* name = PyUnicode_AsUTF8AndSize(args[0], &length);
  if (!name) return nullptr;
  const auto kind = static_cast<profile::Kind>(PyLong_AsLong(args[1]));
  return PyLong_FromUnsignedLongLong(profile::begin({name, static_cast<size_t>(length)}, kind));
}

PyObject* range_end(PyObject*, PyObject* handle) {
  profile::end(PyLong_AsUnsignedLongLong(handle));
  if (PyErr_Occurred()) return nullptr;
  Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"_range_begin", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(range_begin)),
     METH_FASTCALL, nullptr},
    {"_range_end", range_end, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PF_BIND {
  profile::hooks.capture_stack = pf_capture_frames;
  py::class_<Trace>(m, "_ProfilerTrace")
      .def("rows", rows,
           "Of each event: name, kind, thread, parent, begin and end in ns since the start, bytes "
           "allocated before and after, sequence numbers, shapes of arguments and results, stack.")
      .def("__len__", [](const Trace& t) { return t.count; })
      .def_property_readonly("start_ns", [](const Trace& t) { return t.start.nanoseconds; })
      .def_property_readonly(
          "duration_ns", [](const Trace& t) { return t.stop.nanoseconds - t.start.nanoseconds; });
  m.def("_profiler_start", start, py::arg("shapes"), py::arg("memory"), py::arg("frames"));
  m.def("_profiler_stop", stop);
  m.def("_profiler_abandon", abandon);
  m.def("_profiler_on", [] { return profile::on; });
  if (PyModule_AddFunctions(m.ptr(), methods) < 0) throw py::error_already_set();
}

}  // namespace
}  // namespace pyforge::python
