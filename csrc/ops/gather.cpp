// Reading and writing along one dimension with an index for every element.
#include "ops/index_plan.h"
#include "ops/inplace_op.h"
#include "ops/loop.h"
#include "ops/ops.h"
#include "ops/scatter.h"

namespace pyforge::ops {
namespace {

struct GatherBackward {
  static constexpr const char* kName = "GatherBackward0";
  Shape sizes;
  int64_t dim;
  static void backward(Node& n, GatherBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined())
      out[0] = scatter_add(zeros(p.sizes, in[0].dtype()), p.dim, n.saved(0), in[0]);
  }
};
struct ScatterAddBackward {
  static constexpr const char* kName = "ScatterAddBackward0";
  int64_t dim;
  static void backward(Node& n, ScatterAddBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    if (n.needs(0)) out[0] = in[0];
    if (n.needs(1)) out[1] = gather(in[0], p.dim, n.saved(0));
  }
};
struct ScatterBackward {
  static constexpr const char* kName = "ScatterBackward0";
  int64_t dim;
  static void backward(Node& n, ScatterBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    if (n.needs(0)) out[0] = scatter_value(in[0], p.dim, n.saved(0), Scalar(0));
    if (n.needs(1)) out[1] = gather(in[0], p.dim, n.saved(0));
  }
};
// The product's rule would need every factor; PyTorch has none either.
struct ScatterReduceBackward {
  static constexpr const char* kName = "ScatterReduceBackward0";
  static void backward(Node&, ScatterReduceBackward&, Tensor*, Tensor*) {
    raise(ErrorKind::Runtime,
          "scatter: the derivative for scatter with reduce='multiply' is not implemented");
  }
};

int64_t checked_dim(const char* op, const Tensor& self, int64_t dim, const Tensor& index) {
  int64_t d = wrap_dim(op, dim, self.dim());
  PF_CHECK(index.dtype() == DType::Int64 || index.dtype() == DType::Int32, Runtime, op,
           "(): Expected dtype int32/int64 for index, got ", dtype_name(index.dtype()));
  if (index.numel() == 0) return d;
  PF_CHECK(index.dim() == self.dim() || (index.dim() <= 1 && self.dim() <= 1), Runtime, op,
           ": Index tensor must have the same number of dimensions as input tensor, got ",
           to_string(index.sizes()), " and ", to_string(self.sizes()));
  return d;
}

void check_sizes(const char* op, const Tensor& self, int64_t d, const Tensor& index,
                 const Tensor* src) {
  for (int64_t k = 0; k < index.dim() && k < self.dim(); ++k) {
    bool fits = (k == d || index.size(k) <= self.size(k)) &&
                (!src || k >= src->dim() || index.size(k) <= src->size(k));
    PF_CHECK(fits, Runtime, op, ": Size does not match at dimension ", k, ": expected index ",
             to_string(index.sizes()), " to be no larger than self ", to_string(self.sizes()),
             " apart from dimension ", d,
             src ? " and to be no larger size than src " + to_string(src->sizes()) : std::string());
  }
}

// src cut to the index's shape, where its elements are taken from.
Tensor cut_to(const Tensor& src, IntSpan sizes) {
  Tensor y = src;
  for (int64_t d = 0; d < y.dim() && d < sizes.size(); ++d)
    if (y.size(d) != sizes[d]) y = slice(y, d, 0, sizes[d], 1);
  return y;
}

}  // namespace

ScatterTarget prepare_scatter(const char* op, const Tensor& self, int64_t dim, const Tensor& index,
                              const Tensor& src) {
  PF_CHECK(src.dtype() == self.dtype(), Runtime, op,
           "(): Expected self.dtype to be equal to src.dtype, got ", dtype_name(self.dtype()),
           " and ", dtype_name(src.dtype()));
  int64_t d = checked_dim(op, self, dim, index);
  if (index.numel()) {
    PF_CHECK(src.dim() == index.dim() || (index.dim() <= 1 && src.dim() <= 1), Runtime, op,
             "(): Index tensor must have the same number of dimensions as src tensor, got ",
             to_string(index.sizes()), " and ", to_string(src.sizes()));
    check_sizes(op, self, d, index, &src);
  }
  return {d, index, cut_to(src, index.sizes())};
}

void write_scatter(const char* op, const Tensor& self, const ScatterTarget& t, Combine combine) {
  if (t.index.numel() == 0) return;
  Tensor values;
  {
    GradModeGuard off(false);
    values = t.source->storage.get() == self->storage.get() ? clone(contiguous(t.source))
                                                            : contiguous(t.source);
  }
  write_along(self, values, plan_along(op, self, t.dim, t.index), combine);
}

namespace {

template <class P>
Tensor scatter_into_copy(const char* op, const Tensor& self, const ScatterTarget& t,
                         Combine combine, P payload) {
  Tensor y = empty(self.sizes(), self.dtype());
  copy_data(y, self);
  write_scatter(op, y, t, combine);
  record<P>(y, {&self, &t.source}, {&t.index}, payload);
  return y;
}

void scatter_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  ScatterTarget t = prepare_scatter("scatter", self, dim, index, src);
  write_inplace<ScatterBackward>("scatter_", self, {self, t.source}, {index}, {t.dim},
                                 [&] { write_scatter("scatter", self, t, Combine::Assign); });
}

void scatter_add_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  ScatterTarget t = prepare_scatter("scatter_add", self, dim, index, src);
  write_inplace<ScatterAddBackward>("scatter_add_", self, {self, t.source}, {index}, {t.dim},
                                    [&] { write_scatter("scatter_add", self, t, Combine::Add); });
}

}  // namespace

Tensor gather(const Tensor& self, int64_t dim, const Tensor& index) {
  int64_t d = checked_dim("gather", self, dim, index);
  Tensor y = empty(index.sizes(), self.dtype());
  if (index.numel()) {
    check_sizes("gather", self, d, index, nullptr);
    read_along(y, self, plan_along("gather", self, d, index));
  }
  record<GatherBackward>(y, {&self}, {&index}, {self.sizes(), d});
  return y;
}

Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  ScatterTarget t = prepare_scatter("scatter", self, dim, index, src);
  return scatter_into_copy<ScatterBackward>("scatter", self, t, Combine::Assign, {t.dim});
}

Tensor scatter_value(const Tensor& self, int64_t dim, const Tensor& index, Scalar value) {
  int64_t d = checked_dim("scatter", self, dim, index);
  if (index.numel()) check_sizes("scatter", self, d, index, nullptr);
  Tensor y = empty(self.sizes(), self.dtype());
  copy_data(y, self);
  ScatterTarget t{d, index, full({}, checked_fit(value, self.dtype()), self.dtype())};
  write_scatter("scatter", y, t, Combine::Assign);
  record<ScatterBackward>(y, {&self}, {&index}, {d});
  return y;
}

Tensor scatter_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  ScatterTarget t = prepare_scatter("scatter_add", self, dim, index, src);
  return scatter_into_copy<ScatterAddBackward>("scatter_add", self, t, Combine::Add, {t.dim});
}

namespace {

Combine reduction(std::string_view reduce) {
  PF_CHECK(reduce == "add" || reduce == "multiply", Runtime,
           "scatter: reduce argument must be either add or multiply, got ", reduce);
  return reduce == "add" ? Combine::Add : Combine::Multiply;
}

Tensor scatter_reduced(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                       std::string_view reduce) {
  if (reduction(reduce) == Combine::Add) return scatter_add(self, dim, index, src);
  return scatter_into_copy<ScatterReduceBackward>(
      "scatter", self, prepare_scatter("scatter", self, dim, index, src), Combine::Multiply, {});
}

Tensor scatter_value_reduced(const Tensor& self, int64_t dim, const Tensor& index, Scalar value,
                             std::string_view reduce) {
  return scatter_reduced(self, dim, index,
                         full(index.sizes(), checked_fit(value, self.dtype()), self.dtype()),
                         reduce);
}

Tensor take_along_dim(const Tensor& self, const Tensor& indices, std::optional<int64_t> dim) {
  if (!dim) return gather(reshape(self, {-1}), 0, reshape(indices, {-1}));
  PF_CHECK(
      self.dim() == indices.dim(), Runtime,
      "take_along_dim(): input and indices should have the same number of dimensions, but got ",
      self.dim(), " dimensions for input, and ", indices.dim(), " dimensions for indices");
  int64_t d = wrap_dim("take_along_dim", *dim, self.dim());
  Dims a(self.sizes()), b(indices.sizes());
  if (self.dim()) a[d] = b[d];
  Dims common = broadcast_shapes("take_along_dim", a, b);
  Dims wide(common);
  if (self.dim()) wide[d] = self.size(d);
  return gather(expand(self, wide), d, expand(indices, common));
}

template <auto fn>
void add(std::string_view schema, void (*inplace)(const Value*), std::string_view doc) {
  register_function<fn>(schema, kFunction | kMethod | kInplace, doc).inplace = inplace;
}

[[maybe_unused]] const bool registered = [] {
  register_function<&gather>("gather(Tensor input, int dim, Tensor index) -> Tensor",
                             kFunction | kMethod,
                             "Elements along `dim` picked by an index of the output's shape.");
  register_function<&take_along_dim>(
      "take_along_dim(Tensor input, Tensor indices, int? dim=None) -> Tensor", kFunction | kMethod,
      "Elements along `dim` picked by `indices`, which broadcast against the input.");
  add<&scatter>(
      "scatter(Tensor input, int dim, Tensor index, Tensor src) -> Tensor",
      [](const Value* a) { scatter_(a[0].tensor(), a[1].number.i, a[2].tensor(), a[3].tensor()); },
      "Writes `src` along `dim` to the places an index of its shape names.");
  add<&scatter_value>("scatter(Tensor input, int dim, Tensor index, Number value) -> Tensor",
                      nullptr, "Writes a number along `dim` to the places that an index names.");
  add<&scatter_reduced>(
      "scatter(Tensor input, int dim, Tensor index, Tensor src, *, str reduce) -> Tensor", nullptr,
      "Combines `src` with the places an index names; reduce is 'add' or 'multiply'.");
  add<&scatter_value_reduced>(
      "scatter(Tensor input, int dim, Tensor index, Number value, *, str reduce) -> Tensor",
      nullptr, "Combines a number with the places an index names; reduce is 'add' or 'multiply'.");
  add<&scatter_add>(
      "scatter_add(Tensor input, int dim, Tensor index, Tensor src) -> Tensor",
      [](const Value* a) {
        scatter_add_(a[0].tensor(), a[1].number.i, a[2].tensor(), a[3].tensor());
      },
      "Adds `src` along `dim` to the places an index of its shape names, in the order of the "
      "index.");
  return true;
}();

}  // namespace
}  // namespace pyforge::ops
