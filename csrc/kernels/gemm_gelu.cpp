// GELU as an epilogue of the matrix product.
#include <cstdint>

namespace pyforge::kernels::PF_ISA {

void gelu(float* x, int count);
void gelu(double* x, int count);

void gelu(float* x, int count) {
  for (int i = 0; i < count; ++i) {
    x[i] = 0.5f * x[i] * (1.0f + __builtin_erff(x[i] * 0.70710678118654752440f));
  }
}

void gelu(double* x, int count) {
  for (int i = 0; i < count; ++i) {
    x[i] = 0.5 * x[i] * (1.0 + __builtin_erf(x[i] * 0.70710678118654752440));
  }
}

}  // namespace pyforge::kernels::PF_ISA
