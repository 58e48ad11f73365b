// LSTM, GRU and plain recurrent networks of several layers and directions, and single cells.
#include "ops/recurrent.h"

#include "autograd/grad_mode.h"
#include "ops/lines.h"
#include "ops/ops.h"

namespace pyforge::ops {

Steps::Steps(std::vector<int64_t> batch_sizes) : sizes(std::move(batch_sizes)) {
  starts.reserve(sizes.size());
  for (int64_t size : sizes) {
    starts.push_back(rows);
    rows += size;
  }
}

namespace {

struct Network {
  const char* op;
  Cell cell;
  const std::vector<Tensor>& params;
  bool has_biases;
  int64_t num_layers;
  double dropout;
  bool train, bidirectional;

  int64_t directions() const { return bidirectional ? 2 : 1; }
};

void check_matrix(const char* op, const char* name, const Tensor& t, int64_t rows, int64_t cols,
                  DType dtype) {
  PF_CHECK(t.dim() == 2 && t.size(0) == rows && t.size(1) == cols, Runtime, op, ": expected ", name,
           " of shape [", rows, ", ", cols, "], got ", to_string(t.sizes()));
  PF_CHECK(t.dtype() == dtype, Runtime, op, ": expected ", name, " of dtype ", dtype_name(dtype),
           " like the input, got ", dtype_name(t.dtype()));
}

void check_bias(const char* op, const char* name, const Tensor& t, int64_t size, DType dtype) {
  PF_CHECK(t.dim() == 1 && t.size(0) == size, Runtime, op, ": expected ", name, " of shape [", size,
           "], got ", to_string(t.sizes()));
  PF_CHECK(t.dtype() == dtype, Runtime, op, ": expected ", name, " of dtype ", dtype_name(dtype),
           " like the input, got ", dtype_name(t.dtype()));
}

// Shapes and dtypes of everything one layer reads but its steps.
void check_layer(const char* op, const LayerArgs& a) {
  const DType dtype = a.x.dtype();
  const int64_t state = a.h0.size(1), hidden = a.cell == Cell::Lstm ? a.c0.size(1) : state;
  const int64_t sums = gates_of(a.cell) * hidden;
  PF_CHECK(a.w_ih.dim() != 2 || a.w_ih.size(1) == a.x.size(1), Runtime, op,
           ": mat1 and mat2 shapes cannot be multiplied (", a.x.size(0), "x", a.x.size(1), " and ",
           a.w_ih.size(1), "x", a.w_ih.size(0), "); the input does not fit weight_ih");
  check_matrix(op, "weight_ih", a.w_ih, sums, a.x.size(1), dtype);
  check_matrix(op, "weight_hh", a.w_hh, sums, state, dtype);
  if (a.b_ih.defined()) check_bias(op, "bias_ih", a.b_ih, sums, dtype);
  if (a.b_hh.defined()) check_bias(op, "bias_hh", a.b_hh, sums, dtype);
  if (a.w_hr.defined()) check_matrix(op, "weight_hr", a.w_hr, state, hidden, dtype);
}

void check_state(const Network& net, const char* name, const Tensor& t, int64_t batch,
                 DType dtype) {
  const int64_t expected = net.num_layers * net.directions();
  PF_CHECK(t.dim() == 3 && t.size(0) == expected && t.size(1) == batch, Runtime, net.op,
           ": Expected hidden size [", expected, ", ", batch, ", *] for ", name, ", got ",
           to_string(t.sizes()));
  PF_CHECK(t.dtype() == dtype, Runtime, net.op, ": expected ", name, " of dtype ",
           dtype_name(dtype), " like the input, got ", dtype_name(t.dtype()));
}

// Layer after layer over rows x; returns the last layer's rows, the final h and (LSTM) c.
std::vector<Tensor> run_layers(const Network& net, std::shared_ptr<const Steps> steps, Tensor x,
                               const Tensor& h0, const Tensor& c0) {
  const bool lstm = net.cell == Cell::Lstm;
  const int64_t batch = steps->batch();
  check_floating(net.op, x);
  const int64_t given = static_cast<int64_t>(net.params.size());
  PF_CHECK(net.num_layers > 0 && net.num_layers <= given, Runtime, net.op,
           ": expected parameters for ", net.num_layers, " layers, got ", given);
  check_state(net, "h_0", h0, batch, x.dtype());
  if (lstm) check_state(net, "c_0", c0, batch, x.dtype());
  const bool projected = lstm && h0.size(2) != c0.size(2);
  const int64_t per_layer = (net.has_biases ? 4 : 2) + projected;
  const int64_t expected = net.num_layers * net.directions() * per_layer;
  PF_CHECK(given == expected, Runtime, net.op, ": expected ", expected, " parameters for ",
           net.num_layers, " layers, got ", given);
  PF_CHECK(net.dropout >= 0 && net.dropout <= 1, Runtime, net.op,
           ": dropout probability has to be between 0 and 1, but got ", net.dropout);
  std::vector<Tensor> h, c;
  const Tensor* p = net.params.data();
  for (int64_t layer = 0; layer < net.num_layers; ++layer) {
    std::vector<Tensor> ys;
    for (int64_t d = 0; d < net.directions(); ++d, p += per_layer) {
      const int64_t i = layer * net.directions() + d;
      LayerArgs a{
          net.cell, d == 1, steps, x, select(h0, 0, i), lstm ? select(c0, 0, i) : Tensor(), p[0],
          p[1],     {},     {},    {}};
      if (net.has_biases) a.b_ih = p[2], a.b_hh = p[3];
      if (projected) a.w_hr = p[per_layer - 1];
      check_layer(net.op, a);
      LayerResult r = recurrent_layer(a);
      ys.push_back(r.y);
      h.push_back(r.h);
      if (lstm) c.push_back(r.c);
    }
    x = net.bidirectional ? cat(ys, 1) : ys[0];
    if (layer + 1 < net.num_layers) x = dropout(x, net.dropout, net.train, false);
  }
  const auto joined = [](const std::vector<Tensor>& states) {
    return states.size() == 1 ? unsqueeze(states[0], 0) : stack(states, 0);
  };
  std::vector<Tensor> out{x, joined(h)};
  if (lstm) out.push_back(joined(c));
  return out;
}

std::vector<Tensor> run_input(const Network& net, const Tensor& input, const Tensor& h0,
                              const Tensor& c0, bool batch_first) {
  PF_CHECK(input.dim() == 3, Runtime, net.op, ": input must have 3 dimensions, got ", input.dim());
  const int64_t count = input.size(batch_first ? 1 : 0), batch = input.size(batch_first ? 0 : 1);
  PF_CHECK(count > 0, Runtime, net.op, ": Expected sequence length to be larger than 0 in RNN");
  auto steps =
      std::make_shared<const Steps>(std::vector<int64_t>(static_cast<size_t>(count), batch));
  const Tensor in_order = batch_first ? transpose(input, 0, 1) : input;
  std::vector<Tensor> out =
      run_layers(net, steps, reshape(in_order, {count * batch, input.size(2)}), h0, c0);
  out[0] = reshape(out[0], {count, batch, out[0].size(1)});
  if (batch_first) out[0] = transpose(out[0], 0, 1);
  return out;
}

std::vector<Tensor> run_packed(const Network& net, const Tensor& data, const Tensor& batch_sizes,
                               const Tensor& h0, const Tensor& c0) {
  PF_CHECK(data.dim() == 2, Runtime, net.op, ": input must have 2 dimensions, got ", data.dim());
  PF_CHECK(batch_sizes.dim() == 1 && batch_sizes.dtype() == DType::Int64 && batch_sizes.numel() > 0,
           Runtime, net.op, ": batch_sizes must be a non-empty int64 vector");
  Tensor sizes;
  {
    GradModeGuard off(false);
    sizes = contiguous(batch_sizes);
  }
  const int64_t* s = sizes.data<int64_t>();
  auto steps = std::make_shared<const Steps>(std::vector<int64_t>(s, s + sizes.numel()));
  for (int64_t t = 0; t < steps->count(); ++t)
    PF_CHECK(s[t] > 0 && (t == 0 || s[t] <= s[t - 1]), Runtime, net.op,
             ": batch_sizes must be positive and not increase");
  PF_CHECK(steps->rows == data.size(0), Runtime, net.op, ": batch_sizes add up to ", steps->rows,
           " but the data has ", data.size(0), " rows");
  return run_layers(net, steps, data, h0, c0);
}

std::vector<Tensor> lstm(const Tensor& input, const std::vector<Tensor>& hx,
                         const std::vector<Tensor>& params, bool has_biases, int64_t num_layers,
                         double dropout, bool train, bool bidirectional, bool batch_first) {
  PF_CHECK(hx.size() == 2, Runtime, "lstm expects two hidden states, got ", hx.size());
  return run_input(
      {"lstm", Cell::Lstm, params, has_biases, num_layers, dropout, train, bidirectional}, input,
      hx[0], hx[1], batch_first);
}

std::vector<Tensor> lstm_packed(const Tensor& data, const Tensor& batch_sizes,
                                const std::vector<Tensor>& hx, const std::vector<Tensor>& params,
                                bool has_biases, int64_t num_layers, double dropout, bool train,
                                bool bidirectional) {
  PF_CHECK(hx.size() == 2, Runtime, "lstm expects two hidden states, got ", hx.size());
  return run_packed(
      {"lstm", Cell::Lstm, params, has_biases, num_layers, dropout, train, bidirectional}, data,
      batch_sizes, hx[0], hx[1]);
}

constexpr const char* name_of(Cell cell) {
  return cell == Cell::Gru ? "gru" : cell == Cell::Tanh ? "rnn_tanh" : "rnn_relu";
}

template <Cell cell>
std::vector<Tensor> rnn(const Tensor& input, const Tensor& hx, const std::vector<Tensor>& params,
                        bool has_biases, int64_t num_layers, double dropout, bool train,
                        bool bidirectional, bool batch_first) {
  return run_input(
      {name_of(cell), cell, params, has_biases, num_layers, dropout, train, bidirectional}, input,
      hx, Tensor(), batch_first);
}

template <Cell cell>
std::vector<Tensor> rnn_packed(const Tensor& data, const Tensor& batch_sizes, const Tensor& hx,
                               const std::vector<Tensor>& params, bool has_biases,
                               int64_t num_layers, double dropout, bool train, bool bidirectional) {
  return run_packed(
      {name_of(cell), cell, params, has_biases, num_layers, dropout, train, bidirectional}, data,
      batch_sizes, hx, Tensor());
}

LayerResult run_cell(const char* op, Cell cell, const Tensor& input, const Tensor& h,
                     const Tensor& c, const Tensor& w_ih, const Tensor& w_hh, const Tensor& b_ih,
                     const Tensor& b_hh) {
  PF_CHECK(input.dim() == 2 && h.dim() == 2 && (!c.defined() || c.dim() == 2), Runtime, op,
           ": input and hidden state must have 2 dimensions, got ", input.dim(), " and ", h.dim());
  check_floating(op, input);
  PF_CHECK(w_ih.dim() == 2 && input.size(1) == w_ih.size(1), Runtime, op,
           ": input has inconsistent input_size: got ", input.size(1), " expected ",
           w_ih.dim() == 2 ? w_ih.size(1) : -1);
  for (const Tensor* state : {&h, &c}) {
    if (!state->defined()) continue;
    PF_CHECK(state->size(0) == input.size(0), Runtime, op, ": Input batch size ", input.size(0),
             " doesn't match hidden0 batch size ", state->size(0));
    PF_CHECK(w_hh.dim() == 2 && state->size(1) == w_hh.size(1), Runtime, op,
             ": hidden has inconsistent hidden_size: got ", state->size(1), ", expected ",
             w_hh.dim() == 2 ? w_hh.size(1) : -1);
    PF_CHECK(state->dtype() == input.dtype(), Runtime, op, ": expected a hidden state of dtype ",
             dtype_name(input.dtype()), " like the input, got ", dtype_name(state->dtype()));
  }
  PF_CHECK(b_ih.defined() == b_hh.defined(), Runtime, op, ": give both biases or neither");
  auto steps = std::make_shared<const Steps>(std::vector<int64_t>{input.size(0)});
  LayerArgs a{cell, false, steps, input, h, c, w_ih, w_hh, b_ih, b_hh, Tensor()};
  check_layer(op, a);
  return recurrent_layer(a);
}

std::tuple<Tensor, Tensor> lstm_cell(const Tensor& input, const std::vector<Tensor>& hx,
                                     const Tensor& w_ih, const Tensor& w_hh, const Tensor& b_ih,
                                     const Tensor& b_hh) {
  PF_CHECK(hx.size() == 2, Runtime, "lstm_cell expects two hidden states, got ", hx.size());
  LayerResult r = run_cell("lstm_cell", Cell::Lstm, input, hx[0], hx[1], w_ih, w_hh, b_ih, b_hh);
  return {r.h, r.c};
}

template <Cell cell>
Tensor rnn_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,
                const Tensor& b_ih, const Tensor& b_hh) {
  constexpr const char* name = cell == Cell::Gru    ? "gru_cell"
                               : cell == Cell::Tanh ? "rnn_tanh_cell"
                                                    : "rnn_relu_cell";
  return run_cell(name, cell, input, hx, Tensor(), w_ih, w_hh, b_ih, b_hh).h;
}

#define PF_NETWORK                                                                     \
  "Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool " \
  "bidirectional"
#define PF_CELL_WEIGHTS "Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None"

PF_OP(lstm,
      "lstm(Tensor input, Tensor[] hx, " PF_NETWORK
      ", bool batch_first) -> "
      "(Tensor, Tensor, Tensor)",
      kFunction,
      "Long short-term memory over sequences: the last layer's states, the final h and the final "
      "c. `hx` is (h_0, c_0), `params` the weights layer by layer as nn.LSTM holds them.")
PF_OP(lstm_packed,
      "lstm(Tensor data, Tensor batch_sizes, Tensor[] hx, " PF_NETWORK
      ") -> "
      "(Tensor, Tensor, Tensor)",
      kFunction, "The same over packed sequences.")
PF_OP(rnn<Cell::Gru>,
      "gru(Tensor input, Tensor hx, " PF_NETWORK
      ", bool batch_first) -> "
      "(Tensor, Tensor)",
      kFunction,
      "Gated recurrent units over sequences: the last layer's states and the final h. `params` are "
      "the weights layer by layer as nn.GRU holds them.")
PF_OP(rnn_packed<Cell::Gru>,
      "gru(Tensor data, Tensor batch_sizes, Tensor hx, " PF_NETWORK
      ") -> "
      "(Tensor, Tensor)",
      kFunction, "The same over packed sequences.")
PF_OP(rnn<Cell::Tanh>,
      "rnn_tanh(Tensor input, Tensor hx, " PF_NETWORK
      ", bool batch_first) -> "
      "(Tensor, Tensor)",
      kFunction,
      "A recurrent network with tanh over sequences: the last layer's states, the final h.")
PF_OP(rnn_packed<Cell::Tanh>,
      "rnn_tanh(Tensor data, Tensor batch_sizes, Tensor hx, " PF_NETWORK ") -> (Tensor, Tensor)",
      kFunction, "The same over packed sequences.")
PF_OP(rnn<Cell::Relu>,
      "rnn_relu(Tensor input, Tensor hx, " PF_NETWORK
      ", bool batch_first) -> "
      "(Tensor, Tensor)",
      kFunction,
      "A recurrent network with ReLU over sequences: the last layer's states, the final h.")
PF_OP(rnn_packed<Cell::Relu>,
      "rnn_relu(Tensor data, Tensor batch_sizes, Tensor hx, " PF_NETWORK ") -> (Tensor, Tensor)",
      kFunction, "The same over packed sequences.")
PF_OP(lstm_cell, "lstm_cell(Tensor input, Tensor[] hx, " PF_CELL_WEIGHTS ") -> (Tensor, Tensor)",
      kFunction, "One step of long short-term memory: the new h and c.")
PF_OP(rnn_cell<Cell::Gru>, "gru_cell(Tensor input, Tensor hx, " PF_CELL_WEIGHTS ") -> Tensor",
      kFunction, "One step of gated recurrent units: the new h.")
PF_OP(rnn_cell<Cell::Tanh>, "rnn_tanh_cell(Tensor input, Tensor hx, " PF_CELL_WEIGHTS ") -> Tensor",
      kFunction, "tanh(w_ih input + b_ih + w_hh hx + b_hh)")
PF_OP(rnn_cell<Cell::Relu>, "rnn_relu_cell(Tensor input, Tensor hx, " PF_CELL_WEIGHTS ") -> Tensor",
      kFunction, "max(w_ih input + b_ih + w_hh hx + b_hh, 0)")

#undef PF_NETWORK
#undef PF_CELL_WEIGHTS

}  // namespace
}  // namespace pyforge::ops
