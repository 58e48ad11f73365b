// Optimiser updates of one parameter. Nothing is recorded; versions are bumped.
#pragma once
#include "core/tensor.h"
#include "kernels/optim.h"

namespace pyforge::ops {

// momentum_buffer is undefined without momentum. All tensors have the parameter's shape and dtype.
void sgd_update(const Tensor& param, const Tensor& grad, const Tensor& momentum_buffer, const kernels::SgdArgs& args);

// max_exp_avg_sq is undefined without amsgrad.
void adam_update(const Tensor& param, const Tensor& grad, const Tensor& exp_avg, const Tensor& exp_avg_sq,
                 const Tensor& max_exp_avg_sq, const kernels::AdamArgs& args);

}  // namespace pyforge::ops
