#include "autograd/watch.h"

#include <algorithm>
#include <cstring>

#include "core/threads.h"
#include "kernels/dispatch.h"
#include "ops/ops.h"

namespace pyforge {
namespace {

constexpr int64_t kGrain = 16384, kMostParts = 64;
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
  std::fill(std::begin(w.bins), std::end(w.bins), 0u);
  if (n <= kHistogramRuns * kHistogramRun) {
    kernel(t->data, n, w.bins);
    w.sampled = static_cast<uint32_t>(n);
    return;
  }
  int64_t apart = (n - kHistogramRun) / (kHistogramRuns - 1);
  for (int64_t k = 0; k < kHistogramRuns; ++k)
    kernel(t->data + k * apart * size, kHistogramRun, w.bins);
  w.sampled = static_cast<uint32_t>(kHistogramRuns * kHistogramRun);
}

}  // namespace

kernels::GradientStats gradient_stats(const Tensor& t) {
  auto kernel = kernels::active().stats.gradient[variant(t)];
  int64_t n = t.numel(), size = static_cast<int64_t>(itemsize(t.dtype()));
  // At most kMostParts ranges, chosen by the size alone: the same bits for any number of threads.
  int64_t part = std::max(kGrain, (n + kMostParts - 1) / kMostParts / 64 * 64 + 64);
  int64_t parts = std::max<int64_t>(1, (n + part - 1) / part);
  kernels::GradientStats of_part[kMostParts] = {};
  parallel_for(parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t k = first; k < last; ++k)
      kernel(t->data + k * part * size, std::min(part, n - k * part), &of_part[k]);
  });
  kernels::GradientStats all{};
  for (int64_t k = 0; k < parts; ++k) {
    all.sum_squares += of_part[k].sum_squares;
    all.max_abs = std::max(all.max_abs, of_part[k].max_abs);
    all.zeros += of_part[k].zeros;
    all.tiny += of_part[k].tiny;
    all.non_finite += of_part[k].non_finite;
  }
  return all;
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
}

void end_watch(GradientWatch& w, const Tensor& grad) {
  Tensor run = ops::widened(alias(grad));
  if (!run.is_contiguous()) run = ops::contiguous(run);
  w.count = run.numel();
  w.stats = gradient_stats(run);
  count_exponents(w, run);
}

}  // namespace pyforge
