// Views as copies: the op of the same name without _copy, then clone.
#include "autograd/grad_mode.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

Tensor alias_copy(const Tensor& t) { return clone(t); }
Tensor detach_copy(const Tensor& t) {
  GradModeGuard off(false);
  return clone(t);
}
Tensor diagonal_copy(const Tensor& t, int64_t offset, int64_t dim1, int64_t dim2) {
  return clone(diagonal(t, offset, dim1, dim2));
}
Tensor expand_copy(const Tensor& t, IntSpan size) { return clone(expand(t, size)); }
Tensor narrow_copy(const Tensor& t, int64_t dim, int64_t start, int64_t length) {
  return clone(narrow(t, dim, start, length));
}
Tensor permute_copy(const Tensor& t, IntSpan dims) { return clone(permute(t, dims)); }
Tensor select_copy(const Tensor& t, int64_t dim, int64_t index) {
  return clone(select(t, dim, index));
}
Tensor slice_copy(const Tensor& t, int64_t dim, std::optional<int64_t> start,
                  std::optional<int64_t> end, int64_t step) {
  return clone(slice(t, dim, start.value_or(0), end.value_or(INT64_MAX), step));
}
Tensor squeeze_copy(const Tensor& t) { return clone(squeeze(t)); }
Tensor squeeze_dims_copy(const Tensor& t, IntSpan dims) { return clone(squeeze_dims(t, dims)); }
Tensor t_copy(const Tensor& x) { return clone(t(x)); }
Tensor transpose_copy(const Tensor& t, int64_t dim0, int64_t dim1) {
  return clone(transpose(t, dim0, dim1));
}
Tensor unsqueeze_copy(const Tensor& t, int64_t dim) { return clone(unsqueeze(t, dim)); }
Tensor view_copy(const Tensor& t, IntSpan size) { return clone(view(t, size)); }

std::vector<Tensor> copies(std::vector<Tensor> views) {
  for (Tensor& t : views) t = clone(t);
  return views;
}
std::vector<Tensor> split_copy(const Tensor& t, int64_t split_size, int64_t dim) {
  return copies(split(t, split_size, dim));
}
std::vector<Tensor> split_with_sizes_copy(const Tensor& t, IntSpan sizes, int64_t dim) {
  return copies(split_sizes(t, sizes, dim));
}
std::vector<Tensor> unbind_copy(const Tensor& t, int64_t dim) { return copies(unbind(t, dim)); }

PF_OP(alias_copy, "alias_copy(Tensor input) -> Tensor", kFunction, "A copy.")
PF_OP(detach_copy, "detach_copy(Tensor input) -> Tensor", kFunction, "A copy without history.")
PF_OP(diagonal_copy, "diagonal_copy(Tensor input, int offset=0, int dim1=0, int dim2=1) -> Tensor",
      kFunction, "diagonal() as a copy.")
PF_OP(expand_copy, "expand_copy(Tensor input, int[] size) -> Tensor", kFunction,
      "expand() as a copy.")
PF_OP(narrow_copy, "narrow_copy(Tensor input, int dim, int start, int length) -> Tensor",
      kFunction | kMethod, "narrow() as a copy.")
PF_OP(permute_copy, "permute_copy(Tensor input, int[] dims) -> Tensor", kFunction,
      "permute() as a copy.")
PF_OP(select_copy, "select_copy(Tensor input, int dim, int index) -> Tensor", kFunction,
      "select() as a copy.")
PF_OP(slice_copy,
      "slice_copy(Tensor input, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor",
      kFunction, "The slice start:end:step of dimension `dim` as a copy.")
PF_OP(squeeze_copy, "squeeze_copy(Tensor input) -> Tensor", kFunction, "squeeze() as a copy.")
PF_OP(squeeze_dims_copy, "squeeze_copy(Tensor input, int[] dim) -> Tensor", kFunction,
      "squeeze() of some dimensions as a copy.")
PF_OP(t_copy, "t_copy(Tensor input) -> Tensor", kFunction, "t() as a copy.")
PF_OP(transpose_copy, "transpose_copy(Tensor input, int dim0, int dim1) -> Tensor", kFunction,
      "transpose() as a copy.")
PF_OP(unsqueeze_copy, "unsqueeze_copy(Tensor input, int dim) -> Tensor", kFunction,
      "unsqueeze() as a copy.")
PF_OP(view_copy, "view_copy(Tensor input, int[] size) -> Tensor", kFunction, "view() as a copy.")
PF_OP(split_copy, "split_copy(Tensor input, int split_size, int dim=0) -> Tensor[]", kFunction,
      "split() as copies.")
PF_OP(split_with_sizes_copy,
      "split_with_sizes_copy(Tensor input, int[] split_sizes, int dim=0) -> Tensor[]", kFunction,
      "split_with_sizes() as copies.")
PF_OP(unbind_copy, "unbind_copy(Tensor input, int dim=0) -> Tensor[]", kFunction,
      "unbind() as copies.")

}  // namespace
}  // namespace pyforge::ops
