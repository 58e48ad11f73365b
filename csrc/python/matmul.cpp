// The @ operator.
#include "ops/autocast.h"
#include "ops/ops.h"
#include "python/object.h"
#include "python/tensor_type.h"

namespace pyforge::python {

PyObject* matmul_slot(PyObject* a, PyObject* b) {
  if (!is_tensor(a) || !is_tensor(b)) Py_RETURN_NOTIMPLEMENTED;
  return guarded([&]() -> PyObject* {
    if (autocast_enabled()) {
      DType dtype = autocast_state.dtype;
      Tensor x = autocast_to(tensor_of(a), dtype), y = autocast_to(tensor_of(b), dtype);
      return wrap(ops::matmul(x, y));
    }
    return wrap(ops::matmul(tensor_of(a), tensor_of(b)));
  });
}

}  // namespace pyforge::python
