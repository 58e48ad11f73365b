// Transposes between rows in memory and the blocks that attention works on.
#pragma once
#include <cstdint>

namespace pyforge::kernels::PF_ISA {

// out [dim][width] := scale * in [rows][dim]; the columns beyond `rows` become 0. `width` is a
// multiple of the lanes.
void pack_transposed(float* out, int64_t width, const float* in, int64_t row, int64_t rows,
                     int64_t dim, float scale);
void pack_transposed(double* out, int64_t width, const double* in, int64_t row, int64_t rows,
                     int64_t dim, double scale);
// out [rows][dim] := in [dim][width] transposed.
void unpack_transposed(float* out, int64_t row, const float* in, int64_t width, int64_t rows,
                       int64_t dim);
void unpack_transposed(double* out, int64_t row, const double* in, int64_t width, int64_t rows,
                       int64_t dim);

}  // namespace pyforge::kernels::PF_ISA
