// Reading and writing by positions in the flattened tensor, and filling a mask in order.
#include <algorithm>

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

Tensor nonzero_static(const Tensor& t, int64_t size, int64_t fill_value) {
  PF_CHECK(size >= 0, Runtime, "nonzero_static: size must be non-negative, got ", size);
  Tensor found = nonzero(t), y = full({size, t.dim()}, Scalar(fill_value), DType::Int64);
  int64_t n = std::min(size, found.size(0));
  copy_data(narrow(y, 0, 0, n), narrow(found, 0, 0, n));
  return y;
}

std::vector<Tensor> unravel_index(const Tensor& indices, IntSpan shape) {
  PF_CHECK(is_integral(indices.dtype()), Value,
           "unravel_index: expected 'indices' to be integer dtype, but got ",
           dtype_name(indices.dtype()));
  for (int64_t n : shape)
    PF_CHECK(n >= 0, Value, "unravel_index: 'shape' cannot have negative values, but got ",
             to_string(shape));
  Dims steps = contiguous_strides(shape);
  std::vector<Tensor> out;
  for (int64_t d = 0; d < shape.size(); ++d)
    out.push_back(remainder(floor_divide(indices, Scalar(std::max<int64_t>(1, steps[d]))),
                            Scalar(std::max<int64_t>(1, shape[d]))));
  return out;
}

bool is_same_size(const Tensor& a, const Tensor& b) { return a.sizes() == b.sizes(); }

constexpr uint32_t kBoth = kFunction | kMethod;

PF_OP(take, "take(Tensor input, Tensor index) -> Tensor", kBoth,
      "The elements at positions `index` of the flattened tensor, in the shape of `index`.")
PF_OP(put, "put(Tensor input, Tensor index, Tensor source, bool accumulate=False) -> Tensor",
      kBoth | kInplace,
      "A copy with `source` written (added, with accumulate) at positions `index` of the flattened "
      "tensor.")
PF_OP(masked_scatter, "masked_scatter(Tensor input, Tensor mask, Tensor source) -> Tensor",
      kBoth | kInplace, "A copy with the elements of `source`, in order, where `mask` is True.")
PF_OP(nonzero_static, "nonzero_static(Tensor input, *, int size, int fill_value=-1) -> Tensor",
      kBoth, "The first `size` rows of nonzero(), filled up with rows of `fill_value`.")
PF_OP(unravel_index, "unravel_index(Tensor indices, int[] shape) -> Tensor[]", kFunction,
      "Positions in a flattened tensor of this shape as one tensor per dimension.")
PF_OP(is_same_size, "is_same_size(Tensor input, Tensor other) -> bool", kBoth,
      "Whether two tensors have the same shape.")
PF_OP(argwhere, "argwhere(Tensor input) -> Tensor", kBoth,
      "Positions of the elements that are not zero, one row each.")
PF_OP(msort, "msort(Tensor input) -> Tensor", kBoth, "Sorted along dimension 0.")

}  // namespace
}  // namespace pyforge::ops
