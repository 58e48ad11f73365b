// scatter_reduce and index_reduce. Derivatives as in PyTorch's documentation of scatter_reduce:
// ties of amax and amin share the gradient, products are divided by the factor.
#include <limits>

#include "autograd/node.h"
#include "ops/loop.h"
#include "ops/ops.h"
#include "ops/scatter.h"

namespace pyforge::ops {
namespace {

enum class Reduction : uint8_t { Sum, Prod, Mean, Amax, Amin };

Tensor reduce_into(const char* op, const Tensor& self, const ScatterTarget& t, Reduction reduce,
                   bool include_self);

// How many values met at each place, at least 1.
Tensor counts(const Tensor& like, int64_t dim, const Tensor& index, bool include_self) {
  GradModeGuard off(false);
  Tensor n = full(like.sizes(), Scalar(include_self ? 1 : 0), like.dtype());
  n = scatter_add(n, dim, index, full(index.sizes(), Scalar(1), like.dtype()));
  return maximum(n, ones_like(n));
}

Tensor as_dtype(const Tensor& mask, DType dtype) {
  GradModeGuard off(false);
  return to(mask, dtype);
}

// Saves the index; of products and extremes also self, src and the result.
struct ReduceBackward {
  static constexpr const char* kName = "ScatterReduceBackward0";
  int64_t dim;
  Reduction reduce;
  bool include_self;

  void prod(Node& n, const Tensor& g, Tensor* out) const {
    Tensor index = n.saved(0), self = n.saved(1), src = n.saved(2), result = n.saved(3);
    if (n.needs(0)) {
      Tensor nonzero_self = masked_fill(self, eq(self, 0), Scalar(1));
      out[0] = div(mul(g, reduce_into("scatter_reduce", nonzero_self, {dim, index, src},
                                      Reduction::Prod, include_self)),
                   nonzero_self);
    }
    if (!n.needs(1)) return;
    Tensor zero = eq(src, 0);
    Tensor zeros_there = gather(
        scatter_add(zeros(self.sizes(), self.dtype()), dim, index, as_dtype(zero, self.dtype())),
        dim, index);
    Tensor only_zero = logical_and(zero, eq(zeros_there, 1));
    Tensor others =
        reduce_into("scatter_reduce", self, {dim, index, masked_fill(src, only_zero, Scalar(1))},
                    Reduction::Prod, include_self);
    out[1] = where(only_zero, gather(mul(g, others), dim, index),
                   div(gather(mul(g, result), dim, index), masked_fill(src, zero, Scalar(1))));
  }

  void extreme(Node& n, const Tensor& g, Tensor* out) const {
    Tensor index = n.saved(0), self = n.saved(1), src = n.saved(2), result = n.saved(3);
    Tensor self_is, src_is, ties;
    {
      GradModeGuard off(false);
      self_is = to(eq(self, result), g.dtype());
      if (!include_self) self_is = scatter_value(self_is, dim, index, Scalar(0));
      src_is = to(eq(src, gather(result, dim, index)), g.dtype());
      ties = scatter_add(self_is, dim, index, src_is);
      ties = where(eq(ties, 0), Scalar(1), ties);
    }
    Tensor share = div(g, ties);
    // Places that no source reached keep the whole gradient.
    if (n.needs(0)) out[0] = mul(share, self_is);
    if (n.needs(1)) out[1] = mul(src_is, gather(share, dim, index));
  }

  static void backward(Node& n, ReduceBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    const Tensor& g = in[0];
    Tensor index = n.saved(0);
    switch (p.reduce) {
      case Reduction::Sum:
        if (n.needs(0)) out[0] = g;
        if (n.needs(1)) out[1] = gather(g, p.dim, index);
        break;
      case Reduction::Mean: {
        Tensor share = div(g, counts(g, p.dim, index, p.include_self));
        if (n.needs(0)) out[0] = share;
        if (n.needs(1)) out[1] = gather(share, p.dim, index);
        break;
      }
      case Reduction::Prod:
        p.prod(n, g, out);
        break;
      default:
        p.extreme(n, g, out);
    }
    if (!p.include_self && out[0].defined())
      out[0] = scatter_value(out[0], p.dim, index, Scalar(0));
  }
};

Scalar identity(Reduction reduce, DType dtype) {
  if (reduce == Reduction::Prod) return Scalar(1);
  if (reduce == Reduction::Sum || reduce == Reduction::Mean) return Scalar(0);
  bool lowest = reduce == Reduction::Amax;
  if (is_floating(dtype)) {
    double inf = std::numeric_limits<double>::infinity();
    return Scalar(lowest ? -inf : inf);
  }
  if (dtype == DType::Bool) return Scalar(!lowest);
  if (dtype == DType::UInt8) return Scalar(static_cast<int64_t>(lowest ? 0 : 255));
  auto bits = static_cast<int>(itemsize(dtype)) * 8;
  int64_t most = INT64_MAX >> (64 - bits);
  return Scalar(lowest ? -most - 1 : most);
}

Tensor reduce_into(const char* op, const Tensor& self, const ScatterTarget& t, Reduction reduce,
                   bool include_self) {
  Tensor y = empty(self.sizes(), self.dtype());
  copy_data(y, self);
  if (!include_self) {
    ScatterTarget start{t.dim, t.index, full({}, identity(reduce, self.dtype()), self.dtype())};
    write_scatter(op, y, start, Combine::Assign);
  }
  Combine combine = reduce == Reduction::Prod   ? Combine::Multiply
                    : reduce == Reduction::Amax ? Combine::Max
                    : reduce == Reduction::Amin ? Combine::Min
                                                : Combine::Add;
  write_scatter(op, y, t, combine);
  if (reduce == Reduction::Mean) {
    GradModeGuard off(false);
    Tensor n = counts(y, t.dim, t.index, include_self);
    y = is_floating(y.dtype()) ? div(y, n) : floor_divide(y, n);
  }
  ReduceBackward rule{t.dim, reduce, include_self};
  if (reduce == Reduction::Sum || reduce == Reduction::Mean)
    record<ReduceBackward>(y, {&self, &t.source}, {&t.index}, rule);
  else
    record<ReduceBackward>(y, {&self, &t.source}, {&t.index, &self, &t.source, &y}, rule);
  return y;
}

Reduction reduction_of(std::string_view reduce) {
  constexpr std::string_view names[] = {"sum", "prod", "mean", "amax", "amin"};
  for (int i = 0; i < 5; ++i)
    if (reduce == names[i]) return static_cast<Reduction>(i);
  raise(ErrorKind::Runtime,
        "scatter_reduce: reduce argument must be either sum, prod, mean, amax or amin, got ",
        std::string(reduce));
}

Tensor scatter_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                      std::string_view reduce, bool include_self) {
  Reduction r = reduction_of(reduce);
  return reduce_into("scatter_reduce", self,
                     prepare_scatter("scatter_reduce", self, dim, index, src), r, include_self);
}

Tensor index_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                    std::string_view reduce, bool include_self) {
  PF_CHECK(reduce == "prod" || reduce == "mean" || reduce == "amax" || reduce == "amin", Runtime,
           "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got ",
           std::string(reduce), ".");
  PF_CHECK(index.dim() <= 1, Index, "index_reduce(): Index is supposed to be a vector, got shape ",
           to_string(index.sizes()));
  int64_t d = wrap_dim("index_reduce", dim, self.dim());
  int64_t have = source.dim() ? source.size(std::min(d, source.dim() - 1)) : 1;
  PF_CHECK(source.dim() == self.dim() && have == index.numel(), Runtime,
           "index_reduce(): Number of indices (", index.numel(),
           ") should be equal to source.size(dim): (", have, "), for dim: ", d);
  for (int64_t k = 0; k < self.dim(); ++k)
    PF_CHECK(k == d || self.size(k) == source.size(k), Runtime, "index_reduce(): source shape ",
             to_string(source.sizes()), " must match self shape ", to_string(self.sizes()),
             " apart from dimension ", d);
  Dims shape(self.dim(), 1);
  if (self.dim()) shape[d] = index.numel();
  Tensor wide = expand(reshape(index, shape), source.sizes());
  return reduce_into("index_reduce", self, prepare_scatter("index_reduce", self, d, wide, source),
                     reduction_of(reduce), include_self);
}

PF_OP(
    scatter_reduce,
    "scatter_reduce(Tensor input, int dim, Tensor index, Tensor src, str reduce, *, bool "
    "include_self=True) -> Tensor",
    kFunction | kMethod | kInplace,
    "A copy in which the places along `dim` that an index names hold the sum, prod, mean, amax or "
    "amin of the `src` elements sent there (and of their own value, with include_self).")
PF_OP(index_reduce,
      "index_reduce(Tensor input, int dim, Tensor index, Tensor source, str reduce, *, bool "
      "include_self=True) -> Tensor",
      kFunction | kMethod | kInplace,
      "A copy in which the positions `index` of dimension `dim` hold the prod, mean, amax or amin "
      "of the slices of `source` sent there.")

}  // namespace
}  // namespace pyforge::ops
