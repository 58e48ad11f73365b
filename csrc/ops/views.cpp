// Views that permute, drop, add or cut dimensions.
#include <algorithm>

#include "autograd/node.h"
#include "ops/inplace_op.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

template <class P>
Tensor make_recorded(const Tensor& t, IntSpan sizes, IntSpan strides, int64_t offset, P payload) {
  Tensor y =
      make_view(t, sizes, strides, t->data + offset * static_cast<int64_t>(itemsize(t.dtype())));
  mark_view(y, t);
  record<P>(y, {&t}, {}, std::move(payload));
  return y;
}

// Zeros of shape `sizes` with g in the region that `cut` takes from them.
template <class P, class F>
Tensor put_into_zeros(const Tensor& g, IntSpan sizes, P payload, F cut) {
  Tensor y = zeros(sizes, g.dtype());
  {
    GradModeGuard off(false);
    copy_data(cut(y), g);
  }
  record<P>(y, {&g}, {}, std::move(payload));
  return y;
}

// The rule of a cut: its gradient put into zeros; and the rule of that.
#define PF_CUT_RULES(Cut, fields, call)                                              \
  struct Cut##BackwardBackward {                                                     \
    static constexpr const char* kName = #Cut "BackwardBackward0";                   \
    fields;                                                                          \
    static void backward(Node&, Cut##BackwardBackward& p, Tensor* in, Tensor* out) { \
      if (in[0].defined()) out[0] = p.cut(in[0]);                                    \
    }                                                                                \
    Tensor cut(const Tensor& x) const { return call; }                               \
  };                                                                                 \
  struct Cut##Backward {                                                             \
    static constexpr const char* kName = #Cut "Backward0";                           \
    Shape sizes;                                                                     \
    Cut##BackwardBackward where;                                                     \
    static void backward(Node&, Cut##Backward& p, Tensor* in, Tensor* out) {         \
      if (in[0].defined())                                                           \
        out[0] = put_into_zeros(in[0], p.sizes, p.where,                             \
                                [&](const Tensor& x) { return p.where.cut(x); });    \
    }                                                                                \
  };

PF_CUT_RULES(Select, int64_t dim; int64_t index, select(x, dim, index))
PF_CUT_RULES(Slice, int64_t dim; int64_t start; int64_t end;
             int64_t step, slice(x, dim, start, end, step))
PF_CUT_RULES(Diagonal, int64_t offset; int64_t dim1; int64_t dim2, diagonal(x, offset, dim1, dim2))

struct AliasBackward {
  static constexpr const char* kName = "AliasBackward0";
  static void backward(Node&, AliasBackward&, Tensor* in, Tensor* out) { out[0] = in[0]; }
};
struct PermuteBackward {
  static constexpr const char* kName = "PermuteBackward0";
  Shape dims;
  static void backward(Node&, PermuteBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Dims inverse(p.dims.size(), 0);
    for (int64_t i = 0; i < p.dims.size(); ++i) inverse[p.dims[i]] = i;
    out[0] = permute(in[0], inverse);
  }
};
struct TransposeBackward {
  static constexpr const char* kName = "TransposeBackward0";
  int64_t dim0, dim1;
  static void backward(Node&, TransposeBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = transpose(in[0], p.dim0, p.dim1);
  }
};
struct TBackward {
  static constexpr const char* kName = "TBackward0";
  static void backward(Node&, TBackward&, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = t(in[0]);
  }
};
// Dimensions of size 1 come back: always a view of the gradient.
struct RestoreShape {
  Shape sizes;
  void run(Tensor* in, Tensor* out) const {
    if (in[0].defined()) out[0] = reshape(in[0], sizes);
  }
};
#define PF_SQUEEZE_RULE(Name, text)                                                   \
  struct Name : RestoreShape {                                                        \
    static constexpr const char* kName = text;                                        \
    static void backward(Node&, Name& p, Tensor* in, Tensor* out) { p.run(in, out); } \
  };
PF_SQUEEZE_RULE(SqueezeBackward, "SqueezeBackward0")
PF_SQUEEZE_RULE(SqueezeDimBackward, "SqueezeBackward1")
PF_SQUEEZE_RULE(SqueezeDimsBackward, "SqueezeBackward2")
PF_SQUEEZE_RULE(UnsqueezeBackward, "UnsqueezeBackward0")

template <class P>
Tensor squeezed(const Tensor& t, const bool* drop) {
  Dims sizes, strides;
  for (int64_t d = 0; d < t.dim(); ++d) {
    if (drop[d] && t.size(d) == 1) continue;
    sizes.push_back(t.size(d));
    strides.push_back(t.stride(d));
  }
  P rule;
  rule.sizes.assign(t.sizes());
  return make_recorded(t, sizes, strides, 0, std::move(rule));
}

template <class P>
Tensor swapped(const Tensor& t, int64_t a, int64_t b, P rule) {
  Dims sizes(t.sizes()), strides(t.strides());
  if (t.dim() > 0) {
    std::swap(sizes[a], sizes[b]);
    std::swap(strides[a], strides[b]);
  }
  return make_recorded(t, sizes, strides, 0, rule);
}

}  // namespace

Tensor alias_view(const Tensor& t) {
  return make_recorded(t, t.sizes(), t.strides(), 0, AliasBackward{});
}

Tensor permute(const Tensor& t, IntSpan dims) {
  PF_CHECK(dims.size() == t.dim(), Runtime,
           "permute: number of dimensions in the tensor input does not match the ",
           "length of the desired ordering of dimensions i.e. input.dim() = ", t.dim(),
           " is not equal to len(dims) = ", dims.size());
  bool seen[kMaxDims] = {};
  Dims order, sizes, strides;
  for (int64_t d : dims) {
    int64_t w = wrap_dim("permute", d, t.dim());
    PF_CHECK(!seen[w], Runtime, "permute(): duplicate dims are not allowed, got ", to_string(dims));
    seen[w] = true;
    order.push_back(w);
    sizes.push_back(t.size(w));
    strides.push_back(t.stride(w));
  }
  return make_recorded(t, sizes, strides, 0, PermuteBackward{order});
}

Tensor transpose(const Tensor& t, int64_t dim0, int64_t dim1) {
  int64_t a = wrap_dim("transpose", dim0, t.dim()), b = wrap_dim("transpose", dim1, t.dim());
  return swapped(t, a, b, TransposeBackward{a, b});
}

Tensor t(const Tensor& t) {
  PF_CHECK(t.dim() <= 2, Runtime, "t: t() expects a tensor with <= 2 dimensions, but self is ",
           t.dim(), "D; use transpose(dim0, dim1) or mT");
  return swapped(t, 0, t.dim() == 2 ? 1 : 0, TBackward{});
}

Tensor squeeze(const Tensor& t) {
  bool drop[kMaxDims];
  std::fill(drop, drop + t.dim(), true);
  return squeezed<SqueezeBackward>(t, drop);
}

Tensor squeeze_dim(const Tensor& t, int64_t dim) {
  bool drop[kMaxDims] = {};
  drop[wrap_dim("squeeze", dim, t.dim())] = true;
  return squeezed<SqueezeDimBackward>(t, drop);
}

Tensor squeeze_dims(const Tensor& t, IntSpan dims) {
  bool drop[kMaxDims] = {};
  for (int64_t d : dims) {
    int64_t w = wrap_dim("squeeze", d, t.dim());
    PF_CHECK(!drop[w], Runtime, "squeeze: dim ", w, " appears multiple times in the list of dims");
    drop[w] = true;
  }
  return squeezed<SqueezeDimsBackward>(t, drop);
}

Tensor unsqueeze(const Tensor& t, int64_t dim) {
  int64_t d = wrap_dim("unsqueeze", dim, t.dim() + 1);
  Dims sizes(t.sizes()), strides(t.strides());
  int64_t step = d < t.dim() ? t.size(d) * t.stride(d) : 1;
  sizes.insert(d, 1);
  strides.insert(d, step);
  UnsqueezeBackward rule;
  rule.sizes.assign(t.sizes());
  return make_recorded(t, sizes, strides, 0, std::move(rule));
}

Tensor select(const Tensor& t, int64_t dim, int64_t index) {
  PF_CHECK(t.dim() > 0, Index, "select: select() cannot be applied to a 0-dim tensor");
  int64_t d = wrap_dim("select", dim, t.dim()), n = t.size(d);
  PF_CHECK(index >= -n && index < n, Index, "select(): index ", index,
           " out of range for tensor of size ", to_string(t.sizes()), " at dimension ", d);
  if (index < 0) index += n;
  Dims sizes(t.sizes()), strides(t.strides());
  sizes.erase(d);
  strides.erase(d);
  return make_recorded(t, sizes, strides, index * t.stride(d),
                       SelectBackward{t.sizes(), {d, index}});
}

Tensor slice(const Tensor& t, int64_t dim, int64_t start, int64_t end, int64_t step) {
  PF_CHECK(t.dim() > 0, Index, "slice: slice() cannot be applied to a 0-dim tensor");
  PF_CHECK(step > 0, Value, "slice: step must be greater than zero, got ", step,
           "; use flip() to reverse");
  int64_t d = wrap_dim("slice", dim, t.dim()), n = t.size(d);
  if (start < 0) start += n;
  if (end < 0) end += n;
  start = std::clamp<int64_t>(start, 0, n);
  end = std::clamp(end, start, n);
  Dims sizes(t.sizes()), strides(t.strides());
  sizes[d] = (end - start) / step + ((end - start) % step != 0);
  if (step > 1 && sizes[d] > 1) strides[d] *= step;
  return make_recorded(t, sizes, strides, start * t.stride(d),
                       SliceBackward{t.sizes(), {d, start, end, step}});
}

Tensor narrow(const Tensor& t, int64_t dim, int64_t start, int64_t length) {
  PF_CHECK(t.dim() > 0, Runtime, "narrow() cannot be applied to a 0-dim tensor.");
  PF_CHECK(length >= 0, Runtime, "narrow(): length must be non-negative, got ", length);
  int64_t d = wrap_dim("narrow", dim, t.dim()), n = t.size(d);
  PF_CHECK(start >= -n && start <= n, Index,
           "narrow: start out of range (expected to be in range of [", -n, ", ", n, "], but got ",
           start, ")");
  if (start < 0) start += n;
  PF_CHECK(start <= n - length, Runtime, "narrow: start (", start, ") + length (", length,
           ") exceeds dimension size (", n, ")");
  return slice(t, d, start, start + length, 1);
}

Tensor diagonal(const Tensor& t, int64_t offset, int64_t dim1, int64_t dim2) {
  int64_t a = wrap_dim("diagonal", dim1, t.dim()), b = wrap_dim("diagonal", dim2, t.dim());
  PF_CHECK(a != b, Runtime, "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  int64_t rows = t.size(a), columns = t.size(b), start = 0;
  int64_t n = std::max<int64_t>(
      0, offset >= 0 ? std::min(rows, columns - offset) : std::min(rows + offset, columns));
  if (n > 0) start = offset >= 0 ? offset * t.stride(b) : -offset * t.stride(a);
  int64_t step = t.stride(a) + t.stride(b);
  Dims sizes(t.sizes()), strides(t.strides());
  sizes.erase(std::max(a, b));
  sizes.erase(std::min(a, b));
  strides.erase(std::max(a, b));
  strides.erase(std::min(a, b));
  sizes.push_back(n);
  strides.push_back(step);
  return make_recorded(t, sizes, strides, start, DiagonalBackward{t.sizes(), {offset, a, b}});
}

namespace {

Tensor mT(const Tensor& t) {
  PF_CHECK(t.dim() >= 2, Runtime,
           "tensor.mT is only supported on matrices or batches of matrices. Got ", t.dim(),
           "-D tensor.");
  return transpose(t, -2, -1);
}

Tensor reverse_dims(const Tensor& t) {
  Dims order;
  for (int64_t d = t.dim() - 1; d >= 0; --d) order.push_back(d);
  return permute(t, order);
}

Tensor movedim(const Tensor& t, IntSpan source, IntSpan destination) {
  PF_CHECK(source.size() == destination.size(), Runtime,
           "movedim: Invalid source or destination dims: source (", to_string(source),
           " dims) should contain the same number of dims as destination (", to_string(destination),
           " dims)");
  Dims order(t.dim(), -1);
  bool used[kMaxDims] = {};
  for (int64_t i = 0; i < source.size(); ++i) {
    int64_t from = wrap_dim("movedim", source[i], t.dim()),
            to = wrap_dim("movedim", destination[i], t.dim());
    if (t.dim() == 0) continue;
    PF_CHECK(!used[from], Runtime, "movedim: repeated dim in `source` (", to_string(source), ")");
    PF_CHECK(order[to] < 0, Runtime, "movedim: repeated dim in `destination` (",
             to_string(destination), ")");
    used[from] = true;
    order[to] = from;
  }
  int64_t next = 0;
  for (int64_t d = 0; d < t.dim(); ++d) {
    if (order[d] >= 0) continue;
    while (used[next]) ++next;
    order[d] = next++;
  }
  return permute(t, order);
}

PF_OP(permute, "permute(Tensor input, int[] dims) -> Tensor", kFunction | kMethod,
      "A view with the dimensions in the order `dims`.")
PF_VIEW_OP(transpose, "transpose", "(Tensor input, int dim0, int dim1)", kFunction | kMethod,
           "A view with two dimensions exchanged.")
PF_VIEW_OP(transpose, "swapaxes", "(Tensor input, int axis0, int axis1)", kFunction | kMethod,
           "A view with two dimensions exchanged; NumPy's name of transpose.")
PF_VIEW_OP(transpose, "swapdims", "(Tensor input, int dim0, int dim1)", kFunction | kMethod,
           "A view with two dimensions exchanged; the same as transpose.")
PF_VIEW_OP(t, "t", "(Tensor input)", kFunction | kMethod,
           "The transposed matrix as a view; up to two dimensions.")
PF_OP(reverse_dims, "T(Tensor input) -> Tensor", kProperty,
      "A view with the dimensions in reverse order.")
PF_OP(mT, "mT(Tensor input) -> Tensor", kProperty, "A view with the last two dimensions exchanged.")
PF_VIEW_OP(squeeze, "squeeze", "(Tensor input)", kFunction | kMethod,
           "A view without the dimensions of size 1.")
PF_VIEW_OP(squeeze_dim, "squeeze", "(Tensor input, int dim)", kFunction | kMethod,
           "A view without dimension `dim` if its size is 1.")
PF_VIEW_OP(squeeze_dims, "squeeze", "(Tensor input, int[] dim)", kFunction | kMethod,
           "A view without those of the dimensions `dim` whose size is 1.")
PF_VIEW_OP(unsqueeze, "unsqueeze", "(Tensor input, int dim)", kFunction | kMethod,
           "A view with a new dimension of size 1 at `dim`.")
PF_OP(select, "select(Tensor input, int dim, int index) -> Tensor", kFunction | kMethod,
      "The slice at position `index` of dimension `dim`, a view without that dimension.")
PF_OP(narrow, "narrow(Tensor input, int dim, int start, int length) -> Tensor", kFunction | kMethod,
      "A view of `length` positions of dimension `dim` from `start` on.")
PF_OP(diagonal, "diagonal(Tensor input, int offset=0, int dim1=0, int dim2=1) -> Tensor",
      kFunction | kMethod, "A view of the diagonal of two dimensions, as the last dimension.")
PF_OP(movedim, "movedim(Tensor input, int[] source, int[] destination) -> Tensor",
      kFunction | kMethod, "A view with the dimensions `source` moved to the places `destination`.")
PF_OP(movedim, "moveaxis(Tensor input, int[] source, int[] destination) -> Tensor",
      kFunction | kMethod, "A view with dimensions moved; NumPy's name of movedim.")

}  // namespace
}  // namespace pyforge::ops
