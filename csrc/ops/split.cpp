// Views that cut a tensor into several.
#include <algorithm>

#include "autograd/inplace.h"
#include "autograd/node.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

Tensor zeros_if_undefined(const Tensor& g, IntSpan sizes, DType dtype) {
  return g.defined() ? g : zeros(sizes, dtype);
}

// Gradients of the pieces joined; pieces nobody used are zeros.
struct JoinPieces {
  Shape sizes;
  int64_t dim;
  std::vector<int64_t> lengths;
  DType dtype;

  void run(Tensor* in, Tensor* out) const {
    std::vector<Tensor> pieces(lengths.size());
    bool any = false;
    for (size_t i = 0; i < lengths.size(); ++i) any |= in[i].defined();
    if (!any) return;
    Dims piece{IntSpan(sizes)};
    for (size_t i = 0; i < lengths.size(); ++i) {
      piece[dim] = lengths[i];
      pieces[i] = zeros_if_undefined(in[i], piece, dtype);
    }
    out[0] = cat(pieces, dim);
  }
};
struct SplitBackward : JoinPieces {
  static constexpr const char* kName = "SplitBackward0";
  static void backward(Node&, SplitBackward& p, Tensor* in, Tensor* out) { p.run(in, out); }
};
struct SplitWithSizesBackward : JoinPieces {
  static constexpr const char* kName = "SplitWithSizesBackward0";
  static void backward(Node&, SplitWithSizesBackward& p, Tensor* in, Tensor* out) {
    p.run(in, out);
  }
};
struct UnbindBackward {
  static constexpr const char* kName = "UnbindBackward0";
  Shape sizes;  // of one output
  int64_t dim, n;
  DType dtype;
  static void backward(Node&, UnbindBackward& p, Tensor* in, Tensor* out) {
    std::vector<Tensor> pieces(p.n);
    bool any = false;
    for (int64_t i = 0; i < p.n; ++i) any |= in[i].defined();
    if (!any) return;
    for (int64_t i = 0; i < p.n; ++i) pieces[i] = zeros_if_undefined(in[i], p.sizes, p.dtype);
    out[0] = stack(pieces, p.dim);
  }
};

Tensor piece_of(const Tensor& t, IntSpan sizes, IntSpan strides, int64_t offset) {
  Tensor y =
      make_view(t, sizes, strides, t->data + offset * static_cast<int64_t>(itemsize(t.dtype())));
  mark_view(y, t, true);
  return y;
}

template <class P>
std::vector<Tensor> cut(const Tensor& t, int64_t dim, std::vector<int64_t> lengths) {
  std::vector<Tensor> pieces;
  pieces.reserve(lengths.size());
  Dims sizes(t.sizes());
  int64_t at = 0;
  for (int64_t length : lengths) {
    sizes[dim] = length;
    pieces.push_back(piece_of(t, sizes, t.strides(), at * t.stride(dim)));
    at += length;
  }
  P rule;
  rule.sizes.assign(t.sizes());
  rule.dim = dim;
  rule.lengths = std::move(lengths);
  rule.dtype = t.dtype();
  record_many<P>(pieces, {t}, {}, std::move(rule));
  return pieces;
}

}  // namespace

std::vector<Tensor> split(const Tensor& t, int64_t split_size, int64_t dim) {
  PF_CHECK(t.dim() > 0, Runtime, "split expects at least a 1-dimensional tensor");
  PF_CHECK(split_size >= 0, Runtime,
           "split expects split_size be non-negative, but got split_size=", split_size);
  int64_t d = wrap_dim("split", dim, t.dim()), n = t.size(d);
  PF_CHECK(split_size > 0 || n == 0, Runtime,
           "split: split_size can only be 0 if dimension size is 0, but got dimension size of ", n);
  int64_t pieces = split_size ? std::max<int64_t>(1, (n + split_size - 1) / split_size) : 1;
  std::vector<int64_t> lengths(pieces, split_size);
  lengths.back() = n - split_size * (pieces - 1);
  return cut<SplitBackward>(t, d, std::move(lengths));
}

std::vector<Tensor> split_sizes(const Tensor& t, IntSpan sizes, int64_t dim) {
  PF_CHECK(t.dim() > 0, Runtime, "split expects at least a 1-dimensional tensor");
  int64_t d = wrap_dim("split", dim, t.dim()), total = 0;
  for (int64_t s : sizes) {
    PF_CHECK(s >= 0, Runtime,
             "split: split_with_sizes expects split_sizes have only non-negative entries, but got "
             "split_sizes=",
             to_string(sizes));
    total += s;
  }
  PF_CHECK(total == t.size(d), Runtime,
           "split: split_with_sizes expects split_sizes to sum exactly to ", t.size(d),
           " (input tensor's size at dimension ", d, "), but got split_sizes=", to_string(sizes));
  return cut<SplitWithSizesBackward>(t, d, sizes.vec());
}

std::vector<Tensor> chunk(const Tensor& t, int64_t chunks, int64_t dim) {
  PF_CHECK(t.dim() > 0, Runtime, "chunk expects at least a 1-dimensional tensor");
  PF_CHECK(chunks > 0, Runtime, "chunk expects `chunks` to be greater than 0, got: ", chunks);
  int64_t d = wrap_dim("chunk", dim, t.dim()), n = t.size(d);
  int64_t size = (n + chunks - 1) / chunks;
  if (size == 0) return cut<SplitWithSizesBackward>(t, d, std::vector<int64_t>(chunks, 0));
  return split(t, size, d);
}

std::vector<Tensor> unbind(const Tensor& t, int64_t dim) {
  PF_CHECK(t.dim() > 0, Index, "unbind: Dimension specified as ", dim,
           " but tensor has no dimensions");
  int64_t d = wrap_dim("unbind", dim, t.dim()), n = t.size(d);
  Dims sizes(t.sizes()), strides(t.strides());
  sizes.erase(d);
  strides.erase(d);
  std::vector<Tensor> pieces;
  pieces.reserve(n);
  for (int64_t i = 0; i < n; ++i) pieces.push_back(piece_of(t, sizes, strides, i * t.stride(d)));
  if (n) record_many<UnbindBackward>(pieces, {t}, {}, {sizes, d, n, t.dtype()});
  return pieces;
}

PF_OP(split, "split(Tensor tensor, int split_size_or_sections, int dim=0) -> Tensor[]", kFunction,
      "Views of `split_size_or_sections` positions each along `dim`; the last may be shorter.")
PF_OP(split_sizes, "split(Tensor tensor, int[] split_size_or_sections, int dim=0) -> Tensor[]",
      kFunction, "Views of the given lengths along `dim`.")
PF_OP(split, "split(Tensor input, int split_size, int dim=0) -> Tensor[]", kMethod,
      "Views of `split_size` positions each along `dim`; the last may be shorter.")
PF_OP(split_sizes, "split(Tensor input, int[] split_size, int dim=0) -> Tensor[]", kMethod,
      "Views of the given lengths along `dim`.")
PF_OP(split_sizes, "split_with_sizes(Tensor input, int[] split_sizes, int dim=0) -> Tensor[]",
      kFunction | kMethod, "Views of the given lengths along `dim`.")
PF_OP(split, "unsafe_split(Tensor input, int split_size, int dim=0) -> Tensor[]",
      kFunction | kMethod, "The same as split.")
PF_OP(split_sizes,
      "unsafe_split_with_sizes(Tensor input, int[] split_sizes, int dim=0) -> Tensor[]",
      kFunction | kMethod, "The same as split_with_sizes.")
PF_OP(chunk, "unsafe_chunk(Tensor input, int chunks, int dim=0) -> Tensor[]", kFunction | kMethod,
      "The same as chunk.")
PF_OP(chunk, "chunk(Tensor input, int chunks, int dim=0) -> Tensor[]", kFunction | kMethod,
      "At most `chunks` views of equal length along `dim`; the last may be shorter.")
PF_OP(unbind, "unbind(Tensor input, int dim=0) -> Tensor[]", kFunction | kMethod,
      "One view per position of dimension `dim`, without that dimension.")

}  // namespace pyforge::ops
