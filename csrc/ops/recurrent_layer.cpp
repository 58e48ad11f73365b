// One recurrent layer in one direction. The input's products are one product over all steps; then
// groups of sequences, which do not depend on each other, go through time side by side, so that
// threads meet only at the end. The backward pass does the same, and sums the gradients of the
// weights by one product over all steps each.
#include <cstring>

#include "autograd/node.h"
#include "ops/gemm_driver.h"
#include "ops/lines.h"
#include "ops/ops.h"
#include "ops/recurrent.h"

namespace pyforge::ops {
namespace {

using kernels::GemmArgs;

constexpr int64_t kFewSteps = 4;  // so few products do not pay for packing the weights

// A weight matrix B [k, n], or the transpose of one, that few rows at a time are multiplied by,
// many times: cut into panels of columns once. Panels are as wide as the widest register tile.
class StepMatrix {
 public:
  StepMatrix(const Tensor& weight, bool transposed, bool packed)
      : dtype_(weight.dtype()),
        weight_(weight),
        k_(weight.size(transposed ? 1 : 0)),
        n_(weight.size(transposed ? 0 : 1)),
        row_(transposed ? 1 : weight.size(1)),
        col_(transposed ? weight.size(1) : 1),
        size_(static_cast<int64_t>(itemsize(dtype_))),
        width_(dtype_ == DType::Float32 ? kernels::kPanelWidth<float>
                                        : kernels::kPanelWidth<double>) {
    if (!packed) return;
    panels_ = empty({(n_ + width_ - 1) / width_, k_, width_}, dtype_);
    kernels::active().recurrent.pack[float_index(dtype_)](panels_->data, weight_->data, k_, n_,
                                                          row_, col_);
  }

  // c [rows, n] = beta c + a [rows, k] B (+ bias); all contiguous. With panels: from any thread,
  // without the GIL.
  void multiply(void* c, const void* a, int64_t rows, double beta,
                const void* bias = nullptr) const {
    GemmArgs args{rows, n_, k_,  a,    k_,   1, weight_->data,          row_, col_, c,
                  n_,   1,  1.0, beta, bias, 1, kernels::Epilogue::None};
    if (!panels_.defined()) return gemm(dtype_, args);
    if (!bias && kernels::active().recurrent.multiply[float_index(dtype_)](c, a, panels_->data,
                                                                           rows, n_, k_, beta != 0))
      return;
    const kernels::GemmTable& table = kernels::active().gemm;
    const auto product = (dtype_ == DType::Float32 ? table.f32 : table.f64).small;
    if (rows == 1) return product(args);  // reads the weights where they lie
    args.b_row = width_, args.b_col = 1;
    for (int64_t first = 0; first < n_; first += width_) {
      args.n = std::min(width_, n_ - first);
      args.b = panels_->data + first * k_ * size_;
      args.c = static_cast<char*>(c) + first * size_;
      if (bias) args.bias = static_cast<const char*>(bias) + first * size_;
      product(args);
    }
  }

 private:
  DType dtype_;
  Tensor weight_, panels_;
  int64_t k_, n_, row_, col_, size_, width_;
};

// Sequences that go through time together: by the batch alone, so that results do not depend on
// the number of threads.
int64_t group_size(int64_t batch) { return std::clamp<int64_t>((batch / 4 + 7) / 8 * 8, 16, 64); }

// step(t, first, count) for every step and every group of sequences that reaches it, in order of
// time. `group` may be called on several threads.
template <class F>
void through_time(const Steps& steps, bool backwards, bool packed, int64_t work, F&& step) {
  const int64_t last = steps.count() - 1, batch = steps.batch();
  const int64_t group = packed ? group_size(batch) : std::max<int64_t>(batch, 1);
  const auto run = [&](int64_t first_group, int64_t last_group) {
    for (int64_t g = first_group; g < last_group; ++g) {
      const int64_t first = g * group;
      for (int64_t i = 0; i <= last; ++i) {
        const int64_t t = backwards ? last - i : i;
        const int64_t count = std::min(steps.sizes[static_cast<size_t>(t)] - first, group);
        if (count > 0) step(t, first, count);
      }
    }
  };
  const int64_t groups = (batch + group - 1) / group;
  if (!packed) return run(0, groups);
  const ReleaseGil released(work >= 1 << 20);
  parallel_for(groups, 1, run);
}

// Rows of the state before step t of `count` sequences from `first` on: `kept` rows of the step
// before it in this direction, the others are initial ones.
struct Before {
  int64_t row, kept;
  Before(const Steps& s, bool reverse, int64_t t, int64_t first, int64_t count) : row(0), kept(0) {
    const int64_t other = reverse ? t + 1 : t - 1;
    if (other < 0 || other >= s.count()) return;
    const size_t o = static_cast<size_t>(other);
    row = s.starts[o] + first;
    kept = std::clamp<int64_t>(s.sizes[o] - first, 0, count);
  }
};

// A contiguous copy, to be written into.
Tensor own_copy(const Tensor& t) {
  Tensor own = empty(t.sizes(), t.dtype());
  copy_data(own, t);
  return own;
}

Tensor summed(const Tensor& t) { return sum_dims(t, IntSpan({0}), false, std::nullopt); }

struct Buffers {
  Tensor gates;  // activations of all gates
  Tensor extra;  // LSTM: c of every step; GRU: the state's share of the candidate
  Tensor full;   // projected LSTM: h before the projection
};

char* at(const Tensor& t, int64_t row) {
  return t->data + row * t.size(1) * static_cast<int64_t>(itemsize(t.dtype()));
}

LayerResult forward(const LayerArgs& a, Buffers& b) {
  const Steps& s = *a.steps;
  const DType dtype = a.x.dtype();
  const int64_t hidden = a.w_ih.size(0) / gates_of(a.cell);
  const int kind = float_index(dtype);
  const bool gru = a.cell == Cell::Gru, lstm = a.cell == Cell::Lstm,
             packed = s.count() >= kFewSteps;
  const kernels::RecurrentTable& k = kernels::active().recurrent;
  Tensor bias = a.b_ih;
  if (bias.defined() && !gru) bias = add(a.b_ih, a.b_hh);
  Tensor sums = linear(a.x, a.w_ih, bias);
  LayerResult r{gru || lstm ? empty({s.rows, a.h0.size(1)}, dtype) : sums, own_copy(a.h0),
                lstm ? own_copy(a.c0) : Tensor()};
  Tensor share = gru ? empty({s.batch(), 3 * hidden}, dtype) : Tensor();
  if (gru || lstm) b = {sums, empty({s.rows, hidden}, dtype), Tensor()};
  const Tensor w_hh = contiguous(a.w_hh), w_hr = a.w_hr.defined() ? contiguous(a.w_hr) : a.w_hr;
  if (w_hr.defined()) b.full = empty({s.rows, hidden}, dtype);
  const Tensor b_hh = gru && a.b_hh.defined() ? contiguous(a.b_hh) : Tensor();
  const StepMatrix recurrent(w_hh, true, packed);
  const StepMatrix projection(w_hr.defined() ? w_hr : w_hh, true, packed && w_hr.defined());
  const size_t state_bytes = static_cast<size_t>(a.h0.size(1)) * itemsize(dtype);
  through_time(
      s, a.reverse, packed, s.rows * w_hh.numel(), [&](int64_t t, int64_t first, int64_t count) {
        const int64_t row = s.starts[static_cast<size_t>(t)] + first;
        char *h = at(r.h, first), *y = at(r.y, row);
        if (gru) {
          recurrent.multiply(at(share, first), h, count, 0, b_hh.defined() ? b_hh->data : nullptr);
          k.gru[kind](at(sums, row), at(share, first), at(b.extra, row), h, y, count, hidden);
        } else if (lstm) {
          recurrent.multiply(at(sums, row), h, count, 1);
          const bool projected = w_hr.defined();
          k.lstm[kind](at(sums, row), at(r.c, first), at(b.extra, row),
                       projected ? at(b.full, row) : y, projected ? nullptr : h, count, hidden);
          if (!projected) return;
          projection.multiply(y, at(b.full, row), count, 0);
          std::memcpy(h, y, static_cast<size_t>(count) * state_bytes);
        } else {
          recurrent.multiply(y, h, count, 1);
          k.rnn[kind](y, h, a.cell == Cell::Relu, count, hidden);
        }
      });
  return r;
}

// The state before every row, [rows, state].
Tensor states_before(const LayerArgs& a, const Tensor& y) {
  const Steps& s = *a.steps;
  Tensor out = empty(y.sizes(), y.dtype()), h0 = contiguous(a.h0);
  const int64_t bytes = y.size(1) * static_cast<int64_t>(itemsize(y.dtype()));
  for (int64_t t = 0; t < s.count(); ++t) {
    const int64_t count = s.sizes[static_cast<size_t>(t)];
    const Before before(s, a.reverse, t, 0, count);
    char* to = at(out, s.starts[static_cast<size_t>(t)]);
    std::memcpy(to, at(y, before.row), static_cast<size_t>(before.kept * bytes));
    std::memcpy(to + before.kept * bytes, at(h0, before.kept),
                static_cast<size_t>((count - before.kept) * bytes));
  }
  return out;
}

void add_rows(void* out, const void* a, const void* b, int64_t n, DType dtype) {
  const void* in[2] = {a, b};
  kernels::active().elementwise.forward[static_cast<int>(kernels::Elementwise::add)]
                                       [static_cast<int>(dtype)](out, in, n, nullptr);
}

void backward(const LayerArgs& a, const Buffers& b, const Tensor& y, const LayerResult& grads,
              const Node& node, Tensor* out) {
  const Steps& s = *a.steps;
  const DType dtype = a.x.dtype();
  const int kind = float_index(dtype);
  const int64_t sums = a.w_ih.size(0), hidden = sums / gates_of(a.cell), state = a.h0.size(1);
  const bool gru = a.cell == Cell::Gru, lstm = a.cell == Cell::Lstm,
             packed = s.count() >= kFewSteps;
  const bool projected = a.w_hr.defined();
  const kernels::RecurrentTable& k = kernels::active().recurrent;
  const auto carried = [&](const Tensor& g, int64_t width) {
    return g.defined() ? own_copy(g) : zeros({s.batch(), width}, dtype);
  };
  Tensor dy = grads.y.defined() ? contiguous(grads.y) : Tensor();
  Tensor dh = carried(grads.h, state), dc = lstm ? carried(grads.c, hidden) : Tensor();
  Tensor dsums = empty({s.rows, sums}, dtype), dshare = gru ? empty({s.rows, sums}, dtype) : dsums;
  Tensor dstate = projected ? empty({s.rows, state}, dtype) : Tensor();
  Tensor dfull = projected ? empty({s.batch(), hidden}, dtype) : Tensor();
  const Tensor w_hh = contiguous(a.w_hh), w_hr = projected ? contiguous(a.w_hr) : w_hh;
  const Tensor h0 = contiguous(a.h0), c0 = lstm ? contiguous(a.c0) : Tensor();
  const StepMatrix recurrent(w_hh, false, packed), projection(w_hr, false, packed && projected);
  through_time(
      s, !a.reverse, packed, s.rows * w_hh.numel(), [&](int64_t t, int64_t first, int64_t count) {
        const int64_t row = s.starts[static_cast<size_t>(t)] + first;
        const Before before(s, a.reverse, t, first, count);
        char *d = at(dh, first), *g = dy.defined() ? at(dy, row) : nullptr;
        char* from = d;  // the gradient of h before a projection
        if (projected) {
          char* total = at(dstate, row);
          if (g) {
            add_rows(total, d, g, count * state, dtype);
          } else {
            std::memcpy(total, d, static_cast<size_t>(count * state) * itemsize(dtype));
          }
          projection.multiply(at(dfull, first), total, count, 0);
          from = at(dfull, first), g = nullptr;
        }
        // The rows whose state before was kept, then those that start here.
        const auto part = [&](int64_t skip, int64_t rows, const char* h_before,
                              const char* c_before) {
          if (rows <= 0) return;
          const int64_t i = row + skip;
          const int64_t size = static_cast<int64_t>(itemsize(dtype));
          const char* gi = g ? g + skip * state * size : nullptr;
          if (lstm) {
            k.lstm_backward[kind](at(dsums, i), at(dc, first + skip), from + skip * hidden * size,
                                  gi, at(b.gates, i), at(b.extra, i), c_before, rows, hidden);
          } else if (gru) {
            k.gru_backward[kind](at(dsums, i), at(dshare, i), d + skip * state * size, gi,
                                 at(b.gates, i), at(b.extra, i), h_before, rows, hidden);
          } else {
            k.rnn_backward[kind](at(dsums, i), d + skip * state * size, gi, at(y, i),
                                 a.cell == Cell::Relu, rows, hidden);
          }
        };
        part(0, before.kept, at(y, before.row), lstm ? at(b.extra, before.row) : nullptr);
        part(before.kept, count - before.kept, at(h0, first + before.kept),
             lstm ? at(c0, first + before.kept) : nullptr);
        recurrent.multiply(d, at(dshare, row), count, gru ? 1 : 0);
      });
  const auto needs = [&](uint32_t i) { return const_cast<Node&>(node).needs(i); };
  if (needs(0)) out[0] = product(dsums, false, a.w_ih, false);
  if (needs(1)) out[1] = dh;
  if (needs(2)) out[2] = dc;
  if (needs(3)) out[3] = product(dsums, true, a.x, false);
  if (needs(4)) out[4] = product(dshare, true, states_before(a, y), false);
  if (needs(5) || (needs(6) && !gru)) out[5] = summed(dsums);
  if (needs(6)) out[6] = gru ? summed(dshare) : out[5];
  if (needs(7)) out[7] = product(dstate, true, b.full, false);
}

// Edges and the first eight saved tensors: x h0 c0 w_ih w_hh b_ih b_hh w_hr. Then y, gates, extra,
// full.
struct RecurrentBackward {
  static constexpr const char* kName = "RecurrentBackward0";
  Cell cell;
  bool reverse;
  std::shared_ptr<const Steps> steps;

  static void backward(Node& n, RecurrentBackward& p, Tensor* in, Tensor* out) {
    LayerResult grads{in[0], in[1], p.cell == Cell::Lstm ? in[2] : Tensor()};
    if (!grads.y.defined() && !grads.h.defined() && !grads.c.defined()) return;
    LayerArgs a{p.cell,     p.reverse,  p.steps,    n.saved(0), n.saved(1), n.saved(2),
                n.saved(3), n.saved(4), n.saved(5), n.saved(6), n.saved(7)};
    if (grad_enabled()) return recurrent_recorded_backward(a, grads, out);
    ops::backward(a, {n.saved(9), n.saved(10), n.saved(11)}, n.saved(8), grads, n, out);
  }
};

}  // namespace

LayerResult recurrent_layer(const LayerArgs& a) {
  if (const DType dtype = a.x.dtype(); is_half(dtype)) {
    LayerArgs wide = a;
    for (Tensor* t :
         {&wide.x, &wide.h0, &wide.c0, &wide.w_ih, &wide.w_hh, &wide.b_ih, &wide.b_hh, &wide.w_hr})
      if (t->defined()) *t = to(*t, DType::Float32);
    LayerResult r = recurrent_layer(wide);
    for (Tensor* t : {&r.y, &r.h, &r.c})
      if (t->defined()) *t = to(*t, dtype);
    return r;
  }
  LayerResult r;
  Buffers b;
  {
    GradModeGuard off(false);
    r = forward(a, b);
  }
  std::vector<Tensor> outs{r.y, r.h};
  if (r.c.defined()) outs.push_back(r.c);
  record_many<RecurrentBackward>(
      outs, {a.x, a.h0, a.c0, a.w_ih, a.w_hh, a.b_ih, a.b_hh, a.w_hr},
      {a.x, a.h0, a.c0, a.w_ih, a.w_hh, a.b_ih, a.b_hh, a.w_hr, r.y, b.gates, b.extra, b.full},
      {a.cell, a.reverse, a.steps});
  return r;
}

}  // namespace pyforge::ops
