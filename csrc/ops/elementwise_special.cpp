// Less common elementwise ops that are more than their row, and second names.
#include <cmath>
#include <limits>

#include "autograd/inplace.h"
#include "autograd/node.h"
#include "ops/loop.h"
#include "ops/ops.h"
#include "ops/promote.h"

namespace pyforge::ops {
namespace {

constexpr uint32_t kBoth = kFunction | kMethod;
constexpr uint32_t kEverywhere = kBoth | kInplace;

Tensor floating(const Tensor& t) { return is_floating(t.dtype()) ? t : to(t, default_dtype()); }

Tensor logit_of(const Tensor& input, std::optional<double> eps) {
  if (!eps || *eps < 0) return logit(input);
  return logit(clamp(floating(input), Scalar(*eps), Scalar(1 - *eps)));
}

Tensor polygamma_of(int64_t n, const Tensor& input) {
  PF_CHECK(n >= 0, Runtime, "polygamma(n, x) does not support negative n, got ", n);
  return polygamma(Scalar(static_cast<double>(n)), input);
}
Tensor polygamma_method(const Tensor& input, int64_t n) { return polygamma_of(n, input); }

Tensor mvlgamma(const Tensor& input, int64_t p) {
  PF_CHECK(p >= 1, Runtime, "mvlgamma: p has to be greater than or equal to 1, got ", p);
  constexpr double kLogPi = 1.14472988584940017;
  Tensor x = unsqueeze(floating(input), -1);
  Tensor steps =
      to(arange(Scalar(0.5 * static_cast<double>(1 - p)), Scalar(0.5), Scalar(0.5), DType::Float64),
         x.dtype());
  int64_t last = -1;
  auto size = static_cast<double>(p);
  return add(sum_dims(lgamma(add(x, steps)), IntSpan(&last, 1), false, std::nullopt),
             size * (size - 1) / 4 * kLogPi);
}

Tensor zeta_of(const Operand& input, const Operand& other) {
  PF_CHECK(!input.is_tensor() || !input.tensor().requires_grad() || !grad_enabled(), Runtime,
           "special_zeta: derivative for the first argument is not implemented; detach() it");
  return special_zeta(input, other);
}

Tensor heaviside_of(const Tensor& input, const Tensor& values) {
  PF_CHECK(input.dtype() == values.dtype(), Runtime,
           "heaviside is not yet implemented for tensors with different dtypes, got ",
           dtype_name(input.dtype()), " and ", dtype_name(values.dtype()),
           "; convert one with .to(dtype)");
  return heaviside(input, values);
}

Operand widened(const Operand& o, Tensor& holder) {
  if (!o.is_tensor()) return Scalar(o.number().to_double());
  return holder = to(o.tensor(), DType::Float64);
}
Tensor float_power(const Operand& input, const Operand& exponent) {
  PF_CHECK(input.is_tensor() || exponent.is_tensor(), Type,
           "float_power(): at least one argument must be a Tensor, not a number");
  Tensor a, b;
  return pow(widened(input, a), widened(exponent, b));
}
void float_power_inplace(const Value* args) {
  const Tensor& self = args[0].tensor();
  PF_CHECK(self.dtype() == DType::Float64, Runtime, "float_power_: the base given has dtype ",
           dtype_name(self.dtype()), " but the operation's result requires dtype float64");
  assign_inplace("float_power_", self, float_power(self, boxing::Arg<Operand>::get(args[1])));
}

Tensor ldexp(const Tensor& input, const Operand& other) {
  DType dtype = result_type(input, other);
  if (!is_floating(dtype)) dtype = default_dtype();
  if (!other.is_tensor()) return mul(to(input, dtype), std::exp2(other.number().to_double()));
  return mul(input, exp2(to(other.tensor(), dtype)));
}

Tensor positive(const Tensor& input) {
  PF_CHECK(input.dtype() != DType::Bool, Runtime,
           "positive: The `+` operator, on a bool tensor is not supported.");
  return input;
}

// One step of a 16-bit floating number; a and b are the values of `bits` and of the goal.
uint16_t next_half(uint16_t bits, float a, uint16_t goal, float b) {
  if (a != a) return bits;
  if (b != b || a == b) return goal;
  if (a == 0) return static_cast<uint16_t>((b < 0 ? 0x8000 : 0) | 1);
  return static_cast<uint16_t>((a < b) == (a > 0) ? bits + 1 : bits - 1);
}

Tensor nextafter_of(const Tensor& input, const Tensor& other) {
  DType dtype = result_type(input, other);
  if (!is_half(dtype)) return nextafter(input, other);
  GradModeGuard off(false);
  std::vector<Tensor> pair = broadcast_tensors({to(input, dtype), to(other, dtype)});
  Tensor a = contiguous(pair[0]), b = contiguous(pair[1]), y = empty(a.sizes(), dtype);
  Tensor wide_a = to(a, DType::Float32), wide_b = to(b, DType::Float32);
  auto bits = [](const Tensor& t) { return reinterpret_cast<uint16_t*>(t->data); };
  for (int64_t i = 0; i < y.numel(); ++i)
    bits(y)[i] =
        next_half(bits(a)[i], wide_a.data<float>()[i], bits(b)[i], wide_b.data<float>()[i]);
  return y;
}

Tensor isreal(const Tensor& input) { return full(input.sizes(), Scalar(true), DType::Bool); }

Tensor frac_of(const Tensor& input) {
  PF_CHECK(is_floating(input.dtype()), NotImplemented, "frac: \"frac\" not implemented for '",
           dtype_name(input.dtype()), "'; convert the input with .to(dtype) first");
  return frac(input);
}

// Where the value is kept, the gradient passes.
struct NanToNumBackward {
  static constexpr const char* kName = "NanToNumBackward0";
  static void backward(Node& n, NanToNumBackward&, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = where(isfinite(n.saved(0)), in[0], 0);
  }
};

double largest(DType dtype) {
  switch (dtype) {
    case DType::Float64:
      return std::numeric_limits<double>::max();
    case DType::Float16:
      return 65504;
    case DType::BFloat16:
      return 0x1.fep127;
    default:
      return static_cast<double>(std::numeric_limits<float>::max());
  }
}

Tensor nan_to_num(const Tensor& input, std::optional<double> nan, std::optional<double> posinf,
                  std::optional<double> neginf) {
  if (!is_floating(input.dtype())) return clone(input);
  Tensor y;
  {
    GradModeGuard off(false);
    double limit = largest(input.dtype());
    y = where(isnan(input), Scalar(nan.value_or(0)), input);
    y = where(isposinf(input), Scalar(posinf.value_or(limit)), y);
    y = where(isneginf(input), Scalar(neginf.value_or(-limit)), y);
  }
  record<NanToNumBackward>(y, {&input}, {&input}, {});
  return y;
}

void check_same_dtype(const char* op, const Tensor& input, const Tensor& other, const char* name) {
  PF_CHECK(input.dtype() == other.dtype(), Runtime, op, ": expected dtype ",
           dtype_name(input.dtype()), " for `", name, "` but got dtype ", dtype_name(other.dtype()),
           "; convert it with .to(dtype)");
}

struct LerpBackward {
  static constexpr const char* kName = "LerpBackward0";
  double weight;
  static void backward(Node& n, LerpBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    if (n.needs(0)) out[0] = mul(in[0], 1 - p.weight);
    if (n.needs(1)) out[1] = mul(in[0], p.weight);
  }
};
struct LerpTensorBackward {
  static constexpr const char* kName = "LerpBackward1";
  static void backward(Node& n, LerpTensorBackward&, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor input = n.saved(0), end = n.saved(1), weight = n.saved(2);
    if (n.needs(0)) out[0] = mul(in[0], sub(1, weight));
    if (n.needs(1)) out[1] = mul(in[0], weight);
    if (n.needs(2)) out[2] = mul(in[0], sub(end, input));
  }
};

Tensor lerp(const Tensor& input, const Tensor& end, const Operand& weight) {
  check_same_dtype("lerp", input, end, "end");
  PF_CHECK(is_floating(input.dtype()), NotImplemented,
           "lerp: \"lerp_kernel\" not implemented for '", dtype_name(input.dtype()),
           "'; convert the inputs with .to(dtype) first");
  Tensor y;
  if (!weight.is_tensor()) {
    double w = weight.number().to_double();
    {
      GradModeGuard off(false);
      Tensor d = sub(end, input);  // from the nearer end, so that both ends are exact
      y = std::abs(w) < 0.5 ? add(input, mul(d, w)) : sub(end, mul(d, 1 - w));
    }
    record<LerpBackward>(y, {&input, &end}, {}, {w});
    return y;
  }
  const Tensor& w = weight.tensor();
  check_same_dtype("lerp", input, w, "weight");
  {
    GradModeGuard off(false);
    Tensor d = sub(end, input);
    y = where(lt(abs(w), 0.5), add(input, mul(d, w)), sub(end, mul(d, sub(1, w))));
  }
  record<LerpTensorBackward>(y, {&input, &end, &w}, {&input, &end, &w}, {});
  return y;
}

struct AddcmulBackward {
  static constexpr const char* kName = "AddcmulBackward0";
  Scalar value;
  static void backward(Node& n, AddcmulBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    out[0] = in[0];
    if (n.needs(1)) out[1] = mul(in[0], mul(n.saved(1), p.value));
    if (n.needs(2)) out[2] = mul(in[0], mul(n.saved(0), p.value));
  }
};
struct AddcdivBackward {
  static constexpr const char* kName = "AddcdivBackward0";
  Scalar value;
  static void backward(Node& n, AddcdivBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    out[0] = in[0];
    if (!n.needs(1) && !n.needs(2)) return;
    Tensor a = n.saved(0), b = n.saved(1), quotient = div(p.value, b);
    if (n.needs(1)) out[1] = mul(in[0], quotient);
    if (n.needs(2)) out[2] = neg(mul(in[0], mul(quotient, div(a, b))));
  }
};

void check_value(const char* op, const Scalar& value, DType dtype) {
  PF_CHECK(is_floating(dtype) || value.kind != Scalar::Float, Runtime, op,
           ": For integral input tensors, argument value must not be a floating point number.");
}
// a * value, without a pass where value is 1.
Tensor times(const Tensor& a, const Scalar& value) {
  return value.to_double() == 1 ? a : mul(a, value);
}

Tensor addcmul(const Tensor& input, const Tensor& a, const Tensor& b, Scalar value) {
  DType dtype = result_type({input, a, b});
  check_value("addcmul", value, dtype);
  Tensor y;
  {
    GradModeGuard off(false);
    y = add(input, mul(times(a, value), b));
  }
  if (is_floating(dtype)) record<AddcmulBackward>(y, {&input, &a, &b}, {&a, &b}, {value});
  return y;
}

Tensor addcdiv(const Tensor& input, const Tensor& a, const Tensor& b, Scalar value) {
  PF_CHECK(is_floating(a.dtype()) || is_floating(b.dtype()), Runtime,
           "addcdiv: Integer division with addcdiv is no longer supported; convert the inputs to a "
           "floating dtype first");
  Tensor y;
  {
    GradModeGuard off(false);
    y = add(input, div(times(a, value), b));
  }
  record<AddcdivBackward>(y, {&input, &a, &b}, {&a, &b}, {value});
  return y;
}

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Operand&, const Operand&);
#define PF_SAME(fn, name)                                                                 \
  [[maybe_unused]] OpDef& alias_##name = register_function<static_cast<Unary>(&ops::fn)>( \
      #name "(Tensor input) -> Tensor", kEverywhere, "Same as " #fn "().");
PF_SAME(asin, arcsin)
PF_SAME(acos, arccos)
PF_SAME(atan, arctan)
PF_SAME(asinh, arcsinh)
PF_SAME(acosh, arccosh)
PF_SAME(atanh, arctanh)
#undef PF_SAME
[[maybe_unused]] OpDef& alias_arctan2 = register_function<static_cast<Binary>(&ops::atan2)>(
    "arctan2(Tensor|Number input, Tensor|Number other) -> Tensor", kEverywhere, "Same as atan2().");

[[maybe_unused]] const bool registered = [] {
  register_function<float_power>(
      "float_power(Tensor|Number input, Tensor|Number exponent) -> Tensor", kEverywhere,
      "input to the power exponent, computed and returned in float64.")
      .inplace = float_power_inplace;
  return true;
}();

PF_OP(logit_of, "logit(Tensor input, float? eps=None) -> Tensor", kEverywhere,
      "log(input / (1 - input)), the input limited to [eps, 1 - eps] if eps is given.")
PF_OP(polygamma_of, "polygamma(int n, Tensor input) -> Tensor", kFunction,
      "The n-th derivative of digamma().")
PF_OP(polygamma_method, "polygamma(Tensor input, int n) -> Tensor", kMethod | kInplace,
      "The n-th derivative of digamma().")
PF_OP(mvlgamma, "mvlgamma(Tensor input, int p) -> Tensor", kEverywhere,
      "Logarithm of the multivariate gamma function of dimension p.")
PF_OP(zeta_of, "special_zeta(Tensor|Number input, Tensor|Number other) -> Tensor", kNN,
      "Hurwitz's zeta function, the sum of (other + k)^-input over k >= 0.")
PF_OP(heaviside_of, "heaviside(Tensor input, Tensor values) -> Tensor", kEverywhere,
      "0 where input is negative, 1 where positive, `values` where it is 0.")
PF_OP(ldexp, "ldexp(Tensor input, Tensor|Number other) -> Tensor", kEverywhere, "input * 2^other")
PF_OP(nextafter_of, "nextafter(Tensor input, Tensor other) -> Tensor", kEverywhere,
      "The next number after input in the direction of other.")
PF_OP(positive, "positive(Tensor input) -> Tensor", kBoth, "The input itself.")
PF_OP(isreal, "isreal(Tensor input) -> Tensor", kBoth, "True everywhere: no dtype is complex.")
PF_OP(frac_of, "frac(Tensor input) -> Tensor", kEverywhere, "The fraction of input, with its sign.")
PF_OP(
    nan_to_num,
    "nan_to_num(Tensor input, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor",
    kEverywhere,
    "NaN replaced by `nan` (0), infinities by `posinf` and `neginf` (the largest finite numbers).")
PF_OP(lerp, "lerp(Tensor input, Tensor end, Tensor|Number weight) -> Tensor", kEverywhere,
      "input + weight * (end - input), exact at both ends.")
PF_OP(addcmul, "addcmul(Tensor input, Tensor tensor1, Tensor tensor2, *, Number value=1) -> Tensor",
      kEverywhere, "input + value * tensor1 * tensor2")
PF_OP(addcdiv, "addcdiv(Tensor input, Tensor tensor1, Tensor tensor2, *, Number value=1) -> Tensor",
      kEverywhere, "input + value * tensor1 / tensor2")

}  // namespace
}  // namespace pyforge::ops
