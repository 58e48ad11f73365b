#include "ops/optim.h"

#include <algorithm>
#include <vector>

#include "kernels/dispatch.h"
#include "ops/basic.h"

namespace pyforge::ops {

FlatRun::FlatRun(const Tensor& t) {
  if (!t.defined()) return;
  target_ = t.get();
  if (is_half(t.dtype())) copy_ = widened(alias(t));
  if (!t.is_contiguous()) copy_ = contiguous(copy_.defined() ? copy_ : alias(t));
  data_ = copy_.defined() ? copy_->data : t->data;
}

void FlatRun::write_back() const {
  if (!target_) return;
  if (copy_.defined()) copy_data(Tensor::borrow(target_), copy_);
  target_->storage->bump();
}

double sum_squares(const Tensor& t, bool* finite) {
  auto kernel = kernels::active().optim.sum_squares[optimiser_variant(t)];
  FlatRun run(t);
  constexpr int64_t kGrain = 16384;
  int64_t n = t.numel(), size = itemsize(compute_type(t.dtype())),
          blocks = (n + kGrain - 1) / kGrain;
  struct Part {
    double sum;
    bool finite;
  };
  std::vector<Part> parts(static_cast<size_t>(blocks));
  parallel_for(blocks, 1, [&](int64_t first, int64_t last) {
    for (int64_t b = first; b < last; ++b) {
      Part& part = parts[static_cast<size_t>(b)];
      kernel(run.at(b * kGrain * size), std::min(kGrain, n - b * kGrain), &part.sum, &part.finite);
    }
  });
  double total = 0;
  for (const Part& part : parts) {
    total += part.sum;
    if (!part.finite) *finite = false;
  }
  return total;
}

void scale_data(const Tensor& t, double factor) {
  auto kernel = kernels::active().optim.scale[optimiser_variant(t)];
  FlatRun run(t);
  over_elements(t, [&](int64_t at, int64_t n) { kernel(run.at(at), n, factor); });
  run.write_back();
}

}  // namespace pyforge::ops
