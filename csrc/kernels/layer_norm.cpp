// Layer and RMS normalisation of each row.
#include "kernels/row_core.h"
#include "kernels/row_parts.h"

namespace pyforge::kernels::PF_ISA {
namespace {

// kCentred: the mean is subtracted (layer norm); else only the size is brought to 1 (RMS norm), and
// mean_out and mean_in are null.
template <class T, bool kCentred>
void normalise(void* out, void* mean_out, void* rstd_out, const void* in, const void* weight,
               const void* bias, double eps, int64_t rows, int64_t cols) {
  const T* w = static_cast<const T*>(weight);
  const T* b = static_cast<const T*>(bias);
  double n = static_cast<double>(cols);
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = static_cast<const T*>(in) + r * cols;
    T* y = static_cast<T*>(out) + r * cols;
    double total = 0;
    if constexpr (kCentred) {
      row_sums<T, 1>(&total, cols,
                     [&](auto place) PF_LAMBDA { return Terms<T, 1>{{place.load(x)}}; });
    }
    T row_mean = static_cast<T>(total / n);
    Vec<T> mean = row_mean;
    row_sums<T, 1>(&total, cols, [&](auto place) PF_LAMBDA {
      Vec<T> d = place.load(x);
      if constexpr (kCentred) d = d - mean;
      return Terms<T, 1>{{d * d}};
    });
    T row_rstd = static_cast<T>(1 / __builtin_sqrt(total / n + eps));
    Vec<T> rstd = row_rstd;
    for_each_vector<T>(cols, [&](auto place) PF_LAMBDA {
      Vec<T> v = place.load(x);
      if constexpr (kCentred) v = v - mean;
      v = v * rstd;
      if (w) v = v * place.load(w);
      if (b) v = v + place.load(b);
      place.store(y, v);
    });
    if constexpr (kCentred) static_cast<T*>(mean_out)[r] = row_mean;
    static_cast<T*>(rstd_out)[r] = row_rstd;
  }
}

// With z = (x - mean) rstd: dx = rstd (g w - mean(g w) - z mean(g w z)), without mean(g w) if not
// centred.
template <class T, bool kCentred>
void normalise_backward(void* dx_out, void* dweight, void* dbias, const void* grad, const void* in,
                        const void* mean_in, const void* rstd_in, const void* weight, int64_t rows,
                        int64_t cols) {
  const T* w = static_cast<const T*>(weight);
  T* dw = static_cast<T*>(dweight);
  T* db = static_cast<T*>(dbias);
  double n = static_cast<double>(cols);
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = static_cast<const T*>(in) + r * cols;
    const T* g = static_cast<const T*>(grad) + r * cols;
    const Vec<T> mean = kCentred ? static_cast<const T*>(mean_in)[r] : T(0);
    const Vec<T> rstd = static_cast<const T*>(rstd_in)[r];
    const auto normal = [&](auto place) PF_LAMBDA {
      Vec<T> v = place.load(x);
      if constexpr (kCentred) v = v - mean;
      return v * rstd;
    };
    double sums[2];
    row_sums<T, 2>(sums, cols, [&](auto place) PF_LAMBDA {
      Vec<T> z = normal(place), gv = place.load(g);
      if (dw) place.store(dw, place.load(dw) + gv * z);
      if (db) place.store(db, place.load(db) + gv);
      if (w) gv = gv * place.load(w);
      return Terms<T, 2>{{gv, gv * z}};
    });
    if (!dx_out) continue;
    T* dx = static_cast<T*>(dx_out) + r * cols;
    Vec<T> along = kCentred ? static_cast<T>(sums[0] / n) : T(0);
    Vec<T> across = static_cast<T>(sums[1] / n);
    for_each_vector<T>(cols, [&](auto place) PF_LAMBDA {
      Vec<T> gv = place.load(g);
      if (w) gv = gv * place.load(w);
      place.store(dx, rstd * ((gv - along) - normal(place) * across));
    });
  }
}

template <class T>
void fill(RowTable& t, int d) {
  t.layer_norm[d] = normalise<T, true>;
  t.layer_norm_backward[d] = normalise_backward<T, true>;
  t.rms_norm[d] = normalise<T, false>;
  t.rms_norm_backward[d] = normalise_backward<T, false>;
}

}  // namespace

void fill_layer_norm(RowTable& t) {
  fill<float>(t, 0);
  fill<double>(t, 1);
}

void fill_rows(RowTable& t) {
  t = RowTable{};
  fill_softmax(t);
  fill_softmax_columns(t);
  fill_layer_norm(t);
  fill_batch_norm(t);
  fill_group_norm(t);
}

}  // namespace pyforge::kernels::PF_ISA
