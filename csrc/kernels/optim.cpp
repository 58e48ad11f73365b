// Optimiser steps, each one pass over the parameter and its state.
#include "kernels/optim.h"

#include "kernels/lanes.h"
#include "kernels/math.h"

namespace pyforge::kernels::PF_ISA {
namespace {

template <class T>
PF_INLINE Vec<T> spread(double x) {
  return Vec<T>(static_cast<T>(x));
}

// a + weight * (b - a), from the nearer end.
template <class T>
struct Lerp {
  Vec<T> factor;
  bool near_start;
  explicit Lerp(double weight)
      : factor(spread<T>(static_cast<T>(weight) < T(0.5) ? weight : weight - 1)),
        near_start(static_cast<T>(weight) < T(0.5)) {}
  Vec<T> operator()(Vec<T> a, Vec<T> b) const { return fma(factor, b - a, near_start ? a : b); }
};

template <class T>
struct Gradient {
  const T* grad;
  Vec<T> decay;
  bool decays;
  Vec<T> factor;
  bool scaled;
  Gradient(const void* grad, double weight_decay, double scale)
      : grad(static_cast<const T*>(grad)),
        decay(spread<T>(weight_decay)),
        decays(weight_decay != 0),
        factor(spread<T>(scale)),
        scaled(scale != 1) {}
  template <class Place>
  Vec<T> operator()(const Place& place, Vec<T> param) const {
    Vec<T> g = place.load(grad);
    if (scaled) g = g * factor;
    return decays ? fma(decay, param, g) : g;
  }
};

template <class T>
void sgd(void* param, const void* grad, void* buffer, int64_t n, const SgdArgs& a) {
  T* p = static_cast<T*>(param);
  T* b = static_cast<T*>(buffer);
  Gradient<T> gradient(grad, a.weight_decay, a.grad_scale);
  Vec<T> minus_lr = spread<T>(-a.lr), momentum = spread<T>(a.momentum),
         fresh = spread<T>(1 - a.dampening);
  bool uses_momentum = a.momentum != 0;
  for_each_vector<T>(n, [&](auto place) {
    Vec<T> x = place.load(p), g = gradient(place, x);
    if (uses_momentum) {
      Vec<T> m = a.first ? g : fma(fresh, g, place.load(b) * momentum);
      place.store(b, m);
      g = a.nesterov ? fma(momentum, m, g) : m;
    }
    place.store(p, fma(minus_lr, g, x));
  });
}

template <class T>
void adam(void* param, const void* grad, void* exp_avg, void* exp_avg_sq, void* max_exp_avg_sq,
          int64_t n, const AdamArgs& a) {
  T* p = static_cast<T*>(param);
  T* m = static_cast<T*>(exp_avg);
  T* v = static_cast<T*>(exp_avg_sq);
  T* largest = static_cast<T*>(max_exp_avg_sq);
  Gradient<T> gradient(grad, a.decoupled ? 0 : a.weight_decay, a.grad_scale);
  bool shrinks = a.weight_decay != 0 && a.decoupled;
  Vec<T> shrink = spread<T>(1 - a.lr * a.weight_decay), beta2 = spread<T>(a.beta2),
         fresh = spread<T>(1 - a.beta2), eps = spread<T>(a.eps);
  Vec<T> step = spread<T>(-(a.lr / a.bias_correction1)),
         root = spread<T>(__builtin_sqrt(a.bias_correction2));
  Lerp<T> lerp(1 - a.beta1);
  for_each_vector<T>(n, [&](auto place) {
    Vec<T> x = place.load(p);
    if (shrinks) x = x * shrink;
    Vec<T> g = gradient(place, x);
    Vec<T> first = lerp(place.load(m), g);
    Vec<T> second = fma(fresh * g, g, place.load(v) * beta2);
    place.store(m, first);
    place.store(v, second);
    if (a.amsgrad) {
      Vec<T> old = place.load(largest);
      second = where((old > second) | (old != old), old, second);
      place.store(largest, second);
    }
    Vec<T> denominator = sqrt(second) / root + eps;
    place.store(p, x + step * first / denominator);
  });
}

template <class T>
void rmsprop(void* param, const void* grad, void* square_avg, void* grad_avg, void* buffer,
             int64_t n, const RmspropArgs& a) {
  T* p = static_cast<T*>(param);
  T* v = static_cast<T*>(square_avg);
  T* m = static_cast<T*>(grad_avg);
  T* b = static_cast<T*>(buffer);
  Gradient<T> gradient(grad, a.weight_decay, a.grad_scale);
  Vec<T> alpha = spread<T>(a.alpha), fresh = spread<T>(1 - a.alpha), eps = spread<T>(a.eps),
         minus_lr = spread<T>(-a.lr), momentum = spread<T>(a.momentum);
  Lerp<T> lerp(1 - a.alpha);
  bool uses_momentum = a.momentum > 0;
  for_each_vector<T>(n, [&](auto place) {
    Vec<T> x = place.load(p), g = gradient(place, x);
    Vec<T> second = fma(fresh * g, g, place.load(v) * alpha);
    place.store(v, second);
    if (a.centered) {
      Vec<T> first = lerp(place.load(m), g);
      place.store(m, first);
      second = fma(-first, first, second);
    }
    Vec<T> denominator = sqrt(second) + eps;
    if (uses_momentum) {
      Vec<T> velocity = place.load(b) * momentum + g / denominator;
      place.store(b, velocity);
      x = fma(minus_lr, velocity, x);
    } else {
      x = x + minus_lr * g / denominator;
    }
    place.store(p, x);
  });
}

template <class T>
void adagrad(void* param, const void* grad, void* state_sum, int64_t n, const AdagradArgs& a) {
  T* p = static_cast<T*>(param);
  T* s = static_cast<T*>(state_sum);
  Gradient<T> gradient(grad, a.weight_decay, a.grad_scale);
  Vec<T> eps = spread<T>(a.eps), minus_lr = spread<T>(-a.lr);
  for_each_vector<T>(n, [&](auto place) {
    Vec<T> x = place.load(p), g = gradient(place, x);
    Vec<T> sum = fma(g, g, place.load(s));
    place.store(s, sum);
    place.store(p, x + minus_lr * g / (sqrt(sum) + eps));
  });
}

template <class T>
void nadam(void* param, const void* grad, void* exp_avg, void* exp_avg_sq, int64_t n,
           const NadamArgs& a) {
  T* p = static_cast<T*>(param);
  T* m = static_cast<T*>(exp_avg);
  T* v = static_cast<T*>(exp_avg_sq);
  Gradient<T> gradient(grad, a.decoupled ? 0 : a.weight_decay, a.grad_scale);
  bool shrinks = a.weight_decay != 0 && a.decoupled;
  Vec<T> shrink = spread<T>(1 - a.lr * a.weight_decay), beta2 = spread<T>(a.beta2),
         fresh = spread<T>(1 - a.beta2), eps = spread<T>(a.eps),
         correction = spread<T>(a.bias_correction2), grad_rate = spread<T>(-a.grad_rate),
         mean_rate = spread<T>(-a.mean_rate);
  Lerp<T> lerp(1 - a.beta1);
  for_each_vector<T>(n, [&](auto place) {
    Vec<T> x = place.load(p);
    if (shrinks) x = x * shrink;
    Vec<T> g = gradient(place, x);
    Vec<T> first = lerp(place.load(m), g);
    Vec<T> second = fma(fresh * g, g, place.load(v) * beta2);
    place.store(m, first);
    place.store(v, second);
    Vec<T> denominator = sqrt(second / correction) + eps;
    x = x + grad_rate * g / denominator;
    place.store(p, x + mean_rate * first / denominator);
  });
}

template <class T>
void radam(void* param, const void* grad, void* exp_avg, void* exp_avg_sq, int64_t n,
           const RadamArgs& a) {
  T* p = static_cast<T*>(param);
  T* m = static_cast<T*>(exp_avg);
  T* v = static_cast<T*>(exp_avg_sq);
  Gradient<T> gradient(grad, a.decoupled ? 0 : a.weight_decay, a.grad_scale);
  bool shrinks = a.weight_decay != 0 && a.decoupled, adapts = a.rectification > 0;
  Vec<T> shrink = spread<T>(1 - a.lr * a.weight_decay), beta2 = spread<T>(a.beta2),
         fresh = spread<T>(1 - a.beta2), eps = spread<T>(a.eps), lr = spread<T>(a.lr),
         correction = spread<T>(a.bias_correction1),
         root = spread<T>(__builtin_sqrt(a.bias_correction2)),
         rectification = spread<T>(a.rectification);
  Lerp<T> lerp(1 - a.beta1);
  for_each_vector<T>(n, [&](auto place) {
    Vec<T> x = place.load(p);
    if (shrinks) x = x * shrink;
    Vec<T> g = gradient(place, x);
    Vec<T> first = lerp(place.load(m), g);
    Vec<T> second = fma(fresh * g, g, place.load(v) * beta2);
    place.store(m, first);
    place.store(v, second);
    Vec<T> step = first / correction * lr;
    if (adapts) step = step * (root / (sqrt(second) + eps)) * rectification;
    place.store(p, x - step);
  });
}

template <class T>
void adamax(void* param, const void* grad, void* exp_avg, void* exp_inf, int64_t n,
            const AdamaxArgs& a) {
  T* p = static_cast<T*>(param);
  T* m = static_cast<T*>(exp_avg);
  T* u = static_cast<T*>(exp_inf);
  Gradient<T> gradient(grad, a.weight_decay, a.grad_scale);
  Vec<T> beta2 = spread<T>(a.beta2), eps = spread<T>(a.eps), minus_lr = spread<T>(-a.lr);
  Lerp<T> lerp(1 - a.beta1);
  for_each_vector<T>(n, [&](auto place) {
    Vec<T> x = place.load(p), g = gradient(place, x);
    Vec<T> first = lerp(place.load(m), g);
    Vec<T> largest = maximum(place.load(u) * beta2, abs(g) + eps);
    place.store(m, first);
    place.store(u, largest);
    place.store(p, x + minus_lr * first / largest);
  });
}

template <class T>
void adadelta(void* param, const void* grad, void* square_avg, void* acc_delta, int64_t n,
              const AdadeltaArgs& a) {
  T* p = static_cast<T*>(param);
  T* v = static_cast<T*>(square_avg);
  T* d = static_cast<T*>(acc_delta);
  Gradient<T> gradient(grad, a.weight_decay, a.grad_scale);
  Vec<T> rho = spread<T>(a.rho), fresh = spread<T>(1 - a.rho), eps = spread<T>(a.eps),
         minus_lr = spread<T>(-a.lr);
  for_each_vector<T>(n, [&](auto place) {
    Vec<T> x = place.load(p), g = gradient(place, x);
    Vec<T> square = fma(fresh * g, g, place.load(v) * rho), moved = place.load(d);
    Vec<T> delta = sqrt(moved + eps) / sqrt(square + eps) * g;
    place.store(v, square);
    place.store(d, fma(fresh * delta, delta, moved * rho));
    place.store(p, fma(minus_lr, delta, x));
  });
}

template <class T>
void rprop(void* param, const void* grad, void* prev, void* step_size, int64_t n,
           const RpropArgs& a) {
  T* p = static_cast<T*>(param);
  T* before = static_cast<T*>(prev);
  T* size = static_cast<T*>(step_size);
  Gradient<T> gradient(grad, 0, a.grad_scale);
  Vec<T> minus = spread<T>(a.eta_minus), plus = spread<T>(a.eta_plus), zero = spread<T>(0),
         one = spread<T>(1), smallest = spread<T>(a.step_min), largest = spread<T>(a.step_max);
  for_each_vector<T>(n, [&](auto place) {
    Vec<T> x = place.load(p), g = gradient(place, x);
    Vec<T> product = g * place.load(before);
    Vec<T> factor = where(product > zero, plus, where(product < zero, minus, one));
    factor = where(product != product, product, factor);
    Vec<T> step = minimum(maximum(place.load(size) * factor, smallest), largest);
    g = where(factor == minus, zero, g);
    place.store(size, step);
    place.store(before, g);
    place.store(p, x - sign(g) * step);
  });
}

template <class T>
void asgd(void* param, const void* grad, void* average, int64_t n, const AsgdArgs& a) {
  T* p = static_cast<T*>(param);
  T* mean = static_cast<T*>(average);
  Gradient<T> gradient(grad, a.weight_decay, a.grad_scale);
  Vec<T> shrink = spread<T>(1 - a.decay * a.lr), minus_lr = spread<T>(-a.lr),
         share = spread<T>(a.share);
  bool restarts = a.share == 1;
  for_each_vector<T>(n, [&](auto place) {
    Vec<T> x = place.load(p), g = gradient(place, x);
    x = fma(minus_lr, g, x * shrink);
    Vec<T> old = place.load(mean);
    place.store(p, x);
    place.store(mean, restarts ? x : old + (x - old) * share);
  });
}

template <class T>
bool all_finite(const T* p, int64_t n) {
  bool finite = true;
  for (int64_t i = 0; i < n; ++i) finite &= p[i] - p[i] == 0;
  return finite;
}

template <class T>
void sum_squares(const void* x, int64_t n, double* sum, bool* finite) {
  constexpr int kWidth = 16;
  const T* p = static_cast<const T*>(x);
  double total = 0;
  for (int64_t i = 0; i < n;) {
    double acc[kWidth] = {};
    int64_t end = n - i < 4096 ? n : i + 4096;
    for (; i + kWidth <= end; i += kWidth) {
      for (int k = 0; k < kWidth; ++k) {
        double e = static_cast<double>(p[i + k]);
        acc[k] += e * e;
      }
    }
    for (int k = 0; i < end; ++i, ++k) {
      double e = static_cast<double>(p[i]);
      acc[k] += e * e;
    }
    for (int half = kWidth / 2; half > 0; half /= 2) {
      for (int k = 0; k < half; ++k) acc[k] += acc[k + half];
    }
    total += acc[0];
  }
  *sum = total;
  *finite = total - total == 0 || all_finite(p, n);  // only squares of float64 overflow
}

template <class T>
void scale_in_place(void* x, int64_t n, double factor) {
  T* p = static_cast<T*>(x);
  T f = static_cast<T>(factor);
  for (int64_t i = 0; i < n; ++i) p[i] *= f;
}

template <class T>
void fill_one(OptimTable& t, int d) {
  t.sgd[d] = sgd<T>;
  t.adam[d] = adam<T>;
  t.rmsprop[d] = rmsprop<T>;
  t.adagrad[d] = adagrad<T>;
  t.nadam[d] = nadam<T>;
  t.radam[d] = radam<T>;
  t.adamax[d] = adamax<T>;
  t.adadelta[d] = adadelta<T>;
  t.rprop[d] = rprop<T>;
  t.asgd[d] = asgd<T>;
  t.sum_squares[d] = sum_squares<T>;
  t.scale[d] = scale_in_place<T>;
}

}  // namespace

void fill_optim(OptimTable& t) {
  fill_one<float>(t, 0);
  fill_one<double>(t, 1);
}

}  // namespace pyforge::kernels::PF_ISA
