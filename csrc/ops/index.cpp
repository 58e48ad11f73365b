#include "ops/index.h"

#include "ops/index_plan.h"
#include "ops/inplace_op.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

// Masks become the positions where they hold, integers int64; one entry per dimension.
Indices expanded(const char* op, const Tensor& self, const Indices& indices) {
  GradModeGuard off(false);
  Indices out;
  out.reserve(indices.size() + 1);
  int64_t used = 0;
  for (const Tensor& t : indices) used += t.defined() && is_mask(t) ? t.dim() : 1;
  PF_CHECK(used <= self.dim(), Index, op, ": too many indices for tensor of dimension ",
           self.dim());
  for (const Tensor& t : indices) {
    if (!t.defined()) {
      out.emplace_back();
      continue;
    }
    if (!is_mask(t)) {
      PF_CHECK(t.dtype() == DType::Int64 || t.dtype() == DType::Int32, Index, op,
               ": tensors used as indices must be long, int, byte or bool tensors, got ",
               dtype_name(t.dtype()));
      out.push_back(to(t, DType::Int64));
      continue;
    }
    PF_CHECK(t.dim() > 0, Index, op,
             ": a mask without dimensions must be unsqueezed before it can be used as an index");
    int64_t first = static_cast<int64_t>(out.size());
    for (int64_t d = 0; d < t.dim(); ++d)
      PF_CHECK(t.size(d) == self.size(first + d), Index, "The shape of the mask ",
               to_string(t.sizes()), " at index ", d,
               " does not match the shape of the indexed tensor ", to_string(self.sizes()),
               " at index ", first + d);
    for (Tensor& column : nonzero_tuple(t)) out.push_back(std::move(column));
  }
  return out;
}

Tensor index_ints(const Tensor& self, const Indices& indices);
Tensor index_backward(const Tensor& g, IntSpan sizes, const Indices& indices);

Indices saved_indices(Node& n) {
  Indices out(n.n_saved);
  for (uint32_t i = 0; i < n.n_saved; ++i) out[i] = n.saved(i);
  return out;
}

struct IndexBackward {
  static constexpr const char* kName = "IndexBackward0";
  Shape sizes;
  static void backward(Node& n, IndexBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = index_backward(in[0], p.sizes, saved_indices(n));
  }
};
struct IndexBackwardBackward {
  static constexpr const char* kName = "IndexBackwardBackward0";
  static void backward(Node& n, IndexBackwardBackward&, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = index_ints(in[0], saved_indices(n));
  }
};
struct IndexPutBackward {
  static constexpr const char* kName = "IndexPutBackward0";
  bool accumulate;
  static void backward(Node& n, IndexPutBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Indices indices = saved_indices(n);
    if (n.needs(0))
      out[0] = p.accumulate ? in[0] : index_put(in[0], indices, zeros({}, in[0].dtype()), false);
    if (n.needs(1)) out[1] = index_ints(in[0], indices);
  }
};

Tensor index_ints(const Tensor& self, const Indices& indices) {
  IndexPlan plan = plan_index(self, indices);
  Tensor y = empty(plan.sizes, self.dtype());
  read_indexed(y, self, plan);
  if (is_floating(self.dtype())) record_many<IndexBackward>({y}, {self}, indices, {self.sizes()});
  return y;
}

// The sum of g's elements at the places they were read from.
Tensor index_backward(const Tensor& g, IntSpan sizes, const Indices& indices) {
  Tensor y = zeros(sizes, g.dtype()), values;
  {
    GradModeGuard off(false);
    values = contiguous(g);
  }
  add_indexed(y, values, plan_index(y, indices));
  record_many<IndexBackwardBackward>({y}, {g}, indices, {});
  return y;
}

// Values as the loops take them: one element, or contiguous in the shape of the places.
Tensor prepared_values(const char* op, const Tensor& self, const Tensor& values,
                       const IndexPlan& plan) {
  PF_CHECK(values.dtype() == self.dtype(), Runtime, op,
           ": Index put requires the source and destination dtypes match, got ",
           dtype_name(self.dtype()), " for the destination and ", dtype_name(values.dtype()),
           " for the source.");
  GradModeGuard off(false);
  Tensor v = values;
  int64_t extra = v.dim() - plan.sizes.size();
  bool fits = true;
  for (int64_t d = 0; d < extra; ++d) fits = fits && v.size(d) == 1;
  if (fits && extra > 0) v = reshape(v, IntSpan(v.sizes().begin() + extra, plan.sizes.size()));
  for (int64_t d = 0; d < v.dim() && fits; ++d)
    fits = v.size(d) == 1 || v.size(d) == plan.sizes[d + plan.sizes.size() - v.dim()];
  PF_CHECK(fits, Runtime, "shape mismatch: value tensor of shape ", to_string(values.sizes()),
           " cannot be broadcast to indexing result of shape ", to_string(plan.sizes));
  bool shared = v->storage.get() == self->storage.get();
  if (v.numel() == 1) return shared ? clone(v) : v;
  if (v.sizes() != plan.sizes) v = expand(v, plan.sizes);
  return shared && v.is_contiguous() ? clone(v) : contiguous(v);
}

void put(const Tensor& self, const Indices& indices, const Tensor& values, bool accumulate) {
  IndexPlan plan = plan_index(self, indices);
  Tensor v = prepared_values("index_put_", self, values, plan);
  if (accumulate) {
    add_indexed(self, v, plan);
  } else {
    write_indexed(self, v, plan);
  }
}

}  // namespace

bool is_mask(const Tensor& t) { return t.dtype() == DType::Bool || t.dtype() == DType::UInt8; }

Tensor index(const Tensor& self, const Indices& indices) {
  return index_ints(self, expanded("index", self, indices));
}

Tensor index_put(const Tensor& self, const Indices& indices, const Tensor& values,
                 bool accumulate) {
  Indices ints = expanded("index_put", self, indices);
  Tensor y = empty(self.sizes(), self.dtype());
  copy_data(y, self);
  put(y, ints, values, accumulate);
  if (is_floating(y.dtype()))
    record_many<IndexPutBackward>({y}, {self, values}, ints, {accumulate});
  return y;
}

void index_put_(const Tensor& self, const Indices& indices, const Tensor& values, bool accumulate) {
  Indices ints = expanded("index_put_", self, indices);
  write_inplace<IndexPutBackward>("index_put_", self, {self, values}, ints, {accumulate},
                                  [&] { put(self, ints, values, accumulate); });
}

namespace {

Tensor index_put_method(const Tensor& self, const Indices& indices, const Tensor& values,
                        bool accumulate) {
  index_put_(self, indices, values, accumulate);
  return self;
}

PF_OP(index_put,
      "index_put(Tensor input, Tensor[] indices, Tensor values, bool accumulate=False) -> Tensor",
      kFunction | kMethod,
      "A copy with `values` written (or added, with accumulate) where the index tensors point.")
PF_OP(index_put_method,
      "index_put_(Tensor self, Tensor[] indices, Tensor values, bool accumulate=False) -> Tensor",
      kMethod,
      "Writes (or adds, with accumulate) `values` where the index tensors point. Returns self.")

}  // namespace
}  // namespace pyforge::ops
