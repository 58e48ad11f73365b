// Mean and squared deviations in two passes over blocks that stay in the cache, joined by Chan's
// formula; log-sum-exp.
#include "kernels/exp_nonpositive.h"
#include "kernels/math.h"
#include "kernels/reduce_core.h"
#include "kernels/reduce_parts.h"

namespace pyforge::kernels::PF_ISA {
namespace {

constexpr int64_t kChunk = 512;

// Reductions with inner == 1 become reductions with outer == 1, and columns of contiguous elements
// are taken few enough at a time to be still in the cache in the second pass.
struct Chunks {
  ReduceArgs a;
  int64_t columns;
  explicit Chunks(const ReduceArgs& args) : a(args), columns(kChunk) {
    if (a.inner == 1) {
      a.inner = a.outer;
      a.inner_stride = a.outer_stride;
      a.outer = 1;
    }
    if (a.reduce_stride == 1 && a.reduce > 32) {
      columns = kReduceBlock / 2 / a.reduce;
      columns = columns < 1 ? 1 : columns < kChunk ? columns : kChunk;
    }
  }
  // Some rows and columns of one outer index.
  ReduceArgs part(int64_t rows, int64_t count) const {
    ReduceArgs b = a;
    b.outer = 1;
    b.reduce = rows;
    b.inner = count;
    return b;
  }
  // step(offset into in, offset into out, columns)
  template <class Step>
  PF_INLINE void each(const Step& step) const {
    for (int64_t o = 0; o < a.outer; ++o) {
      for (int64_t i = 0; i < a.inner; i += columns) {
        step(o * a.outer_stride + i * a.inner_stride, o * a.inner + i,
             a.inner - i < columns ? a.inner - i : columns);
      }
    }
  }
};

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

template <class T>
void moments_columns(const T* p, const Chunks& chunks, int64_t columns, T* mean, T* m2) {
  T block_mean[kChunk], block_m2[kChunk];
  Moments joined[kChunk];
  int64_t rows = chunks.a.reduce;
  for (int64_t r = 0; r < rows; r += kReduceBlock) {
    int64_t n = rows - r < kReduceBlock ? rows - r : kReduceBlock;
    const T* q = p + r * chunks.a.reduce_stride;
    ReduceArgs block = chunks.part(n, columns);
    T* to_mean = rows <= kReduceBlock ? mean : block_mean;
    T* to_m2 = rows <= kReduceBlock ? m2 : block_m2;
    sum_of(to_mean, q, block);
    for (int64_t j = 0; j < columns; ++j) to_mean[j] /= static_cast<T>(n);
    if (m2) reduce_any<T, SquaredDeviationOp>(to_m2, q, block, to_mean);
    if (rows <= kReduceBlock) return;
    for (int64_t j = 0; j < columns; ++j) {
      if (r == 0) joined[j] = Moments{0, 0, 0};
      joined[j].join(static_cast<double>(n), block_mean[j], m2 ? block_m2[j] : 0);
    }
  }
  for (int64_t j = 0; j < columns; ++j) {
    mean[j] = rows ? static_cast<T>(joined[j].mean) : static_cast<T>(__builtin_nan(""));
    if (m2) m2[j] = rows ? static_cast<T>(joined[j].m2) : T(0);
  }
}

template <class T>
void moments(const ReduceArgs& a, void* mean, void* m2) {
  Chunks chunks(a);
  chunks.each([&](int64_t in, int64_t out, int64_t columns) {
    moments_columns<T>(static_cast<const T*>(a.in) + in, chunks, columns,
                       static_cast<T*>(mean) + out, m2 ? static_cast<T*>(m2) + out : nullptr);
  });
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
  static constexpr bool kShortScalar = false;
  static constexpr int kTree = 1, kRowTree = 1;
  template <class V>
  static PF_INLINE V map(V x, V most) {
    return exp_nonpositive(x - most);
  }
  template <class V>
  static PF_INLINE V neutral(V) {
    return -__builtin_inff();
  }
};

template <class T>
void logsumexp(const ReduceArgs& a) {
  T most[kChunk], sum[kChunk];
  Chunks chunks(a);
  chunks.each([&](int64_t in, int64_t at, int64_t columns) {
    const T* p = static_cast<const T*>(a.in) + in;
    T* out = static_cast<T*>(a.out) + at;
    ReduceArgs part = chunks.part(a.reduce, columns);
    max_of(most, p, part);
    reduce_any<T, ExpSumOp>(sum, p, part, most);
    for_each_vector<T>(columns, [&](auto place) PF_LAMBDA {
      // An infinite maximum is the result; its inf - inf is not.
      Vec<T> largest = place.load(most), result = largest + log(place.load(sum));
      place.store(out, where(abs(largest) == Fp<T>::kInf, largest, result));
    });
  });
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
