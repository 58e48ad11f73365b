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

#define PF_BIND_CONCAT(a, b) a##b
#define PF_BIND_ROW(n)                                                  \
  static void PF_BIND_CONCAT(pf_bind_, n)(pybind11::module_ & m);       \
  [[maybe_unused]] static const ::pyforge::python::Bind PF_BIND_CONCAT( \
      pf_bind_row_, n)(PF_BIND_CONCAT(pf_bind_, n));                    \
  static void PF_BIND_CONCAT(pf_bind_, n)(pybind11::module_ & m)

// PF_BIND { m.def(...); }: the number tells apart the rows of files compiled in one batch.
#define PF_BIND PF_BIND_ROW(__COUNTER__)
