// Deprecated orders of arguments.
#pragma once
#include <string>

#include "python/parse.h"

namespace pyforge::python {

// False, with nothing said, if the arguments are in no deprecated order of this op.
bool parse_old_form(const OpDef& def, const std::string& name, PyObject* const* args, size_t nargs,
                    PyObject* kwnames, ParsedArgs& parsed);

}  // namespace pyforge::python
