// Cold bindings: each file adds its own with PF_BIND, so that a new subject is a new file.
#pragma once
#include <pybind11/pybind11.h>

#include <vector>

namespace pyforge::python {

using BindFn = void (*)(pybind11::module_& m);

inline std::vector<BindFn>& bindings() {
  static std::vector<BindFn> list;
  return list;
}

struct Bind {
  explicit Bind(BindFn fn) { bindings().push_back(fn); }
};

}  // namespace pyforge::python

// PF_BIND { m.def(...); }
#define PF_BIND                                                               \
  static void pf_bind(pybind11::module_& m);                                  \
  [[maybe_unused]] static const ::pyforge::python::Bind pf_bind_row(pf_bind); \
  static void pf_bind(pybind11::module_& m)
