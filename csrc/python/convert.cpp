// Python numbers and results to C++ and back; errors.
#include "python/object.h"

#include <structseq.h>

#include <cmath>
#include <cstring>
#include <map>
#include <new>
#include <string>

#include "ops/ops.h"

namespace pyforge::python {

PyObject* set_error() noexcept {
  try {
    throw;
  } catch (const PythonError&) {
  } catch (const Error& e) {
    PyObject* kinds[] = {PyExc_RuntimeError,  PyExc_TypeError,           PyExc_ValueError,
                         PyExc_IndexError,    PyExc_NotImplementedError, PyExc_ZeroDivisionError,
                         PyExc_OverflowError, PyExc_MemoryError};
    PyErr_SetString(kinds[static_cast<int>(e.kind())], e.what());
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  } catch (...) {
    PyErr_SetString(PyExc_RuntimeError, "an unknown C++ exception was thrown");
  }
  return nullptr;
}

const char* type_name(PyObject* o) {
  if (o == Py_None) return "None";
  const char* name = Py_TYPE(o)->tp_name;
  const char* dot = std::strrchr(name, '.');
  return dot ? dot + 1 : name;
}

[[noreturn]] static void raise_overflow(PyObject* o) {
  PyObject* text = PyObject_Repr(o);
  const char* shown = text ? PyUnicode_AsUTF8(text) : nullptr;
  std::string value = shown ? shown : "an int";
  Py_XDECREF(text);
  PyErr_Clear();
  raise(ErrorKind::Overflow, value, " overflows int64");
}

bool to_index(PyObject* o, int64_t* out) {
  if (PyLong_CheckExact(o)) {
    int overflow = 0;
    *out = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (overflow) {
      raise_overflow(o);
    }
    return true;
  }
  if (PyBool_Check(o) || PyFloat_Check(o) || !PyIndex_Check(o)) return false;
  if (is_tensor(o)) {
    const Tensor& t = tensor_of(o);
    if (t.numel() != 1 || is_floating(t.dtype()) || t.dtype() == DType::Bool) return false;
    *out = ops::item(t).i;
    return true;
  }
  PyObject* index = PyNumber_Index(o);
  if (!index) {
    PyErr_Clear();
    return false;
  }
  int overflow = 0;
  *out = PyLong_AsLongLongAndOverflow(index, &overflow);
  Py_DECREF(index);
  if (overflow) {
    raise_overflow(o);
  }
  return true;
}

bool to_scalar(PyObject* o, Scalar* out) {
  if (PyLong_CheckExact(o)) {
    int64_t i;
    to_index(o, &i);
    *out = Scalar(i);
    return true;
  }
  if (PyFloat_CheckExact(o)) {
    *out = Scalar(PyFloat_AS_DOUBLE(o));
    return true;
  }
  if (PyBool_Check(o)) {
    *out = Scalar(o == Py_True);
    return true;
  }
  if (is_tensor(o)) {
    if (tensor_of(o).dim() != 0) return false;
    *out = ops::item(tensor_of(o));
    return true;
  }
  int64_t i;
  if (to_index(o, &i)) {
    *out = Scalar(i);
    return true;
  }
  // NumPy scalars and other objects with __float__; not arrays, not strings.
  if (PyFloat_Check(o) ||
      (Py_TYPE(o)->tp_as_number && Py_TYPE(o)->tp_as_number->nb_float && !PySequence_Check(o) &&
       !PyComplex_Check(o) && PyObject_HasAttrString(o, "dtype"))) {
    if (std::strcmp(type_name(o), "bool_") == 0 || std::strcmp(type_name(o), "bool") == 0) {
      int truth = PyObject_IsTrue(o);
      *out = Scalar(truth == 1);
      return truth >= 0;
    }
    double f = PyFloat_AsDouble(o);
    if (f == -1.0 && PyErr_Occurred()) {
      PyErr_Clear();
      return false;
    }
    *out = Scalar(f);
    return true;
  }
  return false;
}

PyObject* from_scalar(const Scalar& s) {
  switch (s.kind) {
    case Scalar::Bool:
      return PyBool_FromLong(s.i != 0);
    case Scalar::Int:
      return PyLong_FromLongLong(s.i);
    default:
      return PyFloat_FromDouble(s.f);
  }
}

namespace {

// Named tuple types such as pyforge.return_types.max, made on first use.
PyTypeObject* result_type_of(const OpDef& def) {
  static std::map<const OpDef*, PyTypeObject*> types;
  static std::map<std::string, PyTypeObject*> external_types;  // outlive their library
  PyTypeObject*& type = def.external ? external_types[def.schema] : types[&def];
  if (!type) {
    auto* name = new std::string("pyforge.return_types." + def.name);
    auto* fields = new std::vector<PyStructSequence_Field>;
    for (const std::string& n : def.result_names) fields->push_back({n.c_str(), nullptr});
    fields->push_back({nullptr, nullptr});
    PyStructSequence_Desc desc{name->c_str(), nullptr, fields->data(),
                               static_cast<int>(def.result_names.size())};
    type = PyStructSequence_NewType(&desc);
    if (!type) throw PythonError();
  }
  return type;
}

}  // namespace

PyObject* from_result(const OpDef& def, Result result) {
  if (auto* t = std::get_if<Tensor>(&result)) return wrap(std::move(*t));
  if (auto* list = std::get_if<std::vector<Tensor>>(&result)) {
    Py_ssize_t n = static_cast<Py_ssize_t>(list->size());
    bool named = def.result_names.size() == list->size() && n > 0;
    PyObject* tuple = named ? PyStructSequence_New(result_type_of(def)) : PyTuple_New(n);
    if (!tuple) return nullptr;
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* item = wrap(std::move((*list)[i]));
      if (!item) {
        Py_DECREF(tuple);
        return nullptr;
      }
      if (named) {
        PyStructSequence_SetItem(tuple, i, item);
      } else {
        PyTuple_SET_ITEM(tuple, i, item);
      }
    }
    return tuple;
  }
  if (auto* b = std::get_if<bool>(&result)) return PyBool_FromLong(*b);
  if (auto* i = std::get_if<int64_t>(&result)) return PyLong_FromLongLong(*i);
  if (auto* d = std::get_if<double>(&result)) return PyFloat_FromDouble(*d);
  Py_RETURN_NONE;
}

}  // namespace pyforge::python
