#include "kernels/conv_direct.h"
#include "kernels/conv_gather.h"
#include "kernels/conv_weight.h"
#include "kernels/conv_winograd.h"

namespace pyforge::kernels::PF_ISA {

void fill_conv_f32(ConvTable& table);

void fill_conv_f32(ConvTable& table) {
  fill_winograd_or_gather<float>(table.gather[0]);
  fill_weight<float>(table.weight[0]);
  fill_direct<float>(table.direct[0]);
  fill_direct_weight<float>(table.direct_weight[0]);
}

}  // namespace pyforge::kernels::PF_ISA
