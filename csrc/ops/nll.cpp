// Losses of classification: negative log-likelihood and cross-entropy.
#include <algorithm>
#include <cstring>

#include "autograd/node.h"
#include "ops/lines.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

int64_t class_dim(int64_t ndim) { return ndim == 1 ? 0 : 1; }

// Shape of the loss of every target: the input's without the classes.
Dims loss_shape(IntSpan sizes) {
  Dims s(sizes);
  s.erase(class_dim(s.size()));
  return s;
}

template <class T>
const T* weights(const Tensor& weight) {
  return weight.defined() ? weight.data<T>() : nullptr;
}

// Sum of weights of the targets that count; throws for a target that is no class.
double total_weight(const char* op, const ClassTargets& c, const Tensor& weight,
                    int64_t ignore_index) {
  const int64_t* t = c.target.data<int64_t>();
  int64_t n = c.target.numel(), kept = 0, bad = -1;
  for (int64_t i = 0; i < n; ++i) {
    bool counts = t[i] != ignore_index;
    kept += counts;
    if (counts && (t[i] < 0 || t[i] >= c.classes)) bad = i;
  }
  PF_CHECK(bad < 0, Index, op, ": Target ", t[bad], " is out of bounds; there are ", c.classes,
           " classes");
  if (!weight.defined()) return static_cast<double>(kept);
  double total = 0;
  with_floating(weight.dtype(), [&](auto zero) {
    const auto* w = weight.data<decltype(zero)>();
    for (int64_t i = 0; i < n; ++i)
      if (t[i] != ignore_index) total += static_cast<double>(w[t[i]]);
  });
  return total;
}

struct NllPayload {
  int64_t ignore_index;
  Reduction reduction;
  double total;
  Shape sizes;  // of the input
};

Tensor nll_apply(const Tensor& x, const Tensor& target, const Tensor& weight, const NllPayload& p);
Tensor nll_transpose(const Tensor& g, const Tensor& target, const Tensor& weight,
                     const NllPayload& p);

// Both maps are linear and each other's transpose, so derivatives of any order are these two.
struct NllLossBackward {
  static constexpr const char* kName = "NllLossBackward0";
  NllPayload p;
  static void backward(Node& n, NllLossBackward& self, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = nll_transpose(in[0], n.saved(0), n.saved(1), self.p);
  }
};
struct NllLossBackwardBackward {
  static constexpr const char* kName = "NllLossBackwardBackward0";
  NllPayload p;
  static void backward(Node& n, NllLossBackwardBackward& self, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = nll_apply(in[0], n.saved(0), n.saved(1), self.p);
  }
};

// Where input [n, classes, inner] is: strides of its three parts, as far as it needs no copy.
struct Layout {
  Tensor t;
  int64_t classes, inner;

  Layout(const Tensor& x, IntSpan sizes) : t(x) {
    int64_t d = class_dim(sizes.size());
    classes = sizes[d];
    inner = 1;
    for (int64_t i = d + 1; i < sizes.size(); ++i) inner *= sizes[i];
    if (t.is_contiguous()) return;
    GradModeGuard off(false);
    t = contiguous(x);
  }
};

Tensor nll_apply(const Tensor& input, const Tensor& target, const Tensor& given,
                 const NllPayload& p) {
  Tensor x = widened(input), weight = widened(given);
  Layout layout(x, p.sizes);
  bool keep = p.reduction == Reduction::None;
  Tensor loss = empty(keep ? loss_shape(p.sizes) : Dims(), x.dtype());
  int64_t n = target.numel(), inner = layout.inner, classes = layout.classes;
  const int64_t* t = target.data<int64_t>();
  with_float(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* w = weights<T>(weight);
    const T* from = layout.t.template data<T>();
    T* to = loss.data<T>();
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) {
      T value = 0;
      if (t[i] != p.ignore_index) {
        value = -from[(i / inner * classes + t[i]) * inner + i % inner];
        if (w) value *= w[t[i]];
      }
      if (keep) {
        to[i] = value;
      } else {
        sum += static_cast<double>(value);
      }
    }
    if (!keep) to[0] = static_cast<T>(p.reduction == Reduction::Mean ? sum / p.total : sum);
  });
  loss = narrowed(loss, input.dtype());
  record<NllLossBackward>(loss, {&input}, {&target, &given}, {p});
  return loss;
}

Tensor nll_transpose(const Tensor& grad, const Tensor& target, const Tensor& given,
                     const NllPayload& p) {
  Tensor g = widened(grad), weight = widened(given);
  bool each = p.reduction == Reduction::None;
  Tensor out = zeros(p.sizes, g.dtype()), grads = g;
  Layout layout(out, p.sizes);
  if (!g.is_contiguous()) {
    GradModeGuard off(false);
    grads = contiguous(g);
  }
  int64_t n = target.numel(), inner = layout.inner, classes = layout.classes;
  const int64_t* t = target.data<int64_t>();
  with_float(g.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* w = weights<T>(weight);
    const T* from = grads.data<T>();
    T* to = out.data<T>();
    for (int64_t i = 0; i < n; ++i) {
      if (t[i] == p.ignore_index) continue;
      T value = -from[each ? i : 0];
      if (w) value *= w[t[i]];
      if (p.reduction == Reduction::Mean) value = static_cast<T>(value / p.total);
      to[(i / inner * classes + t[i]) * inner + i % inner] = value;
    }
  });
  out = narrowed(out, grad.dtype());
  record<NllLossBackwardBackward>(out, {&grad}, {&target, &given}, {p});
  return out;
}

// 1 / total (or 1) at the targets that count, 0 at the ignored ones; shaped to broadcast over
// classes.
Tensor target_scale(const Tensor& target, const NllPayload& p, DType dtype) {
  Dims shape = loss_shape(p.sizes);
  shape.insert(class_dim(p.sizes.size()), 1);
  Tensor scale = empty(shape, dtype);
  double value = p.reduction == Reduction::Mean ? 1 / p.total : 1;
  const int64_t* t = target.data<int64_t>();
  with_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < target.numel(); ++i)
      scale.data<T>()[i] = t[i] == p.ignore_index ? T(0.0f) : static_cast<T>(value);
  });
  return scale;
}

// Saved: 0 = input, 1 = targets, 2 = statistics: rows largest and log_sum of [2 or 3, targets].
struct CrossEntropyBackward {
  static constexpr const char* kName = "CrossEntropyBackward0";
  NllPayload p;

  static void backward(Node& n, CrossEntropyBackward& self, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    const NllPayload& p = self.p;
    Tensor x = n.saved(0), target = n.saved(1), stats = n.saved(2);
    int64_t dim = class_dim(p.sizes.size());
    const Tensor& g = in[0];
    if (grad_enabled()) {
      Tensor each = g;
      if (p.reduction == Reduction::None) {
        Dims shape(g.sizes());
        shape.insert(dim, 1);
        each = reshape(g, shape);
      }
      Tensor share =
          mul(softmax(x, dim, std::nullopt), mul(each, target_scale(target, p, x.dtype())));
      out[0] = add(share, nll_transpose(g, target, Tensor(), p));
      return;
    }
    x = widened(x);
    Tensor lines = lines_of(x, dim), dx = empty(lines.sizes(), x.dtype()),
           grads = contiguous(widened(g));
    int64_t rows = target.numel(), cols = x.size(dim),
            size = static_cast<int64_t>(itemsize(x.dtype()));
    char scaled[8];
    const char* from = grads->data;
    int64_t step = p.reduction == Reduction::None ? 1 : 0;
    if (p.reduction == Reduction::Mean) {
      with_float(x.dtype(), [&](auto zero) {
        using T = decltype(zero);
        T value = static_cast<T>(*grads.data<T>() / p.total);
        std::memcpy(scaled, &value, sizeof value);
      });
      from = scaled;
    }
    auto kernel = kernels::active().rows.cross_entropy_backward[float_index(x.dtype())];
    const char *largest = stats->data, *log_sum = stats->data + rows * size;
    const bool stream = rows * cols * size >= kStreamBytes;
    for_rows(rows, cols, [&](int64_t first, int64_t last) {
      kernel(dx->data + first * cols * size, from + first * step * size, step,
             lines->data + first * cols * size, largest + first * size, log_sum + first * size,
             target.data<int64_t>() + first, p.ignore_index, last - first, cols, stream);
    });
    out[0] = from_lines(dx, p.sizes, dim);
  }
};

// Index targets without weights and smoothing: one kernel, one node.
Tensor cross_entropy_fused(const Tensor& input, const ClassTargets& c, int64_t ignore_index,
                           Reduction reduction) {
  Tensor x = widened(input);
  int64_t dim = class_dim(x.dim()), rows = c.target.numel(), cols = c.classes,
          size = static_cast<int64_t>(itemsize(x.dtype()));
  bool keep = reduction == Reduction::None;
  Tensor lines = lines_of(x, dim);
  Tensor stats = empty({keep ? 2 : 3, rows}, x.dtype());
  Tensor loss = empty(keep ? loss_shape(x.sizes()) : Dims(), x.dtype());
  char *largest = stats->data, *log_sum = largest + rows * size,
       *each = keep ? loss->data : log_sum + rows * size;
  auto kernel = kernels::active().rows.cross_entropy[float_index(x.dtype())];
  for_rows(rows, cols, [&](int64_t first, int64_t last) {
    kernel(each + first * size, largest + first * size, log_sum + first * size,
           lines->data + first * cols * size, c.target.data<int64_t>() + first, ignore_index,
           last - first, cols);
  });
  if (!keep)
    with_float(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      double sum = 0;
      for (int64_t i = 0; i < rows; ++i)
        sum += static_cast<double>(reinterpret_cast<const T*>(each)[i]);
      *loss.data<T>() = static_cast<T>(reduction == Reduction::Mean ? sum / c.total : sum);
    });
  loss = narrowed(loss, input.dtype());
  record<CrossEntropyBackward>(loss, {&input}, {&input, &c.target, &stats},
                               {{ignore_index, reduction, c.total, x.sizes()}});
  return loss;
}

// weight [classes] shaped to broadcast along the input's classes.
Tensor wide_weight(const Tensor& weight, int64_t ndim) {
  Dims shape(ndim, 1);
  shape[class_dim(ndim)] = weight.numel();
  return reshape(weight, shape);
}

Tensor sum_classes(const Tensor& t) {
  int64_t dims[1] = {class_dim(t.dim())};
  return sum_dims(t, IntSpan(dims, 1), false, std::nullopt);
}

// 1 where the target counts, in the shape of the loss.
Tensor kept_targets(const ClassTargets& c, IntSpan sizes, int64_t ignore_index) {
  return ne(
      make_view(c.target, loss_shape(sizes), contiguous_strides(loss_shape(sizes)), c.target->data),
      Scalar(ignore_index));
}

Tensor cross_entropy_smooth(const Tensor& x, const ClassTargets& c, const Tensor& weight,
                            int64_t ignore_index, Reduction reduction, double smoothing) {
  Tensor log_p = log_softmax(x, class_dim(x.dim()), std::nullopt);
  NllPayload p{ignore_index, reduction, c.total, x.sizes()};
  Tensor loss = nll_apply(log_p, c.target, weight, p);
  if (smoothing == 0) return loss;
  Tensor spread =
      neg(sum_classes(weight.defined() ? mul(log_p, wide_weight(weight, x.dim())) : log_p));
  spread = where(kept_targets(c, x.sizes(), ignore_index), spread, 0);
  if (reduction != Reduction::None) spread = sum(spread);
  if (reduction == Reduction::Mean) spread = div(spread, c.total);
  return add(mul(loss, 1 - smoothing), mul(spread, smoothing / static_cast<double>(c.classes)));
}

Tensor cross_entropy_probabilities(const Tensor& x, const Tensor& target, const Tensor& weight,
                                   Reduction reduction, double smoothing) {
  int64_t dim = class_dim(x.dim());
  double classes = static_cast<double>(x.size(dim));
  Tensor p = to(target, x.dtype());
  if (smoothing > 0) p = add(mul(p, 1 - smoothing), smoothing / classes);
  Tensor terms = mul(log_softmax(x, dim, std::nullopt), p);
  if (weight.defined()) terms = mul(terms, wide_weight(weight, x.dim()));
  if (reduction == Reduction::None) return neg(sum_classes(terms));
  Tensor total = neg(sum(terms));
  return reduction == Reduction::Mean ? div(total, static_cast<double>(x.numel()) / classes)
                                      : total;
}

void check_weight(const char* op, const Tensor& weight, const Tensor& input, int64_t classes) {
  if (!weight.defined()) return;
  PF_CHECK(weight.dim() == 1 && weight.numel() == classes, Runtime, op,
           ": weight tensor should be defined either for all ", classes,
           " classes or no classes but got weight tensor of shape: ", to_string(weight.sizes()));
  PF_CHECK(weight.dtype() == input.dtype(), Runtime, op, ": expected scalar type ",
           dtype_name(input.dtype()), " for weight but found ", dtype_name(weight.dtype()));
}

void check_logits(const char* op, const Tensor& input) {
  PF_CHECK(input.dim() > 0, Value, op,
           ": Expected 1 or more dimensions (got 0); classes are in dim 1 (dim 0 of a vector)");
  check_floating(op, input);
}

Tensor nll_loss_op(const Tensor& input, const Tensor& target, const Tensor& weight,
                   std::optional<bool> size_average, int64_t ignore_index,
                   std::optional<bool> reduce, std::string_view reduction) {
  return nll_loss(input, target, weight, ignore_index,
                  parse_reduction(reduction, size_average, reduce));
}

Tensor cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight,
                     std::optional<bool> size_average, int64_t ignore_index,
                     std::optional<bool> reduce, std::string_view reduction_text,
                     double label_smoothing) {
  constexpr const char* op = "cross_entropy";
  Reduction reduction = parse_reduction(reduction_text, size_average, reduce);
  check_logits(op, input);
  PF_CHECK(label_smoothing >= 0 && label_smoothing <= 1, Runtime, op,
           ": label_smoothing must be between 0.0 and 1.0. Got: ", label_smoothing);
  if (__builtin_expect(target.sizes() == input.sizes(), 0)) {
    PF_CHECK(is_floating(target.dtype()), Runtime, op,
             ": Expected floating point type for target with class probabilities, got ",
             dtype_name(target.dtype()),
             "; targets with the shape of the input are probabilities, class indices have no class "
             "dimension");
    PF_CHECK(ignore_index < 0, Runtime, op,
             ": ignore_index is not supported for floating point target");
    check_weight(op, weight, input, input.size(class_dim(input.dim())));
    return cross_entropy_probabilities(input, target, weight, reduction, label_smoothing);
  }
  ClassTargets c = check_targets(op, input, target, weight, ignore_index);
  if (!weight.defined() && label_smoothing == 0)
    return cross_entropy_fused(input, c, ignore_index, reduction);
  Tensor w;
  if (weight.defined()) w = contiguous(detach(weight));
  return cross_entropy_smooth(input, c, w, ignore_index, reduction, label_smoothing);
}

}  // namespace

ClassTargets check_targets(const char* op, const Tensor& input, const Tensor& target,
                           const Tensor& weight, int64_t ignore_index) {
  int64_t ndim = input.dim(), dim = class_dim(ndim);
  ClassTargets c{target, ndim == 1 ? 1 : input.size(0), input.size(dim), 1, 0};
  for (int64_t i = dim + 1; i < ndim; ++i) c.inner *= input.size(i);
  if (ndim <= 2) {
    PF_CHECK(target.dim() <= 1, Runtime, op,
             ": 0D or 1D target tensor expected, multi-target not supported; got target shape ",
             to_string(target.sizes()), " for input shape ", to_string(input.sizes()));
    int64_t batch = target.dim() == 0 ? 1 : target.size(0);
    bool scalar_for_batch = ndim == 2 && target.dim() == 0;
    PF_CHECK(batch == c.n && !scalar_for_batch, Value, op, ": Expected input batch_size (", c.n,
             ") to match target batch_size (", batch, "); got input shape ",
             to_string(input.sizes()), " and target shape ", to_string(target.sizes()));
  } else {
    PF_CHECK(target.dim() > 0 && target.size(0) == c.n, Value, op, ": Expected input batch_size (",
             c.n, ") to match target batch_size (", target.dim() ? target.size(0) : 1, ")");
    PF_CHECK(target.sizes() == IntSpan(loss_shape(input.sizes())), Runtime, op,
             ": Expected target size ", to_string(loss_shape(input.sizes())), ", got ",
             to_string(target.sizes()));
  }
  PF_CHECK(target.dtype() == DType::Int64 || target.dtype() == DType::UInt8, Runtime, op,
           ": expected scalar type Long but found ", dtype_name(target.dtype()),
           "; class indices are int64");
  check_weight(op, weight, input, c.classes);
  if (c.target.dtype() != DType::Int64 || !c.target.is_contiguous()) {
    GradModeGuard off(false);
    c.target = contiguous(to(target, DType::Int64));
  }
  Tensor dense_weight = weight;
  if (weight.defined() && !weight.is_contiguous()) {
    GradModeGuard off(false);
    dense_weight = contiguous(weight);
  }
  c.total = total_weight(op, c, dense_weight, ignore_index);
  return c;
}

Tensor nll_loss(const Tensor& input, const Tensor& target, const Tensor& weight,
                int64_t ignore_index, Reduction reduction) {
  check_logits("nll_loss", input);
  ClassTargets c = check_targets("nll_loss", input, target, weight, ignore_index);
  Tensor w;
  if (weight.defined()) w = contiguous(detach(weight));
  return nll_apply(input, c.target, w, {ignore_index, reduction, c.total, input.sizes()});
}

PF_OP(nll_loss_op,
      "nll_loss(Tensor input, Tensor target, Tensor? weight=None, bool? size_average=None, int "
      "ignore_index=-100, bool? reduce=None, str reduction='mean') -> Tensor",
      kNN, "Minus the log-probability (in dim 1) of the target classes.")
PF_OP(
    cross_entropy,
    "cross_entropy(Tensor input, Tensor target, Tensor? weight=None, bool? size_average=None, int "
    "ignore_index=-100, bool? reduce=None, str reduction='mean', "
    "float label_smoothing=0.0) -> Tensor",
    kNN, "Cross-entropy of logits (classes in dim 1) and target classes or probabilities.")

}  // namespace pyforge::ops
