// Tensors from Python data.
#include <vector>

#include "ops/loop.h"
#include "ops/ops.h"
#include "python/autograd.h"
#include "python/bind.h"
#include "python/object.h"
#include "python/parse.h"
#include "python/tensor_type.h"

namespace pyforge::python {
namespace {

// Shape and common kind of nested sequences of numbers.
struct Survey {
  Dims sizes;
  Scalar::Kind kind = Scalar::Bool;
  DType tensor_dtype = DType::Bool;
  bool any = false, any_tensor = false;
};

bool is_sequence(PyObject* o) { return PyList_Check(o) || PyTuple_Check(o); }

void survey(PyObject* o, int64_t depth, Survey& s) {
  if (is_sequence(o)) {
    int64_t n = PySequence_Fast_GET_SIZE(o);
    if (depth == s.sizes.size()) {
      PF_CHECK(!s.any, Value, "tensor: the nested sequences differ in depth at dim ", depth);
      s.sizes.push_back(n);
    }
    PF_CHECK(s.sizes[depth] == n, Value, "expected sequence of length ", s.sizes[depth], " at dim ", depth, " (got ", n, ")");
    for (int64_t i = 0; i < n; ++i) survey(PySequence_Fast_GET_ITEM(o, i), depth + 1, s);
    return;
  }
  PF_CHECK(depth == s.sizes.size(), Value, "tensor: the nested sequences differ in depth at dim ", depth);
  Scalar value;
  if (is_tensor(o)) {
    s.tensor_dtype = s.any_tensor ? promote(s.tensor_dtype, impl_of(o)->dtype) : impl_of(o)->dtype;
    s.any_tensor = true;
  }
  PF_CHECK(to_scalar(o, &value), Type, "tensor: cannot make a tensor from an element of type ", type_name(o),
           "; pass numbers, nested sequences of numbers, tensors or NumPy arrays");
  if (value.kind > s.kind) s.kind = value.kind;
  s.any = true;
}

void fill(PyObject* o, DType dtype, char*& to) {
  if (is_sequence(o)) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i) fill(PySequence_Fast_GET_ITEM(o, i), dtype, to);
    return;
  }
  Scalar value;
  to_scalar(o, &value);
  store_scalar(to, value, dtype);
  to += itemsize(dtype);
}

}  // namespace

Tensor tensor_from_data(PyObject* data, const DType* dtype) {
  if (is_tensor(data)) {
    GradModeGuard off(false);
    const Tensor& t = tensor_of(data);
    return dtype && *dtype != t.dtype() ? ops::to(t, *dtype) : ops::clone(t);
  }
  Survey s;
  survey(data, 0, s);
  DType chosen = dtype ? *dtype
                 : s.any_tensor ? s.tensor_dtype
                 : !s.any || s.kind == Scalar::Float ? default_dtype()
                 : s.kind == Scalar::Int ? DType::Int64 : DType::Bool;
  Tensor t = empty(s.sizes, chosen);
  char* to = t->data;
  if (t.numel()) fill(data, chosen, to);
  return t;
}

namespace {

PyObject* py_tensor(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&] {
    static const char* const names[] = {"data", "dtype", "device", "requires_grad", "pin_memory"};
    PyObject* given[5] = {nullptr, Py_None, Py_None, Py_False, Py_False};
    read_arguments("tensor", names, 5, args, nargs, kwnames, given);
    PF_CHECK(given[0], Type, "tensor() missing 1 required positional argument: 'data'");
    check_device(given[2]);
    PF_CHECK(given[1] == Py_None || is_dtype(given[1]), Type, "tensor(): argument 'dtype' must be pyforge.dtype, not ",
             type_name(given[1]));
    DType dtype = given[1] == Py_None ? DType::Float32 : dtype_of_object(given[1]);
    Tensor t = tensor_from_data(given[0], given[1] == Py_None ? nullptr : &dtype);
    if (PyObject_IsTrue(given[3]) == 1) set_requires_grad(t, true);
    return wrap(std::move(t));
  });
}

PyMethodDef functions[] = {
    {"tensor", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(py_tensor)), METH_FASTCALL | METH_KEYWORDS,
     "tensor(data, *, dtype=None, device=None, requires_grad=False)\n\nA new tensor with a copy of `data`: a number, nested "
     "sequences, a tensor or a NumPy array."},
    {}};

}  // namespace

PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    PF_CHECK(!kwargs || PyDict_GET_SIZE(kwargs) == 0 || type != &TensorType, Type, "Tensor() takes no keyword arguments");
    Py_ssize_t n = PyTuple_GET_SIZE(args);
    int64_t size;
    Tensor t;
    if (n == 1 && !to_index(PyTuple_GET_ITEM(args, 0), &size)) {
      DType dtype = default_dtype();
      t = tensor_from_data(PyTuple_GET_ITEM(args, 0), &dtype);
    } else {
      Dims sizes;
      for (Py_ssize_t i = 0; i < n; ++i) {
        PF_CHECK(to_index(PyTuple_GET_ITEM(args, i), &size), Type, "Tensor(): sizes must be ints, not ",
                 type_name(PyTuple_GET_ITEM(args, i)));
        sizes.push_back(size);
      }
      t = empty(n ? IntSpan(sizes) : IntSpan({0}), default_dtype());
    }
    return wrap_as(type, std::move(t));
  });
}

PF_BIND { PyModule_AddFunctions(m.ptr(), functions); }

}  // namespace pyforge::python
