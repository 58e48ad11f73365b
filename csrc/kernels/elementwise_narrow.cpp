#include "kernels/elementwise_loops.h"

namespace pyforge::kernels::PF_ISA {

void fill_elementwise_narrow(ElementwiseTable& table) {
  fill_rows_of<bool>(table);
  fill_rows_of<uint8_t>(table);
  fill_rows_of<int8_t>(table);
  fill_rows_of<int16_t>(table);
}

}  // namespace pyforge::kernels::PF_ISA
