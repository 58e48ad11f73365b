// Batch normalisation over [n, channels, inner]: channel by channel where a channel has contiguous
// elements (inner > 1), by rows of channels where it has not (inner == 1).
#include "kernels/row_core.h"
#include "kernels/row_parts.h"

namespace pyforge::kernels::PF_ISA {
namespace {

// Totals over n of a channel's `inner` elements; step(offset of the run, place) gives the terms.
template <class T, int K, class Step>
PF_INLINE void channel_sums(double* sums, const BatchNormShape& s, int64_t channel,
                            const Step& step) {
  Sums<T, K> total;
  for (int64_t i = 0; i < s.n; ++i) {
    int64_t run = (i * s.channels + channel) * s.inner;
    total.run(s.inner, [&](auto place) PF_LAMBDA { return step(run, place); });
    if (total.vectors >= total.kLeaf) total.carry();
  }
  total.carry();
  for (int k = 0; k < K; ++k) sums[k] = total.total[k];
}

constexpr int64_t kColumns = 256;
constexpr int64_t kLeafRows = 64;

// The same for inner == 1 and columns [first, first + count), count <= kColumns: rows are added in
// leaves of kLeafRows, the leaves in double. step(element offset, column, k) is one term.
template <class T, int K, class Step>
PF_INLINE void column_sums(double (*sums)[kColumns], const BatchNormShape& s, int64_t first,
                           int64_t count, const Step& step) {
  for (int k = 0; k < K; ++k) {
    for (int64_t j = 0; j < count; ++j) sums[k][j] = 0;
  }
  for (int64_t i = 0; i < s.n;) {
    T acc[K][kColumns];
    for (int k = 0; k < K; ++k) {
      for (int64_t j = 0; j < count; ++j) acc[k][j] = 0;
    }
    int64_t end = s.n - i < kLeafRows ? s.n : i + kLeafRows;
    for (; i < end; ++i) {
      int64_t row = i * s.channels + first;
      for_each_vector<T>(count, [&](auto place) PF_LAMBDA {
        Terms<T, K> terms = step(row, first, place);
        for (int k = 0; k < K; ++k) place.store(acc[k], place.load(acc[k]) + terms.v[k]);
      });
    }
    for (int k = 0; k < K; ++k) {
      for (int64_t j = 0; j < count; ++j) sums[k][j] += acc[k][j];
    }
  }
}

template <class T>
void batch_norm_stats(void* mean_out, void* variance_out, const void* in, const BatchNormShape& s) {
  const T* x = static_cast<const T*>(in);
  T* mean = static_cast<T*>(mean_out);
  T* variance = static_cast<T*>(variance_out);
  double count = static_cast<double>(s.n * s.inner);
  if (s.inner == 1) {
    double sums[1][kColumns];
    for (int64_t c = s.first; c < s.last; c += kColumns) {
      int64_t columns = s.last - c < kColumns ? s.last - c : kColumns;
      column_sums<T, 1>(sums, s, c, columns, [&](int64_t row, int64_t, auto place) PF_LAMBDA {
        return Terms<T, 1>{{place.load(x + row)}};
      });
      for (int64_t j = 0; j < columns; ++j) mean[c + j] = static_cast<T>(sums[0][j] / count);
      column_sums<T, 1>(sums, s, c, columns, [&](int64_t row, int64_t first, auto place) PF_LAMBDA {
        Vec<T> d = place.load(x + row) - place.load(mean + first);
        return Terms<T, 1>{{d * d}};
      });
      for (int64_t j = 0; j < columns; ++j) variance[c + j] = static_cast<T>(sums[0][j] / count);
    }
    return;
  }
  for (int64_t c = s.first; c < s.last; ++c) {
    double total;
    channel_sums<T, 1>(&total, s, c, [&](int64_t run, auto place) PF_LAMBDA {
      return Terms<T, 1>{{place.load(x + run)}};
    });
    mean[c] = static_cast<T>(total / count);
    Vec<T> m = mean[c];
    channel_sums<T, 1>(&total, s, c, [&](int64_t run, auto place) PF_LAMBDA {
      Vec<T> d = place.load(x + run) - m;
      return Terms<T, 1>{{d * d}};
    });
    variance[c] = static_cast<T>(total / count);
  }
}

template <class T>
void batch_norm(void* out, const void* in, const void* mean_in, const void* rstd_in,
                const void* weight, const void* bias, const BatchNormShape& s) {
  const T* mean = static_cast<const T*>(mean_in);
  const T* rstd = static_cast<const T*>(rstd_in);
  const T* w = static_cast<const T*>(weight);
  const T* b = static_cast<const T*>(bias);
  for (int64_t i = 0; i < s.n; ++i) {
    const T* x = static_cast<const T*>(in) + i * s.channels * s.inner;
    T* y = static_cast<T*>(out) + i * s.channels * s.inner;
    if (s.inner == 1) {
      for_each_vector<T>(s.last - s.first, [&](auto relative) PF_LAMBDA {
        auto place = relative;
        place.at += s.first;
        Vec<T> v = (place.load(x) - place.load(mean)) * place.load(rstd);
        if (w) v = v * place.load(w);
        if (b) v = v + place.load(b);
        place.store(y, v);
      });
      continue;
    }
    for (int64_t c = s.first; c < s.last; ++c) {
      Vec<T> m = mean[c], r = rstd[c], wc = w ? w[c] : T(1), bc = b ? b[c] : T(0);
      for_each_vector<T>(s.inner, [&](auto place) PF_LAMBDA {
        place.store(y + c * s.inner, (place.load(x + c * s.inner) - m) * r * wc + bc);
      });
    }
  }
}

// With z = (x - mean) rstd: dweight = sum(g z), dbias = sum(g), and in training
// dx = rstd w (g - mean(g) - z mean(g z)), else dx = rstd w g.
template <class T>
void batch_norm_backward(void* dx_out, void* dweight, void* dbias, const void* grad, const void* in,
                         const void* mean_in, const void* rstd_in, const void* weight,
                         bool training, const BatchNormShape& s) {
  const T* x = static_cast<const T*>(in);
  const T* g = static_cast<const T*>(grad);
  const T* mean = static_cast<const T*>(mean_in);
  const T* rstd = static_cast<const T*>(rstd_in);
  const T* w = static_cast<const T*>(weight);
  T* dx = static_cast<T*>(dx_out);
  T* dw = static_cast<T*>(dweight);
  T* db = static_cast<T*>(dbias);
  double count = static_cast<double>(s.n * s.inner);
  if (s.inner == 1) {
    double sums[2][kColumns];
    T along[kColumns], across[kColumns], factor[kColumns];
    for (int64_t c = s.first; c < s.last; c += kColumns) {
      int64_t columns = s.last - c < kColumns ? s.last - c : kColumns;
      column_sums<T, 2>(sums, s, c, columns, [&](int64_t row, int64_t first, auto place) PF_LAMBDA {
        Vec<T> z = (place.load(x + row) - place.load(mean + first)) * place.load(rstd + first);
        Vec<T> gv = place.load(g + row);
        return Terms<T, 2>{{gv, gv * z}};
      });
      for (int64_t j = 0; j < columns; ++j) {
        if (dw) dw[c + j] = static_cast<T>(sums[1][j]);
        if (db) db[c + j] = static_cast<T>(sums[0][j]);
        along[j] = training ? static_cast<T>(sums[0][j] / count) : T(0);
        across[j] = training ? static_cast<T>(sums[1][j] / count) : T(0);
        factor[j] = w ? rstd[c + j] * w[c + j] : rstd[c + j];
      }
      for (int64_t i = 0; dx && i < s.n; ++i) {
        int64_t row = i * s.channels + c;
        for_each_vector<T>(columns, [&](auto place) PF_LAMBDA {
          Vec<T> z = (place.load(x + row) - place.load(mean + c)) * place.load(rstd + c);
          Vec<T> v = (place.load(g + row) - place.load(along)) - z * place.load(across);
          place.store(dx + row, place.load(factor) * v);
        });
      }
    }
    return;
  }
  for (int64_t c = s.first; c < s.last; ++c) {
    Vec<T> m = mean[c], r = rstd[c];
    double sums[2];
    channel_sums<T, 2>(sums, s, c, [&](int64_t run, auto place) PF_LAMBDA {
      Vec<T> z = (place.load(x + run) - m) * r, gv = place.load(g + run);
      return Terms<T, 2>{{gv, gv * z}};
    });
    if (dw) dw[c] = static_cast<T>(sums[1]);
    if (db) db[c] = static_cast<T>(sums[0]);
    Vec<T> along = training ? static_cast<T>(sums[0] / count) : T(0);
    Vec<T> across = training ? static_cast<T>(sums[1] / count) : T(0);
    Vec<T> factor = w ? rstd[c] * w[c] : rstd[c];
    for (int64_t i = 0; dx && i < s.n; ++i) {
      int64_t run = (i * s.channels + c) * s.inner;
      for_each_vector<T>(s.inner, [&](auto place) PF_LAMBDA {
        Vec<T> z = (place.load(x + run) - m) * r;
        place.store(dx + run, factor * ((place.load(g + run) - along) - z * across));
      });
    }
  }
}

template <class T>
void fill(RowTable& t, int d) {
  t.batch_norm_stats[d] = batch_norm_stats<T>;
  t.batch_norm[d] = batch_norm<T>;
  t.batch_norm_backward[d] = batch_norm_backward<T>;
}

}  // namespace

void fill_batch_norm(RowTable& t) {
  fill<float>(t, 0);
  fill<double>(t, 1);
}

}  // namespace pyforge::kernels::PF_ISA
