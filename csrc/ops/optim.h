// Optimiser updates of one parameter, and clipping. Nothing is recorded; versions are bumped.
#pragma once
#include "core/tensor.h"
#include "kernels/optim.h"

namespace pyforge::ops {

// momentum_buffer is undefined without momentum. All tensors have the parameter's shape and dtype.
void sgd_update(const Tensor& param, const Tensor& grad, const Tensor& momentum_buffer,
                const kernels::SgdArgs& args);

// max_exp_avg_sq is undefined without amsgrad.
void adam_update(const Tensor& param, const Tensor& grad, const Tensor& exp_avg,
                 const Tensor& exp_avg_sq, const Tensor& max_exp_avg_sq,
                 const kernels::AdamArgs& args);

// grad_avg is undefined unless centred, momentum_buffer without momentum.
void rmsprop_update(const Tensor& param, const Tensor& grad, const Tensor& square_avg,
                    const Tensor& grad_avg, const Tensor& momentum_buffer,
                    const kernels::RmspropArgs& args);

void adagrad_update(const Tensor& param, const Tensor& grad, const Tensor& sum,
                    const kernels::AdagradArgs& args);

void nadam_update(const Tensor& param, const Tensor& grad, const Tensor& exp_avg,
                  const Tensor& exp_avg_sq, const kernels::NadamArgs& args);
void radam_update(const Tensor& param, const Tensor& grad, const Tensor& exp_avg,
                  const Tensor& exp_avg_sq, const kernels::RadamArgs& args);
void adamax_update(const Tensor& param, const Tensor& grad, const Tensor& exp_avg,
                   const Tensor& exp_inf, const kernels::AdamaxArgs& args);
void adadelta_update(const Tensor& param, const Tensor& grad, const Tensor& square_avg,
                     const Tensor& acc_delta, const kernels::AdadeltaArgs& args);
void rprop_update(const Tensor& param, const Tensor& grad, const Tensor& prev,
                  const Tensor& step_size, const kernels::RpropArgs& args);
void asgd_update(const Tensor& param, const Tensor& grad, const Tensor& average,
                 const kernels::AsgdArgs& args);

// For gradient clipping: the sum of squares, the same for any number of threads; *finite becomes
// false if an element is not finite.
double sum_squares(const Tensor& t, bool* finite);
void scale_data(const Tensor& t, double factor);

}  // namespace pyforge::ops
