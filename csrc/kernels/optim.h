// One optimiser step on one parameter, contiguous, n elements. [0] float32, [1] float64.
// Elements are independent, so a parameter may be split at will. Formulas and the order of
// operations are those of torch.optim. grad_scale: what the gradient is multiplied by first, 1 or
// -1 (maximize) times the factor of clipping.
#pragma once
#include <cstdint>

namespace pyforge::kernels {

struct SgdArgs {
  double lr, momentum, dampening, weight_decay;
  double grad_scale;
  bool nesterov, first;  // first: the momentum buffer is not initialised yet
};
struct AdamArgs {
  double lr, beta1, beta2, eps, weight_decay;
  double bias_correction1, bias_correction2;  // 1 - beta^step
  double grad_scale;
  bool decoupled /* AdamW */, amsgrad;
};
struct RmspropArgs {
  double lr, alpha, eps, weight_decay, momentum;
  double grad_scale;
  bool centered;
};
struct AdagradArgs {
  double lr;  // lr / (1 + (step - 1) * lr_decay)
  double eps, weight_decay;
  double grad_scale;
};

struct NadamArgs {
  double lr, beta1, beta2, eps, weight_decay;
  double bias_correction2;
  double grad_rate, mean_rate;  // of the gradient and of its mean: lr times their share
  double grad_scale;
  bool decoupled;
};
struct RadamArgs {
  double lr, beta1, beta2, eps, weight_decay;
  double bias_correction1, bias_correction2;
  double rectification;  // 0: the variance is not tractable yet, the step is not adaptive
  double grad_scale;
  bool decoupled;
};
struct AdamaxArgs {
  double lr;  // lr / (1 - beta1^step)
  double beta1, beta2, eps, weight_decay;
  double grad_scale;
};
struct AdadeltaArgs {
  double lr, rho, eps, weight_decay;
  double grad_scale;
};
struct RpropArgs {
  double eta_minus, eta_plus, step_min, step_max;
  double grad_scale;
};
struct AsgdArgs {
  double lr;     // of this step
  double decay;  // lambd
  double share;  // of the average that is new; 1: the average starts anew
  double weight_decay;
  double grad_scale;
};

struct OptimTable {
  // momentum_buffer may be null when momentum is 0.
  void (*sgd[2])(void* param, const void* grad, void* momentum_buffer, int64_t n,
                 const SgdArgs& args);
  void (*adam[2])(void* param, const void* grad, void* exp_avg, void* exp_avg_sq,
                  void* max_exp_avg_sq /* null unless amsgrad */, int64_t n, const AdamArgs& args);
  void (*rmsprop[2])(void* param, const void* grad, void* square_avg,
                     void* grad_avg /* null unless centered */,
                     void* momentum_buffer /* null unless momentum */, int64_t n,
                     const RmspropArgs& args);
  void (*adagrad[2])(void* param, const void* grad, void* state_sum, int64_t n,
                     const AdagradArgs& args);
  void (*nadam[2])(void* param, const void* grad, void* exp_avg, void* exp_avg_sq, int64_t n,
                   const NadamArgs& args);
  void (*radam[2])(void* param, const void* grad, void* exp_avg, void* exp_avg_sq, int64_t n,
                   const RadamArgs& args);
  void (*adamax[2])(void* param, const void* grad, void* exp_avg, void* exp_inf, int64_t n,
                    const AdamaxArgs& args);
  void (*adadelta[2])(void* param, const void* grad, void* square_avg, void* acc_delta, int64_t n,
                      const AdadeltaArgs& args);
  void (*rprop[2])(void* param, const void* grad, void* prev, void* step_size, int64_t n,
                   const RpropArgs& args);
  void (*asgd[2])(void* param, const void* grad, void* average, int64_t n, const AsgdArgs& args);
  // Gradient clipping: the sum of squares in double, and whether every element is finite (a
  // float64 sum may overflow although they are). Blocks of a long tensor add up in order.
  void (*sum_squares[2])(const void* x, int64_t n, double* sum, bool* finite);
  void (*scale[2])(void* x, int64_t n, double factor);  // in place
};

}  // namespace pyforge::kernels
