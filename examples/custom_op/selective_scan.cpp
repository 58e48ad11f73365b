// h[t] = a[t] * h[t - 1] + x[t] along dim 0, the recurrence of selective state-space models; a and
// x of shape (steps, channels). In backward the same recurrence runs from the end:
//   d[t] = g[t] + a[t + 1] * d[t + 1],  grad x[t] = d[t],  grad a[t] = d[t] * h[t - 1]
#include <pyforge/simd.h>
using namespace pyforge;

// Vectors of channels, one after the other on a thread: the same numbers for any number of threads.
template <class T>
static void scan(T* h, const T* a, const T* x, int64_t steps, int64_t channels, bool reverse) {
  parallel_for(channels, 64, [=](int64_t first, int64_t last) {
    for_vectors<T>(last - first, [&](int64_t c, auto fetch, auto put) {
      simd::Vec<T> state(0);
      for (int64_t i = 0; i < steps; ++i) {
        const int64_t t = reverse ? steps - 1 - i : i, at = t * channels + first + c;
        if (i > 0) state = state * fetch(a + (reverse ? at + channels : at));
        state = state + fetch(x + at);
        put(h + at, state);
      }
    });
  });
}

static Tensor scanned(Context& ctx, const Tensor& a, const Tensor& x, bool reverse) {
  Tensor factor = contiguous(a), input = contiguous(x), h = ctx.empty_like(input);
  with_floating("selective_scan", input.dtype(), [&](auto zero) {
    using T = decltype(zero);
    scan(h.mutable_data<T>(), factor.data<T>(), input.data<T>(), input.size(0), input.size(1),
         reverse);
  });
  return h;
}

// Both directions are ops, each the derivative of the other: any order of derivative is there.
static Tensor forward(Context& ctx, const Tensor& a, const Tensor& x, bool reverse) {
  PF_CHECK(x.dim() == 2 && a.sizes() == x.sizes() && a.dtype() == x.dtype(),
           "selective_scan: expected two matrices (steps, channels) of one dtype, got shapes ",
           a.sizes(), " and ", x.sizes());
  Tensor h = scanned(ctx, a, x, reverse);
  ctx.save(a, h);
  return h;
}

// t one step later; zeros come first.
static Tensor shifted(const Tensor& t) {
  Tensor zero = zeros_like(narrow(t, 0, 0, 1));
  return cat({zero, narrow(t, 0, 0, t.size(0) - 1)});
}

static void backward(Context& ctx) {
  Tensor a = ctx.saved(0), h = ctx.saved(1);
  const bool reverse = ctx.flag("reverse");
  Tensor d = call("selective_scan", a, ctx.grad(), !reverse);
  ctx.set_grad(1, d);
  if (!ctx.needs(0)) return;
  // a[t] multiplied h[t - 1] on the way to h[t]; in reverse, h[t] on the way to h[t - 1].
  if (a.numel() == 0)
    ctx.set_grad(0, zeros_like(a));
  else
    ctx.set_grad(0, reverse ? shifted(d) * h : d * shifted(h));
}

PF_OP("selective_scan(Tensor a, Tensor x, bool reverse=False) -> Tensor", forward, backward,
      "h[t] = a[t] h[t-1] + x[t] along dim 0")
