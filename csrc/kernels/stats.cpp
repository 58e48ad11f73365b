// Statistics of gradients and activations.
#include "kernels/stats.h"

#include "kernels/lanes.h"

namespace pyforge::kernels::PF_ISA {
namespace {

template <class T>
PF_INLINE Vec<IndexOf<T>> ones_where(Mask<T> m) {
  return Vec<IndexOf<T>>::of(m.m);  // -1 in each lane that holds
}
template <class T>
PF_INLINE int64_t total(Vec<T> x) {
  int64_t sum = 0;
  for (int i = 0; i < x.kLanes; ++i) sum += static_cast<int64_t>(x[i]);
  return sum;
}
PF_INLINE double total(Vec<double> x) {
  double sum = 0;
  for (int i = 0; i < x.kLanes; ++i) sum += x[i];
  return sum;
}

PF_INLINE void add_squares(Vec<float> x, Vec<double>& a, Vec<double>& b) {
  const Vec<double> low = to_double(x, 0), high = to_double(x, 1);
  a = fma(low, low, a);
  b = fma(high, high, b);
}
PF_INLINE void add_squares(Vec<double> x, Vec<double>& a, Vec<double>&) { a = fma(x, x, a); }

PF_INLINE void add_values(Vec<float> x, Vec<double>& a, Vec<double>& b) {
  a = a + to_double(x, 0);
  b = b + to_double(x, 1);
}
PF_INLINE void add_values(Vec<double> x, Vec<double>& a, Vec<double>&) { a = a + x; }

template <class T>
void gradient(const void* x, int64_t n, GradientStats* stats) {
  using Count = Vec<IndexOf<T>>;
  const T* p = static_cast<const T*>(x);
  Vec<double> squares_a = 0, squares_b = 0;
  Vec<T> largest = 0;
  Count zeros = 0, tiny = 0, finite = 0;
  const Vec<T> limit = static_cast<T>(1e-8), infinity = Fp<T>::kInf;
  for_each_vector<T>(n, [&](auto place) {
    const Vec<T> v = place.load(p), size = abs(v);
    add_squares(v, squares_a, squares_b);
    largest = where(size > largest, size, largest);
    zeros = zeros - ones_where<T>(size == 0);
    tiny = tiny - ones_where<T>(size < limit);
    finite = finite - ones_where<T>(size < infinity);
  });
  const int64_t padding = (kLanes<T> - n % kLanes<T>) % kLanes<T>;
  stats->sum_squares += total(squares_a + squares_b);
  for (int i = 0; i < kLanes<T>; ++i)
    if (static_cast<double>(largest[i]) > stats->max_abs)
      stats->max_abs = static_cast<double>(largest[i]);
  stats->zeros += total(zeros) - padding;
  stats->tiny += total(tiny) - padding;
  stats->non_finite += n + padding - total(finite);
}

template <class T>
int finiteness(const void* x, int64_t n) {
  const T* p = static_cast<const T*>(x);
  const Vec<T> infinity = Fp<T>::kInf;
  Mask<T> bad = first_lanes<T>(0), nan = first_lanes<T>(0);
  for_each_vector<T>(n, [&](auto place) PF_LAMBDA {
    const Vec<T> v = place.load(p);
    bad = bad | ~(abs(v) < infinity);
    nan = nan | (v != v);
  });
  return any(nan) ? kNan : any(bad) ? kInfinite : kFinite;
}

template <class T>
void exponents(const void* x, int64_t n, uint32_t* bins) {
  using B = Bits<T>;
  constexpr int kShift = Fp<T>::kMantissa;
  constexpr int kOffset = static_cast<int>(Fp<T>::kBias) - 51;
  const T* p = static_cast<const T*>(x);
  for (int64_t i = 0; i < n; ++i) {
    B word;
    __builtin_memcpy(&word, p + i, sizeof(T));
    int bin = static_cast<int>((word & ~Fp<T>::kSign) >> kShift) - kOffset;
    bin = bin < 0 ? 0 : bin >= kExponentBins ? kExponentBins - 1 : bin;
    ++bins[bin];
  }
}

template <class T>
void activation(const void* x, int64_t rows, int64_t stride, int64_t columns, double lower,
                double upper, uint8_t* active, int64_t tracked, ActivationStats* stats) {
  using Count = Vec<IndexOf<T>>;
  const T* p = static_cast<const T*>(x);
  const Vec<T> lo = static_cast<T>(lower), hi = static_cast<T>(upper), infinity = Fp<T>::kInf;
  Vec<double> sum_a = 0, sum_b = 0, squares_a = 0, squares_b = 0;
  Count zeros = 0, low = 0, high = 0, finite = 0;
  for_each_vector<T>(columns, [&](auto place) {
    Mask<T> moved = first_lanes<T>(0);
    for (int64_t r = 0; r < rows; ++r) {
      const Vec<T> v = place.load(p + r * stride);
      const Mask<T> is_zero = v == 0, is_low = v<lo, is_high = v> hi;
      add_values(v, sum_a, sum_b);
      add_squares(v, squares_a, squares_b);
      zeros = zeros - ones_where<T>(is_zero);
      low = low - ones_where<T>(is_low);
      high = high - ones_where<T>(is_high);
      finite = finite - ones_where<T>(abs(v) < infinity);
      moved = moved | ~(is_zero | is_low | is_high);
    }
    const int64_t end = place.at + kLanes<T> < tracked ? place.at + kLanes<T> : tracked;
    for (int64_t j = place.at; active && j < end; ++j) active[j] |= moved.m[j - place.at] != 0;
  });
  // The lanes beyond the last column hold zeros.
  const int64_t padding = rows * ((kLanes<T> - columns % kLanes<T>) % kLanes<T>);
  stats->sum += total(sum_a + sum_b);
  stats->sum_squares += total(squares_a + squares_b);
  stats->count += rows * columns;
  stats->zeros += total(zeros) - padding;
  stats->low += total(low) - (lower > 0 ? padding : 0);
  stats->high += total(high) - (upper < 0 ? padding : 0);
  stats->non_finite += rows * columns + padding - total(finite);
}

template <class T>
void fill_one(StatsTable& t, int d) {
  t.finiteness[d] = finiteness<T>;
  t.gradient[d] = gradient<T>;
  t.exponents[d] = exponents<T>;
  t.activation[d] = activation<T>;
}

}  // namespace

void fill_stats(StatsTable& t) {
  fill_one<float>(t, 0);
  fill_one<double>(t, 1);
}

}  // namespace pyforge::kernels::PF_ISA
