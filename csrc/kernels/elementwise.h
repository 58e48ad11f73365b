// Elementwise loops: one contiguous function per row of elementwise_rows.inc and dtype.
// Strided and broadcast operands are gathered into a small buffer by the caller (pack/unpack).
#pragma once
#include <cstdint>

#include "core/dtype.h"

namespace pyforge::kernels {

// One scalar attribute of an op, read as `f` by floating kernels and as `i` by integer kernels.
struct Attr {
  double f;
  int64_t i;
};

// out[0..n) from in[k][0..n); all contiguous, any alignment; out may equal one of the inputs.
// A binary row without attributes in float16 or bfloat16 also takes a null operand: it is the
// number attrs[0].f, kept in float32.
using ElementwiseFn = void (*)(void* out, const void* const* in, int64_t n, const Attr* attrs);

// The dtypes a row takes: bit i stands for DType i.
enum class Types : uint16_t {
  FLOATS = 0x3c0,
  INTS = 0x03e,
  INTS_BOOL = 0x03f,
  NUMERIC = 0x3fe,
  ALL = 0x3ff
};
constexpr bool takes(Types types, DType t) {
  return static_cast<uint16_t>(types) >> static_cast<int>(t) & 1;
}

inline constexpr double kInfinity = __builtin_inf();

// An attribute from its default or from a number given as double; infinities become the integer
// limits, which every integer kernel narrows to the limits of its own dtype.
constexpr Attr attr(double value) {
  if (value >= 9223372036854775808.0) return {value, INT64_MAX};
  if (!(value >= -9223372036854775808.0)) return {value, INT64_MIN};
  return {value, static_cast<int64_t>(value)};
}

enum class Elementwise : uint16_t {
#define PF_UNARY(name, types, fwd, bwd, doc) name,
#define PF_UNARY_1(name, types, p, dp, fwd, bwd, doc) name,
#define PF_UNARY_2(name, types, p, dp, q, dq, fwd, bwd, doc) name,
#define PF_PREDICATE(name, types, fwd, doc) name,
#define PF_BINARY(name, types, fwd, bwd_a, bwd_b, doc) name,
#define PF_BINARY_1(name, types, p, dp, fwd, bwd_a, bwd_b, doc) name,
#define PF_BINARY_NODIFF(name, types, fwd, doc) name,
#define PF_COMPARE(name, types, fwd, doc) name,
#include "kernels/elementwise_rows.inc"
#undef PF_UNARY
#undef PF_UNARY_1
#undef PF_UNARY_2
#undef PF_PREDICATE
#undef PF_BINARY
#undef PF_BINARY_1
#undef PF_BINARY_NODIFF
#undef PF_COMPARE
  count
};
inline constexpr int kElementwise = static_cast<int>(Elementwise::count);

// What a derivative expression reads; values it does not read are neither saved nor loaded.
enum Uses : uint8_t { kUsesGrad = 1, kUsesA = 2, kUsesB = 4, kUsesY = 8 };

struct ElementwiseTable {
  ElementwiseFn forward[kElementwise][kDTypes];  // null: dtype not supported by the row
  // Binary rows of float32 [0] and float64 [1] with one operand a single element: in[operand]
  // points to it. Null where the row is not a cheap one.
  ElementwiseFn splat[kElementwise][2][2];
  // Fused first derivative with respect to operand 0 and 1, by floating_index(). in[] = {grad, a,
  // b, y}; pointers of values it does not use may be null. A NaN that comes of a gradient of 0
  // becomes 0.
  ElementwiseFn backward[kElementwise][2][kFloatings];
  // Uses mask of each derivative; 0 means that it is zero everywhere (floor, sign), or that the row
  // has none (then backward is null too).
  uint8_t uses[kElementwise][2];
  ElementwiseFn where[kDTypes];  // in[] = {bool condition, a, b}
  // Conversion as static_cast; to bool is "!= 0"; float to integer truncates towards zero, NaN and
  // values out of range give INT32_MIN or INT64_MIN; narrower integers wrap from int32.
  ElementwiseFn convert[kDTypes][kDTypes];  // [from][to], in[0] contiguous
  // Writes `bytes` past the caches while fetching as many from each of `ahead`; others see them after
  // finish_streaming(), which waits for memory.
  void (*stream)(void* out, const void* in, int64_t bytes, const void* const* ahead, int count);
  void (*finish_streaming)();
  // out[r * width + c] = in[c][r] for elements of 4 or 8 bytes, `stride` bytes between the columns
  // c of `in`; width is a multiple of 16, at least cols, and the rest of a row is overwritten.
  void (*transpose)(void* out, int64_t width, const void* in, int64_t stride, int64_t rows,
                    int64_t cols, int size);
  // Gather n elements of `size` bytes at byte distance `stride` into contiguous `out`; and back.
  void (*pack)(void* out, const void* in, int64_t stride, int64_t n, int size);
  void (*unpack)(void* out, int64_t stride, const void* in, int64_t n, int size);
};

}  // namespace pyforge::kernels
