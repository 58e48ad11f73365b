// device, requires_grad, layout and pin_memory are taken off by the argument parser (kCreation).
#include "ops/creation.h"

#include <cmath>
#include <cstring>

#include "core/random.h"

#include "ops/loop.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

using OptDType = std::optional<DType>;

DType floating_or_default(const char* op, OptDType dtype) {
  DType d = dtype.value_or(default_dtype());
  PF_CHECK(is_floating(d), NotImplemented, op, ": \"", op, "\" not implemented for '",
           dtype_name(d), "'; use float32 or float64");
  return d;
}

Tensor zeros_op(IntSpan size, OptDType dtype) {
  return zeros(size, dtype.value_or(default_dtype()));
}
Tensor ones_op(IntSpan size, OptDType dtype) {
  return full(size, Scalar(1), dtype.value_or(default_dtype()));
}
Tensor empty_op(IntSpan size, OptDType dtype) {
  return empty(size, dtype.value_or(default_dtype()));
}
Tensor full_op(IntSpan size, Scalar value, OptDType dtype) {
  DType d = dtype ? *dtype : value.kind == Scalar::Float ? default_dtype() : value.dtype_class();
  return full(size, checked_fit(value, d), d);
}

Tensor zeros_like_op(const Tensor& t, OptDType dtype) {
  Tensor y = empty_like(t);
  if (dtype && *dtype != t.dtype()) y = empty(t.sizes(), *dtype);
  fill_data(y, Scalar(0));
  return y;
}
Tensor ones_like_op(const Tensor& t, OptDType dtype) {
  Tensor y = dtype && *dtype != t.dtype() ? empty(t.sizes(), *dtype) : empty_like(t);
  fill_data(y, Scalar(1));
  return y;
}
Tensor empty_like_op(const Tensor& t, OptDType dtype) {
  return dtype && *dtype != t.dtype() ? empty(t.sizes(), *dtype) : empty_like(t);
}
Tensor full_like_op(const Tensor& t, Scalar value, OptDType dtype) {
  Tensor y = empty_like_op(t, dtype);
  fill_data(y, checked_fit(value, y.dtype()));
  return y;
}

Tensor new_zeros(const Tensor& t, IntSpan size, OptDType dtype) {
  return zeros(size, dtype.value_or(t.dtype()));
}
Tensor new_ones(const Tensor& t, IntSpan size, OptDType dtype) {
  return full(size, Scalar(1), dtype.value_or(t.dtype()));
}
Tensor new_empty(const Tensor& t, IntSpan size, OptDType dtype) {
  return empty(size, dtype.value_or(t.dtype()));
}
Tensor new_full(const Tensor& t, IntSpan size, Scalar value, OptDType dtype) {
  DType d = dtype.value_or(t.dtype());
  return full(size, checked_fit(value, d), d);
}

Tensor arange_end(Scalar end, OptDType dtype) { return arange(Scalar(0), end, Scalar(1), dtype); }

Tensor linspace(Scalar start, Scalar end, int64_t steps, OptDType dtype) {
  PF_CHECK(steps >= 0, Runtime, "linspace: number of steps must be non-negative, got ", steps);
  DType d = dtype.value_or(default_dtype());
  Tensor y = empty({steps}, d);
  double a = start.to_double(), b = end.to_double(),
         step = steps > 1 ? (b - a) / static_cast<double>(steps - 1) : 0;
  char* to = y->data;
  for (int64_t i = 0; i < steps; ++i, to += itemsize(d)) {
    // From both ends, so that the last value is exactly `end`.
    if (d == DType::Float32) {
      float fs = steps > 1 ? (static_cast<float>(b) - static_cast<float>(a)) /
                                 static_cast<float>(steps - 1)
                           : 0.0f;
      float v = i < steps / 2
                    ? std::fma(fs, static_cast<float>(i), static_cast<float>(a))
                    : std::fma(-fs, static_cast<float>(steps - 1 - i), static_cast<float>(b));
      *reinterpret_cast<float*>(to) = steps == 1 ? static_cast<float>(a) : v;
      continue;
    }
    double v = i < steps / 2 ? a + step * static_cast<double>(i)
                             : b - step * static_cast<double>(steps - 1 - i);
    Scalar value(steps == 1 ? a : v);
    store_scalar(to, is_floating(d) ? value : checked_fit(value, d), d);
  }
  return y;
}

Tensor eye(int64_t n, std::optional<int64_t> m, OptDType dtype) {
  PF_CHECK(n >= 0 && m.value_or(0) >= 0, Runtime,
           "eye: n and m must be greater or equal to 0, got ", n, " and ", m.value_or(n));
  Tensor y = zeros({n, m.value_or(n)}, dtype.value_or(default_dtype()));
  int64_t cols = m.value_or(n);
  for (int64_t i = 0; i < n && i < cols; ++i)
    store_scalar(y->data + (i * cols + i) * static_cast<int64_t>(itemsize(y.dtype())), Scalar(1),
                 y.dtype());
  return y;
}

Tensor rand_op(IntSpan size, Generator* g, OptDType dtype) {
  Tensor y = empty(size, floating_or_default("rand", dtype));
  uniform_data(y, 0, 1, g);
  return y;
}
Tensor randn_op(IntSpan size, Generator* g, OptDType dtype) {
  Tensor y = empty(size, floating_or_default("randn", dtype));
  normal_data(y, 0, 1, g);
  return y;
}
Tensor rand_like(const Tensor& t, OptDType dtype) {
  return rand_op(t.sizes(), nullptr, dtype.value_or(t.dtype()));
}
Tensor randn_like(const Tensor& t, OptDType dtype) {
  return randn_op(t.sizes(), nullptr, dtype.value_or(t.dtype()));
}

Tensor randint(int64_t low, int64_t high, IntSpan size, Generator* g, OptDType dtype) {
  PF_CHECK(low < high, Runtime, "random_ expects 'from' to be less than 'to', but got from=", low,
           " >= to=", high);
  DType d = dtype.value_or(DType::Int64);
  if (!is_floating(d)) {
    int64_t top = d == DType::Bool ? 1 : INT64_MAX;
    PF_CHECK(low >= 0 || (d != DType::UInt8 && d != DType::Bool && fits(Scalar(low), d)), Runtime,
             "randint: from is out of bounds for ", dtype_name(d), ", got ", low);
    PF_CHECK(high - 1 <= top && fits(Scalar(high - 1), d), Runtime,
             "randint: to - 1 is out of bounds for ", dtype_name(d), ", got ", high - 1);
  }
  Tensor y = empty(size, DType::Int64);
  stream(g).random_int(y.data<int64_t>(), y.numel(), low, high);
  return to(y, d);
}
Tensor randint_high(int64_t high, IntSpan size, Generator* g, OptDType dtype) {
  return randint(0, high, size, g, dtype);
}
Tensor randint_like(const Tensor& t, int64_t low, int64_t high, OptDType dtype) {
  return randint(low, high, t.sizes(), nullptr, dtype.value_or(t.dtype()));
}
Tensor randint_like_high(const Tensor& t, int64_t high, OptDType dtype) {
  return randint_like(t, 0, high, dtype);
}

Tensor randperm(int64_t n, Generator* g, OptDType dtype) {
  PF_CHECK(n >= 0, Runtime, "randperm: n must be non-negative, got ", n);
  checked_fit(Scalar(std::max<int64_t>(n - 1, 0)), dtype.value_or(DType::Int64));
  Tensor y = empty({n}, DType::Int64);
  stream(g).permutation(y.data<int64_t>(), n);
  return to(y, dtype.value_or(DType::Int64));
}

template <class F>
void fill_random(const char* op, const Tensor& t, F f) {
  PF_CHECK(is_floating(t.dtype()), NotImplemented, op, ": \"", op, "\" not implemented for '",
           dtype_name(t.dtype()), "'; use a floating-point tensor");
  if (t.is_contiguous()) {
    f(t);
  } else {
    Tensor values = empty(t.sizes(), t.dtype());
    f(values);
    copy_data(t, values);
  }
}

Tensor uniform_op(const Tensor& t, double from, double to, Generator* g) {
  PF_CHECK(from <= to, Runtime,
           "uniform_ expects to return a [from, to) range, but found from=", from, " > to=", to);
  Tensor y = empty(t.sizes(), t.dtype());
  fill_random("uniform_", y, [&](const Tensor& v) { uniform_data(v, from, to, g); });
  return y;
}
Tensor normal_op(const Tensor& t, double mean, double std, Generator* g) {
  PF_CHECK(std >= 0, Runtime, "normal expects std >= 0.0, but found std ", std);
  Tensor y = empty(t.sizes(), t.dtype());
  fill_random("normal_", y, [&](const Tensor& v) { normal_data(v, mean, std, g); });
  return y;
}
Tensor bernoulli_p(const Tensor& t, double p, Generator* g) {
  PF_CHECK(p >= 0 && p <= 1, Runtime, "bernoulli_ expects p to be in [0, 1], but got p=", p);
  Tensor y = empty(t.sizes(), is_floating(t.dtype()) ? t.dtype() : default_dtype());
  bernoulli_data(y, p, g);
  return to(y, t.dtype());
}
Tensor bernoulli(const Tensor& p, Generator* g) {
  PF_CHECK(is_floating(p.dtype()), NotImplemented,
           "bernoulli: \"bernoulli\" not implemented for integers; the probabilities must be "
           "floating point, got ",
           dtype_name(p.dtype()));
  Tensor probabilities = contiguous(detach(p)), y = empty(p.sizes(), p.dtype());
  for (int64_t i = 0; i < p.numel(); ++i) {
    double v =
        load_scalar(probabilities->data + i * static_cast<int64_t>(itemsize(p.dtype())), p.dtype())
            .f;
    PF_CHECK(v >= 0 && v <= 1, Runtime, "Expected p_in >= 0 && p_in <= 1 to be true, but got ", v,
             " (bernoulli)");
  }
  if (is_half(p.dtype())) {
    return narrowed(bernoulli(widened(p), g), p.dtype());
  } else if (p.dtype() == DType::Float32) {
    stream(g).bernoulli(y.data<float>(), y.numel(), probabilities.data<float>());
  } else {
    stream(g).bernoulli(y.data<double>(), y.numel(), probabilities.data<double>());
  }
  return y;
}

}  // namespace

Tensor arange(Scalar start, Scalar end, Scalar step, OptDType dtype) {
  bool floating =
      start.kind == Scalar::Float || end.kind == Scalar::Float || step.kind == Scalar::Float;
  DType d = dtype ? *dtype : floating ? default_dtype() : DType::Int64;
  double a = start.to_double(), b = end.to_double(), s = step.to_double();
  PF_CHECK(s != 0, Runtime, "arange: step must be nonzero");
  PF_CHECK(std::isfinite(a) && std::isfinite(b), Runtime, "arange: unsupported range: ", a, " -> ",
           b);
  PF_CHECK((s > 0 && b >= a) || (s < 0 && b <= a), Runtime,
           "arange: upper bound and lower bound inconsistent with step sign");
  double length = std::ceil((b - a) / s);
  __int128 exact = 0;
  if (!floating) {
    auto span = static_cast<__int128>(end.i) - start.i;
    exact = (span + step.i - (step.i > 0 ? 1 : -1)) / step.i;
    length = static_cast<double>(exact);
  }
  PF_CHECK(length < 9.2e18, Runtime, "arange: invalid size, possible overflow? ", length,
           " elements");
  auto n = floating ? static_cast<int64_t>(length) : static_cast<int64_t>(exact);
  Tensor y = empty({n}, d);
  char* to = y->data;
  // Unsigned: only the last sum is sure to be within int64.
  auto at = [&](int64_t i) {
    return static_cast<int64_t>(static_cast<uint64_t>(start.i) +
                                static_cast<uint64_t>(step.i) * static_cast<uint64_t>(i));
  };
  for (int64_t i = 0; i < n; ++i, to += itemsize(d))
    store_scalar(to, floating ? Scalar(a + s * static_cast<double>(i)) : Scalar(at(i)), d);
  return y;
}

void uniform_data(const Tensor& t, double from, double to, Generator* g) {
  if (is_half(t.dtype())) {
    Tensor wide = empty(t.sizes(), DType::Float32);
    uniform_data(wide, from, to, g);
    copy_data(t, wide);
    copy_data(t, where(eq(t, to), from, t));  // what was rounded up to the end of the interval
  } else if (t.dtype() == DType::Float32) {
    stream(g).uniform(t.data<float>(), t.numel(), from, to);
  } else {
    stream(g).uniform(t.data<double>(), t.numel(), from, to);
  }
}
void normal_data(const Tensor& t, double mean, double std, Generator* g) {
  if (is_half(t.dtype())) {
    // Drawn in whole blocks of 16; the last 16 elements come from a block of their own.
    int64_t n = t.numel(), drawn = n < 16 ? n : (n + 15) / 16 * 16;
    Tensor wide = empty({drawn}, DType::Float32), flat = make_view(t, {n}, {1}, t->data);
    normal_data(wide, mean, std, g);
    if (n > 0 && n != drawn)
      std::memmove(wide->data + 4 * (n - 16), wide->data + 4 * (drawn - 16), 64);
    copy_data(flat, make_view(wide, {n}, {1}, wide->data));
  } else if (t.dtype() == DType::Float32) {
    stream(g).normal(t.data<float>(), t.numel(), mean, std);
  } else {
    stream(g).normal(t.data<double>(), t.numel(), mean, std);
  }
}
void bernoulli_data(const Tensor& t, double p, Generator* g) {
  if (is_half(t.dtype())) {
    Tensor wide = empty(t.sizes(), DType::Float32);
    bernoulli_data(wide, p, g);
    copy_data(t, wide);
  } else if (t.dtype() == DType::Float32) {
    stream(g).bernoulli(t.data<float>(), t.numel(), p);
  } else {
    stream(g).bernoulli(t.data<double>(), t.numel(), p);
  }
}

constexpr uint32_t kNew = kFunction | kCreation;
constexpr uint32_t kNewMethod = kMethod | kCreation;

PF_OP(zeros_op, "zeros(int[] size, *, dtype? dtype=None) -> Tensor", kNew, "A tensor of zeros.")
PF_OP(ones_op, "ones(int[] size, *, dtype? dtype=None) -> Tensor", kNew, "A tensor of ones.")
PF_OP(empty_op, "empty(int[] size, *, dtype? dtype=None) -> Tensor", kNew,
      "A tensor with arbitrary values.")
PF_OP(full_op, "full(int[] size, Number fill_value, *, dtype? dtype=None) -> Tensor", kNew,
      "A tensor filled with one value, whose kind gives the dtype.")
PF_OP(zeros_like_op, "zeros_like(Tensor input, *, dtype? dtype=None) -> Tensor", kNew,
      "Zeros in the shape of `input`.")
PF_OP(ones_like_op, "ones_like(Tensor input, *, dtype? dtype=None) -> Tensor", kNew,
      "Ones in the shape of `input`.")
PF_OP(empty_like_op, "empty_like(Tensor input, *, dtype? dtype=None) -> Tensor", kNew,
      "Arbitrary values in the shape of `input`.")
PF_OP(full_like_op, "full_like(Tensor input, Number fill_value, *, dtype? dtype=None) -> Tensor",
      kNew, "One value in the shape and dtype of `input`.")
PF_OP(new_zeros, "new_zeros(Tensor input, int[] size, *, dtype? dtype=None) -> Tensor", kNewMethod,
      "Zeros of this tensor's dtype.")
PF_OP(new_ones, "new_ones(Tensor input, int[] size, *, dtype? dtype=None) -> Tensor", kNewMethod,
      "Ones of this tensor's dtype.")
PF_OP(new_empty, "new_empty(Tensor input, int[] size, *, dtype? dtype=None) -> Tensor", kNewMethod,
      "Arbitrary values of this tensor's dtype.")
PF_OP(new_full,
      "new_full(Tensor input, int[] size, Number fill_value, *, dtype? dtype=None) -> Tensor",
      kNewMethod, "One value, of this tensor's dtype.")
PF_OP(arange_end, "arange(Number end, *, dtype? dtype=None) -> Tensor", kNew,
      "0, 1, ... below `end`.")
PF_OP(arange, "arange(Number start, Number end, Number step=1, *, dtype? dtype=None) -> Tensor",
      kNew, "start, start + step, ... before `end`; int64 for integers, else the default dtype.")
PF_OP(linspace, "linspace(Number start, Number end, int steps, *, dtype? dtype=None) -> Tensor",
      kNew, "`steps` values at equal distances from start to end, both included.")
PF_OP(eye, "eye(int n, int? m=None, *, dtype? dtype=None) -> Tensor", kNew,
      "Ones on the diagonal of an n by m matrix, zeros elsewhere.")
PF_OP(rand_op, "rand(int[] size, *, Generator? generator=None, dtype? dtype=None) -> Tensor", kNew,
      "Uniform in [0, 1).")
PF_OP(randn_op, "randn(int[] size, *, Generator? generator=None, dtype? dtype=None) -> Tensor",
      kNew, "Normal with mean 0 and standard deviation 1.")
PF_OP(rand_like, "rand_like(Tensor input, *, dtype? dtype=None) -> Tensor", kNew,
      "Uniform in [0, 1), in the shape of `input`.")
PF_OP(randn_like, "randn_like(Tensor input, *, dtype? dtype=None) -> Tensor", kNew,
      "Standard normal, in the shape of `input`.")
PF_OP(randint_high,
      "randint(int high, int[] size, *, Generator? generator=None, dtype? dtype=None) -> Tensor",
      kNew, "Integers in [0, high), int64.")
PF_OP(randint,
      "randint(int low, int high, int[] size, *, Generator? generator=None, dtype? dtype=None) -> "
      "Tensor",
      kNew, "Integers in [low, high), int64.")
PF_OP(randint_like_high, "randint_like(Tensor input, int high, *, dtype? dtype=None) -> Tensor",
      kNew, "Integers in [0, high), in the shape of `input`.")
PF_OP(randint_like, "randint_like(Tensor input, int low, int high, *, dtype? dtype=None) -> Tensor",
      kNew, "Integers in [low, high), in the shape of `input`.")
PF_OP(randperm, "randperm(int n, *, Generator? generator=None, dtype? dtype=None) -> Tensor", kNew,
      "A random order of 0 .. n-1.")
PF_OP(bernoulli, "bernoulli(Tensor input, *, Generator? generator=None) -> Tensor",
      kFunction | kMethod, "1 with the probability that each element gives, else 0.")
PF_OP(bernoulli_p, "bernoulli(Tensor input, float p, *, Generator? generator=None) -> Tensor",
      kFunction | kMethod | kInplace, "1 with probability p, else 0, in the shape of `input`.")
PF_OP(uniform_op,
      "uniform(Tensor input, float from=0, float to=1, *, Generator? generator=None) -> Tensor",
      kInplace, "Uniform in [from, to).")
PF_OP(normal_op,
      "normal(Tensor input, float mean=0, float std=1, *, Generator? generator=None) -> Tensor",
      kInplace, "Normal with the given mean and standard deviation.")

}  // namespace pyforge::ops
