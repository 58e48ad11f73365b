// Elementwise loops: one contiguous function per row of elementwise_rows.inc and dtype.
// Strided and broadcast operands are gathered into a small buffer by the caller (pack/unpack).
#pragma once
#include <cstdint>

#include "core/dtype.h"

namespace pyforge::kernels {

// One scalar attribute of an op, read as `f` by floating kernels and as `i` by integer kernels.
struct Attr { double f; int64_t i; };

// out[0..n) from in[k][0..n); all contiguous, any alignment; out may equal one of the inputs.
using ElementwiseFn = void (*)(void* out, const void* const* in, int64_t n, const Attr* attrs);

enum class Elementwise : uint16_t {
#define PF_UNARY(name, types, fwd, bwd, doc) name,
#define PF_UNARY_1(name, types, p, dp, fwd, bwd, doc) name,
#define PF_UNARY_2(name, types, p, dp, q, dq, fwd, bwd, doc) name,
#define PF_PREDICATE(name, types, fwd, doc) name,
#define PF_BINARY(name, types, fwd, bwd_a, bwd_b, doc) name,
#define PF_BINARY_NODIFF(name, types, fwd, doc) name,
#define PF_COMPARE(name, types, fwd, doc) name,
#include "kernels/elementwise_rows.inc"
#undef PF_UNARY
#undef PF_UNARY_1
#undef PF_UNARY_2
#undef PF_PREDICATE
#undef PF_BINARY
#undef PF_BINARY_NODIFF
#undef PF_COMPARE
  count
};
inline constexpr int kElementwise = static_cast<int>(Elementwise::count);

// What a derivative expression reads; values it does not read are neither saved nor loaded.
enum Uses : uint8_t { kUsesGrad = 1, kUsesA = 2, kUsesB = 4, kUsesY = 8 };

struct ElementwiseTable {
  ElementwiseFn forward[kElementwise][kDTypes];          // null: dtype not supported by the row
  // Fused first derivative for float32 [0] and float64 [1] with respect to operand 0 and 1.
  // in[] = {grad, a, b, y}; pointers of values it does not use may be null.
  ElementwiseFn backward[kElementwise][2][2];
  uint8_t uses[kElementwise][2];                         // Uses mask of each derivative
  ElementwiseFn where[kDTypes];                          // in[] = {bool condition, a, b}
  // Conversion as static_cast; to bool is "!= 0"; float to integer is C's truncation, NaN and
  // out-of-range values saturate to what x86 gives for int64 (INT64_MIN), never undefined.
  ElementwiseFn convert[kDTypes][kDTypes];               // [from][to], in[0] contiguous
  // Gather n elements of `size` bytes at byte distance `stride` into contiguous `out`; and back.
  void (*pack)(void* out, const void* in, int64_t stride, int64_t n, int size);
  void (*unpack)(void* out, int64_t stride, const void* in, int64_t n, int size);
};

}  // namespace pyforge::kernels
