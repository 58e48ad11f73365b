// Warnings of the engine as Python warnings.
#include "core/warn.h"
#include "python/bind.h"
#include "python/object.h"

namespace pyforge::python {

PF_BIND {
  (void)m;
  warn_hooks.user = [](const std::string& message) {
    if (PyErr_WarnEx(PyExc_UserWarning, message.c_str(), 1) < 0) throw PythonError();
  };
}

}  // namespace pyforge::python
