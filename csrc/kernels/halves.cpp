#include "kernels/halves.h"

namespace pyforge::kernels::PF_ISA {

void widen(float* out, const Half* in, int64_t n) {
  int64_t i = 0;
#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
  for (; i + 16 <= n; i += 16)
    _mm512_storeu_ps(out + i,
                     _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + i))));
#elif defined(__F16C__)
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(out + i,
                     _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i))));
#endif
  for (; i < n; ++i) out[i] = in[i];
}

void widen(float* out, const BFloat16* in, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = in[i];
}

void narrow(Half* out, const float* in, int64_t n) {
  int64_t i = 0;
#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
  for (; i + 16 <= n; i += 16)
    _mm256_storeu_si256(
        reinterpret_cast<__m256i*>(out + i),
        _mm512_cvtps_ph(_mm512_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#elif defined(__F16C__)
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128(
        reinterpret_cast<__m128i*>(out + i),
        _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#endif
  for (; i < n; ++i) out[i] = Half(in[i]);
}

void narrow(BFloat16* out, const float* in, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = BFloat16(in[i]);
}

}  // namespace pyforge::kernels::PF_ISA
