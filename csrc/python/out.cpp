#include "python/out.h"

#include <pybind11/stl.h>

#include <cstring>

#include "core/warn.h"
#include "ops/ops.h"
#include "python/bind.h"
#include "python/caster.h"
#include "python/memory_users.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

int category(DType d) { return d == DType::Bool ? 0 : is_floating(d) ? 2 : 1; }

void write_out(const char* name, const Tensor& out, const Tensor& result) {
  PF_CHECK(category(result.dtype()) <= category(out.dtype()), Runtime, name, "(): result type ",
           dtype_name(result.dtype()), " can't be cast to the desired output type ",
           dtype_name(out.dtype()), "; give an out tensor of that kind");
  PF_CHECK(!out->storage->read_only, Runtime, name, "(): the out tensor's memory is read-only");
  if (!(out.sizes() == result.sizes())) {
    if (out.numel())
      warn("An output with one or more elements was resized since it had shape " +
           to_string(out.sizes()) + ", which does not match the required output shape " +
           to_string(result.sizes()) +
           ". Give an out tensor of that shape, or an empty one: t.resize_(0).");
    resize(out, result.sizes());
  }
  PF_CHECK(!overlaps_itself(out.sizes(), out.strides()), Runtime, name,
           "(): unsupported operation: more than one element of the written-to tensor refers to a "
           "single memory location. Please clone() the tensor before performing the operation.");
  GradModeGuard off(false);
  ops::copy_(out, result);
}

bool records(PyObject* o, int depth = 0) {
  if (is_tensor(o)) return tensor_of(o).requires_grad();
  if (depth > 2 || !(PyTuple_Check(o) || PyList_Check(o))) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
    if (records(PySequence_Fast_GET_ITEM(o, i), depth + 1)) return true;
  return false;
}

}  // namespace

Py_ssize_t find_out(PyObject* kwnames) {
  static PyObject* const name = PyUnicode_InternFromString("out");
  const Py_ssize_t n = PyTuple_GET_SIZE(kwnames);
  for (Py_ssize_t i = 0; i < n; ++i)
    if (PyTuple_GET_ITEM(kwnames, i) == name) return i;
  for (Py_ssize_t i = 0; i < n; ++i)
    if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, i), "out") == 0) return i;
  return -1;
}

PyObject* call_with_out(const char* name, PyObject* const* args, size_t nargs, PyObject* kwnames,
                        Py_ssize_t position,
                        PyObject* (*call)(const void* op, PyObject* const* args, size_t nargs,
                                          PyObject* kwnames),
                        const void* op) {
  PyObject* out = args[static_cast<Py_ssize_t>(nargs) + position];
  std::vector<PyObject*> rest(args, args + nargs);
  py::list names;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); ++i) {
    if (i == position) continue;
    names.append(py::handle(PyTuple_GET_ITEM(kwnames, i)));
    rest.push_back(args[static_cast<Py_ssize_t>(nargs) + i]);
  }
  py::tuple kept(names);
  PyObject* keywords = kept.empty() ? nullptr : kept.ptr();
  if (out == Py_None) return call(op, rest.data(), nargs, keywords);
  const bool several = PyTuple_Check(out) || PyList_Check(out);
  PF_CHECK(is_tensor(out) || several, Type, name, "(): argument 'out' must be Tensor, not ",
           type_name(out));
  if (grad_enabled()) {
    bool flows = records(out);
    for (PyObject* o : rest) flows = flows || records(o);
    PF_CHECK(!flows, Runtime, name,
             "(): functions with out=... arguments don't support automatic differentiation, but "
             "one of the arguments requires grad.");
  }
  py::object result = py::reinterpret_steal<py::object>(call(op, rest.data(), nargs, keywords));
  if (!result) return nullptr;
  if (!several) {
    PF_CHECK(is_tensor(result.ptr()), Type, name,
             "(): argument 'out' must be a tuple of Tensors, as the result is");
    write_out(name, tensor_of(out), tensor_of(result.ptr()));
    return Py_NewRef(out);
  }
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(out);
  PF_CHECK(PyTuple_Check(result.ptr()) && PyTuple_GET_SIZE(result.ptr()) == n, Type, name,
           "(): argument 'out' must have as many Tensors as the result, got ", n);
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* o = PySequence_Fast_GET_ITEM(out, i);
    PF_CHECK(is_tensor(o), Type, name, "(): element ", i, " of 'out' must be Tensor, not ",
             type_name(o));
    write_out(name, tensor_of(o), tensor_of(PyTuple_GET_ITEM(result.ptr(), i)));
  }
  py::tuple given = py::reinterpret_steal<py::tuple>(PySequence_Tuple(out));
  if (Py_TYPE(result.ptr()) == &PyTuple_Type) return given.release().ptr();
  return PyObject_CallOneArg(reinterpret_cast<PyObject*>(Py_TYPE(result.ptr())), given.ptr());
}

void resize(const Tensor& t, IntSpan sizes) {
  PF_CHECK(!t.requires_grad(), Runtime, "cannot resize variables that require grad");
  PF_CHECK(sizes.size() <= kMaxDims, Runtime, "resize_: a tensor has at most ", kMaxDims,
           " dimensions, got ", sizes.size());
  for (int64_t size : sizes)
    PF_CHECK(size >= 0, Runtime, "resize_: negative size in ", to_string(sizes));
  TensorImpl* self = t.get();
  const int64_t n = count(sizes);
  const auto before = static_cast<size_t>(self->data - self->storage->data);
  int64_t bytes;
  PF_CHECK(!__builtin_mul_overflow(n, static_cast<int64_t>(itemsize(self->dtype)), &bytes), Memory,
           "resize_: out of memory: cannot allocate ", to_string(sizes));
  const size_t needed = before + static_cast<size_t>(bytes);
  if (needed > self->storage->nbytes) {
    PF_CHECK(!self->storage->release, Runtime,
             "resize_: Trying to resize storage that is not resizable");
    PF_CHECK(alone_in_memory(t), Runtime,
             "resize_: other tensors or arrays lie in the same memory and would not follow it when "
             "it grows; resize before making views, or a clone()");
    Ref<Storage> grown = Storage::make(needed);
    std::memcpy(grown->data, self->storage->data, self->storage->nbytes);
    grown->version = self->storage->version;
    self->storage = std::move(grown);
    self->data = self->storage->data + before;
  }
  Dims strides = contiguous_strides(sizes);
  const auto ndim = static_cast<uint8_t>(sizes.size());
  int64_t* dims = ndim > kInlineDims ? static_cast<int64_t*>(allocate(2 * sizeof(int64_t) * ndim))
                                     : self->inline_dims;
  Dims wanted(sizes);  // `sizes` may be this tensor's own
  if (self->dims != self->inline_dims) deallocate(self->dims, 2 * sizeof(int64_t) * self->ndim);
  self->dims = dims;
  self->ndim = ndim;
  self->numel = n;
  for (int i = 0; i < ndim; ++i) {
    dims[i] = wanted[i];
    dims[ndim + i] = strides[i];
  }
  self->base.reset();
  refresh_contiguous(self);
  self->storage->bump();
}

PF_BIND {
  m.def("_resize", [](const Tensor& t, const std::vector<int64_t>& sizes) { resize(t, sizes); });
}

}  // namespace pyforge::python
