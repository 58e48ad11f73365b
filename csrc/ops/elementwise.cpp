#include "ops/elementwise.h"

#include <cmath>
#include <cstring>
#include <string>

#include "autograd/inplace.h"
#include "ops/elementwise_node.h"
#include "ops/loop.h"
#include "ops/ops.h"
#include "ops/promote.h"
#include "ops/recorded.h"

namespace pyforge::ops {
namespace {

using kernels::Attr;
using kernels::ElementwiseFn;
using kernels::kInfinity;

[[noreturn, gnu::cold]] void unsupported(Elementwise op, DType dtype) {
  const char* name = row_of(op).name;
  if (op == Elementwise::sub && dtype == DType::Bool)
    raise(ErrorKind::Runtime,
          "sub: Subtraction, the `-` operator, with two bool tensors is not supported. Use the "
          "`^` or `logical_xor()` operator instead.");
  if (op == Elementwise::neg && dtype == DType::Bool)
    raise(ErrorKind::Runtime,
          "neg: Negation, the `-` operator, on a bool tensor is not supported. If you are trying "
          "to invert a mask, use the `~` or `logical_not()` operator instead.");
  raise(ErrorKind::NotImplemented, name, ": \"", name, "\" not implemented for '",
        dtype_name(dtype), "'; convert the input with .to(dtype) first");
}

ElementwiseFn forward_kernel(Elementwise op, DType dtype) {
  ElementwiseFn fn =
      kernels::active().elementwise.forward[static_cast<int>(op)][static_cast<int>(dtype)];
  if (__builtin_expect(!fn, 0)) unsupported(op, dtype);
  return fn;
}

// Integer arithmetic that has no answer, with PyTorch's words.
[[gnu::noinline]] void check_integers(Elementwise op, const Operand& a, const Operand& b,
                                      DType dtype) {
  if (!is_integral(dtype)) return;
  if (op == Elementwise::pow) {
    PF_CHECK(b.is_tensor() || !a.is_tensor() || b.number().i >= 0, Runtime,
             "pow: Integers to negative integer powers are not allowed; convert the base to a "
             "floating dtype first");
    return;
  }
  if (op != Elementwise::remainder && op != Elementwise::fmod && op != Elementwise::floor_divide)
    return;
  bool zero = !b.is_tensor() && b.number().i == 0;
  if (b.is_tensor()) {
    GradModeGuard off(false);
    Tensor divisor = contiguous(to(b.tensor(), dtype));
    size_t size = itemsize(dtype);
    const char* p = divisor->data;
    for (int64_t i = 0; i < divisor.numel() && !zero; ++i)
      zero = load_scalar(p + i * size, dtype).i == 0;
  }
  PF_CHECK(!zero, Runtime, row_of(op).name, ": ZeroDivisionError: an integer is divided by zero");
}

DType compute_dtype(Elementwise op, DType promoted) {
  return row_of(op).types == kernels::Types::FLOATS && !is_floating(promoted) ? default_dtype()
                                                                              : promoted;
}

bool returns_bool(Elementwise op) {
  return row_of(op).kind == RowKind::Predicate || row_of(op).kind == RowKind::Compare;
}

Tensor unary(Elementwise op, const Tensor& x, const Attr* attrs = nullptr) {
  DType dtype = compute_dtype(op, x.dtype());
  ElementwiseFn fn = forward_kernel(op, dtype);
  Tensor converted;
  const Tensor* input = &x;
  if (__builtin_expect(dtype != x.dtype(), 0)) {
    converted = to(x, dtype);
    input = &converted;
  }
  Tensor y = returns_bool(op) ? empty(x.sizes(), DType::Bool) : empty_like(*input);
  if (y.numel() > 0 && y.is_contiguous() && input->is_contiguous() && y.numel() < 4096) {
    const void* in[1] = {(*input)->data};
    fn(y->data, in, y.numel(), attrs);
  } else {
    LoopInput in(*input);
    run_loop(fn, y, &in, 1, attrs);
  }
  if (grad_enabled() && x.requires_grad() && recorded_derivative(op, 0)) {
    Operand o(x);
    record_elementwise(op, y, &o, 1, dtype, attrs);
  }
  return y;
}

// An operand in the dtype of the computation: the tensor itself where it is, else a conversion.
LoopInput converted_input(const Operand& o, DType dtype, Tensor& holder) {
  if (!o.is_tensor()) return LoopInput(o.number(), dtype);
  if (o.tensor().dtype() == dtype) return LoopInput(o.tensor());
  GradModeGuard off(false);
  holder = to(o.tensor(), dtype);
  return LoopInput(holder);
}

// As in PyTorch a number that multiplies or divides float16 and bfloat16 keeps its float32 value,
// and any other is rounded.
LoopInput number_input(Elementwise op, const Operand& o, DType dtype, Attr& number,
                       const Attr*& attrs) {
  bool keeps = op == Elementwise::mul || op == Elementwise::div || op == Elementwise::floor_divide;
  if (!is_half(dtype) || !keeps) return LoopInput(o.number(), dtype);
  attrs = &(number = kernels::attr(o.number().to_double()));
  return LoopInput();
}

bool same_shape(const Tensor& a, const Tensor& b) { return a.sizes() == b.sizes(); }

[[noreturn, gnu::cold]] void needs_tensor(Elementwise op) {
  raise(ErrorKind::Type, row_of(op).name,
        "(): at least one argument must be a Tensor, not a number");
}

// x ** b by a cheaper kernel of one operand; count where there is none.
Elementwise power_kernel(const Operand& b) {
  if (b.is_tensor()) return Elementwise::count;
  double e = b.number().to_double();
  if (e == 2) return Elementwise::square;
  if (e == 0.5) return Elementwise::sqrt;
  if (e == -1) return Elementwise::reciprocal;
  if (e == -0.5) return Elementwise::rsqrt;
  return Elementwise::count;
}

Tensor power(const Tensor& x, const Operand& exponent, Elementwise kernel) {
  Tensor y;
  {
    GradModeGuard off(false);
    y = unary(kernel, x);
  }
  if (grad_enabled() && x.requires_grad()) {
    Operand operands[2] = {x, exponent};
    record_elementwise(Elementwise::pow, y, operands, 2, x.dtype(), nullptr);
  }
  return y;
}

bool is_bool(const Operand& o) {
  return o.is_tensor() ? o.tensor().dtype() == DType::Bool : o.number().kind == Scalar::Bool;
}

void record_binary(Elementwise op, const Tensor& y, const Operand& a, const Operand& b, DType dtype,
                   const Attr* attrs) {
  if (!grad_enabled() || !is_floating(y.dtype())) return;
  if (!(a.is_tensor() && a.tensor().requires_grad()) &&
      !(b.is_tensor() && b.tensor().requires_grad()))
    return;
  if (recorded_derivative(op, 0)) {
    Operand operands[2] = {a, b};
    record_elementwise(op, y, operands, 2, dtype, attrs);
  } else {
    record_missing(op, y, a, b);
  }
}

const ElementwiseFn* splat_kernels(Elementwise op, DType dtype, ElementwiseFn (&splat)[2]) {
  if (dtype != DType::Float32 && dtype != DType::Float64) return nullptr;
  const auto& row = kernels::active().elementwise.splat[static_cast<int>(op)];
  for (int k = 0; k < 2; ++k) splat[k] = row[k][dtype == DType::Float64];
  return splat;
}

// Broadcasting, strides, numbers, conversions.
Tensor binary_general(Elementwise op, const Operand& a, const Operand& b, const Attr* attrs) {
  if (__builtin_expect(!a.is_tensor() && !b.is_tensor(), 0)) needs_tensor(op);
  if (op == Elementwise::pow && a.is_tensor() && is_floating(a.tensor().dtype())) {
    Elementwise kernel = power_kernel(b);
    if (kernel != Elementwise::count) return power(a.tensor(), b, kernel);
  }
  DType dtype = compute_dtype(op, result_type(a, b));
  if (op == Elementwise::sub && (is_bool(a) || is_bool(b))) unsupported(op, DType::Bool);
  if (op == Elementwise::pow && dtype == DType::Bool) {
    if (b.is_tensor()) unsupported(op, dtype);
    return logical_or(a, Scalar(b.number().i == 0));  // x^True is x, x^False is True
  }
  if (!is_floating(dtype)) check_integers(op, a, b, dtype);
  ElementwiseFn fn = forward_kernel(op, dtype);
  DType out_dtype = returns_bool(op) ? DType::Bool : dtype;
  Tensor y, hold_a, hold_b;
  if (a.is_tensor() && b.is_tensor() && !same_shape(a.tensor(), b.tensor())) {
    y = empty(broadcast_shapes(row_of(op).name, a.tensor().sizes(), b.tensor().sizes()), out_dtype);
  } else {
    const Tensor& t = a.is_tensor() ? a.tensor() : b.tensor();
    bool permuted = !t.is_contiguous() && is_dense(t) &&
                    (!a.is_tensor() || !b.is_tensor() || t.strides() == b.tensor().strides());
    y = permuted ? empty_strided(t.sizes(), t.strides(), out_dtype) : empty(t.sizes(), out_dtype);
  }
  Attr number;
  LoopInput in[2] = {
      a.is_tensor() ? converted_input(a, dtype, hold_a) : number_input(op, a, dtype, number, attrs),
      b.is_tensor() ? converted_input(b, dtype, hold_b)
                    : number_input(op, b, dtype, number, attrs)};
  ElementwiseFn splat[2];
  run_loop(fn, y, in, 2, attrs, splat_kernels(op, dtype, splat));
  record_binary(op, y, a, b, dtype, attrs);
  return y;
}

// Small contiguous tensors of one shape and dtype, or with a number: straight to the kernel.
Tensor binary(Elementwise op, const Operand& a, const Operand& b, const Attr* attrs = nullptr) {
  constexpr int64_t kSmall = 4096, kSplat = 64;
  if (!a.is_tensor() && !b.is_tensor()) return binary_general(op, a, b, attrs);
  const Tensor& t = a.is_tensor() ? a.tensor() : b.tensor();
  bool pair = a.is_tensor() && b.is_tensor();
  DType dtype = t.dtype();
  if (!is_floating(dtype) || !t.is_contiguous() || t.numel() > (pair ? kSmall : kSplat))
    return binary_general(op, a, b, attrs);
  ElementwiseFn fn =
      kernels::active().elementwise.forward[static_cast<int>(op)][static_cast<int>(dtype)];
  if (!fn || (!pair && (op == Elementwise::pow || is_half(dtype))))
    return binary_general(op, a, b, attrs);
  if (pair) {
    const Tensor& u = b.tensor();
    if (u.dtype() != dtype || !u.is_contiguous() || !same_shape(t, u))
      return binary_general(op, a, b, attrs);
  } else if (op == Elementwise::sub && is_bool(a.is_tensor() ? b : a)) {
    unsupported(op, DType::Bool);
  }
  alignas(64) char number[kSplat * 8];
  const void* in[2] = {t->data, t->data};
  if (pair) {
    in[1] = b.tensor()->data;
  } else {  // well before the kernel reads it: a wide load waits for narrow stores to land
    splat_scalar(number, a.is_tensor() ? b.number() : a.number(), dtype, t.numel());
    in[a.is_tensor()] = number;
  }
  Tensor y = empty_same(t, returns_bool(op) ? DType::Bool : dtype);
  if (t.numel()) fn(y->data, in, t.numel(), attrs);
  record_binary(op, y, a, b, dtype, attrs);
  return y;
}

bool needs_history(const Tensor& self, const Operand& other) {
  return grad_enabled() &&
         (self.requires_grad() || (other.is_tensor() && other.tensor().requires_grad()));
}

// Straight into self's memory when nothing is recorded and no conversion is needed.
void binary_inplace(Elementwise op, const Tensor& self, const Operand& other) {
  const char* name = row_of(op).name;
  bool direct = !needs_history(self, other) &&
                compute_dtype(op, result_type(self, other)) == self.dtype() && !returns_bool(op) &&
                (!other.is_tensor() || (other.tensor().dtype() == self.dtype() &&
                                        (other.tensor().numel() == 1 ||
                                         other.tensor()->storage.get() != self->storage.get() ||
                                         other.tensor().is(self))));
  if (direct && other.is_tensor() && !same_shape(self, other.tensor()))
    direct =
        IntSpan(broadcast_shapes(name, self.sizes(), other.tensor().sizes())) == self.sizes() &&
        other.tensor()->storage.get() != self->storage.get();
  if (!direct) {
    assign_inplace((std::string(name) + "_").c_str(), self, binary(op, self, other));
    return;
  }
  if (!is_floating(self.dtype())) check_integers(op, self, other, self.dtype());
  check_inplace((std::string(name) + "_").c_str(), self, false);
  Attr number;
  const Attr* attrs = nullptr;
  LoopInput in[2] = {LoopInput(self), other.is_tensor()
                                          ? LoopInput(other.tensor())
                                          : number_input(op, other, self.dtype(), number, attrs)};
  ElementwiseFn splat[2];
  run_loop(forward_kernel(op, self.dtype()), self, in, 2, attrs,
           splat_kernels(op, self.dtype(), splat));
  self->storage->bump();
}

void unary_inplace(Elementwise op, const Tensor& self, const Attr* attrs) {
  std::string name = std::string(row_of(op).name) + "_";
  bool direct = !(grad_enabled() && self.requires_grad()) &&
                compute_dtype(op, self.dtype()) == self.dtype() && !returns_bool(op);
  if (!direct) {
    assign_inplace(name.c_str(), self, unary(op, self, attrs));
    return;
  }
  check_inplace(name.c_str(), self, false);
  LoopInput in(self);
  run_loop(forward_kernel(op, self.dtype()), self, &in, 1, attrs);
  self->storage->bump();
}

Attr to_attr(const Scalar& s) {
  return s.kind == Scalar::Float ? kernels::attr(s.f) : Attr{s.to_double(), s.i};
}

}  // namespace

#define PF_UNARY(name, types, fwd, bwd, doc) \
  Tensor name(const Tensor& input) { return unary(Elementwise::name, input); }
#define PF_UNARY_1(name, types, p, dp, fwd, bwd, doc) \
  Tensor name(const Tensor& input, Scalar p) {        \
    Attr attrs[2] = {to_attr(p), {}};                 \
    return unary(Elementwise::name, input, attrs);    \
  }
#define PF_UNARY_2(name, types, p, dp, q, dq, fwd, bwd, doc) \
  Tensor name(const Tensor& input, Scalar p, Scalar q) {     \
    Attr attrs[2] = {to_attr(p), to_attr(q)};                \
    return unary(Elementwise::name, input, attrs);           \
  }
#define PF_PREDICATE(name, types, fwd, doc) \
  Tensor name(const Tensor& input) { return unary(Elementwise::name, input); }
#define PF_BINARY(name, types, fwd, bwd_a, bwd_b, doc)      \
  Tensor name(const Operand& input, const Operand& other) { \
    return binary(Elementwise::name, input, other);         \
  }
#define PF_BINARY_1(name, types, p, dp, fwd, bwd_a, bwd_b, doc)       \
  Tensor name(const Operand& input, const Operand& other, Scalar p) { \
    Attr attrs[2] = {to_attr(p), {}};                                 \
    return binary(Elementwise::name, input, other, attrs);            \
  }
#define PF_BINARY_NODIFF(name, types, fwd, doc) PF_BINARY(name, types, fwd, , , doc)
#define PF_COMPARE(name, types, fwd, doc) PF_BINARY(name, types, fwd, , , doc)
#include "kernels/elementwise_rows.inc"
#undef PF_UNARY
#undef PF_UNARY_1
#undef PF_UNARY_2
#undef PF_PREDICATE
#undef PF_BINARY
#undef PF_BINARY_1
#undef PF_BINARY_NODIFF
#undef PF_COMPARE

void add_(const Tensor& self, const Operand& other) {
  binary_inplace(Elementwise::add, self, other);
}
void sub_(const Tensor& self, const Operand& other) {
  binary_inplace(Elementwise::sub, self, other);
}
void mul_(const Tensor& self, const Operand& other) {
  binary_inplace(Elementwise::mul, self, other);
}
void div_(const Tensor& self, const Operand& other) {
  binary_inplace(Elementwise::div, self, other);
}

void accumulate_(const Tensor& self, const Tensor& other) {
  LoopInput in[2] = {LoopInput(self), LoopInput(other)};
  run_loop(forward_kernel(Elementwise::add, self.dtype()), self, in, 2);
}

namespace {
struct WhereBackward {
  static constexpr const char* kName = "WhereBackward0";
  static void backward(Node& n, WhereBackward&, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor condition = n.saved(0);
    if (n.needs(0)) out[0] = where(condition, in[0], Scalar(0));
    if (n.needs(1)) out[1] = where(condition, Scalar(0), in[0]);
  }
};
}  // namespace

Tensor where(const Tensor& condition, const Operand& a, const Operand& b) {
  PF_CHECK(condition.dtype() == DType::Bool, Runtime,
           "where expected condition to be a boolean tensor, but got a tensor with dtype ",
           dtype_name(condition.dtype()), "; compare it with != 0 first");
  DType dtype = result_type(a, b);
  Dims shape(condition.sizes());
  if (a.is_tensor()) shape = broadcast_shapes("where", shape, a.tensor().sizes());
  if (b.is_tensor()) shape = broadcast_shapes("where", shape, b.tensor().sizes());
  Tensor y = empty(shape, dtype), hold_a, hold_b;
  LoopInput in[3] = {LoopInput(condition), converted_input(a, dtype, hold_a),
                     converted_input(b, dtype, hold_b)};
  run_loop(kernels::active().elementwise.where[static_cast<int>(dtype)], y, in, 3);
  Tensor none;
  record<WhereBackward>(y,
                        {a.is_tensor() ? &a.tensor() : &none, b.is_tensor() ? &b.tensor() : &none},
                        {&condition}, {});
  return y;
}

namespace {

std::string default_text(double v) {
  if (std::isinf(v)) return v < 0 ? "-inf" : "inf";
  std::string s = std::to_string(v);
  while (s.back() == '0') s.pop_back();
  if (s.back() == '.') s.push_back('0');
  return s;
}

template <Elementwise op>
void inplace_row(const Value* args) {
  const Tensor& self = args[0].tensor();
  if constexpr (rows[static_cast<int>(op)].kind == RowKind::Binary) {
    Operand other =
        args[1].kind == Value::IsTensor ? Operand(args[1].tensor()) : Operand(args[1].number);
    binary_inplace(op, self, other);
  } else {
    Attr attrs[2] = {};
    for (int i = 0; i < rows[static_cast<int>(op)].n_attrs; ++i)
      attrs[i] = to_attr(args[1 + i].number);
    unary_inplace(op, self, attrs);
  }
}

// Rows that another registration wraps (alpha, rounding mode, variants) are not registered here.
bool wrapped(const char* name);

template <auto fn>
OpDef& add_row(const std::string& schema, uint32_t flags, const char* doc,
               void (*inplace)(const Value*)) {
  OpDef& def = register_function<fn>(schema, flags, doc);
  def.inplace = inplace;
  return def;
}

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Operand&, const Operand&);

constexpr uint32_t inplace_flag(Elementwise op) {
  return op == Elementwise::logical_not ? uint32_t{kInplace} : 0;
}
// Rows named special_* are reached through pyforge.special alone.
uint32_t row_flags(const char* name) {
  return std::strncmp(name, "special_", 8) ? kFunction | kMethod | kInplace : kNN;
}

void register_rows() {
#define PF_UNARY(name, types, fwd, bwd, doc)                                                    \
  if (!wrapped(#name))                                                                          \
    add_row<static_cast<Unary>(&ops::name)>(#name "(Tensor input) -> Tensor", row_flags(#name), \
                                            doc, inplace_row<Elementwise::name>)                \
        .unary = &ops::name;
#define PF_UNARY_1(name, types, p, dp, fwd, bwd, doc)                                          \
  if (!wrapped(#name))                                                                         \
    add_row<&ops::name>(                                                                       \
        std::string(#name "(Tensor input, Number " #p "=") + default_text(dp) + ") -> Tensor", \
        row_flags(#name), doc, inplace_row<Elementwise::name>);
#define PF_UNARY_2(name, types, p, dp, q, dq, fwd, bwd, doc)                                    \
  if (!wrapped(#name))                                                                          \
    add_row<&ops::name>(std::string(#name "(Tensor input, Number " #p "=") + default_text(dp) + \
                            ", Number " #q "=" + default_text(dq) + ") -> Tensor",              \
                        row_flags(#name), doc, inplace_row<Elementwise::name>);
#define PF_PREDICATE(name, types, fwd, doc)                                                  \
  if (!wrapped(#name))                                                                       \
    add_row<&ops::name>(#name "(Tensor input) -> Tensor",                                    \
                        kFunction | kMethod | inplace_flag(Elementwise::name), doc, nullptr) \
        .unary = &ops::name;
#define PF_BINARY(name, types, fwd, bwd_a, bwd_b, doc)                                \
  if (!wrapped(#name))                                                                \
    add_row<&ops::name>(#name "(Tensor|Number input, Tensor|Number other) -> Tensor", \
                        row_flags(#name), doc, inplace_row<Elementwise::name>)        \
        .binary = &ops::name;
#define PF_BINARY_1(name, types, p, dp, fwd, bwd_a, bwd_b, doc)
#define PF_BINARY_NODIFF(name, types, fwd, doc) PF_BINARY(name, types, fwd, , , doc)
#define PF_COMPARE(name, types, fwd, doc)                                             \
  if (!wrapped(#name))                                                                \
    add_row<&ops::name>(#name "(Tensor|Number input, Tensor|Number other) -> Tensor", \
                        row_flags(#name), doc, nullptr)                               \
        .binary = &ops::name;
#include "kernels/elementwise_rows.inc"
}

bool wrapped(const char* name) {
  if (std::strstr(name, "_polynomial_")) return true;
  static const char* const names[] = {"add",
                                      "sub",
                                      "div",
                                      "round",
                                      "lshift",
                                      "rshift",
                                      "logsigmoid",
                                      "leaky_relu",
                                      "elu",
                                      "gelu",
                                      "gelu_tanh",
                                      "silu",
                                      "softplus",
                                      "clamp",
                                      "mse",
                                      "l1",
                                      "smooth_l1",
                                      "huber",
                                      "binary_cross_entropy",
                                      "binary_cross_entropy_with_logits",
                                      "logit",
                                      "heaviside",
                                      "polygamma",
                                      "nextafter",
                                      "frac",
                                      "special_zeta"};
  for (const char* n : names)
    if (!std::strcmp(n, name)) return true;
  return false;
}

[[maybe_unused]] const bool registered = (register_rows(), true);

}  // namespace

}  // namespace pyforge::ops
