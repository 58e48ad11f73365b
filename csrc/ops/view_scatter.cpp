// Copies with a region replaced, the counterparts of the cutting views; and diagonals embedded.
#include "autograd/node.h"
#include "ops/loop.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

template <class Cut>
Tensor put(const Tensor& x, const Tensor& src, Cut where);

// Cut: the view's arguments, with cut(x) for the view and kName for this rule.
template <class Cut>
struct PutBackward {
  static constexpr const char* kName = Cut::kName;
  Cut where;
  static void backward(Node& n, PutBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor part = p.where.cut(in[0]);
    if (n.needs(0)) out[0] = put(in[0], zeros(part.sizes(), part.dtype()), p.where);
    if (n.needs(1)) out[1] = part;
  }
};

template <class Cut>
Tensor put(const Tensor& x, const Tensor& src, Cut where) {
  Tensor y = empty(x.sizes(), x.dtype());
  copy_data(y, x);
  {
    GradModeGuard off(false);
    copy_data(where.cut(y), src);
  }
  record<PutBackward<Cut>>(y, {&x, &src}, {}, {where});
  return y;
}

template <class Cut>
Tensor checked_put(const char* op, const Tensor& x, const Tensor& src, Cut where) {
  {
    GradModeGuard off(false);
    Tensor part = where.cut(x);
    PF_CHECK(part.sizes() == src.sizes(), Runtime, op,
             ": expected src to have a size equal to the slice of self. src size = ",
             to_string(src.sizes()), ", slice size = ", to_string(part.sizes()));
  }
  return put(x, src, where);
}

struct SelectCut {
  static constexpr const char* kName = "SelectScatterBackward0";
  int64_t dim, index;
  Tensor cut(const Tensor& x) const { return select(x, dim, index); }
};
struct SliceCut {
  static constexpr const char* kName = "SliceScatterBackward0";
  int64_t dim, start, end, step;
  Tensor cut(const Tensor& x) const { return slice(x, dim, start, end, step); }
};
struct DiagonalCut {
  static constexpr const char* kName = "DiagonalScatterBackward0";
  int64_t offset, dim1, dim2;
  Tensor cut(const Tensor& x) const { return diagonal(x, offset, dim1, dim2); }
};

Tensor select_scatter(const Tensor& x, const Tensor& src, int64_t dim, int64_t index) {
  return checked_put("select_scatter", x, src, SelectCut{dim, index});
}

Tensor slice_scatter(const Tensor& x, const Tensor& src, int64_t dim, std::optional<int64_t> start,
                     std::optional<int64_t> end, int64_t step) {
  return checked_put("slice_scatter", x, src,
                     SliceCut{dim, start.value_or(0), end.value_or(INT64_MAX), step});
}

Tensor diagonal_scatter(const Tensor& x, const Tensor& src, int64_t offset, int64_t dim1,
                        int64_t dim2) {
  return checked_put("diagonal_scatter", x, src, DiagonalCut{offset, dim1, dim2});
}

struct DiagEmbedBackward {
  static constexpr const char* kName = "DiagEmbedBackward0";
  int64_t offset, dim1, dim2;
  static void backward(Node&, DiagEmbedBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = diagonal(in[0], p.offset, p.dim1, p.dim2);
  }
};

Tensor diag_embed(const Tensor& x, int64_t offset, int64_t dim1, int64_t dim2) {
  PF_CHECK(x.dim() > 0, Index, "diag_embed: the input needs at least one dimension");
  int64_t ndim = x.dim() + 1, a = wrap_dim("diag_embed", dim1, ndim),
          b = wrap_dim("diag_embed", dim2, ndim);
  PF_CHECK(a != b, Runtime, "diag_embed: diagonal dimensions cannot be identical ", dim1, ", ",
           dim2);
  int64_t side = 0;
  PF_CHECK(offset != INT64_MIN &&
               !__builtin_add_overflow(x.sizes().back(), offset < 0 ? -offset : offset, &side),
           Runtime, "diag_embed: offset ", offset, " is too large");
  Dims sizes(x.sizes());
  sizes.pop_back();
  sizes.insert(std::min(a, b), side);
  sizes.insert(std::max(a, b), side);
  Tensor y = zeros(sizes, x.dtype());
  {
    GradModeGuard off(false);
    copy_data(diagonal(y, offset, a, b), x);
  }
  record<DiagEmbedBackward>(y, {&x}, {}, {offset, a, b});
  return y;
}

Tensor diag(const Tensor& x, int64_t offset) {
  PF_CHECK(x.dim() == 1 || x.dim() == 2, Runtime, "diag(): Supports 1D or 2D tensors. Got ",
           x.dim(), "D");
  return x.dim() == 1 ? diag_embed(x, offset, 0, 1) : clone(diagonal(x, offset, 0, 1));
}

Tensor diagflat(const Tensor& x, int64_t offset) {
  return diag_embed(reshape(x, {-1}), offset, 0, 1);
}

struct FillDiagonalBackward {
  static constexpr const char* kName = "FillDiagonalBackward0";
  bool wrap;
  static void backward(Node&, FillDiagonalBackward& p, Tensor* in, Tensor* out);
};

// The diagonal of all dimensions as a 1-d view; with wrap, of a tall matrix again after each block.
Tensor main_diagonal(const Tensor& x, bool wrap) {
  int64_t n = x.size(0), step = 0, rows = x.size(0);
  for (int64_t d = 0; d < x.dim(); ++d) {
    n = std::min(n, x.size(d));
    step += x.stride(d);
  }
  if (wrap && x.dim() == 2 && rows > x.size(1) + 1) {
    int64_t columns = x.size(1), period = columns + 1;
    n = (rows / period) * columns + std::min(rows % period, columns);
    if (x.is_contiguous()) return make_view(x, {n}, {step}, x->data);
    return Tensor();
  }
  return make_view(x, {n}, {step}, x->data);
}

void set_diagonal(const Tensor& x, Scalar value, bool wrap) {
  Tensor line = main_diagonal(x, wrap);
  if (line.defined()) {
    fill_data(line, value);
    return;
  }
  int64_t period = x.size(1) + 1;
  for (int64_t r = 0; r < x.size(0); ++r)
    if (r % period < x.size(1))
      fill_data(make_view(x, {}, {},
                          x->data + (r * x.stride(0) + r % period * x.stride(1)) *
                                        static_cast<int64_t>(itemsize(x.dtype()))),
                value);
}

void check_fill_diagonal(const Tensor& x) {
  PF_CHECK(x.dim() >= 2, Runtime, "fill_diagonal_: dimensions must larger than 1, got ", x.dim());
  for (int64_t d = 1; d < x.dim() && x.dim() > 2; ++d)
    PF_CHECK(x.size(d) == x.size(0), Runtime,
             "fill_diagonal_: all dimensions of input must be of equal length, got ",
             to_string(x.sizes()));
}

Tensor fill_diagonal(const Tensor& x, Scalar value, bool wrap) {
  check_fill_diagonal(x);
  Tensor y = empty(x.sizes(), x.dtype());
  copy_data(y, x);
  set_diagonal(y, checked_fit(value, x.dtype()), wrap);
  record<FillDiagonalBackward>(y, {&x}, {}, {wrap});
  return y;
}

void FillDiagonalBackward::backward(Node&, FillDiagonalBackward& p, Tensor* in, Tensor* out) {
  if (in[0].defined()) out[0] = fill_diagonal(in[0], Scalar(0), p.wrap);
}

PF_OP(select_scatter, "select_scatter(Tensor input, Tensor src, int dim, int index) -> Tensor",
      kFunction | kMethod, "A copy with `src` at position `index` of dimension `dim`.")
PF_OP(slice_scatter,
      "slice_scatter(Tensor input, Tensor src, int dim=0, int? start=None, int? end=None, int "
      "step=1) -> Tensor",
      kFunction | kMethod, "A copy with `src` in the slice start:end:step of dimension `dim`.")
PF_OP(diagonal_scatter,
      "diagonal_scatter(Tensor input, Tensor src, int offset=0, int dim1=0, int dim2=1) -> Tensor",
      kFunction | kMethod, "A copy with `src` on the diagonal of two dimensions.")
PF_OP(diag_embed, "diag_embed(Tensor input, int offset=0, int dim1=-2, int dim2=-1) -> Tensor",
      kFunction | kMethod,
      "Matrices with the last dimension of `input` on their diagonals, zero elsewhere; they lie in "
      "dimensions `dim1` and `dim2` of the result.")
PF_OP(diag, "diag(Tensor input, int diagonal=0) -> Tensor", kFunction | kMethod,
      "The matrix with a vector on a diagonal, or the diagonal of a matrix as a copy.")
PF_OP(diagflat, "diagflat(Tensor input, int offset=0) -> Tensor", kFunction | kMethod,
      "The matrix with all elements of `input`, in order, on a diagonal.")
PF_OP(fill_diagonal, "fill_diagonal(Tensor input, Number fill_value, bool wrap=False) -> Tensor",
      kInplace,
      "Fills the main diagonal; with wrap, that of a tall matrix goes on after every "
      "columns + 1 rows.")

}  // namespace
}  // namespace pyforge::ops
