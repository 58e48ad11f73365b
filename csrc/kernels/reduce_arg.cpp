// Positions of extremes: the first one, a NaN before everything else.
#include "kernels/reduce_core.h"
#include "kernels/reduce_parts.h"

namespace pyforge::kernels::PF_ISA {
namespace {

template <class T, bool kMax>
inline auto better(T x, T best) {
  if constexpr (kMax) {
    return (!(x <= best)) & (best == best);
  } else {
    return (!(x >= best)) & (best == best);
  }
}

template <class T, bool kMax>
inline void one(const T* p, int64_t n, int64_t stride, T* value, int64_t* index) {
  T best = p[0];
  int64_t at = 0;
  for (int64_t i = 1; i < n; ++i) {
    T x = p[i * stride];
    if (better<T, kMax>(x, best)) best = x, at = i;
  }
  *index = at;
  *value = best;
}

// The extreme of each chunk first, then its place within the best chunk.
template <class T, bool kMax>
void one_contiguous(const T* p, int64_t n, T* value, int64_t* index) {
  using Op = typename Choice<kMax, MaxOp, MinOp>::Type;
  constexpr int N = kLanes<T>, kVectors = 16;
  if (n < 2 * N) return one<T, kMax>(p, n, 1, value, index);
  Vec<T> best = Op::neutral(T(0));
  int64_t at = 0, i = 0;
  bool nan = false;
  const auto meet = [&](Vec<T> x) PF_LAMBDA {
    if (!any(better<Vec<T>, kMax>(x, best))) return;
    best = across<Op>(x);
    at = i;
    nan = best[0] != best[0];
  };
  for (; i + kVectors * N <= n && !nan; i += kVectors * N)
    meet(tree<T, Op, kVectors>([&](int k) PF_LAMBDA { return load(p + i + k * N); }));
  if (i < n && !nan) {
    Vec<T> x = load(p + n - N);  // may overlap
    for (int64_t k = i; k + N <= n; k += N) x = Op::combine(x, load(p + k));
    meet(x);
  }
  for (; at + N < n; at += N) {
    Vec<T> x = load(p + at);
    if (any(nan ? x != x : x == best)) break;
  }
  while (!(nan ? p[at] != p[at] : p[at] == best[0])) ++at;
  *value = p[at];
  *index = at;
}

// kVectors vectors of columns side by side.
template <class T, bool kMax, int kVectors>
PF_INLINE void column_group(const T* p, int64_t rows, int64_t stride, T* value, int64_t* index) {
  constexpr int N = kLanes<T>;
  using Index = IndexOf<T>;
  Vec<T> best[kVectors];
  Vec<Index> at[kVectors];
  for (int k = 0; k < kVectors; ++k) best[k] = load(p + k * N), at[k] = Vec<Index>(Index(0));
  for (int64_t r = 1; r < rows; ++r) {
    const Vec<Index> row = static_cast<Index>(r);
    for (int k = 0; k < kVectors; ++k) {
      Vec<T> x = load(p + r * stride + k * N);
      Mask<T> take = better<Vec<T>, kMax>(x, best[k]);
      best[k] = where(take, x, best[k]);
      at[k] = where(mask_cast<Index>(take), row, at[k]);
    }
  }
  for (int k = 0; k < kVectors; ++k) {
    if (value) store(value + k * N, best[k]);
    for (int i = 0; i < N; ++i) index[k * N + i] = at[k][i];
  }
}

template <class T, bool kMax>
void columns(const T* p, int64_t rows, int64_t stride, int64_t count, T* value, int64_t* index) {
  constexpr int N = kLanes<T>, kWide = 4;
  int64_t j = 0;
  for (; j + kWide * N <= count; j += kWide * N)
    column_group<T, kMax, kWide>(p + j, rows, stride, value ? value + j : value, index + j);
  for (; j < count; j += N) {
    if (count - j < N) j = count - N;
    column_group<T, kMax, 1>(p + j, rows, stride, value ? value + j : value, index + j);
  }
}

template <class T, bool kMax>
void arg_reduce(const ArgReduceArgs& a) {
  for (int64_t o = 0; o < a.outer; ++o) {
    const T* p = static_cast<const T*>(a.in) + o * a.outer_stride;
    T* value = a.value ? static_cast<T*>(a.value) + o * a.inner : nullptr;
    int64_t* index = a.index + o * a.inner;
    if constexpr (is_float<T>) {
      if (a.inner_stride == 1 && a.inner >= kLanes<T> && a.reduce_stride != 1 &&
          a.reduce <= INT32_MAX) {
        columns<T, kMax>(p, a.reduce, a.reduce_stride, a.inner, value, index);
        continue;
      }
    }
    for (int64_t i = 0; i < a.inner; ++i) {
      const T* q = p + i * a.inner_stride;
      T extreme;
      if constexpr (is_float<T>) {
        if (a.reduce_stride == 1) {
          one_contiguous<T, kMax>(q, a.reduce, &extreme, index + i);
        } else {
          one<T, kMax>(q, a.reduce, a.reduce_stride, &extreme, index + i);
        }
      } else {
        one<T, kMax>(q, a.reduce, a.reduce_stride, &extreme, index + i);
      }
      if (value) value[i] = extreme;
    }
  }
}

template <class T>
void fill_one(ReduceTable& t, DType d) {
  t.argmax[static_cast<int>(d)] = arg_reduce<T, true>;
  t.argmin[static_cast<int>(d)] = arg_reduce<T, false>;
}

}  // namespace

void fill_arg_reduce(ReduceTable& t) {
  fill_one<uint8_t>(t, DType::Bool);
  fill_one<uint8_t>(t, DType::UInt8);
  fill_one<int8_t>(t, DType::Int8);
  fill_one<int16_t>(t, DType::Int16);
  fill_one<int32_t>(t, DType::Int32);
  fill_one<int64_t>(t, DType::Int64);
  fill_one<float>(t, DType::Float32);
  fill_one<double>(t, DType::Float64);
}

}  // namespace pyforge::kernels::PF_ISA
