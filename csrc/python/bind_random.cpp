// pyforge.Generator and the global seed.
#include <pybind11/pybind11.h>

#include "python/bind.h"
#include "python/generator.h"

namespace py = pybind11;

namespace pyforge::python {

Generator* generator_of(PyObject* o) {
  if (!py::isinstance<Generator>(py::handle(o))) return nullptr;
  return py::cast<Generator*>(py::handle(o));
}

PF_BIND {
  py::class_<Generator>(m, "Generator", "A stream of random numbers, the same as PyTorch's CPU generator for a seed.")
      .def(py::init([](const py::object& device) {
             (void)device;
             return std::make_unique<Generator>();
           }),
           py::arg("device") = "cpu")
      .def("manual_seed",
           [](py::object self, int64_t seed) {
             self.cast<Generator&>().manual_seed(static_cast<uint64_t>(seed));
             return self;
           },
           py::arg("seed"), "Starts the stream of this seed; returns self.")
      .def("seed", &Generator::seed, "Takes a seed from the system and returns it.")
      .def("initial_seed", &Generator::initial_seed, "The seed the stream started from.");
  m.def("_default_generator", []() -> Generator& { return default_generator(); }, py::return_value_policy::reference);
}

}  // namespace pyforge::python
