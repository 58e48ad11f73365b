// Softmax and log-softmax of lines that lie across memory: each lane treats one column. A column's
// result depends on the column alone, so columns may be split at will.
#include "kernels/exp_nonpositive.h"
#include "kernels/math.h"
#include "kernels/reduce_core.h"
#include "kernels/row_parts.h"

namespace pyforge::kernels::PF_ISA {
namespace {

// Columns treated together, so that what is kept per column stays in the first-level cache.
inline constexpr int kMost = kColumnVectors;

// sums[j] = the sum of term(place, r * stride) over the rows: leaves of kLeafSteps rows, whose sums
// are added with compensation.
template <class T, class Term>
PF_INLINE void column_sums(Vec<T>* sums, int64_t rows, int64_t stride, int64_t count,
                           const Term& term) {
  Vec<T> leaf[kMost], lost[kMost];
  const int vectors = static_cast<int>((count + kLanes<T> - 1) / kLanes<T>);
  for (int j = 0; j < vectors; ++j) sums[j] = lost[j] = Vec<T>(T(0));
  for (int64_t first = 0; first < rows; first += kLeafSteps) {
    const int64_t end = rows - first < kLeafSteps ? rows : first + kLeafSteps;
    for (int j = 0; j < vectors; ++j) leaf[j] = Vec<T>(T(0));
    for (int64_t r = first; r < end; ++r) {
      for_each_vector<T>(count, [&](auto place) PF_LAMBDA {
        Vec<T>& sum = leaf[place.at / kLanes<T>];
        sum = sum + term(place, r * stride);
      });
    }
    for (int j = 0; j < vectors; ++j) {
      const Vec<T> total = sums[j] + leaf[j], added = total - sums[j];
      lost[j] = lost[j] + ((sums[j] - (total - added)) + (leaf[j] - added));
      sums[j] = total;
    }
  }
  for (int j = 0; j < vectors; ++j) {  // an infinite sum has lost NaN
    const Vec<T> mended = sums[j] + lost[j];
    sums[j] = where(lost[j] == lost[j], mended, sums[j]);
  }
}

template <class T, class Step>
PF_INLINE void for_each_place(int64_t rows, int64_t stride, int64_t count, const Step& step) {
  for (int64_t r = 0; r < rows; ++r)
    for_each_vector<T>(count, [&](auto place) PF_LAMBDA { step(place, r * stride); });
}

// f(first, count) for blocks of at most kMost vectors.
template <class T, class F>
PF_INLINE void for_each_block(int64_t count, const F& f) {
  constexpr int64_t kBlock = int64_t{kMost} * kLanes<T>;
  for (int64_t at = 0; at < count; at += kBlock) f(at, count - at < kBlock ? count - at : kBlock);
}

template <class T, bool kLog>
void forward(void* out, const void* in, int64_t rows, int64_t stride, int64_t cols) {
  for_each_block<T>(cols, [&](int64_t at, int64_t count) {
    const T* x = static_cast<const T*>(in) + at;
    T* y = static_cast<T*>(out) + at;
    alignas(kVectorBytes) T most[kMost * kLanes<T>];
    Vec<T> sums[kMost];
    column_reduce<T, MaxOp>(most, x, rows, stride, count, nullptr);
    column_sums<T>(sums, rows, stride, count, [&](auto place, int64_t row) PF_LAMBDA {
      const Vec<T> e = exp_nonpositive(place.load(x + row) - place.load(most));
      if constexpr (!kLog) place.store(y + row, e);
      return e;
    });
    const int vectors = static_cast<int>((count + kLanes<T> - 1) / kLanes<T>);
    for (int j = 0; j < vectors; ++j) sums[j] = kLog ? log(sums[j]) : 1 / sums[j];
    for_each_place<T>(rows, stride, count, [&](auto place, int64_t row) PF_LAMBDA {
      const Vec<T> sum = sums[place.at / kLanes<T>];
      if constexpr (kLog)
        place.store(y + row, (place.load(x + row) - place.load(most)) - sum);
      else
        place.store(y + row, place.load(y + row) * sum);
    });
  });
}

// A column without a gradient passes none on, even if its values are NaN (docs/singular_points.md).
template <class T, bool kLog>
PF_NOINLINE void clear_masked(T* dx, const T* g, const Vec<T>* sums, int64_t rows, int64_t stride,
                              int64_t count) {
  constexpr int L = kLanes<T>;
  for (int64_t at = 0; at < count; at += L) {
    const int lanes = count - at < L ? static_cast<int>(count - at) : L;
    const Vec<T> sum = sums[at / L];
    Mask<T> masked = first_lanes<T>(lanes) & (kLog ? sum == T(0) : sum != sum);
    const auto clear = [&](auto place) {
      for (int64_t r = 0; r < rows && any(masked); ++r)
        masked = masked & (place.load(g + r * stride) == T(0));
      for (int64_t r = 0; r < rows && any(masked); ++r)
        place.store(dx + r * stride, where(masked, Vec<T>(T(0)), place.load(dx + r * stride)));
    };
    if (lanes == L)
      clear(Whole{at});
    else
      clear(Rest{at, lanes});
  }
}

template <class T, bool kLog>
void backward(void* out, const void* grad, const void* y_in, int64_t rows, int64_t stride,
              int64_t cols) {
  for_each_block<T>(cols, [&](int64_t at, int64_t count) {
    const T *g = static_cast<const T*>(grad) + at, *y = static_cast<const T*>(y_in) + at;
    T* dx = static_cast<T*>(out) + at;
    Vec<T> sums[kMost];
    column_sums<T>(sums, rows, stride, count, [&](auto place, int64_t row) PF_LAMBDA {
      const Vec<T> vg = place.load(g + row);
      if constexpr (kLog)
        return vg;
      else
        return vg * place.load(y + row);
    });
    for_each_place<T>(rows, stride, count, [&](auto place, int64_t row) PF_LAMBDA {
      const Vec<T> sum = sums[place.at / kLanes<T>], vg = place.load(g + row),
                   vy = place.load(y + row);
      if constexpr (kLog)
        place.store(dx + row, vg - exp_nonpositive(vy) * sum);
      else
        place.store(dx + row, vy * (vg - sum));
    });
    clear_masked<T, kLog>(dx, g, sums, rows, stride, count);
  });
}

template <class T>
void fill(RowTable& t, int d) {
  t.softmax_columns[d] = forward<T, false>;
  t.log_softmax_columns[d] = forward<T, true>;
  t.softmax_backward_columns[d] = backward<T, false>;
  t.log_softmax_backward_columns[d] = backward<T, true>;
}

}  // namespace

void fill_softmax_columns(RowTable& t) {
  fill<float>(t, 0);
  fill<double>(t, 1);
}

}  // namespace pyforge::kernels::PF_ISA
