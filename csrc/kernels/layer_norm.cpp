// Layer normalisation of each row.
#include "kernels/row_core.h"
#include "kernels/row_parts.h"

namespace pyforge::kernels::PF_ISA {
namespace {

template <class T>
void layer_norm(void* out, void* mean_out, void* rstd_out, const void* in, const void* weight,
                const void* bias, double eps, int64_t rows, int64_t cols) {
  const T* w = static_cast<const T*>(weight);
  const T* b = static_cast<const T*>(bias);
  double n = static_cast<double>(cols);
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = static_cast<const T*>(in) + r * cols;
    T* y = static_cast<T*>(out) + r * cols;
    double total;
    row_sums<T, 1>(&total, cols,
                   [&](auto place) PF_LAMBDA { return Terms<T, 1>{{place.load(x)}}; });
    T row_mean = static_cast<T>(total / n);
    Vec<T> mean = row_mean;
    row_sums<T, 1>(&total, cols, [&](auto place) PF_LAMBDA {
      Vec<T> d = place.load(x) - mean;
      return Terms<T, 1>{{d * d}};
    });
    T row_rstd = static_cast<T>(1 / __builtin_sqrt(total / n + eps));
    Vec<T> rstd = row_rstd;
    for_each_vector<T>(cols, [&](auto place) PF_LAMBDA {
      Vec<T> v = (place.load(x) - mean) * rstd;
      if (w) v = v * place.load(w);
      if (b) v = v + place.load(b);
      place.store(y, v);
    });
    static_cast<T*>(mean_out)[r] = row_mean;
    static_cast<T*>(rstd_out)[r] = row_rstd;
  }
}

// With z = (x - mean) rstd: dx = rstd (g w - mean(g w) - z mean(g w z)).
template <class T>
void layer_norm_backward(void* dx_out, void* dweight, void* dbias, const void* grad, const void* in,
                         const void* mean_in, const void* rstd_in, const void* weight, int64_t rows,
                         int64_t cols) {
  const T* w = static_cast<const T*>(weight);
  T* dw = static_cast<T*>(dweight);
  T* db = static_cast<T*>(dbias);
  double n = static_cast<double>(cols);
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = static_cast<const T*>(in) + r * cols;
    const T* g = static_cast<const T*>(grad) + r * cols;
    Vec<T> mean = static_cast<const T*>(mean_in)[r], rstd = static_cast<const T*>(rstd_in)[r];
    double sums[2];
    row_sums<T, 2>(sums, cols, [&](auto place) PF_LAMBDA {
      Vec<T> z = (place.load(x) - mean) * rstd, gv = place.load(g);
      if (dw) place.store(dw, place.load(dw) + gv * z);
      if (db) place.store(db, place.load(db) + gv);
      if (w) gv = gv * place.load(w);
      return Terms<T, 2>{{gv, gv * z}};
    });
    if (!dx_out) continue;
    T* dx = static_cast<T*>(dx_out) + r * cols;
    Vec<T> along = static_cast<T>(sums[0] / n), across = static_cast<T>(sums[1] / n);
    for_each_vector<T>(cols, [&](auto place) PF_LAMBDA {
      Vec<T> z = (place.load(x) - mean) * rstd, gv = place.load(g);
      if (w) gv = gv * place.load(w);
      place.store(dx, rstd * ((gv - along) - z * across));
    });
  }
}

template <class T>
void fill(RowTable& t, int d) {
  t.layer_norm[d] = layer_norm<T>;
  t.layer_norm_backward[d] = layer_norm_backward<T>;
}

}  // namespace

void fill_layer_norm(RowTable& t) {
  fill<float>(t, 0);
  fill<double>(t, 1);
}

void fill_rows(RowTable& t) {
  t = RowTable{};
  fill_softmax(t);
  fill_layer_norm(t);
  fill_batch_norm(t);
}

}  // namespace pyforge::kernels::PF_ISA
