#include "ops/dense.h"

#include <algorithm>
#include <cmath>

#include "ops/gemm_driver.h"

namespace pyforge {
namespace {

constexpr int64_t kBlock = 32, kStrip = 128;

// C[m, n] -= A[m, k] B[k, n]
template <class T>
void subtract_product(int64_t m, int64_t n, int64_t k, Place<T> a, Place<T> b, Place<T> c) {
  if (m == 0 || n == 0 || k == 0) return;
  gemm(dtype_of<T>::value, {m, n, k, a.data, a.row, a.col, b.data, b.row, b.col, c.data, c.row,
                            c.col, -1.0, 1.0, nullptr, 0, kernels::Epilogue::None});
}

// y[first..last) -= factor * x[first..last)
template <class T>
void subtract(T* __restrict y, T factor, const T* __restrict x, int64_t first, int64_t last) {
  for (int64_t c = first; c < last; ++c) y[c] -= factor * x[c];
}

}  // namespace

template <class T>
void substitute(Place<T> a, int64_t n, T* x, int64_t k, bool upper, bool unit) {
  Place<T> rows{x, k, 1};
  for (int64_t done = 0; done < n; done += kBlock) {
    int64_t size = std::min(kBlock, n - done), first = upper ? n - done - size : done;
    int64_t other = upper ? first + size : 0;
    subtract_product(size, k, done, a.at(first, other), rows.at(other, 0), rows.at(first, 0));
    for (int64_t step = 0; step < size; ++step) {
      int64_t i = upper ? first + size - 1 - step : first + step;
      T* y = x + i * k;
      for (int64_t j = upper ? i + 1 : first; j < (upper ? first + size : i); ++j)
        subtract(y, a(i, j), x + j * k, 0, k);
      if (unit) continue;
      T pivot = a(i, i);
      for (int64_t c = 0; c < k; ++c) y[c] /= pivot;
    }
  }
}

template <class T>
int32_t lu_in_place(T* data, int64_t m, int64_t n, int32_t* pivots, bool pivot) {
  Place<T> a{data, n, 1};
  int64_t k = std::min(m, n);
  int32_t info = 0;
  for (int64_t first = 0; first < k; first += kBlock) {
    int64_t last = std::min(first + kBlock, k);
    for (int64_t j = first; j < last; ++j) {
      int64_t best = j;
      for (int64_t i = j + 1; pivot && i < m; ++i)
        if (std::abs(a(i, j)) > std::abs(a(best, j))) best = i;
      pivots[j] = static_cast<int32_t>(best + 1);
      if (best != j) std::swap_ranges(&a(j, 0), &a(j, 0) + n, &a(best, 0));
      T head = a(j, j);
      if (head == 0) {
        if (!info) info = static_cast<int32_t>(j + 1);
        continue;
      }
      for (int64_t i = j + 1; i < m; ++i) {
        a(i, j) /= head;
        subtract(&a(i, 0), a(i, j), &a(j, 0), j + 1, last);
      }
    }
    for (int64_t i = first; i < last; ++i)
      for (int64_t j = first; j < i; ++j) subtract(&a(i, 0), a(i, j), &a(j, 0), last, n);
    subtract_product(m - last, n - last, last - first, a.at(last, first), a.at(first, last),
                     a.at(last, last));
  }
  return info;
}

template <class T>
void lu_substitute(const T* lu, const int32_t* pivots, int64_t n, T* x, int64_t k,
                   bool transposed) {
  Place<T> a{const_cast<T*>(lu), n, 1};
  auto exchange = [&](int64_t i) {
    int64_t other = pivots[i] - 1;
    if (other != i) std::swap_ranges(x + i * k, x + (i + 1) * k, x + other * k);
  };
  if (transposed) {
    substitute(a.transposed(), n, x, k, false, false);
    substitute(a.transposed(), n, x, k, true, true);
    for (int64_t i = n - 1; i >= 0; --i) exchange(i);
    return;
  }
  for (int64_t i = 0; i < n; ++i) exchange(i);
  substitute(a, n, x, k, false, true);
  substitute(a, n, x, k, true, false);
}

template <class T>
int32_t cholesky_in_place(T* data, int64_t n) {
  Place<T> a{data, n, 1};
  for (int64_t first = 0; first < n; first += kBlock) {
    int64_t last = std::min(first + kBlock, n);
    for (int64_t j = first; j < last; ++j) {
      if (!(a(j, j) > 0) || std::isinf(a(j, j))) return static_cast<int32_t>(j + 1);
      T head = a(j, j) = std::sqrt(a(j, j));
      for (int64_t c = j + 1; c < n; ++c) a(j, c) /= head;
      for (int64_t i = j + 1; i < last; ++i) subtract(&a(i, 0), a(j, i), &a(j, 0), i, n);
    }
    // Strips of rows, each from its diagonal on.
    for (int64_t row = last; row < n; row += kStrip)
      subtract_product(std::min(kStrip, n - row), n - row, last - first,
                       a.at(first, row).transposed(), a.at(first, row), a.at(row, row));
  }
  return 0;
}

#define PF_INSTANTIATE(T)                                                               \
  template void substitute<T>(Place<T>, int64_t, T*, int64_t, bool, bool);              \
  template int32_t lu_in_place<T>(T*, int64_t, int64_t, int32_t*, bool);                \
  template void lu_substitute<T>(const T*, const int32_t*, int64_t, T*, int64_t, bool); \
  template int32_t cholesky_in_place<T>(T*, int64_t);
PF_INSTANTIATE(float)
PF_INSTANTIATE(double)

}  // namespace pyforge
