// Tensors from Python data.
#include <cstring>
#include <optional>
#include <vector>

#include "autograd/profile.h"
#include "ops/loop.h"
#include "ops/ops.h"
#include "python/array.h"
#include "python/autograd.h"
#include "python/bind.h"
#include "python/object.h"
#include "python/parse.h"
#include "python/tensor_type.h"

namespace pyforge::python {
namespace {

// Shape and common dtype of nested sequences of numbers, tensors and arrays.
struct Survey {
  Dims sizes;
  DType dtype = DType::Bool;
  bool any = false;
  int64_t known = -1;  // depth at which the elements begin, once one was seen
};

bool is_list(PyObject* o) { return PyList_Check(o) || PyTuple_Check(o); }

bool is_number(PyObject* o) {
  return PyFloat_CheckExact(o) || PyLong_CheckExact(o) || PyBool_Check(o);
}

// A tensor or array that fills the trailing dimensions; undefined for anything else.
Tensor block_of(PyObject* o) {
  return is_tensor(o) ? ops::detach(tensor_of(o)) : tensor_from_array(o);
}

// Other sequences (range, deque) become lists. Null if `o` is none.
struct List {
  PyObject* list = nullptr;
  explicit List(PyObject* o) {
    if (PyUnicode_Check(o) || PyBytes_Check(o) || PyDict_Check(o) || !PySequence_Check(o)) return;
    list = PySequence_List(o);
    if (!list) throw PythonError();
  }
  ~List() { Py_XDECREF(list); }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
};

void add_size(int64_t n, int64_t depth, Survey& s) {
  if (depth == s.sizes.size()) {
    PF_CHECK(s.known < 0, Value, "tensor: the nested sequences differ in depth at dim ", depth);
    s.sizes.push_back(n);
  }
  PF_CHECK(s.sizes[depth] == n, Value, "expected sequence of length ", s.sizes[depth], " at dim ",
           depth, " (got ", n, ")");
}

void add_element(DType dtype, int64_t depth, Survey& s) {
  PF_CHECK(depth == s.sizes.size(), Value, "tensor: the nested sequences differ in depth at dim ",
           depth);
  s.dtype = s.any ? promote(s.dtype, dtype) : dtype;
  s.any = true;
  s.known = depth;
}

DType dtype_of_number(const Scalar& v) {
  return v.kind == Scalar::Float ? default_dtype() : v.dtype_class();
}

void survey(PyObject* o, int64_t depth, Survey& s) {
  Scalar value;
  if (is_list(o)) {
    add_size(PySequence_Fast_GET_SIZE(o), depth, s);
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
      survey(PySequence_Fast_GET_ITEM(o, i), depth + 1, s);
  } else if (is_number(o)) {
    DType dtype = PyFloat_CheckExact(o)  ? default_dtype()
                  : PyLong_CheckExact(o) ? DType::Int64
                                         : DType::Bool;
    add_element(dtype, depth, s);
  } else if (Tensor block = block_of(o); block.defined()) {
    for (int64_t n : block.sizes()) add_size(n, depth++, s);
    add_element(block.dtype(), depth, s);
  } else if (to_scalar(o, &value)) {
    add_element(dtype_of_number(value), depth, s);
  } else {
    List list(o);
    if (PyUnicode_Check(o) && depth)
      raise(ErrorKind::Value, "tensor: too many dimensions 'str'; pass numbers, not text");
    if (!list.list && !PyUnicode_Check(o) && !PyBytes_Check(o) && !PyComplex_Check(o))
      raise(ErrorKind::Runtime, "tensor: Could not infer dtype of ", Py_TYPE(o)->tp_name,
            "; pass numbers, nested sequences of numbers, tensors or NumPy arrays");
    PF_CHECK(list.list, Type, "tensor: new(): invalid data type '", type_name(o),
             "'; pass numbers, nested sequences of numbers, tensors or NumPy arrays");
    survey(list.list, depth, s);
  }
}

// A Python number for an element of dtype: floats hold integers beyond int64.
bool read_number(PyObject* o, DType dtype, Scalar* value) {
  if (!PyLong_CheckExact(o) || !is_floating(dtype)) return to_scalar(o, value);
  double v = PyLong_AsDouble(o);
  if (v == -1.0 && PyErr_Occurred()) throw PythonError();
  *value = Scalar(v);
  return true;
}

void check_elements(const Tensor& contiguous, DType dtype) {
  if (is_floating(dtype)) return;
  auto size = static_cast<int64_t>(itemsize(contiguous.dtype()));
  for (int64_t i = 0; i < contiguous.numel(); ++i)
    checked_fit(load_scalar(contiguous->data + i * size, contiguous.dtype()), dtype);
}

void fill(PyObject* o, DType dtype, char*& to, const char* end) {
  Scalar value;
  if (is_list(o)) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
      fill(PySequence_Fast_GET_ITEM(o, i), dtype, to, end);
    return;
  }
  Tensor block;
  if (!is_number(o)) block = block_of(o);
  if (block.defined()) {
    block = ops::contiguous(block);
    if (dtype != block.dtype()) check_elements(block, dtype);
    block = ops::contiguous(ops::to(block, dtype));
    size_t bytes = static_cast<size_t>(block.numel()) * itemsize(dtype);
    PF_CHECK(bytes <= static_cast<size_t>(end - to), Runtime,
             "tensor: the data changed while it was read");
    if (bytes) std::memcpy(to, block->data, bytes);
    to += bytes;
  } else if (read_number(o, dtype, &value)) {
    PF_CHECK(to < end, Runtime, "tensor: the data changed while it was read");
    store_scalar(to, is_floating(dtype) ? value : checked_fit(value, dtype), dtype);
    to += itemsize(dtype);
  } else {
    List list(o);
    PF_CHECK(list.list, Type, "tensor: the data changed while it was read");
    fill(list.list, dtype, to, end);
  }
}

}  // namespace

Tensor tensor_from_data(PyObject* data, const DType* dtype) {
  GradModeGuard off(false);
  if (is_tensor(data) || !is_list(data)) {
    Tensor block = is_number(data) ? Tensor() : block_of(data);
    if (block.defined() && dtype && is_numpy_scalar(data)) check_elements(block, *dtype);
    if (block.defined())
      return dtype && *dtype != block.dtype() ? ops::to(block, *dtype) : ops::clone(block);
  }
  Survey s;
  survey(data, 0, s);
  DType chosen = dtype ? *dtype : s.any ? s.dtype : default_dtype();
  Tensor t = empty(s.sizes, chosen);
  char* to = t->data;
  if (t.numel()) fill(data, chosen, to, to + t.numel() * static_cast<int64_t>(itemsize(chosen)));
  return t;
}

namespace {

std::optional<DType> dtype_argument(const char* op, PyObject* o) {
  if (o == Py_None) return std::nullopt;
  DType dtype;
  PF_CHECK(to_dtype(o, &dtype), Type, op, "(): argument 'dtype' must be pyforge.dtype, not ",
           type_name(o));
  return dtype;
}

PyObject* py_tensor(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&] {
    return naming("tensor", [&] {
      static const char* const names[] = {"data", "dtype", "device", "requires_grad", "pin_memory"};
      PyObject* given[5] = {nullptr, Py_None, Py_None, Py_False, Py_False};
      read_arguments("tensor", names, 5, args, nargs, kwnames, given);
      PF_CHECK(given[0], Type, "tensor() missing 1 required positional argument: 'data'");
      check_device(given[2]);
      std::optional<DType> dtype = dtype_argument("tensor", given[1]);
      PF_CHECK(PyBool_Check(given[3]), Type,
               "tensor(): argument 'requires_grad' must be bool, not ", type_name(given[3]));
      profile::Scope scope("tensor");
      Tensor t = tensor_from_data(given[0], dtype ? &*dtype : nullptr);
      if (given[3] == Py_True) set_requires_grad(t, true);
      return wrap(std::move(t));
    });
  });
}

// data as a tensor, sharing memory where that is possible and `copy` is not true.
Tensor share_or_copy(const char* op, PyObject* data, PyObject* dtype, PyObject* copy) {
  std::optional<DType> given = dtype_argument(op, dtype);
  int copying = copy == Py_None ? -1 : PyObject_IsTrue(copy);
  DType chosen = given.value_or(DType::Float32);
  Tensor t;
  if (is_tensor(data)) {
    t = tensor_of(data);
  } else if (!is_list(data) && !is_number(data) && !is_numpy_scalar(data)) {
    t = tensor_from_array(data);
  }
  if (!t.defined()) {
    PF_CHECK(copying != 0, Value, op, ": can't alias arbitrary sequence into a tensor.");
    return tensor_from_data(data, given ? &chosen : nullptr);
  }
  bool convert = given && chosen != t.dtype();
  PF_CHECK(copying != 0 || !convert, Value, op, ": can't alias tensor with dtype '",
           dtype_name(t.dtype()), "' into dtype '", dtype_name(chosen), "'.");
  if (convert) return ops::to(t, chosen);
  return copying == 1 ? ops::clone(t) : t;
}

PyObject* py_as_tensor(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&] {
    return naming("as_tensor", [&] {
      static const char* const names[] = {"data", "dtype", "device"};
      PyObject* given[3] = {nullptr, Py_None, Py_None};
      read_arguments("as_tensor", names, 3, args, nargs, kwnames, given);
      PF_CHECK(given[0], Type, "as_tensor() missing 1 required positional argument: 'data'");
      check_device(given[2]);
      return wrap(share_or_copy("as_tensor", given[0], given[1], Py_None));
    });
  });
}

PyObject* py_asarray(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&] {
    static const char* const names[] = {"obj", "dtype", "device", "copy", "requires_grad"};
    PyObject* given[5] = {nullptr, Py_None, Py_None, Py_None, Py_False};
    read_arguments("asarray", names, 5, args, nargs, kwnames, given);
    PF_CHECK(given[0], Type, "asarray() missing 1 required positional argument: 'obj'");
    check_device(given[2]);
    Tensor t = share_or_copy("asarray", given[0], given[1], given[3]);
    bool on = PyObject_IsTrue(given[4]) == 1;
    if (!on && t.requires_grad()) t = ops::detach(t);
    if (on) set_requires_grad(t, true);
    return wrap(std::move(t));
  });
}

PyCFunction fast(PyObject* (*f)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*)) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

PyMethodDef functions[] = {{"tensor", fast(py_tensor), METH_FASTCALL | METH_KEYWORDS,
                            "tensor(data, *, dtype=None, device=None, requires_grad=False)\n\nA "
                            "new tensor with a copy of `data`: a number, nested "
                            "sequences, a tensor or a NumPy array."},
                           {"as_tensor", fast(py_as_tensor), METH_FASTCALL | METH_KEYWORDS,
                            "as_tensor(data, dtype=None, device=None)\n\n`data` as a tensor: "
                            "itself, on its memory if it is an array, else a copy."},
                           {"asarray", fast(py_asarray), METH_FASTCALL | METH_KEYWORDS,
                            "asarray(obj, *, dtype=None, device=None, copy=None, "
                            "requires_grad=False)\n\n`obj` as a tensor. copy=False raises "
                            "ValueError where a copy is needed, copy=True always copies."},
                           {}};

}  // namespace

PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    PF_CHECK(!kwargs || PyDict_GET_SIZE(kwargs) == 0 || type != &TensorType, Type,
             "Tensor() takes no keyword arguments");
    Py_ssize_t n = PyTuple_GET_SIZE(args);
    int64_t size;
    Tensor t;
    if (n == 1 && !to_index(PyTuple_GET_ITEM(args, 0), &size)) {
      DType dtype = default_dtype();
      t = tensor_from_data(PyTuple_GET_ITEM(args, 0), &dtype);
    } else {
      Dims sizes;
      for (Py_ssize_t i = 0; i < n; ++i) {
        PF_CHECK(to_index(PyTuple_GET_ITEM(args, i), &size), Type,
                 "Tensor(): sizes must be ints, not ", type_name(PyTuple_GET_ITEM(args, i)));
        sizes.push_back(size);
      }
      t = empty(n ? IntSpan(sizes) : IntSpan({0}), default_dtype());
    }
    return wrap_as(type, std::move(t));
  });
}

PF_BIND { PyModule_AddFunctions(m.ptr(), functions); }

}  // namespace pyforge::python
