// Statistics of gradients and activations for diagnosis, one pass each. [0] float32, [1] float64.
#pragma once
#include <cstdint>

namespace pyforge::kernels {

inline constexpr int kExponentBins = 64;

struct GradientStats {
  double sum_squares, max_abs;      // max_abs passes over NaN
  int64_t zeros, tiny, non_finite;  // tiny: |x| < 1e-8, zeros among them
};

struct ActivationStats {
  double sum, sum_squares;
  int64_t count, zeros, low, high, non_finite;  // low: x < the lower bound; high: x > the upper
};

// What an array holds at worst.
enum Finiteness : int { kFinite = 0, kInfinite = 1, kNan = 2 };

struct StatsTable {
  int (*finiteness[2])(const void* x, int64_t n);
  // Adds to *stats.
  void (*gradient[2])(const void* x, int64_t n, GradientStats* stats);
  // Adds to bins: bin 0 counts |x| < 2^-50, bin k 2^(k-51) <= |x| < 2^(k-50), the last one all
  // above and what is not finite.
  void (*exponents[2])(const void* x, int64_t n, uint32_t* bins);
  // Adds to *stats over rows of `columns` contiguous elements, `stride` elements apart. active[j]
  // (may be null; `tracked` of them) becomes 1 where column j has a value that is neither zero nor
  // beyond the bounds.
  void (*activation[2])(const void* x, int64_t rows, int64_t stride, int64_t columns, double lower,
                        double upper, uint8_t* active, int64_t tracked, ActivationStats* stats);
};

}  // namespace pyforge::kernels
