// The elementwise part of one time step of a recurrent layer, for `rows` sequences of a batch.
// Every matrix is contiguous: [rows, width], or [rows, gates * width] gate after gate. Pointers
// that are said to be optional may be null. [0] is float32, [1] is float64.
#pragma once
#include <cstdint>

namespace pyforge::kernels {

// Columns of a panel of a weight matrix.
template <class T>
inline constexpr int64_t kPanelWidth = 128 / static_cast<int64_t>(sizeof(T));

struct RecurrentTable {
  // panels [(n + width - 1) / width][k][width] := B [k, n], one of whose strides `row` and `col` is
  // 1; columns beyond n have any value.
  void (*pack[2])(void* panels, const void* b, int64_t k, int64_t n, int64_t row, int64_t col);
  // c [rows, n] := a [rows, k] B, or is added to. False, and nothing is done, where the general
  // product should.
  bool (*multiply[2])(void* c, const void* a, const void* panels, int64_t rows, int64_t n,
                      int64_t k, bool add);
  // gates (input, forget, cell, output): sums in, activations out. c is updated in place; `cell`
  // gets a copy. h = output * tanh(c), also to the optional `copy`.
  void (*lstm[2])(void* gates, void* c, void* cell, void* h, void* copy, int64_t rows,
                  int64_t width);
  // dsums from the gradient dh of h, added to the optional dy; dc is updated in place.
  void (*lstm_backward[2])(void* dsums, void* dc, const void* dh, const void* dy, const void* gates,
                           const void* cell, const void* cell_before, int64_t rows, int64_t width);
  // gates (reset, update, new): the input's share of the sums in, activations out. `hidden` is the
  // state's share; its third part is kept in `candidate`. h is updated in place; `y` gets a copy.
  void (*gru[2])(void* gates, const void* hidden, void* candidate, void* h, void* y, int64_t rows,
                 int64_t width);
  // Gradients of both shares of the sums. dh, to which the optional dy is added, becomes what
  // passes to the state before beside the products.
  void (*gru_backward[2])(void* dinput, void* dhidden, void* dh, const void* dy, const void* gates,
                          const void* candidate, const void* h_before, int64_t rows, int64_t width);
  // y: sum in, tanh or ReLU of it out, also to `h`.
  void (*rnn[2])(void* y, void* h, bool relu, int64_t rows, int64_t width);
  void (*rnn_backward[2])(void* dsum, const void* dh, const void* dy, const void* y, bool relu,
                          int64_t rows, int64_t width);
};

}  // namespace pyforge::kernels
