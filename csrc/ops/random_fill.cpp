// Draws other than uniform and normal numbers: integers, exponential, categories.
#include <cmath>

#include "autograd/grad_mode.h"
#include "core/random.h"
#include "ops/loop.h"
#include "ops/ops.h"
#include "ops/sort.h"

namespace pyforge::ops {
namespace {

// One past the largest integer that random_() draws: what the dtype holds exactly.
double random_limit(DType dtype) {
  switch (dtype) {
    case DType::Bool:
      return 2;
    case DType::UInt8:
      return 256;
    case DType::Int8:
      return 128;
    case DType::Int16:
      return 32768;
    case DType::Int32:
      return 2147483648.0;
    case DType::Float64:
      return 9007199254740993.0;
    default:
      return 16777217;
  }
}

Tensor integers(const Tensor& like, int64_t low, int64_t high, Generator* g) {
  Tensor drawn = empty(like.sizes(), DType::Int64);
  stream(g).random_int(drawn.data<int64_t>(), drawn.numel(), low, high);
  return to(drawn, like.dtype());
}

Tensor random_between(const Tensor& input, int64_t from, int64_t to, Generator* g) {
  PF_CHECK(from < to, Runtime, "random_ expects 'from' to be less than 'to', but got from=", from,
           " >= to=", to);
  return integers(input, from, to, g);
}
Tensor random_below(const Tensor& input, int64_t to, Generator* g) {
  return random_between(input, 0, to, g);
}
Tensor random_full(const Tensor& input, Generator* g) {
  if (input.dtype() != DType::Int64)
    return integers(input, 0, static_cast<int64_t>(random_limit(input.dtype())), g);
  Tensor y = empty(input.sizes(), DType::Int64);
  for (int64_t i = 0; i < y.numel(); ++i)
    y.data<int64_t>()[i] = static_cast<int64_t>(stream(g).random64() & INT64_MAX);
  return y;
}

Tensor exponential(const Tensor& input, double lambd, Generator* g) {
  PF_CHECK(is_floating(input.dtype()), Runtime,
           "Exponential distribution is a continuous probability distribution. dtype must be a "
           "floating point but you specified ",
           dtype_name(input.dtype()));
  PF_CHECK(lambd > 0, Runtime, "exponential_ expects lambda > 0.0, but found lambda=", lambd);
  Tensor y = empty(input.sizes(), DType::Float64);
  if (input.dtype() == DType::Float32) {
    y = empty(input.sizes(), DType::Float32);
    stream(g).exponential(y.data<float>(), y.numel(), lambd);
  } else {
    stream(g).exponential(y.data<double>(), y.numel(), lambd);
  }
  return to(y, input.dtype());
}

// For each of `count` draws a uniform number and a search in the running sum of one row.
void draw_with_replacement(const double* weights, double* sums, int64_t n, int64_t* out,
                           int64_t count, Generator& g) {
  double total = 0;
  for (int64_t i = 0; i < n; ++i) sums[i] = total += weights[i];
  for (int64_t i = 0; i < n; ++i) sums[i] /= total;
  sums[n - 1] = 1;
  for (int64_t k = 0; k < count; ++k) {
    double u;
    g.uniform(&u, 1, 0, 1);
    int64_t left = 0, right = n;
    while (left < right) {
      int64_t middle = left + (right - left) / 2;
      if (sums[middle] < u) {
        left = middle + 1;
      } else {
        right = middle;
      }
    }
    out[k] = left;
  }
}

Tensor multinomial(const Tensor& input, int64_t num_samples, bool replacement, Generator* g) {
  PF_CHECK(is_floating(input.dtype()), Runtime,
           "multinomial only supports floating-point dtypes for input, got: ",
           dtype_name(input.dtype()));
  PF_CHECK(input.dim() == 1 || input.dim() == 2, Runtime,
           "prob_dist must be 1 or 2 dim, got shape ", to_string(input.sizes()));
  int64_t n = input.size(input.dim() - 1), rows = input.dim() == 2 ? input.size(0) : 1;
  PF_CHECK(num_samples > 0, Runtime, "cannot sample n_sample <= 0 samples");
  PF_CHECK(replacement || num_samples <= n, Runtime,
           "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
  GradModeGuard off(false);
  Tensor weights = contiguous(to(detach(input), DType::Float64));
  for (int64_t r = 0; r < rows; ++r) {
    const double* w = weights.data<double>() + r * n;
    double total = 0;
    for (int64_t i = 0; i < n; ++i) {
      PF_CHECK(w[i] >= 0 && std::isfinite(w[i]), Runtime,
               "multinomial: probability tensor contains either `inf`, `nan` or element < 0");
      total += w[i];
    }
    PF_CHECK(total > 0, Runtime,
             "multinomial: invalid multinomial distribution (sum of probabilities <= 0)");
  }
  // The largest of weight / exponential: a draw without replacement, and PyTorch's of one number.
  if (!replacement || num_samples == 1) {
    Tensor race = exponential(input, 1, g);
    race = div(detach(input), race);
    return std::get<1>(topk(race, num_samples, -1, true, true));
  }
  Dims sizes;
  if (input.dim() == 2) sizes.push_back(rows);
  sizes.push_back(num_samples);
  Tensor y = empty(sizes, DType::Int64), sums = empty({n}, DType::Float64);
  for (int64_t r = 0; r < rows; ++r)
    draw_with_replacement(weights.data<double>() + r * n, sums.data<double>(), n,
                          y.data<int64_t>() + r * num_samples, num_samples, stream(g));
  return y;
}

Tensor normal_tensors(const Operand& mean, const Operand& std, Generator* g) {
  const Tensor& t = mean.is_tensor() ? mean.tensor() : std.tensor();
  Dims sizes = mean.is_tensor() && std.is_tensor()
                   ? broadcast_shapes("normal", mean.tensor().sizes(), std.tensor().sizes())
                   : Dims(t.sizes());
  GradModeGuard off(false);
  if (std.is_tensor()) {
    PF_CHECK(std.tensor().numel() == 0 ||
                 load_scalar(amin(std.tensor(), IntSpan(), false)->data, std.tensor().dtype())
                         .to_double() >= 0,
             Runtime, "normal expects all elements of std >= 0.0");
  } else {
    PF_CHECK(std.number().to_double() >= 0, Runtime, "normal expects std >= 0.0, but found std ",
             std.number().to_double());
  }
  Tensor y = empty(sizes, t.dtype());
  normal_data(y, 0, 1, g);
  return add(mul(y, std), mean);
}
Tensor normal_size(double mean, double std, IntSpan size, Generator* g,
                   std::optional<DType> dtype) {
  PF_CHECK(std >= 0, Runtime, "normal expects std >= 0.0, but found std ", std);
  Tensor y = empty(size, dtype.value_or(default_dtype()));
  normal_data(y, mean, std, g);
  return y;
}

}  // namespace

PF_OP(random_full, "random(Tensor input, *, Generator? generator=None) -> Tensor", kInplace,
      "Integers from 0 to the largest that the dtype holds exactly.")
PF_OP(random_below, "random(Tensor input, int to, *, Generator? generator=None) -> Tensor",
      kInplace, "Integers in [0, to).")
PF_OP(random_between,
      "random(Tensor input, int from, int to, *, Generator? generator=None) -> Tensor", kInplace,
      "Integers in [from, to).")
PF_OP(exponential,
      "exponential(Tensor input, float lambd=1, *, Generator? generator=None) -> Tensor", kInplace,
      "Exponentially distributed numbers of rate `lambd`.")
PF_OP(multinomial,
      "multinomial(Tensor input, int num_samples, bool replacement=False, *, Generator? "
      "generator=None) -> Tensor",
      kFunction | kMethod,
      "Indices drawn from each row of weights `input`, (n) or (rows, n); int64, (num_samples) or "
      "(rows, num_samples).")
PF_OP(normal_size,
      "normal(float mean, float std, int[] size, *, Generator? generator=None, dtype? dtype=None) "
      "-> Tensor",
      kFunction | kCreation, "Normal numbers of one mean and standard deviation.")
PF_OP(normal_tensors,
      "normal(Tensor|Number mean, Tensor|Number std=1, *, Generator? generator=None) -> Tensor",
      kFunction, "Normal numbers with means and standard deviations of their own, broadcast.")

}  // namespace pyforge::ops
