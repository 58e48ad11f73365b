// pybind11 sees tensors through this caster; it binds only what is called rarely.
#pragma once
#include <pybind11/pybind11.h>

#include "python/object.h"

namespace pybind11::detail {

template <>
struct type_caster<pyforge::Tensor> {
  PYBIND11_TYPE_CASTER(pyforge::Tensor, const_name("pyforge.Tensor"));

  bool load(handle source, bool) {
    if (!pyforge::python::is_tensor(source.ptr())) return false;
    value = pyforge::python::tensor_of(source.ptr());
    return true;
  }
  static handle cast(const pyforge::Tensor& t, return_value_policy, handle) {
    return pyforge::python::wrap(t);
  }
};

template <>
struct type_caster<pyforge::DType> {
  PYBIND11_TYPE_CASTER(pyforge::DType, const_name("pyforge.dtype"));

  bool load(handle source, bool) {
    if (!pyforge::python::is_dtype(source.ptr())) return false;
    value = pyforge::python::dtype_of_object(source.ptr());
    return true;
  }
  static handle cast(pyforge::DType t, return_value_policy, handle) {
    return handle(pyforge::python::dtype_object(t)).inc_ref();
  }
};

}  // namespace pybind11::detail
