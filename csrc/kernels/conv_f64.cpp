#include "kernels/conv_direct.h"
#include "kernels/conv_gather.h"
#include "kernels/conv_weight.h"

namespace pyforge::kernels::PF_ISA {

void fill_conv_f64(ConvTable& table);

void fill_conv_f64(ConvTable& table) {
  fill_gather<double>(table.gather[1]);
  fill_weight<double>(table.weight[1]);
  fill_direct<double>(table.direct[1]);
  fill_direct_weight<double>(table.direct_weight[1]);
}

}  // namespace pyforge::kernels::PF_ISA
