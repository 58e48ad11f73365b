#include "kernels/elementwise_loops.h"

namespace pyforge::kernels::PF_ISA {

void fill_elementwise_wide(ElementwiseTable& table) {
  fill_rows_of<int32_t>(table);
  fill_rows_of<int64_t>(table);
}

}  // namespace pyforge::kernels::PF_ISA
