// pyforge.Generator and the streams' states.
#include <pybind11/pybind11.h>

#include "ops/ops.h"
#include "python/bind.h"
#include "python/caster.h"
#include "python/generator.h"
#include "python/parse.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

// Negative seeds wrap around, as in PyTorch.
uint64_t seed_of(const py::object& seed) {
  auto number = py::reinterpret_steal<py::object>(PyNumber_Long(seed.ptr()));
  if (!number) throw py::error_already_set();
  uint64_t value = PyLong_AsUnsignedLongLong(number.ptr());
  if (!PyErr_Occurred()) return value;
  PyErr_Clear();
  int overflow;
  int64_t negative = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  PF_CHECK(!overflow, Value, "Overflow when unpacking long long: a seed lies in [-2**63, 2**64)");
  return static_cast<uint64_t>(negative);
}

Tensor state_of(const Generator& g) {
  Tensor t = empty({static_cast<int64_t>(Generator::kStateBytes)}, DType::UInt8);
  g.get_state(t->data);
  return t;
}

void set_state(Generator& g, const Tensor& state) {
  PF_CHECK(state.dtype() == DType::UInt8, Type, "RNG state must be a pyforge.uint8 tensor, got ",
           dtype_name(state.dtype()));
  PF_CHECK(state.numel() == static_cast<int64_t>(Generator::kStateBytes), Runtime,
           "Expected a Generator state of size ", Generator::kStateBytes,
           " but found the input RNG state size to be ", state.numel());
  Tensor bytes = ops::contiguous(state);
  PF_CHECK(g.set_state(bytes->data, Generator::kStateBytes), Runtime,
           "set_state: these bytes are not a valid generator state");
}

}  // namespace

Generator* generator_of(PyObject* o) {
  if (!py::isinstance<Generator>(py::handle(o))) return nullptr;
  return py::cast<Generator*>(py::handle(o));
}

PF_BIND {
  py::class_<Generator>(
      m, "Generator", "A stream of random numbers, the same as PyTorch's CPU generator for a seed.")
      .def(py::init([](const py::object& device) {
             check_device(device.ptr());
             return std::make_unique<Generator>();
           }),
           py::arg("device") = "cpu")
      .def(
          "manual_seed",
          [](py::object self, const py::object& seed) {
            self.cast<Generator&>().manual_seed(seed_of(seed));
            return self;
          },
          py::arg("seed"),
          "Starts the stream of this seed; returns self. Negative seeds count from 2**64.")
      .def("seed", &Generator::seed, "Takes a seed from the system and returns it.")
      .def("initial_seed", &Generator::initial_seed, "The seed the stream started from.")
      .def("get_state", state_of, "The state, a uint8 tensor.")
      .def("set_state", set_state, py::arg("new_state"),
           "Continues from a state of get_state(). RuntimeError if it is none, TypeError unless "
           "uint8.");
  m.attr("default_generator") = py::cast(&default_generator(), py::return_value_policy::reference);
}

}  // namespace pyforge::python
