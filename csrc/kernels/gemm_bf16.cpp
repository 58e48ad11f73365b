// The product of bfloat16 by the dot-product instruction of AVX512_BF16, chosen at run time: all
// loops of the float32 product, with pairs of values along K in the place of floats.
#if defined(__AVX512F__) && defined(__AVX512BW__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512bf16"))), apply_to = function)
#else
#pragma GCC target("avx512bf16")
#endif
#define PF_GEMM_PAIRS
#include "kernels/gemm_plan.h"
#else
#include "kernels/gemm.h"
#endif

namespace pyforge::kernels::PF_ISA {

void fill_gemm_bf16(GemmTable& table);

namespace {

void pair_rows(void* out, const void* even, const void* odd, int64_t n) {
  uint32_t* to = static_cast<uint32_t*>(out);
  const uint16_t *low = static_cast<const uint16_t*>(even),
                 *high = static_cast<const uint16_t*>(odd);
  if (!high) {
    for (int64_t i = 0; i < n; ++i) to[i] = low[i];
    return;
  }
  for (int64_t i = 0; i < n; ++i) to[i] = low[i] | static_cast<uint32_t>(high[i]) << 16;
}

}  // namespace

void fill_gemm_bf16(GemmTable& table) {
  table.pair_rows = pair_rows;
#if defined(PF_GEMM_PAIRS)
  fill_kernels<float>(table.bf16_pairs);
#endif
}

}  // namespace pyforge::kernels::PF_ISA

#if defined(PF_GEMM_PAIRS) && defined(__clang__)
#pragma clang attribute pop
#endif
