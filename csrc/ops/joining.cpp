// Tensors joined along a dimension, and broadcast against each other.
#include <algorithm>
#include <cstring>

#include "autograd/node.h"
#include "ops/ops.h"
#include "ops/promote.h"

namespace pyforge::ops {
namespace {

struct CatBackward {
  static constexpr const char* kName = "CatBackward0";
  int64_t dim;
  std::vector<int64_t> lengths;  // -1: a skipped empty tensor
  static void backward(Node& n, CatBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    int64_t at = 0;
    for (size_t i = 0; i < p.lengths.size(); ++i) {
      if (p.lengths[i] < 0) {
        if (n.needs(static_cast<uint32_t>(i))) out[i] = zeros({0}, in[0].dtype());
        continue;
      }
      if (n.needs(static_cast<uint32_t>(i))) out[i] = slice(in[0], p.dim, at, at + p.lengths[i], 1);
      at += p.lengths[i];
    }
  }
};
struct StackBackward {
  static constexpr const char* kName = "StackBackward0";
  int64_t dim;
  static void backward(Node& n, StackBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    for (uint32_t i = 0; i < n.n_edges; ++i)
      if (n.needs(i)) out[i] = select(in[0], p.dim, i);
  }
};

constexpr int64_t kSmallPiece = 1 << 15;

// y seen as [outer, rows, inner]; t fills `rows` of them from `at` on.
void copy_piece(const Tensor& y, int64_t dim, int64_t at, const Tensor& t, int64_t length) {
  Dims sizes(y.sizes());
  sizes[dim] = length;
  size_t size = itemsize(y.dtype());
  char* to = y->data + at * y.stride(dim) * static_cast<int64_t>(size);
  int64_t outer = count(IntSpan(sizes.begin(), dim));
  // Row by row where that is little work for one thread.
  if (t.dtype() == y.dtype() && t.is_contiguous() && t.numel() < kSmallPiece &&
      outer <= std::max<int64_t>(64, t.numel() / 4)) {
    size_t run = static_cast<size_t>(outer ? t.numel() / outer : 0) * size;
    size_t pitch = static_cast<size_t>(y.size(dim) * y.stride(dim)) * size;
    for (int64_t o = 0; o < outer; ++o) std::memcpy(to + o * pitch, t->data + o * run, run);
    return;
  }
  copy_data(make_view(y, sizes, y.strides(), to), t);
}

bool skipped(const Tensor& t) { return t.dim() == 1 && t.size(0) == 0; }

}  // namespace

Tensor cat(const std::vector<Tensor>& tensors, int64_t dim) {
  PF_CHECK(!tensors.empty(), Value, "cat(): expected a non-empty list of Tensors");
  const Tensor* first = nullptr;
  for (size_t i = 0; i < tensors.size(); ++i) {
    PF_CHECK(tensors[i].dim() > 0, Runtime, "cat: zero-dimensional tensor (at position ", i,
             ") cannot be concatenated; use stack()");
    if (!first && !skipped(tensors[i])) first = &tensors[i];
  }
  if (!first) first = &tensors[0];
  int64_t d = wrap_dim("cat", dim, first->dim()), total = 0;
  std::vector<int64_t> lengths(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    lengths[i] = -1;
    if (skipped(t)) continue;
    PF_CHECK(t.dim() == first->dim(), Runtime,
             "cat: Tensors must have same number of dimensions: got ", first->dim(), " and ",
             t.dim());
    for (int64_t k = 0; k < t.dim(); ++k)
      PF_CHECK(k == d || t.size(k) == first->size(k), Runtime,
               "cat: Sizes of tensors must match except in dimension ", d, ". Expected size ",
               first->size(k), " but got size ", t.size(k), " for tensor number ", i,
               " in the list.");
    lengths[i] = t.size(d);
    total += lengths[i];
  }
  Dims sizes(first->sizes());
  sizes[d] = total;
  Tensor y = empty(sizes, common_dtype(tensors));
  int64_t at = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (lengths[i] < 0) continue;
    if (tensors[i].numel()) copy_piece(y, d, at, tensors[i], lengths[i]);
    at += lengths[i];
  }
  if (is_floating(y.dtype())) record_many<CatBackward>({y}, tensors, {}, {d, std::move(lengths)});
  return y;
}

Tensor stack(const std::vector<Tensor>& tensors, int64_t dim) {
  PF_CHECK(!tensors.empty(), Runtime, "stack expects a non-empty TensorList");
  const Tensor& first = tensors[0];
  for (size_t i = 1; i < tensors.size(); ++i)
    PF_CHECK(tensors[i].sizes() == first.sizes(), Runtime,
             "stack expects each tensor to be equal size, but got ", to_string(first.sizes()),
             " at entry 0 and ", to_string(tensors[i].sizes()), " at entry ", i);
  int64_t d = wrap_dim("stack", dim, first.dim() + 1);
  Dims sizes(first.sizes());
  sizes.insert(d, static_cast<int64_t>(tensors.size()));
  Tensor y = empty(sizes, common_dtype(tensors));
  Dims piece(sizes);
  piece[d] = 1;
  for (size_t i = 0; i < tensors.size() && y.numel(); ++i) {
    const Tensor& t = tensors[i];
    Dims strides(t.strides());
    strides.insert(d, d < t.dim() ? t.stride(d) * t.size(d) : 1);
    copy_piece(y, d, static_cast<int64_t>(i), make_view(t, piece, strides, t->data), 1);
  }
  if (is_floating(y.dtype())) record_many<StackBackward>({y}, tensors, {}, {d});
  return y;
}

std::vector<Tensor> broadcast_tensors(const std::vector<Tensor>& tensors) {
  Dims sizes;
  for (const Tensor& t : tensors) sizes = broadcast_shapes("broadcast_tensors", sizes, t.sizes());
  std::vector<Tensor> out;
  out.reserve(tensors.size());
  for (const Tensor& t : tensors) out.push_back(expand(t, sizes));
  return out;
}

namespace {

std::vector<Tensor> meshgrid(const std::vector<Tensor>& tensors, std::string_view indexing) {
  PF_CHECK(indexing == "ij" || indexing == "xy", Runtime,
           "meshgrid: indexing must be one of \"xy\" or \"ij\", but received: ", indexing);
  PF_CHECK(!tensors.empty(), Runtime, "meshgrid expects a non-empty TensorList");
  bool swap = indexing == "xy" && tensors.size() > 1;
  Dims sizes;
  for (const Tensor& t : tensors) {
    PF_CHECK(
        t.dim() <= 1, Runtime,
        "meshgrid: Expected 0D or 1D tensor in the tensor list but got: ", to_string(t.sizes()));
    sizes.push_back(t.numel());
  }
  if (swap) std::swap(sizes[0], sizes[1]);
  std::vector<Tensor> out;
  for (size_t i = 0; i < tensors.size(); ++i) {
    Dims shape(sizes.size(), 1);
    shape[swap && i < 2 ? 1 - static_cast<int64_t>(i) : static_cast<int64_t>(i)] =
        tensors[i].numel();
    out.push_back(expand(reshape(tensors[i], shape), sizes));
  }
  return out;
}

PF_OP(cat, "cat(Tensor[] tensors, int dim=0) -> Tensor", kFunction,
      "The tensors one after another along dimension `dim`.")
PF_OP(cat, "concat(Tensor[] tensors, int dim=0) -> Tensor", kFunction, "The same as cat.")
PF_OP(cat, "concatenate(Tensor[] tensors, int dim=0) -> Tensor", kFunction, "NumPy's name of cat.")
PF_OP(stack, "stack(Tensor[] tensors, int dim=0) -> Tensor", kFunction,
      "Tensors of one shape along a new dimension `dim`.")
PF_OP(broadcast_tensors, "broadcast_tensors(Tensor[] tensors) -> Tensor[]", kFunction,
      "Views of the tensors expanded to their common shape.")
PF_OP(meshgrid, "meshgrid(Tensor[] tensors, *, str indexing='ij') -> Tensor[]", kFunction,
      "Coordinate grids of 1-d tensors; indexing 'ij' or 'xy'.")

}  // namespace
}  // namespace pyforge::ops
