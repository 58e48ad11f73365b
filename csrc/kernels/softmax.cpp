// Softmax, log-softmax and cross-entropy. The largest element is subtracted first, so nothing
// overflows and the sum of the exponentials lies between 1 and the number of columns.
#include "kernels/exp_nonpositive.h"
#include "kernels/row_core.h"
#include "kernels/row_parts.h"

namespace pyforge::kernels::PF_ISA {
namespace {

template <class T>
PF_INLINE T log_of(double x) {
  return log(Vec<T>(static_cast<T>(x)))[0];
}

// The sum of exp(x - largest), which are stored to y if kStore.
template <class T, bool kStore>
PF_NOINLINE double exponentials(T* y, const T* x, T largest, int64_t cols) {
  double sum;
  row_sums<T, 1, 2>(&sum, cols, [&](auto place) PF_LAMBDA {
    Vec<T> e = exp_nonpositive(place.load(x) - largest);
    if constexpr (kStore) place.store(y, e);
    return Terms<T, 1>{{e}};
  });
  return sum;
}

// The largest of n >= 1 elements; where there is a NaN, any of them, for the sum will be NaN.
template <class T>
PF_INLINE T row_peak(const T* p, int64_t n) {
  constexpr int N = kLanes<T>;
  if (n < N) {
    return across<MaxLanes>(load_filled<T>(p, n, Vec<T>(-static_cast<T>(__builtin_inff()))))[0];
  }
  Vec<T> a = load(p), b = load(p + n - N);  // the last vector may overlap
  int64_t i = N;
  for (; i + 2 * N <= n; i += 2 * N) {
    a = at_least(load(p + i), a);
    b = at_least(load(p + i + N), b);
  }
  if (i + N <= n) a = at_least(load(p + i), a);
  return across<MaxLanes>(at_least(a, b))[0];
}

// Rows taken together: what is done once per row then overlaps, and logarithms fill a vector. As
// many as a part of the first-level cache holds.
template <class T>
PF_INLINE int64_t rows_together(int64_t cols) {
  constexpr int64_t kBytes = 4 << 10;  // of each array: a part of the first-level cache
  const int64_t fit = kBytes / (cols * static_cast<int64_t>(sizeof(T)));
  return fit < 1 ? 1 : fit < kLanes<T> ? fit : kLanes<T>;
}

// step(r, count) for each block of `count` rows from r on.
template <class T, class Step>
PF_INLINE void for_each_block(int64_t rows, int64_t cols, const Step& step) {
  if (cols <= 0) return;
  const int64_t block = rows_together<T>(cols);
  for (int64_t r = 0; r < rows; r += block) step(r, rows - r < block ? rows - r : block);
}

template <class T>
void softmax(void* out, const void* in, int64_t rows, int64_t cols) {
  T most[kLanes<T>], factor[kLanes<T>];
  for_each_block<T>(rows, cols, [&](int64_t first, int64_t count) PF_LAMBDA {
    const T* x = static_cast<const T*>(in) + first * cols;
    T* y = static_cast<T*>(out) + first * cols;
    for (int64_t r = 0; r < count; ++r) most[r] = row_peak(x + r * cols, cols);
    for (int64_t r = 0; r < count; ++r) {
      factor[r] =
          static_cast<T>(1 / exponentials<T, true>(y + r * cols, x + r * cols, most[r], cols));
    }
    for (int64_t r = 0; r < count; ++r) {
      const Vec<T> f = factor[r];
      T* row = y + r * cols;
      for_each_vector<T>(cols,
                         [&](auto place) PF_LAMBDA { place.store(row, place.load(row) * f); });
    }
  });
}

template <class T>
void log_softmax(void* out, const void* in, int64_t rows, int64_t cols) {
  T most[kLanes<T>], log_sum[kLanes<T>] = {};
  for_each_block<T>(rows, cols, [&](int64_t first, int64_t count) PF_LAMBDA {
    const T* x = static_cast<const T*>(in) + first * cols;
    T* y = static_cast<T*>(out) + first * cols;
    for (int64_t r = 0; r < count; ++r) most[r] = row_peak(x + r * cols, cols);
    for (int64_t r = 0; r < count; ++r) {
      log_sum[r] = static_cast<T>(exponentials<T, false>(nullptr, x + r * cols, most[r], cols));
    }
    store(log_sum, log(load(log_sum)));
    for (int64_t r = 0; r < count; ++r) {
      const Vec<T> largest = most[r], shift = log_sum[r];
      const T* from = x + r * cols;
      T* to = y + r * cols;
      for_each_vector<T>(cols, [&](auto place) PF_LAMBDA {
        place.store(to, (place.load(from) - largest) - shift);
      });
    }
  });
}

template <class T>
PF_NOINLINE bool all_zero(const T* g, int64_t cols) {
  Mask<T> other = first_lanes<T>(0);
  for_each_vector<T>(cols, [&](auto place) PF_LAMBDA { other = other | ~(place.load(g) == 0); });
  return !any(other);
}
template <class T>
PF_INLINE void fill_zeros(T* out, int64_t cols) {
  __builtin_memset(out, 0, static_cast<size_t>(cols) * sizeof(T));
}

// The derivatives add up term(gradient, result) over a row; slope(gradient, result, sum) follows.
// silent: whether the sum may be that of a row without a gradient, which passes none on, even if
// its values are NaN (docs/singular_points.md).
struct SoftmaxSlope {
  template <class V>
  static PF_INLINE V term(V g, V y) {
    return g * y;
  }
  static PF_INLINE bool silent(double sum) { return sum != sum; }
  template <class V>
  static PF_INLINE V slope(V g, V y, V sum) {
    return y * (g - sum);
  }
};
struct LogSoftmaxSlope {
  template <class V>
  static PF_INLINE V term(V g, V) {
    return g;
  }
  static PF_INLINE bool silent(double sum) { return sum == 0; }
  template <class V>
  static PF_INLINE V slope(V g, V y, V sum) {
    return g - exp_nonpositive(y) * sum;
  }
};

template <class T, class Slope>
void rows_backward(void* out, const void* grad, const void* y_in, int64_t rows, int64_t cols) {
  double sums[kLanes<T>];
  for_each_block<T>(rows, cols, [&](int64_t first, int64_t count) PF_LAMBDA {
    for (int64_t r = 0; r < count; ++r) {
      const T* y = static_cast<const T*>(y_in) + (first + r) * cols;
      const T* g = static_cast<const T*>(grad) + (first + r) * cols;
      row_sums<T, 1>(sums + r, cols, [&](auto place) PF_LAMBDA {
        return Terms<T, 1>{{Slope::term(place.load(g), place.load(y))}};
      });
    }
    for (int64_t r = 0; r < count; ++r) {
      const T* y = static_cast<const T*>(y_in) + (first + r) * cols;
      const T* g = static_cast<const T*>(grad) + (first + r) * cols;
      T* dx = static_cast<T*>(out) + (first + r) * cols;
      if (__builtin_expect(Slope::silent(sums[r]), 0) && all_zero(g, cols)) {
        fill_zeros(dx, cols);
        continue;
      }
      const Vec<T> sum = static_cast<T>(sums[r]);
      for_each_vector<T>(cols, [&](auto place) PF_LAMBDA {
        place.store(dx, Slope::slope(place.load(g), place.load(y), sum));
      });
    }
  });
}

template <class T>
void cross_entropy(void* loss, void* largest, void* log_sum, const void* in, const int64_t* target,
                   int64_t ignore, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; ++r) {
    T value = 0, most = 0, log_of_sum = 0;
    if (target[r] != ignore) {
      const T* x = static_cast<const T*>(in) + r * cols;
      most = row_peak(x, cols);
      log_of_sum = log_of<T>(exponentials<T, false>(nullptr, x, most, cols));
      value = log_of_sum - (x[target[r]] - most);
    }
    static_cast<T*>(loss)[r] = value;
    static_cast<T*>(largest)[r] = most;
    static_cast<T*>(log_sum)[r] = log_of_sum;
  }
}

template <class T>
void cross_entropy_backward(void* out, const void* grad, int64_t g_stride, const void* in,
                            const void* largest, const void* log_sum, const int64_t* target,
                            int64_t ignore, int64_t rows, int64_t cols, bool stream) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = static_cast<const T*>(in) + r * cols;
    T* dx = static_cast<T*>(out) + r * cols;
    T g = static_cast<const T*>(grad)[r * g_stride];
    if (target[r] == ignore || g == 0) {
      fill_zeros(dx, cols);
      continue;
    }
    Vec<T> most = static_cast<const T*>(largest)[r], shift = static_cast<const T*>(log_sum)[r];
    Vec<T> factor = g;
    const auto step = [&](auto place) PF_LAMBDA {
      place.store(dx, factor * exp_nonpositive((place.load(x) - most) - shift));
    };
    if (stream) {
      for_each_streamed<T>(dx, cols, step);
    } else {
      for_each_vector<T>(cols, step);
    }
    const T at_target = g * exp_nonpositive((Vec<T>(x[target[r]]) - most) - shift)[0];
    dx[target[r]] = at_target - g;
  }
  if (stream) finish_streaming();
}

template <class T>
void fill(RowTable& t, int d) {
  t.softmax[d] = softmax<T>;
  t.log_softmax[d] = log_softmax<T>;
  t.softmax_backward[d] = rows_backward<T, SoftmaxSlope>;
  t.log_softmax_backward[d] = rows_backward<T, LogSoftmaxSlope>;
  t.cross_entropy[d] = cross_entropy<T>;
  t.cross_entropy_backward[d] = cross_entropy_backward<T>;
}

}  // namespace

void fill_softmax(RowTable& t) {
  fill<float>(t, 0);
  fill<double>(t, 1);
}

}  // namespace pyforge::kernels::PF_ISA
