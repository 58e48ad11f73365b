// Padding: constant, and by elements of the input itself.
#include "ops/pad.h"

#include <algorithm>
#include <optional>

#include "autograd/node.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

// The part of t that remains where it meets a region `before` elements into dimension d.
Tensor window(const Tensor& t, int64_t d, int64_t before, int64_t after) {
  const int64_t start = before < 0 ? -before : 0, end = t.size(d) + (after < 0 ? after : 0);
  return start == 0 && end == t.size(d) ? t : narrow(t, d, start, end - start);
}

struct ConstantPadNdBackward {
  static constexpr const char* kName = "ConstantPadNdBackward0";
  Shape pad;

  static void backward(Node&, ConstantPadNdBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Dims negative;
    for (int64_t i = 0; i < p.pad.size(); ++i) negative.push_back(-p.pad[i]);
    out[0] = constant_pad_nd(in[0], negative, Scalar(0));
  }
};

// Indices into a dimension of `size`, extended by the rule of the mode.
Tensor mode_index(std::string_view mode, int64_t size, int64_t before, int64_t after) {
  Tensor index = empty({before + size + after}, DType::Int64);
  int64_t* out = index.data<int64_t>();
  for (int64_t i = 0; i < before + size + after; ++i) {
    int64_t at = i - before;
    if (mode == "reflect") {
      if (at < 0) at = -at;
      if (at >= size) at = 2 * (size - 1) - at;
    } else if (mode == "replicate") {
      at = std::clamp<int64_t>(at, 0, size - 1);
    } else {
      at = (at % size + size) % size;
    }
    out[i] = at;
  }
  return index;
}

Tensor pad_by_index(const Tensor& input, IntSpan pad, std::string_view mode) {
  const std::string name(mode);
  const int64_t dims = pad.size() / 2, ndim = input.dim();
  PF_CHECK(dims >= 1 && dims <= 3 && (ndim == dims + 1 || ndim == dims + 2), NotImplemented,
           "pad: Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now; got "
           "input of shape ",
           to_string(input.sizes()), ", pad=", to_string(pad), " and mode='", name, "'");
  Tensor y = input;
  for (int64_t i = 0; i < dims; ++i) {
    const int64_t d = ndim - 1 - i, size = input.size(d), before = pad[2 * i],
                  after = pad[2 * i + 1];
    if (before == 0 && after == 0) continue;
    const int64_t limit = mode == "reflect" ? size - 1 : size;
    PF_CHECK(mode == "replicate" ? size > 0 : before <= limit && after <= limit, Runtime,
             "pad: Padding size should be less than ", mode == "circular" ? "or equal to " : "",
             "the corresponding input dimension, but got: padding (", before, ", ", after,
             ") at dimension ", d, " of input ", to_string(input.sizes()), " (mode='", name, "')");
    const int64_t rest = size + std::min<int64_t>(before, 0) + std::min<int64_t>(after, 0);
    PF_CHECK(rest > 0 || (rest == 0 && before <= 0 && after <= 0), Runtime,
             "pad: nothing is left of dimension ", d, " of input ", to_string(input.sizes()),
             " with padding (", before, ", ", after, ")");
    Tensor cut = y;
    if (before < 0 || after < 0) cut = window(y, d, before, after);
    const int64_t b = std::max<int64_t>(before, 0), a = std::max<int64_t>(after, 0);
    y = b + a > 0 ? index_select(cut, d, mode_index(mode, cut.size(d), b, a)) : cut;
  }
  return y.get() == input.get() ? clone(y) : y;
}

Tensor pad(const Tensor& input, IntSpan pad, std::string_view mode, std::optional<double> value) {
  PF_CHECK(pad.size() % 2 == 0, Runtime, "pad: Padding length must be divisible by 2, got ",
           to_string(pad));
  PF_CHECK(pad.size() <= 2 * input.dim(), Runtime,
           "pad: Padding length should be less than or equal to two times the input dimension but "
           "got padding length ",
           pad.size(), " and input of dimension ", input.dim());
  if (mode == "constant") {
    const double v = value.value_or(0.0);
    return constant_pad_nd(input, pad, Scalar(v));
  }
  PF_CHECK(mode == "reflect" || mode == "replicate" || mode == "circular", NotImplemented,
           "pad: Unrecognised padding mode ", std::string(mode),
           "; use 'constant', 'reflect', 'replicate' or 'circular'");
  PF_CHECK(!value || *value == 0, Value, "pad: Padding mode \"", std::string(mode),
           "\" doesn't take in value argument");
  return pad_by_index(input, pad, mode);
}

}  // namespace

Tensor constant_pad_nd(const Tensor& input, IntSpan pad, Scalar value) {
  const int64_t ndim = input.dim();
  Dims sizes(input.sizes());
  bool only_cuts = true;
  for (int64_t i = 0; i < pad.size() / 2; ++i) {
    const int64_t d = ndim - 1 - i;
    sizes[d] += pad[2 * i] + pad[2 * i + 1];
    only_cuts = only_cuts && pad[2 * i] <= 0 && pad[2 * i + 1] <= 0;
    PF_CHECK(sizes[d] >= 0, Runtime, "constant_pad_nd: The input size ", input.size(d),
             ", plus negative padding ", pad[2 * i], " and ", pad[2 * i + 1],
             ", resulted in a negative output size, which is invalid. Check dimension ", d,
             " of your input.");
  }
  Tensor y;
  {
    const GradModeGuard off(false);
    Tensor from = input;
    y = empty(sizes, input.dtype());
    if (!only_cuts) fill_data(y, value);
    Tensor to = y;
    for (int64_t i = 0; i < pad.size() / 2; ++i) {
      const int64_t d = ndim - 1 - i, before = pad[2 * i], after = pad[2 * i + 1];
      if (y.size(d) == 0 || -before > input.size(d) || -after > input.size(d)) {
        from = Tensor();  // nothing of the input is left
        break;
      }
      from = window(from, d, before, after);
      to = window(to, d, -before, -after);
    }
    if (from.defined() && y.numel() > 0) copy_data(to, from);
  }
  record<ConstantPadNdBackward>(y, {&input}, {}, {Shape(pad)});
  return y;
}

namespace {

PF_OP(pad, "pad(Tensor input, int[] pad, str mode='constant', float? value=None) -> Tensor", kNN,
      "input extended at its edges: `pad` holds before and after of the last dimension, then of "
      "the one before it.")
PF_OP(constant_pad_nd, "constant_pad_nd(Tensor input, int[] pad, Number value=0) -> Tensor",
      kFunction, "input extended at its edges by a number; negative padding cuts.")

}  // namespace
}  // namespace pyforge::ops
