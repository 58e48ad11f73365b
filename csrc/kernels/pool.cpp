// Pooling and resampling of one instruction set.
#include "kernels/pool_window.h"

namespace pyforge::kernels::PF_ISA {

void fill_pool(PoolTable& table);

void fill_pool(PoolTable& table) {
  fill_pool<float>(table, 0);
  fill_pool<double>(table, 1);
}

}  // namespace pyforge::kernels::PF_ISA
