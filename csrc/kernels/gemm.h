// Matrix products on raw strided memory.
#pragma once
#include <cstdint>

#include "core/dtype.h"

namespace pyforge::kernels {

// Applied to C's tile while it is in registers or in the first-level cache.
enum class Epilogue : uint8_t { None, Relu };

// C[m,n] = beta*C + alpha * A[m,k] B[k,n] (+ bias), strides in elements, any sign, zero allowed
// for A and B (broadcast). Layout is free: transposes are strides.
struct GemmArgs {
  int64_t m, n, k;
  const void* a;
  int64_t a_row, a_col;
  const void* b;
  int64_t b_row, b_col;
  void* c;
  int64_t c_row, c_col;
  double alpha, beta;  // beta 0 never reads C
  const void* bias;
  int64_t bias_stride;  // null, or bias[j*bias_stride] added to column j
  Epilogue epilogue;
};

// Work split over [0, tiles): any division into ranges, on any number of threads, gives the same
// bits.
struct GemmPlan {
  int64_t tiles;            // independent units of work
  int64_t workspace_bytes;  // per concurrent call of `run`, 64-byte aligned, any content
  int64_t shared_bytes;     // read by all, filled by `prepare` (packed B), may be 0
  int64_t prepare_tiles;    // independent units of `prepare`, may be 0
};

struct GemmKernels {
  void (*plan)(const GemmArgs& args, GemmPlan& plan);
  void (*prepare)(const GemmArgs& args, void* shared, int64_t first, int64_t last);
  void (*run)(const GemmArgs& args, const void* shared, void* workspace, int64_t first,
              int64_t last);
  // Whole product on the calling thread, packing at most a panel on the stack (any size is right).
  void (*small)(const GemmArgs& args);
  // True where `small` is the faster choice.
  bool (*is_small)(const GemmArgs& args);
};

struct GemmTable {
  GemmKernels f32, f64;
  // bfloat16 by the instructions of AVX512_BF16, where the set can hold them (else null); to be
  // used only on a processor that has them. A and B are seen as pairs along K: k and all their
  // strides count 32-bit words, the low half first. C and bias are float32.
  GemmKernels bf16_pairs;
  // out[i] = even[i] in the low half, odd[i] (null: 0) in the high half, 16 bits each.
  void (*pair_rows)(void* out, const void* even, const void* odd, int64_t n);
  // Plain integer product for the integer dtypes, index by DType; same argument meaning, alpha and
  // beta taken as integers, sums wrap around. Null for bool and floating types.
  void (*integer[kDTypes])(const GemmArgs& args);
};

}  // namespace pyforge::kernels
