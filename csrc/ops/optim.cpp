#include "ops/optim.h"

#include "core/gil.h"
#include "core/threads.h"
#include "kernels/dispatch.h"
#include "ops/basic.h"

namespace pyforge::ops {
namespace {

constexpr int64_t kGrain = 16384;
constexpr int64_t kReleaseGilFrom = 65536;

// The elements of a tensor as one contiguous run, written back at the end if that is a copy.
class Flat {
 public:
  explicit Flat(const Tensor& t) {
    if (!t.defined()) return;
    target_ = t;
    run_ = contiguous(alias(t));
  }
  char* at(int64_t byte) const { return run_.defined() ? run_->data + byte : nullptr; }
  void write_back() const {
    if (!run_.defined()) return;
    if (run_->data != target_->data) copy_data(target_, run_);
    target_->storage->bump();
  }

 private:
  Tensor target_, run_;
};

template <class F>
void over_elements(const Tensor& param, F&& f) {
  int64_t n = param.numel(), size = itemsize(param.dtype());
  ReleaseGil unlocked(n >= kReleaseGilFrom);
  parallel_for(n, kGrain, [&](int64_t first, int64_t last) { f(first * size, last - first); });
}

int variant(const Tensor& param) { return param.dtype() == DType::Float64; }

}  // namespace

void sgd_update(const Tensor& param, const Tensor& grad, const Tensor& momentum_buffer, const kernels::SgdArgs& args) {
  auto kernel = kernels::active().optim.sgd[variant(param)];
  Flat p(param), g(grad), buffer(momentum_buffer);
  over_elements(param, [&](int64_t at, int64_t n) { kernel(p.at(at), g.at(at), buffer.at(at), n, args); });
  p.write_back();
  buffer.write_back();
}

void adam_update(const Tensor& param, const Tensor& grad, const Tensor& exp_avg, const Tensor& exp_avg_sq,
                 const Tensor& max_exp_avg_sq, const kernels::AdamArgs& args) {
  auto kernel = kernels::active().optim.adam[variant(param)];
  Flat p(param), g(grad), mean(exp_avg), square(exp_avg_sq), largest(max_exp_avg_sq);
  over_elements(param, [&](int64_t at, int64_t n) {
    kernel(p.at(at), g.at(at), mean.at(at), square.at(at), largest.at(at), n, args);
  });
  for (const Flat* written : {&p, &mean, &square, &largest}) written->write_back();
}

}  // namespace pyforge::ops
