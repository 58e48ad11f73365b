// Draws by rejection: gamma, Poisson and binomial numbers, in PyTorch's streams.
#include <cmath>

#include "autograd/grad_mode.h"
#include "autograd/node.h"
#include "core/random.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

double uniform(Generator& g) {
  double u;
  g.uniform(&u, 1, 0, 1);
  return u;
}
double normal(Generator& g) {
  double x;
  g.normal(&x, 1, 0, 1);
  return x;
}

// Marsaglia and Tsang 2000, with the constants in float as PyTorch has them; below 1 by raising a
// draw of shape + 1 to a power.
double gamma_draw(double shape, Generator& g) {
  if (shape == 0) return 0;
  double scale = 1;
  if (shape < 1) {
    scale = std::pow(1 - uniform(g), 1 / shape);
    shape += 1;
  }
  double d = shape - 1.0f / 3.0f, c = 1 / std::sqrt(9 * d);
  for (;;) {
    double x, y;
    do {
      x = normal(g);
      y = 1 + c * x;
    } while (y <= 0);
    double v = y * y * y, u = 1 - uniform(g), square = x * x;
    if (u < 1 - 0.0331f * square * square) return scale * d * v;
    if (std::log(u) < 0.5 * square + d * (1 - v + std::log(v))) return scale * d * v;
    if (std::isnan(shape)) return shape;
  }
}

double digamma(double x) {
  double shift = 0;
  for (; x < 10; x += 1) shift -= 1 / x;
  double y = 1 / (x * x);
  return shift + std::log(x) - 0.5 / x -
         y * (1.0 / 12 - y * (1.0 / 120 - y * (1.0 / 252 - y * (1.0 / 240 - y / 132))));
}

// How a gamma number x moves with its shape a at a fixed probability: -(dP/da) / density, the
// derivative of the series of the incomplete gamma function term by term. For large shapes the
// cube of a normal number (Wilson and Hilferty) is as exact.
double gamma_slope(double a, double x) {
  if (!(x > 0) || !(a > 0)) return 0;
  if (a > 1000) {
    double root = std::cbrt(x / a), z = 3 * std::sqrt(a) * (root - 1 + 1 / (9 * a));
    return root * root * (root + 3 * (1 / (9 * a) - z / (6 * std::sqrt(a))));
  }
  // Terms of P divided by the density: x / a, then times x / (a + n).
  double term = x / a, psi = digamma(a + 1), sum = 0, log_x = std::log(x);
  for (int n = 1; n < 100000; ++n) {
    double part = term * (log_x - psi);
    sum += part;
    if (a + n > x + 5 && std::fabs(part) <= 1e-17 * std::fabs(sum)) break;
    psi += 1 / (a + n);
    term *= x / (a + n);
  }
  return -sum;
}

// Each element of `input` through f, in order.
template <class F>
Tensor map(const Tensor& input, F f) {
  GradModeGuard off(false);
  Tensor x = contiguous(to(input, DType::Float64)), y = empty(x.sizes(), DType::Float64);
  for (int64_t i = 0; i < x.numel(); ++i) y.data<double>()[i] = f(x.data<double>()[i]);
  return y;
}

void check_floating(const char* op, const Tensor& t) {
  PF_CHECK(is_floating(t.dtype()), Runtime, op, ": expected a floating point dtype, got ",
           dtype_name(t.dtype()));
}

struct StandardGammaBackward {
  static constexpr const char* kName = "StandardGammaBackward0";
  static void backward(Node& n, StandardGammaBackward&, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    PF_CHECK(!grad_enabled(), NotImplemented,
             "_standard_gamma: the derivative cannot be differentiated again");
    Tensor shape = n.saved(0), y = n.saved(1);
    Tensor a = contiguous(to(shape, DType::Float64)), x = contiguous(to(y, DType::Float64));
    Tensor slope = empty(a.sizes(), DType::Float64);
    for (int64_t i = 0; i < a.numel(); ++i)
      slope.data<double>()[i] = gamma_slope(a.data<double>()[i], x.data<double>()[i]);
    out[0] = mul(in[0], to(slope, shape.dtype()));
  }
};

Tensor standard_gamma(const Tensor& input, Generator* g) {
  check_floating("_standard_gamma", input);
  double tiny = input.dtype() == DType::Float64 ? 2.2250738585072014e-308 : 1.1754943508222875e-38;
  Tensor y =
      to(map(input, [&](double shape) { return std::fmax(tiny, gamma_draw(shape, stream(g))); }),
         input.dtype());
  record<StandardGammaBackward>(y, {&input}, {&input, &y}, {});
  return y;
}

// Hörmann 1993 from a rate of 10, below it products of uniform numbers (Knuth).
double poisson_draw(double rate, Generator& g) {
  PF_CHECK(rate >= 0, Runtime, "invalid Poisson rate, expected rate to be non-negative; got ",
           rate);
  if (rate == 0) return 0;
  if (rate < 10) {
    double limit = std::exp(-rate), product = 1;
    for (int64_t k = 0;; ++k) {
      product *= uniform(g);
      if (product <= limit) return static_cast<double>(k);
    }
  }
  double b = 0.931 + 2.53 * std::sqrt(rate), a = -0.059 + 0.02483 * b, log_rate = std::log(rate),
         inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), squeeze = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    double u = uniform(g) - 0.5, v = uniform(g), us = 0.5 - std::fabs(u);
    double k = std::floor((2 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= squeeze) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (std::log(v) + std::log(inverse_alpha) - std::log(a / (us * us) + b) <=
        -rate + k * log_rate - std::lgamma(k + 1))
      return k;
  }
}

Tensor poisson(const Tensor& input, Generator* g) {
  check_floating("poisson", input);
  return to(map(input, [&](double rate) { return poisson_draw(rate, stream(g)); }), input.dtype());
}

// What Stirling's formula leaves of log(k!).
double stirling_rest(double k) {
  static constexpr double kTable[] = {0.0810614667953272,  0.0413406959554092, 0.0276779256849983,
                                      0.02079067210376509, 0.0166446911898211, 0.0138761288230707,
                                      0.0118967099458917,  0.0104112652619720, 0.00925546218271273,
                                      0.00833056343336287};
  if (k <= 9) return kTable[static_cast<int>(k)];
  double square = (k + 1) * (k + 1);
  return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1);
}

// Hörmann 1993 from a mean of 10, below it geometric gaps. p <= 0.5.
double binomial_below_half(double n, double p, Generator& g) {
  if (n * p < 10) {
    double log_q = std::log1p(-p), sum = 0;
    for (double k = 0;; ++k) {
      sum += std::ceil(std::log(uniform(g)) / log_q);
      if (sum > n) return k;
    }
  }
  double deviation = std::sqrt(n * p * (1 - p)), b = 1.15 + 2.53 * deviation,
         a = -0.0873 + 0.0248 * b + 0.01 * p, c = n * p + 0.5, squeeze = 0.92 - 4.2 / b,
         r = p / (1 - p), alpha = (2.83 + 5.1 / b) * deviation, m = std::floor((n + 1) * p);
  for (;;) {
    double u = uniform(g) - 0.5, v = uniform(g), us = 0.5 - std::fabs(u);
    double k = std::floor((2 * a / us + b) * u + c);
    if (us >= 0.07 && v <= squeeze) return k;
    if (k < 0 || k > n) continue;
    double bound = (m + 0.5) * std::log((m + 1) / (r * (n - m + 1))) +
                   (n + 1) * std::log((n - m + 1) / (n - k + 1)) +
                   (k + 0.5) * std::log(r * (n - k + 1) / (k + 1)) + stirling_rest(m) +
                   stirling_rest(n - m) - stirling_rest(k) - stirling_rest(n - k);
    if (std::log(v * alpha / (a / (us * us) + b)) <= bound) return k;
  }
}

double binomial_draw(double n, double p, Generator& g) {
  if (std::isnan(n) || std::isnan(p)) return NAN;
  if (n <= 0 || p <= 0) return 0;
  if (p >= 1) return n;
  return p <= 0.5 ? binomial_below_half(n, p, g) : n - binomial_below_half(n, 1 - p, g);
}

Tensor binomial(const Tensor& count, const Tensor& prob, Generator* g) {
  check_floating("binomial", count);
  check_floating("binomial", prob);
  PF_CHECK(count.dtype() == prob.dtype(), Runtime,
           "binomial: expected count and prob of one dtype, got ", dtype_name(count.dtype()),
           " and ", dtype_name(prob.dtype()));
  GradModeGuard off(false);
  auto shape = broadcast_shapes("binomial", count.sizes(), prob.sizes());
  Tensor n = contiguous(to(expand(count, shape), DType::Float64)),
         p = contiguous(to(expand(prob, shape), DType::Float64)), y = empty(shape, DType::Float64);
  for (int64_t i = 0; i < y.numel(); ++i)
    y.data<double>()[i] = binomial_draw(n.data<double>()[i], p.data<double>()[i], stream(g));
  return to(y, count.dtype());
}

}  // namespace

PF_OP(standard_gamma, "_standard_gamma(Tensor input, *, Generator? generator=None) -> Tensor",
      kFunction, "Gamma distributed numbers of rate 1 and the shapes `input`.")
PF_OP(poisson, "poisson(Tensor input, *, Generator? generator=None) -> Tensor", kFunction,
      "Poisson distributed numbers of the rates `input`.")
PF_OP(binomial, "binomial(Tensor count, Tensor prob, *, Generator? generator=None) -> Tensor",
      kFunction, "How many of `count` trials succeed, each with the probability `prob`.")

}  // namespace pyforge::ops
