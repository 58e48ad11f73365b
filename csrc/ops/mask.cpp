// Masks: filling, selecting, and the positions where a condition holds.
#include "ops/index_plan.h"
#include "ops/inplace_op.h"
#include "ops/loop.h"
#include "ops/ops.h"
#include "ops/promote.h"

namespace pyforge::ops {
namespace {

void fill_gradients(Node& n, Tensor* in, Tensor* out) {
  if (!in[0].defined()) return;
  Tensor mask = n.saved(0);
  if (n.needs(0)) out[0] = masked_fill(in[0], mask, Scalar(0));
  if (n.needs(1)) out[1] = where(mask, in[0], Scalar(0));  // summed at the edge
}
struct MaskedFillNumber {
  static constexpr const char* kName = "MaskedFillBackward0";
  static void backward(Node& n, MaskedFillNumber&, Tensor* in, Tensor* out) {
    fill_gradients(n, in, out);
  }
};
struct MaskedFillTensor {
  static constexpr const char* kName = "MaskedFillBackward1";
  static void backward(Node& n, MaskedFillTensor&, Tensor* in, Tensor* out) {
    fill_gradients(n, in, out);
  }
};
struct MaskedSelectBackward {
  static constexpr const char* kName = "MaskedSelectBackward0";
  Shape sizes;  // the common shape, at least 1-d
  static void backward(Node& n, MaskedSelectBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor mask = n.saved(0);
    Indices indices{mask.sizes() == p.sizes ? mask : expand(mask, p.sizes)};
    out[0] = index_put(zeros(p.sizes, in[0].dtype()), indices, in[0], false);
  }
};

void check_mask_fill(const Tensor& mask, const Operand& value) {
  PF_CHECK(mask.dtype() == DType::Bool, Runtime,
           "masked_fill_ only supports boolean masks, but got mask with dtype ",
           dtype_name(mask.dtype()), "; compare it with != 0 first");
  PF_CHECK(!value.is_tensor() || value.tensor().dim() == 0, Runtime,
           "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
           value.is_tensor() ? value.tensor().dim() : 0, " dimension(s).");
}

void fill_where(const Tensor& out, const Tensor& self, const Tensor& mask, const Operand& value) {
  Scalar number =
      checked_fit(value.is_tensor() ? item(value.tensor()) : value.number(), self.dtype());
  LoopInput in[3] = {LoopInput(mask), LoopInput(number, self.dtype()), LoopInput(self)};
  run_loop(kernels::active().elementwise.where[static_cast<int>(self.dtype())], out, in, 3);
}

// The mask as one contiguous run of bytes, 1 where it holds.
Tensor mask_bytes(const Tensor& t) {
  GradModeGuard off(false);
  return contiguous(to(t, DType::Bool));
}

// f(position along the last dimension, positions along the others) for every element that holds.
template <class F>
void for_each_true(const Tensor& bytes, F f) {
  int64_t ndim = bytes.dim(), last = ndim ? bytes.size(ndim - 1) : 1;
  if (bytes.numel() == 0) return;
  Dims at(ndim ? ndim - 1 : 0, 0);
  const uint8_t* p = bytes.data<uint8_t>();
  for (int64_t rows = bytes.numel() / last; rows > 0; --rows, p += last) {
    for (int64_t i = 0; i < last; ++i)
      if (p[i]) f(i, at);
    for (int64_t d = ndim - 2; d >= 0 && ++at[d] == bytes.size(d); --d) at[d] = 0;
  }
}

int64_t count_true(const Tensor& bytes) {
  const uint8_t* p = bytes.data<uint8_t>();
  int64_t n = 0;
  for (int64_t i = 0; i < bytes.numel(); ++i) n += p[i] != 0;
  return n;
}

}  // namespace

Tensor masked_fill(const Tensor& self, const Tensor& mask, const Operand& value) {
  check_mask_fill(mask, value);
  Tensor y = empty(broadcast_shapes("masked_fill", self.sizes(), mask.sizes()), self.dtype());
  fill_where(y, self, mask, value);
  if (value.is_tensor())
    record<MaskedFillTensor>(y, {&self, &value.tensor()}, {&mask}, {});
  else
    record<MaskedFillNumber>(y, {&self}, {&mask}, {});
  return y;
}

void masked_fill_(const Tensor& self, const Tensor& mask, const Operand& value) {
  check_mask_fill(mask, value);
  PF_CHECK(IntSpan(broadcast_shapes("masked_fill_", self.sizes(), mask.sizes())) == self.sizes(),
           Runtime, "masked_fill_: output with shape ", to_string(self.sizes()),
           " doesn't match the mask's shape ", to_string(mask.sizes()));
  Tensor kept = mask;
  if (mask->storage.get() == self->storage.get()) {
    GradModeGuard off(false);
    kept = clone(mask);
  }
  auto fill = [&] { fill_where(self, self, kept, value); };
  if (value.is_tensor())
    write_inplace<MaskedFillTensor>("masked_fill_", self, {self, value.tensor()}, {kept}, {}, fill);
  else
    write_inplace<MaskedFillNumber>("masked_fill_", self, {self}, {kept}, {}, fill);
}

Tensor masked_select(const Tensor& self, const Tensor& mask) {
  PF_CHECK(mask.dtype() == DType::Bool, Runtime,
           "masked_select: expected BoolTensor for mask, a bool tensor, got ",
           dtype_name(mask.dtype()));
  Dims sizes = broadcast_shapes("masked_select", self.sizes(), mask.sizes());
  if (sizes.empty()) sizes.push_back(1);
  Tensor y;
  {
    GradModeGuard off(false);
    y = index(expand(self, sizes), {expand(mask, sizes)});
  }
  record<MaskedSelectBackward>(y, {&self}, {&mask}, {sizes});
  return y;
}

Tensor nonzero(const Tensor& t) {
  Tensor bytes = mask_bytes(t);
  int64_t ndim = t.dim();
  Tensor y = empty({count_true(bytes), ndim}, DType::Int64);
  int64_t* to = y.data<int64_t>();
  for_each_true(bytes, [&](int64_t i, const Dims& at) {
    if (!ndim) return;
    for (int64_t d = 0; d + 1 < ndim; ++d) to[d] = at[d];
    to[ndim - 1] = i;
    to += ndim;
  });
  return y;
}

std::vector<Tensor> nonzero_tuple(const Tensor& t) {
  Tensor bytes = mask_bytes(t);
  int64_t n = count_true(bytes), ndim = std::max<int64_t>(1, t.dim());
  std::vector<Tensor> columns;
  std::vector<int64_t*> to;
  for (int64_t d = 0; d < ndim; ++d) {
    columns.push_back(empty({n}, DType::Int64));
    to.push_back(columns.back().data<int64_t>());
  }
  for_each_true(bytes, [&](int64_t i, const Dims& at) {
    for (int64_t d = 0; d + 1 < ndim; ++d) *to[d]++ = at[d];
    *to[ndim - 1]++ = i;
  });
  return columns;
}

namespace {

Tensor one_hot(const Tensor& t, int64_t num_classes) {
  PF_CHECK(t.dtype() == DType::Int64, Runtime,
           "one_hot is only applicable to index tensor of type LongTensor (int64), got ",
           dtype_name(t.dtype()));
  GradModeGuard off(false);
  Tensor x = contiguous(t);
  const int64_t* at = x.data<int64_t>();
  int64_t n = x.numel(), most = -1;
  PF_CHECK(n || num_classes > 0, Runtime,
           num_classes == -1 ? "one_hot: Can not infer total number of classes from empty tensor."
                             : "one_hot: Number of classes must be positive.");
  for (int64_t i = 0; i < n; ++i) {
    PF_CHECK(at[i] >= 0, Runtime, "one_hot: Class values must be non-negative, got ", at[i]);
    most = std::max(most, at[i]);
  }
  PF_CHECK(num_classes == -1 || most < num_classes, Runtime,
           "one_hot: Class values must be smaller than num_classes (", num_classes, "), got ",
           most);
  if (num_classes == -1) num_classes = most + 1;
  Dims sizes(t.sizes());
  sizes.push_back(num_classes);
  Tensor y = zeros(sizes, DType::Int64);
  int64_t* to = y.data<int64_t>();
  for (int64_t i = 0; i < n; ++i) to[i * num_classes + at[i]] = 1;
  return y;
}

Tensor condition_of(const Tensor& condition) {
  return condition.dtype() == DType::UInt8 ? to(condition, DType::Bool) : condition;
}
Tensor where_of(const Tensor& condition, const Operand& input, const Operand& other) {
  DType dtype = result_type(input, other);
  for (const Operand* o : {&input, &other})
    if (!o->is_tensor()) checked_fit(o->number(), dtype);
  return where(condition_of(condition), input, other);
}
Tensor where_method(const Tensor& input, const Tensor& condition, const Operand& other) {
  return where_of(condition, input, other);
}

[[maybe_unused]] const bool registered = [] {
  register_function<static_cast<Tensor (*)(const Tensor&, const Tensor&, const Operand&)>(
      &masked_fill)>("masked_fill(Tensor input, Tensor mask, Tensor|Number value) -> Tensor",
                     kFunction | kMethod | kInplace,
                     "The input with a number or a 0-d tensor where `mask` is True.")
      .inplace = [](const Value* a) {
    masked_fill_(a[0].tensor(), a[1].tensor(), boxing::Arg<Operand>::get(a[2]));
  };
  register_op(
      "nonzero(Tensor input, *, bool as_tuple=False) -> Tensor",
      [](const Value* a) -> Result {
        if (a[1].number.i) return nonzero_tuple(a[0].tensor());
        return nonzero(a[0].tensor());
      },
      {ArgType::Tensor, ArgType::Bool}, kFunction | kMethod,
      "Positions of the elements that are not zero: one row each, or with as_tuple one tensor per "
      "dimension.");
  return true;
}();

PF_OP(masked_select, "masked_select(Tensor input, Tensor mask) -> Tensor", kFunction | kMethod,
      "The elements where `mask` is True, 1-d.")
PF_OP(one_hot, "one_hot(Tensor tensor, int num_classes=-1) -> Tensor", kNN,
      "int64 ones at the class of each element along a new last dimension, zeros elsewhere.")
PF_OP(nonzero_tuple, "where(Tensor condition) -> Tensor[]", kFunction,
      "The same as nonzero(condition, as_tuple=True).")
PF_OP(where_of, "where(Tensor condition, Tensor|Number input, Tensor|Number other) -> Tensor",
      kFunction,
      "Elements of `input` where `condition` is True, of `other` elsewhere; all broadcast.")
PF_OP(where_method, "where(Tensor input, Tensor condition, Tensor|Number other) -> Tensor", kMethod,
      "The tensor where `condition` is True, `other` elsewhere; all broadcast.")

}  // namespace
}  // namespace pyforge::ops
