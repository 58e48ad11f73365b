#include "autograd/anomaly.h"

#include <algorithm>

#include "core/threads.h"
#include "kernels/dispatch.h"
#include "ops/ops.h"

namespace pyforge {
namespace {

constexpr int64_t kGrain = 65536, kMostParts = 64;

}  // namespace

kernels::Finiteness finiteness(const Tensor& t) {
  if (!t.defined() || !is_floating(t.dtype()) || t.numel() == 0) return kernels::kFinite;
  GradModeGuard off(false);
  Tensor run = t;
  if (t.dtype() != DType::Float32 && t.dtype() != DType::Float64)
    run = ops::to(alias(t), DType::Float32);
  if (!run.is_contiguous()) run = ops::contiguous(alias(run));
  auto kernel = kernels::active().stats.finiteness[run.dtype() == DType::Float64];
  const int64_t n = run.numel(), size = static_cast<int64_t>(itemsize(run.dtype()));
  if (n <= kGrain) return static_cast<kernels::Finiteness>(kernel(run->data, n));
  const int64_t part = std::max(kGrain, (n + kMostParts - 1) / kMostParts);
  const int64_t parts = (n + part - 1) / part;
  int worst[kMostParts] = {};
  parallel_for(parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t k = first; k < last; ++k)
      worst[k] = kernel(run->data + k * part * size, std::min(part, n - k * part));
  });
  return static_cast<kernels::Finiteness>(*std::max_element(worst, worst + parts));
}

}  // namespace pyforge
