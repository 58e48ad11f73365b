// Running sums and products. Floats accumulate in double, everything else in int64.
#include "kernels/reduce_parts.h"

namespace pyforge::kernels::PF_ISA {
namespace {

struct Add {
  static constexpr int kFirst = 0;
  template <class A>
  static A next(A a, A x) {
    return a + x;
  }
};
struct Multiply {
  static constexpr int kFirst = 1;
  template <class A>
  static A next(A a, A x) {
    return a * x;
  }
};

// Lines along the last dimension, kLines at a time: the sums of one wait for each other.
template <int kLines, class T, class A, class Out, class Op>
void scan_lines(const ReduceArgs& a, int64_t line) {
  const T* p = static_cast<const T*>(a.in) + line * a.outer_stride;
  Out* out = static_cast<Out*>(a.out) + line * a.reduce;
  A acc[kLines];
  for (int l = 0; l < kLines; ++l) acc[l] = Op::kFirst;
  for (int64_t r = 0; r < a.reduce; ++r) {
    for (int l = 0; l < kLines; ++l) {
      acc[l] = Op::next(acc[l], static_cast<A>(p[l * a.outer_stride + r * a.reduce_stride]));
      out[l * a.reduce + r] = static_cast<Out>(acc[l]);
    }
  }
}

template <class T, class A, class Out, class Op>
void scan(const ReduceArgs& a) {
  constexpr int64_t chunk = 256;
  A acc[chunk];
  if (a.inner == 1) {
    int64_t line = 0;
    for (; line + 4 <= a.outer; line += 4) scan_lines<4, T, A, Out, Op>(a, line);
    for (; line < a.outer; ++line) scan_lines<1, T, A, Out, Op>(a, line);
    return;
  }
  for (int64_t o = 0; o < a.outer; ++o) {
    const T* p = static_cast<const T*>(a.in) + o * a.outer_stride;
    Out* out = static_cast<Out*>(a.out) + o * a.reduce * a.inner;
    for (int64_t i = 0; i < a.inner; i += chunk) {
      int64_t n = a.inner - i < chunk ? a.inner - i : chunk;
      if (n == 1) {
        A sum = Op::kFirst;
        for (int64_t r = 0; r < a.reduce; ++r) {
          sum = Op::next(sum, static_cast<A>(p[r * a.reduce_stride + i * a.inner_stride]));
          out[r * a.inner + i] = static_cast<Out>(sum);
        }
        continue;
      }
      for (int64_t j = 0; j < n; ++j) acc[j] = Op::kFirst;
      for (int64_t r = 0; r < a.reduce; ++r) {
        const T* q = p + r * a.reduce_stride + i * a.inner_stride;
        Out* to = out + r * a.inner + i;
        for (int64_t j = 0; j < n; ++j) {
          acc[j] = Op::next(acc[j], static_cast<A>(q[j * a.inner_stride]));
          to[j] = static_cast<Out>(acc[j]);
        }
      }
    }
  }
}

template <class T, class A, class Out>
void fill_one(ReduceTable& t, DType d) {
  t.cumsum[static_cast<int>(d)] = scan<T, A, Out, Add>;
  t.cumprod[static_cast<int>(d)] = scan<T, A, Out, Multiply>;
}

}  // namespace

void fill_scan(ReduceTable& t) {
  fill_one<uint8_t, uint64_t, uint64_t>(t, DType::Bool);
  fill_one<uint8_t, uint64_t, uint64_t>(t, DType::UInt8);
  fill_one<int8_t, uint64_t, uint64_t>(t, DType::Int8);
  fill_one<int16_t, uint64_t, uint64_t>(t, DType::Int16);
  fill_one<int32_t, uint64_t, uint64_t>(t, DType::Int32);
  fill_one<int64_t, uint64_t, uint64_t>(t, DType::Int64);
  fill_one<float, double, float>(t, DType::Float32);
  fill_one<double, double, double>(t, DType::Float64);
}

}  // namespace pyforge::kernels::PF_ISA
