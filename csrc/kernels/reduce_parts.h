// The parts of the reduction table that have a file of their own.
#pragma once
#include "kernels/reduce.h"

namespace pyforge::kernels::PF_ISA {
// Of floating types; the only copy of this code.
void sum_of(float* out, const float* in, const ReduceArgs& args);
void sum_of(double* out, const double* in, const ReduceArgs& args);
void max_of(float* out, const float* in, const ReduceArgs& args);
void max_of(double* out, const double* in, const ReduceArgs& args);

void fill_reduce_integer(ReduceTable& table);  // integers, bool, and the truth of floats
void fill_arg_reduce(ReduceTable& table);      // argmax, argmin
void fill_scan(ReduceTable& table);            // cumsum, cumprod
void fill_moments(ReduceTable& table);         // moments, merge_moments, logsumexp
}  // namespace pyforge::kernels::PF_ISA
