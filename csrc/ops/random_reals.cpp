// Draws of distributions with in-place methods alone: one element after the other, in double
// precision, in PyTorch's streams.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "core/random.h"
#include "ops/loop.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

template <class Draw>
Tensor drawn(const Tensor& like, Generator* g, Draw draw) {
  Tensor y = empty(like.sizes(), DType::Float64);
  for (int64_t i = 0; i < y.numel(); ++i) y.data<double>()[i] = draw(stream(g));
  return to(y, like.dtype());
}

double unit(Generator& g) {
  double u;
  g.uniform(&u, 1, 0, 1);
  return u;
}

void check_floating(const char* name, DType dtype) {
  PF_CHECK(is_floating(dtype), Runtime, name,
           " distribution is a continuous probability distribution. dtype must be a floating point "
           "but you specified ",
           dtype_name(dtype));
}

Tensor cauchy(const Tensor& input, double median, double sigma, Generator* g) {
  check_floating("Cauchy", input.dtype());
  PF_CHECK(sigma > 0, Runtime, "cauchy_ expects sigma > 0.0, but found sigma=", sigma);
  constexpr double kEps = std::numeric_limits<double>::epsilon();
  return drawn(input, g, [=](Generator& generator) {
    const double u = std::clamp(unit(generator), kEps, 1 - kEps);
    return median + sigma * std::tan(std::numbers::pi * (u - 0.5));
  });
}

Tensor log_normal(const Tensor& input, double mean, double std, Generator* g) {
  check_floating("log_normal_: log normal", input.dtype());
  PF_CHECK(std > 0, Runtime, "log_normal_ expects std > 0.0, but found std=", std);
  return drawn(input, g, [=](Generator& generator) {
    double x;
    generator.normal(&x, 1, mean, std);
    return std::exp(x);
  });
}

Tensor geometric(const Tensor& input, double p, Generator* g) {
  PF_CHECK(input.dtype() != DType::Bool, NotImplemented,
           "geometric_: \"geometric\" not implemented for 'bool'; use an integer dtype");
  PF_CHECK(0 < p && p < 1, Runtime, "geometric_ expects p to be in (0, 1), but got p=", p);
  const double rest = std::log(1 - p);
  return drawn(input, g,
               [=](Generator& generator) { return std::ceil(std::log(unit(generator)) / rest); });
}

}  // namespace

PF_OP(cauchy,
      "cauchy(Tensor input, float median=0, float sigma=1, *, Generator? generator=None) -> Tensor",
      kInplace, "Numbers of the Cauchy distribution around `median` with half width `sigma`.")
PF_OP(log_normal,
      "log_normal(Tensor input, float mean=1, float std=2, *, Generator? generator=None) -> Tensor",
      kInplace, "e to the power of normal numbers with `mean` and `std`.")
PF_OP(geometric, "geometric(Tensor input, float p, *, Generator? generator=None) -> Tensor",
      kInplace, "The number of trials up to the first success, of probability `p`: 1, 2, ...")

}  // namespace pyforge::ops
