// The parts of the row table that have a file of their own.
#pragma once
#include "kernels/rows.h"

namespace pyforge::kernels::PF_ISA {
void fill_softmax(RowTable& table);  // softmax, log_softmax, cross_entropy
void fill_softmax_columns(RowTable& table);
void fill_layer_norm(RowTable& table);
void fill_batch_norm(RowTable& table);
void fill_group_norm(RowTable& table);
}  // namespace pyforge::kernels::PF_ISA
