#include "kernels/attention_pack.h"

#include "kernels/gemm_pack.h"

namespace pyforge::kernels::PF_ISA {
namespace {

template <class T>
void pack(T* out, int64_t width, const T* in, int64_t row, int64_t rows, int64_t dim, T scale) {
  constexpr int L = kLanes<T>;
  pack_columns(out, static_cast<int>(width), in, 1, row, dim, static_cast<int>(rows));
  if (scale == T(1)) return;
  const Reg<T> factor = broadcast(scale);
  for (int64_t i = 0; i < dim * width; i += L) store(out + i, load(out + i) * factor);
}

template <class T>
void unpack(T* out, int64_t row, const T* in, int64_t width, int64_t rows, int64_t dim) {
  constexpr int L = kLanes<T>;
  int64_t e = 0;
  for (; e + L <= dim; e += L) {
    for (int64_t i = 0; i < rows; i += L) {
      Reg<T> block[L];
#pragma GCC unroll 16
      for (int l = 0; l < L; ++l) block[l] = load(in + (e + l) * width + i);
      transpose<T>(block);
      const int64_t count = rows - i < L ? rows - i : L;
      if (count == L) {
#pragma GCC unroll 16
        for (int l = 0; l < L; ++l) store(out + (i + l) * row + e, block[l]);
      } else {
        for (int l = 0; l < count; ++l) store(out + (i + l) * row + e, block[l]);
      }
    }
  }
  for (; e < dim; ++e) {
    for (int64_t i = 0; i < rows; ++i) out[i * row + e] = in[e * width + i];
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
void unpack_transposed(float* out, int64_t row, const float* in, int64_t width, int64_t rows,
                       int64_t dim) {
  unpack(out, row, in, width, rows, dim);
}
void unpack_transposed(double* out, int64_t row, const double* in, int64_t width, int64_t rows,
                       int64_t dim) {
  unpack(out, row, in, width, rows, dim);
}

}  // namespace pyforge::kernels::PF_ISA
