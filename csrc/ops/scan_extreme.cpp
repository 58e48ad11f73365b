// Running extremes and running log-sum-exp along a dimension.
#include <cmath>

#include "autograd/node.h"
#include "ops/dtypes.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

constexpr uint32_t kBoth = kFunction | kMethod;
using Pair = std::tuple<Tensor, Tensor>;

struct Lines {
  int64_t outer, n, inner;
};
Lines lines(const Tensor& x, int64_t dim) {
  if (x.dim() == 0) return {1, 1, 1};
  return {count(IntSpan(x.sizes().begin(), dim)), x.size(dim),
          count(IntSpan(x.sizes().begin() + dim + 1, x.dim() - dim - 1))};
}

struct RunningExtremeBackward {
  int64_t dim;
  void operator()(Node& n, Tensor* in, Tensor* out) const {
    if (!in[0].defined()) return;
    Tensor index = n.saved(0);
    out[0] = scatter_add(zeros(index.sizes(), in[0].dtype()), dim, index, in[0]);
  }
};
struct CummaxBackward : RunningExtremeBackward {
  static constexpr const char* kName = "CummaxBackward0";
  static void backward(Node& n, CummaxBackward& p, Tensor* in, Tensor* out) { p(n, in, out); }
};
struct CumminBackward : RunningExtremeBackward {
  static constexpr const char* kName = "CumminBackward0";
  static void backward(Node& n, CumminBackward& p, Tensor* in, Tensor* out) { p(n, in, out); }
};

// The last of equals; from the first NaN on the latest NaN, than which nothing is better.
template <class T, class Better>
void run_extreme(const T* x, T* values, int64_t* indices, const Lines& l, Better better) {
  if (l.inner == 1) {
    for (int64_t o = 0; o < l.outer; ++o, x += l.n, values += l.n, indices += l.n) {
      T best{};
      int64_t at = 0;
      for (int64_t k = 0; k < l.n; ++k) {
        if (k == 0 || x[k] != x[k] || better(x[k], best)) best = x[k], at = k;
        values[k] = best;
        indices[k] = at;
      }
    }
    return;
  }
  for (int64_t o = 0; o < l.outer; ++o) {
    for (int64_t k = 0; k < l.n; ++k) {
      int64_t row = (o * l.n + k) * l.inner;
      for (int64_t i = 0; i < l.inner; ++i) {
        int64_t at = row + i, before = at - l.inner;
        T v = x[at];
        bool take = k == 0 || v != v || better(v, values[before]);
        values[at] = take ? v : values[before];
        indices[at] = take ? k : indices[before];
      }
    }
  }
}

template <class P>
Pair running_extreme(const char* op, const Tensor& input, int64_t dim, bool largest) {
  int64_t w = wrap_dim(op, dim, input.dim());
  Tensor indices = empty(input.sizes(), DType::Int64), values;
  {
    GradModeGuard off(false);
    Tensor x = contiguous(computable(input));
    values = empty(x.sizes(), x.dtype());
    with_element(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      auto go = [&](auto better) {
        run_extreme(x.data<T>(), values.data<T>(), indices.data<int64_t>(), lines(x, w), better);
      };
      if (largest)
        go([](T a, T b) { return a >= b; });
      else
        go([](T a, T b) { return a <= b; });
    });
    values = to(values, input.dtype());
  }
  if (is_floating(input.dtype())) record<P>(values, {&input}, {&indices}, {{w}});
  return {values, indices};
}
Pair cummax(const Tensor& x, int64_t dim) {
  return running_extreme<CummaxBackward>("cummax", x, dim, true);
}
Pair cummin(const Tensor& x, int64_t dim) {
  return running_extreme<CumminBackward>("cummin", x, dim, false);
}

// x[i] as it is seen one step earlier; the last stays.
Tensor next_of(const Tensor& x, int64_t dim) {
  int64_t n = x.size(dim);
  return cat({narrow(x, dim, 1, n - 1), narrow(x, dim, n - 1, 1)}, dim);
}

// The gradient of x[j] is e^(x[j] - y[j]) h[j], where h[j] = sum over i >= j of g[i] e^(y[j] -
// y[i]) follows h[j] = g[j] + e^(y[j] - y[j + 1]) h[j + 1]: y never falls, so nothing overflows.
struct LogcumsumexpBackward {
  static constexpr const char* kName = "LogcumsumexpBackward0";
  int64_t dim;
  static void backward(Node& n, LogcumsumexpBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor x = n.saved(0), y = n.saved(1);
    if (x.numel() == 0) {
      out[0] = in[0];
      return;
    }
    Tensor next = next_of(y, p.dim);
    Tensor infinite = isinf(y);
    Tensor step = exp(where(logical_and(infinite, eq(y, next)), 0, sub(y, next)));
    Tensor share = where(infinite, 0, exp(where(infinite, 0, sub(x, y))));
    out[0] = mul(share, linear_recurrence(in[0], step, p.dim, true));
  }
};

template <class T>
void run_logcumsumexp(const T* x, T* y, const Lines& l) {
  for (int64_t o = 0; o < l.outer; ++o) {
    for (int64_t i = 0; i < l.inner; ++i) {
      double total = -HUGE_VAL;
      for (int64_t k = 0; k < l.n; ++k) {
        int64_t at = (o * l.n + k) * l.inner + i;
        double v = static_cast<double>(x[at]);
        double high = v > total ? v : total, low = v > total ? total : v;
        if (v != v || total != total)
          total = v + total;
        else if (low == high && std::isinf(high))
          total = high;
        else
          total = high + std::log1p(std::exp(low - high));
        y[at] = static_cast<T>(total);
      }
    }
  }
}

Tensor logcumsumexp(const Tensor& input, int64_t dim) {
  int64_t w = wrap_dim("logcumsumexp", dim, input.dim());
  PF_CHECK(is_floating(input.dtype()), NotImplemented,
           "logcumsumexp: \"logcumsumexp_out_cpu\" not implemented for '",
           dtype_name(input.dtype()), "'; convert the input with .to(dtype) first");
  if (input.dim() == 0) return clone(input);
  Tensor y;
  {
    GradModeGuard off(false);
    Tensor x = contiguous(computable(input));
    y = empty(x.sizes(), x.dtype());
    with_element(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      if constexpr (std::is_floating_point_v<T>)
        run_logcumsumexp(x.data<T>(), y.data<T>(), lines(x, w));
    });
    y = to(y, input.dtype());
  }
  record<LogcumsumexpBackward>(y, {&input}, {&input, &y}, {w});
  return y;
}

PF_OP(cummax, "cummax(Tensor input, int dim) -> (Tensor values, Tensor indices)", kBoth,
      "Running maximum along `dim`, and where it was (the last of equals).")
PF_OP(cummin, "cummin(Tensor input, int dim) -> (Tensor values, Tensor indices)", kBoth,
      "Running minimum along `dim`, and where it was (the last of equals).")
PF_OP(logcumsumexp, "logcumsumexp(Tensor input, int dim) -> Tensor", kBoth,
      "log(cumsum(exp(x))) along `dim`, without overflow.")

}  // namespace
}  // namespace pyforge::ops
