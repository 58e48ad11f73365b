// Sums, products and extremes of floating types over any dimension.
#include "kernels/reduce.h"

#include "kernels/reduce_core.h"
#include "kernels/reduce_parts.h"

namespace pyforge::kernels::PF_ISA {
namespace {

template <class T, class Op>
void reduce_float(const ReduceArgs& a) {
  reduce_any<T, Op>(static_cast<T*>(a.out), static_cast<const T*>(a.in), a, nullptr);
}

void set(ReduceTable& t, Reduce op, DType d, ReduceFn f) {
  t.reduce[static_cast<int>(op)][static_cast<int>(d)] = f;
}

template <class T>
void fill_float(ReduceTable& t, DType d) {
  set(t, Reduce::Sum, d, reduce_float<T, SumOp>);
  set(t, Reduce::Prod, d, reduce_float<T, ProdOp>);
  set(t, Reduce::Max, d, reduce_float<T, MaxOp>);
  set(t, Reduce::Min, d, reduce_float<T, MinOp>);
  set(t, Reduce::SumSquares, d, reduce_float<T, SumSquaresOp>);
  set(t, Reduce::SumAbs, d, reduce_float<T, SumAbsOp>);
  set(t, Reduce::AbsMax, d, reduce_float<T, AbsMaxOp>);
}

}  // namespace

void sum_of(float* out, const float* in, const ReduceArgs& args) {
  reduce_any<float, SumOp>(out, in, args, nullptr);
}
void sum_of(double* out, const double* in, const ReduceArgs& args) {
  reduce_any<double, SumOp>(out, in, args, nullptr);
}
void max_of(float* out, const float* in, const ReduceArgs& args) {
  reduce_any<float, MaxOp>(out, in, args, nullptr);
}
void max_of(double* out, const double* in, const ReduceArgs& args) {
  reduce_any<double, MaxOp>(out, in, args, nullptr);
}

void fill_reduce(ReduceTable& t) {
  t = ReduceTable{};
  fill_float<float>(t, DType::Float32);
  fill_float<double>(t, DType::Float64);
  fill_reduce_integer(t);
  fill_arg_reduce(t);
  fill_scan(t);
  fill_moments(t);
}

}  // namespace pyforge::kernels::PF_ISA
