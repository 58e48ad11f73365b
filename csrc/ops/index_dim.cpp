// Indexing along one dimension with a vector of positions.
#include "ops/index_plan.h"
#include "ops/inplace_op.h"
#include "ops/loop.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

struct Along {
  Tensor self;  // at least 1-d
  int64_t dim;
  IndexPlan plan;
};

// The plan for positions `index` of dimension `dim`; negative positions are out of bounds.
Along along(const char* op, const Tensor& self, int64_t dim, const Tensor& index) {
  GradModeGuard off(false);
  PF_CHECK(index.dim() <= 1, Index, op, "(): Index is supposed to be a vector (1-D), got shape ",
           to_string(index.sizes()));
  PF_CHECK(index.dtype() == DType::Int64 || index.dtype() == DType::Int32, Runtime, op,
           "(): Expected dtype int32 or int64 for index, got ", dtype_name(index.dtype()));
  int64_t d = wrap_dim(op, dim, self.dim());
  Tensor x = self.dim() ? self : make_view(self, {1}, {1}, self->data);
  std::vector<Tensor> indices(static_cast<size_t>(d + 1));
  indices.back() = reshape(to(index, DType::Int64), {-1});
  IndexPlan plan = plan_index(x, indices, false);
  return {x, d, std::move(plan)};
}

Tensor plain_copy(const Tensor& t) {
  Tensor y = empty(t.sizes(), t.dtype());
  copy_data(y, t);
  return y;
}

// Source values for the places of the plan: same dtype, `index` positions along dim.
Tensor checked_source(const char* op, const Tensor& self, const Tensor& source, const Tensor& index,
                      const Along& a) {
  GradModeGuard off(false);
  PF_CHECK(source.dtype() == self.dtype(), Runtime, op, "(): self (", dtype_name(self.dtype()),
           ") and source (", dtype_name(source.dtype()), ") expected to have the same dtype");
  int64_t have = source.dim() ? source.size(std::min(a.dim, source.dim() - 1)) : 1;
  PF_CHECK(have == index.numel(), Runtime, op, "(): Number of indices (", index.numel(),
           ") should be equal to source.size(dim): (", have, "), for dim: ", a.dim);
  Tensor s = source.dim() ? source : reshape(source, {1});
  PF_CHECK(s.sizes() == a.plan.sizes, Runtime, op, "(): source shape ", to_string(source.sizes()),
           " does not match the places, shape ", to_string(a.plan.sizes));
  return s->storage.get() == self->storage.get() && s.is_contiguous() ? clone(s) : contiguous(s);
}

struct IndexSelectBackward {
  static constexpr const char* kName = "IndexSelectBackward0";
  Shape sizes;
  int64_t dim;
  static void backward(Node& n, IndexSelectBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined())
      out[0] = index_add(zeros(p.sizes, in[0].dtype()), p.dim, n.saved(0), in[0], Scalar(1));
  }
};
struct IndexAddBackward {
  static constexpr const char* kName = "IndexAddBackward0";
  int64_t dim;
  Scalar alpha;
  static void backward(Node& n, IndexAddBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    if (n.needs(0)) out[0] = in[0];
    if (!n.needs(1)) return;
    Tensor g = index_select(in[0], p.dim, n.saved(0));
    out[1] = p.alpha.to_double() == 1 ? g : mul(g, p.alpha);
  }
};
void index_fill_gradients(Node& n, int64_t dim, Tensor* in, Tensor* out) {
  if (!in[0].defined()) return;
  if (n.needs(0)) out[0] = index_fill(in[0], dim, n.saved(0), Scalar(0));
  if (!n.needs(1)) return;
  // A place counts once however often the index names it; the sum is taken at the edge.
  Tensor filled = index_fill(zeros(in[0].sizes(), DType::Bool), dim, n.saved(0), Scalar(true));
  out[1] = where(filled, in[0], Scalar(0));
}
struct IndexFillNumber {
  static constexpr const char* kName = "IndexFillBackward0";
  int64_t dim;
  static void backward(Node& n, IndexFillNumber& p, Tensor* in, Tensor* out) {
    index_fill_gradients(n, p.dim, in, out);
  }
};
struct IndexFillTensor {
  static constexpr const char* kName = "IndexFillBackward1";
  int64_t dim;
  static void backward(Node& n, IndexFillTensor& p, Tensor* in, Tensor* out) {
    index_fill_gradients(n, p.dim, in, out);
  }
};
struct IndexCopyBackward {
  static constexpr const char* kName = "IndexCopyBackward0";
  int64_t dim;
  static void backward(Node& n, IndexCopyBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    if (n.needs(0)) out[0] = index_fill(in[0], p.dim, n.saved(0), Scalar(0));
    if (n.needs(1)) out[1] = reshape(index_select(in[0], p.dim, n.saved(0)), n.input(1).shape);
  }
};

void index_add_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                Scalar alpha) {
  Along a = along("index_add", self, dim, index);
  Tensor s = checked_source("index_add", self, source, index, a);
  if (alpha.kind == Scalar::Float || alpha.i != 1) {
    GradModeGuard off(false);
    s = to(mul(s, alpha), self.dtype());
  }
  write_inplace<IndexAddBackward>("index_add_", self, {self, source}, {index}, {a.dim, alpha},
                                  [&] { add_indexed(a.self, s, a.plan); });
}

Tensor fill_value(const Tensor& self, const Operand& value) {
  PF_CHECK(!value.is_tensor() || value.tensor().dim() == 0, Runtime,
           "index_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
           value.is_tensor() ? value.tensor().dim() : 0, " dimension(s).");
  Scalar number = value.is_tensor() ? item(value.tensor()) : value.number();
  return full({}, checked_fit(number, self.dtype()), self.dtype());
}

void index_fill_(const Tensor& self, int64_t dim, const Tensor& index, const Operand& value) {
  Along a = along("index_fill", self, dim, index);
  Tensor v = fill_value(self, value);
  auto write = [&] { write_indexed(a.self, v, a.plan); };
  if (value.is_tensor())
    write_inplace<IndexFillTensor>("index_fill_", self, {self, value.tensor()}, {index}, {a.dim},
                                   write);
  else
    write_inplace<IndexFillNumber>("index_fill_", self, {self}, {index}, {a.dim}, write);
}

void index_copy_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) {
  Along a = along("index_copy", self, dim, index);
  Tensor s = checked_source("index_copy", self, source, index, a);
  write_inplace<IndexCopyBackward>("index_copy_", self, {self, source}, {index}, {a.dim},
                                   [&] { write_indexed(a.self, s, a.plan); });
}

}  // namespace

Tensor index_select(const Tensor& self, int64_t dim, const Tensor& index) {
  Along a = along("index_select", self, dim, index);
  Tensor y = empty(self.dim() ? IntSpan(a.plan.sizes) : IntSpan({}), self.dtype());
  PF_CHECK(self.dim() || index.numel() == 1, Runtime,
           "index_select(): Index to scalar can have only 1 value, got ", index.numel(),
           " value(s)");
  read_indexed(y, a.self, a.plan);
  record<IndexSelectBackward>(y, {&self}, {&index}, {self.sizes(), a.dim});
  return y;
}

Tensor index_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                 Scalar alpha) {
  Tensor y = plain_copy(self);
  {
    GradModeGuard off(false);
    index_add_(y, dim, index, source, alpha);
  }
  record<IndexAddBackward>(y, {&self, &source}, {&index},
                           {wrap_dim("index_add", dim, self.dim()), alpha});
  return y;
}

Tensor index_fill(const Tensor& self, int64_t dim, const Tensor& index, const Operand& value) {
  Tensor y = plain_copy(self);
  {
    GradModeGuard off(false);
    index_fill_(y, dim, index, value);
  }
  dim = wrap_dim("index_fill", dim, self.dim());
  if (value.is_tensor())
    record<IndexFillTensor>(y, {&self, &value.tensor()}, {&index}, {dim});
  else
    record<IndexFillNumber>(y, {&self}, {&index}, {dim});
  return y;
}

Tensor index_copy(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) {
  Tensor y = plain_copy(self);
  {
    GradModeGuard off(false);
    index_copy_(y, dim, index, source);
  }
  record<IndexCopyBackward>(y, {&self, &source}, {&index},
                            {wrap_dim("index_copy", dim, self.dim())});
  return y;
}

namespace {

template <auto fn>
void add(std::string_view schema, void (*inplace)(const Value*), std::string_view doc) {
  register_function<fn>(schema, inplace ? kFunction | kMethod | kInplace : kFunction | kMethod, doc)
      .inplace = inplace;
}

[[maybe_unused]] const bool registered = [] {
  add<&index_select>("index_select(Tensor input, int dim, Tensor index) -> Tensor", nullptr,
                     "The positions `index` (1-d) of dimension `dim`, as a copy.");
  add<&index_add>(
      "index_add(Tensor input, int dim, Tensor index, Tensor source, *, Number alpha=1) -> Tensor",
      [](const Value* a) {
        index_add_(a[0].tensor(), a[1].number.i, a[2].tensor(), a[3].tensor(), a[4].number);
      },
      "Adds alpha * source to the positions `index` of dimension `dim`, in the order of the "
      "index.");
  add<&index_fill>(
      "index_fill(Tensor input, int dim, Tensor index, Tensor|Number value) -> Tensor",
      [](const Value* a) {
        index_fill_(a[0].tensor(), a[1].number.i, a[2].tensor(), boxing::Arg<Operand>::get(a[3]));
      },
      "Fills the positions `index` of dimension `dim` with a number or a 0-d tensor.");
  add<&index_copy>(
      "index_copy(Tensor input, int dim, Tensor index, Tensor source) -> Tensor",
      [](const Value* a) {
        index_copy_(a[0].tensor(), a[1].number.i, a[2].tensor(), a[3].tensor());
      },
      "Writes `source` to the positions `index` of dimension `dim`.");
  return true;
}();

}  // namespace
}  // namespace pyforge::ops
