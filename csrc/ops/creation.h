// New tensors from sizes, ranges and random streams.
#pragma once
#include "ops/registry.h"

namespace pyforge::ops {

Tensor arange(Scalar start, Scalar end, Scalar step, std::optional<DType> dtype);

// Fill t with the stream of `generator` (the default one if null), in row-major order.
void uniform_data(const Tensor& t, double from, double to, Generator* generator);
void normal_data(const Tensor& t, double mean, double std, Generator* generator);
void bernoulli_data(const Tensor& t, double p, Generator* generator);

}  // namespace pyforge::ops
