// Elements repeated one by one, and quarter turns.
#include <algorithm>

#include "autograd/node.h"
#include "ops/index_plan.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

using OptInt = std::optional<int64_t>;

void check_output_size(OptInt output_size, int64_t total) {
  PF_CHECK(!output_size || *output_size == total, Runtime,
           "repeat_interleave: allocated size does not match required size: output_size is ",
           output_size.value_or(0), ", the repeats sum to ", total);
}

// 0 repeats[0] times, 1 repeats[1] times...
Tensor positions(const Tensor& repeats, OptInt output_size) {
  GradModeGuard off(false);
  PF_CHECK(repeats.dim() == 1, Runtime,
           "repeat_interleave only accept 1D vector as repeat, got shape ",
           to_string(repeats.sizes()));
  PF_CHECK(repeats.dtype() == DType::Int64 || repeats.dtype() == DType::Int32, NotImplemented,
           "\"repeat_interleave_cpu\" not implemented for '", dtype_name(repeats.dtype()),
           "': repeats must be int64 or int32");
  Tensor r = contiguous(to(repeats, DType::Int64));
  const int64_t* at = r.data<int64_t>();
  int64_t total = 0;
  for (int64_t i = 0; i < r.numel(); ++i) {
    PF_CHECK(at[i] >= 0, Runtime, "repeat_interleave: repeats can not be negative, got ", at[i]);
    PF_CHECK(!__builtin_add_overflow(total, at[i], &total), Runtime,
             "repeat_interleave: the sum of the repeats overflows int64");
  }
  check_output_size(output_size, total);
  Tensor y = empty({total}, DType::Int64);
  int64_t* to = y.data<int64_t>();
  for (int64_t i = 0; i < r.numel(); ++i) to = std::fill_n(to, at[i], i);
  return y;
}

struct RepeatInterleaveBackward {
  static constexpr const char* kName = "RepeatInterleaveBackward0";
  Shape sizes;
  int64_t dim, repeats;
  static void backward(Node&, RepeatInterleaveBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Dims wide{IntSpan(p.sizes)};
    wide.insert(p.dim + 1, p.repeats);
    int64_t summed = p.dim + 1;
    out[0] = sum_dims(reshape(in[0], wide), IntSpan(&summed, 1), false, std::nullopt);
  }
};

Tensor repeat_interleave_indices(const Tensor& repeats, OptInt output_size) {
  return positions(repeats, output_size);
}

Tensor repeat_interleave(const Tensor& input, int64_t repeats, OptInt dim, OptInt output_size) {
  PF_CHECK(repeats >= 0, Runtime, "repeat_interleave: Repeats must be non-negative, got ", repeats);
  Tensor x = dim && input.dim() ? input : reshape(input, {-1});
  int64_t d = wrap_dim("repeat_interleave", dim.value_or(0), x.dim()), total;
  PF_CHECK(!__builtin_mul_overflow(x.size(d), repeats, &total), Runtime,
           "repeat_interleave: the size of dimension ", d, " overflows int64");
  check_output_size(output_size, total);
  Dims sizes(x.sizes());
  sizes[d] = total;
  Tensor y = empty(sizes, x.dtype());
  if (y.numel()) {
    Dims outer(IntSpan(x.sizes().begin(), d)),
        inner(IntSpan(x.sizes().begin() + d + 1, x.dim() - d - 1));
    IndexPlan plan;
    plan.outer = offsets_of(outer, x.strides());
    plan.set_inner(inner, IntSpan(x.strides().begin() + d + 1, inner.size()));
    plan.mid.reserve(static_cast<size_t>(total));
    for (int64_t i = 0; i < x.size(d); ++i)
      plan.mid.insert(plan.mid.end(), static_cast<size_t>(repeats), i * x.stride(d));
    read_indexed(y, x, plan);
  }
  record<RepeatInterleaveBackward>(y, {&x}, {}, {x.sizes(), d, repeats});
  return y;
}

Tensor repeat_interleave_each(const Tensor& input, const Tensor& repeats, OptInt dim,
                              OptInt output_size) {
  Tensor x = dim && input.dim() ? input : reshape(input, {-1});
  int64_t d = wrap_dim("repeat_interleave", dim.value_or(0), x.dim());
  PF_CHECK(repeats.dim() <= 1, Runtime, "repeat_interleave: repeats must be 0-dim or 1-dim tensor");
  if (repeats.numel() == 1 && x.size(d) != 1) {
    PF_CHECK(repeats.dtype() == DType::Int64 || repeats.dtype() == DType::Int32, NotImplemented,
             "\"repeat_interleave_cpu\" not implemented for '", dtype_name(repeats.dtype()),
             "': repeats must be int64 or int32");
    return repeat_interleave(x, item(repeats).i, d, output_size);
  }
  PF_CHECK(repeats.numel() == x.size(d), Runtime,
           "repeat_interleave: repeats must have the same size as input along dim, but got "
           "repeats.size(0) = ",
           repeats.numel(), " and input.size(", d, ") = ", x.size(d));
  Tensor index;
  {
    GradModeGuard off(false);
    index = positions(reshape(repeats, {-1}), output_size);
  }
  return index_select(x, d, index);
}

Tensor rot90(const Tensor& t, int64_t k, IntSpan dims) {
  PF_CHECK(dims.size() == 2, Runtime,
           "rot90: expected total rotation dims == 2, but got dims = ", dims.size());
  PF_CHECK(t.dim() >= 2, Runtime,
           "rot90: expected total dims >= 2, but got total dims = ", t.dim());
  int64_t a = wrap_dim("rot90", dims[0], t.dim()), b = wrap_dim("rot90", dims[1], t.dim());
  PF_CHECK(a != b, Runtime,
           "rot90: expected rotation dims to be different, but got dim0 = ", dims[0],
           " and dim1 = ", dims[1]);
  switch (((k % 4) + 4) % 4) {
    case 1:
      return transpose(flip(t, {b}), a, b);
    case 2:
      return flip(t, {a, b});
    case 3:
      return transpose(flip(t, {a}), a, b);
    default:
      return clone(t);
  }
}

Tensor fliplr(const Tensor& t) {
  PF_CHECK(t.dim() >= 2, Runtime, "fliplr: Input must be >= 2-d.");
  return flip(t, {1});
}
Tensor flipud(const Tensor& t) {
  PF_CHECK(t.dim() >= 1, Runtime, "flipud: Input must be >= 1-d.");
  return flip(t, {0});
}

constexpr uint32_t kBoth = kFunction | kMethod;

PF_OP(repeat_interleave_indices,
      "repeat_interleave(Tensor repeats, *, int? output_size=None) -> Tensor", kFunction,
      "0 repeats[0] times, 1 repeats[1] times, and so on.")
PF_OP(repeat_interleave,
      "repeat_interleave(Tensor input, int repeats, int? dim=None, *, int? output_size=None) -> "
      "Tensor",
      kBoth, "Each position of dimension `dim` (each element without it) `repeats` times in a row.")
PF_OP(repeat_interleave_each,
      "repeat_interleave(Tensor input, Tensor repeats, int? dim=None, *, int? output_size=None) "
      "-> Tensor",
      kBoth, "The same with a number for each position, or one for all.")
PF_OP(rot90, "rot90(Tensor input, int k=1, int[] dims=[0,1]) -> Tensor", kBoth,
      "A copy turned by `k` quarters from the first of `dims` towards the second.")
PF_OP(fliplr, "fliplr(Tensor input) -> Tensor", kBoth, "A copy with dimension 1 reversed.")
PF_OP(flipud, "flipud(Tensor input) -> Tensor", kBoth, "A copy with dimension 0 reversed.")

}  // namespace
}  // namespace pyforge::ops
