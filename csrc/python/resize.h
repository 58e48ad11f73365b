// Tensors that change their shape in place.
#pragma once
#include "core/tensor.h"

namespace pyforge::python {

// `t` in another shape on its memory, which grows where it must; new elements may be anything.
// Throws Error(Runtime) if it requires grad, or its memory cannot grow.
void resize(const Tensor& t, IntSpan sizes);

}  // namespace pyforge::python
