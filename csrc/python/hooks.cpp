// Gradient hooks written in Python.
#include <algorithm>

#include "autograd/meta.h"
#include "python/bind.h"
#include "python/caster.h"
#include "python/object.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

int64_t next_hook_id = 0;

void destroy_callable(void* context) { Py_DECREF(static_cast<PyObject*>(context)); }

// A hook may remove itself while it runs.
PyObject* call_alive(void* context, PyObject* argument) {
  py::object callable = py::reinterpret_borrow<py::object>(static_cast<PyObject*>(context));
  return PyObject_CallOneArg(callable.ptr(), argument);
}

// hook(grad) -> None or a replacement of the same shape
void call_hook(void* context, Tensor& grad) {
  PyObject* argument = wrap(grad);
  if (!argument) throw PythonError();
  PyObject* result = call_alive(context, argument);
  Py_DECREF(argument);
  if (!result) throw PythonError();
  if (result != Py_None) {
    bool ok = is_tensor(result);
    std::string got = type_name(result);
    Tensor replacement = ok ? tensor_of(result) : Tensor();
    Py_DECREF(result);
    PF_CHECK(ok, Type, "hook: expected Variable, but hook returned '", got,
             "'; return a Tensor or None");
    PF_CHECK(replacement.sizes() == grad.sizes(), Runtime,
             "hook has changed the size of value: got ", to_string(replacement.sizes()),
             ", expected ", to_string(grad.sizes()));
    PF_CHECK(replacement.dtype() == grad.dtype(), Runtime,
             "hook has changed the type of value: was ", dtype_name(grad.dtype()), ", got ",
             dtype_name(replacement.dtype()));
    grad = std::move(replacement);
  } else {
    Py_DECREF(result);
  }
}

// hook(leaf), once its gradient was accumulated
void call_post_hook(void* context, Tensor& leaf) {
  PyObject* argument = wrap(leaf);
  PyObject* result = argument ? call_alive(context, argument) : nullptr;
  Py_XDECREF(argument);
  if (!result) throw PythonError();
  Py_DECREF(result);
}

PyObject* tuple_of(const std::vector<Tensor>& list) {
  PyObject* tuple = PyTuple_New(static_cast<Py_ssize_t>(list.size()));
  for (size_t i = 0; tuple && i < list.size(); ++i)
    PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i), wrap(list[i]));
  if (!tuple) throw PythonError();
  return tuple;
}

// hook(grad_inputs, grad_outputs), or hook(grad_outputs) before the node runs
void call_node_hook(void* context, Node&, std::vector<Tensor>& grads,
                    const std::vector<Tensor>& other) {
  py::object callable = py::reinterpret_borrow<py::object>(static_cast<PyObject*>(context));
  py::object first = py::reinterpret_steal<py::object>(tuple_of(grads));
  py::object result;
  if (other.empty()) {
    result = py::reinterpret_steal<py::object>(PyObject_CallOneArg(callable.ptr(), first.ptr()));
  } else {
    py::object second = py::reinterpret_steal<py::object>(tuple_of(other));
    result = py::reinterpret_steal<py::object>(
        PyObject_CallFunctionObjArgs(callable.ptr(), first.ptr(), second.ptr(), nullptr));
  }
  if (!result) throw PythonError();
  if (result.is_none()) return;
  PyObject* items =
      is_tensor(result.ptr()) ? PyTuple_Pack(1, result.ptr()) : PySequence_Tuple(result.ptr());
  if (!items) throw PythonError();
  py::object hold = py::reinterpret_steal<py::object>(items);
  PF_CHECK(PyTuple_GET_SIZE(items) == static_cast<Py_ssize_t>(grads.size()), Runtime,
           "hook: expected ", grads.size(), " gradients, got ", PyTuple_GET_SIZE(items));
  for (size_t i = 0; i < grads.size(); ++i) {
    PyObject* item = PyTuple_GET_ITEM(items, static_cast<Py_ssize_t>(i));
    PF_CHECK(item == Py_None || is_tensor(item), Type,
             "hook: gradients must be Tensors or None, got ", type_name(item));
    grads[i] = item == Py_None ? Tensor() : tensor_of(item);
  }
}

template <class List>
bool remove_from(List& hooks, int64_t id) {
  auto it = std::find_if(hooks.begin(), hooks.end(), [id](const auto& h) { return h.id == id; });
  if (it == hooks.end()) return false;
  auto hook = *it;
  hooks.erase(it);
  hook.destroy(hook.context);
  return true;
}

int64_t add_hook(const Tensor& t, const py::object& hook) {
  PF_CHECK(t.requires_grad(), Runtime,
           "cannot register a hook on a tensor that doesn't require gradient");
  int64_t id = next_hook_id++;
  Hook row{0, id, hook.ptr(), call_hook, destroy_callable};
  Py_INCREF(hook.ptr());
  if (Node* fn = grad_fn_of(t)) {
    row.output_nr = t->output_nr;
    fn->extras().hooks.push_back(row);
  } else {
    meta_of(t).hooks.push_back(row);
  }
  return id;
}

bool remove_hook(const Tensor& t, int64_t id) {
  if (t->grad_fn && t->grad_fn->extra && remove_from(t->grad_fn->extra->hooks, id)) return true;
  return t->meta && (remove_from(t->meta->hooks, id) || remove_from(t->meta->post_hooks, id));
}

Node& checked_node(const py::object& o) {
  Node* n = node_of(o.ptr());
  if (!n) throw py::type_error("expected a node of the graph");
  return *n;
}

}  // namespace

PF_BIND {
  m.def("_add_hook", add_hook);
  m.def("_add_post_hook", [](const Tensor& t, const py::object& hook) {
    PF_CHECK(t.requires_grad() && !grad_fn_of(t), Runtime,
             "post accumulate grad hooks cannot be registered on non-leaf tensors");
    Py_INCREF(hook.ptr());
    meta_of(t).post_hooks.push_back(
        {0, next_hook_id, hook.ptr(), call_post_hook, destroy_callable});
    return next_hook_id++;
  });
  m.def("_remove_hook", remove_hook);
  m.def("_add_node_hook", [](const py::object& node, const py::object& hook, bool post) {
    Py_INCREF(hook.ptr());
    checked_node(node).extras().node_hooks.push_back(
        {post, next_hook_id, hook.ptr(), call_node_hook, destroy_callable});
    return next_hook_id++;
  });
  m.def("_remove_node_hook", [](const py::object& node, int64_t id) {
    Node& n = checked_node(node);
    return n.extra && remove_from(n.extra->node_hooks, id);
  });
  m.def("_add_node_attribute", [](const std::string& name, const py::object& value) {
    if (!add_node_attribute(name.c_str(), value.ptr())) throw py::error_already_set();
  });
  m.def("_add_tensor_attribute", [](const std::string& name, const py::object& value) {
    if (!add_tensor_attribute(name.c_str(), value.ptr())) throw py::error_already_set();
  });
}

}  // namespace pyforge::python
