// Threads, instruction sets and memory counters.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "core/allocator.h"
#include "core/error.h"
#include "core/threads.h"
#include "kernels/dispatch.h"
#include "python/bind.h"
#include "python/caster.h"
#include "python/frame.h"

namespace py = pybind11;

namespace pyforge::python {

PF_BIND {
  m.def("get_num_threads", &num_threads, "Threads that one op may use.");
  m.def(
      "set_num_threads",
      [](int n) {
        PF_CHECK(n >= 1, Runtime, "set_num_threads expects a positive integer, got ", n);
        set_num_threads(n);
      },
      py::arg("num_threads"),
      "Sets the number of threads that one op may use. RuntimeError below 1.");
  m.def("set_flush_denormal", &set_flush_denormal, py::arg("mode"),
        "Treats denormal numbers as zero in every thread. False where the CPU cannot.");
  m.def("_instruction_set", [] { return kernels::active().name; });
  m.def("_available_instruction_sets", &kernels::available);
  m.def("_select_instruction_set",
        [](const std::string& name) { return kernels::select(name.c_str()); });
  m.def("_memory_stats", [] {
    AllocatorStats s = allocator_stats();
    py::dict d;
    d["live_bytes"] = s.live_bytes;
    d["peak_bytes"] = s.peak_bytes;
    d["cached_bytes"] = s.cached_bytes;
    d["live_blocks"] = s.live_blocks;
    d["allocations"] = s.allocations;
    d["system_allocations"] = s.system_allocations;
    return d;
  });
  m.def("_memory_classes", [] {
    py::list rows;
    for (int i = 0; i < size_class_count(); ++i) {
      SizeClassStats c = size_class_stats(i);
      if (c.live_blocks || c.cached_blocks)
        rows.append(py::make_tuple(c.block_bytes, c.live_blocks, c.cached_blocks));
    }
    return rows;
  });
  m.def("_reset_peak_memory", &reset_peak_bytes);
  m.def("_empty_cache", &empty_cache);
  m.def("_set_package_dir", [](const std::string& dir) {
    static std::string kept;
    kept = dir;
    pf_set_package_dir(kept.c_str());
  });
  m.def("get_default_dtype", &default_dtype, "The dtype of new floating-point tensors.");
  m.def(
      "set_default_dtype",
      [](DType d) {
        if (!is_floating(d))
          throw py::type_error("only floating-point types are supported as the default type");
        set_default_dtype(d);
      },
      py::arg("d"),
      "Sets the dtype of new floating-point tensors. TypeError unless the dtype is floating.");
}

}  // namespace pyforge::python
