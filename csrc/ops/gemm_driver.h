// Matrix products on raw memory: chooses the kernels in use, the workspace and the threads.
#pragma once
#include "core/dtype.h"
#include "kernels/gemm.h"

namespace pyforge {

// Called with the GIL held, which long products give up. dtype is not bool. C must not overlap A,
// B or the bias. Throws Error(Memory).
void gemm(DType dtype, const kernels::GemmArgs& args);

// `batch` products, each as far from the one before as the strides (in elements) say; a stride of 0
// repeats A or B.
void gemm_batched(DType dtype, const kernels::GemmArgs& args, int64_t batch, int64_t a_stride,
                  int64_t b_stride, int64_t c_stride);

}  // namespace pyforge
