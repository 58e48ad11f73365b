// Callables for registered ops: one object is both pyforge.<name> and Tensor.<name>. Arguments are
// parsed by the registry row; the commonest argument lists skip the parser.
#include <map>
#include <string>
#include <vector>

#include "autograd/inplace.h"
#include "core/random.h"
#include "ops/autocast.h"
#include "ops/ops.h"
#include "python/external.h"
#include "python/keywords.h"
#include "python/object.h"
#include "python/old_forms.h"
#include "python/op_trace.h"
#include "python/parse.h"
#include "python/tensor_type.h"

namespace pyforge::python {
namespace {

struct PyOp {
  PyObject_HEAD vectorcallfunc vectorcall;
  const OpGroup* group;
  const OpDef* only;  // set when there is one overload
  bool inplace;
  bool method;
  AutocastRule rule;
  std::string* name;
  ExternalOp* external;  // owned
};

std::vector<PyOp*> op_objects;       // the built-in ones, which live for ever, for tracing
std::vector<PyOp*> library_objects;  // those of libraries, while they live
vectorcallfunc traced_call;          // null: not tracing
PyTypeObject OpFunctionType = {PyVarObject_HEAD_INIT(nullptr, 0)};
PyTypeObject OpMethodType = {PyVarObject_HEAD_INIT(nullptr, 0)};

std::string arguments_text(PyObject* const* args, size_t nargs, PyObject* kwnames) {
  std::string text = "(";
  size_t total = nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
  for (size_t i = 0; i < total; ++i) {
    if (i) text += ", ";
    if (i >= nargs)
      text += std::string(PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, i - nargs))) + "=";
    text += type_name(args[i]);
  }
  return text + ")";
}

[[noreturn, gnu::cold]] void no_overload(const OpGroup& group, const std::string& name,
                                         PyObject* const* args, size_t nargs, PyObject* kwnames,
                                         uint32_t flags) {
  std::string text = name + "() received an invalid combination of arguments - got " +
                     arguments_text(args, nargs, kwnames) + ", but expected one of:";
  for (const OpDef* def : group.overloads)
    if (def->flags & flags) text += "\n * " + def->schema;
  raise(ErrorKind::Type, text);
}

// The row that the arguments fit, null if there is none.
const OpDef* fit(const OpGroup& group, const std::string& name, PyObject* const* args, size_t nargs,
                 PyObject* kwnames, uint32_t flags, ParsedArgs& parsed) {
  for (const OpDef* def : group.overloads)
    if ((def->flags & flags) && parsed.parse(*def, args, nargs, kwnames, nullptr)) return def;
  for (const OpDef* def : group.overloads)
    if ((def->flags & flags) && parse_old_form(*def, name, args, nargs, kwnames, parsed))
      return def;
  return nullptr;
}

[[noreturn, gnu::cold]] void explain_misfit(const OpGroup& group, const std::string& name,
                                            PyObject* const* args, size_t nargs, PyObject* kwnames,
                                            uint32_t flags, ParsedArgs& parsed) {
  const OpDef* single = nullptr;
  int candidates = 0;
  for (const OpDef* def : group.overloads) {
    if (!(def->flags & flags)) continue;
    ++candidates;
    single = def;
  }
  if (candidates == 1) parsed.parse(*single, args, nargs, kwnames, name.c_str());
  no_overload(group, name, args, nargs, kwnames, flags);
}

const OpDef* choose(const OpGroup& group, const std::string& name, PyObject* const* args,
                    size_t nargs, PyObject* kwnames, uint32_t flags, ParsedArgs& parsed) {
  const OpDef* def = fit(group, name, args, nargs, kwnames, flags, parsed);
  if (!def) explain_misfit(group, name, args, nargs, kwnames, flags, parsed);
  return def;
}

// PyTorch's protocol for objects that act as tensors: the first argument whose type has
// __torch_function__(func, types, args, kwargs) is asked. Null if none has, or none can.
[[gnu::cold]] PyObject* call_override(const PyOp* op, PyObject* const* args, size_t nargs,
                                      PyObject* kwnames) {
  for (size_t i = 0; i < nargs; ++i) {
    PyObject* type = reinterpret_cast<PyObject*>(Py_TYPE(args[i]));
    if (is_tensor(args[i]) || !PyObject_HasAttrString(type, "__torch_function__")) continue;
    PyObject* function = reinterpret_cast<PyObject*>(const_cast<PyOp*>(op));
    PyObject* given = PyTuple_New(static_cast<Py_ssize_t>(nargs));
    PyObject* keywords = PyDict_New();
    for (size_t k = 0; given && k < nargs; ++k)
      PyTuple_SET_ITEM(given, static_cast<Py_ssize_t>(k), Py_NewRef(args[k]));
    for (Py_ssize_t k = 0; keywords && kwnames && k < PyTuple_GET_SIZE(kwnames); ++k)
      PyDict_SetItem(keywords, PyTuple_GET_ITEM(kwnames, k), args[nargs + static_cast<size_t>(k)]);
    PyObject* result = nullptr;
    if (given && keywords)
      result = PyObject_CallMethod(type, "__torch_function__", "O(O)OO", function, type, given,
                                   keywords);
    Py_XDECREF(given);
    Py_XDECREF(keywords);
    if (!result) throw PythonError();
    if (result != Py_NotImplemented) return result;
    Py_DECREF(result);
  }
  return nullptr;
}

// Keywords that creation functions share, taken off before the row is parsed.
struct CreationArgs {
  std::vector<PyObject*> args;
  PyObject* kwnames = nullptr;
  bool requires_grad = false;

  CreationArgs(PyObject* const* given, size_t nargs, PyObject* names) : args(given, given + nargs) {
    PyObject* kept = PyList_New(0);
    if (!kept) throw PythonError();
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i) {
      PyObject *name = PyTuple_GET_ITEM(names, i), *value = given[nargs + i];
      if (PyUnicode_CompareWithASCIIString(name, "requires_grad") == 0) {
        requires_grad = PyObject_IsTrue(value) == 1;
      } else if (PyUnicode_CompareWithASCIIString(name, "device") == 0) {
        check_device(value);
      } else if (PyUnicode_CompareWithASCIIString(name, "layout") != 0 &&
                 PyUnicode_CompareWithASCIIString(name, "pin_memory") != 0 &&
                 PyUnicode_CompareWithASCIIString(name, "memory_format") != 0) {
        PyList_Append(kept, name);
        args.push_back(value);
      }
    }
    kwnames = PyList_AsTuple(kept);
    Py_DECREF(kept);
    if (!kwnames) throw PythonError();
  }
  ~CreationArgs() { Py_XDECREF(kwnames); }
  CreationArgs(const CreationArgs&) = delete;
  CreationArgs& operator=(const CreationArgs&) = delete;
};

PyObject* call_creation(const PyOp* op, PyObject* const* args, size_t nargs, PyObject* kwnames) {
  CreationArgs creation(args, nargs, kwnames);
  ParsedArgs parsed;
  const OpDef* def = choose(*op->group, *op->name, creation.args.data(), nargs, creation.kwnames,
                            op->method ? kMethod : kFunction, parsed);
  Result result = def->call(parsed.values);
  if (creation.requires_grad) set_requires_grad(std::get<Tensor>(result), true);
  return from_result(*def, std::move(result));
}

PyObject* call_row(const PyOp* op, PyObject* const* args, size_t nargsf, PyObject* kwnames);

PyObject* op_vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  auto* op = reinterpret_cast<PyOp*>(self);
  return guarded([&]() -> PyObject* {
    return naming(*op->name, [&] { return call_row(op, args, nargsf, kwnames); });
  });
}

// Of ops that autocast knows: their arguments are converted while a context is open.
PyObject* call_autocast(const PyOp* op, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  size_t nargs = PyVectorcall_NARGS(nargsf);
  if (op->method)
    PF_CHECK(nargs >= 1 && is_tensor(args[0]), Type, *op->name,
             "(): descriptor needs a Tensor as self");
  ParsedArgs parsed;
  const OpDef* def = choose(*op->group, *op->name, args, nargs, kwnames,
                            op->method ? kMethod : kFunction | kNN, parsed);
  AutocastArgs converted(op->rule, parsed.values, def->params.size());
  return from_result(*def, def->call(parsed.values));
}

PyObject* autocast_vectorcall(PyObject* self, PyObject* const* args, size_t nargsf,
                              PyObject* kwnames) {
  if (!autocast_enabled() || (kwnames && has_out(kwnames)))
    return op_vectorcall(self, args, nargsf, kwnames);
  auto* op = reinterpret_cast<PyOp*>(self);
  return guarded([&]() -> PyObject* {
    return naming(*op->name, [&] { return call_autocast(op, args, nargsf, kwnames); });
  });
}

// An op of a library: tensors alone by position need no parser.
PyObject* call_external_row(const PyOp* op, PyObject* const* args, size_t nargs,
                            PyObject* kwnames) {
  const OpDef& def = op->external->def;
  constexpr size_t kFew = 4;
  size_t n = def.params.size();
  if (!kwnames && nargs == n && n <= kFew && !op->inplace) {
    Value values[kFew];
    size_t i = 0;
    for (; i < n && is_tensor(args[i]); ++i) {
      if (def.params[i].type != ArgType::Tensor && def.params[i].type != ArgType::Operand) break;
      values[i].kind = Value::IsTensor;
      values[i].tensor_impl = impl_of(args[i]);
    }
    if (i == n) return from_result(def, call_external(*op->external, values));
  }
  ParsedArgs parsed;
  parsed.parse(def, args, nargs, kwnames, op->name->c_str());
  if (!op->inplace) return from_result(def, call_external(*op->external, parsed.values));
  call_external_inplace(*op->external, parsed.values);
  return wrap(parsed.values[0].tensor());
}

PyObject* call_row(const PyOp* op, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  size_t nargs = PyVectorcall_NARGS(nargsf);
  if (const OpDef* def = op->only; def && !kwnames && !op->inplace) {
    if (def->unary && nargs == 1 && is_tensor(args[0])) return wrap(def->unary(tensor_of(args[0])));
    if (def->binary && nargs == 2 && is_tensor(args[0])) {
      if (is_tensor(args[1])) return wrap(def->binary(tensor_of(args[0]), tensor_of(args[1])));
      Scalar s;
      if (to_scalar(args[1], &s)) return wrap(def->binary(tensor_of(args[0]), s));
    }
  }
  if (op->external) return call_external_row(op, args, nargs, kwnames);
  if (op->method)
    PF_CHECK(nargs >= 1 && is_tensor(args[0]), Type, *op->name,
             "(): descriptor needs a Tensor as self");
  if (kwnames && has_out(kwnames)) {
    Without call(args, nargs, kwnames, out_keyword());
    PyObject* result = call_row(op, call.args.data(), call.nargs, call.kwnames);
    return result && call.taken != Py_None ? store_out(*op->name, call.taken, result) : result;
  }
  if (kwnames && (op->group->overloads[0]->flags & kCreation))
    return call_creation(op, args, nargs, kwnames);
  uint32_t flags = op->inplace ? kInplace : op->method ? kMethod : kFunction | kNN;
  ParsedArgs parsed;
  const OpDef* def = fit(*op->group, *op->name, args, nargs, kwnames, flags, parsed);
  if (!def) {
    if (PyObject* result = call_override(op, args, nargs, kwnames)) return result;
    WithoutHints plain(args, nargs, kwnames);
    if (plain.taken) return call_row(op, plain.args.data(), plain.nargs, plain.kwnames);
    explain_misfit(*op->group, *op->name, args, nargs, kwnames, flags, parsed);
  }
  if (!op->inplace) return from_result(*def, def->call(parsed.values));
  if (def->inplace) {
    def->inplace(parsed.values);
  } else {
    Result result = def->call(parsed.values);
    assign_inplace(op->name->c_str(), parsed.values[0].tensor(), std::get<Tensor>(result));
  }
  return Py_NewRef(args[0]);
}

PyObject* op_get(PyObject* self, PyObject* instance, PyObject*) {
  return instance && instance != Py_None ? PyMethod_New(self, instance) : Py_NewRef(self);
}
PyObject* op_repr(PyObject* self) {
  auto* op = reinterpret_cast<PyOp*>(self);
  return PyUnicode_FromFormat("<built-in %s %s of pyforge>", op->method ? "method" : "function",
                              op->name->c_str());
}
PyObject* op_name(PyObject* self, void*) {
  return PyUnicode_FromString(reinterpret_cast<PyOp*>(self)->name->c_str());
}
PyObject* op_qualname(PyObject* self, void*) {
  auto* op = reinterpret_cast<PyOp*>(self);
  return PyUnicode_FromFormat(op->method ? "Tensor.%s" : "%s", op->name->c_str());
}
PyObject* op_module(PyObject* self, void*) {
  return PyUnicode_FromString(reinterpret_cast<PyOp*>(self)->external ? "pyforge.ops" : "pyforge");
}
void op_dealloc(PyObject* self) {
  auto* op = reinterpret_cast<PyOp*>(self);
  if (op->external) std::erase(library_objects, op);
  delete op->name;
  Ref<ExternalOp>::steal(op->external);
  PyObject_Free(self);
}
PyObject* op_doc(PyObject* self, void*) {
  auto* op = reinterpret_cast<PyOp*>(self);
  std::string text;
  for (const OpDef* def : op->group->overloads) {
    if (!text.empty()) text += "\n\n";
    text += def->schema + "\n\n" + def->doc;
  }
  if (op->inplace) text = "In-place form of " + op->group->name + "().\n\n" + text;
  return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}
PyObject* op_reduce(PyObject* self, PyObject*) {
  auto* op = reinterpret_cast<PyOp*>(self);
  PyObject* owner = PyImport_ImportModule("pyforge._C");
  if (!owner) return nullptr;
  if (op->method) {
    Py_DECREF(owner);
    owner = Py_NewRef(reinterpret_cast<PyObject*>(&TensorType));
  }
  PyObject* builtins = PyImport_ImportModule("builtins");
  PyObject* getattr = builtins ? PyObject_GetAttrString(builtins, "getattr") : nullptr;
  Py_XDECREF(builtins);
  if (!getattr) {
    Py_DECREF(owner);
    return nullptr;
  }
  if (!op->method) {  // functions pickle by name
    Py_DECREF(getattr);
    Py_DECREF(owner);
    return PyUnicode_FromString(op->name->c_str());
  }
  return Py_BuildValue("N(Ns)", getattr, owner, op->name->c_str());
}

PyMethodDef op_methods[] = {{"__reduce__", op_reduce, METH_NOARGS, nullptr}, {}};
PyGetSetDef op_getset[] = {{"__name__", op_name, nullptr, nullptr, nullptr},
                           {"__qualname__", op_qualname, nullptr, nullptr, nullptr},
                           {"__module__", op_module, nullptr, nullptr, nullptr},
                           {"__doc__", op_doc, nullptr, nullptr, nullptr},
                           {}};

bool ready(PyTypeObject& t, const char* name, bool method) {
  t.tp_name = name;
  t.tp_basicsize = sizeof(PyOp);
  t.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL;
  t.tp_vectorcall_offset = offsetof(PyOp, vectorcall);
  t.tp_call = PyVectorcall_Call;
  t.tp_dealloc = op_dealloc;
  t.tp_repr = op_repr;
  t.tp_methods = op_methods;
  t.tp_getset = op_getset;
  if (method) {
    t.tp_flags |= Py_TPFLAGS_METHOD_DESCRIPTOR;
    t.tp_descr_get = op_get;
  }
  return PyType_Ready(&t) >= 0;
}

vectorcallfunc plain_call(const PyOp* op) {
  return op->rule == AutocastRule::None ? op_vectorcall : autocast_vectorcall;
}

PyObject* make_op(const OpGroup& group, const std::string& name, bool method, bool inplace) {
  auto* op = PyObject_New(PyOp, method ? &OpMethodType : &OpFunctionType);
  if (!op) return nullptr;
  op->rule = inplace ? AutocastRule::None : autocast_rule(name);
  op->vectorcall = plain_call(op);
  op->group = &group;
  op->only = group.overloads.size() == 1 ? group.overloads[0] : nullptr;
  op->inplace = inplace;
  op->method = method;
  op->name = new std::string(name);
  op->external = nullptr;
  return reinterpret_cast<PyObject*>(op);
}

PyObject* property_get(PyObject* self, void* group) {
  return guarded([&] {
    const OpDef& def = *static_cast<const OpGroup*>(group)->overloads[0];
    Value v;
    v.kind = Value::IsTensor;
    v.tensor_impl = impl_of(self);
    return from_result(def, def.call(&v));
  });
}

bool add_property(const OpGroup& group) {
  auto* def = new PyGetSetDef{group.name.c_str(), property_get, nullptr,
                              group.overloads[0]->doc.c_str(), const_cast<OpGroup*>(&group)};
  PyObject* descriptor = PyDescr_NewGetSet(&TensorType, def);
  bool ok = descriptor && add_tensor_attribute(group.name.c_str(), descriptor);
  Py_XDECREF(descriptor);
  return ok;
}

}  // namespace

PyObject* external_callable(ExternalOp& op, bool inplace) {
  PyObject* o = make_op(op.group, inplace ? op.def.name + "_" : op.def.name, false, inplace);
  if (!o) return nullptr;
  ++op.refs;
  auto* object = reinterpret_cast<PyOp*>(o);
  object->external = &op;
  object->rule = AutocastRule::None;
  object->vectorcall = traced_call ? traced_call : op_vectorcall;
  library_objects.push_back(object);
  return o;
}
PyObject* plain_op_call(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  return plain_call(reinterpret_cast<PyOp*>(self))(self, args, nargsf, kwnames);
}
void set_op_call(vectorcallfunc call) {
  traced_call = call;
  for (const auto* objects : {&op_objects, &library_objects})
    for (PyOp* op : *objects) op->vectorcall = call ? call : plain_call(op);
}
bool op_calls_replaced() { return traced_call; }
const std::string& op_object_name(PyObject* op) { return *reinterpret_cast<PyOp*>(op)->name; }

bool init_op_type(PyObject* module) {
  if (!ready(OpFunctionType, "pyforge.op_function", false) ||
      !ready(OpMethodType, "pyforge.op_method", true))
    return false;
  for (const OpGroup& group : op_groups()) {
    uint32_t flags = 0;
    for (const OpDef* def : group.overloads) flags |= def->flags;
    auto add = [&](const std::string& name, bool method, bool inplace) {
      PyObject* op = make_op(group, name, method, inplace);
      if (op) op_objects.push_back(reinterpret_cast<PyOp*>(op));
      bool ok = op && (method ? add_tensor_attribute(name.c_str(), op)
                              : PyModule_AddObjectRef(module, name.c_str(), op) >= 0);
      Py_XDECREF(op);
      return ok;
    };
    if ((flags & (kFunction | kNN)) && !add(group.name, false, false)) return false;
    if ((flags & kMethod) && !add(group.name, true, false)) return false;
    if ((flags & kInplace) && !add(group.name + "_", true, true)) return false;
    if ((flags & kProperty) && !add_property(group)) return false;
  }
  return true;
}

}  // namespace pyforge::python
