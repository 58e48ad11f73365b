// Binary search in sorted lines, and membership.
#include <algorithm>

#include "autograd/grad_mode.h"
#include "ops/dtypes.h"
#include "ops/lines.h"
#include "ops/ops.h"
#include "ops/promote.h"
#include "ops/sort.h"

namespace pyforge::ops {
namespace {

constexpr uint32_t kBoth = kFunction | kMethod;

// How many elements of line[0..n), seen in `order` where given, come before v: those less than v,
// or not greater if right. NaN comes after everything.
template <class T>
int64_t place(const T* line, const int64_t* order, int64_t n, T v, bool right) {
  int64_t first = 0, last = n;
  while (first < last) {
    int64_t middle = first + (last - first) / 2;
    T m = line[order ? order[middle] : middle];
    if (right ? !(m > v) : !(m >= v))
      first = middle + 1;
    else
      last = middle;
  }
  return first;
}

Tensor in_dtype(const Operand& o, DType dtype) {
  return o.is_tensor() ? to(o.tensor(), dtype) : full({}, o.number(), dtype);
}

Tensor search(const char* op, const Tensor& sequence, const Operand& input, bool out_int32,
              bool right, const Tensor& sorter) {
  GradModeGuard off(false);
  DType dtype = result_type(sequence, input);
  Tensor line = contiguous(computable(to(sequence, dtype)));
  Tensor v = contiguous(computable(in_dtype(input, dtype)));
  PF_CHECK(line.dim() > 0, Runtime, op, "(): boundaries tensor should have at least one dimension");
  PF_CHECK(v.dim() > 0 || line.dim() == 1, Runtime, op,
           "(): input value can be a scalar only when boundaries tensor dimension is 1, but we got "
           "boundaries tensor dim(",
           line.dim(), ") and input value's dim(0) numel(1)");
  int64_t n = line.size(line.dim() - 1), outer = line.dim() - 1;
  bool shared = outer == 0;
  PF_CHECK(shared || (v.dim() == line.dim() &&
                      IntSpan(v.sizes().begin(), outer) == IntSpan(line.sizes().begin(), outer)),
           Runtime, op,
           "(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
           "tensor and input value tensor must match, but we got boundaries tensor ",
           to_string(line.sizes()), " and input value tensor ", to_string(v.sizes()));
  Tensor order;
  if (sorter.defined()) {
    PF_CHECK(sorter.dtype() == DType::Int64, Runtime, op,
             "(): sorter must be a tensor of long dtype but got dtype ",
             dtype_name(sorter.dtype()));
    PF_CHECK(sorter.sizes() == sequence.sizes(), Runtime, op,
             "(): boundary and sorter must have the same size, but got boundary tensor ",
             to_string(sequence.sizes()), " and got sorter tensor ", to_string(sorter.sizes()));
    order = contiguous(sorter);
    const int64_t* p = order.data<int64_t>();
    for (int64_t i = 0; i < order.numel(); ++i)
      PF_CHECK(p[i] >= 0 && p[i] < n, Runtime, op, "(): sorter index out of range: ", p[i]);
  }
  Tensor found = empty(v.sizes(), DType::Int64);
  int64_t per_line = shared ? v.numel() : v.size(v.dim() - 1);
  with_element(line.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T *lines = line.data<T>(), *values = v.data<T>();
    const int64_t* orders = order.defined() ? order.data<int64_t>() : nullptr;
    int64_t* out = found.data<int64_t>();
    for_rows(v.numel(), 32, [=](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        int64_t at = shared ? 0 : i / per_line * n;
        out[i] = place(lines + at, orders ? orders + at : nullptr, n, values[i], right);
      }
    });
  });
  return out_int32 ? to(found, DType::Int32) : found;
}

Tensor searchsorted(const Tensor& sequence, const Operand& input, bool out_int32, bool right,
                    std::optional<std::string_view> side, const Tensor& sorter) {
  if (side) {
    PF_CHECK(*side == "left" || *side == "right", Runtime,
             "searchsorted(): side can only be 'left' or 'right' but got ", *side);
    PF_CHECK(
        !right || *side == "right", Runtime,
        "searchsorted(): side and right can't be set to opposites, got side of left while right "
        "was True");
    right = *side == "right";
  }
  return search("searchsorted", sequence, input, out_int32, right, sorter);
}

Tensor bucketize(const Operand& input, const Tensor& boundaries, bool out_int32, bool right) {
  PF_CHECK(boundaries.dim() == 1, Runtime,
           "bucketize(): boundaries tensor must be 1 dimension, but got dim(", boundaries.dim(),
           ")");
  return search("bucketize", boundaries, input, out_int32, right, Tensor());
}

Tensor isin(const Operand& elements, const Operand& test_elements, bool, bool invert) {
  PF_CHECK(elements.is_tensor() || test_elements.is_tensor(), Type,
           "isin(): at least one argument must be a Tensor, not a number");
  GradModeGuard off(false);
  DType dtype = result_type(elements, test_elements);
  Tensor x = in_dtype(elements, dtype), tests = in_dtype(test_elements, dtype);
  if (tests.numel() == 0) return full(x.sizes(), Scalar(invert), DType::Bool);
  Tensor sorted = std::get<0>(sort(reshape(tests, {tests.numel()}), 0, false, false));
  Tensor at = search("isin", sorted, x, false, false, Tensor());
  at = minimum(at, Scalar(sorted.numel() - 1));
  Tensor nearest = reshape(index_select(sorted, 0, reshape(at, {at.numel()})), x.sizes());
  return invert ? ne(nearest, x) : eq(nearest, x);
}

PF_OP(
    searchsorted,
    "searchsorted(Tensor sorted_sequence, Tensor|Number input, *, bool out_int32=False, bool "
    "right=False, str? side=None, Tensor? sorter=None) -> Tensor",
    kFunction,
    "Where each element of input goes in the last dimension of sorted_sequence to keep its order: "
    "before equals, after them if right.")
PF_OP(
    bucketize,
    "bucketize(Tensor|Number input, Tensor boundaries, *, bool out_int32=False, bool right=False) "
    "-> Tensor",
    kBoth, "How many of the sorted boundaries are less than each element, or not greater if right.")
PF_OP(isin,
      "isin(Tensor|Number elements, Tensor|Number test_elements, *, bool assume_unique=False, bool "
      "invert=False) -> Tensor",
      kFunction, "Whether each element is one of test_elements, or none of them if invert.")

}  // namespace
}  // namespace pyforge::ops
