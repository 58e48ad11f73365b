// Reductions of integers and bool, and Any and All of every type.
#include "kernels/lanes.h"
#include "kernels/reduce_parts.h"

namespace pyforge::kernels::PF_ISA {
namespace {

// A is the type of the result; integers wrap around.
struct Sum {
  template <class A>
  static A first() {
    return 0;
  }
  template <class A>
  static A next(A a, A x) {
    return a + x;
  }
};
struct Prod {
  template <class A>
  static A first() {
    return 1;
  }
  template <class A>
  static A next(A a, A x) {
    return a * x;
  }
};
struct Max {
  template <class A>
  static A first() {
    return is_signed<A> ? static_cast<A>(A(1) << (sizeof(A) * 8 - 1)) : A(0);
  }
  template <class A>
  static A next(A a, A x) {
    return a > x ? a : x;
  }
};
struct Min {
  template <class A>
  static A first() {
    return static_cast<A>(~Max::first<A>());
  }
  template <class A>
  static A next(A a, A x) {
    return a < x ? a : x;
  }
};
struct Any {
  static constexpr int kDecided = 1;
  template <class A>
  static A first() {
    return 0;
  }
  template <class A>
  static A next(A a, A x) {
    return a | x;
  }
};
struct All {
  static constexpr int kDecided = 0;
  template <class A>
  static A first() {
    return 1;
  }
  template <class A>
  static A next(A a, A x) {
    return a & x;
  }
};

// As a number, or for Any and All as "is not zero".
template <class Op, class A, class T>
PF_INLINE A element(T x) {
  if constexpr (requires { Op::kDecided; })
    return x != T(0);
  else
    return static_cast<A>(x);
}

constexpr int64_t kWidth = 256;

template <class T, class A, class Op>
PF_NOINLINE void accumulate(A* __restrict acc, const T* p, int64_t n) {
  for (int64_t j = 0; j < n; ++j) acc[j] = Op::next(acc[j], element<Op, A>(p[j]));
}

// The empty statement keeps this loop short: the compiler must not vectorise it.
template <class T, class A, class Op>
PF_NOINLINE A one_by_one(const T* p, int64_t n, int64_t stride) {
  A result = Op::template first<A>();
  for (int64_t i = 0; i < n; ++i) {
    result = Op::next(result, element<Op, A>(*p));
    p += stride;
    asm volatile("" : "+r"(i));
  }
  return result;
}

// Rows of up to kWidth elements are reduced as columns, then their result by halves.
template <class T, class A, class Op>
PF_NOINLINE A contiguous(const T* p, int64_t n) {
  A acc[kWidth];
  int64_t width = n < 8 * kWidth ? kWidth / 8 : kWidth;
  for (int64_t j = 0; j < width; ++j) acc[j] = Op::template first<A>();
  int64_t i = 0;
  for (; i + width <= n; i += width) {
    accumulate<T, A, Op>(acc, p + i, width);
    if constexpr (requires { Op::kDecided; }) {
      if (i % (16 * kWidth) == 0) {
        A so_far = one_by_one<A, A, Op>(acc, width, 1);
        if (so_far == Op::kDecided) return so_far;
      }
    }
  }
  accumulate<T, A, Op>(acc, p + i, n - i);
  for (; width > 4; width /= 2) accumulate<A, A, Op>(acc, acc + width / 2, width / 2);
  return one_by_one<A, A, Op>(acc, width, 1);
}

template <class T, class A, class Op>
void reduce(const ReduceArgs& a) {
  for (int64_t o = 0; o < a.outer; ++o) {
    const T* p = static_cast<const T*>(a.in) + o * a.outer_stride;
    A* out = static_cast<A*>(a.out) + o * a.inner;
    constexpr bool vectorised = !same_type<Op, Prod>;
    if (vectorised && a.inner_stride == 1 && a.inner > 1 && a.reduce_stride != 1) {
      for (int64_t j = 0; j < a.inner; ++j) out[j] = Op::template first<A>();
      for (int64_t i = 0; i < a.inner; i += kWidth) {
        int64_t n = a.inner - i < kWidth ? a.inner - i : kWidth;
        for (int64_t r = 0; r < a.reduce; ++r) {
          accumulate<T, A, Op>(out + i, p + r * a.reduce_stride + i, n);
        }
      }
      continue;
    }
    for (int64_t i = 0; i < a.inner; ++i) {
      const T* q = p + i * a.inner_stride;
      out[i] = vectorised && a.reduce_stride == 1 && a.reduce >= kWidth / 4
                   ? contiguous<T, A, Op>(q, a.reduce)
                   : one_by_one<T, A, Op>(q, a.reduce, a.reduce_stride);
    }
  }
}

void set(ReduceTable& t, Reduce op, DType d, ReduceFn f) {
  t.reduce[static_cast<int>(op)][static_cast<int>(d)] = f;
}

// Truth of an integer asks for its bits alone, so signed and unsigned share the code.
template <class Bits>
void fill_truth(ReduceTable& t, DType d) {
  set(t, Reduce::Any, d, reduce<Bits, uint8_t, Any>);
  set(t, Reduce::All, d, reduce<Bits, uint8_t, All>);
}

template <class T, class Bits>
void fill_integer(ReduceTable& t, DType d) {
  set(t, Reduce::Sum, d, reduce<T, uint64_t, Sum>);
  set(t, Reduce::Prod, d, reduce<T, uint64_t, Prod>);
  set(t, Reduce::Max, d, reduce<T, T, Max>);
  set(t, Reduce::Min, d, reduce<T, T, Min>);
  fill_truth<Bits>(t, d);
}

}  // namespace

void fill_reduce_integer(ReduceTable& t) {
  fill_integer<uint8_t, uint8_t>(t, DType::Bool);
  fill_integer<uint8_t, uint8_t>(t, DType::UInt8);
  fill_integer<int8_t, uint8_t>(t, DType::Int8);
  fill_integer<int16_t, uint16_t>(t, DType::Int16);
  fill_integer<int32_t, uint32_t>(t, DType::Int32);
  fill_integer<int64_t, uint64_t>(t, DType::Int64);
  fill_truth<float>(t, DType::Float32);
  fill_truth<double>(t, DType::Float64);
}

}  // namespace pyforge::kernels::PF_ISA
