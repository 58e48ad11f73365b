// Elementwise ops whose Python signature says more than their row: alpha, rounding modes, limits,
// variants, and second names.
#include <cmath>

#include "autograd/inplace.h"
#include "autograd/node.h"
#include "kernels/elementwise.h"
#include "ops/lines.h"
#include "ops/loop.h"
#include "ops/ops.h"
#include "ops/promote.h"

namespace pyforge::ops {
namespace {

constexpr uint32_t kEverywhere = kFunction | kMethod | kInplace;

Tensor in_dtype(const Operand& o, DType dtype) { return to(o.tensor(), dtype); }

bool is_one(const Scalar& s) { return s.to_double() == 1; }

void check_alpha(const char* op, const Scalar& alpha, DType dtype) {
  PF_CHECK(alpha.kind != Scalar::Bool || dtype == DType::Bool, Runtime, op,
           ": Boolean alpha only supported for Boolean results.");
  PF_CHECK(alpha.kind != Scalar::Float || is_floating(dtype), Runtime, op,
           ": For integral input tensors, argument alpha must not be a floating point number.");
}

// other * alpha in the dtype of the result.
Tensor scaled(const char* op, const Operand& input, const Operand& other, const Scalar& alpha) {
  DType dtype = result_type(input, other);
  check_alpha(op, alpha, dtype);
  checked_fit(alpha, dtype);
  PF_CHECK(input.is_tensor() || other.is_tensor(), Type, op,
           "(): at least one argument must be a Tensor, not a number");
  Tensor t = other.is_tensor() ? in_dtype(other, dtype) : full({}, other.number(), dtype);
  return mul(t, dtype == DType::Bool ? Scalar(alpha.to_double() != 0) : alpha);
}

Tensor sub_scaled(const Operand& input, const Operand& other, Scalar alpha) {
  if (is_one(alpha) && alpha.kind == Scalar::Int) return sub(input, other);
  return sub(input, scaled("sub", input, other, alpha));
}

Operand operand(const Value& v) {
  return v.kind == Value::IsTensor ? Operand(v.tensor()) : Operand(v.number);
}

void add_inplace(const Value* args) {
  const Scalar& alpha = args[2].number;
  Operand other = operand(args[1]);
  if (is_one(alpha)) return add_(args[0].tensor(), other);
  add_(args[0].tensor(), scaled("add_", args[0].tensor(), other, alpha));
}
void sub_inplace(const Value* args) {
  const Scalar& alpha = args[2].number;
  Operand other = operand(args[1]);
  if (is_one(alpha)) return sub_(args[0].tensor(), other);
  sub_(args[0].tensor(), scaled("sub_", args[0].tensor(), other, alpha));
}
void div_inplace(const Value* args) {
  const Tensor& self = args[0].tensor();
  if (args[2].kind == Value::None) return div_(self, operand(args[1]));
  assign_inplace("div_", self, div_rounded(self, operand(args[1]), args[2].string));
}

// Rounded quotients are constant between jumps.
struct DivRoundedBackward {
  static constexpr const char* kName = "DivBackward2";
  static void backward(Node& n, DivRoundedBackward&, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    for (uint32_t k = 0; k < 2; ++k)
      if (n.needs(k)) out[k] = zeros_like(in[0]);
  }
};

// a and b in their common dtype rounded towards zero.
Tensor truncated_quotient(const Operand& a, const Operand& b) {
  DType dtype = result_type(a, b);
  if (is_floating(dtype)) return trunc(div(a, b));
  return floor_divide(sub(a, fmod(a, b)), b);  // a - fmod(a, b) is a multiple of b
}

struct ClampBackward {
  static constexpr const char* kName = "ClampBackward0";
  static void backward(Node& n, ClampBackward&, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor x = n.saved(0), min = n.saved(1), max = n.saved(2);
    const Tensor& g = in[0];
    Tensor inside;
    if (min.defined()) inside = ge(x, min);
    if (max.defined()) inside = inside.defined() ? logical_and(inside, le(x, max)) : le(x, max);
    if (n.needs(0)) out[0] = where(inside, g, 0);
    if (n.needs(1)) {
      Tensor below = lt(x, min);
      out[1] = where(max.defined() ? logical_and(below, lt(min, max)) : below, g, 0);
    }
    if (n.needs(2)) {
      Tensor above = gt(x, max);
      out[2] = where(min.defined() ? logical_or(above, lt(max, min)) : above, g, 0);
    }
  }
};

Tensor clamp_min(const Tensor& input, const Operand& min) {
  return clamp_between(input, min, std::nullopt);
}
Tensor clamp_max(const Tensor& input, const Operand& max) {
  return clamp_between(input, std::nullopt, max);
}

Tensor round_to(const Tensor& input, int64_t decimals) {
  if (decimals == 0) return round(input);
  PF_CHECK(is_floating(input.dtype()), NotImplemented,
           "round: \"round_cpu\" with decimals not implemented for '", dtype_name(input.dtype()),
           "'; convert the input with .to(dtype) first");
  double scale = std::pow(10.0, std::abs(static_cast<double>(decimals)));
  return decimals > 0 ? div(round(mul(input, scale)), scale) : mul(round(div(input, scale)), scale);
}

Tensor leaky_relu_of(const Tensor& input, Scalar negative_slope, bool inplace) {
  check_floating("leaky_relu", input);
  return assigned("leaky_relu_", input, leaky_relu(input, negative_slope), inplace);
}
Tensor elu_of(const Tensor& input, Scalar alpha, bool inplace) {
  check_floating("elu", input);
  return assigned("elu_", input, elu(input, alpha), inplace);
}
Tensor silu_of(const Tensor& input, bool inplace) {
  check_floating("silu", input);
  return assigned("silu_", input, silu(input), inplace);
}
Tensor logsigmoid_of(const Tensor& input) {
  check_floating("logsigmoid", input);
  return logsigmoid(input);
}
Tensor softplus_of(const Tensor& input, Scalar beta, Scalar threshold) {
  check_floating("softplus", input);
  return softplus(input, beta, threshold);
}

Tensor gelu_of(const Tensor& input, std::string_view approximate) {
  check_floating("gelu", input);
  if (approximate == "none") return gelu(input);
  PF_CHECK(approximate == "tanh", Runtime,
           "gelu: approximate argument must be either none or tanh, not '", approximate, "'");
  return gelu_tanh(input);
}

}  // namespace

Tensor add_scaled(const Operand& input, const Operand& other, Scalar alpha) {
  if (is_one(alpha) && alpha.kind == Scalar::Int) return add(input, other);
  return add(input, scaled("add", input, other, alpha));
}

Tensor div_rounded(const Operand& input, const Operand& other,
                   std::optional<std::string_view> rounding_mode) {
  if (!rounding_mode) return div(input, other);
  bool floored = *rounding_mode == "floor";
  PF_CHECK(floored || *rounding_mode == "trunc", Runtime,
           "div: expected rounding_mode to be one of None, 'trunc', or 'floor' but found '",
           *rounding_mode, "'");
  Tensor y, none;
  {
    GradModeGuard off(false);
    y = floored ? floor_divide(input, other) : truncated_quotient(input, other);
  }
  if (is_floating(y.dtype()))
    record<DivRoundedBackward>(
        y,
        {input.is_tensor() ? &input.tensor() : &none, other.is_tensor() ? &other.tensor() : &none},
        {}, {});
  return y;
}

Tensor clamp_between(const Tensor& input, std::optional<Operand> min, std::optional<Operand> max) {
  PF_CHECK(min || max, Runtime, "clamp: At least one of 'min' or 'max' must not be None");
  DType dtype = input.dtype();
  if (min && max) {
    dtype = result_type({input, *min, *max});
  } else {
    dtype = result_type(input, min ? *min : *max);
  }
  Tensor x = to(input, dtype);
  for (const auto* limit : {&min, &max})
    if (*limit && !(*limit)->is_tensor()) checked_fit((*limit)->number(), dtype);
  if (!(min && min->is_tensor()) && !(max && max->is_tensor()))
    return clamp(x, min ? min->number() : Scalar(-kernels::kInfinity),
                 max ? max->number() : Scalar(kernels::kInfinity));
  auto limit = [&](const std::optional<Operand>& o) {
    if (!o) return Tensor();
    return o->is_tensor() ? in_dtype(*o, dtype) : full({}, o->number(), dtype);
  };
  Tensor low = limit(min), high = limit(max), y = x;
  {
    GradModeGuard off(false);
    if (low.defined()) y = maximum(y, low);
    if (high.defined()) y = minimum(y, high);
  }
  if (is_floating(dtype)) record<ClampBackward>(y, {&x, &low, &high}, {&x, &low, &high}, {});
  return y;
}

namespace {

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Operand&, const Operand&);

void register_wrapped() {
  for (const char* name : {"add", "subtract", "sub"}) {
    bool adds = name[0] == 'a';
    std::string schema = std::string(name) +
                         "(Tensor|Number input, Tensor|Number other, *, Number alpha=1) -> Tensor";
    OpDef& def = adds ? register_function<add_scaled>(schema, kEverywhere,
                                                      "input + alpha * other; logical or for bool.")
                      : register_function<sub_scaled>(schema, kEverywhere, "input - alpha * other");
    def.binary = adds ? &ops::add : &ops::sub;
    def.inplace = adds ? add_inplace : sub_inplace;
  }
  for (const char* name : {"div", "divide", "true_divide"}) {
    bool rounds = name[0] == 'd';
    OpDef& def =
        rounds ? register_function<div_rounded>(
                     std::string(name) +
                         "(Tensor|Number input, Tensor|Number other, *, str? rounding_mode=None) "
                         "-> Tensor",
                     kEverywhere,
                     "input / other; rounding_mode 'floor' or 'trunc' rounds down or towards zero.")
               : register_function<static_cast<Binary>(&ops::div)>(
                     "true_divide(Tensor|Number input, Tensor|Number other) -> Tensor", kEverywhere,
                     "input / other");
    def.binary = &ops::div;
    if (rounds) def.inplace = div_inplace;
  }
  OpDef& rounded =
      register_function<round_to>("round(Tensor input, *, int decimals=0) -> Tensor", kEverywhere,
                                  "The nearest multiple of 10^-decimals, halves to even.");
  rounded.unary = &ops::round;
}
[[maybe_unused]] const bool registered = (register_wrapped(), true);

// Second names of rows.
#define PF_SAME_UNARY(fn, name)                                                           \
  [[maybe_unused]] OpDef& alias_##name = register_function<static_cast<Unary>(&ops::fn)>( \
      #name "(Tensor input) -> Tensor", kEverywhere, "Same as " #fn "().");
#define PF_SAME_BINARY(fn, name, flags)                                                    \
  [[maybe_unused]] OpDef& alias_##name = register_function<static_cast<Binary>(&ops::fn)>( \
      #name "(Tensor|Number input, Tensor|Number other) -> Tensor", flags, "Same as " #fn "().");
PF_SAME_UNARY(neg, negative)
PF_SAME_UNARY(abs, absolute)
PF_SAME_UNARY(sign, sgn)
PF_SAME_UNARY(trunc, fix)
PF_SAME_BINARY(mul, multiply, kEverywhere)
PF_SAME_BINARY(ne, not_equal, kEverywhere)
PF_SAME_BINARY(lt, less, kEverywhere)
PF_SAME_BINARY(le, less_equal, kEverywhere)
PF_SAME_BINARY(gt, greater, kEverywhere)
PF_SAME_BINARY(ge, greater_equal, kEverywhere)
PF_SAME_BINARY(lshift, bitwise_left_shift, kEverywhere)
PF_SAME_BINARY(rshift, bitwise_right_shift, kEverywhere)
#undef PF_SAME_UNARY
#undef PF_SAME_BINARY

PF_OP(clamp_between,
      "clamp(Tensor input, Tensor|Number? min=None, Tensor|Number? max=None) -> Tensor",
      kEverywhere, "input limited to [min, max]; the limits pass the gradient.")
PF_OP(clamp_between,
      "clip(Tensor input, Tensor|Number? min=None, Tensor|Number? max=None) -> Tensor", kEverywhere,
      "Same as clamp().")
PF_OP(clamp_min, "clamp_min(Tensor input, Tensor|Number min) -> Tensor", kEverywhere,
      "input, at least min.")
PF_OP(clamp_max, "clamp_max(Tensor input, Tensor|Number max) -> Tensor", kEverywhere,
      "input, at most max.")
PF_OP(gelu_of, "gelu(Tensor input, *, str approximate='none') -> Tensor", kNN,
      "input times the normal distribution function of input; 'tanh' approximates it.")
PF_OP(leaky_relu_of,
      "leaky_relu(Tensor input, Number negative_slope=0.01, bool inplace=False) -> Tensor", kNN,
      "input where positive, negative_slope * input elsewhere.")
PF_OP(elu_of, "elu(Tensor input, Number alpha=1.0, bool inplace=False) -> Tensor", kNN,
      "input where positive, alpha * (e^input - 1) elsewhere.")
PF_OP(silu_of, "silu(Tensor input, bool inplace=False) -> Tensor", kNN, "input * sigmoid(input)")
PF_OP(logsigmoid_of, "logsigmoid(Tensor input) -> Tensor", kNN,
      "log(sigmoid(input)), without overflow.")
PF_OP(softplus_of, "softplus(Tensor input, Number beta=1.0, Number threshold=20.0) -> Tensor", kNN,
      "log(1 + e^(beta input)) / beta; input itself where beta * input exceeds threshold.")

}  // namespace
}  // namespace pyforge::ops
