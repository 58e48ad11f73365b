// The names and signatures of the orthogonal polynomials: a value and a degree.
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

Tensor chebyshev_t(const Operand& input, const Operand& n) {
  return special_chebyshev_polynomial_t(input, n);
}
Tensor chebyshev_u(const Operand& input, const Operand& n) {
  return special_chebyshev_polynomial_u(input, n);
}
Tensor chebyshev_v(const Operand& input, const Operand& n) {
  return special_chebyshev_polynomial_v(input, n);
}
Tensor chebyshev_w(const Operand& input, const Operand& n) {
  return special_chebyshev_polynomial_w(input, n);
}
Tensor shifted_chebyshev_t(const Operand& input, const Operand& n) {
  return special_shifted_chebyshev_polynomial_t(input, n);
}
Tensor shifted_chebyshev_u(const Operand& input, const Operand& n) {
  return special_shifted_chebyshev_polynomial_u(input, n);
}
Tensor shifted_chebyshev_v(const Operand& input, const Operand& n) {
  return special_shifted_chebyshev_polynomial_v(input, n);
}
Tensor shifted_chebyshev_w(const Operand& input, const Operand& n) {
  return special_shifted_chebyshev_polynomial_w(input, n);
}
Tensor hermite_h(const Operand& input, const Operand& n) {
  return special_hermite_polynomial_h(input, n);
}
Tensor hermite_he(const Operand& input, const Operand& n) {
  return special_hermite_polynomial_he(input, n);
}
Tensor laguerre_l(const Operand& input, const Operand& n) {
  return special_laguerre_polynomial_l(input, n);
}
Tensor legendre_p(const Operand& input, const Operand& n) {
  return special_legendre_polynomial_p(input, n);
}

PF_OP(chebyshev_t, "special_chebyshev_polynomial_t(Tensor|Number input, Tensor|Number n) -> Tensor",
      kNN, "Chebyshev polynomial of the first kind of degree n; 0 for negative n.")
PF_OP(chebyshev_u, "special_chebyshev_polynomial_u(Tensor|Number input, Tensor|Number n) -> Tensor",
      kNN, "Chebyshev polynomial of the second kind of degree n; 0 for negative n.")
PF_OP(chebyshev_v, "special_chebyshev_polynomial_v(Tensor|Number input, Tensor|Number n) -> Tensor",
      kNN, "Chebyshev polynomial of the third kind of degree n; 0 for negative n.")
PF_OP(chebyshev_w, "special_chebyshev_polynomial_w(Tensor|Number input, Tensor|Number n) -> Tensor",
      kNN, "Chebyshev polynomial of the fourth kind of degree n; 0 for negative n.")
PF_OP(shifted_chebyshev_t,
      "special_shifted_chebyshev_polynomial_t(Tensor|Number input, Tensor|Number n) -> Tensor", kNN,
      "Chebyshev polynomial of the first kind of degree n at 2 x - 1; 0 for negative n.")
PF_OP(shifted_chebyshev_u,
      "special_shifted_chebyshev_polynomial_u(Tensor|Number input, Tensor|Number n) -> Tensor", kNN,
      "Chebyshev polynomial of the second kind of degree n at 2 x - 1; 0 for negative n.")
PF_OP(shifted_chebyshev_v,
      "special_shifted_chebyshev_polynomial_v(Tensor|Number input, Tensor|Number n) -> Tensor", kNN,
      "Chebyshev polynomial of the third kind of degree n at 2 x - 1; 0 for negative n.")
PF_OP(shifted_chebyshev_w,
      "special_shifted_chebyshev_polynomial_w(Tensor|Number input, Tensor|Number n) -> Tensor", kNN,
      "Chebyshev polynomial of the fourth kind of degree n at 2 x - 1; 0 for negative n.")
PF_OP(hermite_h, "special_hermite_polynomial_h(Tensor|Number input, Tensor|Number n) -> Tensor",
      kNN, "Physicist's Hermite polynomial of degree n; 0 for negative n, NaN above 512.")
PF_OP(hermite_he, "special_hermite_polynomial_he(Tensor|Number input, Tensor|Number n) -> Tensor",
      kNN, "Probabilist's Hermite polynomial of degree n; 0 for negative n, NaN above 512.")
PF_OP(laguerre_l, "special_laguerre_polynomial_l(Tensor|Number input, Tensor|Number n) -> Tensor",
      kNN, "Laguerre polynomial of degree n; 0 for negative n, NaN above 10 million.")
PF_OP(legendre_p, "special_legendre_polynomial_p(Tensor|Number input, Tensor|Number n) -> Tensor",
      kNN, "Legendre polynomial of degree n; 0 for negative n, NaN above 10 million.")

}  // namespace
}  // namespace pyforge::ops
