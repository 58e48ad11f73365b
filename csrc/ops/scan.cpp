// Running sums and products along a dimension, and the recurrence their derivatives need.
#include "autograd/node.h"
#include "ops/ops.h"
#include "ops/reduce_driver.h"

namespace pyforge::ops {
namespace {

// y[i] = x[i + by], zero outside.
Tensor shift(const Tensor& x, int64_t dim, int64_t by);
// y[i] = g[i] + c[i] * y[i - 1], or y[i + 1] where reverse; the first c is not used.
Tensor recurrence(const Tensor& g, const Tensor& c, int64_t dim, bool reverse);
Tensor running_sum(const Tensor& x, int64_t dim, bool reverse);

struct ShiftBackward {
  static constexpr const char* kName = "ShiftBackward0";
  int64_t dim, by;
  static void backward(Node&, ShiftBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = shift(in[0], p.dim, -p.by);
  }
};
struct RecurrenceBackward {
  static constexpr const char* kName = "LinearRecurrenceBackward0";
  int64_t dim;
  bool reverse;
  static void backward(Node& n, RecurrenceBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    int64_t next = p.reverse ? -1 : 1;
    Tensor t = recurrence(in[0], shift(n.saved(0), p.dim, next), p.dim, !p.reverse);
    out[0] = t;
    if (n.needs(1)) out[1] = mul(t, shift(n.saved(1), p.dim, -next));
  }
};
struct CumsumBackward {
  static constexpr const char* kName = "CumsumBackward0";
  int64_t dim;
  bool reverse;
  static void backward(Node&, CumsumBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = running_sum(in[0], p.dim, !p.reverse);
  }
};
// d/dx[i] = (product before i) * sum over k >= i of g[k] * (product from i + 1 to k): no division.
struct CumprodBackward {
  static constexpr const char* kName = "CumprodBackward0";
  int64_t dim;
  static void backward(Node& n, CumprodBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor x = n.saved(0);
    Tensor after = recurrence(in[0], shift(x, p.dim, 1), p.dim, true);
    Tensor start = zeros(x.sizes(), x.dtype());
    Dims first(x.sizes());
    if (x.numel()) {
      first[p.dim] = 1;
      fill_data(make_view(start, first, start.strides(), start->data), Scalar(1));
    }
    out[0] = mul(recurrence(start, shift(x, p.dim, -1), p.dim, false), after);
  }
};

struct Levels {
  int64_t outer, n, inner;
};
Levels levels(const Tensor& x, int64_t dim) {
  return {count(IntSpan(x.sizes().begin(), dim)), x.size(dim),
          count(IntSpan(x.sizes().begin() + dim + 1, x.dim() - dim - 1))};
}

Tensor shift(const Tensor& x, int64_t dim, int64_t by) {
  Tensor y = zeros(x.sizes(), x.dtype());
  int64_t n = x.size(dim), rest = n - std::abs(by);
  if (rest > 0 && x.numel()) {
    Dims part(x.sizes());
    part[dim] = rest;
    auto size = static_cast<int64_t>(itemsize(x.dtype()));
    int64_t from = by > 0 ? by : 0, to = by > 0 ? 0 : -by;
    copy_data(make_view(y, part, y.strides(), y->data + to * y.stride(dim) * size),
              make_view(x, part, x.strides(), x->data + from * x.stride(dim) * size));
  }
  record<ShiftBackward>(y, {&x}, {}, {dim, by});
  return y;
}

template <class T>
void run_recurrence(T* y, const T* g, const T* c, const Levels& l, bool reverse) {
  for (int64_t o = 0; o < l.outer; ++o) {
    for (int64_t k = 0; k < l.n; ++k) {
      int64_t row = (o * l.n + (reverse ? l.n - 1 - k : k)) * l.inner;
      int64_t previous = reverse ? row + l.inner : row - l.inner;
      for (int64_t i = 0; i < l.inner; ++i)
        y[row + i] = k ? g[row + i] + c[row + i] * y[previous + i] : g[row + i];
    }
  }
}

Tensor recurrence(const Tensor& g, const Tensor& c, int64_t dim, bool reverse) {
  Tensor y = empty(c.sizes(), c.dtype());
  {
    GradModeGuard off(false);
    Tensor from = contiguous(expand(to(g, c.dtype()), c.sizes())), by = contiguous(c);
    Levels l = levels(c, dim);
    if (is_half(c.dtype())) {
      y = narrowed(recurrence(widened(from), widened(by), dim, reverse), c.dtype());
    } else if (c.dtype() == DType::Float32) {
      run_recurrence(y.data<float>(), from.data<float>(), by.data<float>(), l, reverse);
    } else {
      run_recurrence(y.data<double>(), from.data<double>(), by.data<double>(), l, reverse);
    }
  }
  record<RecurrenceBackward>(y, {&g, &c}, {&c, &y}, {dim, reverse});
  return y;
}

Tensor reversed(const Tensor& x, int64_t dim) {
  if (x.numel() == 0) return x;
  Dims strides(x.strides());
  strides[dim] = -strides[dim];
  return make_view(
      x, x.sizes(), strides,
      x->data + (x.size(dim) - 1) * x.stride(dim) * static_cast<int64_t>(itemsize(x.dtype())));
}

// x has a dimension `dim`; nothing is recorded.
Tensor scan(const kernels::ReduceFn* table, const Tensor& x, int64_t dim) {
  Tensor y = empty(x.sizes(), is_floating(x.dtype()) ? x.dtype() : DType::Int64);
  if (x.numel() == 0) return y;
  if (is_half(x.dtype())) {
    Tensor wide = widened(x);
    return narrowed(scan(table, wide, dim), x.dtype());
  }
  Tensor holder;
  kernels::ReduceArgs args = along_dim(x, dim, holder);
  kernels::ReduceFn fn = table[static_cast<int>(x.dtype())];
  int64_t total = args.outer * args.reduce * args.inner;
  auto in_size = static_cast<int64_t>(itemsize(x.dtype())),
       out_size = static_cast<int64_t>(itemsize(y.dtype()));
  ReleaseGil gil(total >= 2 * kReduceGrain);
  parallel_for(args.outer, std::max<int64_t>(1, kReduceGrain / (args.reduce * args.inner)),
               [&](int64_t first, int64_t last) {
                 kernels::ReduceArgs part = args;
                 part.in = static_cast<const char*>(args.in) + first * args.outer_stride * in_size;
                 part.out = y->data + first * args.reduce * args.inner * out_size;
                 part.outer = last - first;
                 fn(part);
               });
  return y;
}

Tensor running_sum(const Tensor& x, int64_t dim, bool reverse) {
  Tensor y;
  {
    GradModeGuard off(false);
    const auto* table = kernels::active().reduce.cumsum;
    y = reverse ? contiguous(reversed(scan(table, reversed(x, dim), dim), dim))
                : scan(table, x, dim);
  }
  if (is_floating(y.dtype())) record<CumsumBackward>(y, {&x}, {}, {dim, reverse});
  return y;
}

// The input of a scan: converted, and with a dimension.
Tensor scan_input(const Tensor& x, std::optional<DType> dtype) {
  Tensor t = dtype ? to(x, *dtype) : x;
  return t.dim() ? t : reshape(t, {1});
}
Tensor scan_result(const Tensor& y, const Tensor& input, std::optional<DType> dtype) {
  Tensor t = dtype ? to(y, *dtype) : y;
  return input.dim() ? t : reshape(t, IntSpan());
}

}  // namespace

Tensor cumsum(const Tensor& input, int64_t dim, std::optional<DType> dtype) {
  int64_t w = wrap_dim("cumsum", dim, input.dim());
  return scan_result(running_sum(scan_input(input, dtype), w, false), input, dtype);
}

Tensor cumprod(const Tensor& input, int64_t dim, std::optional<DType> dtype) {
  int64_t w = wrap_dim("cumprod", dim, input.dim());
  Tensor x = scan_input(input, dtype);
  Tensor y = scan(kernels::active().reduce.cumprod, x, w);
  if (is_floating(y.dtype())) record<CumprodBackward>(y, {&x}, {&x}, {w});
  return scan_result(y, input, dtype);
}

Tensor linear_recurrence(const Tensor& g, const Tensor& c, int64_t dim, bool reverse) {
  return recurrence(g, c, dim, reverse);
}

Tensor product_of_others(const Tensor& x, int64_t dim) {
  if (x.numel() == 0) return x;
  Tensor sides[2];
  for (int reverse = 0; reverse < 2; ++reverse) {
    Tensor start = zeros(x.sizes(), x.dtype());
    Dims one(x.sizes());
    one[dim] = 1;
    int64_t at =
        reverse ? (x.size(dim) - 1) * start.stride(dim) * static_cast<int64_t>(itemsize(x.dtype()))
                : 0;
    fill_data(make_view(start, one, start.strides(), start->data + at), Scalar(1));
    sides[reverse] = recurrence(start, shift(x, dim, reverse ? 1 : -1), dim, reverse);
  }
  return mul(sides[0], sides[1]);
}

namespace {
PF_OP(cumsum, "cumsum(Tensor input, int dim, *, dtype? dtype=None) -> Tensor",
      kFunction | kMethod | kInplace, "Running sum along `dim`; integers and bool give int64.")
PF_OP(cumprod, "cumprod(Tensor input, int dim, *, dtype? dtype=None) -> Tensor",
      kFunction | kMethod | kInplace, "Running product along `dim`; integers and bool give int64.")
}  // namespace
}  // namespace pyforge::ops
