// Kernels that treat a contiguous matrix [rows, cols] row by row: softmax, losses, normalisation.
// [0] is float32, [1] is float64. Every row is independent, so rows may be split at will.
#pragma once
#include <cstdint>

namespace pyforge::kernels {

struct RowTable {
  // y = softmax(x) or log_softmax(x); a row of only -inf gives NaN as in PyTorch.
  void (*softmax[2])(void* y, const void* x, int64_t rows, int64_t cols);
  void (*log_softmax[2])(void* y, const void* x, int64_t rows, int64_t cols);
  // dx = y * (g - sum(g*y)); dx = g - exp(y) * sum(g)
  void (*softmax_backward[2])(void* dx, const void* g, const void* y, int64_t rows, int64_t cols);
  void (*log_softmax_backward[2])(void* dx, const void* g, const void* y, int64_t rows, int64_t cols);
  // Cross-entropy from logits with class indices: loss[r] = logsumexp(x[r]) - x[r, target[r]];
  // lse[r] is kept for the backward pass. target[r] == ignore gives loss 0.
  void (*cross_entropy[2])(void* loss, void* lse, const void* x, const int64_t* target,
                           int64_t ignore, int64_t rows, int64_t cols);
  // dx[r, c] = g[r] * (exp(x - lse[r]) - (c == target[r])); zero for ignored rows.
  void (*cross_entropy_backward[2])(void* dx, const void* g, int64_t g_stride, const void* x,
                                    const void* lse, const int64_t* target, int64_t ignore,
                                    int64_t rows, int64_t cols);
  // y = (x - mean) * rstd * weight + bias; mean and rstd [rows] are written; weight/bias may be null.
  void (*layer_norm[2])(void* y, void* mean, void* rstd, const void* x, const void* weight,
                        const void* bias, double eps, int64_t rows, int64_t cols);
  // dx, and (where not null) dweight += and dbias += over these rows.
  void (*layer_norm_backward[2])(void* dx, void* dweight, void* dbias, const void* g, const void* x,
                                 const void* mean, const void* rstd, const void* weight,
                                 int64_t rows, int64_t cols);
};

}  // namespace pyforge::kernels
