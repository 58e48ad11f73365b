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
      PF_CHECK(unknown < 0, Runtime, op, ": only one dimension can be inferred, got ", to_string(sizes));
      unknown = i;
    } else {
      PF_CHECK(!__builtin_mul_overflow(known, sizes[i], &known), Runtime, op, ": shape ", to_string(sizes), " overflows");
    }
  }
  if (unknown >= 0) {
    PF_CHECK(known != 0, Runtime, op, ": cannot reshape tensor of ", t.numel(), " elements into shape ",
             to_string(sizes), " because the unspecified dimension size -1 can be any value and is ambiguous");
    out[unknown] = t.numel() / known;
    known *= out[unknown];
  }
  PF_CHECK(known == t.numel(), Runtime, op, ": shape '", to_string(sizes), "' is invalid for input of size ",
           t.numel(), "; input has shape ", to_string(t.sizes()));
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
           ") must be greater or equal to the number of dimensions in the tensor (", t.dim(), "); shape ",
           to_string(t.sizes()), " to ", to_string(sizes));
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
      PF_CHECK(have == 1 && out[i] >= 0, Runtime, "expand: The expanded size of the tensor (", out[i],
               ") must match the existing size (", have, ") at non-singleton dimension ", i, ".  Target sizes: ",
               to_string(sizes), ".  Tensor sizes: ", to_string(t.sizes()));
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
  return make_reshaped(contiguous(t), out, contiguous_strides(out));
}

Tensor view(const Tensor& t, IntSpan sizes) {
  Dims out = infer_size("view", t, sizes), strides;
  PF_CHECK(view_strides(t, out, strides), Runtime,
           "view: view size is not compatible with input tensor's size and stride (at least one dimension spans "
           "across two contiguous subspaces). Use .reshape(...) instead.");
  return make_reshaped(t, out, strides);
}

}  // namespace pyforge::ops

namespace pyforge::ops {
PF_OP(expand, "expand(Tensor input, int[] size) -> Tensor", kMethod,
      "A view of shape `size`, with dimensions of size 1 repeated without copying; -1 keeps a size.")
PF_OP(reshape, "reshape(Tensor input, int[] shape) -> Tensor", kFunction | kMethod,
      "The same elements in another shape: a view where strides allow it, else a copy. One size may be -1.")
PF_OP(view, "view(Tensor input, int[] size) -> Tensor", kMethod,
      "A view of another shape; RuntimeError where that needs a copy. One size may be -1.")
}  // namespace pyforge::ops
