// Losses of pairs of numbers: each element from a row of kernels/elementwise_rows.inc, then the
// reduction, as one node.
#include "autograd/node.h"
#include "core/warn.h"
#include "ops/loop.h"
#include "ops/ops.h"
#include "ops/promote.h"
#include "ops/recorded.h"

namespace pyforge::ops {
namespace {

using kernels::Elementwise;

template <Elementwise op>
constexpr const char* node_name() {
  if constexpr (op == Elementwise::mse) return "MseLossBackward0";
  if constexpr (op == Elementwise::l1) return "L1LossBackward0";
  if constexpr (op == Elementwise::smooth_l1) return "SmoothL1LossBackward0";
  if constexpr (op == Elementwise::huber) return "HuberLossBackward0";
  if constexpr (op == Elementwise::binary_cross_entropy) return "BinaryCrossEntropyBackward0";
  return "BinaryCrossEntropyWithLogitsBackward0";
}

// Saved: prediction and target in the dtype of the loss.
template <Elementwise op>
struct PairLossBackward {
  static constexpr const char* kName = node_name<op>();
  kernels::Attr attr;
  Reduction reduction;
  int64_t count;

  static void backward(Node& n, PairLossBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor a = n.saved(0), b = n.saved(1);
    Tensor g = in[0];
    if (p.reduction == Reduction::Mean) g = div(g, static_cast<double>(p.count));
    for (int k = 0; k < 2; ++k) {
      if (!n.needs(k)) continue;
      if (grad_enabled()) {
        out[k] = recorded_derivative(
            op, k)({g, a, b, Tensor(), {}, {}, {Scalar(p.attr.f), {}}, a.dtype()});
      } else {
        LoopInput inputs[4] = {LoopInput(g), LoopInput(a), LoopInput(b), LoopInput()};
        out[k] = a.sizes() == b.sizes()
                     ? empty_like(a)
                     : empty(broadcast_shapes("loss", a.sizes(), b.sizes()), a.dtype());
        run_loop(kernels::active()
                     .elementwise.backward[static_cast<int>(op)][k][floating_index(a.dtype())],
                 out[k], inputs, 4, &p.attr);
      }
    }
  }
};

template <Elementwise op>
Tensor pair_loss(const char* name, const Tensor& input, const Tensor& target, Reduction reduction,
                 double attr_value = 0) {
  DType dtype = result_type(input, target);
  kernels::Attr attr = kernels::attr(attr_value);
  PF_CHECK(is_floating(dtype), NotImplemented, name, ": \"", name, "\" not implemented for '",
           dtype_name(dtype), "'; convert the input with .to(dtype) first");
  Tensor a = to(input, dtype), b = to(target, dtype), y;
  {
    GradModeGuard off(false);
    y = a.sizes() == b.sizes() && a.is_contiguous()
            ? empty(a.sizes(), dtype)
            : empty(broadcast_shapes(name, a.sizes(), b.sizes()), dtype);
    LoopInput inputs[2] = {LoopInput(a), LoopInput(b)};
    run_loop(kernels::active().elementwise.forward[static_cast<int>(op)][static_cast<int>(dtype)],
             y, inputs, 2, &attr);
  }
  int64_t count = y.numel();
  if (reduction != Reduction::None) {
    GradModeGuard off(false);
    y = sum(y);
    if (reduction == Reduction::Mean) div_(y, static_cast<double>(count));
  }
  record<PairLossBackward<op>>(y, {&a, &b}, {&a, &b}, {attr, reduction, count});
  return y;
}

void warn_broadcast(const Tensor& input, const Tensor& target) {
  if (input.sizes() == target.sizes()) return;
  warn("Using a target size (" + to_string(target.sizes()) +
       ") that is different to the input size (" + to_string(input.sizes()) +
       "). This will likely lead to incorrect results due to broadcasting. Please ensure they have "
       "the same size.");
}

Tensor mse_loss(const Tensor& input, const Tensor& target, std::optional<bool> size_average,
                std::optional<bool> reduce, std::string_view reduction) {
  Reduction r = parse_reduction(reduction, size_average, reduce);
  warn_broadcast(input, target);
  return pair_loss<Elementwise::mse>("mse_loss", input, target, r);
}

Tensor l1_loss(const Tensor& input, const Tensor& target, std::optional<bool> size_average,
               std::optional<bool> reduce, std::string_view reduction) {
  Reduction r = parse_reduction(reduction, size_average, reduce);
  warn_broadcast(input, target);
  return pair_loss<Elementwise::l1>("l1_loss", input, target, r);
}

Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, std::optional<bool> size_average,
                      std::optional<bool> reduce, std::string_view reduction, double beta) {
  Reduction r = parse_reduction(reduction, size_average, reduce);
  PF_CHECK(beta >= 0, Runtime, "smooth_l1_loss does not support negative values for beta; got ",
           beta);
  warn_broadcast(input, target);
  if (beta == 0) return pair_loss<Elementwise::l1>("smooth_l1_loss", input, target, r);
  return pair_loss<Elementwise::smooth_l1>("smooth_l1_loss", input, target, r, beta);
}

Tensor huber_loss(const Tensor& input, const Tensor& target, std::string_view reduction,
                  double delta) {
  Reduction r = parse_reduction(reduction);
  PF_CHECK(delta > 0, Runtime, "huber_loss does not support non-positive values for delta; got ",
           delta);
  warn_broadcast(input, target);
  return pair_loss<Elementwise::huber>("huber_loss", input, target, r, delta);
}

// A weight may broadcast to the loss, not the loss to a weight.
void check_weight(const char* op, const char* argument, const Tensor& weight, const Tensor& loss) {
  if (!weight.defined()) return;
  PF_CHECK(IntSpan(broadcast_shapes(op, loss.sizes(), weight.sizes())) == loss.sizes(), Runtime, op,
           ": output with shape ", to_string(loss.sizes()),
           " doesn't match the broadcast shape of ", argument, " ", to_string(weight.sizes()));
}

void check_target_dtype(const char* op, const Tensor& input, const Tensor& target) {
  PF_CHECK(is_floating(target.dtype()), Runtime, op, ": Found dtype ", dtype_name(target.dtype()),
           " but expected ", dtype_name(input.dtype()),
           "; convert the target with .to(dtype) first");
}

bool all_probabilities(const Tensor& t) {
  GradModeGuard off(false);
  Tensor x = contiguous(widened(t));
  bool inside = true;
  auto scan = [&](const auto* p) {
    for (int64_t i = 0; i < x.numel(); ++i) inside &= p[i] >= 0 && p[i] <= 1;
  };
  if (x.dtype() == DType::Float32) scan(x.data<float>());
  if (x.dtype() == DType::Float64) scan(x.data<double>());
  return inside;
}

Tensor bce_loss(const Tensor& input, const Tensor& target, const Tensor& weight,
                std::optional<bool> size_average, std::optional<bool> reduce,
                std::string_view reduction) {
  Reduction r = parse_reduction(reduction, size_average, reduce);
  PF_CHECK(input.sizes() == target.sizes(), Value, "binary_cross_entropy: Using a target size (",
           to_string(target.sizes()), ") that is different to the input size (",
           to_string(input.sizes()), ") is deprecated. Please ensure they have the same size.");
  check_weight("binary_cross_entropy", "weight", weight, input);
  check_target_dtype("binary_cross_entropy", input, target);
  PF_CHECK(all_probabilities(input), Runtime,
           "binary_cross_entropy: all elements of input should be between 0 and 1; "
           "use binary_cross_entropy_with_logits for logits");
  PF_CHECK(all_probabilities(target), Runtime,
           "binary_cross_entropy: all elements of target should be between 0 and 1");
  constexpr Elementwise op = Elementwise::binary_cross_entropy;
  if (!weight.defined()) return pair_loss<op>("binary_cross_entropy", input, target, r);
  return reduce_loss(
      mul(pair_loss<op>("binary_cross_entropy", input, target, Reduction::None), weight), r);
}

Tensor bce_with_logits_loss(const Tensor& input, const Tensor& target, const Tensor& weight,
                            std::optional<bool> size_average, std::optional<bool> reduce,
                            std::string_view reduction, const Tensor& pos_weight) {
  Reduction r = parse_reduction(reduction, size_average, reduce);
  PF_CHECK(input.sizes() == target.sizes(), Value,
           "binary_cross_entropy_with_logits: Target size (", to_string(target.sizes()),
           ") must be the same as input size (", to_string(input.sizes()), ")");
  constexpr const char* name = "binary_cross_entropy_with_logits";
  check_weight(name, "weight", weight, input);
  check_weight(name, "pos_weight", pos_weight, input);
  check_target_dtype(name, input, target);
  constexpr Elementwise op = Elementwise::binary_cross_entropy_with_logits;
  if (!weight.defined() && !pos_weight.defined())
    return pair_loss<op>("binary_cross_entropy_with_logits", input, target, r);
  Tensor loss;
  if (pos_weight.defined()) {
    Tensor log_weight = add(mul(sub(pos_weight, 1), target), 1);
    loss = sub(mul(sub(1, target), input), mul(log_weight, logsigmoid(input)));
  } else {
    loss = pair_loss<op>("binary_cross_entropy_with_logits", input, target, Reduction::None);
  }
  return reduce_loss(weight.defined() ? mul(loss, weight) : loss, r);
}

// target * (log(target) - input), 0 where target is 0; log_target: target is a logarithm.
Tensor kl_div(const Tensor& input, const Tensor& target, std::optional<bool> size_average,
              std::optional<bool> reduce, std::string_view reduction, bool log_target) {
  bool batch = reduction == "batchmean";
  Reduction r = batch ? Reduction::Sum : parse_reduction(reduction, size_average, reduce);
  Tensor loss;
  if (log_target) {
    loss = mul(exp(target), sub(target, input));
  } else {
    Tensor zero = eq(target, 0);
    loss = sub(mul(target, log(where(zero, 1, target))), mul(target, input));
  }
  loss = reduce_loss(loss, r);
  return batch && input.dim() ? div(loss, static_cast<double>(input.size(0))) : loss;
}

}  // namespace

Reduction parse_reduction(std::string_view text) {
  if (text == "mean") return Reduction::Mean;
  if (text == "sum") return Reduction::Sum;
  PF_CHECK(text == "none", Value, text,
           " is not a valid value for reduction; use 'none', 'mean' or 'sum'");
  return Reduction::None;
}

Reduction parse_reduction(std::string_view text, std::optional<bool> size_average,
                          std::optional<bool> reduce) {
  if (__builtin_expect(size_average || reduce, 0)) {
    text = !reduce.value_or(true) ? "none" : size_average.value_or(true) ? "mean" : "sum";
    warn("size_average and reduce args will be deprecated, please use reduction='" +
         std::string(text) + "' instead.");
  }
  return parse_reduction(text);
}

Tensor reduce_loss(const Tensor& loss, Reduction reduction) {
  if (reduction == Reduction::None) return loss;
  Tensor total = sum(loss);
  return reduction == Reduction::Mean ? div(total, static_cast<double>(loss.numel())) : total;
}

PF_OP(mse_loss,
      "mse_loss(Tensor input, Tensor target, bool? size_average=None, bool? reduce=None, str "
      "reduction='mean') -> Tensor",
      kNN, "Squared difference of input and target.")
PF_OP(l1_loss,
      "l1_loss(Tensor input, Tensor target, bool? size_average=None, bool? reduce=None, str "
      "reduction='mean') -> Tensor",
      kNN, "Absolute difference of input and target.")
PF_OP(smooth_l1_loss,
      "smooth_l1_loss(Tensor input, Tensor target, bool? size_average=None, bool? reduce=None, str "
      "reduction='mean', float beta=1.0) -> "
      "Tensor",
      kNN, "d^2 / (2 beta) where the difference |d| < beta, |d| - beta / 2 elsewhere.")
PF_OP(huber_loss,
      "huber_loss(Tensor input, Tensor target, str reduction='mean', float delta=1.0) -> Tensor",
      kNN, "d^2 / 2 where the difference |d| < delta, delta (|d| - delta / 2) elsewhere.")
PF_OP(bce_loss,
      "binary_cross_entropy(Tensor input, Tensor target, Tensor? weight=None, bool? "
      "size_average=None, bool? "
      "reduce=None, str reduction='mean') -> Tensor",
      kNN, "Cross-entropy of probabilities and targets in [0, 1]; logarithms not below -100.")
PF_OP(bce_with_logits_loss,
      "binary_cross_entropy_with_logits(Tensor input, Tensor target, Tensor? weight=None, bool? "
      "size_average=None, bool? "
      "reduce=None, str reduction='mean', "
      "Tensor? pos_weight=None) -> Tensor",
      kNN, "binary_cross_entropy() of sigmoid(input), without overflow.")
PF_OP(kl_div,
      "kl_div(Tensor input, Tensor target, bool? size_average=None, bool? reduce=None, str "
      "reduction='mean', bool log_target=False) -> Tensor",
      kNN, "Kullback-Leibler divergence of log-probabilities `input` from `target`.")

}  // namespace pyforge::ops
