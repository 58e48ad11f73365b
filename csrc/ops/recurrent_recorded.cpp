// The derivative of a recurrent layer in recorded ops: the forward pass is run again step by step,
// and the backward pass through time is recorded, so that it can be differentiated.
#include "ops/ops.h"
#include "ops/recurrent.h"

namespace pyforge::ops {
namespace {

// What one step keeps. Gates: LSTM input forget cell output, GRU reset update new.
struct Step {
  Tensor h_before, c_before, gate[4], extra, h_full;
};

Tensor one_minus(const Tensor& t) { return sub(1, t); }
Tensor sigmoid_slope(const Tensor& y) { return mul(y, one_minus(y)); }
Tensor tanh_slope(const Tensor& y) { return one_minus(square(y)); }

// The first rows of `state` replaced.
Tensor replaced(const Tensor& state, const Tensor& first) {
  const int64_t n = first.size(0), all = state.size(0);
  return n == all ? first : cat({first, narrow(state, 0, n, all - n)}, 0);
}
Tensor first_rows(const Tensor& state, int64_t n) {
  return n == state.size(0) ? state : narrow(state, 0, 0, n);
}

// h and c after the step; x: the input's share of the sums.
void run(const LayerArgs& a, Step& s, const Tensor& x, Tensor& h, Tensor& c) {
  if (a.cell == Cell::Gru) {
    std::vector<Tensor> in = chunk(x, 3, 1), own = chunk(linear(s.h_before, a.w_hh, a.b_hh), 3, 1);
    s.gate[0] = sigmoid(add(in[0], own[0]));
    s.gate[1] = sigmoid(add(in[1], own[1]));
    s.extra = own[2];
    s.gate[2] = tanh(add(in[2], mul(s.gate[0], own[2])));
    h = add(s.gate[2], mul(s.gate[1], sub(s.h_before, s.gate[2])));
    return;
  }
  Tensor sums = add(x, product(s.h_before, false, a.w_hh, true));
  if (a.cell != Cell::Lstm) {
    h = s.gate[0] = a.cell == Cell::Relu ? relu(sums) : tanh(sums);
    return;
  }
  std::vector<Tensor> parts = chunk(sums, 4, 1);
  for (size_t i = 0; i < 4; ++i) s.gate[i] = i == 2 ? tanh(parts[i]) : sigmoid(parts[i]);
  c = add(mul(s.gate[1], s.c_before), mul(s.gate[0], s.gate[2]));
  s.extra = tanh(c);
  s.h_full = mul(s.gate[3], s.extra);
  h = a.w_hr.defined() ? product(s.h_full, false, a.w_hr, true) : s.h_full;
}

}  // namespace

void recurrent_recorded_backward(const LayerArgs& a, const LayerResult& grads, Tensor* out) {
  const Steps& steps = *a.steps;
  const int64_t count = steps.count();
  const bool lstm = a.cell == Cell::Lstm, gru = a.cell == Cell::Gru;
  Tensor bias = a.b_ih;
  if (bias.defined() && !gru) bias = add(a.b_ih, a.b_hh);
  Tensor sums = linear(a.x, a.w_ih, bias), h = a.h0, c = a.c0;
  std::vector<Step> kept(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const size_t t = static_cast<size_t>(a.reverse ? count - 1 - i : i);
    Step& s = kept[t];
    const int64_t n = steps.sizes[t];
    s.h_before = first_rows(h, n);
    if (lstm) s.c_before = first_rows(c, n);
    Tensor new_h, new_c;
    run(a, s, narrow(sums, 0, steps.starts[t], n), new_h, new_c);
    h = replaced(h, new_h);
    if (lstm) c = replaced(c, new_c);
  }

  Tensor dh = grads.h.defined() ? grads.h : zeros_like(a.h0), dc;
  if (lstm) dc = grads.c.defined() ? grads.c : zeros_like(a.c0);
  const size_t n_steps = static_cast<size_t>(count);
  std::vector<Tensor> dsums(n_steps), dshares(n_steps), befores(n_steps), dstates, fulls;
  for (int64_t i = 0; i < count; ++i) {
    const size_t t = static_cast<size_t>(a.reverse ? i : count - 1 - i);
    const Step& s = kept[t];
    const int64_t n = steps.sizes[t];
    Tensor d = first_rows(dh, n), passed;
    if (grads.y.defined()) d = add(d, narrow(grads.y, 0, steps.starts[t], n));
    if (lstm) {
      if (a.w_hr.defined()) {
        dstates.push_back(d);
        fulls.push_back(s.h_full);
        d = product(d, false, a.w_hr, false);
      }
      Tensor state = add(first_rows(dc, n), mul(mul(d, s.gate[3]), tanh_slope(s.extra)));
      dsums[t] = cat({mul(mul(state, s.gate[2]), sigmoid_slope(s.gate[0])),
                      mul(mul(state, s.c_before), sigmoid_slope(s.gate[1])),
                      mul(mul(state, s.gate[0]), tanh_slope(s.gate[2])),
                      mul(mul(d, s.extra), sigmoid_slope(s.gate[3]))},
                     1);
      dshares[t] = dsums[t];
      dc = replaced(dc, mul(state, s.gate[1]));
    } else if (gru) {
      Tensor dn = mul(mul(d, one_minus(s.gate[1])), tanh_slope(s.gate[2]));
      Tensor dz = mul(mul(d, sub(s.h_before, s.gate[2])), sigmoid_slope(s.gate[1]));
      Tensor dr = mul(mul(dn, s.extra), sigmoid_slope(s.gate[0]));
      dsums[t] = cat({dr, dz, dn}, 1);
      dshares[t] = cat({dr, dz, mul(dn, s.gate[0])}, 1);
      passed = mul(d, s.gate[1]);
    } else {
      dsums[t] = dshares[t] =
          a.cell == Cell::Relu ? where(le(s.gate[0], 0), 0, d) : mul(d, tanh_slope(s.gate[0]));
    }
    Tensor before = product(dshares[t], false, a.w_hh, false);
    dh = replaced(dh, passed.defined() ? add(passed, before) : before);
    befores[t] = s.h_before;
  }

  Tensor all = cat(dsums, 0), shares = gru ? cat(dshares, 0) : all;
  const auto total = [](const Tensor& t) { return sum_dims(t, IntSpan({0}), false, std::nullopt); };
  out[0] = product(all, false, a.w_ih, false);
  out[1] = dh;
  out[2] = dc;
  out[3] = product(all, true, a.x, false);
  out[4] = product(shares, true, cat(befores, 0), false);
  if (a.b_ih.defined()) {
    out[5] = total(all);
    out[6] = gru ? total(shares) : out[5];
  }
  if (a.w_hr.defined()) out[7] = product(cat(dstates, 0), true, cat(fulls, 0), false);
}

}  // namespace pyforge::ops
