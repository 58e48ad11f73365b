// The Python objects of the engine and the conversions between them and C++ values.
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string>

#include "autograd/node.h"
#include "core/tensor.h"
#include "ops/registry.h"

namespace pyforge::python {

struct PyTensor {
  PyObject_HEAD TensorImpl* impl;  // owned, except while the impl owns this object (kOwnsPyObject)
  PyObject* dict;
  PyObject* weakrefs;
};

extern PyTypeObject TensorType;

inline bool is_tensor(PyObject* o) {
  return Py_TYPE(o) == &TensorType || PyType_IsSubtype(Py_TYPE(o), &TensorType);
}
inline TensorImpl* impl_of(PyObject* o) { return reinterpret_cast<PyTensor*>(o)->impl; }
inline const Tensor& tensor_of(PyObject* o) {
  return reinterpret_cast<const Tensor&>(reinterpret_cast<PyTensor*>(o)->impl);
}

// New reference to the Python object of t (None if undefined); the same object every time.
PyObject* wrap(Tensor t);
// An object of `type` (a subclass of Tensor) around t, which must have no Python object yet.
PyObject* wrap_as(PyTypeObject* type, Tensor t);

// Sets the Python error that corresponds to the C++ exception in flight. Returns null.
PyObject* set_error() noexcept;

// Runs f; a C++ exception becomes the Python error and `failure` is returned.
template <class F, class R = PyObject*>
inline auto guarded(F&& f, decltype(f()) failure = {}) noexcept -> decltype(f()) {
  try {
    return f();
  } catch (...) {
    set_error();
    return failure;
  }
}

// Runs f; an error of an inner op or of the allocator that does not name `op` gets its name.
template <class F>
inline auto naming(const std::string& op, F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const Error& e) {
    std::string text = e.what();
    if (text.find(op) != std::string::npos) throw;
    throw Error(e.kind(), op + ": " + text);
  }
}

// A Python error is set: thrown through C++ frames and found again by set_error().
struct PythonError {};

// dtype objects (pyforge.float32 ...): one per dtype, borrowed references.
PyObject* dtype_object(DType dtype);
bool is_dtype(PyObject* o);
DType dtype_of_object(PyObject* o);

// tuple subclass pyforge.Size. New reference.
PyObject* size_object(IntSpan sizes);

// Number conversions; false without a Python error if `o` is not of that kind.
bool to_scalar(PyObject* o, Scalar* out);
PyObject* from_scalar(const Scalar& s);
bool to_index(PyObject* o, int64_t* out);

PyObject* from_result(const OpDef& def, Result result);

// "Tensor", "str", ... for messages.
const char* type_name(PyObject* o);

// Python object of a node (its class is named after the op). New reference; None for null.
PyObject* wrap_node(Node* node);
Node* node_of(PyObject* o);

// Parts of module initialisation, one per file; each returns false with a Python error set.
bool init_tensor_type(PyObject* module);
bool init_dtype_type(PyObject* module);
bool init_op_type(PyObject* module);
bool init_node_type(PyObject* module);

// From now on dtypes and sizes print as "torch.float32" and "torch.Size([2])".
void show_as_torch();

// Sets an attribute on the static types.
bool add_node_attribute(const char* name, PyObject* value);
bool add_tensor_attribute(const char* name, PyObject* value);

}  // namespace pyforge::python
