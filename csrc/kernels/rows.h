// Kernels that treat a contiguous matrix [rows, cols] row by row: softmax, losses, normalisation.
// [0] is float32, [1] is float64. Every row is independent, so rows may be split at will.
#pragma once
#include <cstdint>

namespace pyforge::kernels {

// A kernel that adds over rows (layer_norm_backward) is called with at most this many, each block
// into rows of its own that the caller then sums, so that the result is one for all thread counts.
inline constexpr int64_t kRowBlock = 64;

// Batch normalisation: x is contiguous [n, channels, inner]; a call treats channels [first, last).
struct BatchNormShape {
  int64_t n, channels, inner, first, last;
};

// Group normalisation: x is contiguous [n, groups, channels of a group, inner].
struct GroupNormShape {
  int64_t groups, channels, inner, first, last;
};

struct RowTable {
  // y = softmax(x) or log_softmax(x); a row of only -inf gives NaN as in PyTorch.
  void (*softmax[2])(void* y, const void* x, int64_t rows, int64_t cols);
  void (*log_softmax[2])(void* y, const void* x, int64_t rows, int64_t cols);
  // dx = y * (g - sum(g*y)); dx = g - exp(y) * sum(g)
  void (*softmax_backward[2])(void* dx, const void* g, const void* y, int64_t rows, int64_t cols);
  void (*log_softmax_backward[2])(void* dx, const void* g, const void* y, int64_t rows,
                                  int64_t cols);
  // The same along the rows of x[r * stride + c], 0 <= c < cols: every column is independent.
  void (*softmax_columns[2])(void* y, const void* x, int64_t rows, int64_t stride, int64_t cols);
  void (*log_softmax_columns[2])(void* y, const void* x, int64_t rows, int64_t stride,
                                 int64_t cols);
  void (*softmax_backward_columns[2])(void* dx, const void* g, const void* y, int64_t rows,
                                      int64_t stride, int64_t cols);
  void (*log_softmax_backward_columns[2])(void* dx, const void* g, const void* y, int64_t rows,
                                          int64_t stride, int64_t cols);
  // Cross-entropy from logits with class indices, which the caller has checked:
  // loss[r] = log(sum(exp(x[r]))) - x[r, target[r]]. For the backward pass it writes largest[r] =
  // max(x[r]) and log_sum[r] = log(sum(exp(x[r] - largest[r]))), which together lose nothing to
  // large logits. target[r] == ignore gives loss 0.
  void (*cross_entropy[2])(void* loss, void* largest, void* log_sum, const void* x,
                           const int64_t* target, int64_t ignore, int64_t rows, int64_t cols);
  // dx[r, c] = g[r * g_stride] * (softmax(x[r])[c] - (c == target[r])); zero for ignored rows.
  // stream: dx is larger than the caches and is written past them.
  void (*cross_entropy_backward[2])(void* dx, const void* g, int64_t g_stride, const void* x,
                                    const void* largest, const void* log_sum, const int64_t* target,
                                    int64_t ignore, int64_t rows, int64_t cols, bool stream);
  // y = (x - mean) * rstd * weight + bias; mean and rstd [rows] are written; weight/bias may be
  // null.
  void (*layer_norm[2])(void* y, void* mean, void* rstd, const void* x, const void* weight,
                        const void* bias, double eps, int64_t rows, int64_t cols);
  // dx (may be null), and (where not null) dweight += and dbias += over these rows.
  void (*layer_norm_backward[2])(void* dx, void* dweight, void* dbias, const void* g, const void* x,
                                 const void* mean, const void* rstd, const void* weight,
                                 int64_t rows, int64_t cols);
  // The same without a mean, whose pointers are null.
  void (*rms_norm[2])(void* y, void* mean, void* rstd, const void* x, const void* weight,
                      const void* bias, double eps, int64_t rows, int64_t cols);
  void (*rms_norm_backward[2])(void* dx, void* dweight, void* dbias, const void* g, const void* x,
                               const void* mean, const void* rstd, const void* weight, int64_t rows,
                               int64_t cols);

  // Groups [first, last) of the n * groups: y = (x - mean) * rstd * weight + bias, with statistics
  // per group (written) and weight and bias per channel (may be null).
  void (*group_norm[2])(void* y, void* mean, void* rstd, const void* x, const void* weight,
                        const void* bias, double eps, const GroupNormShape& shape);
  // dx may be null; dweight and dbias [n, channels] (may be null) get one term per sample.
  void (*group_norm_backward[2])(void* dx, void* dweight, void* dbias, const void* g, const void* x,
                                 const void* mean, const void* rstd, const void* weight,
                                 const GroupNormShape& shape);

  // Per channel, over n and inner: mean and variance (divided by n * inner).
  void (*batch_norm_stats[2])(void* mean, void* variance, const void* x,
                              const BatchNormShape& shape);
  // y = (x - mean) * rstd * weight + bias, per channel; weight and bias may be null.
  void (*batch_norm[2])(void* y, const void* x, const void* mean, const void* rstd,
                        const void* weight, const void* bias, const BatchNormShape& shape);
  // With the statistics of this batch: dx through mean and rstd (training). Else they are
  // constants. dx, dweight, dbias (written, not added to) and weight may be null.
  void (*batch_norm_backward[2])(void* dx, void* dweight, void* dbias, const void* g, const void* x,
                                 const void* mean, const void* rstd, const void* weight,
                                 bool training, const BatchNormShape& shape);
};

}  // namespace pyforge::kernels
