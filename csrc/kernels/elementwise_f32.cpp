#include "kernels/elementwise_loops.h"

namespace pyforge::kernels::PF_ISA {

void fill_elementwise_f32(ElementwiseTable& table) { fill_rows_of<float>(table); }

}  // namespace pyforge::kernels::PF_ISA
