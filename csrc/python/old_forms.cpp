// Forms of calls from before PyTorch 1.5, with the factor ahead of the tensor it multiplies:
// p.add_(-lr, grad), p.addcdiv_(-step, m, d). PyTorch still takes them, with a warning.
#include "python/old_forms.h"

#include "core/warn.h"

namespace pyforge::python {
namespace {

struct OldForm {
  const char* op;
  const char* factor;
  size_t nargs;
};
constexpr OldForm kForms[] = {
    {"add", "alpha", 3}, {"sub", "alpha", 3}, {"addcmul", "value", 4}, {"addcdiv", "value", 4}};

}  // namespace

bool parse_old_form(const OpDef& def, const std::string& name, PyObject* const* args, size_t nargs,
                    PyObject* kwnames, ParsedArgs& parsed) {
  if (kwnames) return false;
  for (const OldForm& form : kForms) {
    if (nargs != form.nargs || def.name != form.op || is_tensor(args[1])) continue;
    PyObject* moved[4] = {args[0]};
    for (size_t i = 2; i < nargs; ++i) {
      if (!is_tensor(args[i])) return false;
      moved[i - 1] = args[i];
    }
    moved[nargs - 1] = args[1];
    PyObject* keyword = Py_BuildValue("(s)", form.factor);
    if (!keyword) throw PythonError();
    bool fits = parsed.parse(def, moved, nargs - 1, keyword, nullptr);
    Py_DECREF(keyword);
    if (!fits) return false;
    warn("This overload of " + name + " is deprecated: the factor comes first; write " +
         def.schema + " with " + form.factor + "=");
    return true;
  }
  return false;
}

}  // namespace pyforge::python
