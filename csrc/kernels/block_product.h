// Products of blocks in the caches, with short sums, without the general product's choices.
#pragma once
#include <cstdint>

namespace pyforge::kernels::PF_ISA {

// Rows that will be read before long: `dim` elements each, asked for while a product is computed.
template <class T>
struct Ahead {
  const T* rows;
  int64_t row, dim;
};

// c [m, n] := a [m, k] b [k, n], or is added to; the rows of b and c are contiguous.
template <class T>
struct BlockProduct {
  int64_t m, n, k;
  const T* a;
  int64_t a_row, a_col;
  const T* b;
  int64_t b_row;
  T* c;
  int64_t c_row;
  bool add;
  Ahead<T> ahead;
};

// False, and nothing is done, where the general product should: few rows, or columns that do not
// fill vectors.
bool multiply_block(const BlockProduct<float>& p);
bool multiply_block(const BlockProduct<double>& p);

}  // namespace pyforge::kernels::PF_ISA
