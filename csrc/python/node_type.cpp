// Nodes of the tape seen from Python: grad_fn, with a class per op.
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include "autograd/meta.h"
#include "ops/recorded.h"
#include "python/object.h"

namespace pyforge::python {
namespace {

struct PyNode {
  PyObject_HEAD Node* node;  // owned
};

PyTypeObject NodeBaseType = {PyVarObject_HEAD_INIT(nullptr, 0)};

Node* self_node(PyObject* o) { return reinterpret_cast<PyNode*>(o)->node; }

void node_dealloc(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  if (Node* n = self_node(o)) {
    if (n->extra && n->extra->pyobj == o) n->extra->pyobj = nullptr;
    Ref<Node>::steal(n);
  }
  type->tp_free(o);
  Py_DECREF(type);
}

PyObject* node_repr(PyObject* o) {
  return PyUnicode_FromFormat("<%s object at %p>", self_node(o)->type->name,
                              static_cast<void*>(self_node(o)));
}
// PyTorch's nodes that belong to no op are named with their namespace.
PyObject* node_name(PyObject* o, PyObject*) {
  const char* name = self_node(o)->type->name;
  for (const char* bare : {"AccumulateGrad", "CopyBackwards", "CopySlices", "NotImplemented"})
    if (std::strcmp(name, bare) == 0) return PyUnicode_FromFormat("torch::autograd::%s", name);
  return PyUnicode_FromString(name);
}

PyObject* next_functions(PyObject* o, void*) {
  Node* n = self_node(o);
  PyObject* tuple = PyTuple_New(n->n_edges);
  for (uint32_t i = 0; tuple && i < n->n_edges; ++i) {
    Edge& e = n->edges()[i];
    PyTuple_SET_ITEM(tuple, i, Py_BuildValue("(NI)", wrap_node(e.fn), e.input_nr));
  }
  return tuple;
}
PyObject* sequence_nr(PyObject* o, PyObject*) {
  return PyLong_FromUnsignedLongLong(self_node(o)->sequence);
}
PyObject* get_variable(PyObject* o, void*) {
  if (!is_accumulator(self_node(o))) {
    PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'variable'",
                 self_node(o)->type->name);
    return nullptr;
  }
  return wrap(accumulator_variable(self_node(o)));
}
PyObject* get_where(PyObject* o, void*) {
  std::string text = self_node(o)->where.text();
  return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}
PyObject* get_saved_bytes(PyObject* o, void*) {
  int64_t bytes = 0;
  Node* n = self_node(o);
  for (uint32_t i = 0; i < n->n_saved; ++i)
    if (TensorImpl* t = n->saved_tensors()[i].tensor.get())
      bytes += t->numel * static_cast<int64_t>(itemsize(t->dtype));
  return PyLong_FromLongLong(bytes);
}
PyObject* get_output_shapes(PyObject* o, void*) {
  Node* n = self_node(o);
  PyObject* tuple = PyTuple_New(n->n_outputs);
  for (uint32_t i = 0; tuple && i < n->n_outputs; ++i)
    PyTuple_SET_ITEM(tuple, i, size_object(n->outputs()[i].shape));
  return tuple;
}

// (value or None, own output number or -1) for each slot, without the checks of the pass.
PyObject* get_saved_slots(PyObject* o, void*) {
  Node* n = self_node(o);
  PyObject* tuple = PyTuple_New(n->n_saved);
  for (uint32_t i = 0; tuple && i < n->n_saved; ++i) {
    const SavedTensor& s = n->saved_tensors()[i];
    PyObject* value = s.tensor ? wrap(Tensor(s.tensor)) : Py_NewRef(Py_None);
    PyTuple_SET_ITEM(tuple, i, Py_BuildValue("(Ni)", value, s.own_output));
  }
  return tuple;
}
PyObject* get_released(PyObject* o, void*) {
  return PyBool_FromLong(self_node(o)->flags & kReleased);
}
PyObject* get_output_dtypes(PyObject* o, void*) {
  Node* n = self_node(o);
  PyObject* tuple = PyTuple_New(n->n_outputs);
  for (uint32_t i = 0; tuple && i < n->n_outputs; ++i)
    PyTuple_SET_ITEM(tuple, i, Py_NewRef(dtype_object(n->outputs()[i].dtype)));
  return tuple;
}

// The i-th saved value, checked as the pass checks it.
PyObject* saved_value(Node* n, uint32_t i) {
  return guarded([&]() -> PyObject* {
    Tensor t = n->saved(i);
    return t.defined() ? wrap(std::move(t)) : Py_NewRef(Py_None);
  });
}
PyObject* get_saved_tensors(PyObject* o, void*) {
  Node* n = self_node(o);
  PyObject* tuple = PyTuple_New(n->n_saved);
  for (uint32_t i = 0; tuple && i < n->n_saved; ++i) {
    PyObject* value = saved_value(n, i);
    if (!value) {
      Py_DECREF(tuple);
      return nullptr;
    }
    PyTuple_SET_ITEM(tuple, i, value);
  }
  return tuple;
}

// _saved_result is the op's own output; _saved_self, _saved_other (of matmul: _saved_mat2) and
// _saved_N the others by slot.
PyObject* node_getattro(PyObject* o, PyObject* name) {
  PyObject* found = PyObject_GenericGetAttr(o, name);
  if (found || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
  const char* text = PyUnicode_AsUTF8(name);
  if (!text || std::strncmp(text, "_saved_", 7) != 0) return nullptr;
  const std::string_view wanted = text + 7;
  Node* n = self_node(o);
  for (uint32_t i = 0; i < n->n_saved; ++i) {
    const bool own = n->saved_tensors()[i].own_output >= 0;
    const int row = ops::saved_operand(*n, i), operand = row >= 0 ? row : static_cast<int>(i);
    if (wanted == std::to_string(i) ||
        (own            ? wanted == "result"
         : operand == 0 ? wanted == "self"
                        : operand == 1 && (wanted == "other" || wanted == "mat2"))) {
      PyErr_Clear();
      return saved_value(n, i);
    }
  }
  return nullptr;
}

PyMethodDef methods[] = {
    {"name", node_name, METH_NOARGS, "The op's name, such as 'TanhBackward0'."},
    {"_sequence_nr", sequence_nr, METH_NOARGS, "Order of recording."},
    {}};
PyGetSetDef getset[] = {
    {"next_functions", next_functions, nullptr,
     "((node or None, output number), ...) for each input.", nullptr},
    {"variable", get_variable, nullptr, "The leaf an AccumulateGrad adds into.", nullptr},
    {"source", get_where, nullptr, "'file.py:12, in f': the line that recorded the op.", nullptr},
    {"saved_bytes", get_saved_bytes, nullptr, "Bytes of the values kept for the backward pass.",
     nullptr},
    {"saved_tensors", get_saved_tensors, nullptr,
     "The values kept for the backward pass. RuntimeError once they are freed or overwritten.",
     nullptr},
    {"_saved_slots", get_saved_slots, nullptr, nullptr, nullptr},
    {"_released", get_released, nullptr, nullptr, nullptr},
    {"output_dtypes", get_output_dtypes, nullptr, "Dtypes of the op's outputs.", nullptr},
    {"output_shapes", get_output_shapes, nullptr, "Shapes of the op's outputs.", nullptr},
    {}};

PyTypeObject* class_of(const char* name) {
  static std::map<std::string, PyTypeObject*, std::less<>> classes;
  auto it = classes.find(name);
  if (it != classes.end()) return it->second;
  auto* full = new std::string(std::string("pyforge.autograd.graph.") + name);
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(node_dealloc)}, {0, nullptr}};
  PyType_Spec spec{full->c_str(), sizeof(PyNode), 0, Py_TPFLAGS_DEFAULT, slots};
  PyObject* bases = PyTuple_Pack(1, &NodeBaseType);
  PyObject* type = bases ? PyType_FromSpecWithBases(&spec, bases) : nullptr;
  Py_XDECREF(bases);
  if (!type) throw PythonError();
  return classes.emplace(name, reinterpret_cast<PyTypeObject*>(type)).first->second;
}

}  // namespace

PyObject* wrap_node(Node* node) {
  if (!node) Py_RETURN_NONE;
  if (node->extra && node->extra->pyobj)
    return Py_NewRef(static_cast<PyObject*>(node->extra->pyobj));
  return guarded([&]() -> PyObject* {
    PyTypeObject* type = class_of(node->type->name);
    auto* o = reinterpret_cast<PyNode*>(type->tp_alloc(type, 0));
    if (!o) return nullptr;
    ++node->refs;
    o->node = node;
    node->extras().pyobj = o;
    return reinterpret_cast<PyObject*>(o);
  });
}

Node* node_of(PyObject* o) { return PyObject_TypeCheck(o, &NodeBaseType) ? self_node(o) : nullptr; }

bool add_node_attribute(const char* name, PyObject* value) {
  bool ok = PyDict_SetItemString(NodeBaseType.tp_dict, name, value) == 0;
  PyType_Modified(&NodeBaseType);
  return ok;
}

bool init_node_type(PyObject* module) {
  NodeBaseType.tp_name = "pyforge.autograd.graph.Node";
  NodeBaseType.tp_basicsize = sizeof(PyNode);
  NodeBaseType.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE;
  NodeBaseType.tp_doc = "A recorded op.";
  NodeBaseType.tp_repr = node_repr;
  NodeBaseType.tp_getattro = node_getattro;
  NodeBaseType.tp_methods = methods;
  NodeBaseType.tp_getset = getset;
  if (PyType_Ready(&NodeBaseType) < 0) return false;
  return PyModule_AddObjectRef(module, "Node", reinterpret_cast<PyObject*>(&NodeBaseType)) >= 0;
}

}  // namespace pyforge::python
