// Anomaly mode of the engine, seen from Python; and the rule for masked gradients.
#include <pybind11/stl.h>

#include <string>

#include "autograd/anomaly.h"
#include "python/bind.h"
#include "python/caster.h"
#include "python/object.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

// begin(root, grad), arrived(path, node, output number, grad), failed(node)
PyObject *begin_handler, *arrived_handler, *failed_handler;

template <class... Args>
void call(PyObject* handler, Args&&... args) {
  try {
    py::reinterpret_borrow<py::object>(handler)(std::forward<Args>(args)...);
  } catch (py::error_already_set& e) {
    e.restore();
    throw PythonError();
  }
}

py::object node_object(Node& n) {
  PyObject* o = wrap_node(&n);
  if (!o) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(o);
}

void begin(const Tensor& root, const Tensor& grad) { call(begin_handler, root, grad); }

void arrived(const std::vector<BadNode>& path, Node& node, uint32_t nr, const Tensor& grad) {
  py::list rows;
  for (const BadNode& row : path)
    rows.append(py::make_tuple(node_object(*row.node), row.in, row.out, row.saved));
  call(arrived_handler, rows, node_object(node), nr, grad);
}

// The error that is under way goes on, whatever the handler does.
void failed(Node& node) {
  py::error_scope hold;
  try {
    py::reinterpret_borrow<py::object>(failed_handler)(node_object(node));
  } catch (py::error_already_set& e) {
    e.discard_as_unraisable("anomaly mode");
  }
}

void set_handlers(const py::object& b, const py::object& a, const py::object& f) {
  Py_XSETREF(begin_handler, Py_NewRef(b.ptr()));
  Py_XSETREF(arrived_handler, Py_NewRef(a.ptr()));
  Py_XSETREF(failed_handler, Py_NewRef(f.ptr()));
  anomaly_hooks = {begin, arrived, failed};
}

void set_mode(bool enabled, bool check_nan, bool check_inf) {
  anomaly_mode = {enabled, check_nan, check_inf};
}

PF_BIND {
  m.def("_set_anomaly_handlers", set_handlers);
  m.def("_set_anomaly_mode", set_mode);
  m.def("_anomaly_mode", [] {
    return py::make_tuple(anomaly_mode.enabled, anomaly_mode.check_nan, anomaly_mode.check_inf);
  });
  m.def("_finiteness", [](const Tensor& t) { return static_cast<int>(finiteness(t)); });
  m.def("_set_masked_gradients_propagate",
        [](bool on) { return std::exchange(masked_gradients_propagate, on); });
}

}  // namespace
}  // namespace pyforge::python
