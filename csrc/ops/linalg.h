// Linear systems as differentiable ops, with checks of matrices.
#pragma once
#include "ops/registry.h"

namespace pyforge::ops {

// Throws unless t is float32 or float64 with at least two dimensions; `square`: and n by n.
void check_matrices(const char* op, const Tensor& t, const char* name, bool square);
IntSpan batch_of(const Tensor& t);  // all dimensions but the last two
// t with its leading dimensions expanded.
Tensor with_batch(const Tensor& t, IntSpan batch);

// A triangular [*, n, n], b [*, n, k] of one batch shape (triangular.cpp).
Tensor solve_triangular_left(const Tensor& a, const Tensor& b, bool upper, bool unit);
// X with A X = B (X A = B without `left`), and the first zero pivot of each A from 1, or 0.
std::tuple<Tensor, Tensor> solve_ex(const Tensor& a, const Tensor& b, bool left);
std::tuple<Tensor, Tensor> inv_ex(const Tensor& a);

}  // namespace pyforge::ops
