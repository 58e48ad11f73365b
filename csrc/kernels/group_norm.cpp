// Normalisation of groups of channels in each sample.
#include "kernels/row_core.h"
#include "kernels/row_parts.h"

namespace pyforge::kernels::PF_ISA {
namespace {

template <class T>
void group_norm(void* out, void* mean_out, void* rstd_out, const void* in, const void* weight,
                const void* bias, double eps, const GroupNormShape& s) {
  const T* w = static_cast<const T*>(weight);
  const T* b = static_cast<const T*>(bias);
  const int64_t count = s.channels * s.inner;
  const double n = static_cast<double>(count);
  for (int64_t r = s.first; r < s.last; ++r) {
    const T* x = static_cast<const T*>(in) + r * count;
    T* y = static_cast<T*>(out) + r * count;
    double total;
    row_sums<T, 1>(&total, count,
                   [&](auto place) PF_LAMBDA { return Terms<T, 1>{{place.load(x)}}; });
    const T mean = static_cast<T>(total / n);
    row_sums<T, 1>(&total, count, [&](auto place) PF_LAMBDA {
      const Vec<T> d = place.load(x) - Vec<T>(mean);
      return Terms<T, 1>{{d * d}};
    });
    const T rstd = static_cast<T>(1 / __builtin_sqrt(total / n + eps));
    static_cast<T*>(mean_out)[r] = mean;
    static_cast<T*>(rstd_out)[r] = rstd;
    if (s.inner == 1) {
      const int64_t channel = r % s.groups * s.channels;
      for_each_vector<T>(count, [&](auto place) PF_LAMBDA {
        Vec<T> v = (place.load(x) - Vec<T>(mean)) * Vec<T>(rstd);
        if (w) v = v * place.load(w + channel);
        if (b) v = v + place.load(b + channel);
        place.store(y, v);
      });
      continue;
    }
    for (int64_t c = 0; c < s.channels; ++c) {
      const int64_t channel = r % s.groups * s.channels + c, at = c * s.inner;
      const Vec<T> scale = w ? rstd * w[channel] : rstd, shift = b ? b[channel] : T(0);
      for_each_vector<T>(s.inner, [&](auto place) PF_LAMBDA {
        place.store(y + at, fma(place.load(x + at) - Vec<T>(mean), scale, shift));
      });
    }
  }
}

// With z = (x - mean) rstd: dx = rstd (g w - mean(g w) - z mean(g w z)), means over the group.
template <class T>
void group_norm_backward(void* dx_out, void* dweight, void* dbias, const void* grad, const void* in,
                         const void* mean_in, const void* rstd_in, const void* weight,
                         const GroupNormShape& s) {
  const T* w = static_cast<const T*>(weight);
  T* dw = static_cast<T*>(dweight);
  T* db = static_cast<T*>(dbias);
  const int64_t count = s.channels * s.inner;
  const double n = static_cast<double>(count);
  for (int64_t r = s.first; r < s.last; ++r) {
    const T* x = static_cast<const T*>(in) + r * count;
    const T* g = static_cast<const T*>(grad) + r * count;
    const Vec<T> mean = static_cast<const T*>(mean_in)[r];
    const Vec<T> rstd = static_cast<const T*>(rstd_in)[r];
    const int64_t channel = r % s.groups * s.channels;
    const int64_t part = r * s.channels;  // of dweight and dbias
    double along = 0, across = 0;
    if (s.inner == 1) {
      double sums[2];
      row_sums<T, 2>(sums, count, [&](auto place) PF_LAMBDA {
        Vec<T> z = (place.load(x) - mean) * rstd, gv = place.load(g);
        if (dw) place.store(dw + part, gv * z);
        if (db) place.store(db + part, gv);
        if (w) gv = gv * place.load(w + channel);
        return Terms<T, 2>{{gv, gv * z}};
      });
      along = sums[0], across = sums[1];
    }
    for (int64_t c = 0; s.inner != 1 && c < s.channels; ++c) {
      const int64_t at = c * s.inner;
      double sums[2];
      row_sums<T, 2>(sums, s.inner, [&](auto place) PF_LAMBDA {
        const Vec<T> z = (place.load(x + at) - mean) * rstd, gv = place.load(g + at);
        return Terms<T, 2>{{gv, gv * z}};
      });
      if (dw) dw[part + c] = static_cast<T>(sums[1]);
      if (db) db[part + c] = static_cast<T>(sums[0]);
      const double factor = w ? static_cast<double>(w[channel + c]) : 1.0;
      along += factor * sums[0], across += factor * sums[1];
    }
    if (!dx_out) continue;
    T* dx = static_cast<T*>(dx_out) + r * count;
    const Vec<T> mean_along = static_cast<T>(along / n), mean_across = static_cast<T>(across / n);
    if (s.inner == 1) {
      for_each_vector<T>(count, [&](auto place) PF_LAMBDA {
        Vec<T> z = (place.load(x) - mean) * rstd, gv = place.load(g);
        if (w) gv = gv * place.load(w + channel);
        place.store(dx, rstd * ((gv - mean_along) - z * mean_across));
      });
      continue;
    }
    for (int64_t c = 0; c < s.channels; ++c) {
      const int64_t at = c * s.inner;
      const Vec<T> factor = w ? w[channel + c] : T(1);
      for_each_vector<T>(s.inner, [&](auto place) PF_LAMBDA {
        const Vec<T> z = (place.load(x + at) - mean) * rstd;
        place.store(dx + at, rstd * ((place.load(g + at) * factor - mean_along) - z * mean_across));
      });
    }
  }
}

template <class T>
void fill(RowTable& t, int d) {
  t.group_norm[d] = group_norm<T>;
  t.group_norm_backward[d] = group_norm_backward<T>;
}

}  // namespace

void fill_group_norm(RowTable& t) {
  fill<float>(t, 0);
  fill<double>(t, 1);
}

}  // namespace pyforge::kernels::PF_ISA
