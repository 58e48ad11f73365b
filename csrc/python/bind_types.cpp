// Questions about dtypes.
#include "ops/promote.h"
#include "python/bind.h"
#include "python/caster.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

int category(DType d) { return d == DType::Bool ? 0 : is_floating(d) ? 2 : 1; }

struct AnyOperand {
  Tensor tensor;
  Scalar number;
  explicit AnyOperand(const py::object& o) {
    if (is_tensor(o.ptr())) {
      tensor = tensor_of(o.ptr());
    } else {
      PF_CHECK(to_scalar(o.ptr(), &number), Type,
               "result_type(): expected a Tensor or a number, not ", type_name(o.ptr()));
    }
  }
  Operand get() const { return tensor.defined() ? Operand(tensor) : Operand(number); }
};

PF_BIND {
  m.def(
      "promote_types", [](DType type1, DType type2) { return promote(type1, type2); },
      py::arg("type1"), py::arg("type2"), "The smallest dtype that holds both.");
  m.def(
      "can_cast", [](DType from_, DType to) { return category(from_) <= category(to); },
      py::arg("from_"), py::arg("to"),
      "True unless the cast would leave the category: floating point, integer, bool.");
  m.def(
      "result_type",
      [](const py::object& tensor1, const py::object& tensor2) {
        AnyOperand a(tensor1), b(tensor2);
        return result_type(a.get(), b.get());
      },
      py::arg("tensor1"), py::arg("tensor2"),
      "The dtype of an arithmetic op on these tensors or numbers.");
}

}  // namespace
}  // namespace pyforge::python
