// Tensors on memory that other libraries own.
#pragma once
#include "python/object.h"

namespace pyforge::python {

// The buffer protocol of Tensor.
extern PyBufferProcs tensor_buffer;

// A tensor on the memory of an object with the buffer protocol or __array__, without a copy.
// Undefined if `o` has neither; throws Error(Type) for element types pyforge does not have.
Tensor tensor_from_array(PyObject* o);
// o is a numpy.ndarray (False without importing NumPy where nobody has).
bool is_ndarray(PyObject* o);
// o is a NumPy scalar such as numpy.float32(1).
bool is_numpy_scalar(PyObject* o);

}  // namespace pyforge::python
