#include "kernels/elementwise_loops.h"

namespace pyforge::kernels::PF_ISA {

void fill_elementwise_f64(ElementwiseTable& table) { fill_rows_of<double>(table); }

}  // namespace pyforge::kernels::PF_ISA
