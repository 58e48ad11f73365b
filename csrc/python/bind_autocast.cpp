// The state of autocast; pyforge/amp has the context managers.
#include "ops/autocast.h"
#include "python/bind.h"
#include "python/caster.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

PF_BIND {
  m.def("_autocast_enabled", [] { return autocast_state.enabled; });
  m.def("_autocast_dtype", [] { return autocast_state.dtype; });
  m.def("_set_autocast_enabled", [](bool on) { autocast_state.enabled = on; });
  m.def("_set_autocast_dtype", [](DType dtype) { autocast_state.dtype = dtype; });
  m.def(
      "is_autocast_cache_enabled", [] { return autocast_state.cache; },
      "Whether autocast keeps its casts of weights until the outermost context ends.");
  m.def(
      "set_autocast_cache_enabled", [](bool enabled) { autocast_state.cache = enabled; },
      py::arg("enabled"), "Switches the keeping of casts of weights.");
  m.def(
      "autocast_increment_nesting", [] { return ++autocast_state.nesting; },
      "Enters a context and returns how many are open.");
  m.def(
      "autocast_decrement_nesting", [] { return --autocast_state.nesting; },
      "Leaves a context and returns how many are still open.");
  m.def("clear_autocast_cache", &clear_autocast_cache, "Forgets the casts of weights.");
}

}  // namespace
}  // namespace pyforge::python
