// Copies, conversions and overwriting as methods.
#include "ops/inplace_op.h"
#include "ops/loop.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

// The old values get zeros; the gradient of a number's place is summed at the edge.
struct Overwrite {
  static void run(Node& n, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    if (n.needs(0)) out[0] = zeros_like(in[0]);
    if (n.needs(1)) out[1] = in[0];
  }
};
struct CopyBackward {
  static constexpr const char* kName = "CopyBackwards";
  static void backward(Node& n, CopyBackward&, Tensor* in, Tensor* out) {
    Overwrite::run(n, in, out);
  }
};
struct FillNumber {
  static constexpr const char* kName = "FillBackward2";
  static void backward(Node& n, FillNumber&, Tensor* in, Tensor* out) {
    Overwrite::run(n, in, out);
  }
};
struct FillTensor {
  static constexpr const char* kName = "FillBackward3";
  static void backward(Node& n, FillTensor&, Tensor* in, Tensor* out) {
    Overwrite::run(n, in, out);
  }
};
struct ZeroBackward {
  static constexpr const char* kName = "ZeroBackward0";
  static void backward(Node& n, ZeroBackward&, Tensor* in, Tensor* out) {
    Overwrite::run(n, in, out);
  }
};

// A view's base keeps its gradient outside the view, so the view's own old values need no edge.
Tensor old_values(const Tensor& self) { return self->base ? Tensor() : self; }

}  // namespace

void copy_(const Tensor& self, const Tensor& source) {
  PF_CHECK(IntSpan(broadcast_shapes("copy_", self.sizes(), source.sizes())) == self.sizes(),
           Runtime, "copy_: The expanded size of the tensor must match: cannot copy shape ",
           to_string(source.sizes()), " into shape ", to_string(self.sizes()));
  write_inplace<CopyBackward>("copy_", self, {old_values(self), source}, {}, {},
                              [&] { copy_data(self, source); });
}

void fill_(const Tensor& self, const Operand& value) {
  Tensor source = value.is_tensor() ? value.tensor() : Tensor();
  PF_CHECK(!source.defined() || source.dim() == 0, Runtime,
           "fill_ only supports 0-dimension value tensor but got tensor with ", source.dim(),
           " dimensions.");
  Scalar number = source.defined() ? item(source) : checked_fit(value.number(), self.dtype());
  auto fill = [&] { fill_data(self, number); };
  if (source.defined())
    write_inplace<FillTensor>("fill_", self, {old_values(self), source}, {}, {}, fill);
  else
    write_inplace<FillNumber>("fill_", self, {old_values(self)}, {}, {}, fill);
}

void zero_(const Tensor& self) {
  write_inplace<ZeroBackward>("zero_", self, {old_values(self)}, {}, {},
                              [&] { fill_data(self, Scalar(0)); });
}

namespace {

Tensor fill_method(const Tensor& self, const Operand& value) {
  fill_(self, value);
  return self;
}
Tensor zero_method(const Tensor& self) {
  zero_(self);
  return self;
}
Tensor copy_method(const Tensor& self, const Tensor& src, bool) {
  copy_(self, src);
  return self;
}
Tensor type_as(const Tensor& t, const Tensor& other) { return to(t, other.dtype()); }
template <DType dtype>
Tensor as(const Tensor& t) {
  return to(t, dtype);
}

PF_OP(clone, "clone(Tensor input) -> Tensor", kFunction | kMethod, "A copy with history.")
PF_OP(contiguous, "contiguous(Tensor input) -> Tensor", kMethod,
      "The tensor itself if its elements lie in row-major order, else a copy.")
PF_OP(copy_method, "copy_(Tensor self, Tensor src, bool non_blocking=False) -> Tensor", kMethod,
      "Overwrites the tensor with `src`, broadcast to its shape and converted to its dtype. "
      "Returns self.")
PF_OP(fill_method, "fill_(Tensor self, Tensor|Number value) -> Tensor", kMethod,
      "Overwrites every element with a number or a 0-d tensor. Returns self.")
PF_OP(zero_method, "zero_(Tensor self) -> Tensor", kMethod,
      "Overwrites every element with zero. Returns self.")
PF_OP(type_as, "type_as(Tensor input, Tensor other) -> Tensor", kMethod,
      "The tensor in the dtype of `other`.")
PF_OP(as<DType::Float32>, "float(Tensor input) -> Tensor", kMethod, "The tensor as float32.")
PF_OP(as<DType::Float64>, "double(Tensor input) -> Tensor", kMethod, "The tensor as float64.")
PF_OP(as<DType::Float16>, "half(Tensor input) -> Tensor", kMethod, "The tensor as float16.")
PF_OP(as<DType::BFloat16>, "bfloat16(Tensor input) -> Tensor", kMethod, "The tensor as bfloat16.")
PF_OP(as<DType::Int64>, "long(Tensor input) -> Tensor", kMethod, "The tensor as int64.")
PF_OP(as<DType::Int32>, "int(Tensor input) -> Tensor", kMethod, "The tensor as int32.")
PF_OP(as<DType::Int16>, "short(Tensor input) -> Tensor", kMethod, "The tensor as int16.")
PF_OP(as<DType::Int8>, "char(Tensor input) -> Tensor", kMethod, "The tensor as int8.")
PF_OP(as<DType::UInt8>, "byte(Tensor input) -> Tensor", kMethod, "The tensor as uint8.")
PF_OP(as<DType::Bool>, "bool(Tensor input) -> Tensor", kMethod,
      "The tensor as bool: True where it is not zero.")

}  // namespace
}  // namespace pyforge::ops
