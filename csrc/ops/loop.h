// Drives contiguous kernels over strided, broadcast and scalar operands, on one thread or several.
#pragma once
#include "core/tensor.h"
#include "kernels/dispatch.h"

namespace pyforge {

// One input of an elementwise loop: a tensor that broadcasts to the output's shape, a number of
// `dtype`, or nothing (the kernel does not read it).
struct LoopInput {
  const Tensor* tensor = nullptr;
  Scalar number;
  DType dtype{};
  bool absent = true;

  LoopInput() = default;
  LoopInput(const Tensor& t) : tensor(&t), dtype(t.dtype()), absent(false) {}
  LoopInput(const Scalar& s, DType dtype) : number(s), dtype(dtype), absent(false) {}
};

inline constexpr int kMaxLoopInputs = 5;

// out[...] = fn(inputs[...]). out may be strided but must not overlap itself; an input may be out.
// splat[k], if any, does the same where input k of two is a single element.
void run_loop(kernels::ElementwiseFn fn, const Tensor& out, const LoopInput* inputs, int n_inputs,
              const kernels::Attr* attrs = nullptr, const kernels::ElementwiseFn* splat = nullptr);

// n copies of a number.
void splat_scalar(void* to, const Scalar& s, DType dtype, int64_t n);
// Writes a number as one element of dtype.
void store_scalar(void* to, const Scalar& s, DType dtype);
// The number, if dtype can hold it: integers within its range (of uint8 also down to -255, which
// wraps around), no NaN in an integer, no finite number beyond float32. RuntimeError otherwise.
const Scalar& checked_fit(const Scalar& s, DType dtype);
bool fits(const Scalar& s, DType dtype);
// Reads one element.
Scalar load_scalar(const void* from, DType dtype);

}  // namespace pyforge
