// Optimiser updates of one parameter, and clipping. Nothing is recorded; versions are bumped.
#pragma once
#include "core/gil.h"
#include "core/tensor.h"
#include "core/threads.h"
#include "kernels/optim.h"

namespace pyforge::ops {

// The elements of a tensor as one contiguous run of float32 or float64, written back at the end if
// that is a copy. An undefined tensor is a null run.
class FlatRun {
 public:
  explicit FlatRun(const Tensor& t);
  void* at(int64_t byte) const { return data_ ? data_ + byte : nullptr; }
  void write_back() const;

 private:
  TensorImpl* target_ = nullptr;
  Tensor copy_;
  char* data_ = nullptr;
};

inline int optimiser_variant(const Tensor& param) { return param.dtype() == DType::Float64; }

template <class F>
void over_elements(const Tensor& param, F&& f) {
  constexpr int64_t kGrain = 16384, kReleaseGilFrom = 65536;
  int64_t n = param.numel(), size = itemsize(compute_type(param.dtype()));
  ReleaseGil unlocked(n >= kReleaseGilFrom);
  parallel_for(n, kGrain, [&](int64_t first, int64_t last) { f(first * size, last - first); });
}

// Runs a kernel of OptimTable over the parameter, its gradient and what the optimiser keeps: in
// the kernel's order, of the parameter's shape and dtype, undefined where it allows null.
template <class Kernels, class Args, class... Kept>
void optimiser_update(const Kernels& kernels, const Tensor& param, const Tensor& grad,
                      const Args& args, const Kept&... kept) {
  auto kernel = kernels[optimiser_variant(param)];
  auto run = [&](const FlatRun& p, const FlatRun& g, const auto&... rest) {
    over_elements(
        param, [&](int64_t at, int64_t n) { kernel(p.at(at), g.at(at), rest.at(at)..., n, args); });
    p.write_back();
    (rest.write_back(), ...);
  };
  run(FlatRun(param), FlatRun(grad), FlatRun(kept)...);
}

// For gradient clipping: the sum of squares, the same for any number of threads; *finite becomes
// false if an element is not finite.
double sum_squares(const Tensor& t, bool* finite);
void scale_data(const Tensor& t, double factor);

}  // namespace pyforge::ops
