// The three maps of ops/conv.h on the kernels of kernels/conv.h, and their derivatives.
#include <algorithm>

#include "autograd/node.h"
#include "core/gil.h"
#include "kernels/dispatch.h"
#include "ops/conv.h"
#include "ops/lines.h"
#include "ops/loop.h"
#include "ops/ops.h"
#include "ops/pointwise.h"
#include "ops/workspace.h"

namespace pyforge::ops {
namespace {

using kernels::ConvPlan;
using kernels::GatherConv;
using kernels::kSpatial;
using kernels::WeightConv;

constexpr int64_t kLongWork = 1 << 20;    // multiply-adds from which the GIL is given up
constexpr int64_t kThreadWork = 1 << 18;  // ... that make a thread worth while
constexpr int64_t kChunkWork = 4 << 20;   // ... that a chunk of places should have
constexpr int64_t kChunkPlaces = 1024;    // so that adding the chunks up costs little
constexpr int64_t kChunks = 16;

int64_t round_up(int64_t bytes) { return (bytes + 63) / 64 * 64; }

// Sizes after the first two, with ones in front.
void spatial(int64_t* to, IntSpan sizes) {
  const int64_t missing = kSpatial + 2 - sizes.size();
  for (int64_t d = 0; d < kSpatial; ++d) to[d] = d < missing ? 1 : sizes[2 + d - missing];
}
void spatial(int64_t* to, const int64_t* values, int dims, int64_t fill) {
  for (int d = 0; d < kSpatial; ++d) {
    to[d] = d < kSpatial - dims ? fill : values[d - (kSpatial - dims)];
  }
}
int64_t volume(const int64_t* sizes) { return sizes[0] * sizes[1] * sizes[2]; }

// Depthwise, or nearly so.
bool is_direct(int64_t groups, int64_t channels, int64_t rows) {
  return groups > 1 && channels <= 2 && rows <= 2;
}
// Where packing panels would cost more than the lanes that rows of the grid leave empty. In cycles
// per vector of a row, channel and tap: the direct path takes 1.2 per row, a product 1 per row and
// whole vector, and packing kPacking.
bool is_direct(const GatherConv& conv, DType dtype) {
  if (is_direct(conv.groups, conv.channels, conv.rows)) return true;
  if (conv.taps == 1 || conv.stride[2] != 1) return false;
  const int64_t lanes = kernels::active().vector_bytes / static_cast<int64_t>(itemsize(dtype));
  const int64_t width = conv.grid[2], padded = (width + lanes - 1) / lanes * lanes;
  if (conv.channels <= 4 && 4 * width >= 3 * padded) return true;
  constexpr double kPacking = 10, kDirect = 1.2;
  constexpr int64_t kSourceBytes = 384 << 10, kWeightBytes = 64 << 10;  // which stay in the caches
  const int64_t size = static_cast<int64_t>(itemsize(dtype));
  if (conv.taps == 9 && conv.rows >= 16 && conv.channels >= 16) return false;  // Winograd's
  if (conv.step[2] != 1 || conv.channels * volume(conv.source) * size > kSourceBytes ||
      conv.rows * conv.channels * conv.taps * size > kWeightBytes) {
    return false;
  }
  const double rows = static_cast<double>(conv.rows),
               fill = static_cast<double>(width) / static_cast<double>(padded);
  // With rows as lanes (kernels/conv_narrow.h) it is the vectors of rows that are not filled.
  const int64_t row_vectors = (conv.rows + lanes - 1) / lanes;
  const double narrow =
      static_cast<double>(row_vectors * width * lanes) / static_cast<double>(padded);
  return kDirect * std::min(rows, narrow) < fill * rows + kPacking;
}

// A 1x1 kernel that moves in steps of one sees a plane as one row.
void join_rows(GatherConv& conv) {
  if (conv.taps != 1) return;
  for (int d = 0; d < kSpatial; ++d) {
    if (conv.offset[d] != 0 || conv.step[d] != 1 || conv.stride[d] != 1 ||
        conv.grid[d] != conv.source[d] || conv.grid[d] != conv.target[d]) {
      return;
    }
  }
  for (int64_t* sizes : {conv.source, conv.target, conv.grid}) {
    sizes[2] = volume(sizes);
    sizes[0] = sizes[1] = 1;
  }
}

void run_gather(GatherConv conv, DType dtype) {
  join_rows(conv);
  const auto& table = kernels::active().conv;
  const auto& kernel =
      is_direct(conv, dtype) ? table.direct[float_index(dtype)] : table.gather[float_index(dtype)];
  const int64_t work =
      conv.images * conv.groups * conv.rows * conv.channels * conv.taps * volume(conv.grid);
  ConvPlan plan;
  kernel.plan(conv, plan);
  const int64_t slots =
      std::max<int64_t>(1, std::min<int64_t>({num_threads(), plan.units, work / kThreadWork}));
  const int64_t shared = round_up(plan.shared_bytes), own = round_up(plan.workspace_bytes);
  const Workspace workspace(shared + slots * own);
  const ReleaseGil released(work >= kLongWork);
  char* const data = workspace.data();
  const int64_t weights = conv.groups * conv.rows * conv.channels * conv.taps;
  parallel_for(plan.prepare_units, weights >= kThreadWork ? 1 : plan.prepare_units,
               [&](int64_t first, int64_t last) { kernel.prepare(conv, data, first, last); });
  parallel_slots(plan.units, slots, [&](int64_t slot, int64_t first, int64_t last) {
    kernel.run(conv, data, data + shared + slot * own, first, last);
  });
}

void run_weight(WeightConv& conv, DType dtype) {
  const auto& table = kernels::active().conv;
  const bool direct = is_direct(conv.groups, conv.channels, conv.rows);
  const auto& kernel =
      direct ? table.direct_weight[float_index(dtype)] : table.weight[float_index(dtype)];
  const int64_t weights = conv.groups * conv.rows * conv.channels * volume(conv.kernel);
  const int64_t work = conv.images * volume(conv.grid) * weights;
  const int64_t places = conv.images * volume(conv.grid);
  const int64_t parts = direct ? conv.images : conv.images * conv.grid[0] * conv.grid[1];
  conv.chunks = std::clamp<int64_t>(std::min(work / kChunkWork, places / kChunkPlaces), 1,
                                    std::min(kChunks, parts));
  ConvPlan plan;
  kernel.plan(conv, plan);
  const int64_t slots =
      std::max<int64_t>(1, std::min<int64_t>({num_threads(), plan.units, work / kThreadWork}));
  const int64_t shared = round_up(plan.shared_bytes), own = round_up(plan.workspace_bytes);
  const Workspace workspace(shared + slots * own);
  const ReleaseGil released(work >= kLongWork);
  char* const data = workspace.data();
  parallel_slots(plan.units, slots, [&](int64_t slot, int64_t first, int64_t last) {
    kernel.run(conv, data, data + shared + slot * own, first, last);
  });
  const int64_t grain =
      std::max<int64_t>(1, kThreadWork * plan.finish_units / (weights * conv.chunks));
  parallel_for(plan.finish_units, grain,
               [&](int64_t first, int64_t last) { kernel.finish(conv, data, first, last); });
}

// Sizes, strides and weights of the groups; `swapped` where the weight's rows are the channels.
struct Geometry {
  int64_t groups, channels, rows, kernel[kSpatial], step[kSpatial], padding[kSpatial],
      dilation[kSpatial];

  // `places` are the sizes of the convolution's result: where there is one place, nothing moves.
  Geometry(const ConvParams& p, IntSpan weight, IntSpan places)
      : groups(p.groups), channels(weight[1]), rows(weight[0] / p.groups) {
    spatial(kernel, weight);
    spatial(step, p.stride, p.dims, 1);
    spatial(padding, p.padding, p.dims, 0);
    spatial(dilation, p.dilation, p.dims, 1);
    int64_t size[kSpatial];
    spatial(size, places);
    for (int d = 0; d < kSpatial; ++d) {
      if (size[d] <= 1) step[d] = 1;
    }
  }
};

const void* data_or_null(const Tensor& t) { return t.defined() ? t->data : nullptr; }

// With an activation the result of it; what it was applied to then goes to `before`, if that is
// asked for.
Tensor forward_values(const Tensor& input, const Tensor& weight, const Tensor& bias,
                      const ConvParams& p, IntSpan sizes, const Activation* activation = nullptr,
                      Tensor* before = nullptr) {
  const GradModeGuard off(false);
  if (activation && is_half(input.dtype())) {
    const Tensor z = forward_values(input, weight, bias, p, sizes);
    const Tensor y = before ? empty_like(z) : z;
    if (before) *before = z;
    const LoopInput in(z);
    run_loop(activation->kernel(z.dtype()), y, &in, 1);
    return y;
  }
  if (is_half(input.dtype()))
    return narrowed(forward_values(widened(input), widened(weight), widened(bias), p, sizes),
                    input.dtype());
  const Tensor x = contiguous(input), w = contiguous(weight);
  const Tensor b = bias.defined() ? contiguous(bias) : Tensor();
  const Geometry g(p, w.sizes(), sizes);
  Tensor y = empty(sizes, x.dtype());
  const Tensor z = before ? empty(sizes, x.dtype()) : y;
  if (before) *before = z;
  if (y.numel() == 0) return y;
  GatherConv conv{};
  conv.images = x.size(0), conv.groups = g.groups, conv.channels = g.channels, conv.rows = g.rows;
  spatial(conv.source, x.sizes());
  spatial(conv.target, y.sizes());
  std::vector<int64_t> offset, weight_at;
  for (int64_t t = 0; t < volume(g.kernel); ++t) {
    const int64_t at[kSpatial] = {t / g.kernel[2] / g.kernel[1], t / g.kernel[2] % g.kernel[1],
                                  t % g.kernel[2]};
    for (int d = 0; d < kSpatial; ++d) offset.push_back(at[d] * g.dilation[d] - g.padding[d]);
    weight_at.push_back(t);
  }
  for (int d = 0; d < kSpatial; ++d) {
    conv.grid[d] = conv.target[d];
    conv.step[d] = g.step[d];
    conv.stride[d] = 1;
  }
  conv.taps = volume(g.kernel);
  conv.offset = offset.data();
  conv.weight_at = weight_at.data();
  conv.weight_channel = conv.taps;
  conv.weight_row = g.channels * conv.taps;
  conv.weight_group = g.rows * conv.weight_row;
  conv.in = x->data, conv.weight = w->data, conv.bias = data_or_null(b), conv.out = z->data;
  if (activation) conv.activation = activation->kernel(x.dtype()), conv.activated = y->data;
  run_gather(conv, x.dtype());
  return y;
}

// Places with the same remainder by the stride see the same taps: one gather for each remainder.
Tensor input_values(const Tensor& grad, const Tensor& weight, const Tensor& bias,
                    const ConvParams& p, IntSpan sizes) {
  const GradModeGuard off(false);
  if (is_half(grad.dtype()))
    return narrowed(input_values(widened(grad), widened(weight), widened(bias), p, sizes),
                    grad.dtype());
  const Tensor g = contiguous(grad), w = contiguous(weight);
  const Tensor b = bias.defined() ? contiguous(bias) : Tensor();
  const Geometry geometry(p, w.sizes(), g.sizes());
  const int64_t *step = geometry.step, *kernel = geometry.kernel;
  const bool gaps = kernel[0] < step[0] || kernel[1] < step[1] || kernel[2] < step[2] ||
                    geometry.dilation[0] != 1 || geometry.dilation[1] != 1 ||
                    geometry.dilation[2] != 1;
  Tensor x = empty(sizes, g.dtype());
  if (x.numel() == 0) return x;
  if (gaps || g.numel() == 0) {  // some places may be out of reach of every tap
    if (b.defined()) {
      Dims wide(x.dim(), 1);
      wide[1] = x.size(1);
      copy_data(x, view(b, wide));
    } else {
      fill_data(x, Scalar(0));
    }
    if (g.numel() == 0) return x;
  }
  GatherConv conv{};
  conv.images = x.size(0), conv.groups = geometry.groups;
  conv.channels = geometry.rows, conv.rows = geometry.channels;
  spatial(conv.source, g.sizes());
  spatial(conv.target, x.sizes());
  const int64_t taps = volume(kernel);
  conv.weight_row = taps;
  conv.weight_channel = geometry.channels * taps;
  conv.weight_group = geometry.rows * conv.weight_channel;
  conv.in = g->data, conv.weight = w->data, conv.bias = data_or_null(b), conv.out = x->data;
  std::vector<int64_t> offset, weight_at;
  for (int64_t phase = 0; phase < volume(step); ++phase) {
    const int64_t first[kSpatial] = {phase / step[2] / step[1], phase / step[2] % step[1],
                                     phase % step[2]};
    bool any = true;
    for (int d = 0; d < kSpatial; ++d) {
      conv.step[d] = 1;
      conv.first[d] = first[d];
      conv.stride[d] = step[d];
      conv.grid[d] = (conv.target[d] - first[d] + step[d] - 1) / step[d];
      any = any && first[d] < conv.target[d];
    }
    offset.clear();
    weight_at.clear();
    for (int64_t t = 0; any && t < taps; ++t) {
      const int64_t at[kSpatial] = {t / kernel[2] / kernel[1], t / kernel[2] % kernel[1],
                                    t % kernel[2]};
      int64_t from[kSpatial];
      bool reached = true;
      for (int d = 0; d < kSpatial; ++d) {
        from[d] = first[d] + geometry.padding[d] - at[d] * geometry.dilation[d];
        reached = reached && from[d] % step[d] == 0;
        from[d] /= step[d];
      }
      if (!reached) continue;
      offset.insert(offset.end(), from, from + kSpatial);
      weight_at.push_back(t);
    }
    conv.taps = static_cast<int64_t>(weight_at.size());
    if (conv.taps == 0) continue;
    conv.offset = offset.data();
    conv.weight_at = weight_at.data();
    run_gather(conv, x.dtype());
  }
  return x;
}

Tensor weight_values(const Tensor& input, const Tensor& grad, const ConvParams& p, IntSpan sizes) {
  const GradModeGuard off(false);
  if (is_half(input.dtype()))
    return narrowed(weight_values(widened(input), widened(grad), p, sizes), input.dtype());
  const Tensor x = contiguous(input), g = contiguous(grad);
  const Geometry geometry(p, sizes, g.sizes());
  Tensor w = empty(sizes, x.dtype());
  if (w.numel() == 0) return w;
  if (g.numel() == 0 || x.numel() == 0) {
    fill_data(w, Scalar(0));
    return w;
  }
  WeightConv conv{};
  conv.images = x.size(0), conv.groups = geometry.groups;
  conv.channels = geometry.channels, conv.rows = geometry.rows;
  spatial(conv.source, x.sizes());
  spatial(conv.grid, g.sizes());
  for (int d = 0; d < kSpatial; ++d) {
    conv.kernel[d] = geometry.kernel[d];
    conv.step[d] = geometry.step[d];
    conv.dilation[d] = geometry.dilation[d];
    conv.padding[d] = geometry.padding[d];
  }
  conv.in = x->data, conv.grad = g->data, conv.out = w->data;
  run_weight(conv, x.dtype());
  return w;
}

Tensor sum_channels(const Tensor& g) {
  Dims dims;
  for (int64_t d = 0; d < g.dim(); ++d)
    if (d != 1) dims.push_back(d);
  return sum_dims(g, IntSpan(dims), false, std::nullopt);
}

struct ConvolutionBackward {
  static constexpr const char* kName = "ConvolutionBackward0";
  ConvParams p;

  static void backward(Node& n, ConvolutionBackward& self, Tensor* in, Tensor* out) {
    const Tensor& g = in[0];
    if (!g.defined()) return;
    const Tensor x = n.saved(0), w = n.saved(1);
    if (n.needs(0)) out[0] = conv_input(g, w, Tensor(), self.p, x.sizes());
    if (n.needs(1)) out[1] = conv_weight(x, g, self.p, w.sizes());
    if (n.needs(2)) out[2] = sum_channels(g);
  }
};

// Of x = conv_input(g, w): the gradient's shape is x's.
struct ConvolutionTransposeBackward {
  static constexpr const char* kName = "ConvolutionBackward0";
  ConvParams p;

  static void backward(Node& n, ConvolutionTransposeBackward& self, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    const Tensor g = n.saved(0), w = n.saved(1);
    if (n.needs(0)) out[0] = conv_forward(in[0], w, Tensor(), self.p, g.sizes());
    if (n.needs(1)) out[1] = conv_weight(in[0], g, self.p, w.sizes());
    if (n.needs(2)) out[2] = sum_channels(in[0]);
  }
};

// Of w = conv_weight(x, g): the gradient's shape is w's.
struct ConvolutionWeightBackward {
  static constexpr const char* kName = "ConvolutionBackwardBackward0";
  ConvParams p;

  static void backward(Node& n, ConvolutionWeightBackward& self, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    const Tensor x = n.saved(0), g = n.saved(1);
    if (n.needs(0)) out[0] = conv_input(g, in[0], Tensor(), self.p, x.sizes());
    if (n.needs(1)) out[1] = conv_forward(x, in[0], Tensor(), self.p, g.sizes());
  }
};

struct ConvolutionPointwiseBackward {
  static constexpr const char* kName = "ConvolutionPointwiseBackward0";
  ConvParams p;
  Activation activation;

  static void backward(Node& n, ConvolutionPointwiseBackward& self, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    const Tensor x = n.saved(0), w = n.saved(1);
    const bool recorded = grad_enabled();
    Tensor value = n.saved(2), g, sums;
    if (recorded && !self.activation.from_result())
      value = conv_forward(x, w, n.saved(3), self.p, in[0].sizes());
    if (n.needs(2) && !recorded && !masked_gradients_propagate)
      g = activation_gradient_sums(self.activation, in[0], value, sums);
    if (!g.defined()) g = activation_gradient(self.activation, in[0], value);
    if (n.needs(0)) out[0] = conv_input(g, w, Tensor(), self.p, x.sizes());
    if (n.needs(1)) out[1] = conv_weight(x, g, self.p, w.sizes());
    if (n.needs(2)) out[2] = sums.defined() ? sums : sum_channels(g);
  }
};

}  // namespace

Tensor conv_activated(const Tensor& input, const Tensor& weight, const Tensor& bias,
                      const ConvParams& p, IntSpan sizes, const Activation& activation) {
  const Tensor* const inputs[] = {&input, &weight, &bias};
  const bool keeps = grad_enabled() && !activation.from_result() && any_requires_grad(inputs, 3);
  Tensor before;
  Tensor y = forward_values(input, weight, bias, p, sizes, &activation, keeps ? &before : nullptr);
  if (keeps) {
    record<ConvolutionPointwiseBackward>(y, {&input, &weight, &bias},
                                         {&input, &weight, &before, &bias}, {p, activation});
  } else {
    record<ConvolutionPointwiseBackward>(y, {&input, &weight, &bias}, {&input, &weight, &y},
                                         {p, activation});
  }
  return y;
}

Tensor conv_forward(const Tensor& input, const Tensor& weight, const Tensor& bias,
                    const ConvParams& p, IntSpan sizes) {
  Tensor y = forward_values(input, weight, bias, p, sizes);
  record<ConvolutionBackward>(y, {&input, &weight, &bias}, {&input, &weight}, {p});
  return y;
}

Tensor conv_input(const Tensor& grad, const Tensor& weight, const Tensor& bias, const ConvParams& p,
                  IntSpan sizes) {
  Tensor x = input_values(grad, weight, bias, p, sizes);
  record<ConvolutionTransposeBackward>(x, {&grad, &weight, &bias}, {&grad, &weight}, {p});
  return x;
}

Tensor conv_weight(const Tensor& input, const Tensor& grad, const ConvParams& p, IntSpan sizes) {
  Tensor w = weight_values(input, grad, p, sizes);
  record<ConvolutionWeightBackward>(w, {&input, &grad}, {&input, &grad}, {p});
  return w;
}

}  // namespace pyforge::ops
