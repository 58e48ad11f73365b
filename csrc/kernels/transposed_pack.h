// Rows in memory as columns of a block.
#pragma once
#include <cstdint>

namespace pyforge::kernels::PF_ISA {

// out [dim][width] := scale * in [rows][dim]; the columns beyond `rows` become 0. `width` is a
// multiple of the lanes.
void pack_transposed(float* out, int64_t width, const float* in, int64_t row, int64_t rows,
                     int64_t dim, float scale);
void pack_transposed(double* out, int64_t width, const double* in, int64_t row, int64_t rows,
                     int64_t dim, double scale);

}  // namespace pyforge::kernels::PF_ISA
