// The base of nn.Module: a call goes straight to forward(), without a Python frame of its own,
// unless the module has hooks.
#include "python/module_type.h"

#include "python/bind.h"

#include <structmember.h>  // needs Python.h

namespace pyforge::python {
namespace {

constexpr Py_ssize_t kInlineArgs = 8;
bool global_hooks = false;  // there are hooks on all modules

const PyModuleBase* base_of(PyObject* module) { return reinterpret_cast<PyModuleBase*>(module); }

PyObject* run_with_hooks(PyObject* self, PyObject* args, PyObject* kwargs) {
  static PyObject* const call_with_hooks = PyUnicode_InternFromString("_call_with_hooks");
  PyObject* keywords = kwargs ? Py_NewRef(kwargs) : PyDict_New();
  if (!keywords) return nullptr;
  PyObject* given[] = {self, args, keywords};
  PyObject* result = PyObject_VectorcallMethod(call_with_hooks, given, 3, nullptr);
  Py_DECREF(keywords);
  return result;
}

PyObject* call(PyObject* self, PyObject* args, PyObject* kwargs) {
  static PyObject* const forward = PyUnicode_InternFromString("forward");
  if (base_of(self)->has_hooks || base_of(self)->fuses || global_hooks) {
    if (base_of(self)->has_hooks || global_hooks) return run_with_hooks(self, args, kwargs);
    if (PyTuple_GET_SIZE(args) == 1 && (!kwargs || PyDict_GET_SIZE(kwargs) == 0))
      return call_fused(self, PyTuple_GET_ITEM(args, 0));
  }
  Py_ssize_t n = PyTuple_GET_SIZE(args);
  if (n < kInlineArgs && (!kwargs || PyDict_GET_SIZE(kwargs) == 0)) {
    PyObject* given[kInlineArgs] = {self};
    for (Py_ssize_t i = 0; i < n; ++i) given[i + 1] = PyTuple_GET_ITEM(args, i);
    return PyObject_VectorcallMethod(forward, given, static_cast<size_t>(n) + 1, nullptr);
  }
  PyObject* method = PyObject_GetAttr(self, forward);
  if (!method) return nullptr;
  PyObject* result = PyObject_Call(method, args, kwargs);
  Py_DECREF(method);
  return result;
}

PyMemberDef members[] = {
    {"_has_hooks", T_BOOL, offsetof(PyModuleBase, has_hooks), 0, nullptr},
    {"_fuses", T_BOOL, offsetof(PyModuleBase, fuses), 0, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyTypeObject ModuleBaseType = {PyVarObject_HEAD_INIT(nullptr, 0)};

PF_BIND {
  m.def("_set_global_module_hooks", [](bool on) { global_hooks = on; });
  PyTypeObject& t = ModuleBaseType;
  t.tp_name = "pyforge._C._ModuleBase";
  t.tp_basicsize = sizeof(PyModuleBase);
  t.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE;
  t.tp_new = PyType_GenericNew;
  t.tp_call = call;
  t.tp_members = members;
  if (PyType_Ready(&t) < 0 ||
      PyModule_AddObjectRef(m.ptr(), "_ModuleBase", reinterpret_cast<PyObject*>(&t)) < 0)
    throw pybind11::error_already_set();
}

}  // namespace

bool calls_forward(PyObject* module) {
  return Py_TYPE(module)->tp_call == call && !base_of(module)->has_hooks && !global_hooks;
}

PyObject* call_module(PyObject* module, PyObject* input) {
  static PyObject* const forward = PyUnicode_InternFromString("forward");
  if (!calls_forward(module)) return PyObject_CallOneArg(module, input);
  if (base_of(module)->fuses) return call_fused(module, input);
  PyObject* given[] = {module, input};
  return PyObject_VectorcallMethod(forward, given, 2, nullptr);
}

}  // namespace pyforge::python
