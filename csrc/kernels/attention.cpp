// Attention on transposed blocks: rows are keys, lanes are queries. See docs/attention.md.
#include "kernels/attention.h"

#include "kernels/attention_pack.h"
#include "kernels/exp_nonpositive.h"
#include "kernels/row_core.h"

namespace pyforge::kernels::PF_ISA {

void fill_attention(AttentionTable& table);

namespace {

constexpr int64_t kWidth = kQueryBlock;

// c [m, n] := a [m, k] b [k, n] + beta c; the rows of b and c are contiguous.
template <class T>
PF_INLINE void multiply(const AttentionArgs& args, int64_t m, int64_t n, int64_t k, const T* a,
                        int64_t a_row, int64_t a_col, const T* b, int64_t b_row, T* c,
                        int64_t c_row, double beta) {
  GemmArgs g{};
  g.m = m, g.n = n, g.k = k;
  g.a = a, g.a_row = a_row, g.a_col = a_col;
  g.b = b, g.b_row = b_row, g.b_col = 1;
  g.c = c, g.c_row = c_row, g.c_col = 1;
  g.alpha = 1, g.beta = beta;
  args.gemm(g);
}

// A block of scores: keys [key, key + rows), queries [query, query + count) in the lanes, of which
// those before `from` (a multiple of the lanes) see none of these keys. Lanes end at `width`.
struct Block {
  int64_t query, count, width, key, rows, from;
};

template <class T>
PF_INLINE Block block_at(const AttentionArgs& args, int64_t query, int64_t last, int64_t key) {
  constexpr int64_t N = kLanes<T>;
  Block b{query, last - query, 0, key, args.keys - key, 0};
  if (b.count > kQueryBlock) b.count = kQueryBlock;
  if (b.rows > kKeyBlock) b.rows = kKeyBlock;
  b.width = (b.count + N - 1) / N * N;
  if (args.causal && key > query) b.from = (key - query) / N * N;
  return b;
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
  const Vec<T> minus = -static_cast<T>(__builtin_inf());
  for (int64_t j = 0; j < b.rows; ++j) {
    for (int64_t c = b.from; c < b.width; c += kLanes<T>) {
      T* p = s + j * kWidth + c;
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
PF_NOINLINE void apply_causal(const Block& b, T* s) {
  constexpr int64_t N = kLanes<T>;
  const Vec<T> minus = -static_cast<T>(__builtin_inf());
  for (int64_t j = 0; j < b.rows; ++j) {
    // Lanes before this one are queries before the key.
    int64_t limit = b.key + j - b.query;
    if (limit > b.width) limit = b.width;
    for (int64_t c = b.from; c < limit; c += N) {
      T* p = s + j * kWidth + c;
      const int64_t hidden = limit - c < N ? limit - c : N;
      store(p, keep_last(load(p), static_cast<int>(N - hidden), minus));
    }
  }
}

// s := the scores of the block, masked.
template <class T>
PF_INLINE void scores(const AttentionArgs& args, const Block& b, const T* qt, T* s) {
  multiply(args, b.rows, b.width - b.from, args.dim,
           static_cast<const T*>(args.k) + b.key * args.k_row, args.k_row, 1, qt + b.from, kWidth,
           s + b.from, kWidth, 0);
  if (args.mask_kind != AttentionMask::None) apply_mask(args, b, s);
  if (args.causal && b.key + b.rows - 1 > b.query) apply_causal(b, s);
}

// The factor of dropout for one vector.
template <class T>
PF_INLINE Vec<T> kept(const AttentionArgs& args, const Block& b, int64_t j, int64_t c) {
  const uint8_t* keep = args.keep + (b.query + c) * args.keys + b.key + j;
  return gather<T>(keep, args.keys, b.count - c) * Vec<T>(static_cast<T>(args.keep_scale));
}

template <class T>
struct Forward {
  T *qt, *ot, *s, *largest, *sum, *shrink;
  explicit Forward(const AttentionArgs& args)
      : qt(static_cast<T*>(args.workspace)),
        ot(qt + args.dim * kWidth),
        s(ot + args.value_dim * kWidth),
        largest(s + kKeyBlock * kWidth),
        sum(largest + kWidth),
        shrink(sum + kWidth) {}
};

// Scores become weights relative to the largest score so far. True if older weights must shrink.
template <class T>
PF_NOINLINE bool online_softmax(const AttentionArgs& args, const Block& b, const Forward<T>& w) {
  const Vec<T> minus = -static_cast<T>(__builtin_inf());
  bool shrinks = false;
  for (int64_t c = b.from; c < b.width; c += kLanes<T>) {
    T* s = w.s + c;
    const Vec<T> before = load(w.largest + c);
    Vec<T> most = before, other = before;  // a NaN may be lost: the sum will be NaN
    int64_t j = 0;
    for (; j + 2 <= b.rows; j += 2) {
      most = at_least(load(s + j * kWidth), most);
      other = at_least(load(s + (j + 1) * kWidth), other);
    }
    if (j < b.rows) most = at_least(load(s + j * kWidth), most);
    most = at_least(most, other);
    const Vec<T> base = where(most == minus, Vec<T>(T(0)), most);
    Vec<T> sum = T(0), odd = T(0);
    const auto weigh = [&](int64_t row) PF_LAMBDA {
      const Vec<T> e = exp_nonpositive(load(s + row * kWidth) - base);
      store(s + row * kWidth, e);
      return e;
    };
    for (j = 0; j + 2 <= b.rows; j += 2) {
      sum = sum + weigh(j);
      odd = odd + weigh(j + 1);
    }
    if (j < b.rows) sum = sum + weigh(j);
    const Vec<T> shrink = exp_nonpositive(before - base);
    store(w.largest + c, most);
    store(w.sum + c, fma(load(w.sum + c), shrink, sum + odd));
    store(w.shrink + c, shrink);
    shrinks = shrinks || any(shrink != Vec<T>(T(1)));
    if (args.keep) {
      for (j = 0; j < b.rows; ++j) {
        store(s + j * kWidth, load(s + j * kWidth) * kept<T>(args, b, j, c));
      }
    }
  }
  return shrinks;
}

template <class T>
void shrink_output(const Block& b, const Forward<T>& w, int64_t dim) {
  for (int64_t e = 0; e < dim; ++e) {
    T* row = w.ot + e * kWidth;
    for (int64_t c = b.from; c < b.width; c += kLanes<T>)
      store(row + c, load(row + c) * load(w.shrink + c));
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
  Block whole{query, count, width, 0, 0, 0};
  shrink_output(whole, w, args.value_dim);
  const size_t bytes = static_cast<size_t>(count) * sizeof(T);
  __builtin_memcpy(static_cast<T*>(args.largest) + query, w.largest, bytes);
  __builtin_memcpy(static_cast<T*>(args.log_sum) + query, w.sum, bytes);
  unpack_transposed(static_cast<T*>(args.out) + query * args.out_row, args.out_row, w.ot, kWidth,
                    count, args.value_dim);
}

template <class T>
void forward(const AttentionArgs& args, int64_t first, int64_t last) {
  const Forward<T> w(args);
  for (int64_t query = first; query < last; query += kQueryBlock) {
    const Block start = block_at<T>(args, query, last, 0);
    pack_transposed(w.qt, kWidth, static_cast<const T*>(args.q) + query * args.q_row, args.q_row,
                    start.count, args.dim, static_cast<T>(args.scale));
    for (int64_t c = 0; c < kWidth; ++c) {
      w.largest[c] = -static_cast<T>(__builtin_inf());
      w.sum[c] = 0;
    }
    const int64_t keys = visible_keys(args, query + start.count);
    for (int64_t key = 0; key < keys; key += kKeyBlock) {
      const Block b = block_at<T>(args, query, last, key);
      scores(args, b, w.qt, w.s);
      const bool shrinks = online_softmax(args, b, w);
      if (key > 0 && shrinks) shrink_output(b, w, args.value_dim);
      multiply(args, args.value_dim, b.width - b.from, b.rows,
               static_cast<const T*>(args.v) + key * args.v_row, 1, args.v_row, w.s + b.from,
               kWidth, w.ot + b.from, kWidth, key > 0);
    }
    finish_output(args, query, start.count, start.width, w);
  }
}

template <class T>
struct Backward {
  T *qt, *gt, *dqt, *s, *ds, *largest, *log_sum, *delta;
  explicit Backward(const AttentionArgs& args)
      : qt(static_cast<T*>(args.workspace)),
        gt(qt + args.dim * kWidth),
        dqt(gt + args.value_dim * kWidth),
        s(dqt + args.dim * kWidth),
        ds(s + kKeyBlock * kWidth),
        largest(ds + kKeyBlock * kWidth),
        log_sum(largest + kWidth),
        delta(log_sum + kWidth) {}
};

// s := weights (dropped where dropout is on), ds := scale * gradient of the scores.
template <class T>
PF_NOINLINE void score_gradient(const AttentionArgs& args, const Block& b, const Backward<T>& w) {
  const Vec<T> scale = static_cast<T>(args.scale);
  for (int64_t c = b.from; c < b.width; c += kLanes<T>) {
    const Vec<T> largest = load(w.largest + c), log_sum = load(w.log_sum + c);
    const Vec<T> delta = load(w.delta + c);
    for (int64_t j = 0; j < b.rows; ++j) {
      T *s = w.s + j * kWidth + c, *ds = w.ds + j * kWidth + c;
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
  pack_transposed(w.qt, kWidth, static_cast<const T*>(args.q) + query * args.q_row, args.q_row,
                  count, args.dim, static_cast<T>(args.scale));
  pack_transposed(w.gt, kWidth, grad, args.grad_row, count, args.value_dim, T(1));
  for (int64_t i = 0; i < kWidth; ++i) {
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
  for (int64_t query = first; query < last; query += kQueryBlock) {
    const Block start = block_at<T>(args, query, last, 0);
    load_queries(args, query, start.count, w);
    const int64_t keys = visible_keys(args, query + start.count);
    for (int64_t key = 0; key < keys; key += kKeyBlock) {
      const Block b = block_at<T>(args, query, last, key);
      const int64_t width = b.width - b.from, count = b.count - b.from, at = query + b.from;
      scores(args, b, w.qt, w.s);
      multiply(args, b.rows, width, args.value_dim, v + key * args.v_row, args.v_row, 1,
               w.gt + b.from, kWidth, w.ds + b.from, kWidth, 0);
      score_gradient(args, b, w);
      if (args.dv)
        multiply(args, b.rows, args.value_dim, count, w.s + b.from, kWidth, 1,
                 grad + at * args.grad_row, args.grad_row,
                 static_cast<T*>(args.dv) + key * args.dv_row, args.dv_row, 1);
      if (args.dk)
        multiply(args, b.rows, args.dim, count, w.ds + b.from, kWidth, 1, q + at * args.q_row,
                 args.q_row, static_cast<T*>(args.dk) + key * args.dk_row, args.dk_row, 1);
      if (args.dq)
        multiply(args, args.dim, width, b.rows, k + key * args.k_row, 1, args.k_row, w.ds + b.from,
                 kWidth, w.dqt + b.from, kWidth, key > 0);
    }
    if (args.dq)
      unpack_transposed(static_cast<T*>(args.dq) + query * args.dq_row, args.dq_row, w.dqt, kWidth,
                        start.count, args.dim);
  }
}

template <class T>
int64_t workspace_bytes(int64_t dim, int64_t value_dim) {
  // Backward needs the most: q, dq and the incoming gradient transposed, two blocks, two rows.
  return (2 * dim + value_dim + 2 * kKeyBlock + 3) * kWidth * static_cast<int64_t>(sizeof(T));
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
