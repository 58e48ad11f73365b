// Cutting at positions, joining along fixed dimensions, blocks, products and combinations.
#include "autograd/node.h"
#include "ops/ops.h"
#include "ops/promote.h"

namespace pyforge::ops {
namespace {

using Tensors = std::vector<Tensor>;

Tensors tensor_split(const Tensor& t, int64_t sections, int64_t dim) {
  PF_CHECK(t.dim() > 0, Runtime,
           "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims");
  int64_t d = wrap_dim("tensor_split", dim, t.dim()), n = t.size(d), at = 0;
  PF_CHECK(sections > 0, Runtime, "tensor_split: number of sections must be larger than 0, got ",
           sections);
  PF_CHECK(sections < (int64_t{1} << 32), Memory, "tensor_split: ", sections,
           " sections are too many");
  Tensors out;
  out.reserve(static_cast<size_t>(sections));
  for (int64_t i = 0; i < sections; ++i) {
    int64_t length = n / sections + (i < n % sections);
    out.push_back(slice(t, d, at, at + length, 1));
    at += length;
  }
  return out;
}

Tensors tensor_split_at(const Tensor& t, IntSpan indices, int64_t dim) {
  PF_CHECK(t.dim() > 0, Runtime,
           "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims");
  int64_t d = wrap_dim("tensor_split", dim, t.dim()), start = 0;
  Tensors out;
  for (int64_t end : indices) {
    out.push_back(slice(t, d, start, end, 1));
    start = end;
  }
  out.push_back(slice(t, d, start, t.size(d), 1));
  return out;
}

Tensors tensor_split_tensor(const Tensor& t, const Tensor& where, int64_t dim) {
  PF_CHECK(where.dtype() == DType::Int64, Runtime,
           "tensor_split expected tensor_indices_or_sections to have dtype of long, but got ",
           dtype_name(where.dtype()));
  PF_CHECK(where.dim() <= 1, Runtime,
           "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or "
           "one-dimensional tensor, but got a tensor with ",
           where.dim(), " dims");
  if (where.dim() == 0) return tensor_split(t, item(where).i, dim);
  Tensor at = contiguous(where);
  return tensor_split_at(t, IntSpan(at.data<int64_t>(), at.numel()), dim);
}

// hsplit, vsplit and dsplit: at least `least` dimensions, equal parts.
int64_t checked_split(const char* op, const Tensor& t, int64_t least, int64_t dim) {
  PF_CHECK(t.dim() >= least, Runtime, op, " requires a tensor with at least ", least,
           " dimension, but got a tensor with ", t.dim(), " dimensions!");
  return dim;
}
Tensors equal_parts(const char* op, const Tensor& t, int64_t sections, int64_t dim) {
  PF_CHECK(sections > 0 && t.size(dim) % sections == 0, Runtime, op,
           " attempted to split along dimension ", dim, ", but the size of the dimension ",
           t.size(dim), " is not divisible by the split_size ", sections, "!");
  return tensor_split(t, sections, dim);
}

Tensors hsplit(const Tensor& t, int64_t sections) {
  return equal_parts("hsplit", t, sections, checked_split("hsplit", t, 1, t.dim() > 1));
}
Tensors hsplit_at(const Tensor& t, IntSpan indices) {
  return tensor_split_at(t, indices, checked_split("hsplit", t, 1, t.dim() > 1));
}
Tensors vsplit(const Tensor& t, int64_t sections) {
  return equal_parts("vsplit", t, sections, checked_split("vsplit", t, 2, 0));
}
Tensors vsplit_at(const Tensor& t, IntSpan indices) {
  return tensor_split_at(t, indices, checked_split("vsplit", t, 2, 0));
}
Tensors dsplit(const Tensor& t, int64_t sections) {
  return equal_parts("dsplit", t, sections, checked_split("dsplit", t, 3, 2));
}
Tensors dsplit_at(const Tensor& t, IntSpan indices) {
  return tensor_split_at(t, indices, checked_split("dsplit", t, 3, 2));
}

template <class F>
Tensors each(const Tensors& tensors, F f) {
  Tensors out;
  out.reserve(tensors.size());
  for (const Tensor& t : tensors) out.push_back(f(t));
  return out;
}

void check_some(const char* op, const Tensors& tensors) {
  PF_CHECK(!tensors.empty(), Runtime, op, " expects a non-empty TensorList");
}

Tensors atleast_1d_each(const Tensors& tensors) { return each(tensors, atleast_1d); }
Tensors atleast_2d_each(const Tensors& tensors) { return each(tensors, atleast_2d); }
Tensors atleast_3d_each(const Tensors& tensors) { return each(tensors, atleast_3d); }

Tensor hstack(const Tensors& tensors) {
  check_some("hstack", tensors);
  Tensors wide = atleast_1d_each(tensors);
  return cat(wide, wide[0].dim() == 1 ? 0 : 1);
}
Tensor vstack(const Tensors& tensors) {
  check_some("vstack", tensors);
  return cat(atleast_2d_each(tensors), 0);
}
Tensor dstack(const Tensors& tensors) {
  check_some("dstack", tensors);
  return cat(atleast_3d_each(tensors), 2);
}
Tensor column_stack(const Tensors& tensors) {
  check_some("column_stack", tensors);
  return cat(
      each(tensors, [](const Tensor& t) { return t.dim() < 2 ? reshape(t, {t.numel(), 1}) : t; }),
      1);
}

struct BlockDiagBackward {
  static constexpr const char* kName = "BlockDiagBackward0";
  std::vector<int64_t> rows, columns;
  static void backward(Node& n, BlockDiagBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    int64_t r = 0, c = 0;
    for (uint32_t i = 0; i < p.rows.size(); ++i) {
      if (n.needs(i))
        out[i] =
            reshape(narrow(narrow(in[0], 0, r, p.rows[i]), 1, c, p.columns[i]), n.input(i).shape);
      r += p.rows[i];
      c += p.columns[i];
    }
  }
};

Tensor block_diag(const Tensors& tensors) {
  if (tensors.empty()) return zeros({1, 0}, default_dtype());
  BlockDiagBackward rule;
  int64_t rows = 0, columns = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    PF_CHECK(t.dim() <= 2, Runtime, "block_diag: Input tensors must have 2 or fewer dimensions. ",
             "Input ", i, " has ", t.dim(), " dimensions");
    rule.rows.push_back(t.dim() == 2 ? t.size(0) : 1);
    rule.columns.push_back(t.dim() ? t.sizes().back() : 1);
    rows += rule.rows.back();
    columns += rule.columns.back();
  }
  Tensor y = zeros({rows, columns}, common_dtype(tensors));
  int64_t r = 0, c = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    GradModeGuard off(false);
    copy_data(narrow(narrow(y, 0, r, rule.rows[i]), 1, c, rule.columns[i]), tensors[i]);
    r += rule.rows[i];
    c += rule.columns[i];
  }
  if (is_floating(y.dtype())) record_many<BlockDiagBackward>({y}, tensors, {}, std::move(rule));
  return y;
}

Tensor cartesian_prod(const Tensors& tensors) {
  check_some("cartesian_prod", tensors);
  Dims sizes;
  for (const Tensor& t : tensors) {
    PF_CHECK(t.dim() == 1, Runtime, "cartesian_prod: Expect a 1D vector, but got shape ",
             to_string(t.sizes()));
    sizes.push_back(t.numel());
  }
  if (tensors.size() == 1) return tensors[0];
  Tensors grids;
  for (size_t i = 0; i < tensors.size(); ++i) {
    Dims shape(sizes.size(), 1);
    shape[static_cast<int64_t>(i)] = tensors[i].numel();
    grids.push_back(reshape(expand(reshape(tensors[i], shape), sizes), {-1}));
  }
  return stack(grids, 1);
}

Tensor combinations(const Tensor& t, int64_t r, bool with_replacement) {
  PF_CHECK(t.dim() == 1, Runtime, "combinations: Expect a 1D vector, but got shape ",
           to_string(t.sizes()));
  PF_CHECK(r >= 0, Runtime, "combinations: Expect a non-negative number, but got ", r);
  if (r == 0) return empty({0}, t.dtype());
  int64_t n = t.numel();
  if (n == 0 || (!with_replacement && r > n)) return reshape(narrow(t, 0, 0, 0), {0, r});
  double top = static_cast<double>(with_replacement ? n + r - 1 : n), rows = 1;
  for (int64_t k = 0; k < r && rows < 1e12; ++k)
    rows *= (top - static_cast<double>(k)) / static_cast<double>(k + 1);
  PF_CHECK(rows * static_cast<double>(r) < 1e10, Memory, "combinations: ", r, " elements of ", n,
           " are too many");
  std::vector<int64_t> picked, now(static_cast<size_t>(r));
  auto slots = static_cast<size_t>(r);
  for (size_t k = 0; k < slots; ++k) now[k] = with_replacement ? 0 : static_cast<int64_t>(k);
  // The greatest value of slot k.
  auto most = [&](size_t k) {
    return with_replacement ? n - 1 : n - static_cast<int64_t>(slots - k);
  };
  for (bool going = true; going;) {
    picked.insert(picked.end(), now.begin(), now.end());
    size_t k = slots;
    while (k > 0 && now[k - 1] == most(k - 1)) --k;
    going = k > 0;
    if (going) ++now[k - 1];
    for (size_t j = k; going && j < slots; ++j) now[j] = now[j - 1] + !with_replacement;
  }
  Tensor index = empty({static_cast<int64_t>(picked.size())}, DType::Int64);
  if (!picked.empty()) std::memcpy(index->data, picked.data(), picked.size() * sizeof(int64_t));
  return reshape(index_select(t, 0, index), {static_cast<int64_t>(picked.size() / slots), r});
}

constexpr uint32_t kBoth = kFunction | kMethod;

PF_OP(tensor_split, "tensor_split(Tensor input, int sections, int dim=0) -> Tensor[]", kBoth,
      "`sections` views along `dim` whose lengths differ by at most one.")
PF_OP(tensor_split_at, "tensor_split(Tensor input, int[] indices, int dim=0) -> Tensor[]", kBoth,
      "Views along `dim`, cut before each of the positions `indices`.")
PF_OP(tensor_split_tensor,
      "tensor_split(Tensor input, Tensor tensor_indices_or_sections, int dim=0) -> Tensor[]", kBoth,
      "The same with the number of sections or the positions in an int64 tensor.")
PF_OP(hsplit, "hsplit(Tensor input, int sections) -> Tensor[]", kBoth,
      "Equal views along dimension 1, of a vector along dimension 0.")
PF_OP(hsplit_at, "hsplit(Tensor input, int[] indices) -> Tensor[]", kBoth,
      "Views along dimension 1 (0 of a vector), cut before each of the positions.")
PF_OP(vsplit, "vsplit(Tensor input, int sections) -> Tensor[]", kBoth,
      "Equal views along dimension 0.")
PF_OP(vsplit_at, "vsplit(Tensor input, int[] indices) -> Tensor[]", kBoth,
      "Views along dimension 0, cut before each of the positions.")
PF_OP(dsplit, "dsplit(Tensor input, int sections) -> Tensor[]", kBoth,
      "Equal views along dimension 2.")
PF_OP(dsplit_at, "dsplit(Tensor input, int[] indices) -> Tensor[]", kBoth,
      "Views along dimension 2, cut before each of the positions.")
PF_OP(atleast_1d_each, "atleast_1d(Tensor[] tensors) -> Tensor[]", kFunction,
      "Views with at least one dimension.")
PF_OP(atleast_2d_each, "atleast_2d(Tensor[] tensors) -> Tensor[]", kFunction,
      "Views with at least two dimensions.")
PF_OP(atleast_3d_each, "atleast_3d(Tensor[] tensors) -> Tensor[]", kFunction,
      "Views with at least three dimensions.")
PF_OP(hstack, "hstack(Tensor[] tensors) -> Tensor", kFunction,
      "Tensors side by side: joined along dimension 1, vectors along dimension 0.")
PF_OP(vstack, "vstack(Tensor[] tensors) -> Tensor", kFunction,
      "Tensors on top of each other: joined along dimension 0, vectors as rows.")
PF_OP(vstack, "row_stack(Tensor[] tensors) -> Tensor", kFunction, "The same as vstack.")
PF_OP(dstack, "dstack(Tensor[] tensors) -> Tensor", kFunction,
      "Tensors in depth: joined along dimension 2.")
PF_OP(column_stack, "column_stack(Tensor[] tensors) -> Tensor", kFunction,
      "Tensors side by side, vectors as columns.")
PF_OP(block_diag, "block_diag(Tensor[] tensors) -> Tensor", kFunction,
      "The matrix with these matrices (vectors as rows) along its diagonal, zero elsewhere.")
PF_OP(cartesian_prod, "cartesian_prod(Tensor[] tensors) -> Tensor", kFunction,
      "All tuples with one element of each vector, as rows [n, number of vectors].")
PF_OP(combinations, "combinations(Tensor input, int r=2, bool with_replacement=False) -> Tensor",
      kFunction, "All `r` elements of a vector in its order, as rows [n, r].")

}  // namespace
}  // namespace pyforge::ops
