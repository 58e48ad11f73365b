// The table of this instruction set, filled file by file.
#include "kernels/table.h"
#include "kernels/vec.h"

#define PF_TEXT_OF(x) #x
#define PF_TEXT(x) PF_TEXT_OF(x)

namespace pyforge::kernels::PF_ISA {

void fill_elementwise_f32(ElementwiseTable& table);
void fill_elementwise_f64(ElementwiseTable& table);
void fill_elementwise_narrow(ElementwiseTable& table);
void fill_elementwise_wide(ElementwiseTable& table);
void fill_elementwise_move(ElementwiseTable& table);
void fill_transpose(ElementwiseTable& table);
void fill_elementwise_half(ElementwiseTable& table);
void fill_reduce(ReduceTable& table);
void fill_reduce_half(ReduceTable& table);
void fill_rows(RowTable& table);
void fill_gemm(GemmTable& table);
void fill_gemm_bf16(GemmTable& table);
void fill_attention(AttentionTable& table);
void fill_optim(OptimTable& table);
void fill_conv_f32(ConvTable& table);
void fill_conv_f64(ConvTable& table);
void fill_pool(PoolTable& table);
void fill_recurrent(RecurrentTable& table);
void fill_stats(StatsTable& table);

void fill(Table& table) {
  table.name = PF_TEXT(PF_ISA);
  table.vector_bytes = kVectorBytes;
  fill_elementwise_f32(table.elementwise);
  fill_elementwise_f64(table.elementwise);
  fill_elementwise_narrow(table.elementwise);
  fill_elementwise_wide(table.elementwise);
  fill_elementwise_move(table.elementwise);
  fill_transpose(table.elementwise);
  fill_elementwise_half(table.elementwise);
  fill_reduce(table.reduce);
  fill_reduce_half(table.reduce);
  fill_rows(table.rows);
  fill_gemm(table.gemm);
  fill_gemm_bf16(table.gemm);
  fill_attention(table.attention);
  fill_optim(table.optim);
  fill_conv_f32(table.conv);
  fill_conv_f64(table.conv);
  fill_pool(table.pool);
  fill_recurrent(table.recurrent);
  fill_stats(table.stats);
}

}  // namespace pyforge::kernels::PF_ISA
