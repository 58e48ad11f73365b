// Gradient clipping over all gradients in one call.
#include <pybind11/stl.h>

#include <cmath>

#include "autograd/grad_mode.h"
#include "autograd/inplace.h"
#include "ops/optim.h"
#include "python/bind.h"
#include "python/caster.h"

namespace pyforge::python {
namespace {

void check_floating(const char* op, const Tensor& t) {
  PF_CHECK(is_floating(t.dtype()), Runtime, op, ": gradients must be floating point, not ",
           dtype_name(t.dtype()));
}

// The 2-norm of all elements, and the position of the first tensor with one that is not finite.
std::pair<double, int> total_norm(const std::vector<Tensor>& tensors) {
  double total = 0;
  int first = -1;
  for (size_t i = 0; i < tensors.size(); ++i) {
    check_floating("total_norm", tensors[i]);
    bool finite = true;
    total += ops::sum_squares(tensors[i], &finite);
    if (!finite && first < 0) first = static_cast<int>(i);
  }
  return {std::sqrt(total), first};
}

void scale(const std::vector<Tensor>& tensors, double factor) {
  GradModeGuard unrecorded(false);
  for (const Tensor& t : tensors) {
    check_floating("scale", t);
    check_inplace("scale", t, false);
  }
  for (const Tensor& t : tensors) ops::scale_data(t, factor);
}

PF_BIND {
  m.def("_total_norm", total_norm);
  m.def("_scale", scale);
}

}  // namespace
}  // namespace pyforge::python
