// erf: near 0 x (1 + P(x^2)), elsewhere 1 - exp(-q(x)) with q approximating -log(erfc).
#pragma once
#include "kernels/math_exp.h"

namespace pyforge::kernels::PF_ISA {

PF_INLINE Vec<float> erf(Vec<float> x) {
  const Vec<float> a = abs(x), z = a * a, t = at_most(a, Vec<float>(4.0f));
  const Vec<float> small = horner(z, 1.283791477e-1f, -3.76124811e-1f, 1.128168254e-1f,
                                  -2.676171989e-2f, 4.985940635e-3f, -5.953741874e-4f);
  const Vec<float> q = horner(t, -1.732395552e-4f, 1.129508154f, 6.333602516e-1f, 1.082657909e-1f,
                              -2.51104301e-2f, 4.167739236e-3f, -4.33795316e-4f, 2.103889407e-5f);
  return with_sign(where(a < 0.92f, fma(a, small, a), 1 - exp_moderate(-q)), x);
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
