// Connectionist temporal classification (Graves et al. 2006): forward and backward variables in log
// space, in double precision, one sequence after another and sequences side by side.
#include <cmath>
#include <limits>

#include "autograd/node.h"
#include "ops/lines.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

double log_add(double a, double b) {
  if (a < b) std::swap(a, b);
  return b == kNever ? a : a + std::log1p(std::exp(b - a));
}

// The labels of sequence n with blanks around each; what alpha and beta run over.
struct Labels {
  const int64_t* target;
  int64_t blank, count;  // 2 * target length + 1
  int64_t operator[](int64_t s) const { return s % 2 ? target[s / 2] : blank; }
  // The label two places back may be skipped to.
  bool skips(int64_t s) const { return s % 2 && s >= 2 && target[s / 2] != target[s / 2 - 1]; }
};

// Everything but the probabilities, checked.
struct CtcSizes {
  int64_t steps, batch, classes, blank, states;  // states: of the longest target
  bool zero_infinity;
};

struct CtcTensors {
  Tensor targets, starts, input_lengths, target_lengths;  // int64, contiguous; starts: per sequence
  Labels labels(int64_t n, int64_t blank) const {
    return {targets.data<int64_t>() + starts.data<int64_t>()[n], blank,
            2 * target_lengths.data<int64_t>()[n] + 1};
  }
};

// alpha [steps, states] of one sequence; returns -log p.
template <class T>
double run_forward(const CtcSizes& z, const Labels& l, const T* x, int64_t stride, int64_t steps,
                   double* alpha) {
  if (steps == 0) return l.count == 1 ? 0 : -kNever;
  for (int64_t t = 0; t < steps; ++t, x += stride) {
    double *now = alpha + t * z.states, *before = now - z.states;
    for (int64_t s = 0; s < l.count; ++s) {
      double sum = t == 0 ? (s < 2 ? 0 : kNever) : before[s];
      if (t > 0 && s > 0) sum = log_add(sum, before[s - 1]);
      if (t > 0 && l.skips(s)) sum = log_add(sum, before[s - 2]);
      now[s] = sum + static_cast<double>(x[l[s]]);
    }
  }
  const double* end = alpha + (steps - 1) * z.states + l.count - 1;
  return -(l.count > 1 ? log_add(end[0], end[-1]) : end[0]);
}

// grad [steps, classes] (strided) of one sequence: probability minus what the alignments expect.
template <class T>
void run_backward(const CtcSizes& z, const Labels& l, const T* x, int64_t stride, int64_t steps,
                  const double* alpha, double nll, double scale, T* grad, double* beta,
                  double* sums) {
  for (int64_t t = steps - 1; t >= 0; --t) {
    const T* row = x + t * stride;
    for (int64_t c = 0; c < z.classes; ++c) sums[c] = kNever;
    for (int64_t s = 0; s < l.count; ++s) {  // upwards: beta[s + 1], beta[s + 2] are the old ones
      double sum = t == steps - 1 ? (s >= l.count - 2 ? 0 : kNever) : beta[s];
      if (t < steps - 1 && s + 1 < l.count) sum = log_add(sum, beta[s + 1]);
      if (t < steps - 1 && s + 2 < l.count && l.skips(s + 2)) sum = log_add(sum, beta[s + 2]);
      const int64_t c = l[s];
      beta[s] = sum + static_cast<double>(row[c]);
      sums[c] = log_add(sums[c], alpha[t * z.states + s] + beta[s]);
    }
    for (int64_t c = 0; c < z.classes; ++c) {
      const double lp = static_cast<double>(row[c]);
      grad[t * stride + c] = static_cast<T>((std::exp(lp) - std::exp(sums[c] + nll - lp)) * scale);
    }
  }
}

struct CtcLossBackwardBackward {
  static constexpr const char* kName = "CtcLossBackwardBackward0";
  static void backward(Node&, CtcLossBackwardBackward&, Tensor*, Tensor*) {
    raise(ErrorKind::Runtime,
          "the derivative for '_ctc_loss_backward' is not implemented; ctc_loss can be "
          "differentiated once");
  }
};

// Saved: log-probabilities, targets, starts, lengths of inputs and targets, alpha, losses.
struct CtcLossBackward {
  static constexpr const char* kName = "CtcLossBackward0";
  CtcSizes z;

  static void backward(Node& n, CtcLossBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    const CtcSizes& z = p.z;
    Tensor input = n.saved(0), x, g, grad, scratch;
    const CtcTensors c{n.saved(1), n.saved(2), n.saved(3), n.saved(4)};
    const Tensor alpha = n.saved(5), losses = n.saved(6);
    {
      GradModeGuard off(false);
      x = contiguous(widened(detach(input)));
      g = contiguous(to(detach(in[0]), DType::Float64));
      grad = zeros(x.sizes(), x.dtype());
      scratch = empty({z.batch, z.states + z.classes}, DType::Float64);
    }
    with_float(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      for_rows(z.batch, z.steps * z.states * 16, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
          const double nll = static_cast<double>(losses.data<double>()[i]);
          if (z.zero_infinity && nll == -kNever) continue;
          double* own = scratch.data<double>() + i * (z.states + z.classes);
          run_backward(z, c.labels(i, z.blank), x.data<T>() + i * z.classes, z.batch * z.classes,
                       c.input_lengths.data<int64_t>()[i],
                       alpha.data<double>() + i * z.steps * z.states, nll, g.data<double>()[i],
                       grad.data<T>() + i * z.classes, own, own + z.states);
        }
      });
    });
    record<CtcLossBackwardBackward>(grad, {&in[0], &input}, {}, {});
    out[0] = grad;
  }
};

Tensor lengths_of(const char* name, const Tensor& t, int64_t batch) {
  PF_CHECK(is_integral(t.dtype()) && t.dtype() != DType::Bool, Runtime, "ctc_loss: ", name,
           " must be integral");
  PF_CHECK(t.dim() == 1 && t.numel() == batch, Runtime, "ctc_loss: ", name,
           " must be of size batch_size ", batch, ", got shape ", to_string(t.sizes()));
  return contiguous(to(t, DType::Int64));
}

CtcTensors check_targets_of(const Tensor& log_probs, const Tensor& targets,
                            const Tensor& input_lengths, const Tensor& target_lengths,
                            CtcSizes& z) {
  PF_CHECK(log_probs.dim() == 3, Runtime, "ctc_loss: log_probs must have shape [T, N, C], got ",
           to_string(log_probs.sizes()));
  PF_CHECK(targets.dtype() == DType::Int64 || targets.dtype() == DType::Int32, Runtime,
           "ctc_loss: targets must be int64 or int32, got ", dtype_name(targets.dtype()));
  z.steps = log_probs.size(0), z.batch = log_probs.size(1), z.classes = log_probs.size(2);
  PF_CHECK(z.blank >= 0 && z.blank < z.classes, Runtime, "ctc_loss: blank must be in label range");
  CtcTensors c{contiguous(to(targets, DType::Int64)), empty({z.batch}, DType::Int64),
               lengths_of("input_lengths", input_lengths, z.batch),
               lengths_of("target_lengths", target_lengths, z.batch)};
  const bool padded = targets.dim() == 2;
  PF_CHECK(padded ? targets.size(0) == z.batch : targets.dim() == 1, Runtime,
           "ctc_loss: targets must have shape [N, S] or [sum of the lengths], got ",
           to_string(targets.sizes()));
  const int64_t *in = c.input_lengths.data<int64_t>(), *out = c.target_lengths.data<int64_t>();
  int64_t start = 0, longest = 0;
  for (int64_t n = 0; n < z.batch; ++n) {
    PF_CHECK(in[n] >= 0 && out[n] >= 0, Runtime,
             "ctc_loss: Expected input_lengths and target_lengths to have value at least 0, but "
             "got value ",
             std::min(in[n], out[n]));
    PF_CHECK(in[n] <= z.steps, Runtime, "ctc_loss: Expected input_lengths to have value at most ",
             z.steps, ", but got value ", in[n]);
    c.starts.data<int64_t>()[n] = padded ? n * targets.size(1) : start;
    start += out[n];
    longest = std::max(longest, out[n]);
    const int64_t end = c.starts.data<int64_t>()[n] + out[n];
    PF_CHECK((!padded || out[n] <= targets.size(1)) && end <= targets.numel(), Runtime,
             "ctc_loss: Expected tensor to have size at least ", longest,
             " at dimension 1, but got targets of shape ", to_string(targets.sizes()));
    for (int64_t i = c.starts.data<int64_t>()[n]; i < end; ++i) {
      const int64_t label = c.targets.data<int64_t>()[i];
      PF_CHECK(label >= 0 && label < z.classes, Index, "ctc_loss: Target ", label,
               " is out of bounds; there are ", z.classes, " classes");
    }
  }
  z.states = 2 * longest + 1;
  return c;
}

Tensor ctc_losses(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                  const Tensor& target_lengths, int64_t blank, bool zero_infinity) {
  check_floating("ctc_loss", log_probs);
  CtcSizes z{0, 0, 0, blank, 0, zero_infinity};
  CtcTensors c;
  Tensor x, y, alpha, losses;
  {
    GradModeGuard off(false);
    c = check_targets_of(log_probs, targets, input_lengths, target_lengths, z);
    x = contiguous(widened(log_probs));
    y = empty({z.batch}, x.dtype());
    losses = empty({z.batch}, DType::Float64);
    alpha = empty({z.batch, z.steps, z.states}, DType::Float64);
  }
  with_float(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_rows(z.batch, z.steps * z.states * 16, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const double nll = run_forward(z, c.labels(i, z.blank), x.data<T>() + i * z.classes,
                                       z.batch * z.classes, c.input_lengths.data<int64_t>()[i],
                                       alpha.data<double>() + i * z.steps * z.states);
        losses.data<double>()[i] = nll;
        y.data<T>()[i] = static_cast<T>(zero_infinity && nll == -kNever ? 0 : nll);
      }
    });
  });
  y = narrowed(y, log_probs.dtype());
  record<CtcLossBackward>(
      y, {&log_probs},
      {&log_probs, &c.targets, &c.starts, &c.input_lengths, &c.target_lengths, &alpha, &losses},
      {z});
  return y;
}

PF_OP(ctc_losses,
      "_ctc_losses(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor target_lengths, "
      "int blank=0, bool zero_infinity=False) -> Tensor",
      kFunction,
      "The CTC loss of every sequence [N] from log-probabilities [T, N, C]; ctc_loss reduces it.")

}  // namespace
}  // namespace pyforge::ops
