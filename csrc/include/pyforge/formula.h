// Elementwise ops from formulas, as rows of pyforge's own table
// (csrc/kernels/elementwise_rows.inc):
//
//   PF_UNARY_OP(softsign2, x / (1 + abs(x)), g / square(1 + abs(x)), "x / (1 + |x|)")
//   PF_BINARY_OP(logaddexp, maximum(a, b) + log1p(exp(-abs(a - b))),
//                g * sigmoid(a - b), g * sigmoid(b - a))
//   PF_TERNARY_OP(lerp, a + c * (b - a), g * (1 - c), g * c, g * (b - a))
//   PF_BINARY_OP_1(gap, width, 1.0, where(abs(a - b) < width, 0, a - b), ...)
//   PF_UNARY_OP_1(power_law, k, 2.0, pow(abs(x), k), g * k * pow(abs(x), k - 1) * sign(x))
//
// Functions: abs acos acosh asin asinh atan atan2 atanh ceil clamp copysign cos cosh digamma erf
// erfc erfinv exp exp2 expm1 floor fmod hypot lgamma log log10 log1p log2 maximum minimum pow
// reciprocal relu remainder round rsqrt sigmoid sign silu sin sinh softplus sqrt square tan tanh
// trunc and where(condition, u, v); conditions: < <= > >= == != with & | ! between them. Numbers
// may stand wherever a vector can, but not in all places of one function. In scope: x, or a, b and
// c; in derivatives also g, the gradient of the result, and y, the result; the attribute by its
// name. The text of the derivative becomes the fused first derivative and, on recorded tensors, the
// one for higher orders. Derivatives and the text at the end may be left out.
#pragma once
#include "simd.h"

// Beside the functions of the kernels, for vectors (V = Vec<T>) and for finding out what a formula
// reads (V = Probe).
namespace pyforge_kernels::kernels::PF_ISA {
template <class T>
PF_INLINE Vec<T> relu(Vec<T> x) {
  return where(x < Vec<T>(0), Vec<T>(0), x);
}
template <class T>
PF_INLINE Vec<T> silu(Vec<T> x) {
  return x * sigmoid(x);
}
template <class V>
constexpr PF_INLINE V softplus(V x) {
  return maximum(x, V(0)) + log1p(exp(-abs(x)));
}
template <class V>
constexpr PF_INLINE V clamp(V x, V low, V high) {
  return minimum(maximum(x, low), high);
}
template <class V>
constexpr PF_INLINE V clamp(V x, double low, double high) {
  return clamp(x, V(low), V(high));
}
}  // namespace pyforge_kernels::kernels::PF_ISA

namespace pyforge::formula {

using simd::Probe;
using simd::Vec;

// ---- derivatives on recorded tensors -----------------------------------------------------------

// A tensor or a plain number.
struct Var {
  Tensor t;
  double s = 0;
  DType dtype = DType::Float64;

  Var(int v) : s(v) {}
  Var(double v) : s(v) {}
  Var(Tensor v) : t(static_cast<Tensor&&>(v)) { dtype = t.dtype(); }
  Var(const pf_value& v, DType dtype) : s(v.as.f), dtype(dtype) {
    if (v.kind != PF_NUMBER_FLOAT) {
      s = 0;
      t = Tensor::borrow(v.as.tensor);
    }
  }
  bool number() const { return !t.defined(); }
  Argument argument() const { return number() ? Argument(s) : Argument(t); }
  Tensor tensor() const {
    if (!number()) return t;
    DType type = dtype == DType::Float32 ? DType::Float32 : DType::Float64;
    Tensor r = Tensor::steal(host().empty(nullptr, nullptr, 0, static_cast<int32_t>(type)));
    if (!r.defined()) throw HostError();
    if (type == DType::Float32)
      *r.mutable_data<float>() = static_cast<float>(s);
    else
      *r.mutable_data<double>() = s;
    return r;
  }
};

#define PF_VAR_OPERATOR(op, name)                      \
  PF_API Var operator op(const Var& a, const Var& b) { \
    if (a.number() && b.number()) return a.s op b.s;   \
    return call(#name, a.argument(), b.argument());    \
  }
PF_VAR_OPERATOR(+, add)
PF_VAR_OPERATOR(-, sub)
PF_VAR_OPERATOR(*, mul)
PF_VAR_OPERATOR(/, div)
#undef PF_VAR_OPERATOR
#define PF_VAR_COMPARE(op, name)                       \
  PF_API Var operator op(const Var& a, const Var& b) { \
    return call(#name, a.tensor(), b.argument());      \
  }
PF_VAR_COMPARE(<, lt)
PF_VAR_COMPARE(<=, le)
PF_VAR_COMPARE(>, gt)
PF_VAR_COMPARE(>=, ge)
PF_VAR_COMPARE(==, eq)
PF_VAR_COMPARE(!=, ne)
PF_VAR_COMPARE(&, logical_and)
PF_VAR_COMPARE(|, logical_or)
#undef PF_VAR_COMPARE
PF_API Var operator-(const Var& a) { return a.number() ? Var(-a.s) : Var(call("neg", a.t)); }
PF_API Var operator!(const Var& a) { return call("logical_not", a.tensor()); }
PF_API Var operator~(const Var& a) { return call("logical_not", a.tensor()); }
PF_API Var where(const Var& mask, const Var& a, const Var& b) {
  if (!a.number() || !b.number()) return call("where", mask.tensor(), a.argument(), b.argument());
  Var low(b.s), high(a.s);
  low.dtype = high.dtype =
      a.dtype == DType::Float32 || b.dtype == DType::Float32 ? DType::Float32 : DType::Float64;
  return call("where", mask.tensor(), high.tensor(), low.tensor());
}
PF_API Argument constant(const Var& v, Tensor& hold) {
  if (v.number()) return v.argument();
  hold = call("detach", v.t);
  return hold;
}

#define PF_UNARY(name, types, fwd, bwd, doc) \
  PF_API Var name(const Var& x) { return call(#name, x.tensor()); }
#define PF_UNARY_1(name, types, p, dp, fwd, bwd, doc)
#define PF_UNARY_2(name, types, p, dp, q, dq, fwd, bwd, doc)
#define PF_PREDICATE(name, types, fwd, doc) PF_UNARY(name, types, fwd, , doc)
#define PF_BINARY(name, types, fwd, bwd_a, bwd_b, doc)                          \
  PF_API Var name(const Var& a, const Var& b) {                                 \
    if (a.number() && b.number()) return call(#name, a.tensor(), b.argument()); \
    return call(#name, a.argument(), b.argument());                             \
  }
#define PF_BINARY_1(name, types, p, dp, fwd, bwd_a, bwd_b, doc)
// Constants in a derivative: their own is zero or does not exist.
#define PF_BINARY_NODIFF(name, types, fwd, doc)                   \
  PF_API Var name(const Var& a, const Var& b) {                   \
    Tensor hold_a, hold_b;                                        \
    return call(#name, constant(a, hold_a), constant(b, hold_b)); \
  }
#define PF_COMPARE(name, types, fwd, doc) PF_BINARY_NODIFF(name, types, fwd, doc)
#include "kernels/elementwise_rows.inc"
#undef PF_UNARY
#undef PF_UNARY_1
#undef PF_UNARY_2
#undef PF_PREDICATE
#undef PF_BINARY
#undef PF_BINARY_1
#undef PF_BINARY_NODIFF
#undef PF_COMPARE

PF_API Var softplus(const Var& x) { return maximum(x, 0) + log1p(exp(-abs(x))); }
PF_API Var clamp(const Var& x, const Var& low, const Var& high) {
  return minimum(maximum(x, low), high);
}

// ---- loops -------------------------------------------------------------------------------------

// Row: kOperands, kAttributes, kDerivatives, forward(a, b, c, p), derivative<k>(g, a, b, c, y, p).
template <class Row>
constexpr int forward_cost() {
  return Row::template forward<Probe>(0.0, 0.0, 0.0, 0.0).cost;
}
template <class Row, int kOperand>
constexpr Probe probe_derivative() {
  return Row::template derivative<kOperand, Probe>(
      Probe(PF_USES_GRAD, 0), Probe(PF_USES_OPERAND, 0), Probe(PF_USES_OPERAND << 1, 0),
      Probe(PF_USES_OPERAND << 2, 0), Probe(PF_USES_RESULT, 0), 0.0);
}
inline constexpr int kLightCost = simd::kLightCost;

// Constant zero may do without.
template <class Row, int k>
constexpr bool derivative_uses_gradient() {
  if constexpr (k < Row::kDerivatives) {
    constexpr int uses = probe_derivative<Row, k>().uses;
    return uses == 0 || (uses & PF_USES_GRAD) != 0;
  }
  return true;
}
template <class Row>
constexpr bool derivatives_use_gradient() {
  return derivative_uses_gradient<Row, 0>() && derivative_uses_gradient<Row, 1>() &&
         derivative_uses_gradient<Row, 2>();
}

template <class Row, class T>
void forward_loop(void* out, const void* const* in, int64_t n,
                  [[maybe_unused]] const pf_attr* attrs) {
  using V = Vec<T>;
  constexpr int kOperands = Row::kOperands;
  const T* a = static_cast<const T*>(in[0]);
  [[maybe_unused]] const T* b = kOperands > 1 ? static_cast<const T*>(in[1]) : nullptr;
  [[maybe_unused]] const T* c = kOperands > 2 ? static_cast<const T*>(in[2]) : nullptr;
  V p = 0;
  if constexpr (Row::kAttributes > 0) p = static_cast<T>(attrs[0].f);
  simd::sweep<V::kLanes, (forward_cost<Row>() > kLightCost)>(
      static_cast<T*>(out), n, [=](int64_t i, auto fetch) __attribute__((always_inline)) {
        V vb = 0, vc = 0;
        if constexpr (kOperands > 1) vb = fetch(b + i);
        if constexpr (kOperands > 2) vc = fetch(c + i);
        return Row::template forward<V>(fetch(a + i), vb, vc, p);
      });
}

template <class Row, class T, int kOperand>
void backward_loop(void* out, const void* const* in, int64_t n,
                   [[maybe_unused]] const pf_attr* attrs) {
  using V = Vec<T>;
  constexpr Probe probe = probe_derivative<Row, kOperand>();
  constexpr int kOperands = Row::kOperands;
  const T* g = static_cast<const T*>(in[0]);
  const T* a = static_cast<const T*>(in[1]);
  [[maybe_unused]] const T* b = kOperands > 1 ? static_cast<const T*>(in[2]) : nullptr;
  [[maybe_unused]] const T* c = kOperands > 2 ? static_cast<const T*>(in[3]) : nullptr;
  const T* y = static_cast<const T*>(in[kOperands + 1]);
  V p = 0;
  if constexpr (Row::kAttributes > 0) p = static_cast<T>(attrs[0].f);
  simd::sweep<V::kLanes, (probe.cost > kLightCost)>(
      static_cast<T*>(out), n, [=](int64_t i, auto fetch) __attribute__((always_inline)) {
        V vg = 0, va = 0, vb = 0, vc = 0, vy = 0;
        if constexpr ((probe.uses & PF_USES_GRAD) != 0) vg = fetch(g + i);
        if constexpr ((probe.uses & PF_USES_OPERAND) != 0) va = fetch(a + i);
        if constexpr ((probe.uses & PF_USES_OPERAND << 1) != 0) vb = fetch(b + i);
        if constexpr ((probe.uses & PF_USES_OPERAND << 2) != 0) vc = fetch(c + i);
        if constexpr ((probe.uses & PF_USES_RESULT) != 0) vy = fetch(y + i);
        const V r = Row::template derivative<kOperand, V>(vg, va, vb, vc, vy, p);
        // As the core's: where nothing arrives, nothing is passed on, also at 0 * inf.
        if constexpr ((probe.uses & PF_USES_GRAD) != 0 && probe.uses != PF_USES_GRAD)
          return where((vg == V(0)) & (r != r), V(0), r);
        else
          return r;
      });
}

template <class Row>
pf_tensor recorded(int32_t operand, const pf_recorded* r) {
  Tensor result;
  int32_t status = detail::guarded([&] {
    DType dtype = static_cast<DType>(r->dtype);
    pf_value y{};
    y.kind = PF_TENSOR;
    y.as.tensor = r->result;
    Var g(Tensor::borrow(r->grad)), a(r->operands[0], dtype), b(r->operands[1], dtype),
        c(r->operands[2], dtype), result_var(y, dtype), p(r->attrs[0]);
    p.dtype = dtype;
    if constexpr (Row::kDerivatives > 0)
      if (operand == 0)
        result = Row::template derivative<0, Var>(g, a, b, c, result_var, p).tensor();
    if constexpr (Row::kDerivatives > 1)
      if (operand == 1)
        result = Row::template derivative<1, Var>(g, a, b, c, result_var, p).tensor();
    if constexpr (Row::kDerivatives > 2)
      if (operand == 2)
        result = Row::template derivative<2, Var>(g, a, b, c, result_var, p).tensor();
  });
  return status == PF_OK ? result.release() : nullptr;
}

template <class Row>
struct Registration : detail::Entry {
  const char* schema;
  const char* doc;

  Registration(const char* schema, const char* doc)
      : Entry{detail::entries, add_to}, schema(schema), doc(doc) {
    detail::entries = this;
  }

 private:
  template <int k>
  static void add_derivative(pf_elementwise_def& def) {
    if constexpr (Row::kDerivatives > k) {
      def.backward[k][0] = backward_loop<Row, float, k>;
      def.backward[k][1] = backward_loop<Row, double, k>;
      def.uses[k] = probe_derivative<Row, k>().uses;
    }
  }
  static int32_t add_to(const Entry& entry, pf_library lib) {
    const Registration& self = static_cast<const Registration&>(entry);
    pf_elementwise_def def{};
    def.size = sizeof(def);
    def.n_operands = Row::kOperands;
    def.n_attrs = Row::kAttributes;
    def.schema = self.schema;
    def.doc = self.doc;
    def.forward[0] = forward_loop<Row, float>;
    def.forward[1] = forward_loop<Row, double>;
    add_derivative<0>(def);
    add_derivative<1>(def);
    add_derivative<2>(def);
    def.recorded = recorded<Row>;
    return host().register_elementwise(lib, &def);
  }
};

constexpr const char* last_text(const char* text) { return text; }
constexpr const char* last_text() { return ""; }

}  // namespace pyforge::formula

// ---- macros ------------------------------------------------------------------------------------

#define PF_EXPRESSIONS_(A, B, C, P, fwd, d_a, d_b, d_c)                                 \
  template <class V>                                                                    \
  static constexpr PF_INLINE V forward([[maybe_unused]] V A, [[maybe_unused]] V B,      \
                                       [[maybe_unused]] V C, [[maybe_unused]] V P) {    \
    return fwd;                                                                         \
  }                                                                                     \
  template <int pf_operand, class V>                                                    \
  static constexpr PF_INLINE V derivative([[maybe_unused]] V g, [[maybe_unused]] V A,   \
                                          [[maybe_unused]] V B, [[maybe_unused]] V C,   \
                                          [[maybe_unused]] V y, [[maybe_unused]] V P) { \
    if constexpr (pf_operand == 0)                                                      \
      return d_a;                                                                       \
    else if constexpr (pf_operand == 1)                                                 \
      return d_b;                                                                       \
    else                                                                                \
      return d_c;                                                                       \
  }
#define PF_FORMULA_(name, operands, attributes, derivatives, A, B, C, P, schema, doc, fwd, d_a, \
                    d_b, d_c)                                                                   \
  struct pf_row_##name {                                                                        \
    static constexpr int kOperands = operands, kAttributes = attributes,                        \
                         kDerivatives = derivatives;                                            \
    PF_EXPRESSIONS_(A, B, C, P, fwd, d_a, d_b, d_c)                                             \
  };                                                                                            \
  static_assert(::pyforge::formula::derivatives_use_gradient<pf_row_##name>(),                  \
                #name ": a derivative must use g, the gradient of the result");                 \
  static const ::pyforge::formula::Registration<pf_row_##name> pf_registration_##name(          \
      #name schema, doc);
#define PF_PICK_(_1, _2, _3, _4, _5, chosen, ...) chosen

#define PF_UNARY_SCHEMA_ "(Tensor input) -> Tensor"
#define PF_UNARY_0_(name, fwd) \
  PF_FORMULA_(name, 1, 0, 0, x, b_, c_, p_, PF_UNARY_SCHEMA_, "", fwd, 0, 0, 0)
#define PF_UNARY_D_(name, fwd, d) \
  PF_FORMULA_(name, 1, 0, 1, x, b_, c_, p_, PF_UNARY_SCHEMA_, "", fwd, d, 0, 0)
#define PF_UNARY_DT_(name, fwd, d, doc) \
  PF_FORMULA_(name, 1, 0, 1, x, b_, c_, p_, PF_UNARY_SCHEMA_, doc, fwd, d, 0, 0)
#define PF_UNARY_BAD_(...) \
  static_assert(false, "PF_UNARY_OP takes a name, a formula, its derivative or none, a text");
#define PF_UNARY_OP(name, ...)                                                                  \
  PF_PICK_(__VA_ARGS__, PF_UNARY_BAD_, PF_UNARY_BAD_, PF_UNARY_DT_, PF_UNARY_D_, PF_UNARY_0_, ) \
  (name, __VA_ARGS__)

#define PF_UNARY_1_SCHEMA_(p, value) "(Tensor input, Number " #p "=" #value ") -> Tensor"
#define PF_UNARY_1_0_(name, p, value, fwd) \
  PF_FORMULA_(name, 1, 1, 0, x, b_, c_, p, PF_UNARY_1_SCHEMA_(p, value), "", fwd, 0, 0, 0)
#define PF_UNARY_1_D_(name, p, value, fwd, d) \
  PF_FORMULA_(name, 1, 1, 1, x, b_, c_, p, PF_UNARY_1_SCHEMA_(p, value), "", fwd, d, 0, 0)
#define PF_UNARY_1_DT_(name, p, value, fwd, d, doc) \
  PF_FORMULA_(name, 1, 1, 1, x, b_, c_, p, PF_UNARY_1_SCHEMA_(p, value), doc, fwd, d, 0, 0)
#define PF_UNARY_OP_1(name, p, value, ...)                                  \
  PF_PICK_(__VA_ARGS__, , , PF_UNARY_1_DT_, PF_UNARY_1_D_, PF_UNARY_1_0_, ) \
  (name, p, value, __VA_ARGS__)

#define PF_BINARY_SCHEMA_ "(Tensor|Number input, Tensor|Number other) -> Tensor"
#define PF_BINARY_0_(name, fwd) \
  PF_FORMULA_(name, 2, 0, 0, a, b, c_, p_, PF_BINARY_SCHEMA_, "", fwd, 0, 0, 0)
#define PF_BINARY_D_(name, fwd, d_a, d_b) \
  PF_FORMULA_(name, 2, 0, 2, a, b, c_, p_, PF_BINARY_SCHEMA_, "", fwd, d_a, d_b, 0)
#define PF_BINARY_DT_(name, fwd, d_a, d_b, doc) \
  PF_FORMULA_(name, 2, 0, 2, a, b, c_, p_, PF_BINARY_SCHEMA_, doc, fwd, d_a, d_b, 0)
#define PF_BINARY_BAD_(...) \
  static_assert(false, "PF_BINARY_OP takes a name, a formula, two derivatives or none, a text");
#define PF_BINARY_OP(name, ...)                                                        \
  PF_PICK_(__VA_ARGS__, , PF_BINARY_DT_, PF_BINARY_D_, PF_BINARY_BAD_, PF_BINARY_0_, ) \
  (name, __VA_ARGS__)

#define PF_BINARY_1_SCHEMA_(p, value) \
  "(Tensor|Number input, Tensor|Number other, Number " #p "=" #value ") -> Tensor"
#define PF_BINARY_1_0_(name, p, value, fwd) \
  PF_FORMULA_(name, 2, 1, 0, a, b, c_, p, PF_BINARY_1_SCHEMA_(p, value), "", fwd, 0, 0, 0)
#define PF_BINARY_1_D_(name, p, value, fwd, d_a, d_b) \
  PF_FORMULA_(name, 2, 1, 2, a, b, c_, p, PF_BINARY_1_SCHEMA_(p, value), "", fwd, d_a, d_b, 0)
#define PF_BINARY_1_DT_(name, p, value, fwd, d_a, d_b, doc) \
  PF_FORMULA_(name, 2, 1, 2, a, b, c_, p, PF_BINARY_1_SCHEMA_(p, value), doc, fwd, d_a, d_b, 0)
#define PF_BINARY_OP_1(name, p, value, ...)                                              \
  PF_PICK_(__VA_ARGS__, PF_BINARY_BAD_, PF_BINARY_1_DT_, PF_BINARY_1_D_, PF_BINARY_BAD_, \
           PF_BINARY_1_0_, )                                                             \
  (name, p, value, __VA_ARGS__)

#define PF_TERNARY_SCHEMA_ \
  "(Tensor|Number input, Tensor|Number other, Tensor|Number third) -> Tensor"
#define PF_TERNARY_0_(name, fwd) \
  PF_FORMULA_(name, 3, 0, 0, a, b, c, p_, PF_TERNARY_SCHEMA_, "", fwd, 0, 0, 0)
#define PF_TERNARY_D_(name, fwd, d_a, d_b, d_c) \
  PF_FORMULA_(name, 3, 0, 3, a, b, c, p_, PF_TERNARY_SCHEMA_, "", fwd, d_a, d_b, d_c)
#define PF_TERNARY_DT_(name, fwd, d_a, d_b, d_c, doc) \
  PF_FORMULA_(name, 3, 0, 3, a, b, c, p_, PF_TERNARY_SCHEMA_, doc, fwd, d_a, d_b, d_c)
#define PF_TERNARY_BAD_(...)                                                           \
  static_assert(false,                                                                 \
                "PF_TERNARY_OP takes a name, a formula, three derivatives or none, a " \
                "text");
#define PF_TERNARY_OP(name, ...)                                                         \
  PF_PICK_(__VA_ARGS__, PF_TERNARY_DT_, PF_TERNARY_D_, PF_TERNARY_BAD_, PF_TERNARY_BAD_, \
           PF_TERNARY_0_, )                                                              \
  (name, __VA_ARGS__)
