// Which loops a product takes, how it is cut into tiles, and the loops themselves.
#pragma once
#include "kernels/gemm_dot.h"
#include "kernels/gemm_micro.h"
#include "kernels/gemm_pack.h"
#include "kernels/streaming.h"

namespace pyforge::kernels::PF_ISA {
namespace {

// Convolution: a panel of B (kBlockDepth x one tile) stays in the first-level cache.
inline constexpr int64_t kBlockDepth = kGemmBytes == 64 ? 384 : 256;

// Packed panels of B are kPanelDepth x kPanelColumns, blocks of A kBlockRows x kPanelDepth, in the
// second-level cache.
inline constexpr int kPanelRows = kGemmBytes == 64 ? 4 : kTileRows;
inline constexpr int kPanelVectors = kGemmBytes == 64 ? 4 : kTileVectors;
template <class T>
inline constexpr int kPanelColumns = kPanelVectors * kLanes<T>;
inline constexpr int64_t kPanelDepth = kGemmBytes == 64 ? 512 : 256;
inline constexpr int64_t kBlockRows = kGemmBytes == 64 ? 256 : 16 * kTileRows;
inline constexpr int64_t kRowUnit = kGemmBytes == 64 ? 16 : kTileRows;
inline constexpr int64_t kPrepareColumns = 8;      // tiles of B packed as one unit
inline constexpr int64_t kSmallWork = 400 * 1000;  // multiply-adds below which threads do not pay
inline constexpr int64_t kTileWork = 1000 * 1000;  // multiply-adds that a unit of work should have
// Without packing. With 32 registers 16 accumulators hide the latency of multiply-adds, and start
// and end of a tile cost less the fewer there are.
inline constexpr int kWideRows = 3;
inline constexpr int kDirectVectors = kGemmBytes == 64 ? kWideVectors : kTileVectors;
template <int V>
inline constexpr int kDirectRows = kGemmBytes == 64    ? (V == 1 ? 14 : 16 / V)
                                   : V <= kTileVectors ? kTileRows
                                                       : kWideRows;
inline constexpr int64_t kDotCopy = 4096;  // elements of A copied to make its rows contiguous

enum class Kind : uint8_t { Row, Dot, Direct, Blocked };

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
constexpr int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }
constexpr int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
constexpr int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

// A product in the orientation that suits the loops best, and its grid of tiles.
template <class T>
struct Problem {
  int64_t m, n, k;
  const T *a, *b;
  int64_t a_row, a_col, b_row, b_col;
  Target<T> out;
  Kind kind;
  int64_t depth;                  // K is summed in blocks of this size
  int64_t row_step, column_step;  // size of a tile of work
  int64_t row_tiles, column_tiles;

  void transpose() {
    swap(m, n);
    const T* other = a;
    a = b;
    b = other;
    swap(a_row, b_col);
    swap(a_col, b_row);
    swap(out.c_row, out.c_col);
    swap(out.bias_row, out.bias_col);
  }
  static void swap(int64_t& x, int64_t& y) {
    const int64_t z = x;
    x = y;
    y = z;
  }
};

// Inner products beat register tiles for few rows and a long K.
constexpr bool fits_dot(int64_t rows, int64_t k) {
  return rows == 1 || (rows <= 8 && rows * 8 <= k && rows * k <= kDotCopy);
}

template <class T>
void choose_direction(Problem<T>& p) {
  // A dimension of one element has whatever stride helps.
  if (p.n == 1) p.b_col = p.out.c_col = p.out.bias_col = 1;
  if (p.m == 1) p.a_row = p.out.c_row = 1, p.out.bias_row = 0;
  if (p.k == 1) p.a_col = p.b_row = 1;
  if (p.n == 1 && p.m > 1) {
    p.transpose();
  } else if (p.m > 1 && p.n > 1) {
    const bool along_columns = p.out.c_row == 1 && p.out.c_col != 1;
    // A few columns: the long dimension becomes the one that fills registers, or K does.
    const bool thin = p.n * 2 <= kLanes<T> && p.m > 2 * p.n &&
                      (p.a_row == 1 || (p.a_col == 1 && fits_dot(p.n, p.k)));
    if (p.m <= 2 * p.n ? along_columns : along_columns || thin) p.transpose();
  }
}

constexpr int64_t kFarBytes = 2048;  // between the rows of a panel that is better copied

// With 32 registers a tile of few rows leaves time to read A and B where they lie, if the lines of
// a panel spread over the sets of the caches.
template <class T>
bool lies_well(const Problem<T>& p) {
  constexpr int64_t kSize = sizeof(T);
  return kGemmBytes == 64 && p.b_col == 1 && p.b_row * kSize < kFarBytes &&
         (p.a_col == 1 || (p.a_row == 1 && p.a_col * kSize <= 2 * kFarBytes));
}

template <class T>
void choose_kind(Problem<T>& p) {
  const bool dots =
      p.b_row == 1 && p.k > 1 && fits_dot(p.m, p.k) && (p.a_col == 1 || p.m * p.k <= kDotCopy);
  if (dots && (p.b_col != 1 || p.n == 1)) {
    p.kind = Kind::Dot;
  } else if (p.m == 1 && p.b_col == 1 && p.k > 0) {
    p.kind = Kind::Row;
  } else if (p.m >= 4 * kTileRows && p.n >= 2 * kTileColumns<T> &&
             p.m * p.n * p.k > 2 * kTileWork && !lies_well(p)) {
    p.kind = Kind::Blocked;
  } else {
    p.kind = Kind::Direct;
  }
}

template <class T>
void choose_depth(Problem<T>& p) {
  p.depth = larger(1, p.k);
  if (p.k > kPanelDepth) {
    p.depth = round_up(ceil_div(p.k, ceil_div(p.k, kPanelDepth)), 8);
  }
}

// Tiles by shape alone: about kTileWork each, whole register tiles.
template <class T>
void choose_steps(Problem<T>& p) {
  const int64_t column_unit = p.kind == Kind::Row   ? kRowColumns
                              : p.kind == Kind::Dot ? kDotColumns
                                                    : kTileColumns<T> * 2;
  const int64_t row_unit = p.kind == Kind::Dot ? kDotRows : kRowUnit;
  p.row_step =
      smaller(round_up(p.m, row_unit), larger(round_up(ceil_div(p.m, 8), row_unit), 4 * row_unit));
  if (p.row_step > kBlockRows) p.row_step = kBlockRows;
  const int64_t columns = ceil_div(kTileWork, larger(1, p.row_step * larger(1, p.k)));
  p.column_step = smaller(round_up(p.n, column_unit), round_up(columns, column_unit));
  p.row_tiles = ceil_div(p.m, p.row_step);
  p.column_tiles = ceil_div(p.n, p.column_step);
}

template <class T>
Problem<T> analyse(const GemmArgs& args) {
  Problem<T> p;
  p.m = args.m, p.n = args.n, p.k = args.k;
  p.a = static_cast<const T*>(args.a), p.b = static_cast<const T*>(args.b);
  p.a_row = args.a_row, p.a_col = args.a_col, p.b_row = args.b_row, p.b_col = args.b_col;
  p.out = {static_cast<T*>(args.c),
           args.c_row,
           args.c_col,
           static_cast<const T*>(args.bias),
           0,
           args.bias_stride,
           static_cast<T>(args.alpha),
           static_cast<T>(args.beta),
           args.epilogue,
           false,
           false};
  choose_direction(p);
  choose_kind(p);
  choose_depth(p);
  return p;
}

// The target for one block of K: C is scaled by the first, finished by the last.
template <class T>
Target<T> target_for(const Target<T>& out, bool first, bool last) {
  Target<T> t = out;
  if (!first) t.beta = T(1);
  if (!last) t.bias = nullptr, t.epilogue = Epilogue::None;
  t.direct = t.c_col == 1 && t.alpha == T(1) && (t.beta == T(0) || t.beta == T(1)) &&
             (!t.bias || t.bias_col == 0 || (t.bias_col == 1 && t.bias_row == 0));
  return t;
}

// Where one block of K makes a C that outgrows the caches, lines of it are not read to be written.
template <class T>
bool streams(const Problem<T>& p) {
  return kStreams && p.k <= p.depth && p.out.beta == T(0) && target_for(p.out, true, true).direct &&
         p.m * p.n * static_cast<int64_t>(sizeof(T)) >= kStreamBytes &&
         p.out.c_row * static_cast<int64_t>(sizeof(T)) % 64 == 0 &&
         reinterpret_cast<uintptr_t>(p.out.c) % 64 == 0;
}

// f(rows) over even shares of the rows, each of at most `most`, with `tile` and `out` at its place.
template <class T, class F>
PF_INLINE void each_tile(int64_t rows, int most, TileArgs<T>& tile, Target<T>& out, F&& f) {
  const int64_t tiles = ceil_div(rows, most);
  for (int64_t t = 0; t < tiles; ++t) {
    const int r = static_cast<int>(rows / tiles + (t < rows % tiles));
    f(r);
    tile.a += r * tile.a_row;
    out.c += r * out.c_row;
    if (out.bias) out.bias += r * out.bias_row;
  }
}

// All rows against one panel of B of V vectors; A is read where it lies.
template <class T, int V, bool Edge, bool Stream = false>
void panel_rows(int64_t rows, TileArgs<T>& tile, Target<T>& out) {
  each_tile(rows, kDirectRows<V>, tile, out,
            [&](int r) { tile_for<T, kDirectRows<V>, V, false, Edge, Stream>(r)(tile, out); });
}
template <class T, int V>
PF_INLINE void panel_rows(int64_t rows, TileArgs<T>& tile, Target<T>& out) {
  constexpr bool kMayStream = kStreams && V == kDirectVectors;
  if (tile.columns == V * kLanes<T>) {
    if (kMayStream && out.streams) return panel_rows<T, V, false, kMayStream>(rows, tile, out);
    panel_rows<T, V, false>(rows, tile, out);
  } else {
    panel_rows<T, V, true>(rows, tile, out);
  }
}

// The same for up to kWideVectors vectors of columns; `tile` and `out` are used up.
template <class T>
void times_panel(int64_t rows, TileArgs<T>& tile, Target<T>& out) {
  constexpr int L = kLanes<T>;
#if defined(__AVX512F__)
  const int rest = tile.columns % L;
  const bool half = rest > 0 && rest <= L / 2;
  const T *const a = tile.a, *const bias = out.bias;
  T* const c = out.c;
  if (half) tile.columns -= rest;
#endif
  switch ((tile.columns + L - 1) / L) {
    case 0:
      break;
    case 1:
      panel_rows<T, 1>(rows, tile, out);
      break;
    case 2:
      panel_rows<T, 2>(rows, tile, out);
      break;
    case 3:
      panel_rows<T, 3>(rows, tile, out);
      break;
    default:
      panel_rows<T, kWideVectors>(rows, tile, out);
      break;
  }
#if defined(__AVX512F__)
  if (half) {
    tile.a = a;
    tile.b += tile.columns;
    out.c = c + tile.columns * out.c_col;
    if (bias) out.bias = bias + tile.columns * out.bias_col;
    tile.columns = rest;
    each_tile(rows, kDirectRows<1>, tile, out, [&](int r) {
      half_tile_for<T>(r, typename MakeLanes<kDirectRows<1>>::type{})(tile, out);
    });
  }
#endif
}

// C[rows, columns] without packing A; B is packed panel by panel where its rows are not contiguous.
template <class T>
void direct_block(const Problem<T>& p, int64_t i0, int64_t j0, int64_t rows, int64_t columns,
                  T* panel) {
  constexpr int L = kLanes<T>;
  const int64_t most = L * (rows <= kWideRows ? kWideVectors : kDirectVectors);
  const bool far = rows >= 3 * kTileRows && p.b_row * static_cast<int64_t>(sizeof(T)) >= kFarBytes;
  for (int64_t k0 = 0; k0 == 0 || k0 < p.k; k0 += p.depth) {
    const int64_t depth = smaller(p.depth, p.k - k0);
    const Target<T> out = target_for(p.out, k0 == 0, k0 + depth == p.k).at(i0, j0);
    const T* a = p.a + i0 * p.a_row + k0 * p.a_col;
    const T* b = p.b + k0 * p.b_row + j0 * p.b_col;
    for (int64_t j = 0; j < columns;) {
      const int step = static_cast<int>(smaller(columns - j, most));
      const int width = static_cast<int>(round_up(step, L));
      TileArgs<T> tile{depth, a, p.a_row, p.a_col, b + j * p.b_col, p.b_row, step};
      if (p.b_col != 1 || far || (!kMaskedLoads && step < width)) {
        pack_columns(panel, width, tile.b, p.b_row, p.b_col, depth, step);
        tile.b = panel;
        tile.b_row = width;
      }
      Target<T> to = out.at(0, j);
      times_panel(rows, tile, to);
      j += step;
    }
  }
}

// Asks for elements [first, last), a share of what the next panel will read.
template <class T>
PF_INLINE void prefetch(const T* p, int64_t first, int64_t last) {
  constexpr int64_t kLine = 64 / sizeof(T);
  for (int64_t i = first; i < last; i += kLine) __builtin_prefetch(p + i, 0, 2);
}

// A block of A, copied: by tiles as [k][rows], or where a tile has few rows and they are
// contiguous, row by row, which costs least.
template <class T>
struct BlockOfA {
  T* data;
  int64_t depth, line;
  bool by_rows;

  BlockOfA(T* data, const T* a, int64_t a_row, int64_t a_col, int64_t rows, int64_t depth)
      : data(data),
        depth(depth),
        line(depth + kLineGap<T>),
        by_rows(kGemmBytes == 64 && a_col == 1) {
    constexpr int R = kPanelRows;
    int64_t i = 0;
    if (by_rows) {
      copy_rows(data, line, rows, a, a_row, depth);
      i = rows;
    }
    if (a_row == 1) {
      for (; i + kTogether * R <= rows; i += kTogether * R)
        pack_tiles_of_rows<T, R>(data + i * depth, a + i, a_col, depth);
    }
    for (; i < rows; i += R) {
      pack_rows<T, R>(data + i * depth, static_cast<int>(smaller(R, rows - i)), a + i * a_row,
                      a_row, a_col, depth);
    }
  }
  void point(TileArgs<T>& tile, int64_t row, int rows) const {
    tile.a = data + row * (by_rows ? line : depth);
    tile.a_row = by_rows ? line : 1;
    tile.a_col = by_rows ? 1 : rows;
  }
};

// C[rows, columns] from packed B; A is packed block by block.
template <class T>
void packed_block(const Problem<T>& p, const T* packed, int64_t i0, int64_t j0, int64_t rows,
                  int64_t columns, T* workspace) {
  constexpr int R = kPanelRows, V = kPanelVectors, C = kPanelColumns<T>;
  constexpr bool kByTiles = kGemmBytes != 64;
  const int64_t padded = round_up(p.n, C);
  for (int64_t k0 = 0; k0 < p.k; k0 += p.depth) {
    const int64_t depth = smaller(p.depth, p.k - k0);
    const Target<T> out = target_for(p.out, k0 == 0, k0 + depth == p.k).at(i0, j0);
    const BlockOfA<T> block(workspace, p.a + i0 * p.a_row + k0 * p.a_col, p.a_row, p.a_col, rows,
                            depth);
    for (int64_t j = 0; j < columns; j += C) {
      const int step = static_cast<int>(smaller(C, columns - j));
      const T* const from = packed + k0 * padded + (j0 + j) * depth;
      for (int64_t i = 0; i < rows; i += R) {
        const int r = static_cast<int>(smaller(R, rows - i));
        TileArgs<T> tile{depth, nullptr, 1, 0, from, C, step};
        block.point(tile, i, r);
        Target<T> to = out.at(i, j);
        prefetch(from + depth * C, depth * C * i / rows, depth * C * (i + r) / rows);
        if (step < C) {
          times_panel(r, tile, to);
          continue;
        }
        if (kStreams && to.streams) {
          tile_for<T, R, V, kByTiles, false, kStreams>(r)(tile, to);
          continue;
        }
        tile_for<T, R, V, kByTiles, false>(r)(tile, to);
      }
    }
  }
}

template <class T>
int64_t packed_size(const Problem<T>& p) {
  return p.kind == Kind::Blocked ? round_up(p.n, kPanelColumns<T>) * p.k : 0;
}
template <class T>
int64_t workspace_size(const Problem<T>& p) {
  switch (p.kind) {
    case Kind::Blocked:
      return kBlockRows * (p.depth + kLineGap<T>)+kLanes<T>;
    case Kind::Direct:
      return kWideVectors * kLanes<T> * p.depth;
    case Kind::Dot:
      return p.a_col == 1 ? 0 : p.m * p.k;
    default:
      return 0;
  }
}

template <class T>
void plan(const GemmArgs& args, GemmPlan& plan) {
  Problem<T> p = analyse<T>(args);
  choose_steps(p);
  plan.tiles = p.row_tiles * p.column_tiles;
  plan.workspace_bytes = workspace_size(p) * static_cast<int64_t>(sizeof(T));
  plan.shared_bytes = packed_size(p) * static_cast<int64_t>(sizeof(T));
  plan.prepare_tiles =
      plan.shared_bytes == 0
          ? 0
          : ceil_div(p.k, p.depth) * ceil_div(p.n, kPrepareColumns * kTileColumns<T>);
}

template <class T>
void prepare(const GemmArgs& args, void* shared, int64_t first, int64_t last) {
  constexpr int C = kPanelColumns<T>, P = kPrepareColumns * kTileColumns<T>;
  const Problem<T> p = analyse<T>(args);
  const int64_t groups = ceil_div(p.n, P), padded = round_up(p.n, C);
  for (int64_t t = first; t < last; ++t) {
    const int64_t k0 = t / groups * p.depth, depth = smaller(p.depth, p.k - k0);
    const int64_t j0 = t % groups * P;
    const int64_t j1 = smaller(p.n, j0 + P);
    T* to = static_cast<T*>(shared) + k0 * padded;
    int64_t j = j0;
    if (p.b_col == 1) {
      for (; j + kTogether * C <= j1; j += kTogether * C)
        pack_tiles_of_columns<T, C>(to + j * depth, p.b + k0 * p.b_row + j, p.b_row, depth);
    }
    for (; j < j1; j += C) {
      pack_columns(to + j * depth, C, p.b + k0 * p.b_row + j * p.b_col, p.b_row, p.b_col, depth,
                   static_cast<int>(smaller(C, p.n - j)));
    }
  }
}

template <class T>
void run_block(const Problem<T>& p, const T* packed, int64_t i0, int64_t j0, int64_t rows,
               int64_t columns, T* workspace) {
  const T *a = p.a + i0 * p.a_row, *b = p.b + j0 * p.b_col;
  switch (p.kind) {
    case Kind::Row:
      row_block(columns, p.k, a, p.a_col, b, p.b_row, p.out.at(i0, j0));
      break;
    case Kind::Dot: {
      int64_t a_row = p.a_row;
      if (p.a_col != 1) {
        for (int64_t i = 0; i < rows; ++i) {
          for (int64_t k = 0; k < p.k; ++k) workspace[i * p.k + k] = a[i * a_row + k * p.a_col];
        }
        a = workspace;
        a_row = p.k;
      }
      dot_block(rows, columns, p.k, a, a_row, b, p.b_col, p.out.at(i0, j0));
      break;
    }
    case Kind::Direct:
      direct_block(p, i0, j0, rows, columns, workspace);
      break;
    case Kind::Blocked:
      packed_block(p, packed, i0, j0, rows, columns, workspace);
      break;
  }
}

// Neighbouring tiles are joined, so that A is packed once for a whole row of them.
template <class T>
void run(const GemmArgs& args, const void* shared, void* workspace, int64_t first, int64_t last) {
  Problem<T> p = analyse<T>(args);
  choose_steps(p);
  p.out.streams = streams(p);
  while (first < last) {
    const int64_t tile_row = first / p.column_tiles, tile_column = first % p.column_tiles;
    const int64_t across = smaller(p.column_tiles - tile_column, last - first);
    int64_t down = 1;
    if (across == p.column_tiles) {
      while (first + (down + 1) * across <= last && (down + 1) * p.row_step <= kBlockRows) ++down;
    }
    const int64_t i0 = tile_row * p.row_step, j0 = tile_column * p.column_step;
    run_block(p, static_cast<const T*>(shared), i0, j0, smaller(p.m - i0, down * p.row_step),
              smaller(p.n - j0, across * p.column_step), static_cast<T*>(workspace));
    first += across * down;
  }
  if (p.out.streams) finish_streaming();
}

template <class T>
bool is_small(const GemmArgs& args) {
  return args.m * args.n * larger(1, args.k) <= kSmallWork;
}

template <class T>
void small(const GemmArgs& args) {
  if (args.m <= 0 || args.n <= 0) return;
  constexpr int64_t kPanel = kWideVectors * kLanes<T> * kPanelDepth;
  alignas(kGemmBytes) T panel[larger(kPanel, kDotCopy)];
  Problem<T> p = analyse<T>(args);
  if (p.kind == Kind::Blocked) p.kind = Kind::Direct;
  run_block(p, static_cast<const T*>(nullptr), 0, 0, p.m, p.n, panel);
}

template <class T>
void fill_kernels(GemmKernels& kernels) {
  kernels.plan = plan<T>;
  kernels.prepare = prepare<T>;
  kernels.run = run<T>;
  kernels.small = small<T>;
  kernels.is_small = is_small<T>;
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
