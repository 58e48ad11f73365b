// Max and average pooling over windows.
#include <algorithm>
#include <optional>

#include "autograd/node.h"
#include "kernels/dispatch.h"
#include "ops/lines.h"
#include "ops/ops.h"
#include "ops/workspace.h"

namespace pyforge::ops {
namespace {

using kernels::kSpatial;
using kernels::PoolShape;

int64_t volume(const int64_t* sizes) { return sizes[0] * sizes[1] * sizes[2]; }

// f(workspace, first, last) over planes of `plane` elements read `taps` times.
template <class F>
void for_planes(int64_t planes, int64_t work_each, int64_t workspace_bytes, F&& f) {
  constexpr int64_t kGrain = 1 << 16;
  const int64_t work = planes * work_each;
  const int64_t slots = std::clamp<int64_t>(std::min<int64_t>(num_threads(), work / kGrain), 1,
                                            std::max<int64_t>(planes, 1));
  const int64_t own = (workspace_bytes + 63) / 64 * 64;
  const Workspace workspace(slots * own);
  const ReleaseGil released(work >= kGrain);
  parallel_slots(planes, slots, [&](int64_t slot, int64_t first, int64_t last) {
    f(workspace.data() + slot * own, first, last);
  });
}

struct PoolBackwardShape {
  PoolShape p;
  Shape sizes;  // of the input
};

int64_t planes_of(const Tensor& x, const PoolShape& p) {
  return x.numel() ? x.numel() / volume(p.source) : 0;
}

// g scattered to `indices` in zero planes of the sizes' last `dims` dimensions.
Tensor scatter_planes(const Tensor& grad, const Tensor& indices, IntSpan sizes, int64_t size) {
  const GradModeGuard off(false);
  const Tensor g = contiguous(widened(grad));
  Tensor x = empty(sizes, g.dtype());
  if (x.numel() == 0) return narrowed(x, grad.dtype());
  const int64_t planes = x.numel() / size, count = g.numel() / planes;
  const auto kernel = kernels::active().pool.scatter[float_index(g.dtype())];
  for_planes(planes, size, 0, [&](char*, int64_t first, int64_t last) {
    kernel(x->data, g->data, indices.data<int64_t>(), size, count, first, last);
  });
  return narrowed(x, grad.dtype());
}

struct MaxPoolBackward {
  static constexpr const char* kName = "MaxPoolWithIndicesBackward0";
  Shape sizes;
  int64_t plane;

  static void backward(Node& n, MaxPoolBackward& p, Tensor* in, Tensor* out) {
    const Tensor& g = in[0];
    if (!g.defined()) return;
    const Tensor indices = n.saved(0);
    if (!grad_enabled()) {
      out[0] = scatter_planes(g, indices, p.sizes, p.plane);
      return;
    }
    const int64_t planes = count(p.sizes) / p.plane;
    const Dims flat{planes, planes ? g.numel() / planes : 0};
    out[0] = reshape(scatter_add(zeros({planes, p.plane}, g.dtype()), 1, reshape(indices, flat),
                                 reshape(g, flat)),
                     p.sizes);
  }
};

const char* pool_name(const char* const* names, int dims) { return names[dims - 1]; }

void expand_list(const char* op, const char* name, IntSpan given, int dims, int64_t* to) {
  PF_CHECK(given.size() == 1 || given.size() == dims, Runtime, op, ": ", name,
           " must either be a single int, or a tuple of ", dims, " ints, got ", to_string(given));
  for (int d = 0; d < kSpatial; ++d) {
    const int at = d - (kSpatial - dims);
    to[d] = at < 0 ? (name[0] == 'p' ? 0 : 1) : given[given.size() == 1 ? 0 : at];
  }
}

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

struct Pooling {
  PoolShape shape{};
  Dims sizes;  // of the result
};

Pooling pooling(const char* op, int dims, const Tensor& input, IntSpan kernel,
                const std::optional<IntSpan>& stride, IntSpan padding, IntSpan dilation,
                bool ceil_mode) {
  PF_CHECK(input.dim() == dims + 1 || input.dim() == dims + 2, Runtime, op, ": Expected ", dims + 1,
           "D or ", dims + 2, "D input, but got input of size ", to_string(input.sizes()));
  PF_CHECK(is_floating(input.dtype()), Runtime, op, ": not implemented for '",
           dtype_name(input.dtype()), "'; convert the input with .to(pyforge.float32)");
  Pooling pool;
  PoolShape& p = pool.shape;
  expand_list(op, "kernel_size", kernel, dims, p.kernel);
  const bool given = stride && stride->size() > 0;
  expand_list(op, "stride", given ? *stride : kernel, dims, p.step);
  expand_list(op, "padding", padding, dims, p.padding);
  expand_list(op, "dilation", dilation, dims, p.dilation);
  pool.sizes = Dims(input.sizes());
  for (int d = 0; d < kSpatial; ++d) {
    const int64_t at = input.dim() - kSpatial + d;
    p.source[d] = d < kSpatial - dims ? 1 : input.size(at);
    PF_CHECK(p.kernel[d] > 0, Runtime, op, ": kernel size should be greater than zero, but got ",
             to_string(kernel));
    PF_CHECK(p.step[d] > 0, Runtime, op, ": stride should be greater than zero, but got ",
             to_string(given ? *stride : kernel));
    PF_CHECK(p.dilation[d] > 0, Runtime, op, ": dilation should be greater than zero, but got ",
             to_string(dilation));
    for (int64_t value : {p.kernel[d], p.dilation[d], p.padding[d]})
      PF_CHECK(value <= INT32_MAX, Runtime, op,
               ": kernel size, padding and dilation must be less than 2^31, got ", value,
               " (output size is too small)");
    p.step[d] = std::min<int64_t>(p.step[d], INT32_MAX);  // further is out of every plane
    const int64_t extent = p.dilation[d] * (p.kernel[d] - 1) + 1;
    PF_CHECK(p.padding[d] >= 0, Runtime, op,
             ": pad must be non-negative, but got pad: ", p.padding[d]);
    PF_CHECK(p.padding[d] <= extent / 2, Runtime, op,
             ": pad should be at most half of effective kernel size, but got pad=", p.padding[d],
             ", kernel_size=", p.kernel[d], " and dilation=", p.dilation[d]);
    p.grid[d] = floor_div(p.source[d] + 2 * p.padding[d] - extent + (ceil_mode ? p.step[d] - 1 : 0),
                          p.step[d]) +
                1;
    if (ceil_mode && (p.grid[d] - 1) * p.step[d] >= p.source[d] + p.padding[d]) --p.grid[d];
    if (p.grid[d] == 1) p.step[d] = 1;
    PF_CHECK(p.source[d] > 0 && p.grid[d] > 0, Runtime, op, ": Given input size ",
             to_string(input.sizes()), ", kernel ", to_string(kernel),
             ": the calculated output size is too small");
    if (d >= kSpatial - dims) pool.sizes[at] = p.grid[d];
  }
  return pool;
}

constexpr const char* kMaxNames[] = {"max_pool1d", "max_pool2d", "max_pool3d"};
constexpr const char* kAverageNames[] = {"avg_pool1d", "avg_pool2d", "avg_pool3d"};

// The indices are made if they are asked for or needed by the derivative.
Tensor max_values(int dims, const Tensor& input, IntSpan kernel,
                  const std::optional<IntSpan>& stride, IntSpan padding, IntSpan dilation,
                  bool ceil_mode, Tensor* indices) {
  const char* op = pool_name(kMaxNames, dims);
  const Pooling pool = pooling(op, dims, input, kernel, stride, padding, dilation, ceil_mode);
  const PoolShape& p = pool.shape;
  PF_CHECK(volume(p.source) < INT32_MAX, Runtime, op,
           ": planes of 2^31 elements and more are not "
           "supported, got input of size ",
           to_string(input.sizes()));
  Tensor x;
  {
    const GradModeGuard off(false);
    x = contiguous(widened(input));
  }
  Tensor y = empty(pool.sizes, x.dtype()), places;
  if (indices || (grad_enabled() && input.requires_grad()))
    places = empty(pool.sizes, DType::Int64);
  const auto& table = kernels::active().pool;
  const int f = float_index(x.dtype());
  for_planes(planes_of(x, p), volume(p.source), table.workspace_bytes[f](p),
             [&](char* workspace, int64_t first, int64_t last) {
               table.max[f](y->data, places.defined() ? places.data<int64_t>() : nullptr, x->data,
                            p, workspace, first, last);
             });
  y = narrowed(y, input.dtype());
  record<MaxPoolBackward>(y, {&input}, {&places}, {Shape(x.sizes()), volume(p.source)});
  if (indices) *indices = places;
  return y;
}

template <int dims>
Tensor max_pool(const Tensor& input, IntSpan kernel_size, std::optional<IntSpan> stride,
                IntSpan padding, IntSpan dilation, bool ceil_mode) {
  return max_values(dims, input, kernel_size, stride, padding, dilation, ceil_mode, nullptr);
}
template <int dims>
std::tuple<Tensor, Tensor> max_pool_with_indices(const Tensor& input, IntSpan kernel_size,
                                                 std::optional<IntSpan> stride, IntSpan padding,
                                                 IntSpan dilation, bool ceil_mode) {
  Tensor indices;
  Tensor y = max_values(dims, input, kernel_size, stride, padding, dilation, ceil_mode, &indices);
  return {y, indices};
}

Tensor average(const Tensor& input, const PoolShape& p, IntSpan sizes);
Tensor average_adjoint(const Tensor& grad, const PoolShape& p, IntSpan sizes);

// Averaging and its adjoint are each other's derivative.
struct AvgPoolBackward {
  static constexpr const char* kName = "AvgPoolBackward0";
  PoolBackwardShape s;
  static void backward(Node&, AvgPoolBackward& b, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = average_adjoint(in[0], b.s.p, b.s.sizes);
  }
};
struct AvgPoolBackwardBackward {
  static constexpr const char* kName = "AvgPoolBackwardBackward0";
  PoolBackwardShape s;
  static void backward(Node&, AvgPoolBackwardBackward& b, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = average(in[0], b.s.p, b.s.sizes);
  }
};

Tensor average(const Tensor& input, const PoolShape& p, IntSpan sizes) {
  Tensor x;
  {
    const GradModeGuard off(false);
    x = contiguous(widened(input));
  }
  Tensor y = empty(sizes, x.dtype());
  const auto& table = kernels::active().pool;
  const int f = float_index(x.dtype());
  for_planes(planes_of(x, p), volume(p.source), table.workspace_bytes[f](p),
             [&](char* workspace, int64_t first, int64_t last) {
               table.average[f](y->data, x->data, p, workspace, first, last);
             });
  y = narrowed(y, input.dtype());
  record<AvgPoolBackward>(y, {&input}, {}, {{p, Shape(x.sizes())}});
  return y;
}

Tensor average_adjoint(const Tensor& grad, const PoolShape& p, IntSpan sizes) {
  Tensor g;
  {
    const GradModeGuard off(false);
    g = contiguous(widened(grad));
  }
  Tensor x = empty(sizes, g.dtype());
  const auto& table = kernels::active().pool;
  const int f = float_index(g.dtype());
  for_planes(planes_of(x, p), volume(p.source), table.workspace_bytes[f](p),
             [&](char* workspace, int64_t first, int64_t last) {
               table.average_backward[f](x->data, g->data, p, workspace, first, last);
             });
  x = narrowed(x, grad.dtype());
  record<AvgPoolBackwardBackward>(x, {&grad}, {}, {{p, Shape(g.sizes())}});
  return x;
}

template <int dims>
Tensor avg_pool(const Tensor& input, IntSpan kernel_size, std::optional<IntSpan> stride,
                IntSpan padding, bool ceil_mode, bool count_include_pad,
                std::optional<int64_t> divisor_override) {
  const char* op = pool_name(kAverageNames, dims);
  Pooling pool = pooling(op, dims, input, kernel_size, stride, padding, {1}, ceil_mode);
  PF_CHECK(!divisor_override || *divisor_override != 0, Runtime, op, ": divisor must be not zero");
  pool.shape.count_include_pad = count_include_pad;
  pool.shape.divisor = divisor_override.value_or(0);
  return average(input, pool.shape, pool.sizes);
}
Tensor avg_pool1d(const Tensor& input, IntSpan kernel_size, std::optional<IntSpan> stride,
                  IntSpan padding, bool ceil_mode, bool count_include_pad) {
  return avg_pool<1>(input, kernel_size, stride, padding, ceil_mode, count_include_pad,
                     std::nullopt);
}

#define PF_MAX_POOL(dims)                                                                         \
  PF_OP(max_pool<dims>,                                                                           \
        "max_pool" #dims                                                                          \
        "d(Tensor input, int[] kernel_size, int[]? stride=None, int[] padding=[0], int[] "        \
        "dilation=[1], bool ceil_mode=False) -> Tensor",                                          \
        kNN | kFunction, "The largest element of each window; NaN is larger than everything.")    \
  PF_OP(max_pool_with_indices<dims>,                                                              \
        "max_pool" #dims                                                                          \
        "d_with_indices(Tensor input, int[] kernel_size, int[]? stride=None, int[] padding=[0], " \
        "int[] dilation=[1], bool ceil_mode=False) -> (Tensor, Tensor)",                          \
        kNN | kFunction,                                                                          \
        "The largest element of each window, and its index in the flattened plane.")

PF_MAX_POOL(1)
PF_MAX_POOL(2)
PF_MAX_POOL(3)
PF_OP(avg_pool1d,
      "avg_pool1d(Tensor input, int[] kernel_size, int[]? stride=None, int[] padding=[0], bool "
      "ceil_mode=False, bool count_include_pad=True) -> Tensor",
      kNN | kFunction, "The average of each window.")
PF_OP(avg_pool<2>,
      "avg_pool2d(Tensor input, int[] kernel_size, int[]? stride=None, int[] padding=[0], bool "
      "ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor",
      kNN, "The average of each window.")
PF_OP(avg_pool<3>,
      "avg_pool3d(Tensor input, int[] kernel_size, int[]? stride=None, int[] padding=[0], bool "
      "ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor",
      kNN, "The average of each window.")

// Windows [floor(o size / out), ceil((o + 1) size / out)) in each dimension.
template <int dims>
std::tuple<Tensor, Tensor> adaptive_max(const Tensor& input, IntSpan output_size) {
  constexpr const char* op = dims == 1   ? "adaptive_max_pool1d"
                             : dims == 2 ? "adaptive_max_pool2d"
                                         : "adaptive_max_pool3d";
  PF_CHECK(input.dim() == dims + 1 || input.dim() == dims + 2, Runtime, op, ": Expected ", dims + 1,
           "D or ", dims + 2, "D input, but got input of size ", to_string(input.sizes()));
  PF_CHECK(is_floating(input.dtype()), Runtime, op, ": not implemented for '",
           dtype_name(input.dtype()), "'; convert the input with .to(pyforge.float32)");
  int64_t source[kSpatial], grid[kSpatial];
  expand_list(op, "output_size", output_size, dims, grid);
  Dims sizes(input.sizes());
  for (int d = 0; d < kSpatial; ++d) {
    const int64_t at = input.dim() - kSpatial + d;
    source[d] = d < kSpatial - dims ? 1 : input.size(at);
    PF_CHECK(source[d] > 0, Runtime, op,
             ": Expected input to have non-zero size for non-batch "
             "dimensions, but got ",
             to_string(input.sizes()));
    PF_CHECK(grid[d] >= 0, Runtime, op, ": output_size must be non-negative, got ",
             to_string(output_size));
    if (d >= kSpatial - dims) sizes[at] = grid[d];
  }
  Tensor x;
  {
    const GradModeGuard off(false);
    x = contiguous(widened(input));
  }
  Tensor y = empty(sizes, x.dtype()), indices = empty(sizes, DType::Int64);
  const int64_t in_plane = volume(source), out_plane = volume(grid);
  with_float(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_planes(x.numel() / in_plane, in_plane, 0, [&](char*, int64_t first, int64_t last) {
      for (int64_t i = first * out_plane; i < last * out_plane; ++i) {
        const T* in = static_cast<const T*>(static_cast<void*>(x->data)) + i / out_plane * in_plane;
        const int64_t place[kSpatial] = {i % out_plane / grid[2] / grid[1],
                                         i % out_plane / grid[2] % grid[1], i % grid[2]};
        int64_t low[kSpatial], high[kSpatial];
        for (int d = 0; d < kSpatial; ++d) {
          low[d] = place[d] * source[d] / grid[d];
          high[d] = ((place[d] + 1) * source[d] + grid[d] - 1) / grid[d];
        }
        int64_t best = (low[0] * source[1] + low[1]) * source[2] + low[2];
        for (int64_t z = low[0]; z < high[0]; ++z) {
          for (int64_t v = low[1]; v < high[1]; ++v) {
            for (int64_t w = low[2]; w < high[2]; ++w) {
              const int64_t at = (z * source[1] + v) * source[2] + w;
              if (in[at] > in[best] || in[at] != in[at]) best = at;
            }
          }
        }
        reinterpret_cast<T*>(y->data)[i] = in[best];
        reinterpret_cast<int64_t*>(indices->data)[i] = best;
      }
    });
  });
  y = narrowed(y, input.dtype());
  record<MaxPoolBackward>(y, {&input}, {&indices}, {Shape(x.sizes()), in_plane});
  return {y, indices};
}

#define PF_ADAPTIVE_MAX(dims, flags)                                            \
  PF_OP(adaptive_max<dims>,                                                     \
        "adaptive_max_pool" #dims                                               \
        "d_with_indices(Tensor input, int[] output_size) -> (Tensor, Tensor)",  \
        flags,                                                                  \
        "The largest element of each of output_size windows, and its index in " \
        "the flattened plane.")
PF_ADAPTIVE_MAX(1, kNN)
PF_ADAPTIVE_MAX(2, kNN)
PF_ADAPTIVE_MAX(3, kNN)

}  // namespace
}  // namespace pyforge::ops
