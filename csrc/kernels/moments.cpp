// Mean and squared deviations in two passes over blocks that stay in the cache, joined by Chan's
// formula; log-sum-exp.
#include "kernels/math.h"
#include "kernels/reduce_core.h"
#include "kernels/reduce_parts.h"

namespace pyforge::kernels::PF_ISA {
namespace {

constexpr int64_t kChunk = 512;

// The moments so far of one column.
struct Moments {
  double count, mean, m2;
  void join(double n, double other_mean, double other_m2) {
    double total = count + n, delta = other_mean - mean;
    m2 += other_m2 + delta * delta * (count * n / total);
    mean += delta * (n / total);
    count = total;
  }
};

// Some rows and columns of one outer index of `a`.
ReduceArgs part(const ReduceArgs& a, int64_t rows, int64_t columns) {
  ReduceArgs b = a;
  b.outer = 1;
  b.reduce = rows;
  b.inner = columns;
  return b;
}

template <class T>
void moments_columns(const T* p, const ReduceArgs& a, int64_t columns, T* mean, T* m2) {
  T block_mean[kChunk], block_m2[kChunk];
  Moments joined[kChunk];
  for (int64_t r = 0; r < a.reduce; r += kReduceBlock) {
    int64_t n = a.reduce - r < kReduceBlock ? a.reduce - r : kReduceBlock;
    const T* q = p + r * a.reduce_stride;
    ReduceArgs block = part(a, n, columns);
    sum_of(block_mean, q, block);
    for (int64_t j = 0; j < columns; ++j) {
      block_mean[j] = static_cast<T>(block_mean[j] / static_cast<double>(n));
    }
    if (m2) reduce_any<T, SquaredDeviationOp>(block_m2, q, block, block_mean);
    for (int64_t j = 0; j < columns; ++j) {
      if (r == 0) joined[j] = Moments{0, 0, 0};
      joined[j].join(static_cast<double>(n), block_mean[j], m2 ? block_m2[j] : 0);
    }
  }
  for (int64_t j = 0; j < columns; ++j) {
    mean[j] = a.reduce ? static_cast<T>(joined[j].mean) : static_cast<T>(__builtin_nan(""));
    if (m2) m2[j] = a.reduce ? static_cast<T>(joined[j].m2) : T(0);
  }
}

template <class T>
void moments(const ReduceArgs& a, void* mean, void* m2) {
  for (int64_t o = 0; o < a.outer; ++o) {
    for (int64_t i = 0; i < a.inner; i += kChunk) {
      int64_t columns = a.inner - i < kChunk ? a.inner - i : kChunk, at = o * a.inner + i;
      const T* p = static_cast<const T*>(a.in) + o * a.outer_stride + i * a.inner_stride;
      moments_columns<T>(p, a, columns, static_cast<T*>(mean) + at,
                         m2 ? static_cast<T*>(m2) + at : nullptr);
    }
  }
}

template <class T>
void merge_moments(const void* mean, const void* m2, int64_t reduce, int64_t inner, void* mean_out,
                   void* m2_out) {
  for (int64_t j = 0; j < inner; ++j) {
    const T* block_mean = static_cast<const T*>(mean) + j;
    const T* block_m2 = static_cast<const T*>(m2) + j;
    Moments joined{};
    for (int64_t r = 0; r < reduce; r += kReduceBlock) {
      int64_t n = reduce - r < kReduceBlock ? reduce - r : kReduceBlock;
      joined.join(static_cast<double>(n), *block_mean, *block_m2);
      block_mean += inner;
      block_m2 += inner;
    }
    static_cast<T*>(mean_out)[j] = static_cast<T>(joined.mean);
    static_cast<T*>(m2_out)[j] = static_cast<T>(joined.m2);
  }
}

struct ExpSumOp : SumOp {
  static constexpr bool kParam = true;
  static constexpr int kTree = 1;
  static constexpr bool kVectorOnly = true;
  template <class V> static PF_INLINE V map(V x, V most) { return exp(x - most); }
  template <class V> static PF_INLINE V neutral(V) { return -__builtin_inff(); }
};

template <class T> void logsumexp(const ReduceArgs& a) {
  T most[kChunk], sum[kChunk];
  for (int64_t o = 0; o < a.outer; ++o) {
    for (int64_t i = 0; i < a.inner; i += kChunk) {
      int64_t columns = a.inner - i < kChunk ? a.inner - i : kChunk;
      const T* p = static_cast<const T*>(a.in) + o * a.outer_stride + i * a.inner_stride;
      T* out = static_cast<T*>(a.out) + o * a.inner + i;
      ReduceArgs chunk = part(a, a.reduce, columns);
      max_of(most, p, chunk);
      // An infinite maximum would make inf - inf of the elements that equal it.
      for (int64_t j = 0; j < columns; ++j) {
        if (__builtin_isinf(most[j])) most[j] = 0;
      }
      reduce_any<T, ExpSumOp>(sum, p, chunk, most);
      for (int64_t j = 0; j < columns; ++j) {
        out[j] = most[j] + static_cast<T>(__builtin_log(static_cast<double>(sum[j])));
      }
    }
  }
}

}  // namespace

void fill_moments(ReduceTable& t) {
  t.moments[0] = moments<float>;
  t.moments[1] = moments<double>;
  t.merge_moments[0] = merge_moments<float>;
  t.merge_moments[1] = merge_moments<double>;
  t.logsumexp[0] = logsumexp<float>;
  t.logsumexp[1] = logsumexp<double>;
}

}  // namespace pyforge::kernels::PF_ISA
