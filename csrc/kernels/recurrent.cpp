// LSTM, GRU and plain recurrent cells: activations and state in one pass, and their derivatives.
#include "kernels/recurrent.h"

#include "kernels/block_product.h"
#include "kernels/lanes.h"
#include "kernels/math.h"
#include "kernels/transposed_pack.h"

namespace pyforge::kernels::PF_ISA {
namespace {

template <class T>
PF_INLINE const T* row_of(const void* p, int64_t row, int64_t width) {
  return static_cast<const T*>(p) + row * width;
}
template <class T>
PF_INLINE T* row_of(void* p, int64_t row, int64_t width) {
  return static_cast<T*>(p) + row * width;
}

template <class T>
void pack(void* panels, const void* b, int64_t k, int64_t n, int64_t row, int64_t col) {
  constexpr int64_t W = kPanelWidth<T>;
  T* to = static_cast<T*>(panels);
  for (int64_t first = 0; first < n; first += W, to += k * W) {
    const int64_t columns = n - first < W ? n - first : W;
    const T* from = static_cast<const T*>(b) + first * col;
    if (row == 1) {
      pack_transposed(to, W, from, col, columns, k, T(1));
      continue;
    }
    for (int64_t i = 0; i < k; ++i)
      __builtin_memcpy(to + i * W, from + i * row, static_cast<size_t>(columns) * sizeof(T));
  }
}

template <class T>
bool multiply(void* c, const void* a, const void* panels, int64_t rows, int64_t n, int64_t k,
              bool add) {
  constexpr int64_t W = kPanelWidth<T>;
  if (n % W != 0) return false;
  BlockProduct<T> p{rows,
                    W,
                    k,
                    static_cast<const T*>(a),
                    k,
                    1,
                    static_cast<const T*>(panels),
                    W,
                    static_cast<T*>(c),
                    n,
                    add,
                    {}};
  for (int64_t first = 0; first < n; first += W) {
    const T* next = p.b + k * W;
    // The sums come from afar, and are read only at the end of a tile.
    for (int64_t r = 0; r < rows; ++r) {
      const char* row = reinterpret_cast<const char*>(p.c + r * n);
      __builtin_prefetch(row, 1), __builtin_prefetch(row + 64, 1);
    }
    p.ahead = {first + W < n ? next : static_cast<const T*>(panels), W, W};
    if (!multiply_block(p)) return false;
    p.b = next;
    p.c += W;
  }
  return true;
}

template <class T>
void lstm(void* gates, void* c_state, void* cell, void* h_out, void* copy, int64_t rows,
          int64_t width) {
  for (int64_t r = 0; r < rows; ++r) {
    T* input = row_of<T>(gates, r, 4 * width);
    T *forget = input + width, *fresh = forget + width, *output = fresh + width;
    T *c = row_of<T>(c_state, r, width), *kept = row_of<T>(cell, r, width);
    T *h = row_of<T>(h_out, r, width), *h2 = copy ? row_of<T>(copy, r, width) : nullptr;
    for_each_vector<T>(width, [&](auto place) PF_LAMBDA {
      const Vec<T> i = sigmoid(place.load(input)), f = sigmoid(place.load(forget));
      const Vec<T> g = tanh(place.load(fresh)), o = sigmoid(place.load(output));
      const Vec<T> state = f * place.load(c) + i * g;
      const Vec<T> y = o * tanh(state);
      place.store(input, i);
      place.store(forget, f);
      place.store(fresh, g);
      place.store(output, o);
      place.store(c, state);
      place.store(kept, state);
      place.store(h, y);
      if (h2) place.store(h2, y);
    });
  }
}

template <class T>
void lstm_backward(void* dsums, void* dc_state, const void* dh_in, const void* dy_in,
                   const void* gates, const void* cell, const void* cell_before, int64_t rows,
                   int64_t width) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* input = row_of<T>(gates, r, 4 * width);
    const T *forget = input + width, *fresh = forget + width, *output = fresh + width;
    T* dinput = row_of<T>(dsums, r, 4 * width);
    T *dforget = dinput + width, *dfresh = dforget + width, *doutput = dfresh + width;
    T* dc = row_of<T>(dc_state, r, width);
    const T *dh = row_of<T>(dh_in, r, width), *dy = dy_in ? row_of<T>(dy_in, r, width) : nullptr;
    const T *c = row_of<T>(cell, r, width), *before = row_of<T>(cell_before, r, width);
    for_each_vector<T>(width, [&](auto place) PF_LAMBDA {
      const Vec<T> i = place.load(input), f = place.load(forget), g = place.load(fresh),
                   o = place.load(output), t = tanh(place.load(c));
      Vec<T> d = place.load(dh);
      if (dy) d = d + place.load(dy);
      const Vec<T> state = place.load(dc) + d * o * (1 - t * t);
      place.store(dinput, state * g * (i * (1 - i)));
      place.store(dforget, state * place.load(before) * (f * (1 - f)));
      place.store(dfresh, state * i * (1 - g * g));
      place.store(doutput, d * t * (o * (1 - o)));
      place.store(dc, state * f);
    });
  }
}

template <class T>
void gru(void* gates, const void* hidden, void* candidate, void* h_state, void* y_out, int64_t rows,
         int64_t width) {
  for (int64_t r = 0; r < rows; ++r) {
    T* reset = row_of<T>(gates, r, 3 * width);
    T *update = reset + width, *fresh = update + width;
    const T* from_state = row_of<T>(hidden, r, 3 * width);
    T *kept = row_of<T>(candidate, r, width), *h = row_of<T>(h_state, r, width),
      *y = row_of<T>(y_out, r, width);
    for_each_vector<T>(width, [&](auto place) PF_LAMBDA {
      const Vec<T> a = sigmoid(place.load(reset) + place.load(from_state));
      const Vec<T> z = sigmoid(place.load(update) + place.load(from_state + width));
      const Vec<T> m = place.load(from_state + 2 * width);
      const Vec<T> n = tanh(place.load(fresh) + a * m);
      const Vec<T> state = n + z * (place.load(h) - n);
      place.store(reset, a);
      place.store(update, z);
      place.store(fresh, n);
      place.store(kept, m);
      place.store(h, state);
      place.store(y, state);
    });
  }
}

template <class T>
void gru_backward(void* dinput, void* dhidden, void* dh_state, const void* dy_in, const void* gates,
                  const void* candidate, const void* h_before, int64_t rows, int64_t width) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* reset = row_of<T>(gates, r, 3 * width);
    const T *update = reset + width, *fresh = update + width;
    T *di = row_of<T>(dinput, r, 3 * width), *dm = row_of<T>(dhidden, r, 3 * width);
    T* dh = row_of<T>(dh_state, r, width);
    const T *dy = dy_in ? row_of<T>(dy_in, r, width) : nullptr,
            *kept = row_of<T>(candidate, r, width), *before = row_of<T>(h_before, r, width);
    for_each_vector<T>(width, [&](auto place) PF_LAMBDA {
      const Vec<T> a = place.load(reset), z = place.load(update), n = place.load(fresh);
      Vec<T> d = place.load(dh);
      if (dy) d = d + place.load(dy);
      const Vec<T> dn = d * (1 - z) * (1 - n * n);
      const Vec<T> dz = d * (place.load(before) - n) * (z * (1 - z));
      const Vec<T> da = dn * place.load(kept) * (a * (1 - a));
      place.store(di, da);
      place.store(di + width, dz);
      place.store(di + 2 * width, dn);
      place.store(dm, da);
      place.store(dm + width, dz);
      place.store(dm + 2 * width, dn * a);
      place.store(dh, d * z);
    });
  }
}

template <class T>
void rnn(void* y_out, void* h_out, bool relu, int64_t rows, int64_t width) {
  T *y = static_cast<T*>(y_out), *h = static_cast<T*>(h_out);
  for_each_vector<T>(rows * width, [&](auto place) PF_LAMBDA {
    Vec<T> s = place.load(y);
    s = relu ? where(s < 0, Vec<T>(T(0)), s) : tanh(s);
    place.store(y, s);
    place.store(h, s);
  });
}

template <class T>
void rnn_backward(void* dsum, const void* dh_in, const void* dy_in, const void* y_in, bool relu,
                  int64_t rows, int64_t width) {
  const T *dh = static_cast<const T*>(dh_in), *dy = static_cast<const T*>(dy_in),
          *y = static_cast<const T*>(y_in);
  T* out = static_cast<T*>(dsum);
  for_each_vector<T>(rows * width, [&](auto place) PF_LAMBDA {
    const Vec<T> value = place.load(y);
    Vec<T> d = place.load(dh);
    if (dy) d = d + place.load(dy);
    place.store(out, relu ? where(value <= 0, Vec<T>(T(0)), d) : d * (1 - value * value));
  });
}

template <class T>
void fill(RecurrentTable& t, int d) {
  t.pack[d] = pack<T>;
  t.multiply[d] = multiply<T>;
  t.lstm[d] = lstm<T>;
  t.lstm_backward[d] = lstm_backward<T>;
  t.gru[d] = gru<T>;
  t.gru_backward[d] = gru_backward<T>;
  t.rnn[d] = rnn<T>;
  t.rnn_backward[d] = rnn_backward<T>;
}

}  // namespace

void fill_recurrent(RecurrentTable& t) {
  fill<float>(t, 0);
  fill<double>(t, 1);
}

}  // namespace pyforge::kernels::PF_ISA
