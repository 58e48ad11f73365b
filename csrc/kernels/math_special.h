// Special functions that are computed one element at a time, in double precision: special.cpp.
#pragma once
#include "kernels/math_inverse.h"

namespace pyforge::kernels::PF_ISA {

double scalar_erfc(double x);
double scalar_erfcx(double x);
double scalar_erfinv(double x);
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

#define PF_BY_ELEMENT(name, fn)                                         \
  PF_INLINE Vec<float> name(Vec<float> x) { return by_element(x, fn); } \
  PF_INLINE Vec<double> name(Vec<double> x) { return by_element(x, fn); }
#define PF_BY_ELEMENT_2(name, fn)                                                        \
  PF_INLINE Vec<float> name(Vec<float> a, Vec<float> b) { return by_element(a, b, fn); } \
  PF_INLINE Vec<double> name(Vec<double> a, Vec<double> b) { return by_element(a, b, fn); }
PF_BY_ELEMENT(erfc, scalar_erfc)
PF_BY_ELEMENT(erfinv, scalar_erfinv)
PF_BY_ELEMENT(lgamma, scalar_lgamma)
PF_BY_ELEMENT(digamma, scalar_digamma)
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

}  // namespace pyforge::kernels::PF_ISA
