// Integer products: panels of B are copied, rows of C are summed in a small array.
#pragma once
#include "kernels/gemm.h"

namespace pyforge::kernels::PF_ISA {
namespace {

template <class T>
struct Unsigned;
template <>
struct Unsigned<int64_t> {
  using type = uint64_t;
};
template <>
struct Unsigned<int32_t> {
  using type = uint32_t;
};
template <>
struct Unsigned<int16_t> {
  using type = uint32_t;
};
template <>
struct Unsigned<int8_t> {
  using type = uint32_t;
};
template <>
struct Unsigned<uint8_t> {
  using type = uint32_t;
};

template <class T>
void multiply_integers(const GemmArgs& args) {
  using U = typename Unsigned<T>::type;  // wraps around; narrower types keep their low bits
  constexpr int64_t kColumns = 64, kDepth = 64;
  const T *a = static_cast<const T*>(args.a), *b = static_cast<const T*>(args.b);
  const T* bias = static_cast<const T*>(args.bias);
  T* c = static_cast<T*>(args.c);
  const U alpha = static_cast<U>(static_cast<int64_t>(args.alpha));
  const U beta = static_cast<U>(static_cast<int64_t>(args.beta));
  for (int64_t j0 = 0; j0 < args.n; j0 += kColumns) {
    const int64_t columns = args.n - j0 < kColumns ? args.n - j0 : kColumns;
    for (int64_t k0 = 0; k0 == 0 || k0 < args.k; k0 += kDepth) {
      const int64_t depth = args.k - k0 < kDepth ? args.k - k0 : kDepth;
      U panel[kDepth][kColumns];
      for (int64_t k = 0; k < depth; ++k) {
        const T* from = b + (k0 + k) * args.b_row + j0 * args.b_col;
        for (int64_t j = 0; j < columns; ++j) panel[k][j] = static_cast<U>(from[j * args.b_col]);
        for (int64_t j = columns; j < kColumns; ++j) panel[k][j] = 0;
      }
      const bool first = k0 == 0, last = k0 + depth >= args.k;
      for (int64_t i = 0; i < args.m; ++i) {
        U sum[kColumns] = {};
        for (int64_t k = 0; k < depth; ++k) {
          const U x = static_cast<U>(a[i * args.a_row + (k0 + k) * args.a_col]);
          for (int64_t j = 0; j < kColumns; ++j) sum[j] += x * panel[k][j];
        }
        T* row = c + i * args.c_row + j0 * args.c_col;
        for (int64_t j = 0; j < columns; ++j) {
          U v = alpha * sum[j];
          if (!first) {
            v += static_cast<U>(row[j * args.c_col]);
          } else if (beta != 0) {
            v += beta * static_cast<U>(row[j * args.c_col]);
          }
          if (last && bias) v += static_cast<U>(bias[(j0 + j) * args.bias_stride]);
          T result = static_cast<T>(v);
          if (last && args.epilogue == Epilogue::Relu && result < T(0)) result = 0;
          row[j * args.c_col] = result;
        }
      }
    }
  }
}

inline void fill_integer(GemmTable& table) {
  for (auto& f : table.integer) f = nullptr;
  table.integer[static_cast<int>(DType::UInt8)] = multiply_integers<uint8_t>;
  table.integer[static_cast<int>(DType::Int8)] = multiply_integers<int8_t>;
  table.integer[static_cast<int>(DType::Int16)] = multiply_integers<int16_t>;
  table.integer[static_cast<int>(DType::Int32)] = multiply_integers<int32_t>;
  table.integer[static_cast<int>(DType::Int64)] = multiply_integers<int64_t>;
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
