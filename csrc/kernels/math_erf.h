// erf = 1 - exp(-q(x)) with q approximating -log(erfc), in float32 as an expm1 that is accurate
// near 0, where float64 has a rational approximation.
#pragma once
#include "kernels/math_exp.h"

namespace pyforge::kernels::PF_ISA {

PF_INLINE Vec<float> erf(Vec<float> x) {
  const Vec<float> t = at_most(abs(x), Vec<float>(4.0f));
  const Vec<float> q =
      fma(t,
          horner(t, 0.128379172f, 0.636619382f, 0.10277783f, -0.01915306173f, -1.604004965e-4f,
                 1.667032254e-3f, -6.328396619e-4f, 1.176421076e-4f, -9.256364086e-6f),
          t);
  const auto [shifted, r] = exp_reduce(-q);
  const Vec<float> s = power_of_two(shifted, 0);
  return with_sign(fma(-exp_poly(r), s, 1 - s), x);
}

PF_INLINE Vec<double> erf(Vec<double> x) {
  const Vec<double> a = abs(x), z = a * a, u = at_most(a, Vec<double>(6.0)) - 2, w = u * u;
  const Vec<double> p =
      horner(z, 1.283791670955125747e-1, -3.17006140070034587e-1, -4.832945435730769503e-2,
             -8.815667729518510994e-3, -4.956134221589064299e-4, -2.073253705930884195e-5);
  const Vec<double> d =
      horner(z, 1.0, 4.605127942434645739e-1, 9.381306646060498831e-2, 1.06930786210523117e-2,
             6.924981478646908824e-4, 2.081025432322410006e-5);
  const Vec<double> even =
      horner(w, 5.364941264616637637, 9.237508418237958261e-1, -3.57075634619924345e-3,
             -1.35309333337707961e-4, -1.95220039685909602e-6, 1.732177205430348297e-7,
             1.393851913104777914e-8, 2.796837059022274261e-10, -3.802520818606243529e-11,
             -1.191496795724644059e-12);
  const Vec<double> odd =
      horner(w, 4.418160805994420439, 1.646511813672616069e-2, 7.323993871621034519e-4,
             2.070642699281240304e-5, -2.036317106419184196e-7, -5.780950651233143221e-8,
             -2.530022618561884316e-9, 3.889685197895853324e-11, 1.099947242547982007e-11);
  return with_sign(where(a < 1.0, fma(a, p / d, a), 1 - exp_moderate(-fma(odd, u, even))), x);
}

}  // namespace pyforge::kernels::PF_ISA
