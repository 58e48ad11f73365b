// Distinct elements, and distinct slices along a dimension.
#include <algorithm>
#include <numeric>

#include "autograd/grad_mode.h"
#include "ops/dtypes.h"
#include "ops/ops.h"
#include "ops/sort.h"

namespace pyforge::ops {
namespace {

struct Distinct {
  std::vector<int64_t> first;  // the row that stands for each group
  Tensor inverse, counts;      // group of each row; rows per group
};

// Groups rows that follow each other in `order` (as they are if empty) and are the same.
template <class Same>
Distinct group(int64_t n, const int64_t* order, Same same) {
  Distinct d;
  d.inverse = empty({n}, DType::Int64);
  int64_t* inverse = d.inverse.data<int64_t>();
  std::vector<int64_t> counts;
  int64_t before = 0;
  for (int64_t i = 0; i < n; ++i) {
    int64_t row = order ? order[i] : i;
    if (i == 0 || !same(before, row)) {
      d.first.push_back(row);
      counts.push_back(0);
    }
    ++counts.back();
    inverse[row] = static_cast<int64_t>(counts.size()) - 1;
    before = row;
  }
  d.counts = empty({static_cast<int64_t>(counts.size())}, DType::Int64);
  std::copy(counts.begin(), counts.end(), d.counts.data<int64_t>());
  return d;
}

Tensor as_index(const std::vector<int64_t>& rows) {
  Tensor t = empty({static_cast<int64_t>(rows.size())}, DType::Int64);
  std::copy(rows.begin(), rows.end(), t.data<int64_t>());
  return t;
}

// NaN differs from NaN.
Distinct distinct_elements(const Tensor& flat, bool sorted) {
  Tensor order;
  if (sorted) order = contiguous(argsort(flat, 0, false, true));
  Distinct d;
  with_element(flat.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* x = flat.data<T>();
    d = group(flat.numel(), sorted ? order.data<int64_t>() : nullptr,
              [x](int64_t a, int64_t b) { return x[a] == x[b]; });
  });
  return d;
}

// Rows of `rows` [n, length], in lexicographic order if sorted.
Distinct distinct_rows(const Tensor& rows, bool sorted) {
  int64_t n = rows.size(0), length = rows.size(1);
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  Distinct d;
  with_element(rows.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* x = rows.data<T>();
    if (sorted)
      std::stable_sort(order.begin(), order.end(), [x, length](int64_t a, int64_t b) {
        const T *p = x + a * length, *q = x + b * length;
        for (int64_t i = 0; i < length; ++i) {
          if (p[i] < q[i] || (p[i] == p[i] && q[i] != q[i])) return true;
          if (q[i] < p[i] || (q[i] == q[i] && p[i] != p[i])) return false;
        }
        return false;
      });
    d = group(n, order.data(), [x, length](int64_t a, int64_t b) {
      return std::equal(x + a * length, x + (a + 1) * length, x + b * length);
    });
  });
  return d;
}

Result unique_of(const char* op, const Tensor& input, bool sorted, bool with_inverse,
                 bool with_counts, std::optional<int64_t> dim) {
  GradModeGuard off(false);
  Distinct d;
  Tensor output;
  if (!dim) {
    Tensor flat = reshape(contiguous(input), {input.numel()});
    d = distinct_elements(computable(flat), sorted);
    output = index_select(flat, 0, as_index(d.first));
    d.inverse = reshape(d.inverse, input.sizes());
  } else {
    int64_t w = wrap_dim(op, *dim, input.dim());
    PF_CHECK(input.dim(), Index, op, "(): dim needs a tensor of at least one dimension");
    Tensor lines = contiguous(computable(transpose(input, 0, w)));
    int64_t n = input.size(w), length = 1;
    for (int64_t i = 0; i < input.dim(); ++i) length *= i == w ? 1 : input.size(i);
    PF_CHECK(input.numel() || n == 0, Runtime, op,
             "(): There are 0 sized dimensions, and they aren't selected, so unique cannot be "
             "applied");
    d = distinct_rows(reshape(lines, {n, length}), sorted);
    output = index_select(input, w, as_index(d.first));
  }
  if (!with_inverse && !with_counts) return output;
  std::vector<Tensor> results{output};
  if (with_inverse) results.push_back(d.inverse);
  if (with_counts) results.push_back(d.counts);
  return results;
}

std::optional<int64_t> dim_of(const Value& v) {
  return boxing::Arg<std::optional<int64_t>>::get(v);
}

[[maybe_unused]] const bool registered = [] {
  register_op(
      "unique(Tensor input, bool sorted=True, bool return_inverse=False, bool return_counts=False, "
      "int? dim=None) -> Any",
      [](const Value* a) {
        return unique_of("unique", a[0].tensor(), true, a[2].number.i, a[3].number.i, dim_of(a[4]));
      },
      {ArgType::Tensor, ArgType::Bool, ArgType::Bool, ArgType::Bool, ArgType::Int},
      kFunction | kMethod,
      "The distinct elements, or slices along `dim`, in order; with where each went, and how "
      "many.");
  register_op(
      "unique_consecutive(Tensor input, bool return_inverse=False, bool return_counts=False, int? "
      "dim=None) -> Any",
      [](const Value* a) {
        return unique_of("unique_consecutive", a[0].tensor(), false, a[1].number.i, a[2].number.i,
                         dim_of(a[3]));
      },
      {ArgType::Tensor, ArgType::Bool, ArgType::Bool, ArgType::Int}, kFunction | kMethod,
      "The first of each run of equal elements, or slices along `dim`; with the run of each, and "
      "lengths.");
  return true;
}();

}  // namespace
}  // namespace pyforge::ops
