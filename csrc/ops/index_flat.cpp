// Reading and writing by positions in the flattened tensor, and filling a mask in order.
#include "autograd/node.h"
#include "ops/index_plan.h"
#include "ops/ops.h"
#include "ops/sort.h"

namespace pyforge::ops {
namespace {

void check_positions(const char* op, const Tensor& self, const Tensor& index) {
  PF_CHECK(index.dtype() == DType::Int64, Runtime, op,
           "(): Expected a long tensor for index, but got ", dtype_name(index.dtype()));
  PF_CHECK(self.numel() > 0 || index.numel() == 0, Index, op,
           "(): tried to take from an empty tensor");
  GradModeGuard off(false);
  Tensor at = contiguous(index);
  for (int64_t i = 0; i < at.numel(); ++i) {
    int64_t k = at.data<int64_t>()[i];
    PF_CHECK(k >= -self.numel() && k < self.numel(), Index, op,
             ": out of range: tried to access index ", k, " on a tensor of ", self.numel(),
             " elements.");
  }
}

Tensor take(const Tensor& self, const Tensor& at) {
  check_positions("take", self, at);
  return index(reshape(self, {-1}), {at});
}

Tensor put(const Tensor& self, const Tensor& at, const Tensor& source, bool accumulate) {
  PF_CHECK(source.dtype() == self.dtype(), Runtime,
           "put_(): self and source expected to have the same dtype, but got self.dtype = ",
           dtype_name(self.dtype()), " and source.dtype = ", dtype_name(source.dtype()));
  PF_CHECK(source.numel() == at.numel(), Index,
           "put_(): Expected source and index to have the same number of elements, but got "
           "source.numel() = ",
           source.numel(), ", index.numel() = ", at.numel());
  check_positions("put_", self, at);
  return reshape(
      index_put(reshape(self, {-1}), {reshape(at, {-1})}, reshape(source, {-1}), accumulate),
      self.sizes());
}

Tensor masked_scatter(const Tensor& self, const Tensor& mask, const Tensor& source) {
  PF_CHECK(mask.dtype() == DType::Bool, Runtime,
           "masked_scatter_ only supports boolean masks, but got mask with dtype ",
           dtype_name(mask.dtype()));
  PF_CHECK(source.dtype() == self.dtype(), Runtime,
           "masked_scatter: expected self and source to have same dtypes but got ",
           dtype_name(self.dtype()), " and ", dtype_name(source.dtype()));
  Dims sizes = broadcast_shapes("masked_scatter", self.sizes(), mask.sizes());
  Tensor flat;
  {
    GradModeGuard off(false);
    flat = reshape(expand(mask, sizes), {-1});
  }
  int64_t needed = item(sum(flat)).i;
  PF_CHECK(source.numel() >= needed, Runtime,
           "masked_scatter: Number of elements of source < number of ones in mask (",
           source.numel(), " < ", needed, ")");
  Tensor values = narrow(reshape(source, {-1}), 0, 0, needed);
  return reshape(index_put(reshape(expand(self, sizes), {-1}), {flat}, values, false), sizes);
}

Tensor argwhere(const Tensor& t) { return nonzero(t); }

Tensor msort(const Tensor& t) { return std::get<0>(sort(t, 0, false, false)); }

constexpr uint32_t kBoth = kFunction | kMethod;

PF_OP(take, "take(Tensor input, Tensor index) -> Tensor", kBoth,
      "The elements at positions `index` of the flattened tensor, in the shape of `index`.")
PF_OP(put, "put(Tensor input, Tensor index, Tensor source, bool accumulate=False) -> Tensor",
      kBoth | kInplace,
      "A copy with `source` written (added, with accumulate) at positions `index` of the flattened "
      "tensor.")
PF_OP(masked_scatter, "masked_scatter(Tensor input, Tensor mask, Tensor source) -> Tensor",
      kBoth | kInplace, "A copy with the elements of `source`, in order, where `mask` is True.")
PF_OP(argwhere, "argwhere(Tensor input) -> Tensor", kBoth,
      "Positions of the elements that are not zero, one row each.")
PF_OP(msort, "msort(Tensor input) -> Tensor", kBoth, "Sorted along dimension 0.")

}  // namespace
}  // namespace pyforge::ops
