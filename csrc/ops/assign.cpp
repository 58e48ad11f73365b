// Copies, conversions and overwriting as methods.
#include "autograd/inplace.h"
#include "autograd/node.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

struct FillBackward {
  static constexpr const char* kName = "FillBackward0";
  static void backward(Node& n, FillBackward&, Tensor* in, Tensor* out) {
    if (n.needs(0) && in[0].defined()) out[0] = in[0];  // summed at the edge
  }
};
struct ZeroBackward {
  static constexpr const char* kName = "ZeroBackward0";
  static void backward(Node&, ZeroBackward&, Tensor*, Tensor*) {}
};

// The history of a tensor all of whose elements were overwritten.
template <class P>
void rebase(const Tensor& self, const Tensor& value) {
  Node* n = make_node<P>(1, 1, 0, {});
  Ref<Node> owned = Ref<Node>::steal(n);
  if (value.defined()) n->edges()[0] = gradient_edge(value);
  n->outputs()[0].dtype = self.dtype();
  n->outputs()[0].shape.assign(self.sizes());
  rebase_history(self, n, 0);
}

}  // namespace

void fill_(const Tensor& self, const Operand& value) {
  Tensor source = value.is_tensor() ? value.tensor() : Tensor();
  PF_CHECK(!source.defined() || source.dim() == 0, Runtime,
           "fill_ only supports 0-dimension value tensor but got tensor with ", source.dim(),
           " dimensions.");
  bool flows =
      grad_enabled() && (self.requires_grad() || (source.defined() && source.requires_grad()));
  check_inplace("fill_", self, flows);
  fill_data(self, source.defined() ? item(source) : value.number());
  self->storage->bump();
  if (flows && is_floating(self.dtype())) rebase<FillBackward>(self, source);
}

void zero_(const Tensor& self) {
  bool flows = grad_enabled() && self.requires_grad();
  check_inplace("zero_", self, flows);
  fill_data(self, Scalar(0));
  self->storage->bump();
  if (flows) rebase<ZeroBackward>(self, Tensor());
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
PF_OP(as<DType::Int64>, "long(Tensor input) -> Tensor", kMethod, "The tensor as int64.")
PF_OP(as<DType::Int32>, "int(Tensor input) -> Tensor", kMethod, "The tensor as int32.")
PF_OP(as<DType::Int16>, "short(Tensor input) -> Tensor", kMethod, "The tensor as int16.")
PF_OP(as<DType::Int8>, "char(Tensor input) -> Tensor", kMethod, "The tensor as int8.")
PF_OP(as<DType::UInt8>, "byte(Tensor input) -> Tensor", kMethod, "The tensor as uint8.")
PF_OP(as<DType::Bool>, "bool(Tensor input) -> Tensor", kMethod,
      "The tensor as bool: True where it is not zero.")

}  // namespace
}  // namespace pyforge::ops
