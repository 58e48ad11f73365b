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

template <class T>
void softmax(void* out, const void* in, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows && cols > 0; ++r) {
    const T* x = static_cast<const T*>(in) + r * cols;
    T* y = static_cast<T*>(out) + r * cols;
    Vec<T> factor = static_cast<T>(1 / exponentials<T, true>(y, x, row_max(x, cols), cols));
    for_each_vector<T>(cols, [&](auto place) PF_LAMBDA { place.store(y, place.load(y) * factor); });
  }
}

template <class T>
void log_softmax(void* out, const void* in, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows && cols > 0; ++r) {
    const T* x = static_cast<const T*>(in) + r * cols;
    T* y = static_cast<T*>(out) + r * cols;
    T most = row_max(x, cols);
    Vec<T> largest = most;
    Vec<T> log_sum = log_of<T>(exponentials<T, false>(nullptr, x, most, cols));
    for_each_vector<T>(
        cols, [&](auto place) PF_LAMBDA { place.store(y, (place.load(x) - largest) - log_sum); });
  }
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

// A row without a gradient passes none on, even if its values are NaN (docs/singular_points.md).
template <class T>
void softmax_backward(void* out, const void* grad, const void* y_in, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* y = static_cast<const T*>(y_in) + r * cols;
    const T* g = static_cast<const T*>(grad) + r * cols;
    T* dx = static_cast<T*>(out) + r * cols;
    double dot;
    row_sums<T, 1>(&dot, cols, [&](auto place) PF_LAMBDA {
      return Terms<T, 1>{{place.load(g) * place.load(y)}};
    });
    if (__builtin_expect(dot != dot, 0) && all_zero(g, cols)) {
      fill_zeros(dx, cols);
      continue;
    }
    Vec<T> mean = static_cast<T>(dot);
    for_each_vector<T>(cols, [&](auto place) PF_LAMBDA {
      place.store(dx, place.load(y) * (place.load(g) - mean));
    });
  }
}

template <class T>
void log_softmax_backward(void* out, const void* grad, const void* y_in, int64_t rows,
                          int64_t cols) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* y = static_cast<const T*>(y_in) + r * cols;
    const T* g = static_cast<const T*>(grad) + r * cols;
    T* dx = static_cast<T*>(out) + r * cols;
    double total;
    row_sums<T, 1>(&total, cols,
                   [&](auto place) PF_LAMBDA { return Terms<T, 1>{{place.load(g)}}; });
    if (__builtin_expect(total == 0, 0) && all_zero(g, cols)) {
      fill_zeros(dx, cols);
      continue;
    }
    Vec<T> sum = static_cast<T>(total);
    for_each_vector<T>(cols, [&](auto place) PF_LAMBDA {
      place.store(dx, place.load(g) - exp_nonpositive(place.load(y)) * sum);
    });
  }
}

template <class T>
void cross_entropy(void* loss, void* largest, void* log_sum, const void* in, const int64_t* target,
                   int64_t ignore, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; ++r) {
    T value = 0, most = 0, log_of_sum = 0;
    if (target[r] != ignore) {
      const T* x = static_cast<const T*>(in) + r * cols;
      most = row_max(x, cols);
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
  t.softmax_backward[d] = softmax_backward<T>;
  t.log_softmax_backward[d] = log_softmax_backward<T>;
  t.cross_entropy[d] = cross_entropy<T>;
  t.cross_entropy_backward[d] = cross_entropy_backward<T>;
}

}  // namespace

void fill_softmax(RowTable& t) {
  fill<float>(t, 0);
  fill<double>(t, 1);
}

}  // namespace pyforge::kernels::PF_ISA
