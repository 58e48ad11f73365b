// The two vectorised reductions everything else here is made of: over contiguous elements
// (row_reduce) and over rows of contiguous columns (column_reduce). Both add in a balanced tree
// over leaves of 64 steps, so the error of a sum grows with the logarithm of its length.
#pragma once
#include <cstdint>

#include "kernels/lanes.h"
#include "kernels/reduce.h"

namespace pyforge::kernels::PF_ISA {
namespace {

PF_INLINE float magnitude(float x) { return __builtin_fabsf(x); }
PF_INLINE double magnitude(double x) { return __builtin_fabs(x); }
template <class T>
PF_INLINE Vec<T> magnitude(Vec<T> x) {
  return abs(x);
}

// An operation: `map` of each element (with a parameter of its row or column), then `combine`.
// neutral(param) is an element that changes nothing. All work on scalars and on vectors.
struct SumOp {
  static constexpr bool kParam = false;
  static constexpr bool kShortScalar = true;  // fewer elements than lanes: one by one
  static constexpr int kTree = 8;  // elements combined before they join the running result
  static constexpr int kRowTree = 4;
  static constexpr bool kExtreme = false;  // combine() keeps NaN, pick() need not
  template <class V>
  static V map(V x, V) {
    return x;
  }
  template <class V>
  static V combine(V a, V b) {
    return a + b;
  }
  template <class T>
  static T neutral(T) {
    return T(0);
  }
};
struct SumSquaresOp : SumOp {
  template <class V>
  static V map(V x, V) {
    return x * x;
  }
};
struct SquaredDeviationOp : SumOp {
  static constexpr bool kParam = true;
  template <class V>
  static V map(V x, V mean) {
    return (x - mean) * (x - mean);
  }
  template <class T>
  static T neutral(T mean) {
    return mean;
  }
};
struct SumAbsOp : SumOp {
  template <class V>
  static PF_INLINE V map(V x, V) {
    return magnitude(x);
  }
};
struct ProdOp : SumOp {
  template <class V>
  static V map(V x, V) {
    return x;
  }
  template <class V>
  static V combine(V a, V b) {
    return a * b;
  }
  template <class T>
  static T neutral(T) {
    return T(1);
  }
};
// Of a NaN and a number pick() returns the first operand, in one instruction on x86.
struct MaxOp : SumOp {
  static constexpr bool kShortScalar = false;  // would branch on the values
  static constexpr int kRowTree = 8;
  static constexpr bool kExtreme = true;
  template <class V>
  static PF_INLINE V pick(V a, V b) {
    return where(b > a, b, a);
  }
  template <class V>
  static PF_INLINE V combine(V a, V b) {
    return where(b != b, b, pick(a, b));
  }
  template <class T>
  static T neutral(T) {
    return -static_cast<T>(__builtin_inf());
  }
};
struct MinOp : MaxOp {
  template <class V>
  static PF_INLINE V pick(V a, V b) {
    return where(b < a, b, a);
  }
  template <class V>
  static PF_INLINE V combine(V a, V b) {
    return where(b != b, b, pick(a, b));
  }
  template <class T>
  static T neutral(T) {
    return static_cast<T>(__builtin_inf());
  }
};
struct AbsMaxOp : MaxOp {
  template <class V>
  static V map(V x, V) {
    return where(x > V(0), x, V(0) - x);
  }
  template <class T>
  static T neutral(T) {
    return T(0);
  }
};

// Where there is no NaN.
template <class Op>
struct Picked {
  template <class V>
  static PF_INLINE V combine(V a, V b) {
    return Op::pick(a, b);
  }
};

inline constexpr int64_t kLeafSteps = 64;

// Lanes in which a NaN was seen.
template <class T>
struct NanLanes {
#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
  unsigned lanes = 0;
  PF_INLINE void look(Vec<T> a, Vec<T> b) {
    if constexpr (sizeof(T) == 4)
      lanes |= _mm512_cmp_ps_mask((__m512)a.v, (__m512)b.v, _CMP_UNORD_Q);
    else
      lanes |= _mm512_cmp_pd_mask((__m512d)a.v, (__m512d)b.v, _CMP_UNORD_Q);
  }
  PF_INLINE Vec<T> put(Vec<T> x) const {
    const Vec<T> nan = Fp<T>::kNan;
    if constexpr (sizeof(T) == 4)
      return Vec<T>::of(
          _mm512_mask_mov_ps((__m512)x.v, static_cast<__mmask16>(lanes), (__m512)nan.v));
    else
      return Vec<T>::of(
          _mm512_mask_mov_pd((__m512d)x.v, static_cast<__mmask8>(lanes), (__m512d)nan.v));
  }
#else
  Mask<T> lanes{};
  PF_INLINE void look(Vec<T> a, Vec<T> b) { lanes = lanes | unordered(a, b); }
  PF_INLINE Vec<T> put(Vec<T> x) const { return where(lanes, Vec<T>(Fp<T>::kNan), x); }
  static PF_INLINE Mask<T> unordered(Vec<T> a, Vec<T> b) {
#if defined(__AVX__) && PF_VECTOR_BYTES == 32
    if constexpr (sizeof(T) == 4)
      return Mask<T>::of(_mm256_cmp_ps((__m256)a.v, (__m256)b.v, _CMP_UNORD_Q));
    else
      return Mask<T>::of(_mm256_cmp_pd((__m256d)a.v, (__m256d)b.v, _CMP_UNORD_Q));
#elif defined(__SSE2__) && PF_VECTOR_BYTES == 16
    if constexpr (sizeof(T) == 4)
      return Mask<T>::of(_mm_cmpunord_ps((__m128)a.v, (__m128)b.v));
    else
      return Mask<T>::of(_mm_cmpunord_pd((__m128d)a.v, (__m128d)b.v));
#else
    return (a != a) | (b != b);
#endif
  }
#endif
};

template <class T, class Op, int R, class Get>
PF_INLINE Vec<T> extreme_tree(const Get& get, int first, NanLanes<T>& nan) {
  if constexpr (R == 2) {
    const Vec<T> a = get(first), b = get(first + 1);
    nan.look(a, b);
    return Op::pick(a, b);
  } else {
    const Vec<T> a = extreme_tree<T, Op, R / 2>(get, first, nan);
    return Op::pick(a, extreme_tree<T, Op, R / 2>(get, first + R / 2, nan));
  }
}

// Combines R vectors, get(0) ... get(R-1), as a balanced tree.
template <class T, class Op, int R, class Get>
PF_INLINE Vec<T> tree(const Get& get, int first = 0) {
  if constexpr (R == 1) {
    return get(first);
  } else if constexpr (Op::kExtreme) {
    NanLanes<T> nan;
    const Vec<T> best = extreme_tree<T, Op, R>(get, first, nan);
    return nan.put(best);
  } else {
    return Op::combine(tree<T, Op, R / 2>(get, first), tree<T, Op, R / 2>(get, first + R / 2));
  }
}

template <class T>
struct Quad {
  Vec<T> v[4];
};

// Four vectors per step.
template <class T, class Op>
PF_INLINE Quad<T> row_leaf(const T* p, int64_t steps, Vec<T> param) {
  constexpr int N = kLanes<T>, R = Op::kRowTree;
  Quad<T> acc;
  for (int k = 0; k < 4; ++k) acc.v[k] = Op::map(Op::neutral(param), param);
  int64_t s = 0;
  if constexpr (Op::kExtreme) {
    NanLanes<T> nan;
    const auto get = [&](int i) PF_LAMBDA { return Op::map(load(p + i * N), param); };
    for (; s + R <= steps; s += R, p += 4 * N * R) {
      for (int k = 0; k < 4; ++k)
        acc.v[k] = Op::pick(acc.v[k], extreme_tree<T, Op, R>(get, R * k, nan));
    }
    for (; s < steps; ++s, p += 4 * N) {
      for (int k = 0; k < 4; k += 2)
        acc.v[k] = Op::pick(acc.v[k], extreme_tree<T, Op, 2>(get, k, nan));
    }
    acc.v[0] = nan.put(acc.v[0]);
    return acc;
  }
  for (; s + R <= steps; s += R, p += 4 * N * R) {
    for (int k = 0; k < 4; ++k) {
      acc.v[k] = Op::combine(acc.v[k], tree<T, Op, R>([&](int r) {
                               return Op::map(load(p + (R * k + r) * N), param);
                             }));
    }
  }
  for (; s < steps; ++s, p += 4 * N) {
    for (int k = 0; k < 4; ++k) {
      acc.v[k] = Op::combine(acc.v[k], Op::map(load(p + k * N), param));
    }
  }
  return acc;
}

// The leaf on the left of a split is a power of two of full leaves.
inline int64_t left_part(int64_t steps) {
  int64_t left = kLeafSteps;
  while (left * 2 < steps) left *= 2;
  return left;
}

// Leaves are joined like the digits of a binary counter, which gives the same tree as halving at
// left_part() and no calls.
template <class T, class Op>
PF_NOINLINE Quad<T> row_tree(const T* p, int64_t steps, Vec<T> param) {
  Quad<T> pending[64];
  int depth = 0;
  const auto join = [&] {
    --depth;
    for (int k = 0; k < 4; ++k)
      pending[depth - 1].v[k] = Op::combine(pending[depth - 1].v[k], pending[depth].v[k]);
  };
  int64_t leaves = 0;
  for (int64_t s = 0; s < steps; s += kLeafSteps) {
    pending[depth++] = row_leaf<T, Op>(p + s * 4 * kLanes<T>,
                                       steps - s < kLeafSteps ? steps - s : kLeafSteps, param);
    for (int64_t n = ++leaves; n % 2 == 0; n /= 2) join();
  }
  while (depth > 1) join();
  return pending[0];
}

// Over p[0..n), contiguous; n may be 0.
template <class T, class Op>
inline T row_reduce(const T* p, int64_t n, T param) {
  constexpr int N = kLanes<T>;
  if (n < N) {
    T neutral = Op::neutral(param);
    if (n == 0) return across<Op>(Op::map(Vec<T>(neutral), Vec<T>(param)))[0];
    if constexpr (!Op::kShortScalar) {
      return across<Op>(Op::map(load_filled<T>(p, n, neutral), Vec<T>(param)))[0];
    } else {
      T r = Op::map(p[0], param);
      for (int64_t i = 1; i < n; ++i) r = Op::combine(r, Op::map(p[i], param));
      return r;
    }
  }
  Vec<T> vparam = Vec<T>(param), v;
  int64_t i;
  if (n < 4 * N) {
    v = Op::map(load(p), vparam);
    i = N;
  } else {
    int64_t steps = n / (4 * N);
    Quad<T> acc =
        steps <= kLeafSteps ? row_leaf<T, Op>(p, steps, vparam) : row_tree<T, Op>(p, steps, vparam);
    v = Op::combine(Op::combine(acc.v[0], acc.v[1]), Op::combine(acc.v[2], acc.v[3]));
    i = steps * 4 * N;
  }
  for (; i + N <= n; i += N) v = Op::combine(v, Op::map(load(p + i), vparam));
  if (i < n) {
    // The last N elements, those already counted made neutral.
    Vec<T> last = keep_last(load(p + n - N), static_cast<int>(n - i), Vec<T>(Op::neutral(param)));
    v = Op::combine(v, Op::map(last, vparam));
  }
  if constexpr (Op::kExtreme) {
    return any(v != v) ? Fp<T>::kNan : across<Picked<Op>>(v)[0];
  } else {
    return across<Op>(v)[0];
  }
}

inline constexpr int kColumnVectors = 64;

// Up to kColumnVectors vectors of columns; the last vector overlaps the one before it unless the
// number of columns is a multiple of the lanes.
template <class T>
struct Columns {
  const T* p;
  int64_t stride;  // between rows
  int64_t count;   // columns, at least the number of lanes
  const T* param;  // one per column, or null
  int vectors() const { return static_cast<int>((count + kLanes<T> - 1) / kLanes<T>); }
  int64_t offset(int j) const {
    int64_t at = int64_t{j} * kLanes<T>;
    return at + kLanes<T> <= count ? at : count - kLanes<T>;
  }
};

template <class T, class Op, int R>
PF_INLINE void column_group(Vec<T>* acc, const Columns<T>& c, int64_t row) {
  const T* p = c.p + row * c.stride;
  int vectors = c.vectors();
  for (int j = 0; j < vectors; ++j) {
    int64_t at = c.offset(j);
    Vec<T> param = Op::kParam ? load(c.param + at) : Vec<T>(T(0));
    acc[j] = Op::combine(
        acc[j], tree<T, Op, R>([&](int r) { return Op::map(load(p + r * c.stride + at), param); }));
  }
}

template <class T, class Op>
PF_INLINE void column_leaf(Vec<T>* acc, const Columns<T>& c, int64_t row, int64_t rows) {
  int vectors = c.vectors();
  for (int j = 0; j < vectors; ++j) {
    Vec<T> param = Op::kParam ? load(c.param + c.offset(j)) : Vec<T>(T(0));
    acc[j] = Op::map(Op::neutral(param), param);
  }
  int64_t end = row + rows;
  for (; row + Op::kTree <= end; row += Op::kTree) column_group<T, Op, Op::kTree>(acc, c, row);
  if constexpr (Op::kTree > 2) {
    for (; row + 2 <= end; row += 2) column_group<T, Op, 2>(acc, c, row);
  }
  for (; row < end; ++row) column_group<T, Op, 1>(acc, c, row);
}

// rows >= 1; acc[j] is the result of the columns from c.offset(j).
template <class T, class Op>
PF_NOINLINE void column_tree(Vec<T>* acc, const Columns<T>& c, int64_t row, int64_t rows) {
  if (rows <= kLeafSteps) return column_leaf<T, Op>(acc, c, row, rows);
  int64_t left = left_part(rows);
  Vec<T> right[kColumnVectors];
  column_tree<T, Op>(acc, c, row, left);
  column_tree<T, Op>(right, c, row + left, rows - left);
  int vectors = c.vectors();
  for (int j = 0; j < vectors; ++j) acc[j] = Op::combine(acc[j], right[j]);
}

// Fewer columns than lanes: whole vectors are read where they stay inside the rows' extent.
template <class T>
struct NarrowColumns {
  const T* p;
  int64_t stride, count, whole_rows;
  Vec<T> param;
  PF_INLINE Vec<T> row(int64_t r) const {
    const T* q = p + r * stride;
    return r < whole_rows ? load(q) : load_rest(q, static_cast<int>(count));
  }
};

template <class T, class Op>
PF_NOINLINE Vec<T> narrow_tree(const NarrowColumns<T>& c, int64_t row, int64_t rows) {
  if (rows > kLeafSteps) {
    int64_t left = left_part(rows);
    Vec<T> a = narrow_tree<T, Op>(c, row, left);
    return Op::combine(a, narrow_tree<T, Op>(c, row + left, rows - left));
  }
  int64_t end = row + rows;
  Vec<T> acc = Op::map(c.row(row), c.param);
  for (++row; row < end;) {
    constexpr int R = Op::kTree;
    if (row + R <= end && row + R <= c.whole_rows) {
      const T* p = c.p + row * c.stride;
      acc = Op::combine(
          acc, tree<T, Op, R>([&](int r) { return Op::map(load(p + r * c.stride), c.param); }));
      row += R;
    } else {
      acc = Op::combine(acc, Op::map(c.row(row), c.param));
      ++row;
    }
  }
  return acc;
}

// out[j] over rows >= 1 of p[row * stride + j], j in [0, count); param is one per column or null.
template <class T, class Op>
PF_NOINLINE void column_reduce(T* out, const T* p, int64_t rows, int64_t stride, int64_t count,
                               const T* param) {
  constexpr int N = kLanes<T>;
  if (count < N) {
    int64_t whole = 0;
    int64_t extent = (rows - 1) * stride + count;
    if (stride > 0 && extent >= N) whole = (extent - N) / stride + 1;
    NarrowColumns<T> c{p, stride, count, whole < rows ? whole : rows,
                       param ? load_rest(param, static_cast<int>(count)) : Vec<T>(T(0))};
    store_rest(out, narrow_tree<T, Op>(c, 0, rows), static_cast<int>(count));
    return;
  }
  constexpr int64_t chunk = int64_t{kColumnVectors} * N;
  Vec<T> acc[kColumnVectors];
  for (int64_t at = 0; at < count; at += chunk) {
    if (count - at < N) at = count - N;
    Columns<T> c{p + at, stride, count - at < chunk ? count - at : chunk,
                 param ? param + at : param};
    column_tree<T, Op>(acc, c, 0, rows);
    for (int j = 0; j < c.vectors(); ++j) store(out + at + c.offset(j), acc[j]);
  }
}

// out [outer, inner], contiguous, from [outer, reduce, inner]; param is one per inner or null.
template <class T, class Op>
PF_NOINLINE void reduce_any(T* out, const T* in, const ReduceArgs& a, const T* param) {
  bool rows = a.reduce_stride == 1 || a.reduce <= 1;
  for (int64_t o = 0; o < a.outer; ++o) {
    const T* p = in + o * a.outer_stride;
    if (!rows && a.inner_stride == 1) {
      column_reduce<T, Op>(out + o * a.inner, p, a.reduce, a.reduce_stride, a.inner, param);
      continue;
    }
    for (int64_t i = 0; i < a.inner; ++i) {
      const T* q = p + i * a.inner_stride;
      T* to = out + o * a.inner + i;
      if (rows) {
        *to = row_reduce<T, Op>(q, a.reduce, param ? param[i] : T(0));
      } else {
        column_reduce<T, Op>(to, q, a.reduce, a.reduce_stride, 1, param ? param + i : param);
      }
    }
  }
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
