// Windows as columns and back (im2col, col2im), and pixels to channels.
#include <algorithm>

#include "autograd/node.h"
#include "ops/lines.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

struct Windows {
  int64_t kernel[2], dilation[2], padding[2], stride[2], size[2], grid[2];
};

void pair(const char* op, const char* name, IntSpan given, int64_t least, int64_t* to) {
  PF_CHECK(given.size() == 1 || given.size() == 2, Runtime, op, ": It is expected ", name,
           " equals to 2, but got size ", given.size());
  for (int d = 0; d < 2; ++d) {
    to[d] = given[given.size() == 1 ? 0 : d];
    PF_CHECK(to[d] >= least, Runtime, op, ": ", name, " should be ",
             least > 0 ? "greater than zero" : "not negative", ", but got ", to_string(given));
    PF_CHECK(to[d] <= INT32_MAX, Runtime, op, ": ", name, " must be less than 2^31, but got ",
             to_string(given));
  }
}

Windows windows(const char* op, IntSpan size, IntSpan kernel, IntSpan dilation, IntSpan padding,
                IntSpan stride) {
  Windows w;
  pair(op, "kernel_size", kernel, 1, w.kernel);
  pair(op, "dilation", dilation, 1, w.dilation);
  pair(op, "padding", padding, 0, w.padding);
  pair(op, "stride", stride, 1, w.stride);
  pair(op, "output_size", size, 1, w.size);
  for (int d = 0; d < 2; ++d) {
    const int64_t room = w.size[d] + 2 * w.padding[d] - w.dilation[d] * (w.kernel[d] - 1) - 1;
    w.grid[d] = room < 0 ? 0 : room / w.stride[d] + 1;
    PF_CHECK(w.grid[d] > 0, Runtime, op, ": Given input with spatial size ", to_string(size),
             ", kernel_size=", to_string(kernel), ", dilation=", to_string(dilation),
             ", padding=", to_string(padding),
             ", calculated shape of the array of sliding blocks is too small (non-positive)");
  }
  return w;
}

// f(element of the plane, element of the columns) for the pairs that exist, of one channel.
template <class F>
void each_pair(const Windows& w, F&& f) {
  const int64_t places = w.grid[0] * w.grid[1];
  for (int64_t t = 0; t < w.kernel[0] * w.kernel[1]; ++t) {
    const int64_t y0 = t / w.kernel[1] * w.dilation[0] - w.padding[0];
    const int64_t x0 = t % w.kernel[1] * w.dilation[1] - w.padding[1];
    for (int64_t i = 0; i < w.grid[0]; ++i) {
      const int64_t y = y0 + i * w.stride[0];
      if (y < 0 || y >= w.size[0]) continue;
      for (int64_t j = 0; j < w.grid[1]; ++j) {
        const int64_t x = x0 + j * w.stride[1];
        if (x >= 0 && x < w.size[1]) f(y * w.size[1] + x, t * places + i * w.grid[1] + j);
      }
    }
  }
}

Tensor to_columns(const Tensor& input, const Windows& w, IntSpan sizes);
Tensor from_columns(const Tensor& columns, const Windows& w, IntSpan sizes);

struct Im2ColBackward {
  static constexpr const char* kName = "Im2ColBackward0";
  Windows w;
  Shape sizes;
  static void backward(Node&, Im2ColBackward& b, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = from_columns(in[0], b.w, b.sizes);
  }
};
struct Col2ImBackward {
  static constexpr const char* kName = "Col2ImBackward0";
  Windows w;
  Shape sizes;
  static void backward(Node&, Col2ImBackward& b, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = to_columns(in[0], b.w, b.sizes);
  }
};

template <class F>
void for_channels(const Tensor& plain, const Windows& w, F&& f) {
  const int64_t plane = w.size[0] * w.size[1],
                each = w.kernel[0] * w.kernel[1] * w.grid[0] * w.grid[1];
  for_rows(plain.numel() / plane, std::max(plane, each), [&](int64_t first, int64_t last) {
    for (int64_t c = first; c < last; ++c) f(c * plane, c * each, plane, each);
  });
}

Tensor to_columns(const Tensor& input, const Windows& w, IntSpan sizes) {
  Tensor x, y = empty(sizes, compute_type(input.dtype()));
  {
    const GradModeGuard off(false);
    x = contiguous(widened(input));
  }
  with_float(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    T* to = y.data<T>();
    for_channels(x, w, [&](int64_t plane, int64_t columns, int64_t, int64_t each) {
      std::fill_n(to + columns, each, T(0));
      each_pair(w, [&](int64_t a, int64_t b) { to[columns + b] = from[plane + a]; });
    });
  });
  y = narrowed(y, input.dtype());
  record<Im2ColBackward>(y, {&input}, {}, {w, Shape(x.sizes())});
  return y;
}

Tensor from_columns(const Tensor& columns_in, const Windows& w, IntSpan sizes) {
  Tensor x, y = empty(sizes, compute_type(columns_in.dtype()));
  {
    const GradModeGuard off(false);
    x = contiguous(widened(columns_in));
  }
  with_float(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data<T>();
    T* to = y.data<T>();
    for_channels(y, w, [&](int64_t plane, int64_t columns, int64_t size, int64_t) {
      std::fill_n(to + plane, size, T(0));
      each_pair(w, [&](int64_t a, int64_t b) { to[plane + a] += from[columns + b]; });
    });
  });
  y = narrowed(y, columns_in.dtype());
  record<Col2ImBackward>(y, {&columns_in}, {}, {w, Shape(x.sizes())});
  return y;
}

Tensor im2col(const Tensor& input, IntSpan kernel_size, IntSpan dilation, IntSpan padding,
              IntSpan stride) {
  constexpr const char* op = "im2col";
  const int64_t ndim = input.dim();
  PF_CHECK(ndim == 3 || ndim == 4, Runtime, op,
           ": Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
           "dimensions for input, but got: ",
           to_string(input.sizes()));
  check_floating(op, input);
  const Windows w = windows(op, {input.size(ndim - 2), input.size(ndim - 1)}, kernel_size, dilation,
                            padding, stride);
  Dims sizes{input.size(ndim - 3) * w.kernel[0] * w.kernel[1], w.grid[0] * w.grid[1]};
  if (ndim == 4) sizes.insert(0, input.size(0));
  return to_columns(input, w, sizes);
}

Tensor col2im(const Tensor& input, IntSpan output_size, IntSpan kernel_size, IntSpan dilation,
              IntSpan padding, IntSpan stride) {
  constexpr const char* op = "col2im";
  const int64_t ndim = input.dim();
  PF_CHECK(ndim == 2 || ndim == 3, Runtime, op,
           ": Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and "
           "non-zero dimensions for input, but got: ",
           to_string(input.sizes()));
  check_floating(op, input);
  const Windows w = windows(op, output_size, kernel_size, dilation, padding, stride);
  const int64_t taps = w.kernel[0] * w.kernel[1], rows = input.size(ndim - 2);
  PF_CHECK(rows > 0 && rows % taps == 0, Runtime, op,
           ": Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
           "but got input.size(1)=",
           rows, " and kernel_size=", to_string(kernel_size));
  PF_CHECK(input.size(ndim - 1) == w.grid[0] * w.grid[1], Runtime, op,
           ": Given output_size=", to_string(output_size), ", kernel_size=", to_string(kernel_size),
           ", expected size of input's dimension 2 to match the calculated number of sliding "
           "blocks ",
           w.grid[0], " * ", w.grid[1], " = ", w.grid[0] * w.grid[1],
           ", but got input.size(2)=", input.size(ndim - 1));
  Dims sizes{rows / taps, w.size[0], w.size[1]};
  if (ndim == 3) sizes.insert(0, input.size(0));
  return from_columns(input, w, sizes);
}

constexpr int64_t kMaxFactor = 1 << 20;  // its square times the channels fits

Tensor pixel_shuffle(const Tensor& input, int64_t r) {
  constexpr const char* op = "pixel_shuffle";
  const int64_t n = input.dim();
  PF_CHECK(n >= 3, Runtime, op, " expects input to have at least 3 dimensions, but got input with ",
           n, " dimension(s)");
  PF_CHECK(r > 0, Runtime, op, " expects a positive upscale_factor, but got ", r);
  PF_CHECK(r <= kMaxFactor, Runtime, op, ": upscale_factor must be at most ", kMaxFactor, ", got ",
           r);
  PF_CHECK(input.size(n - 3) % (r * r) == 0, Runtime, op,
           " expects its input's 'channel' dimension to be divisible by the square of "
           "upscale_factor, but input.size(-3)=",
           input.size(n - 3), " is not divisible by ", r * r);
  const int64_t c = input.size(n - 3) / (r * r), h = input.size(n - 2), w = input.size(n - 1);
  Dims split, out, order;
  for (int64_t d = 0; d < n - 3; ++d) {
    split.push_back(input.size(d));
    out.push_back(input.size(d));
    order.push_back(d);
  }
  for (int64_t s : {c, r, r, h, w}) split.push_back(s);
  for (int64_t s : {c, h * r, w * r}) out.push_back(s);
  for (int64_t d : {0, 3, 1, 4, 2}) order.push_back(n - 3 + d);
  return reshape(permute(reshape(input, split), order), out);
}

Tensor pixel_unshuffle(const Tensor& input, int64_t r) {
  constexpr const char* op = "pixel_unshuffle";
  const int64_t n = input.dim();
  PF_CHECK(n >= 3, Runtime, op, " expects input to have at least 3 dimensions, but got input with ",
           n, " dimension(s)");
  PF_CHECK(r > 0, Runtime, op, " expects a positive downscale_factor, but got ", r);
  PF_CHECK(r <= kMaxFactor, Runtime, op, ": downscale_factor must be at most ", kMaxFactor,
           ", got ", r);
  for (int64_t d : {n - 2, n - 1}) {
    PF_CHECK(input.size(d) % r == 0, Runtime, op, " expects ", d == n - 2 ? "height" : "width",
             " to be divisible by downscale_factor, but input.size(", d - n, ")=", input.size(d),
             " is not divisible by ", r);
  }
  const int64_t c = input.size(n - 3), h = input.size(n - 2) / r, w = input.size(n - 1) / r;
  Dims split, out, order;
  for (int64_t d = 0; d < n - 3; ++d) {
    split.push_back(input.size(d));
    out.push_back(input.size(d));
    order.push_back(d);
  }
  for (int64_t s : {c, h, r, w, r}) split.push_back(s);
  for (int64_t s : {c * r * r, h, w}) out.push_back(s);
  for (int64_t d : {0, 2, 4, 1, 3}) order.push_back(n - 3 + d);
  return reshape(permute(reshape(input, split), order), out);
}

PF_OP(im2col,
      "im2col(Tensor input, int[] kernel_size, int[] dilation, int[] padding, int[] stride) -> "
      "Tensor",
      kNN, "Every window of [N, C, H, W] as a column of [N, C * kernel, windows].")
PF_OP(col2im,
      "col2im(Tensor input, int[] output_size, int[] kernel_size, int[] dilation, int[] padding, "
      "int[] stride) -> Tensor",
      kNN, "Columns [N, C * kernel, windows] added up where their windows lie.")
PF_OP(pixel_shuffle, "pixel_shuffle(Tensor input, int upscale_factor) -> Tensor", kNN | kFunction,
      "[*, C r^2, H, W] to [*, C, H r, W r].")
PF_OP(pixel_unshuffle, "pixel_unshuffle(Tensor input, int downscale_factor) -> Tensor",
      kNN | kFunction, "[*, C, H r, W r] to [*, C r^2, H, W].")

}  // namespace
}  // namespace pyforge::ops
