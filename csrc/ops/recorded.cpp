#include "ops/recorded.h"

#include <cstring>

#include "autograd/anomaly.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

// A value in a row's derivative: a recorded tensor or a plain number.
struct Var {
  Tensor t;
  Scalar s;
  DType dtype = DType::Float32;

  Var(int v) : s(v) {}
  Var(double v) : s(v) {}
  Var(Scalar v, DType dtype) : s(v), dtype(dtype) {}
  Var(Tensor v) : t(std::move(v)) { dtype = t.dtype(); }
  bool number() const { return !t.defined(); }
  Operand operand() const { return number() ? Operand(s) : Operand(t); }
  Tensor tensor() const {
    return number() ? full({}, s, is_floating(dtype) ? dtype : default_dtype()) : t;
  }
};

#define PF_VAR_OPERATOR(op, fn)                                                   \
  [[maybe_unused]] Var operator op(const Var& a, const Var& b) {                  \
    if (a.number() && b.number()) return Var(a.s.to_double() op b.s.to_double()); \
    return fn(a.operand(), b.operand());                                          \
  }
PF_VAR_OPERATOR(+, add)
PF_VAR_OPERATOR(-, sub)
PF_VAR_OPERATOR(*, mul)
PF_VAR_OPERATOR(/, div)
#undef PF_VAR_OPERATOR
#define PF_VAR_COMPARE(op, fn)                                   \
  [[maybe_unused]] Var operator op(const Var& a, const Var& b) { \
    return fn(a.number() ? a.tensor() : a.t, b.operand());       \
  }
PF_VAR_COMPARE(<, lt)
PF_VAR_COMPARE(<=, le)
PF_VAR_COMPARE(>, gt)
PF_VAR_COMPARE(>=, ge)
PF_VAR_COMPARE(==, eq)
PF_VAR_COMPARE(!=, ne)
#undef PF_VAR_COMPARE
[[maybe_unused]] Var operator-(const Var& a) {
  return a.number() ? Var(-a.s.to_double()) : Var(neg(a.t));
}
[[maybe_unused]] Var operator&(const Var& a, const Var& b) {
  return logical_and(a.tensor(), b.operand());
}
[[maybe_unused]] Var operator|(const Var& a, const Var& b) {
  return logical_or(a.tensor(), b.operand());
}
[[maybe_unused]] Var operator!(const Var& a) { return logical_not(a.tensor()); }
[[maybe_unused]] Var operator~(const Var& a) { return logical_not(a.tensor()); }
[[maybe_unused]] Var where(const Var& mask, const Var& a, const Var& b) {
  if (!a.number() || !b.number()) return ops::where(mask.tensor(), a.operand(), b.operand());
  DType dtype = promote(a.dtype, b.dtype);  // a number of its own would have the default dtype
  return ops::where(mask.tensor(), full({}, a.s, dtype), full({}, b.s, dtype));
}

#define PF_UNARY(name, types, fwd, bwd, doc) \
  [[maybe_unused]] Var name(const Var& x) { return ops::name(x.tensor()); }
#define PF_UNARY_1(name, types, p, dp, fwd, bwd, doc)
#define PF_UNARY_2(name, types, p, dp, q, dq, fwd, bwd, doc)
#define PF_PREDICATE(name, types, fwd, doc) \
  [[maybe_unused]] Var name(const Var& x) { return ops::name(x.tensor()); }
#define PF_BINARY(name, types, fwd, bwd_a, bwd_b, doc)                       \
  [[maybe_unused]] Var name(const Var& a, const Var& b) {                    \
    if (a.number() && b.number()) return ops::name(a.tensor(), b.operand()); \
    return ops::name(a.operand(), b.operand());                              \
  }
#define PF_BINARY_1(name, types, p, dp, fwd, bwd_a, bwd_b, doc)
// Constants in a derivative: their own is zero or does not exist.
#define PF_BINARY_NODIFF(name, types, fwd, doc)                              \
  [[maybe_unused]] Var name(const Var& a, const Var& b) {                    \
    GradModeGuard off(false);                                                \
    if (a.number() && b.number()) return ops::name(a.tensor(), b.operand()); \
    return ops::name(a.operand(), b.operand());                              \
  }
#define PF_COMPARE(name, types, fwd, doc) PF_BINARY(name, types, fwd, , , doc)
#include "kernels/elementwise_rows.inc"
#undef PF_UNARY
#undef PF_UNARY_1
#undef PF_UNARY_2
#undef PF_BINARY
#undef PF_BINARY_1

Var operand_var(const Tensor& t, const Scalar& s, DType dtype) {
  return t.defined() ? Var(t) : Var(s, dtype);
}

#define PF_SCOPE_UNARY                                            \
  [[maybe_unused]] Var g = d.g;                                   \
  [[maybe_unused]] Var x = operand_var(d.a, d.a_number, d.dtype); \
  [[maybe_unused]] Var y = operand_var(d.y, Scalar(), d.dtype);
#define PF_SCOPE_BINARY                                           \
  [[maybe_unused]] Var g = d.g;                                   \
  [[maybe_unused]] Var a = operand_var(d.a, d.a_number, d.dtype); \
  [[maybe_unused]] Var b = operand_var(d.b, d.b_number, d.dtype); \
  [[maybe_unused]] Var y = operand_var(d.y, Scalar(), d.dtype);
#define PF_ATTR(p, i) [[maybe_unused]] Var p(d.attrs[i], d.dtype);

namespace derivative {
#define PF_UNARY(name, types, fwd, bwd, doc)                      \
  Tensor name##_a(const DerivativeArgs& d) {                      \
    PF_SCOPE_UNARY return without_masked(d.g, Var(bwd).tensor()); \
  }
#define PF_UNARY_1(name, types, p, dp, fwd, bwd, doc)                           \
  Tensor name##_a(const DerivativeArgs& d) {                                    \
    PF_SCOPE_UNARY PF_ATTR(p, 0) return without_masked(d.g, Var(bwd).tensor()); \
  }
#define PF_UNARY_2(name, types, p, dp, q, dq, fwd, bwd, doc)                                  \
  Tensor name##_a(const DerivativeArgs& d) {                                                  \
    PF_SCOPE_UNARY PF_ATTR(p, 0) PF_ATTR(q, 1) return without_masked(d.g, Var(bwd).tensor()); \
  }
#define PF_BINARY(name, types, fwd, bwd_a, bwd_b, doc)               \
  Tensor name##_a(const DerivativeArgs& d) {                         \
    PF_SCOPE_BINARY return without_masked(d.g, Var(bwd_a).tensor()); \
  }                                                                  \
  Tensor name##_b(const DerivativeArgs& d) {                         \
    PF_SCOPE_BINARY return without_masked(d.g, Var(bwd_b).tensor()); \
  }
#define PF_BINARY_1(name, types, p, dp, fwd, bwd_a, bwd_b, doc)                    \
  Tensor name##_a(const DerivativeArgs& d) {                                       \
    PF_SCOPE_BINARY PF_ATTR(p, 0) return without_masked(d.g, Var(bwd_a).tensor()); \
  }                                                                                \
  Tensor name##_b(const DerivativeArgs& d) {                                       \
    PF_SCOPE_BINARY PF_ATTR(p, 0) return without_masked(d.g, Var(bwd_b).tensor()); \
  }
#undef PF_PREDICATE
#undef PF_BINARY_NODIFF
#undef PF_COMPARE
#define PF_PREDICATE(name, types, fwd, doc)
#define PF_BINARY_NODIFF(name, types, fwd, doc)
#define PF_COMPARE(name, types, fwd, doc)
#include "kernels/elementwise_rows.inc"
#undef PF_UNARY
#undef PF_UNARY_1
#undef PF_UNARY_2
#undef PF_PREDICATE
#undef PF_BINARY
#undef PF_BINARY_1
#undef PF_BINARY_NODIFF
#undef PF_COMPARE
}  // namespace derivative

struct Entry {
  RecordedDerivative derivative[2];
  bool identity[2];
};

constexpr bool is_g(const char* text) { return text[0] == 'g' && text[1] == 0; }

const Entry entries[] = {
#define PF_UNARY(name, types, fwd, bwd, doc) {{derivative::name##_a, nullptr}, {is_g(#bwd), false}},
#define PF_UNARY_1(name, types, p, dp, fwd, bwd, doc) PF_UNARY(name, types, fwd, bwd, doc)
#define PF_UNARY_2(name, types, p, dp, q, dq, fwd, bwd, doc) PF_UNARY(name, types, fwd, bwd, doc)
#define PF_PREDICATE(name, types, fwd, doc) {{nullptr, nullptr}, {false, false}},
#define PF_BINARY(name, types, fwd, bwd_a, bwd_b, doc) \
  {{derivative::name##_a, derivative::name##_b}, {is_g(#bwd_a), is_g(#bwd_b)}},
#define PF_BINARY_1(name, types, p, dp, fwd, bwd_a, bwd_b, doc) \
  PF_BINARY(name, types, fwd, bwd_a, bwd_b, doc)
#define PF_BINARY_NODIFF(name, types, fwd, doc) {{nullptr, nullptr}, {false, false}},
#define PF_COMPARE(name, types, fwd, doc) {{nullptr, nullptr}, {false, false}},
#include "kernels/elementwise_rows.inc"
};

}  // namespace

Tensor without_masked(const Tensor& g, Tensor r) {
  if (masked_gradients_propagate || finiteness(r) != kernels::kNan) return r;
  return ops::where(ops::logical_and(eq(g, Scalar(0)), isnan(r)), Scalar(0), r);
}

RecordedDerivative recorded_derivative(kernels::Elementwise op, int operand) {
  return entries[static_cast<int>(op)].derivative[operand];
}
bool derivative_is_identity(kernels::Elementwise op, int operand) {
  return entries[static_cast<int>(op)].identity[operand];
}

}  // namespace pyforge::ops
