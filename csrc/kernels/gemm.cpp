// The matrix product of one instruction set.
#include "kernels/gemm.h"

#include "kernels/gemm_integer.h"
#include "kernels/gemm_plan.h"

namespace pyforge::kernels::PF_ISA {

void fill_gemm(GemmTable& table);

void fill_gemm(GemmTable& table) {
  fill_kernels<float>(table.f32);
  fill_kernels<double>(table.f64);
  fill_integer(table);
}

}  // namespace pyforge::kernels::PF_ISA
