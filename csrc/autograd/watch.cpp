#include "autograd/watch.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/threads.h"
#include "kernels/dispatch.h"
#include "ops/ops.h"

namespace pyforge {
namespace {

constexpr int64_t kGrain = 16384, kMostParts = 64;
constexpr int64_t kWhole = 65536, kBlock = 4096, kPhases = 4;  // of sampled gradients
constexpr uint64_t kHistogramEvery = 8;
constexpr int64_t kHistogramRuns = 16, kHistogramRun = 128;

int variant(const Tensor& t) { return t.dtype() == DType::Float64; }

// Stops at the first element that is not zero, so only a zeroed gradient is read in full.
bool all_zero(const Tensor& t) {
  if (!t.is_contiguous() || is_half(t.dtype()))
    return ops::item(ops::count_nonzero(t, std::nullopt)).to_double() == 0;
  const char* p = t->data;
  const uint64_t mask = t.dtype() == DType::Float32 ? 0x7fffffff7fffffffu : ~(uint64_t{1} << 63);
  size_t bytes = static_cast<size_t>(t.numel()) * itemsize(t.dtype());
  for (; bytes >= 8; bytes -= 8, p += 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    if (word & mask) return false;  // the sign of a zero does not count
  }
  if (!bytes) return true;
  uint32_t last;  // one float32
  std::memcpy(&last, p, 4);
  return (last & 0x7fffffffu) == 0;
}

// Evenly spread runs of elements stand for a long tensor.
void count_exponents(GradientWatch& w, const Tensor& t) {
  auto kernel = kernels::active().stats.exponents[variant(t)];
  int64_t n = t.numel(), size = static_cast<int64_t>(itemsize(t.dtype()));
  uint32_t bins[kernels::kExponentBins] = {};
  if (n <= kHistogramRuns * kHistogramRun) {
    kernel(t->data, n, bins);
  } else {
    int64_t apart = (n - kHistogramRun) / (kHistogramRuns - 1);
    for (int64_t k = 0; k < kHistogramRuns; ++k)
      kernel(t->data + k * apart * size, kHistogramRun, bins);
  }
  std::copy(std::begin(bins), std::end(bins), std::begin(w.bins));  // at most 2048 each
}

// Elements on the diagonals of the matrix [size(0), rest] that are not finite.
template <class T>
int64_t bad_on_diagonals(const Tensor& t) {
  const T* p = t.data<T>();
  int64_t rows = t.size(0), columns = t.numel() / rows, bad = 0;
  for (int64_t i = 0, row = 0, column = 0; i < std::max(rows, columns); ++i) {
    bad += !std::isfinite(p[row * columns + column]);
    if (++row == rows) row = 0;
    if (++column == columns) column = 0;
  }
  return bad;
}

}  // namespace

namespace {

void add(kernels::GradientStats& all, const kernels::GradientStats& part) {
  all.sum_squares += part.sum_squares;
  all.max_abs = std::max(all.max_abs, part.max_abs);
  all.zeros += part.zeros;
  all.tiny += part.tiny;
  all.non_finite += part.non_finite;
}

// Of `parts` ranges, chosen by the size alone: the same bits for any number of threads.
template <class OfPart>
kernels::GradientStats over_parts(int64_t parts, const OfPart& of_part) {
  kernels::GradientStats found[kMostParts] = {};
  parallel_for(parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t k = first; k < last; ++k) of_part(k, &found[k]);
  });
  kernels::GradientStats all{};
  for (int64_t k = 0; k < parts; ++k) add(all, found[k]);
  return all;
}

// Every kPhases-th block, from block `phase` on; *count: their elements.
kernels::GradientStats sampled_stats(const Tensor& t, int64_t phase, int64_t* count) {
  auto kernel = kernels::active().stats.gradient[variant(t)];
  int64_t n = t.numel(), size = static_cast<int64_t>(itemsize(t.dtype()));
  int64_t blocks = (n + kBlock - 1) / kBlock;
  int64_t chosen = (blocks - phase + kPhases - 1) / kPhases;
  int64_t run = std::max<int64_t>(4, (chosen + kMostParts - 1) / kMostParts);
  auto first_of = [&](int64_t k) { return (phase + k * kPhases) * kBlock; };
  *count = (chosen - 1) * kBlock + std::min(kBlock, n - first_of(chosen - 1));
  return over_parts((chosen + run - 1) / run, [&](int64_t part, kernels::GradientStats* out) {
    for (int64_t k = part * run; k < std::min(chosen, (part + 1) * run); ++k)
      kernel(t->data + first_of(k) * size, std::min(kBlock, n - first_of(k)), out);
  });
}

}  // namespace

kernels::GradientStats gradient_stats(const Tensor& t) {
  auto kernel = kernels::active().stats.gradient[variant(t)];
  int64_t n = t.numel(), size = static_cast<int64_t>(itemsize(t.dtype()));
  int64_t part = std::max(kGrain, (n + kMostParts - 1) / kMostParts / 64 * 64 + 64);
  return over_parts(std::max<int64_t>(1, (n + part - 1) / part),
                    [&](int64_t k, kernels::GradientStats* out) {
                      kernel(t->data + k * part * size, std::min(part, n - k * part), out);
                    });
}

namespace {
uint32_t last_turn = 0;
}

void begin_watch(GradientWatch& w, const Tensor& grad) {
  bool fresh = !grad.defined() || all_zero(grad);
  if (fresh)
    w.carried = false;
  else if (w.stepped)
    w.carried = true;
  w.passes = fresh ? 1 : w.passes + 1;
  w.stepped = false;
  ++w.arrivals;
  w.turn = ++last_turn;
}

void end_watch(GradientWatch& w, const Tensor& grad) {
  if (!grad.is_contiguous() || is_half(grad.dtype()))
    return end_watch(w, ops::contiguous(ops::widened(alias(grad))));
  w.count = w.total = grad.numel();
  if (w.total <= kWhole || w.exact || w.arrivals <= 1)
    w.stats = gradient_stats(grad);
  else {
    w.stats = sampled_stats(grad, static_cast<int64_t>(w.arrivals) % kPhases, &w.count);
    if (!w.stats.non_finite)
      w.stats.non_finite =
          variant(grad) ? bad_on_diagonals<double>(grad) : bad_on_diagonals<float>(grad);
  }
  if (w.arrivals % kHistogramEvery == 1) count_exponents(w, grad);
}

}  // namespace pyforge
