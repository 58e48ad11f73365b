#include "ops/shape.h"

#include "autograd/inplace.h"
#include "autograd/node.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

struct ExpandBackward {  // the engine sums down to the input's shape
  static constexpr const char* kName = "ExpandBackward0";
  static void backward(Node&, ExpandBackward&, Tensor* in, Tensor* out) { out[0] = in[0]; }
};
struct ViewBackward {
  static constexpr const char* kName = "ViewBackward0";
  Shape sizes;
  static void backward(Node&, ViewBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = reshape(in[0], p.sizes);
  }
};

// As a view, of a copy that nobody else sees.
struct UnsafeViewBackward {
  static constexpr const char* kName = "UnsafeViewBackward0";
  Shape sizes;
  static void backward(Node&, UnsafeViewBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = reshape(in[0], p.sizes);
  }
};

// Strides of t seen with `sizes`, if it can be without copying.
bool view_strides(const Tensor& t, IntSpan sizes, Dims& strides) {
  strides = contiguous_strides(sizes);
  if (t.is_contiguous() || t.numel() == 0) return true;
  // Walk t's dimensions in runs that are contiguous among themselves.
  int64_t view_d = sizes.size() - 1;
  int64_t chunk_stride = t.stride(t.dim() - 1), chunk = 1, view_numel = 1;
  for (int64_t d = t.dim() - 1; d >= 0; --d) {
    chunk *= t.size(d);
    bool end = d == 0 || (t.size(d - 1) != 1 && t.stride(d - 1) != chunk * chunk_stride);
    if (!end) continue;
    while (view_d >= 0 && (view_numel < chunk || sizes[view_d] == 1)) {
      strides[view_d] = view_numel * chunk_stride;
      view_numel *= sizes[view_d];
      --view_d;
    }
    if (view_numel != chunk) return false;
    if (d > 0) {
      chunk_stride = t.stride(d - 1);
      chunk = view_numel = 1;
    }
  }
  return view_d == -1;
}

Dims infer_size(const char* op, const Tensor& t, IntSpan sizes) {
  Dims out(sizes);
  int64_t unknown = -1, known = 1;
  for (int64_t i = 0; i < sizes.size(); ++i) {
    PF_CHECK(sizes[i] >= -1, Runtime, op, ": invalid shape dimension ", sizes[i], " at index ", i);
    if (sizes[i] == -1) {
      PF_CHECK(unknown < 0, Runtime, op, ": only one dimension can be inferred, got ",
               to_string(sizes));
      unknown = i;
    } else {
      PF_CHECK(!__builtin_mul_overflow(known, sizes[i], &known), Runtime, op, ": shape ",
               to_string(sizes), " overflows");
    }
  }
  if (unknown >= 0) {
    PF_CHECK(known != 0, Runtime, op, ": cannot reshape tensor of ", t.numel(),
             " elements into shape ", to_string(sizes),
             " because the unspecified dimension size -1 can be any value and is ambiguous");
    out[unknown] = t.numel() / known;
    known *= out[unknown];
  }
  PF_CHECK(known == t.numel(), Runtime, op, ": shape '", to_string(sizes),
           "' is invalid for input of size ", t.numel(), "; input has shape ",
           to_string(t.sizes()));
  return out;
}

Tensor make_reshaped(const Tensor& t, IntSpan sizes, IntSpan strides) {
  Tensor y = make_view(t, sizes, strides, t->data);
  mark_view(y, t);
  record<ViewBackward>(y, {&t}, {}, {t.sizes()});
  return y;
}

}  // namespace

Tensor expand(const Tensor& t, IntSpan sizes) {
  PF_CHECK(sizes.size() >= t.dim(), Runtime, "expand: the number of sizes provided (", sizes.size(),
           ") must be greater or equal to the number of dimensions in the tensor (", t.dim(),
           "); shape ", to_string(t.sizes()), " to ", to_string(sizes));
  Dims out(sizes), strides(sizes.size(), 0);
  int64_t shift = sizes.size() - t.dim();
  for (int64_t i = 0; i < sizes.size(); ++i) {
    if (i < shift) {
      PF_CHECK(sizes[i] >= 0, Runtime, "expand: The expanded size of the tensor (", sizes[i],
               ") isn't allowed in a leading, non-existing dimension ", i);
      continue;
    }
    int64_t have = t.size(i - shift);
    if (sizes[i] == -1) out[i] = have;
    if (out[i] == have) {
      strides[i] = t.stride(i - shift);
    } else {
      PF_CHECK(have == 1 && out[i] >= 0, Runtime, "expand: The expanded size of the tensor (",
               out[i], ") must match the existing size (", have, ") at non-singleton dimension ", i,
               ".  Target sizes: ", to_string(sizes), ".  Tensor sizes: ", to_string(t.sizes()));
    }
  }
  Tensor y = make_view(t, out, strides, t->data);
  mark_view(y, t);
  record<ExpandBackward>(y, {&t}, {}, {});
  return y;
}

Tensor reshape(const Tensor& t, IntSpan sizes) {
  Dims out = infer_size("reshape", t, sizes), strides;
  if (view_strides(t, out, strides)) return make_reshaped(t, out, strides);
  strides = contiguous_strides(out);
  Tensor copy = contiguous(t);
  Tensor y = make_view(copy, out, strides, copy->data);
  record<UnsafeViewBackward>(y, {&copy}, {}, {t.sizes()});
  return y;
}

Tensor view(const Tensor& t, IntSpan sizes) {
  Dims out = infer_size("view", t, sizes), strides;
  PF_CHECK(view_strides(t, out, strides), Runtime,
           "view: view size is not compatible with input tensor's size and stride (at least one "
           "dimension spans "
           "across two contiguous subspaces). Use .reshape(...) instead.");
  return make_reshaped(t, out, strides);
}

Tensor flatten(const Tensor& t, int64_t start_dim, int64_t end_dim) {
  int64_t first = wrap_dim("flatten", start_dim, t.dim()),
          last = wrap_dim("flatten", end_dim, t.dim());
  PF_CHECK(first <= last, Runtime,
           "flatten() has invalid args: start_dim cannot come after end_dim");
  if (t.dim() == 0) return reshape(t, {1});
  if (first == last) return t;
  Dims sizes;
  int64_t merged = 1;
  for (int64_t d = 0; d < t.dim(); ++d) {
    if (d < first || d > last) {
      sizes.push_back(t.size(d));
      continue;
    }
    merged *= t.size(d);
    if (d == last) sizes.push_back(merged);
  }
  return reshape(t, sizes);
}

Tensor atleast_1d(const Tensor& t) { return t.dim() >= 1 ? t : reshape(t, {1}); }
Tensor atleast_2d(const Tensor& t) {
  return t.dim() >= 2 ? t : t.dim() == 1 ? unsqueeze(t, 0) : reshape(t, {1, 1});
}
Tensor atleast_3d(const Tensor& t) {
  return t.dim() >= 3 ? t : t.dim() == 2 ? unsqueeze(t, -1) : reshape(t, {1, t.numel(), 1});
}

namespace {

Tensor unflatten(const Tensor& t, int64_t dim, IntSpan sizes) {
  int64_t d = wrap_dim("unflatten", dim, t.dim());
  PF_CHECK(!sizes.empty(), Runtime, "unflatten: sizes must be non-empty");
  int64_t known = 1, unknown = -1;
  bool overflow = false;
  for (int64_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] != -1) {
      overflow = __builtin_mul_overflow(known, sizes[i], &known) || overflow;
      continue;
    }
    PF_CHECK(unknown < 0, Runtime, "unflatten: only one dimension can be inferred, got ",
             to_string(sizes));
    unknown = i;
  }
  bool fits = unknown < 0 ? known == t.size(d) : known > 0 && t.size(d) % known == 0;
  PF_CHECK(fits && !overflow, Runtime, "unflatten: Provided sizes ", to_string(sizes),
           " don't multiply up to the size of dim ", d, " (", t.size(d), ") in the input tensor");
  Dims out;
  for (int64_t i = 0; i < t.dim(); ++i) {
    if (i != d) {
      out.push_back(t.size(i));
      continue;
    }
    for (int64_t k = 0; k < sizes.size(); ++k)
      out.push_back(k == unknown ? t.size(d) / known : sizes[k]);
  }
  return view(t, out);
}

// The same bytes read as another dtype; the last dimension takes up a change of item size.
Tensor view_dtype(const Tensor& t, DType dtype) {
  int64_t have = static_cast<int64_t>(itemsize(t.dtype())),
          want = static_cast<int64_t>(itemsize(dtype));
  Dims sizes(t.sizes()), strides(t.strides());
  if (have != want) {
    int64_t ratio = have > want ? have / want : want / have;
    PF_CHECK(t.dim() > 0, Runtime, "view: self.dim() cannot be 0 to view ", dtype_name(t.dtype()),
             " as ", dtype_name(dtype), " (different element sizes)");
    PF_CHECK(strides.back() == 1, Runtime, "view: self.stride(-1) must be 1 to view ",
             dtype_name(t.dtype()), " as ", dtype_name(dtype),
             " (different element sizes), but got ", strides.back());
    bool divides = have > want || sizes.back() % ratio == 0;
    PF_CHECK(divides, Runtime, "view: self.size(-1) must be divisible by ", ratio, " to view ",
             dtype_name(t.dtype()), " as ", dtype_name(dtype),
             " (different element sizes), but got ", sizes.back());
    sizes.back() = have > want ? sizes.back() * ratio : sizes.back() / ratio;
    for (int64_t d = 0; d + 1 < t.dim(); ++d) {
      PF_CHECK(have > want || strides[d] % ratio == 0, Runtime, "view: self.stride(", d,
               ") must be divisible by ", ratio, " to view ", dtype_name(t.dtype()), " as ",
               dtype_name(dtype), ", but got ", strides[d]);
      strides[d] = have > want ? strides[d] * ratio : strides[d] / ratio;
    }
    PF_CHECK(reinterpret_cast<uintptr_t>(t->data) % static_cast<uintptr_t>(want) == 0, Runtime,
             "view: self.storage_offset() must be divisible by ", ratio, " to view ",
             dtype_name(t.dtype()), " as ", dtype_name(dtype), " (different element sizes)");
  }
  Tensor y = make_view(t, sizes, strides, t->data);
  y->dtype = dtype;
  return y;
}

Tensor view_as(const Tensor& t, const Tensor& other) { return view(t, other.sizes()); }
Tensor reshape_as(const Tensor& t, const Tensor& other) { return reshape(t, other.sizes()); }
Tensor expand_as(const Tensor& t, const Tensor& other) { return expand(t, other.sizes()); }
Tensor ravel(const Tensor& t) { return reshape(t, {-1}); }
PF_OP(
    expand, "expand(Tensor input, int[] size) -> Tensor", kMethod,
    "A view of shape `size`, with dimensions of size 1 repeated without copying; -1 keeps a size.")
PF_OP(expand_as, "expand_as(Tensor input, Tensor other) -> Tensor", kMethod,
      "A view expanded to the shape of `other`.")
PF_OP(expand, "broadcast_to(Tensor input, int[] size) -> Tensor", kFunction | kMethod,
      "A view of shape `size`, with dimensions of size 1 repeated without copying; the same as "
      "expand.")
PF_OP(reshape, "reshape(Tensor input, int[] shape) -> Tensor", kFunction | kMethod,
      "The same elements in another shape: a view where strides allow it, else a copy. One size "
      "may be -1.")
PF_OP(reshape_as, "reshape_as(Tensor input, Tensor other) -> Tensor", kMethod,
      "The same elements in the shape of `other`.")
PF_OP(view_dtype, "view(Tensor input, dtype dtype) -> Tensor", kMethod,
      "The same bytes read as another dtype, without history.")
PF_OP(view, "view(Tensor input, int[] size) -> Tensor", kMethod,
      "A view of another shape; RuntimeError where that needs a copy. One size may be -1.")
PF_OP(view_as, "view_as(Tensor input, Tensor other) -> Tensor", kMethod,
      "A view in the shape of `other`.")
PF_OP(
    flatten, "flatten(Tensor input, int start_dim=0, int end_dim=-1) -> Tensor",
    kFunction | kMethod,
    "The dimensions from `start_dim` to `end_dim` merged into one; a view where strides allow it.")
PF_OP(ravel, "ravel(Tensor input) -> Tensor", kFunction | kMethod,
      "One dimension; a view where strides allow it.")
PF_OP(unflatten, "unflatten(Tensor input, int dim, int[] sizes) -> Tensor", kFunction | kMethod,
      "A view with dimension `dim` split into `sizes`; one of them may be -1.")
PF_OP(atleast_1d, "atleast_1d(Tensor input) -> Tensor", kFunction,
      "A view with at least one dimension.")
PF_OP(atleast_2d, "atleast_2d(Tensor input) -> Tensor", kFunction,
      "A view with at least two dimensions.")
PF_OP(atleast_3d, "atleast_3d(Tensor input) -> Tensor", kFunction,
      "A view with at least three dimensions.")

}  // namespace
}  // namespace pyforge::ops
