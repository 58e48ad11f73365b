// The @ operator.
#include "ops/ops.h"
#include "python/object.h"
#include "python/tensor_type.h"

namespace pyforge::python {

PyObject* matmul_slot(PyObject* a, PyObject* b) {
  if (!is_tensor(a) || !is_tensor(b)) Py_RETURN_NOTIMPLEMENTED;
  return guarded([&]() -> PyObject* { return wrap(ops::matmul(tensor_of(a), tensor_of(b))); });
}

}  // namespace pyforge::python
