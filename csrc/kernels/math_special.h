// Special functions, most of them computed one element at a time in double precision: special.cpp,
// special_more.cpp.
#pragma once
#include "kernels/math_inverse.h"

namespace pyforge::kernels::PF_ISA {

double scalar_erfcx(double x);
double scalar_ndtri(double x);
double scalar_log_ndtr(double x);
double scalar_lgamma(double x);
double scalar_digamma(double x);
double scalar_zeta(double s, double q);
double scalar_polygamma(double n, double x);
double scalar_i0(double x);
double scalar_i0e(double x);
double scalar_i1(double x);
double scalar_i1e(double x);
double scalar_j0(double x);
double scalar_j1(double x);
double scalar_y0(double x);
double scalar_y1(double x);
// special_more.cpp
double scalar_k0(double x);
double scalar_k0e(double x);
double scalar_k1(double x);
double scalar_k1e(double x);
double scalar_airy_ai(double x);
double scalar_airy_ai_prime(double x);
double scalar_spherical_j0(double x);
double scalar_igamma(double a, double x);
double scalar_igammac(double a, double x);
double scalar_igamma_da(double a, double x);
double scalar_chebyshev_t(double x, double n);
double scalar_chebyshev_u(double x, double n);
double scalar_chebyshev_v(double x, double n);
double scalar_chebyshev_w(double x, double n);
double scalar_shifted_chebyshev_t(double x, double n);
double scalar_shifted_chebyshev_u(double x, double n);
double scalar_shifted_chebyshev_v(double x, double n);
double scalar_shifted_chebyshev_w(double x, double n);
double scalar_hermite_h(double x, double n);
double scalar_hermite_he(double x, double n);
double scalar_laguerre_l(double x, double n);
double scalar_legendre_p(double x, double n);

// In place, for the lanes of one vector.
void lgamma_lanes(float* x);
void digamma_lanes(float* x);
void digamma_lanes(double* x);
// x[i] = f(x[i]) and f(x[i], y[i]) for the lanes of one vector.
void each_element(float* x, double (*f)(double));
void each_element(double* x, double (*f)(double));
void each_element(float* x, const float* y, double (*f)(double, double));
void each_element(double* x, const double* y, double (*f)(double, double));

template <class T>
PF_INLINE Vec<T> by_element(Vec<T> x, double (*f)(double)) {
  T lanes[Vec<T>::kLanes];
  store(lanes, x);
  each_element(lanes, f);
  return load(lanes);
}
template <class T>
PF_INLINE Vec<T> by_element(Vec<T> x, Vec<T> y, double (*f)(double, double)) {
  T lanes[Vec<T>::kLanes], other[Vec<T>::kLanes];
  store(lanes, x);
  store(other, y);
  each_element(lanes, other, f);
  return load(lanes);
}

// e^(-x^2) / (1 + x) times a polynomial in (x - 4) / (x + 4), x^2 in two parts; 0 from 27.3 on.
PF_INLINE Vec<double> erfc(Vec<double> x) {
  const Vec<double> a = at_most(abs(x), Vec<double>(27.5));
  const Vec<double> u = fma((a - 4) / (a + 4), Vec<double>(1.1454545454545454545),
                            Vec<double>(0.14545454545454545455));
  const Vec<double> p =
      horner(u, 7.12297202489112758e-1, -2.0202115955107192e-1, 1.031642268470603e-1,
             -3.11287275877688503e-2, -6.38271100550940423e-3, 1.70110160180054384e-2,
             -1.39237902622656919e-2, 7.59261016753159059e-3, -2.9495222446866631e-3,
             7.44417209788363506e-4, -5.94718823946490148e-5, -3.8222786778130486e-5,
             1.51471572250756658e-5, -2.64164738797649889e-7, -1.29220116688161159e-6,
             2.35444896493848565e-7, 9.2582354962671233e-8, -3.27492730423203554e-8,
             -6.74443139126753949e-9, 3.46969985450572492e-9, 5.28674290248923238e-10,
             -2.39530137924954742e-10, -3.32118372036702398e-11);
  const Pair<double> square = exact_product(a, a);
  const Vec<double> e = exp(-square.high), r = (e - e * square.low) * (p / (1 + a));
  return where(x < 0, 2 - r, r);
}
PF_INLINE Vec<float> erfc(Vec<float> x) {
  return to_float(erfc(to_double(x, 0)), erfc(to_double(x, 1)));
}

// x P(w) with w = -log(1 - x^2): one polynomial up to 6.25, two in sqrt(w) beyond, which few lanes
// need.
PF_INLINE Vec<double> erfinv(Vec<double> x) {
  const Vec<double> a = abs(x), w = -log((1 - a) * (1 + a));
  Vec<double> p = horner(0.32 * w - 1, 1.65365456268310271, 7.50494320079963575e-1,
                         -5.89225671037783919e-2, -2.26044474534502317e-2, 1.78083618183217554e-2,
                         -4.13731437740339097e-3, -1.27169226892305407e-3, 1.23248556855009309e-3,
                         -2.6439366376450274e-4, -1.16888839063683977e-4, 9.3367365258555527e-5,
                         -1.50277139266076725e-5, -1.12572237422895992e-5, 7.13006637407671143e-6,
                         -6.83944858411102859e-7, -1.05933693132794796e-6, 5.39789541717395696e-7,
                         -1.01678815228438994e-8, -9.90504230785531605e-8, 3.91426710013310825e-8,
                         5.03959647795806351e-9, -8.55798407447920194e-9, 1.44610505076760231e-9,
                         7.68099047557652496e-10, -2.54661579988926672e-10);
  const Mask<double> far = !(w < 6.25);
  if (any(far)) {
    const Vec<double> s = sqrt(w);
    const Vec<double> middle = horner(
        (s - 3.25) / 0.75, 3.08388561049222068, 7.53944225770624034e-1, 3.02113943637480061e-3,
        -1.58254108940711013e-3, 7.8830785130355052e-4, -4.00635698357098872e-4,
        1.69665022015941777e-4, -4.73918272880712517e-5, 2.40586454108482313e-6,
        5.12731666449741065e-6, -2.66479285393672903e-6, 5.2646247287145872e-7,
        9.2891122256194809e-8, -9.46899457024693646e-8, 2.64022295534220207e-8,
        -3.68624482126667247e-10, -2.46325491005034057e-9, 9.88911538982797786e-10,
        -1.16623938386260473e-10, -6.46696051492527598e-11, 2.40977071834272669e-11);
    const Vec<double> tail =
        horner((s - 5.05) / 1.05, 4.90042105144364055, 1.06079926847765979, -1.87268545872220139e-4,
               -2.31886186678057156e-4, 8.65930486676748814e-5, -2.34510826648768092e-5,
               5.62016493144652908e-6, -1.27635336248080299e-6, 2.97884202714901949e-7,
               -8.52511652638636353e-8, 3.5542507808422244e-8, -1.90829615898870752e-8,
               1.0431569308888454e-8, -5.09301505695112846e-9, 2.07066264851094525e-9,
               -6.83844610031726442e-10, 1.71712095054559133e-10, 6.0957068418925134e-12,
               -3.77420139420270552e-11, 1.26627899945688509e-11);
    p = where(far, where(s < 4, middle, tail), p);
  }
  return where(a == 1, x * Fp<double>::kInf, p * x);
}
PF_INLINE Vec<float> erfinv(Vec<float> x) {
  const Vec<float> a = abs(x), w = -log((1 - a) * (1 + a));
  const Vec<float> p = horner(0.32f * w - 1, 1.65365458f, 0.750494301f, -0.0589231439f,
                              -0.0226039942f, 0.0178146027f, -0.00413997564f, -0.00129635434f,
                              0.00124072435f, -0.000220180591f, -0.000131837485f, 5.66460003e-05f);
  const Mask<float> far = !(w < 6.25f);
  if (!any(far)) return p * x;
  return where(far, to_float(erfinv(to_double(x, 0)), erfinv(to_double(x, 1))), p * x);
}

#define PF_BY_ELEMENT(name, fn)                                         \
  PF_INLINE Vec<float> name(Vec<float> x) { return by_element(x, fn); } \
  PF_INLINE Vec<double> name(Vec<double> x) { return by_element(x, fn); }
#define PF_BY_ELEMENT_2(name, fn)                                                        \
  PF_INLINE Vec<float> name(Vec<float> a, Vec<float> b) { return by_element(a, b, fn); } \
  PF_INLINE Vec<double> name(Vec<double> a, Vec<double> b) { return by_element(a, b, fn); }
PF_INLINE Vec<float> lgamma(Vec<float> x) {
  float lanes[Vec<float>::kLanes];
  store(lanes, x);
  lgamma_lanes(lanes);
  return load(lanes);
}
PF_INLINE Vec<double> lgamma(Vec<double> x) { return by_element(x, scalar_lgamma); }
template <class T>
PF_INLINE Vec<T> digamma_of(Vec<T> x) {
  T lanes[Vec<T>::kLanes];
  store(lanes, x);
  digamma_lanes(lanes);
  return load(lanes);
}
PF_INLINE Vec<float> digamma(Vec<float> x) { return digamma_of(x); }
PF_INLINE Vec<double> digamma(Vec<double> x) { return digamma_of(x); }
PF_BY_ELEMENT(i0, scalar_i0)
PF_BY_ELEMENT(special_i0e, scalar_i0e)
PF_BY_ELEMENT(special_i1, scalar_i1)
PF_BY_ELEMENT(special_i1e, scalar_i1e)
PF_BY_ELEMENT(special_erfcx, scalar_erfcx)
PF_BY_ELEMENT(special_ndtri, scalar_ndtri)
PF_BY_ELEMENT(special_log_ndtr, scalar_log_ndtr)
PF_BY_ELEMENT(special_bessel_j0, scalar_j0)
PF_BY_ELEMENT(special_bessel_j1, scalar_j1)
PF_BY_ELEMENT(special_bessel_y0, scalar_y0)
PF_BY_ELEMENT(special_bessel_y1, scalar_y1)
PF_BY_ELEMENT_2(polygamma, scalar_polygamma)
PF_BY_ELEMENT_2(special_zeta, scalar_zeta)
PF_BY_ELEMENT(special_modified_bessel_k0, scalar_k0)
PF_BY_ELEMENT(special_scaled_modified_bessel_k0, scalar_k0e)
PF_BY_ELEMENT(special_modified_bessel_k1, scalar_k1)
PF_BY_ELEMENT(special_scaled_modified_bessel_k1, scalar_k1e)
PF_BY_ELEMENT(special_airy_ai, scalar_airy_ai)
PF_BY_ELEMENT(special_airy_ai_prime, scalar_airy_ai_prime)
PF_BY_ELEMENT(special_spherical_bessel_j0, scalar_spherical_j0)
PF_BY_ELEMENT_2(igamma, scalar_igamma)
PF_BY_ELEMENT_2(igammac, scalar_igammac)
PF_BY_ELEMENT_2(special_igamma_da, scalar_igamma_da)
PF_BY_ELEMENT_2(special_chebyshev_polynomial_t, scalar_chebyshev_t)
PF_BY_ELEMENT_2(special_chebyshev_polynomial_u, scalar_chebyshev_u)
PF_BY_ELEMENT_2(special_chebyshev_polynomial_v, scalar_chebyshev_v)
PF_BY_ELEMENT_2(special_chebyshev_polynomial_w, scalar_chebyshev_w)
PF_BY_ELEMENT_2(special_shifted_chebyshev_polynomial_t, scalar_shifted_chebyshev_t)
PF_BY_ELEMENT_2(special_shifted_chebyshev_polynomial_u, scalar_shifted_chebyshev_u)
PF_BY_ELEMENT_2(special_shifted_chebyshev_polynomial_v, scalar_shifted_chebyshev_v)
PF_BY_ELEMENT_2(special_shifted_chebyshev_polynomial_w, scalar_shifted_chebyshev_w)
PF_BY_ELEMENT_2(special_hermite_polynomial_h, scalar_hermite_h)
PF_BY_ELEMENT_2(special_hermite_polynomial_he, scalar_hermite_he)
PF_BY_ELEMENT_2(special_laguerre_polynomial_l, scalar_laguerre_l)
PF_BY_ELEMENT_2(special_legendre_polynomial_p, scalar_legendre_p)

}  // namespace pyforge::kernels::PF_ISA
