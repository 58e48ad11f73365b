// Incomplete gamma functions, modified Bessel functions of the second kind, Airy's function and
// orthogonal polynomials, of one double.
#include "kernels/math_special.h"

extern "C" double lgamma_r(double x, int* sign);

namespace pyforge::kernels::PF_ISA {
namespace {

constexpr double kInf = __builtin_inf(), kNan = __builtin_nan("");
constexpr double kPi = 3.14159265358979324, kEuler = 0.577215664901532861;
constexpr double kEps = 1e-17;       // terms below this share of a sum are left out
constexpr double kSmoothFrom = 1e6;  // from here on the gamma distribution is nearly normal

// log(1 + u) - u without cancellation.
double log1p_minus(double u) {
  if (!(__builtin_fabs(u) < 0.5)) return __builtin_log1p(u) - u;
  const double s = u / (2 + u), square = s * s;
  double series = 0, power = 1;
  for (int k = 3; k < 33; k += 2, power *= square) series += power / k;
  return -u * s + 2 * s * square * series;
}

// x^a e^-x / Gamma(a + 1)
double gamma_weight(double a, double x) {
  if (a < 10) {
    const double half = __builtin_exp(-0.5 * x);
    return half * (__builtin_pow(x, a) / __builtin_tgamma(a + 1)) * half;
  }
  const double r = 1 / (a * a);
  const double stirling =
      (1. / 12 - r * (1. / 360 - r * (1. / 1260 - r * (1. / 1680 - r / 1188)))) / a;
  const double u = (x - a) / a;
  const double log = __builtin_fabs(u) < 0.5 ? log1p_minus(u) : __builtin_log(x / a) - u;
  return __builtin_exp(a * log - stirling) / __builtin_sqrt(2 * kPi * a);
}

double lower_series(double a, double x) {
  double term = 1, sum = 1;
  for (double k = 1; term > kEps * sum; k += 1) {
    term *= x / (a + k);
    sum += term;
  }
  return gamma_weight(a, x) * sum;
}

// Lentz's method for the continued fraction, x > a.
double upper_fraction(double a, double x) {
  constexpr double kTiny = 1e-300;
  double b = x + 1 - a, c = 1 / kTiny, d = 1 / b, h = d;
  for (double i = 1; i < 1e6; i += 1) {
    const double an = -i * (i - a);
    b += 2;
    d = an * d + b;
    d = 1 / (__builtin_fabs(d) < kTiny ? kTiny : d);
    c = b + an / c;
    if (__builtin_fabs(c) < kTiny) c = kTiny;
    h *= d * c;
    if (__builtin_fabs(d * c - 1) < 1e-16) break;
  }
  return gamma_weight(a, x) * a * h;
}

// x < 1.1, a < x or a < 1: the power series of the lower function, 1 less its first term.
double upper_series(double a, double x) {
  double log_gamma;  // log Gamma(1 + a)
  if (a < 1e-3) {
    log_gamma = a * (-kEuler + a * (0.822467033424113218 -
                                    a * (0.400685634386531428 -
                                         a * (0.270580808427784548 - a * 0.207385551028673985))));
  } else {
    int sign;
    const double one_more = 1 + a;  // and what its rounding cuts off
    log_gamma = lgamma_r(one_more, &sign) + (a - (one_more - 1)) * scalar_digamma(one_more);
  }
  double sum = 0, power = 1;
  for (double n = 1; n < 60; n += 1) {
    power *= -x / n;
    sum += power / (a + n);
  }
  const double log_weight = a * __builtin_log(x) - log_gamma;
  return -__builtin_expm1(log_weight) - __builtin_exp(log_weight) * (a * sum);
}

// Temme's uniform expansion (DLMF 8.12), two terms; the upper function, or with -1 the lower.
double smooth_tail(double a, double x, double side) {
  const double mu = (x - a) / a, exponent = a * log1p_minus(mu);
  const double eta = __builtin_copysign(__builtin_sqrt(-2 * exponent / a), mu);
  const double c0 =
      -1. / 3 + eta * (1. / 12 + eta * (-2. / 135 + eta * (1. / 864 + eta * (1. / 2835))));
  const double c1 = -1. / 540 + eta * (-1. / 288 + eta * (1. / 378));
  const double rest = __builtin_exp(exponent) / __builtin_sqrt(2 * kPi * a);
  const double tail =
      0.5 * __builtin_erfc(side * __builtin_copysign(__builtin_sqrt(-exponent), mu));
  return rest > 0 ? tail + side * rest * (c0 + c1 / a) : tail;
}

// e^x K_nu(x), x >= 2/3: the trapezoidal rule for the integral of e^(-x (cosh t - 1)) cosh(nu t),
// whose error falls exponentially with the number of steps.
double scaled_bessel_k(double nu, double x) {
  const double h = x < 25 ? 9.8 / (38.5 + x) : 0.7 / __builtin_sqrt(x);
  double sum = 0.5;
  for (double t = h;; t += h) {
    const double s = __builtin_sinh(0.5 * t);
    const double term = __builtin_exp(-2 * x * s * s) * __builtin_cosh(nu * t);
    sum += term;
    if (!(term > kEps * sum)) return h * sum;
  }
}

// 0 < x <= 1
double small_k0(double x) {
  const double q = 0.25 * x * x;
  double power = 1, harmonic = 0, sum = 0;
  for (double k = 1; k < 13; k += 1) {
    power *= q / (k * k);
    harmonic += 1 / k;
    sum += power * harmonic;
  }
  return sum - (__builtin_log(0.5 * x) + kEuler) * scalar_i0(x);
}
double small_k1(double x) {
  const double q = 0.25 * x * x;
  double power = 1, digammas = 1 - 2 * kEuler, sum = digammas;
  for (double k = 1; k < 13; k += 1) {
    power *= q / (k * (k + 1));
    digammas += 1 / k + 1 / (k + 1);
    sum += power * digammas;
  }
  return 1 / x + __builtin_log(0.5 * x) * scalar_i1(x) - 0.25 * x * sum;
}

// Ai and Ai' at -10, -9, ... 2.
constexpr double kAiry[][2] = {{0.040241238486443190689, 0.99626504413279005590},
                               {-0.022133721547341403674, -0.97566398092633159471},
                               {-0.052705050356386202622, 0.93556093819830655103},
                               {0.18428083525050563728, -0.77100816841012654773},
                               {-0.32914517362982310523, 0.34593548728134289493},
                               {0.35076100902411431979, 0.32719281855444313679},
                               {-0.070265532949289515099, -0.79062857536858138030},
                               {-0.37881429367765807435, 0.31458376921659881365},
                               {0.22740742820168557599, 0.61825902074169104141},
                               {0.53556088329235211880, -0.010160567116645209395},
                               {0.35502805388781723926, -0.25881940379280679841},
                               {0.13529241631288141552, -0.15914744129679321279},
                               {0.034924130423274379135, -0.053090384433653631704}};

struct Airy {
  double value, slope;
};

// Taylor's series of y'' = x y around the nearest whole number, -10.5 < x < 1.5.
Airy airy_near(double x) {
  const double center = __builtin_nearbyint(x), h = x - center;
  const double* start = kAiry[static_cast<int>(center) + 10];
  double before = 0, c = start[0], next = start[1];  // coefficients n - 1, n, n + 1
  double value = 0, slope = 0, power = 1;
  for (double n = 0; n < 26; n += 1) {
    value += c * power;
    slope += (n + 1) * next * power;
    power *= h;
    const double after = (center * c + before) / ((n + 1) * (n + 2));
    before = c;
    c = next;
    next = after;
  }
  return {value, slope};
}

// DLMF 9.7.9 and 9.7.10 for Ai(-z), Ai'(-z), z > 10.
Airy airy_waves(double z) {
  const double zeta = 2. / 3 * z * __builtin_sqrt(z), phase = zeta - 0.25 * kPi;
  double u = 1, sums[4] = {0, 0, 0, 0};  // u and v of even and odd index
  for (int k = 0; k < 24; ++k) {
    if (k) u *= (6 * k - 5) * (6 * k - 3) * (6 * k - 1) / (216. * k * (2 * k - 1) * zeta);
    const double v = (6 * k + 1) / (1. - 6 * k) * u, sign = k & 2 ? -1 : 1;
    sums[k & 1] += sign * u;
    sums[2 + (k & 1)] += sign * v;
  }
  const double c = __builtin_cos(phase), s = __builtin_sin(phase);
  const double root = __builtin_sqrt(__builtin_sqrt(z)), scale = 1 / __builtin_sqrt(kPi);
  return {scale / root * (c * sums[0] + s * sums[1]), scale * root * (s * sums[2] - c * sums[3])};
}

Airy airy(double x) {
  if (!(x - x == 0)) return {kNan, kNan};
  if (x < -10) return airy_waves(-x);
  if (x < 1.5) return airy_near(x);
  const double zeta = 2. / 3 * x * __builtin_sqrt(x), e = __builtin_exp(-zeta) / kPi;
  return {e * __builtin_sqrt(x / 3) * scaled_bessel_k(1. / 3, zeta),
          -e * x / __builtin_sqrt(3) * scaled_bessel_k(2. / 3, zeta)};
}

constexpr double kMostSteps = 1e7;  // of a recurrence; beyond, the polynomials give NaN

bool odd(double n) { return __builtin_fmod(n, 2) != 0; }

// p_n from p_0 = 1, p_1 and p_(k+1) = (a x + b) p_k - c p_(k-1) with the coefficients of step(k).
template <class Step>
double recurrence(double n, double first, Step step) {
  if (n == 0) return 1;
  if (n > kMostSteps) return kNan;
  double before = 1, p = first;
  for (double k = 1; k < n && p == p; k += 1) {
    const double next = step(k, p, before);
    before = p;
    p = next;
  }
  return p;
}
double chebyshev_from(double x, double n, double first) {
  return recurrence(n, first, [x](double, double p, double before) { return 2 * x * p - before; });
}
double whole(double n) { return n == n ? __builtin_trunc(n) : -1; }

}  // namespace

double scalar_igamma(double a, double x) {
  if (!(a >= 0 && x >= 0) || (a == 0 && x == 0) || (a == kInf && x == kInf)) return kNan;
  if (a == 0 || x == kInf) return 1;
  if (x == 0 || a == kInf) return 0;
  if (a > kSmoothFrom) return smooth_tail(a, x, -1);
  return x <= 1 || x <= a ? lower_series(a, x) : 1 - upper_fraction(a, x);
}
double scalar_igammac(double a, double x) {
  if (!(a >= 0 && x >= 0) || (a == 0 && x == 0) || (a == kInf && x == kInf)) return kNan;
  if (a == 0 || x == kInf) return 0;
  if (x == 0 || a == kInf) return 1;
  if (a > kSmoothFrom) return smooth_tail(a, x, 1);
  if (x < 1.1 && (a < 1 || x > a)) return upper_series(a, x);
  return x <= a ? 1 - lower_series(a, x) : upper_fraction(a, x);
}

// The derivative of igamma by a: the sum over k of weight(a + k) (log x - digamma(a + k + 1)),
// from the largest term to both sides.
double scalar_igamma_da(double a, double x) {
  if (!(a >= 0 && x >= 0) || a == kInf) return kNan;
  if (x == 0 || x == kInf) return 0;
  if (a > 1e8 || x > 1e8)  // as if normal
    return -__builtin_exp(a * log1p_minus((x - a) / a)) / __builtin_sqrt(2 * kPi * a) *
           (0.5 + 0.5 * x / a);
  const double k0 = x > a ? __builtin_floor(x - a) : 0, top = gamma_weight(a + k0, x);
  const double log_x = __builtin_log(x), digamma = scalar_digamma(a + k0 + 1);
  double sum = 0, term = top, psi = digamma;
  for (double b = a + k0; term > 1e-20 * top; b += 1) {
    sum += term * (log_x - psi);
    psi += 1 / (b + 1);
    term *= x / (b + 1);
  }
  term = top, psi = digamma;
  for (double k = k0; k > 0 && term > 1e-20 * top; k -= 1) {
    psi -= 1 / (a + k);
    term *= (a + k) / x;
    sum += term * (log_x - psi);
  }
  return sum;
}

double scalar_k0e(double x) {
  if (!(x > 0)) return x == 0 ? kInf : kNan;
  return x <= 1 ? __builtin_exp(x) * small_k0(x) : x == kInf ? 0 : scaled_bessel_k(0, x);
}
double scalar_k0(double x) {
  if (!(x > 0)) return x == 0 ? kInf : kNan;
  return x <= 1 ? small_k0(x) : x > 800 ? 0 : __builtin_exp(-x) * scaled_bessel_k(0, x);
}
double scalar_k1e(double x) {
  if (!(x > 0)) return x == 0 ? kInf : kNan;
  return x <= 1 ? __builtin_exp(x) * small_k1(x) : x == kInf ? 0 : scaled_bessel_k(1, x);
}
double scalar_k1(double x) {
  if (!(x > 0)) return x == 0 ? kInf : kNan;
  return x <= 1 ? small_k1(x) : x > 800 ? 0 : __builtin_exp(-x) * scaled_bessel_k(1, x);
}

double scalar_airy_ai(double x) { return airy(x).value; }
double scalar_airy_ai_prime(double x) { return airy(x).slope; }

double scalar_spherical_j0(double x) {
  if (x == kInf || x == -kInf) return 0;
  return x == 0 ? 1 : __builtin_sin(x) / x;
}

// Degrees are cut to whole numbers; negative ones give 0, as in PyTorch.
double scalar_chebyshev_t(double x, double n) {
  if ((n = whole(n)) < 0) return 0;
  if (__builtin_fabs(x) == 1) return x > 0 || !odd(n) ? 1 : -1;
  if (n > 6 && __builtin_fabs(x) < 1) return __builtin_cos(n * __builtin_acos(x));
  return chebyshev_from(x, n, x);
}
double scalar_chebyshev_u(double x, double n) {
  if ((n = whole(n)) < 0) return 0;
  if (__builtin_fabs(x) == 1) return x > 0 || !odd(n) ? n + 1 : -(n + 1);
  if (n > 8 && __builtin_fabs(x) < 1) {
    const double angle = __builtin_acos(x);
    return __builtin_sin((n + 1) * angle) / __builtin_sin(angle);
  }
  return chebyshev_from(x, n, 2 * x);
}
double scalar_chebyshev_v(double x, double n) {
  if ((n = whole(n)) < 0) return 0;
  if (__builtin_fabs(x) == 1) return x > 0 ? 1 : odd(n) ? -(2 * n + 1) : 2 * n + 1;
  if (n > 8 && __builtin_fabs(x) < 1) {
    const double angle = __builtin_acos(x);
    return __builtin_cos((n + 0.5) * angle) / __builtin_cos(0.5 * angle);
  }
  return chebyshev_from(x, n, 2 * x - 1);
}
double scalar_chebyshev_w(double x, double n) {
  if ((n = whole(n)) < 0) return 0;
  if (__builtin_fabs(x) == 1) return x > 0 ? 2 * n + 1 : odd(n) ? -1 : 1;
  if (n > 8 && __builtin_fabs(x) < 1) {
    const double angle = __builtin_acos(x);
    return __builtin_sin((n + 0.5) * angle) / __builtin_sin(0.5 * angle);
  }
  return chebyshev_from(x, n, 2 * x + 1);
}
double scalar_shifted_chebyshev_t(double x, double n) { return scalar_chebyshev_t(2 * x - 1, n); }
double scalar_shifted_chebyshev_u(double x, double n) { return scalar_chebyshev_u(2 * x - 1, n); }
double scalar_shifted_chebyshev_v(double x, double n) { return scalar_chebyshev_v(2 * x - 1, n); }
double scalar_shifted_chebyshev_w(double x, double n) { return scalar_chebyshev_w(2 * x - 1, n); }

double scalar_hermite_h(double x, double n) {
  if ((n = whole(n)) < 0) return 0;
  if (n > 512) return kNan;
  return recurrence(n, 2 * x,
                    [x](double k, double p, double before) { return 2 * (x * p - k * before); });
}
double scalar_hermite_he(double x, double n) {
  if ((n = whole(n)) < 0) return 0;
  if (n > 512) return kNan;
  return recurrence(n, x, [x](double k, double p, double before) { return x * p - k * before; });
}
double scalar_laguerre_l(double x, double n) {
  if ((n = whole(n)) < 0) return 0;
  if (x == 0) return 1;
  return recurrence(n, 1 - x, [x](double k, double p, double before) {
    return ((2 * k + 1 - x) * p - k * before) / (k + 1);
  });
}
double scalar_legendre_p(double x, double n) {
  if ((n = whole(n)) < 0) return 0;
  if (__builtin_fabs(x) == 1) return x > 0 || !odd(n) ? 1 : -1;
  return recurrence(n, x, [x](double k, double p, double before) {
    return ((2 * k + 1) * x * p - k * before) / (k + 1);
  });
}

}  // namespace pyforge::kernels::PF_ISA
