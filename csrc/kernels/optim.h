// One optimiser step on one parameter, contiguous, n elements. [0] float32, [1] float64.
#pragma once
#include <cstdint>

namespace pyforge::kernels {

struct SgdArgs {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize, first;  // first: the momentum buffer is not initialised yet
};
struct AdamArgs {
  double lr, beta1, beta2, eps, weight_decay;
  double bias_correction1, bias_correction2;  // 1 - beta^step
  bool decoupled /* AdamW */, amsgrad, maximize;
};

struct OptimTable {
  void (*sgd[2])(void* param, const void* grad, void* momentum_buffer, int64_t n, const SgdArgs& args);
  void (*adam[2])(void* param, const void* grad, void* exp_avg, void* exp_avg_sq,
                  void* max_exp_avg_sq /* null unless amsgrad */, int64_t n, const AdamArgs& args);
};

}  // namespace pyforge::kernels
