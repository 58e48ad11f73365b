// Which results are written past the caches, and which kernels do it themselves.
#pragma once
#include <cstdint>

namespace pyforge::kernels {

// From this size on, where no operand is overwritten.
inline constexpr int64_t kStreamBytes = 16 << 20;

// Rows of float32 whose arithmetic takes longer than memory: kernels of a vector set stream results
// of kStreamBytes and more at a multiple of 64 that is not an operand, so that both go on together.
// clang-format off
#define PF_STREAMED_FORWARD(DO) DO(exp) DO(tanh) DO(sigmoid) DO(silu) DO(gelu)
#define PF_STREAMED_BACKWARD(DO) DO(silu) DO(gelu)
// clang-format on

}  // namespace pyforge::kernels
