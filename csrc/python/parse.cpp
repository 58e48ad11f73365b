#include "python/parse.h"

#include <cstring>
#include <string>

#include "core/random.h"
#include "python/generator.h"

namespace pyforge::python {
namespace {

const char* expected_text(ArgType type) {
  switch (type) {
    case ArgType::Tensor:
      return "Tensor";
    case ArgType::Number:
      return "Number";
    case ArgType::Operand:
      return "Tensor or Number";
    case ArgType::Int:
      return "int";
    case ArgType::Float:
      return "float";
    case ArgType::Bool:
      return "bool";
    case ArgType::IntList:
      return "tuple of ints";
    case ArgType::FloatList:
      return "tuple of floats";
    case ArgType::BoolList:
      return "tuple of bools";
    case ArgType::TensorList:
      return "tuple of Tensors";
    case ArgType::DType:
      return "pyforge.dtype";
    case ArgType::String:
      return "str";
    default:
      return "pyforge.Generator";
  }
}

// NumPy's spellings.
const char* alias_of(const char* name) {
  if (!std::strcmp(name, "axis")) return "dim";
  if (!std::strcmp(name, "keepdims")) return "keepdim";
  return nullptr;
}

int find_param(const OpDef& def, const char* name) {
  for (size_t i = 0; i < def.params.size(); ++i)
    if (def.params[i].name == name) return static_cast<int>(i);
  if (const char* alias = alias_of(name)) return find_param(def, alias);
  return -1;
}

template <class... Parts>
bool fail(const char* name, const Parts&... parts) {
  if (!name) return false;
  raise(ErrorKind::Type, name, "(): ", parts...);
}

}  // namespace

bool to_dtype(PyObject* o, DType* out) {
  if (is_dtype(o)) {
    *out = dtype_of_object(o);
  } else if (o == reinterpret_cast<PyObject*>(&PyFloat_Type)) {
    *out = DType::Float64;
  } else if (o == reinterpret_cast<PyObject*>(&PyLong_Type)) {
    *out = DType::Int64;
  } else if (o == reinterpret_cast<PyObject*>(&PyBool_Type)) {
    *out = DType::Bool;
  } else {
    return false;
  }
  return true;
}

bool ParsedArgs::int_list(PyObject* o, Value& v) {
  v.kind = Value::IsInts;
  int64_t single;
  if (n_lists_ == kLists) return false;
  Dims& list = lists_[n_lists_];
  if (PyTuple_Check(o) || PyList_Check(o)) {
    Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* item = PySequence_Fast_GET_ITEM(o, i);
      if (!to_index(item, &single)) return false;
      list.push_back(single);
    }
  } else if (to_index(o, &single)) {
    list.push_back(single);
  } else {
    return false;
  }
  ++n_lists_;
  v.ints = list;
  return true;
}

bool ParsedArgs::bool_list(PyObject* o, Value& v) {
  if (n_lists_ == kLists || (!PyTuple_Check(o) && !PyList_Check(o))) return false;
  Dims& list = lists_[n_lists_];
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(o, i);
    if (!PyBool_Check(item)) return false;
    list.push_back(item == Py_True);
  }
  ++n_lists_;
  v.kind = Value::IsInts;
  v.ints = list;
  return true;
}

bool ParsedArgs::float_list(PyObject* o, Value& v) {
  if (!PyTuple_Check(o) && !PyList_Check(o)) return false;
  float_lists_.reserve(kLists);
  if (float_lists_.size() == kLists) return false;
  std::vector<double> list;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i) {
    Scalar s;
    if (!to_scalar(PySequence_Fast_GET_ITEM(o, i), &s)) return false;
    list.push_back(s.to_double());
  }
  float_lists_.push_back(std::move(list));
  v.kind = Value::IsFloats;
  v.floats = &float_lists_.back();
  return true;
}

bool ParsedArgs::add_tensors(std::vector<Tensor> list, Value& v) {
  tensor_lists_.reserve(kLists);
  if (tensor_lists_.size() == kLists) return false;
  tensor_lists_.push_back(std::move(list));
  v.kind = Value::IsTensors;
  v.tensors = &tensor_lists_.back();
  return true;
}

bool ParsedArgs::convert(const Param& p, PyObject* o, Value& v) {
  if (o == Py_None) {
    v = Value();
    return p.nullable;
  }
  switch (p.type) {
    case ArgType::Operand:
    case ArgType::Tensor:
      if (is_tensor(o)) {
        v.kind = Value::IsTensor;
        v.tensor_impl = impl_of(o);
        return true;
      }
      if (p.type == ArgType::Tensor) return false;
      [[fallthrough]];
    case ArgType::Number:
      v.kind = Value::IsNumber;
      return to_scalar(o, &v.number);
    case ArgType::Float:
      v.kind = Value::IsNumber;
      return to_scalar(o, &v.number);
    case ArgType::Int: {
      v.kind = Value::IsNumber;
      int64_t i;
      if (!to_index(o, &i)) return false;
      v.number = Scalar(i);
      return true;
    }
    case ArgType::Bool:
      v.kind = Value::IsNumber;
      if (PyBool_Check(o)) {
        v.number = Scalar(o == Py_True);
        return true;
      }
      return std::strncmp(type_name(o), "bool", 4) == 0 && to_scalar(o, &v.number);
    case ArgType::IntList:
      return int_list(o, v);
    case ArgType::BoolList:
      return bool_list(o, v);
    case ArgType::FloatList:
      return float_list(o, v);
    case ArgType::TensorList: {
      if (!PyTuple_Check(o) && !PyList_Check(o)) return false;
      std::vector<Tensor> list;
      Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
      list.reserve(n);
      for (Py_ssize_t i = 0; i < n; ++i) {
        PyObject* item = PySequence_Fast_GET_ITEM(o, i);
        if (!is_tensor(item)) return false;
        list.push_back(tensor_of(item));
      }
      return add_tensors(std::move(list), v);
    }
    case ArgType::DType:
      v.kind = Value::IsDType;
      return to_dtype(o, &v.dtype);
    case ArgType::String: {
      if (!PyUnicode_Check(o)) return false;
      Py_ssize_t n;
      const char* text = PyUnicode_AsUTF8AndSize(o, &n);
      if (!text) throw PythonError();
      v.kind = Value::IsString;
      v.string = std::string_view(text, static_cast<size_t>(n));
      return true;
    }
    default:
      v.kind = Value::IsGenerator;
      v.generator = generator_of(o);
      return v.generator != nullptr;
  }
}

bool ParsedArgs::parse(const OpDef& def, PyObject* const* args, size_t nargs, PyObject* kwnames,
                       const char* name) {
  size_t n = def.params.size();
  for (size_t i = 0; i < static_cast<size_t>(n_lists_); ++i) lists_[i] = Dims();
  n_lists_ = 0;
  tensor_lists_.clear();
  float_lists_.clear();
  uint32_t given = 0;
  size_t at = 0;
  for (size_t i = 0; i < n && at < nargs; ++i) {
    const Param& p = def.params[i];
    if (p.keyword_only) break;
    // f(2, 3) for f((2, 3)): only the first list, only as the last positional argument.
    int64_t probe;
    bool spread = p.type == ArgType::IntList && i <= 1 && nargs - at > 1 &&
                  !PyTuple_Check(args[at]) && !PyList_Check(args[at]) &&
                  to_index(args[at], &probe) && (i + 1 == n || def.params[i + 1].keyword_only);
    if (spread) {
      Dims& list = lists_[n_lists_++];
      for (; at < nargs; ++at) {
        if (!to_index(args[at], &probe))
          return fail(name, "argument '", p.name, "' (position ", at + 1,
                      ") must be tuple of ints, but found element of type ", type_name(args[at]),
                      " at pos ", at);
        list.push_back(probe);
      }
      values[i].kind = Value::IsInts;
      values[i].ints = list;
    } else if (p.type == ArgType::TensorList && is_tensor(args[at]) &&
               (i + 1 == n || def.params[i + 1].keyword_only)) {
      std::vector<Tensor> list;  // f(a, b) for f((a, b))
      for (; at < nargs; ++at) {
        if (!is_tensor(args[at]))
          return fail(name, "argument '", p.name, "' (position ", at + 1,
                      ") must be tuple of Tensors, but found element of type ", type_name(args[at]),
                      " at pos ", at);
        list.push_back(tensor_of(args[at]));
      }
      add_tensors(std::move(list), values[i]);
    } else {
      if (!convert(p, args[at], values[i]))
        return fail(name, "argument '", p.name, "' (position ", at + 1, ") must be ",
                    expected_text(p.type), ", not ", type_name(args[at]));
      ++at;
    }
    given |= 1u << i;
  }
  if (at < nargs) {
    size_t most = 0;
    for (const Param& p : def.params) most += !p.keyword_only;
    return fail(name, "takes ", most, " positional argument", most == 1 ? "" : "s", " but ", nargs,
                " were given");
  }
  Py_ssize_t n_keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  for (Py_ssize_t k = 0; k < n_keywords; ++k) {
    const char* key = PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, k));
    if (!key) throw PythonError();
    int i = find_param(def, key);
    if (i < 0)
      return fail(name, "got an unexpected keyword argument '", key, "'; the signature is ",
                  def.schema);
    if (given & (1u << i)) return fail(name, "got multiple values for argument '", key, "'");
    if (!convert(def.params[i], args[nargs + k], values[i]))
      return fail(name, "argument '", key, "' must be ", expected_text(def.params[i].type),
                  ", not ", type_name(args[nargs + k]));
    given |= 1u << i;
  }
  for (size_t i = 0; i < n; ++i) {
    if (given & (1u << i)) continue;
    if (!def.params[i].has_default)
      return fail(name, "missing 1 required positional arguments: \"", def.params[i].name,
                  "\"; the signature is ", def.schema);
    values[i] = def.params[i].default_value;
  }
  return true;
}

void check_device(PyObject* o) {
  if (!o || o == Py_None) return;
  PyObject* text = PyObject_Str(o);
  if (!text) throw PythonError();
  const char* s = PyUnicode_AsUTF8(text);
  bool cpu = s && (!std::strcmp(s, "cpu") || !std::strcmp(s, "cpu:0"));
  std::string shown = s ? s : "?";
  Py_DECREF(text);
  PF_CHECK(cpu, Runtime, "device '", shown,
           "' is not available: pyforge computes on the CPU only, use device='cpu'");
}

}  // namespace pyforge::python
