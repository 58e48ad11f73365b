// The text of an exception, put together where it is thrown.
#include "core/error.h"

#include <sstream>

namespace pyforge::error_parts {

void raise(ErrorKind kind, const Part* parts, size_t n) {
  std::ostringstream text;
  for (const Part* part = parts; part != parts + n; ++part) part->print(text, part->value);
  throw Error(kind, text.str());
}

}  // namespace pyforge::error_parts
