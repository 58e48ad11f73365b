// Matrix products.
#pragma once
#include "kernels/gemm.h"
#include "ops/registry.h"

namespace pyforge::ops {

// op(a) op(b), where op transposes the last two dimensions if told to. Leading dimensions
// broadcast; without ta, a may have any dimensions and b two: then all rows of a meet one matrix.
Tensor product(const Tensor& a, bool ta, const Tensor& b, bool tb);

Tensor matmul(const Tensor& input, const Tensor& other);  // PyTorch's rules for all dimensions
Tensor mm(const Tensor& input, const Tensor& mat2);
Tensor bmm(const Tensor& input, const Tensor& mat2);
Tensor mv(const Tensor& input, const Tensor& vec);
Tensor dot(const Tensor& input, const Tensor& other);
Tensor outer(const Tensor& input, const Tensor& vec2);
Tensor addmm(const Tensor& input, const Tensor& mat1, const Tensor& mat2, Scalar beta,
             Scalar alpha);
// input weight^T + bias; bias may be undefined.
Tensor linear(const Tensor& input, const Tensor& weight, const Tensor& bias);
// epilogue(linear(...)) with weight [out, in] and bias [out] or [1]; nothing recorded.
Tensor linear_values(const Tensor& input, const Tensor& weight, const Tensor& bias,
                     kernels::Epilogue epilogue);
// g^T x, all dimensions but the last as rows: the gradient of linear's weight.
Tensor rows_product(const Tensor& g, const Tensor& x);

Tensor einsum(std::string_view equation, const std::vector<Tensor>& operands);  // einsum.cpp

}  // namespace pyforge::ops
