// Tiles of matrices, transposed in registers.
#include "kernels/elementwise.h"
#include "kernels/gemm_pack.h"

namespace pyforge::kernels::PF_ISA {
namespace {

// Rows of a tile are read along the columns of `in`, which are contiguous.
template <class T>
void transpose_of(void* out, int64_t width, const void* in, int64_t stride, int64_t rows,
                  int64_t cols) {
  pack_columns(static_cast<T*>(out), static_cast<int>(width), static_cast<const T*>(in), 1,
               stride / static_cast<int64_t>(sizeof(T)), rows, static_cast<int>(cols));
}

void transpose(void* out, int64_t width, const void* in, int64_t stride, int64_t rows, int64_t cols,
               int size) {
  if (size == 4)
    transpose_of<float>(out, width, in, stride, rows, cols);
  else
    transpose_of<double>(out, width, in, stride, rows, cols);
}

}  // namespace

void fill_transpose(ElementwiseTable& table) { table.transpose = transpose; }

}  // namespace pyforge::kernels::PF_ISA
