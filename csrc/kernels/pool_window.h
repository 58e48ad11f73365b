// Largest elements and averages of windows: each plane is copied with padding, so that a window's
// elements for neighbouring places are contiguous vectors.
#pragma once
#include "kernels/conv_plane.h"
#include "kernels/pool.h"

namespace pyforge::kernels::PF_ISA {
namespace {

template <class T>
using Lane = decltype(Reg<T>{} > Reg<T>{});  // integers as wide as T

template <class T>
WindowSizes window_of(const PoolShape& p) {
  int64_t low[kSpatial], high[kSpatial];
  for (int d = 0; d < kSpatial; ++d) {
    low[d] = -p.padding[d];
    high[d] = low[d] + (p.kernel[d] - 1) * p.dilation[d];
  }
  return WindowSizes::of<T>(p.grid, p.step, low, high);
}

inline int64_t taps_of(const PoolShape& p) { return p.kernel[0] * p.kernel[1] * p.kernel[2]; }

// The padded plane, a row of numbers and one of places, the places and weights of the taps.
template <class T>
struct PoolSpace {
  T *plane, *row, *weight;
  int64_t *at, *delta;

  static int64_t bytes(const PoolShape& p, const WindowSizes& s) {
    const int64_t numbers = round_up(s.plane, 8) + 5 * kLanes<T> + round_up(p.grid[2], 8);
    return numbers * static_cast<int64_t>(sizeof(T)) +
           taps_of(p) * static_cast<int64_t>(2 * sizeof(int64_t) + sizeof(T));
  }
  PoolSpace(const PoolShape& p, const WindowSizes& s, void* workspace) {
    plane = static_cast<T*>(workspace);
    row = plane + round_up(s.plane, 8) + 4 * kLanes<T>;
    at = reinterpret_cast<int64_t*>(row + round_up(p.grid[2], 8) + kLanes<T>);
    delta = at + taps_of(p);
    weight = reinterpret_cast<T*>(delta + taps_of(p));
    for (int64_t t = 0; t < taps_of(p); ++t) {
      const int64_t offset[kSpatial] = {
          s.low[0] + t / p.kernel[2] / p.kernel[1] * p.dilation[0],
          s.low[1] + t / p.kernel[2] % p.kernel[1] * p.dilation[1],
          s.low[2] + t % p.kernel[2] * p.dilation[2],
      };
      at[t] = s.at(offset, p.step[2]);
      delta[t] = (offset[0] * p.source[1] + offset[1]) * p.source[2] + offset[2];
      weight[t] = T(1);
    }
  }
};

template <class T>
PF_INLINE Reg<T> larger_of(Reg<T> best, Reg<T> v) {
  return ((v > best) | (v != v)) ? v : best;
}

template <class T>
void max_row(T* out, int64_t count, const T* source, const int64_t* at, int64_t taps) {
  constexpr int L = kLanes<T>;
  int64_t j = 0;
  for (; j + 2 * L <= count; j += 2 * L) {
    Reg<T> a = load(source + j + at[0]), b = load(source + j + at[0] + L);
    for (int64_t t = 1; t < taps; ++t) {
      const T* from = source + j + at[t];
      a = larger_of<T>(a, load(from));
      b = larger_of<T>(b, load(from + L));
    }
    store(out + j, a);
    store(out + j + L, b);
  }
  for (; j < count; j += L) {
    Reg<T> best = load(source + j + at[0]);
    for (int64_t t = 1; t < taps; ++t) best = larger_of<T>(best, load(source + j + at[t]));
    if (count - j >= L) {
      store(out + j, best);
    } else {
      store_first(out + j, best, static_cast<int>(count - j));
    }
  }
}

// With the places of the largest elements; `places` are those of the windows' origins in the plane.
template <class T>
void max_row_indices(T* out, int64_t* indices, int64_t count, const T* source, const int64_t* at,
                     const int64_t* delta, int64_t taps, int64_t place, int64_t step) {
  constexpr int L = kLanes<T>;
  using I = decltype(Lane<T>{}[0] + 0);
  Lane<T> iota;
  for (int l = 0; l < L; ++l) iota[l] = static_cast<I>(l * step);
  for (int64_t j = 0; j < count; j += L) {
    const Lane<T> origin = iota + static_cast<I>(place + j * step);
    Reg<T> best = load(source + j + at[0]);
    Lane<T> where = origin + static_cast<I>(delta[0]);
    for (int64_t t = 1; t < taps; ++t) {
      const Reg<T> v = load(source + j + at[t]);
      const Lane<T> better = (v > best) | (v != v);
      best = better ? v : best;
      where = better ? origin + static_cast<I>(delta[t]) : where;
    }
    if (count - j >= L) {
      store(out + j, best);
      for (int l = 0; l < L; ++l) indices[j + l] = where[l];
    } else {
      const int left = static_cast<int>(count - j);
      store_first(out + j, best, left);
      for (int l = 0; l < left; ++l) indices[j + l] = where[l];
    }
  }
}

// A window of which some element lies outside may have started from the padding: where all its
// elements are -inf, the first one inside is the largest.
template <class T>
void fix_empty(int64_t* indices, const T* out, const PoolShape& p, int64_t d, int64_t h) {
  int64_t first[kSpatial];
  const int64_t place[kSpatial] = {d, h, 0};
  for (int64_t w = 0; w < p.grid[2]; ++w) {
    if (out[w] != -__builtin_inf()) continue;
    for (int k = 0; k < kSpatial; ++k) {
      first[k] = (k == 2 ? w : place[k]) * p.step[k] - p.padding[k];
      if (first[k] < 0) first[k] += ceil_div(-first[k], p.dilation[k]) * p.dilation[k];
      first[k] = smaller(first[k], p.source[k] - 1);  // a window may lie in the padding alone
    }
    indices[w] = (first[0] * p.source[1] + first[1]) * p.source[2] + first[2];
  }
}

template <class T>
void pool_max(void* out_all, int64_t* indices_all, const void* in_all, const PoolShape& p,
              void* workspace, int64_t first, int64_t last) {
  const WindowSizes s = window_of<T>(p);
  const PoolSpace<T> space(p, s, workspace);
  const int64_t taps = taps_of(p), in_plane = p.source[0] * p.source[1] * p.source[2],
                out_plane = p.grid[0] * p.grid[1] * p.grid[2];
  const bool padded = p.padding[0] > 0 || p.padding[1] > 0 || p.padding[2] > 0;
  for (int64_t unit = first; unit < last; ++unit) {
    const T* in = static_cast<const T*>(in_all) + unit * in_plane;
    for (int64_t d = 0; d < p.grid[0]; ++d) {
      for (int64_t h = 0; h < p.grid[1]; h += s.block_rows) {
        const int64_t rows = smaller(s.block_rows, p.grid[1] - h);
        copy_plane(space.plane, s, in, p.source, p.step, d, h, rows,
                   static_cast<T>(-__builtin_inf()));
        for (int64_t y = 0; y < rows; ++y) {
          const int64_t at = unit * out_plane + (d * p.grid[1] + h + y) * p.grid[2];
          T* out = static_cast<T*>(out_all) + at;
          const T* window = space.plane + y * p.step[1] * s.row;
          if (!indices_all) {
            max_row(out, p.grid[2], window, space.at, taps);
            continue;
          }
          const int64_t place = (d * p.step[0] * p.source[1] + (h + y) * p.step[1]) * p.source[2];
          max_row_indices(out, indices_all + at, p.grid[2], window, space.at, space.delta, taps,
                          place, p.step[2]);
          if (padded) fix_empty(indices_all + at, out, p, d, h + y);
        }
      }
    }
  }
}

// Elements that a window's average counts along one dimension.
inline int64_t counted(const PoolShape& p, int d, int64_t place) {
  const int64_t start = place * p.step[d] - p.padding[d];
  const int64_t end = smaller(start + p.kernel[d], p.source[d] + p.padding[d]);
  if (p.count_include_pad) return end - start;
  return smaller(end, p.source[d]) - larger(start, 0);
}

template <class T>
void divide_row(T* row, const PoolShape& p, int64_t d, int64_t h) {
  const int64_t outer = counted(p, 0, d) * counted(p, 1, h);
  for (int64_t w = 0; w < p.grid[2]; ++w) {
    row[w] = row[w] / static_cast<T>(p.divisor ? p.divisor : outer * counted(p, 2, w));
  }
}

template <class T>
void pool_average(void* out_all, const void* in_all, const PoolShape& p, void* workspace,
                  int64_t first, int64_t last) {
  const WindowSizes s = window_of<T>(p);
  const PoolSpace<T> space(p, s, workspace);
  const int64_t in_plane = p.source[0] * p.source[1] * p.source[2],
                out_plane = p.grid[0] * p.grid[1] * p.grid[2];
  for (int64_t unit = first; unit < last; ++unit) {
    const T* in = static_cast<const T*>(in_all) + unit * in_plane;
    for (int64_t d = 0; d < p.grid[0]; ++d) {
      for (int64_t h = 0; h < p.grid[1]; h += s.block_rows) {
        const int64_t rows = smaller(s.block_rows, p.grid[1] - h);
        copy_plane(space.plane, s, in, p.source, p.step, d, h, rows, T(0));
        for (int64_t y = 0; y < rows; ++y) {
          T* out =
              static_cast<T*>(out_all) + unit * out_plane + (d * p.grid[1] + h + y) * p.grid[2];
          direct_row(out, p.grid[2], space.plane + y * p.step[1] * s.row, space.at, space.weight,
                     taps_of(p), T(0));
          divide_row(out, p, d, h + y);
        }
      }
    }
  }
}

template <class T>
void pool_average_backward(void* out_all, const void* grad_all, const PoolShape& p, void* workspace,
                           int64_t first, int64_t last) {
  const WindowSizes s = window_of<T>(p);
  const PoolSpace<T> space(p, s, workspace);
  const int64_t in_plane = p.source[0] * p.source[1] * p.source[2], width = p.grid[2],
                out_plane = p.grid[0] * p.grid[1] * width;
  for (int64_t unit = first; unit < last; ++unit) {
    T* out = static_cast<T*>(out_all) + unit * in_plane;
    for (int64_t i = 0; i < in_plane; ++i) out[i] = T(0);
    for (int64_t line = 0; line < p.grid[0] * p.grid[1]; ++line) {
      const int64_t d = line / p.grid[1], h = line % p.grid[1];
      const T* grad = static_cast<const T*>(grad_all) + unit * out_plane + line * width;
      for (int64_t w = 0; w < width; ++w) space.row[w] = grad[w];
      divide_row(space.row, p, d, h);
      for (int64_t t = 0; t < p.kernel[0] * p.kernel[1]; ++t) {
        const int64_t z = d * p.step[0] + t / p.kernel[1] - p.padding[0];
        const int64_t y = h * p.step[1] + t % p.kernel[1] - p.padding[1];
        if (z < 0 || z >= p.source[0] || y < 0 || y >= p.source[1]) continue;
        T* row = out + (z * p.source[1] + y) * p.source[2];
        for (int64_t k = 0; k < p.kernel[2]; ++k) {
          const int64_t from = k - p.padding[2], step = p.step[2];
          const int64_t low = from >= 0 ? 0 : ceil_div(-from, step);
          const int64_t high =
              from >= p.source[2] ? 0 : smaller(width, ceil_div(p.source[2] - from, step));
          if (step == 1) {
            for (int64_t w = low; w < high; ++w) row[from + w] += space.row[w];
          } else {
            for (int64_t w = low; w < high; ++w) row[from + w * step] += space.row[w];
          }
        }
      }
    }
  }
}

template <class T>
void pool_scatter(void* out_all, const void* grad_all, const int64_t* indices_all, int64_t size,
                  int64_t count, int64_t first, int64_t last) {
  for (int64_t unit = first; unit < last; ++unit) {
    T* out = static_cast<T*>(out_all) + unit * size;
    const T* grad = static_cast<const T*>(grad_all) + unit * count;
    const int64_t* indices = indices_all + unit * count;
    __builtin_memset(out, 0, static_cast<size_t>(size) * sizeof(T));
    for (int64_t i = 0; i < count; ++i) out[indices[i]] += grad[i];
  }
}

template <class T>
void resample(void* out_all, const void* in_all, const ResampleShape& s, int64_t first,
              int64_t last) {
  for (int64_t unit = first; unit < last; ++unit) {
    const T* in = static_cast<const T*>(in_all) + unit * s.size * s.inner;
    T* out = static_cast<T*>(out_all) + unit * s.out_size * s.inner;
    for (int64_t o = 0; o < s.out_size; ++o) {
      const double* weight = s.weight + o * s.taps;
      const T* from = in + s.start[o] * s.inner;
      if (s.inner == 1) {
        T total = T(0);
        for (int64_t j = 0; j < s.count[o]; ++j) total += static_cast<T>(weight[j]) * from[j];
        out[o] = total;
        continue;
      }
      T* to = out + o * s.inner;
      const T w0 = static_cast<T>(weight[0]);
      for (int64_t i = 0; i < s.inner; ++i) to[i] = w0 * from[i];
      for (int64_t j = 1; j < s.count[o]; ++j) {
        const T w = static_cast<T>(weight[j]);
        const T* row = from + j * s.inner;
        for (int64_t i = 0; i < s.inner; ++i) to[i] += w * row[i];
      }
    }
  }
}

template <class T>
void resample_backward(void* out_all, const void* grad_all, const ResampleShape& s, int64_t first,
                       int64_t last) {
  for (int64_t unit = first; unit < last; ++unit) {
    T* out = static_cast<T*>(out_all) + unit * s.size * s.inner;
    const T* grad = static_cast<const T*>(grad_all) + unit * s.out_size * s.inner;
    for (int64_t i = 0; i < s.size * s.inner; ++i) out[i] = T(0);
    for (int64_t o = 0; o < s.out_size; ++o) {
      for (int64_t j = 0; j < s.count[o]; ++j) {
        const T w = static_cast<T>(s.weight[o * s.taps + j]);
        T* to = out + (s.start[o] + j) * s.inner;
        const T* from = grad + o * s.inner;
        for (int64_t i = 0; i < s.inner; ++i) to[i] += w * from[i];
      }
    }
  }
}

template <class T>
int64_t pool_workspace(const PoolShape& p) {
  return PoolSpace<T>::bytes(p, window_of<T>(p));
}

template <class T>
void fill_pool(PoolTable& table, int d) {
  table.workspace_bytes[d] = pool_workspace<T>;
  table.max[d] = pool_max<T>;
  table.average[d] = pool_average<T>;
  table.average_backward[d] = pool_average_backward<T>;
  table.scatter[d] = pool_scatter<T>;
  table.resample[d] = resample<T>;
  table.resample_backward[d] = resample_backward<T>;
}

}  // namespace
}  // namespace pyforge::kernels::PF_ISA
