#include "ops/optim.h"

#include <algorithm>
#include <vector>

#include "core/gil.h"
#include "core/threads.h"
#include "kernels/dispatch.h"
#include "ops/basic.h"

namespace pyforge::ops {
namespace {

constexpr int64_t kGrain = 16384;
constexpr int64_t kReleaseGilFrom = 65536;

// The elements of a tensor as one contiguous run of float32 or float64, written back at the end if
// that is a copy.
class Flat {
 public:
  explicit Flat(const Tensor& t) {
    if (!t.defined()) return;
    target_ = t.get();
    if (is_half(t.dtype())) copy_ = widened(alias(t));
    if (!t.is_contiguous()) copy_ = contiguous(copy_.defined() ? copy_ : alias(t));
    data_ = copy_.defined() ? copy_->data : t->data;
  }
  char* at(int64_t byte) const { return data_ ? data_ + byte : nullptr; }
  void write_back() const {
    if (!target_) return;
    if (copy_.defined()) copy_data(Tensor::borrow(target_), copy_);
    target_->storage->bump();
  }

 private:
  TensorImpl* target_ = nullptr;
  Tensor copy_;
  char* data_ = nullptr;
};

template <class F>
void over_elements(const Tensor& param, F&& f) {
  int64_t n = param.numel(), size = itemsize(compute_type(param.dtype()));
  ReleaseGil unlocked(n >= kReleaseGilFrom);
  parallel_for(n, kGrain, [&](int64_t first, int64_t last) { f(first * size, last - first); });
}

int variant(const Tensor& param) { return param.dtype() == DType::Float64; }

// An optimiser that keeps two tensors the size of the parameter.
template <class Kernel, class Args>
void update_pair(Kernel kernel, const Tensor& param, const Tensor& grad, const Tensor& first,
                 const Tensor& second, const Args& args) {
  Flat p(param), g(grad), one(first), two(second);
  over_elements(param, [&](int64_t at, int64_t n) {
    kernel(p.at(at), g.at(at), one.at(at), two.at(at), n, args);
  });
  for (const Flat* written : {&p, &one, &two}) written->write_back();
}

}  // namespace

void sgd_update(const Tensor& param, const Tensor& grad, const Tensor& momentum_buffer,
                const kernels::SgdArgs& args) {
  auto kernel = kernels::active().optim.sgd[variant(param)];
  Flat p(param), g(grad), buffer(momentum_buffer);
  over_elements(param,
                [&](int64_t at, int64_t n) { kernel(p.at(at), g.at(at), buffer.at(at), n, args); });
  p.write_back();
  buffer.write_back();
}

void adam_update(const Tensor& param, const Tensor& grad, const Tensor& exp_avg,
                 const Tensor& exp_avg_sq, const Tensor& max_exp_avg_sq,
                 const kernels::AdamArgs& args) {
  auto kernel = kernels::active().optim.adam[variant(param)];
  Flat p(param), g(grad), mean(exp_avg), square(exp_avg_sq), largest(max_exp_avg_sq);
  over_elements(param, [&](int64_t at, int64_t n) {
    kernel(p.at(at), g.at(at), mean.at(at), square.at(at), largest.at(at), n, args);
  });
  for (const Flat* written : {&p, &mean, &square, &largest}) written->write_back();
}

void rmsprop_update(const Tensor& param, const Tensor& grad, const Tensor& square_avg,
                    const Tensor& grad_avg, const Tensor& momentum_buffer,
                    const kernels::RmspropArgs& args) {
  auto kernel = kernels::active().optim.rmsprop[variant(param)];
  Flat p(param), g(grad), square(square_avg), mean(grad_avg), buffer(momentum_buffer);
  over_elements(param, [&](int64_t at, int64_t n) {
    kernel(p.at(at), g.at(at), square.at(at), mean.at(at), buffer.at(at), n, args);
  });
  for (const Flat* written : {&p, &square, &mean, &buffer}) written->write_back();
}

void adagrad_update(const Tensor& param, const Tensor& grad, const Tensor& sum,
                    const kernels::AdagradArgs& args) {
  auto kernel = kernels::active().optim.adagrad[variant(param)];
  Flat p(param), g(grad), total(sum);
  over_elements(param,
                [&](int64_t at, int64_t n) { kernel(p.at(at), g.at(at), total.at(at), n, args); });
  p.write_back();
  total.write_back();
}

void nadam_update(const Tensor& param, const Tensor& grad, const Tensor& exp_avg,
                  const Tensor& exp_avg_sq, const kernels::NadamArgs& args) {
  update_pair(kernels::active().optim.nadam[variant(param)], param, grad, exp_avg, exp_avg_sq,
              args);
}

void radam_update(const Tensor& param, const Tensor& grad, const Tensor& exp_avg,
                  const Tensor& exp_avg_sq, const kernels::RadamArgs& args) {
  update_pair(kernels::active().optim.radam[variant(param)], param, grad, exp_avg, exp_avg_sq,
              args);
}

void adamax_update(const Tensor& param, const Tensor& grad, const Tensor& exp_avg,
                   const Tensor& exp_inf, const kernels::AdamaxArgs& args) {
  update_pair(kernels::active().optim.adamax[variant(param)], param, grad, exp_avg, exp_inf, args);
}

void adadelta_update(const Tensor& param, const Tensor& grad, const Tensor& square_avg,
                     const Tensor& acc_delta, const kernels::AdadeltaArgs& args) {
  update_pair(kernels::active().optim.adadelta[variant(param)], param, grad, square_avg, acc_delta,
              args);
}

void rprop_update(const Tensor& param, const Tensor& grad, const Tensor& prev,
                  const Tensor& step_size, const kernels::RpropArgs& args) {
  update_pair(kernels::active().optim.rprop[variant(param)], param, grad, prev, step_size, args);
}

void asgd_update(const Tensor& param, const Tensor& grad, const Tensor& average,
                 const kernels::AsgdArgs& args) {
  auto kernel = kernels::active().optim.asgd[variant(param)];
  Flat p(param), g(grad), mean(average);
  over_elements(param,
                [&](int64_t at, int64_t n) { kernel(p.at(at), g.at(at), mean.at(at), n, args); });
  p.write_back();
  mean.write_back();
}

double sum_squares(const Tensor& t, bool* finite) {
  auto kernel = kernels::active().optim.sum_squares[variant(t)];
  Flat run(t);
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
  auto kernel = kernels::active().optim.scale[variant(t)];
  Flat run(t);
  over_elements(t, [&](int64_t at, int64_t n) { kernel(run.at(at), n, factor); });
  run.write_back();
}

}  // namespace pyforge::ops
