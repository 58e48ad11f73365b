// Special functions of one double, and the loops that take vectors through them.
#include "kernels/math_special.h"

extern "C" {
double lgamma_r(double x, int* sign);
double j0(double x);
double j1(double x);
double y0(double x);
double y1(double x);
}

namespace pyforge::kernels::PF_ISA {
namespace {

constexpr double kInf = __builtin_inf(), kNan = __builtin_nan("");
constexpr double kPi = 3.14159265358979324, kSqrtPi = 1.77245385090551603,
                 kSqrt2 = 1.41421356237309505;

// Chebyshev coefficients in x / 4 - 1 for x <= 8 of e^-x I0(x) and e^-x I1(x) / x, and in 16 / x -
// 1 beyond of sqrt(x) e^-x I0(x) and sqrt(x) e^-x I1(x).
constexpr double kI0Small[] = {
    3.38397637204738042e-1,   -3.04682672343198399e-1,  1.71620901522208775e-1,
    -9.49010970480476444e-2,  4.93052842396707085e-2,   -2.37374148058994688e-2,
    1.05464603945949983e-2,   -4.32430999505057594e-3,  1.6394756169413358e-3,
    -5.76375574538582366e-4,  1.88502885095841656e-4,   -5.7541950100821037e-5,
    1.64484480707288971e-5,   -4.41673835845875056e-6,  1.11738753912010372e-6,
    -2.67079385394061173e-7,  6.04699502254191895e-8,   -1.30002500998624804e-8,
    2.65982372468238665e-9,   -5.18979560163526291e-10, 9.67580903537323691e-11,
    -1.72682629144155571e-11, 2.95505266312963983e-12,  -4.85644678311192946e-13,
    7.67618549860493562e-14,  -1.16853328779934517e-14, 1.71539128555513303e-15,
    -2.43127984654795469e-16, 3.3307945188222381e-17,   -4.41534164647933938e-18};
constexpr double kI0Large[] = {
    4.02245205507054416e-1,   3.36911647825569409e-3,   6.88975834691682398e-5,
    2.89137052083475648e-6,   2.04891858946906374e-7,   2.26666899049817806e-8,
    3.39623202570838635e-9,   4.94060238822496959e-10,  1.18891471078464383e-11,
    -3.14991652796324136e-11, -1.32158118404477131e-11, -1.79417853150680612e-12,
    7.18012445138366623e-13,  3.8527783827421427e-13,   1.54008621752140983e-14,
    -4.15056934728722209e-14, -9.55484669882830765e-15, 3.81168066935262242e-15,
    1.77256013305652638e-15,  -3.42548561967721913e-16, -2.82762398051658348e-16,
    3.46122286769746109e-17,  4.46562142029676e-17,     -4.83050448594418207e-18,
    -7.23318048787475395e-18};
constexpr double kI1Small[] = {
    1.26293593221816827e-1,   -1.76416518357834055e-1,  1.02643658689847095e-1,
    -5.29459812080949914e-2,  2.47264490306265168e-2,   -1.05640848946261982e-2,
    4.15642294431288816e-3,   -1.51357245063125315e-3,  5.12285956168575773e-4,
    -1.61760815825896746e-4,  4.78156510755005423e-5,   -1.32731636560394358e-5,
    3.47025130813767848e-6,   -8.56872026469545474e-7,  2.00329475355213526e-7,
    -4.44505912879632808e-8,  9.38153738649577178e-9,   -1.88724975172282929e-9,
    3.62559028155211704e-10,  -6.66348972350202774e-11, 1.17361862988909016e-11,
    -1.98397439776494372e-12, 3.22379336594557471e-13,  -5.04218550472791169e-14,
    7.60068429473540693e-15,  -1.10559694773538631e-15, 1.55363195773620047e-16,
    -2.11142121435816608e-17, 2.77791411276104637e-18};
constexpr double kI1Large[] = {
    3.8928811750914006e-1,    -9.76109749136146841e-3,  -1.10588938762623716e-4,
    -3.88256480887769039e-6,  -2.51223623787020893e-7,  -2.63146884688951951e-8,
    -3.83538038596423702e-9,  -5.58974346219658381e-10, -1.89749581235054123e-11,
    3.25260358301548824e-11,  1.41258074366137813e-11,  2.03562854414708951e-12,
    -7.19855177624590851e-13, -4.08355111109219732e-13, -2.10154184277266431e-14,
    4.27244001671195135e-14,  1.04202769841288028e-14,  -3.8144030724370078e-15,
    -1.88035477551078245e-15, 3.30820231092092828e-16,  2.96262899764595014e-16,
    -3.20952592199342396e-17, -4.65030536848935833e-17, 4.41434832307170795e-18,
    7.51729631084210481e-18};

template <int kTerms>
double chebyshev(const double (&c)[kTerms], double t) {
  double b = 0, before = 0;
  for (int k = kTerms - 1; k > 0; --k) {
    const double next = 2 * t * b - before + c[k];
    before = b;
    b = next;
  }
  return t * b - before + c[0];
}

// e^x y, y small enough that the product may be finite where e^x is not.
double scaled_exp(double x, double y) {
  const double half = __builtin_exp(0.5 * x);
  return half * y * half;
}

// log(erfc(y)) = log(z), 0 < z <= 1/2, by Newton's method on the logarithm.
double inverse_erfc(double z) {
  const double target = __builtin_log(z), level = target + __builtin_log1p(1 - z);
  const double t = 4.3307467508 + 0.5 * level;  // Winitzki's approximation with a = 0.147
  double y = __builtin_sqrt(__builtin_sqrt(t * t - level / 0.147) - t);
  for (int i = 0; i < 4; ++i) {
    const double scaled = scalar_erfcx(y);
    y += (__builtin_log(scaled) - y * y - target) * scaled * (0.5 * kSqrtPi);
  }
  return y;
}

// |x| <= 1/2: a few terms of the series, then Halley's method.
double inverse_erf(double x) {
  const double s = 0.25 * kPi * x * x;
  double y = 0.5 * kSqrtPi * x * (1 + s * (1. / 3 + s * (7. / 30 + s * (127. / 630))));
  for (int i = 0; i < 2; ++i) {
    const double u = (__builtin_erf(y) - x) * (0.5 * kSqrtPi) * __builtin_exp(y * y);
    y -= u / (1 + y * u);
  }
  return y;
}

// s > 1, q > 0: a sum, and its tail by the Euler-Maclaurin formula.
double zeta_positive(double s, double q) {
  constexpr double kBernoulli[] = {
      // B_2j / (2j)!
      8.33333333333333333e-2,   -1.38888888888888889e-3,  3.30687830687830688e-5,
      -8.26719576719576720e-7,  2.08767569878680990e-8,   -5.28419013868749318e-10,
      1.33825365306846788e-11,  -3.38968029632258287e-13, 8.58606205627784456e-15,
      -2.17486869855806187e-16, 5.50900282836022952e-18,  -1.39544646858125233e-19};
  double sum = 0, w = q;
  while (w < 10 || w < 0.5 * s + 12) {
    const double term = __builtin_pow(w, -s);
    sum += term;
    if (sum == kInf || term * (w / (s - 1) + 1) <= 1e-17 * sum) return sum;
    w += 1;
  }
  double power = __builtin_pow(w, -s);
  sum += __builtin_pow(w, 1 - s) / (s - 1) + 0.5 * power;
  if (power == 0) return sum;
  double rising = s;
  power /= w;
  for (int j = 0; j < 12; ++j) {
    const double term = kBernoulli[j] * rising * power;
    sum += term;
    if (__builtin_fabs(term) < 1e-17 * __builtin_fabs(sum)) break;
    rising *= (s + 2 * j + 1) * (s + 2 * j + 2);
    power /= w * w;
  }
  return sum;
}

// x and what raising it to kLeast and more has cost: Gamma(x + n) = product Gamma(x), and the sum
// of 1 / (x + i) over i < n is sum / product. For x >= 0; a zero stays in the product.
struct Raised {
  Vec<double> x, product, sum;
};
template <int kLeast, bool kSum>
PF_INLINE Raised raise(Vec<double> x) {
  Raised r{x, 1.0, 0.0};
  for (int i = 0; i < kLeast; ++i) {
    const Mask<double> small = r.x < kLeast;
    if (!any(small)) break;
    if constexpr (kSum) r.sum = where(small, fma(r.sum, r.x, r.product), r.sum);
    r.product = where(small, r.product * r.x, r.product);
    r.x = where(small, r.x + 1, r.x);
  }
  return r;
}

// Stirling's series from 6 on, below by recurrence, for negative x reflected: to 1e-14 absolute.
Vec<double> lgamma_of(Vec<double> x) {
  const Mask<double> negative = x < 0;
  const Raised r = raise<6, false>(where(negative, 1 - x, x));
  const Vec<double> inverse = 1 / r.x;
  const Vec<double> series =
      horner(inverse * inverse, 1. / 12, -1. / 360, 1. / 1260, -1. / 1680, 1. / 1188,
             -691. / 360360, 1. / 156, -3617. / 122400, 43867. / 244188);
  const Vec<double> y =
      (r.x - 0.5) * (log(r.x) - 1) + (0.41893853320467274178 + (series * inverse - log(r.product)));
  if (!any(negative)) return y;
  const Vec<double> sine = abs(sin(kPi * (x - round(x))));
  return where(negative, where(x == -kInf, kInf, log(kPi / sine) - y), y);
}

Vec<double> digamma_of_lanes(Vec<double> x) {
  const Mask<double> negative = x < 0;
  const Raised r = raise<10, true>(where(negative, 1 - x, x));
  const Vec<double> z = 1 / (r.x * r.x);
  const Vec<double> series =
      z * horner(z, 1. / 12, -1. / 120, 1. / 252, -1. / 240, 1. / 132, -691. / 32760, 1. / 12);
  const Vec<double> y = log(r.x) - 0.5 / r.x - series - r.sum / r.product;
  if (!any(negative)) return y;
  const Vec<double> fraction = x - round(x);
  const Vec<double> reflected = y - kPi / tan(kPi * fraction);
  return where(negative, where(fraction == 0, kNan, reflected), y);
}

}  // namespace

void lgamma_lanes(float* x) {
  const Vec<float> v = load(x);
  store(x, to_float(lgamma_of(to_double(v, 0)), lgamma_of(to_double(v, 1))));
}
void digamma_lanes(float* x) {
  const Vec<float> v = load(x);
  store(x, to_float(digamma_of_lanes(to_double(v, 0)), digamma_of_lanes(to_double(v, 1))));
}
void digamma_lanes(double* x) { store(x, digamma_of_lanes(load(x))); }

double scalar_erfcx(double x) {
  if (x < 25) {  // x^2 in two parts
    const double square = x * x, rest = __builtin_fma(x, x, -square), e = __builtin_exp(square);
    return e == kInf ? e : (e + e * rest) * __builtin_erfc(x);
  }
  const double u = 1 / (2 * x * x);
  double series = 1;
  for (int k = 13; k > 0; k -= 2) series = 1 - k * u * series;
  return series / (x * kSqrtPi);
}

double scalar_ndtri(double p) {
  if (!(p > 0 && p < 1)) return p == 0 ? -kInf : p == 1 ? kInf : kNan;
  if (p <= 0.25) return -kSqrt2 * inverse_erfc(2 * p);
  if (p >= 0.75) return kSqrt2 * inverse_erfc(2 * (1 - p));
  return kSqrt2 * inverse_erf(2 * p - 1);
}

double scalar_log_ndtr(double x) {
  const double t = x * (1 / kSqrt2);
  if (x < -1) return __builtin_log(0.5 * scalar_erfcx(-t)) - t * t;
  return __builtin_log1p(-0.5 * __builtin_erfc(t));
}

double scalar_lgamma(double x) {
  int sign;
  return lgamma_r(x, &sign);
}

double scalar_digamma(double x) {
  double lanes[Vec<double>::kLanes] = {x};
  digamma_lanes(lanes);
  return lanes[0];
}

// Hurwitz: the sum of (q + k)^-s over k >= 0. For q < 0 the terms left of 0 are mirrored.
double scalar_zeta(double s, double q) {
  if (!(s > 1)) return s == 1 ? kInf : kNan;
  if (q != q) return q;
  if (q > 0) return zeta_positive(s, q);
  const double floor = __builtin_floor(q), fraction = q - floor, mirror = floor + 1 - q;
  if (!(fraction > 0)) return kInf;
  if (s != __builtin_floor(s)) return kNan;
  const double mirrored = zeta_positive(s, mirror) - zeta_positive(s, 1 - q);
  return zeta_positive(s, fraction) + (__builtin_fmod(s, 2) == 0 ? mirrored : -mirrored);
}

double scalar_polygamma(double n, double x) {
  if (n == 0) return scalar_digamma(x);
  const double size = __builtin_tgamma(n + 1) * scalar_zeta(n + 1, x);
  return __builtin_fmod(n, 2) == 0 ? -size : size;
}

double scalar_i0e(double x) {
  x = __builtin_fabs(x);
  if (x <= 8) return chebyshev(kI0Small, x / 4 - 1);
  return chebyshev(kI0Large, 16 / x - 1) / __builtin_sqrt(x);
}
double scalar_i0(double x) {
  x = __builtin_fabs(x);
  return x == kInf ? x : scaled_exp(x, scalar_i0e(x));
}
double scalar_i1e(double x) {
  const double a = __builtin_fabs(x);
  if (a <= 8) return chebyshev(kI1Small, a / 4 - 1) * x;
  return __builtin_copysign(chebyshev(kI1Large, 16 / a - 1) / __builtin_sqrt(a), x);
}
double scalar_i1(double x) {
  const double a = __builtin_fabs(x);
  return a == kInf ? x : scaled_exp(a, scalar_i1e(x));
}

double scalar_j0(double x) { return j0(x); }
double scalar_j1(double x) { return j1(x); }
double scalar_y0(double x) { return y0(x); }
double scalar_y1(double x) { return y1(x); }

void each_element(float* x, double (*f)(double)) {
  for (int i = 0; i < Vec<float>::kLanes; ++i)
    x[i] = static_cast<float>(f(static_cast<double>(x[i])));
}
void each_element(double* x, double (*f)(double)) {
  for (int i = 0; i < Vec<double>::kLanes; ++i) x[i] = f(x[i]);
}
void each_element(float* x, const float* y, double (*f)(double, double)) {
  for (int i = 0; i < Vec<float>::kLanes; ++i)
    x[i] = static_cast<float>(f(static_cast<double>(x[i]), static_cast<double>(y[i])));
}
void each_element(double* x, const double* y, double (*f)(double, double)) {
  for (int i = 0; i < Vec<double>::kLanes; ++i) x[i] = f(x[i], y[i]);
}

}  // namespace pyforge::kernels::PF_ISA
