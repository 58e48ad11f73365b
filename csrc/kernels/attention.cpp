// Attention on transposed blocks: rows are keys, lanes are queries. See docs/attention.md.
#include "kernels/attention.h"

#include "kernels/block_product.h"
#include "kernels/exp_nonpositive.h"
#include "kernels/row_core.h"
#include "kernels/transposed_pack.h"

namespace pyforge::kernels::PF_ISA {

void fill_attention(AttentionTable& table);

namespace {

// c [m, n] := a [m, k] b [k, n], or is added to; the rows of b and c are contiguous.
template <class T>
PF_INLINE void multiply(const AttentionArgs& args, int64_t m, int64_t n, int64_t k, const T* a,
                        int64_t a_row, int64_t a_col, const T* b, int64_t b_row, T* c,
                        int64_t c_row, bool add, const Ahead<T>& ahead) {
  if (multiply_block(BlockProduct<T>{m, n, k, a, a_row, a_col, b, b_row, c, c_row, add, ahead}))
    return;
  GemmArgs g{};
  g.m = m, g.n = n, g.k = k;
  g.a = a, g.a_row = a_row, g.a_col = a_col;
  g.b = b, g.b_row = b_row, g.b_col = 1;
  g.c = c, g.c_row = c_row, g.c_col = 1;
  g.alpha = 1, g.beta = add;
  args.gemm(g);
}

// A block of scores: keys [key, key + rows), queries [query, query + count) in the lanes, which end
// at `width`. In a block on the diagonal a query sees the keys up to its own number in the block.
struct Block {
  int64_t query, count, width, key, rows;
  bool diagonal;
};

constexpr int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

template <class T>
PF_INLINE Block block_at(const AttentionArgs& args, int64_t query, int64_t last, int64_t key) {
  constexpr int64_t N = kLanes<T>;
  Block b{query, smaller(args.block, last - query),    0,
          key,   smaller(args.block, args.keys - key), args.causal && key == query};
  b.width = (b.count + N - 1) / N * N;
  return b;
}

// On the diagonal keys and queries are taken in groups, and what no query of a group sees is left
// out.
constexpr int64_t kGroup = 16;

// The keys that some query of the group of lane c sees.
PF_INLINE int64_t seen_rows(const Block& b, int64_t c) {
  return b.diagonal ? smaller(b.rows, c / kGroup * kGroup + kGroup) : b.rows;
}

// f(keys [j, j + rows), the first query that sees any of them).
template <class F>
PF_INLINE void by_keys(const Block& b, F f) {
  if (!b.diagonal) return f(int64_t{0}, b.rows, int64_t{0});
  for (int64_t j = 0; j < b.rows && j < b.count; j += kGroup) f(j, smaller(kGroup, b.rows - j), j);
}
// f(queries [i, i + count), the number of keys that they see).
template <class F>
PF_INLINE void by_queries(const Block& b, F f) {
  if (!b.diagonal) return f(int64_t{0}, b.count, b.rows);
  for (int64_t i = 0; i < b.count; i += kGroup) f(i, smaller(kGroup, b.count - i), seen_rows(b, i));
}

// The keys that some query before `end` may see.
PF_INLINE int64_t visible_keys(const AttentionArgs& args, int64_t end) {
  return args.causal && end < args.keys ? end : args.keys;
}

// One vector of a column of a matrix of any dtype; lanes beyond `count` are 0.
template <class T, class From>
PF_INLINE Vec<T> gather(const From* p, int64_t stride, int64_t count) {
  T lanes[kLanes<T>];
  if (count >= kLanes<T>) {
    for (int l = 0; l < kLanes<T>; ++l) lanes[l] = static_cast<T>(p[l * stride]);
  } else {
    for (int64_t l = 0; l < kLanes<T>; ++l)
      lanes[l] = l < count ? static_cast<T>(p[l * stride]) : T(0);
  }
  return load(lanes);
}

// One vector of the mask along the queries, whose stride is 0 or 1; lanes beyond `count` are 0.
template <class T>
PF_INLINE Vec<T> added(const T* mask, int64_t stride, int64_t count) {
  if (stride == 0) return Vec<T>(*mask);
  return count >= kLanes<T> ? load(mask) : load_rest(mask, static_cast<int>(count));
}
template <class T>
PF_INLINE Mask<T> visible(const uint8_t* mask, int64_t stride, int64_t count) {
  if (stride == 0) return Vec<T>(static_cast<T>(*mask)) != Vec<T>(T(0));
  return count >= kLanes<T> ? load_mask<T>(mask) : load_mask<T>(mask, static_cast<int>(count));
}

template <class T>
PF_NOINLINE void apply_mask(const AttentionArgs& args, const Block& b, T* s) {
  const int64_t width = args.block;
  const Vec<T> minus = -static_cast<T>(__builtin_inf());
  for (int64_t j = 0; j < b.rows; ++j) {
    for (int64_t c = 0; c < b.width; c += kLanes<T>) {
      T* p = s + j * width + c;
      const int64_t at = (b.query + c) * args.mask_row + (b.key + j) * args.mask_col;
      const int64_t count = b.count - c;
      if (args.mask_kind == AttentionMask::Bool) {
        const uint8_t* mask = static_cast<const uint8_t*>(args.mask) + at;
        store(p, where(visible<T>(mask, args.mask_row, count), load(p), minus));
      } else {
        const T* mask = static_cast<const T*>(args.mask) + at;
        store(p, load(p) + added(mask, args.mask_row, count));
      }
    }
  }
}

template <class T>
PF_NOINLINE void apply_causal(const Block& b, T* s, int64_t width) {
  constexpr int64_t N = kLanes<T>;
  const Vec<T> minus = -static_cast<T>(__builtin_inf());
  for (int64_t j = 0; j < b.rows; ++j) {
    // Lanes before this one are queries before the key.
    const int64_t limit = smaller(j, b.width);
    for (int64_t c = j / kGroup * kGroup; c < limit; c += N) {
      T* p = s + j * width + c;
      const int64_t hidden = smaller(limit - c, N);
      store(p, keep_last(load(p), static_cast<int>(N - hidden), minus));
    }
  }
}

// s := the products of the rows of k with the transposed queries, those that count.
template <class T>
PF_INLINE void against_keys(const AttentionArgs& args, const Block& b, const T* k, int64_t k_row,
                            int64_t dim, const T* qt, T* s) {
  by_keys(b, [&](int64_t j, int64_t rows, int64_t from) PF_LAMBDA {
    const T* rows_of_k = k + (b.key + j) * k_row;
    multiply(args, rows, b.width - from, dim, rows_of_k, k_row, 1, qt + from, args.block,
             s + j * args.block + from, args.block, false,
             {rows_of_k + args.block * k_row, k_row, dim});
  });
}

// s := the scores of the block, masked.
template <class T>
PF_INLINE void scores(const AttentionArgs& args, const Block& b, const T* qt, T* s) {
  against_keys(args, b, static_cast<const T*>(args.k), args.k_row, args.dim, qt, s);
  if (args.mask_kind != AttentionMask::None) apply_mask(args, b, s);
  if (b.diagonal) apply_causal(b, s, args.block);
}

// The rows of `sums`, one per query, := s^T v, or are added to; `ahead` is read before long.
template <class T>
PF_INLINE void over_keys(const AttentionArgs& args, const Block& b, const T* s, const T* v,
                         int64_t v_row, int64_t dim, T* sums, int64_t row, const Ahead<T>& ahead) {
  by_queries(b, [&](int64_t i, int64_t count, int64_t keys) PF_LAMBDA {
    multiply(args, count, dim, keys, s + i, 1, args.block, v + b.key * v_row, v_row, sums + i * row,
             row, b.key > 0, ahead);
  });
}

// The rows of `sums`, one per key, := s q, or are added to.
template <class T>
PF_INLINE void over_queries(const AttentionArgs& args, const Block& b, const T* s, const T* q,
                            int64_t q_row, int64_t dim, T* sums, int64_t row, bool add) {
  by_keys(b, [&](int64_t j, int64_t rows, int64_t from) PF_LAMBDA {
    T* to = sums + (b.key + j) * row;
    multiply(args, rows, dim, b.count - from, s + j * args.block + from, args.block, 1,
             q + (b.query + from) * q_row, q_row, to, row, add, {to + args.block * row, row, dim});
  });
}

// The factor of dropout for one vector.
template <class T>
PF_INLINE Vec<T> kept(const AttentionArgs& args, const Block& b, int64_t j, int64_t c) {
  const uint8_t* keep = args.keep + (b.query + c) * args.keys + b.key + j;
  return gather<T>(keep, args.keys, b.count - c) * Vec<T>(static_cast<T>(args.keep_scale));
}

template <class T>
struct Forward {
  T *qt, *o, *s, *largest, *sum, *shrink;
  explicit Forward(const AttentionArgs& args)
      : qt(static_cast<T*>(args.workspace)),
        o(qt + args.dim * args.block),
        s(o + args.value_dim * args.block),
        largest(s + args.block * args.block),
        sum(largest + args.block),
        shrink(sum + args.block) {}
};

// Scores become weights relative to the largest score so far. True if older weights must shrink.
template <class T>
PF_NOINLINE bool online_softmax(const AttentionArgs& args, const Block& b, const Forward<T>& w) {
  const int64_t width = args.block;
  const Vec<T> minus = -static_cast<T>(__builtin_inf());
  bool shrinks = false;
  for (int64_t c = 0; c < b.width; c += kLanes<T>) {
    T* s = w.s + c;
    const int64_t rows = seen_rows(b, c);
    const Vec<T> before = load(w.largest + c);
    Vec<T> most = before, other = before;  // a NaN may be lost: the sum will be NaN
    int64_t j = 0;
    for (; j + 2 <= rows; j += 2) {
      most = at_least(load(s + j * width), most);
      other = at_least(load(s + (j + 1) * width), other);
    }
    if (j < rows) most = at_least(load(s + j * width), most);
    most = at_least(most, other);
    const Vec<T> base = where(most == minus, Vec<T>(T(0)), most);
    Vec<T> sum = T(0), odd = T(0);
    const auto weigh = [&](int64_t row) PF_LAMBDA {
      const Vec<T> e = exp_nonpositive(load(s + row * width) - base);
      store(s + row * width, e);
      return e;
    };
    for (j = 0; j + 2 <= rows; j += 2) {
      sum = sum + weigh(j);
      odd = odd + weigh(j + 1);
    }
    if (j < rows) sum = sum + weigh(j);
    const Vec<T> shrink = exp_nonpositive(before - base);
    store(w.largest + c, most);
    store(w.sum + c, fma(load(w.sum + c), shrink, sum + odd));
    store(w.shrink + c, shrink);
    shrinks = shrinks || any(shrink != Vec<T>(T(1)));
    if (args.keep) {
      for (j = 0; j < rows; ++j) {
        store(s + j * width, load(s + j * width) * kept<T>(args, b, j, c));
      }
    }
  }
  return shrinks;
}

// Row i of `out` := row i of `in` times factors[i].
template <class T>
void scale_rows(T* out, int64_t out_row, const T* in, int64_t in_row, const T* factors,
                int64_t rows, int64_t dim) {
  for (int64_t i = 0; i < rows; ++i) {
    const Vec<T> factor = factors[i];
    for_each_vector<T>(dim, [&](auto place) PF_LAMBDA {
      place.store(out + i * out_row, place.load(in + i * in_row) * factor);
    });
  }
}

// Output and statistics of one block of queries.
template <class T>
void finish_output(const AttentionArgs& args, int64_t query, int64_t count, int64_t width,
                   const Forward<T>& w) {
  const Vec<T> zero = T(0), infinity = static_cast<T>(__builtin_inf());
  for (int64_t c = 0; c < width; c += kLanes<T>) {
    const Vec<T> sum = load(w.sum + c);
    const Mask<T> dead = sum == zero;
    store(w.shrink + c, where(dead, zero, Vec<T>(T(1)) / sum));
    store(w.largest + c, where(dead, zero, load(w.largest + c)));
    store(w.sum + c, where(dead, infinity, log(sum)));
  }
  const size_t bytes = static_cast<size_t>(count) * sizeof(T);
  __builtin_memcpy(static_cast<T*>(args.largest) + query, w.largest, bytes);
  __builtin_memcpy(static_cast<T*>(args.log_sum) + query, w.sum, bytes);
  scale_rows(static_cast<T*>(args.out) + query * args.out_row, args.out_row, w.o, args.value_dim,
             w.shrink, count, args.value_dim);
}

template <class T>
void forward(const AttentionArgs& args, int64_t first, int64_t last) {
  const Forward<T> w(args);
  for (int64_t query = first; query < last; query += args.block) {
    const Block start = block_at<T>(args, query, last, 0);
    pack_transposed(w.qt, args.block, static_cast<const T*>(args.q) + query * args.q_row,
                    args.q_row, start.count, args.dim, static_cast<T>(args.scale));
    for (int64_t c = 0; c < args.block; ++c) {
      w.largest[c] = -static_cast<T>(__builtin_inf());
      w.sum[c] = 0;
    }
    const int64_t keys = visible_keys(args, query + start.count);
    for (int64_t key = 0; key < keys; key += args.block) {
      const Block b = block_at<T>(args, query, last, key);
      scores(args, b, w.qt, w.s);
      const bool shrinks = online_softmax(args, b, w);
      if (key > 0 && shrinks)
        scale_rows(w.o, args.value_dim, w.o, args.value_dim, w.shrink, b.count, args.value_dim);
      Ahead<T> ahead{};
      if (key + args.block >= keys)
        ahead = {static_cast<const T*>(args.q) + (query + args.block) * args.q_row, args.q_row,
                 args.dim};
      over_keys(args, b, w.s, static_cast<const T*>(args.v), args.v_row, args.value_dim, w.o,
                args.value_dim, ahead);
    }
    finish_output(args, query, start.count, start.width, w);
  }
}

template <class T>
struct Backward {
  T *qt, *gt, *s, *ds, *largest, *log_sum, *delta;
  explicit Backward(const AttentionArgs& args)
      : qt(static_cast<T*>(args.workspace)),
        gt(qt + args.dim * args.block),
        s(gt + args.value_dim * args.block),
        ds(s + args.block * args.block),
        largest(ds + args.block * args.block),
        log_sum(largest + args.block),
        delta(log_sum + args.block) {}
};

// s := weights (dropped where dropout is on), ds := scale * gradient of the scores.
template <class T>
PF_NOINLINE void score_gradient(const AttentionArgs& args, const Block& b, const Backward<T>& w) {
  const int64_t width = args.block;
  const Vec<T> scale = static_cast<T>(args.scale);
  for (int64_t c = 0; c < b.width; c += kLanes<T>) {
    const int64_t rows = seen_rows(b, c);
    const Vec<T> largest = load(w.largest + c), log_sum = load(w.log_sum + c);
    const Vec<T> delta = load(w.delta + c);
    for (int64_t j = 0; j < rows; ++j) {
      T *s = w.s + j * width + c, *ds = w.ds + j * width + c;
      const Vec<T> p = exp_nonpositive((load(s) - largest) - log_sum);
      Vec<T> g = load(ds), dropped = p;
      if (args.keep) {
        const Vec<T> factor = kept<T>(args, b, j, c);
        g = g * factor;
        dropped = p * factor;
      }
      store(s, dropped);
      store(ds, p * (g - delta) * scale);
    }
  }
}

template <class T>
void load_queries(const AttentionArgs& args, int64_t query, int64_t count, const Backward<T>& w) {
  const T* out = static_cast<const T*>(args.out) + query * args.out_row;
  const T* grad = static_cast<const T*>(args.grad) + query * args.grad_row;
  pack_transposed(w.qt, args.block, static_cast<const T*>(args.q) + query * args.q_row, args.q_row,
                  count, args.dim, static_cast<T>(args.scale));
  pack_transposed(w.gt, args.block, grad, args.grad_row, count, args.value_dim, T(1));
  for (int64_t i = 0; i < args.block; ++i) {
    w.largest[i] = w.delta[i] = 0;
    w.log_sum[i] = static_cast<T>(__builtin_inf());
  }
  const size_t bytes = static_cast<size_t>(count) * sizeof(T);
  __builtin_memcpy(w.largest, static_cast<const T*>(args.largest) + query, bytes);
  __builtin_memcpy(w.log_sum, static_cast<const T*>(args.log_sum) + query, bytes);
  for (int64_t i = 0; i < count; ++i) {
    Vec<T> dot = T(0);
    for_each_vector<T>(args.value_dim, [&](auto place) PF_LAMBDA {
      dot = fma(place.load(out + i * args.out_row), place.load(grad + i * args.grad_row), dot);
    });
    w.delta[i] = across<AddLanes>(dot)[0];
  }
}

template <class T>
void backward(const AttentionArgs& args, int64_t first, int64_t last) {
  const Backward<T> w(args);
  const T *q = static_cast<const T*>(args.q), *k = static_cast<const T*>(args.k);
  const T *v = static_cast<const T*>(args.v), *grad = static_cast<const T*>(args.grad);
  for (int64_t query = first; query < last; query += args.block) {
    const Block start = block_at<T>(args, query, last, 0);
    load_queries(args, query, start.count, w);
    const int64_t keys = visible_keys(args, query + start.count);
    for (int64_t key = 0; key < keys; key += args.block) {
      const Block b = block_at<T>(args, query, last, key);
      scores(args, b, w.qt, w.s);
      against_keys(args, b, v, args.v_row, args.value_dim, w.gt, w.ds);
      score_gradient(args, b, w);
      const bool add = !args.fresh || query > first;
      // What the next block of queries begins with.
      const int64_t next = query + args.block;
      Ahead<T> ahead{};
      if (key + args.block >= keys) {
        ahead = {grad + next * args.grad_row, args.grad_row, args.value_dim};
      } else if (key == 0) {
        ahead = {static_cast<const T*>(args.out) + next * args.out_row, args.out_row,
                 args.value_dim};
      }
      if (args.dv)
        over_queries(args, b, w.s, grad, args.grad_row, args.value_dim, static_cast<T*>(args.dv),
                     args.dv_row, add);
      if (args.dk)
        over_queries(args, b, w.ds, q, args.q_row, args.dim, static_cast<T*>(args.dk), args.dk_row,
                     add);
      if (args.dq)
        over_keys(args, b, w.ds, k, args.k_row, args.dim,
                  static_cast<T*>(args.dq) + query * args.dq_row, args.dq_row, ahead);
    }
  }
}

template <class T>
int64_t workspace_bytes(int64_t dim, int64_t value_dim, int64_t block) {
  // q and the output or its gradient, two blocks, three rows.
  return (dim + value_dim + 2 * block + 3) * block * static_cast<int64_t>(sizeof(T));
}

template <class T>
void fill(AttentionTable& t, int d) {
  t.workspace_bytes[d] = workspace_bytes<T>;
  t.forward[d] = forward<T>;
  t.backward[d] = backward<T>;
}

}  // namespace

void fill_attention(AttentionTable& table) {
  fill<float>(table, 0);
  fill<double>(table, 1);
}

}  // namespace pyforge::kernels::PF_ISA
