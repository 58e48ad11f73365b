// The register tile: R rows of V vectors of C, over one block of K.
#pragma once
#include "kernels/gemm.h"
#include "kernels/gemm_registers.h"

namespace pyforge::kernels::PF_ISA {

namespace {

// Where a tile goes and what happens to it on the way: epilogue(alpha*acc + beta*C + bias).
template <class T>
struct Target {
  T* c;
  int64_t c_row, c_col;
  const T* bias;
  int64_t bias_row, bias_col;
  T alpha, beta;
  Epilogue epilogue;
  bool direct;   // unit columns, alpha 1, beta 0 or 1, bias (if any) a unit-stride row or a column
  bool streams;  // direct, beta 0, whole lines: to be written past the caches

  PF_INLINE Target at(int64_t row, int64_t column) const {
    Target t = *this;
    t.c += row * c_row + column * c_col;
    if (t.bias) t.bias += row * bias_row + column * bias_col;
    return t;
  }
};

template <class T>
PF_INLINE Reg<T> relu(Reg<T> v) {
  return v < Reg<T>{} ? Reg<T>{} : v;
}

// Writes rows x columns of a contiguous tile (row distance `ld`) by the general rule.
template <class T>
__attribute__((noinline)) void write_tile(const T* tile, int64_t ld, int rows, int columns,
                                          const Target<T>& out) {
  constexpr int L = kLanes<T>;
  for (int i = 0; i < rows; ++i) {
    T* c = out.c + i * out.c_row;
    const T* bias = out.bias ? out.bias + i * out.bias_row : nullptr;
    for (int j = 0; j < columns; j += L) {
      const int count = columns - j < L ? columns - j : L;
      Reg<T> v = load(tile + i * ld + j) * out.alpha;
      if (out.beta != T(0)) {
        Reg<T> old = {};
        if (out.c_col == 1 && count == L) {
          old = load(c + j);
        } else {
          T lanes[L] = {};
          for (int l = 0; l < count; ++l) lanes[l] = c[(j + l) * out.c_col];
          old = load(lanes);
        }
        v = multiply_add(old, broadcast(out.beta), v);
      }
      if (bias) {
        if (out.bias_col == 0) {
          v += *bias;
        } else if (out.bias_col == 1 && count == L) {
          v += load(bias + j);
        } else {
          T lanes[L] = {};
          for (int l = 0; l < count; ++l) lanes[l] = bias[(j + l) * out.bias_col];
          v += load(lanes);
        }
      }
      if (out.epilogue == Epilogue::Relu) v = relu<T>(v);
      if (out.c_col == 1) {
        if (count == L) {
          store(c + j, v);
        } else {
          store_first(c + j, v, count);
        }
      } else {
        T lanes[L];
        store(lanes, v);
        for (int l = 0; l < count; ++l) c[(j + l) * out.c_col] = lanes[l];
      }
    }
  }
}

template <class T>
struct TileArgs {
  int64_t k;
  const T* a;
  int64_t a_row, a_col;
  const T* b;
  int64_t b_row;
  int columns;  // of the tile that exist, read by Edge tiles only
};
template <class T>
using TileFn = void (*)(const TileArgs<T>& args, const Target<T>& out);

// Packed: A is stored as [k][R]. Edge: the last vector is partial. Stream: as `out` says.
template <class T, int R, int V, bool Packed, bool Edge, bool Stream>
void multiply_tile(const TileArgs<T>& args, const Target<T>& out) {
  constexpr int L = kLanes<T>, kRowsPerPointer = 3, P = (R + kRowsPerPointer - 1) / kRowsPerPointer;
  Reg<T> acc[R][V];
  const int last = Edge ? args.columns - (V - 1) * L : L;
  [[maybe_unused]] const Mask mask = mask_for<T>(last);
  if (out.direct && out.bias && out.bias_col == 0) {
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      const Reg<T> bias = broadcast_at(out.bias + i * out.bias_row);
#pragma GCC unroll 16
      for (int j = 0; j < V; ++j) acc[i][j] = bias;
    }
  } else if (out.direct && out.bias) {
#pragma GCC unroll 16
    for (int j = 0; j < V; ++j) {
      const Reg<T> bias =
          Edge && j == V - 1 ? load_first(out.bias + j * L, mask) : load(out.bias + j * L);
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) acc[i][j] = bias;
    }
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
      for (int j = 0; j < V; ++j) acc[i][j] = Reg<T>{};
    }
  }

  const T* a[P];
#pragma GCC unroll 16
  for (int p = 0; p < P; ++p) a[p] = args.a + p * kRowsPerPointer * args.a_row;
  const int64_t a_row = args.a_row, a_col = args.a_col, b_row = args.b_row;
  const T* b = args.b;
  T* const c0 = out.c;
  const int64_t c_row = out.c_row;
  if (!Stream && (Packed || (V == kWideVectors && args.k >= 32))) {
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
      for (int j = 0; j < V * kGemmBytes; j += 64)
        __builtin_prefetch(reinterpret_cast<const char*>(c0 + i * c_row) + j, 1);
    }
  }
  for (int64_t k = args.k; k > 0; --k) {
    Reg<T> row[V];
#pragma GCC unroll 16
    for (int j = 0; j < V; ++j) {
      row[j] = kMaskedLoads && Edge && j == V - 1 ? load_first(b + j * L, mask) : load(b + j * L);
    }
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      const T* at = Packed ? a[0] + i : a[i / kRowsPerPointer] + (i % kRowsPerPointer) * a_row;
      const Reg<T> x = broadcast_at(at);
#pragma GCC unroll 16
      for (int j = 0; j < V; ++j) acc[i][j] = fma(x, row[j], acc[i][j]);
    }
    b += b_row;
    if constexpr (Packed) {
      a[0] += R;
    } else {
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) a[p] += a_col;
    }
  }

  if (Stream || out.direct) {
    if (!Stream && out.beta != T(0)) {
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
        for (int j = 0; j < V; ++j) {
          const T* c = c0 + i * c_row + j * L;
          acc[i][j] += Edge && j == V - 1 ? load_first(c, mask) : load(c);
        }
      }
    }
    if (out.epilogue == Epilogue::Relu) {
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
        for (int j = 0; j < V; ++j) acc[i][j] = relu<T>(acc[i][j]);
      }
    }
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
      for (int j = 0; j < V; ++j) {
        T* c = c0 + i * c_row + j * L;
        if constexpr (Stream) {
          stream(c, acc[i][j]);
        } else if (!Edge || j < V - 1) {
          store(c, acc[i][j]);
        } else if constexpr (kFreeMasks) {
          store_masked(c, acc[i][j], mask);
        }
      }
    }
    if constexpr (Edge && !kFreeMasks) {
      Reg<T> edge[R];
#pragma GCC unroll 16
      for (int i = 0; i < R; ++i) edge[i] = acc[i][V - 1];
      for (int i = 0; i < R; ++i) store_first(c0 + i * c_row + (V - 1) * L, edge[i], last);
    }
  } else {
    alignas(kGemmBytes) T tile[R * V * L];
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 16
      for (int j = 0; j < V; ++j) store(tile + (i * V + j) * L, acc[i][j]);
    }
    write_tile(tile, V * L, R, Edge ? args.columns : V * L, out);
  }
}

template <class T, int V, bool Packed, bool Edge, bool Stream, int... I>
PF_INLINE TileFn<T> tile_for(int rows, LaneList<I...>) {
  static constexpr TileFn<T> tiles[] = {multiply_tile<T, I + 1, V, Packed, Edge, Stream>...};
  return tiles[rows - 1];
}

// The tile of 1..Most rows and V vectors.
template <class T, int Most, int V, bool Packed, bool Edge, bool Stream = false>
PF_INLINE TileFn<T> tile_for(int rows) {
  return tile_for<T, V, Packed, Edge, Stream>(rows, typename MakeLanes<Most>::type{});
}

#if defined(__AVX512F__)
// R rows of up to half a vector of C; A is read where it lies.
template <class T, int R>
void multiply_half(const TileArgs<T>& args, const Target<T>& out) {
  constexpr int L = kLanes<T>;
  const Mask mask = mask_for<T>(args.columns);
  HalfReg<T> acc[R];
  const bool biased = out.direct && out.bias;
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
    acc[i] = !biased             ? HalfReg<T>{}
             : out.bias_col == 0 ? half_at(out.bias + i * out.bias_row)
                                 : half_first(out.bias, mask);
  }
  const T *a = args.a, *b = args.b;
  for (int64_t k = args.k; k > 0; --k) {
    const HalfReg<T> row = half_first(b, mask);
    const T* at = a;
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      acc[i] = fma(half_at(at), row, acc[i]);
      at += args.a_row;
    }
    a += args.a_col;
    b += args.b_row;
  }
  if (out.direct) {
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      T* c = out.c + i * out.c_row;
      Reg<T> v = widened(acc[i]);
      if (out.beta != T(0)) v += load_first(c, mask);
      if (out.epilogue == Epilogue::Relu) v = relu<T>(v);
      store_masked(c, v, mask);
    }
  } else {
    alignas(kGemmBytes) T tile[R * L];
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) store(tile + i * L, widened(acc[i]));
    write_tile(tile, L, R, args.columns, out);
  }
}

template <class T, int... I>
PF_INLINE TileFn<T> half_tile_for(int rows, LaneList<I...>) {
  static constexpr TileFn<T> tiles[] = {multiply_half<T, I + 1>...};
  return tiles[rows - 1];
}
#endif

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
