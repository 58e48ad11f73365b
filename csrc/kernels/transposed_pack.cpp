#include "kernels/transposed_pack.h"

#include "kernels/gemm_registers.h"

namespace pyforge::kernels::PF_ISA {
namespace {

template <class T>
void pack(T* out, int64_t width, const T* in, int64_t row, int64_t rows, int64_t dim, T scale) {
  constexpr int L = kLanes<T>;
  const Reg<T> factor = broadcast(scale);
  for (int64_t i = 0; i < width; i += L) {
    const int64_t count = rows - i < L ? rows - i : L;
    const T* from = in + i * row;
    T* to = out + i;
    int64_t e = 0;
    for (; e + L <= dim; e += L) {
      Reg<T> block[L];
#pragma GCC unroll 16
      for (int l = 0; l < L; ++l)
        block[l] = l < count ? load(from + l * row + e) * factor : Reg<T>{};
      transpose<T>(block);
#pragma GCC unroll 16
      for (int l = 0; l < L; ++l) store(to + (e + l) * width, block[l]);
    }
    for (; e < dim; ++e) {
      for (int l = 0; l < L; ++l) to[e * width + l] = l < count ? from[l * row + e] * scale : T(0);
    }
  }
}

}  // namespace

void pack_transposed(float* out, int64_t width, const float* in, int64_t row, int64_t rows,
                     int64_t dim, float scale) {
  pack(out, width, in, row, rows, dim, scale);
}
void pack_transposed(double* out, int64_t width, const double* in, int64_t row, int64_t rows,
                     int64_t dim, double scale) {
  pack(out, width, in, row, rows, dim, scale);
}

}  // namespace pyforge::kernels::PF_ISA
