// Creation, copies and conversions.
#pragma once
#include "ops/registry.h"

namespace pyforge::ops {

Tensor full(IntSpan sizes, Scalar value, DType dtype);
Tensor zeros(IntSpan sizes, DType dtype);
inline Tensor zeros_like(const Tensor& t) { return zeros(t.sizes(), t.dtype()); }
inline Tensor ones_like(const Tensor& t) { return full(t.sizes(), Scalar(1), t.dtype()); }
void fill_data(const Tensor& t, Scalar value);  // nothing recorded, no version bump

// A copy with history; keeps the stride order of dense tensors.
Tensor clone(const Tensor& t);
Tensor contiguous(const Tensor& t);       // t itself where it is contiguous
Tensor to(const Tensor& t, DType dtype);  // t itself where it has the dtype
// For ops that compute float16 and bfloat16 in float32; nothing recorded. `widened` returns float32
// copies of these two and everything else (undefined too) as it is, `narrowed` rounds a result
// once.
Tensor widened(const Tensor& t);
Tensor narrowed(const Tensor& t, DType dtype);
// to := from by value, any strides and dtypes, from broadcasts to `to`; nothing recorded.
void copy_data(const Tensor& to, const Tensor& from);
// self := source with history (PyTorch's copy_).
void copy_(const Tensor& self, const Tensor& source);
void fill_(const Tensor& self, const Operand& value);
void zero_(const Tensor& self);
Tensor detach(const Tensor& t);  // a view without history

// The one element as a number. Throws Error(Runtime) if there is not exactly one.
Scalar item(const Tensor& t);

}  // namespace pyforge::ops
