// Every kernel of one instruction set, as pointers. Kernels see raw memory and sizes only.
#pragma once
#include "core/dtype.h"
#include "kernels/attention.h"
#include "kernels/conv.h"
#include "kernels/elementwise.h"
#include "kernels/gemm.h"
#include "kernels/optim.h"
#include "kernels/pool.h"
#include "kernels/recurrent.h"
#include "kernels/reduce.h"
#include "kernels/rows.h"
#include "kernels/stats.h"

namespace pyforge::kernels {

struct Table {
  const char* name;  // "v2", "v3", "v4" or "generic"
  int vector_bytes;
  ElementwiseTable elementwise;
  ReduceTable reduce;
  RowTable rows;
  GemmTable gemm;
  AttentionTable attention;
  OptimTable optim;
  ConvTable conv;
  PoolTable pool;
  RecurrentTable recurrent;
  StatsTable stats;
};

namespace v2 {
void fill(Table& table);
}
namespace v3 {
void fill(Table& table);
}
namespace v4 {
void fill(Table& table);
}
namespace generic {
void fill(Table& table);
}

}  // namespace pyforge::kernels
