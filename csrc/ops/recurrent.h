// Recurrent layers: one layer in one direction is one node of the tape.
#pragma once
#include <memory>

#include "ops/registry.h"

namespace pyforge::ops {

enum class Cell : uint8_t { Lstm, Gru, Tanh, Relu };

inline int64_t gates_of(Cell cell) { return cell == Cell::Lstm ? 4 : cell == Cell::Gru ? 3 : 1; }

// The rows of a batch of sequences, step after step, the longest sequence first: sizes[t] sequences
// have a step t, whose rows begin at starts[t].
struct Steps {
  std::vector<int64_t> sizes, starts;
  int64_t rows = 0;

  explicit Steps(std::vector<int64_t> batch_sizes);
  int64_t count() const { return static_cast<int64_t>(sizes.size()); }
  int64_t batch() const { return sizes[0]; }
};

// What one layer in one direction reads. Rows are those of Steps.
struct LayerArgs {
  Cell cell;
  bool reverse;
  std::shared_ptr<const Steps> steps;
  Tensor x;           // [rows, input]
  Tensor h0, c0;      // [batch, state], [batch, hidden] (LSTM)
  Tensor w_ih, w_hh;  // [gates * hidden, input], [gates * hidden, state]
  Tensor b_ih, b_hh;  // [gates * hidden] or undefined
  Tensor w_hr;        // [state, hidden] (projected LSTM) or undefined
};

struct LayerResult {
  Tensor y, h, c;  // [rows, state], [batch, state], [batch, hidden] (LSTM)
};

LayerResult recurrent_layer(const LayerArgs& args);

// The gradients of `args` by recorded ops, in the order x h0 c0 w_ih w_hh b_ih b_hh w_hr
// (recurrent_recorded.cpp). Gradients of the results may be undefined.
void recurrent_recorded_backward(const LayerArgs& args, const LayerResult& grads, Tensor* out);

}  // namespace pyforge::ops
