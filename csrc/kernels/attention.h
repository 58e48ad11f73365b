// Scaled dot-product attention, block by block. [0] is float32, [1] is float64.
#pragma once
#include <cstdint>

#include "kernels/gemm.h"

namespace pyforge::kernels {

// Queries, the lanes of transposed blocks, and keys are taken as many at a time; deep products pay
// off where enough blocks are left for all threads.
inline constexpr int64_t kSmallestBlock = 64, kLargestBlock = 128;

enum class AttentionMask : uint8_t { None, Bool, Added };

// One head. Rows of q, k, v, out and their gradients are contiguous; *_row is the distance between
// them. mask_row, the mask's stride from query to query, is 0 or 1.
struct AttentionArgs {
  int64_t queries, keys, dim, value_dim;
  int64_t block;  // kSmallestBlock or kLargestBlock
  double scale;
  bool causal;  // key j counts for query i where j <= i
  AttentionMask mask_kind;
  const void *q, *k, *v, *mask;
  int64_t q_row, k_row, v_row, mask_row, mask_col;
  const uint8_t* keep;  // dropout: [queries, keys] of 0 and 1; null without
  double keep_scale;    // what the kept weights are multiplied by
  void (*gemm)(const GemmArgs& args);
  void* workspace;
  // Written by forward, read by backward: per query the largest score and the logarithm of the sum
  // of exp(score - largest); 0 and +inf for a query without a key that counts, whose output is 0.
  void *out, *largest, *log_sum;
  int64_t out_row;
  // Backward only: dq of these queries is written, dk and dv are added to, or without `causal` and
  // with `fresh` written by the first block of queries.
  const void* grad;
  void *dq, *dk, *dv;
  int64_t grad_row, dq_row, dk_row, dv_row;
  bool fresh;
};

struct AttentionTable {
  int64_t (*workspace_bytes[2])(int64_t dim, int64_t value_dim, int64_t block);
  // Queries [first, last), first a multiple of the block.
  void (*forward[2])(const AttentionArgs& args, int64_t first, int64_t last);
  void (*backward[2])(const AttentionArgs& args, int64_t first, int64_t last);
};

}  // namespace pyforge::kernels
