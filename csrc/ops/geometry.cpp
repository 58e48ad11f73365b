// Views by raw geometry: as_strided, and what the in-place rules need.
#include "autograd/inplace.h"
#include "autograd/node.h"
#include "ops/index_plan.h"
#include "ops/inplace_op.h"
#include "ops/lines.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

Tensor region(const Tensor& t, IntSpan sizes, IntSpan strides, int64_t offset) {
  return make_view(t, sizes, strides, t->data + offset * static_cast<int64_t>(itemsize(t.dtype())));
}

// Uninitialised memory laid out with exactly these strides, negative ones too.
Tensor empty_laid_out(IntSpan sizes, IntSpan strides, DType dtype) {
  Dims forward(strides);
  int64_t start = 0;
  for (int64_t d = 0; d < sizes.size(); ++d) {
    if (strides[d] >= 0) continue;
    forward[d] = -strides[d];
    if (sizes[d] > 0) start += (sizes[d] - 1) * forward[d];
  }
  Tensor t = empty_strided(sizes, forward, dtype);
  return start ? region(t, sizes, strides, start) : t;
}

struct RegionBackward {
  static constexpr const char* kName = "AsStridedBackward0";
  Shape base_sizes, base_strides, sizes, strides;
  int64_t offset;
  static void backward(Node&, RegionBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined())
      out[0] =
          as_strided_backward(in[0], p.base_sizes, p.base_strides, p.sizes, p.strides, p.offset);
  }
};
struct RegionZeroedBackward {
  static constexpr const char* kName = "AsStridedZeroedBackward0";
  Shape base_strides, sizes, strides;
  int64_t offset;
  static void backward(Node&, RegionZeroedBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined())
      out[0] = as_strided_zeroed(to_strides(in[0], p.base_strides), p.sizes, p.strides, p.offset);
  }
};
struct RegionScatterBackward {
  static constexpr const char* kName = "AsStridedScatterBackward0";
  Shape base_strides, sizes, strides;
  int64_t offset;
  static void backward(Node&, RegionScatterBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined())
      out[0] = as_strided(to_strides(in[0], p.base_strides), p.sizes, p.strides, p.offset);
  }
};
struct RestrideBackward {
  static constexpr const char* kName = "CloneBackward0";
  static void backward(Node&, RestrideBackward&, Tensor* in, Tensor* out) { out[0] = in[0]; }
};

}  // namespace

Tensor to_strides(const Tensor& t, IntSpan strides) {
  if (t.strides() == strides) return t;
  Tensor y = empty_laid_out(t.sizes(), strides, t.dtype());
  copy_data(y, t);
  record<RestrideBackward>(y, {&t}, {}, {});
  return y;
}

Tensor as_strided(const Tensor& t, IntSpan sizes, IntSpan strides, int64_t offset) {
  Tensor y = region(t, sizes, strides, offset);
  mark_view(y, t);
  record<RegionBackward>(y, {&t}, {}, {t.sizes(), t.strides(), sizes, strides, offset});
  return y;
}

Tensor as_strided_zeroed(const Tensor& t, IntSpan sizes, IntSpan strides, int64_t offset) {
  Tensor y = empty_laid_out(t.sizes(), t.strides(), t.dtype());
  copy_data(y, t);
  fill_data(region(y, sizes, strides, offset), Scalar(0));
  record<RegionZeroedBackward>(y, {&t}, {}, {t.strides(), sizes, strides, offset});
  return y;
}

namespace {

// Where the elements lie, counted from `origin`; int64, 1-d.
Tensor places(IntSpan sizes, IntSpan strides, int64_t origin) {
  std::vector<int64_t> offsets = offsets_of(sizes, strides);
  Tensor t = empty({static_cast<int64_t>(offsets.size())}, DType::Int64);
  for (size_t i = 0; i < offsets.size(); ++i) t.data<int64_t>()[i] = offsets[i] + origin;
  return t;
}

// The gradient where regions meet themselves or leave the base: elements that share a place add up
// there, and elements of the base that share a place share what arrived.
Tensor backward_by_place(const Tensor& g, IntSpan base_sizes, IntSpan base_strides, IntSpan sizes,
                         IntSpan strides, int64_t offset) {
  auto [base_first, base_last] = reach(base_sizes, base_strides);
  auto [first, last] = reach(sizes, strides);
  int64_t low = std::min(base_first, first + offset);
  int64_t n = std::max(base_last, last + offset) - low + 1;
  Tensor memory = index_add(zeros({n}, g.dtype()), 0, places(sizes, strides, offset - low),
                            reshape(g, {-1}), Scalar(1));
  Tensor at = places(base_sizes, base_strides, -low);
  Tensor out = index_select(memory, 0, at);
  if (overlaps_itself(base_sizes, base_strides)) {
    Tensor one = full({at.numel()}, Scalar(1), g.dtype());
    out = div(out, index_select(index_add(zeros({n}, g.dtype()), 0, at, one, Scalar(1)), 0, at));
  }
  return reshape(out, base_sizes);
}

// The region += values, one after the other.
void add_to_places(const Tensor& base, const Tensor& values, IntSpan sizes, IntSpan strides,
                   int64_t offset) {
  std::vector<int64_t> offsets = offsets_of(sizes, strides);
  GradModeGuard off(false);
  Tensor from = contiguous(values);
  with_floating(base.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* to = base.data<T>() + offset;
    const T* v = from.data<T>();
    for (size_t i = 0; i < offsets.size(); ++i) to[offsets[i]] = to[offsets[i]] + v[i];
  });
}

}  // namespace

Tensor as_strided_backward(const Tensor& g, IntSpan base_sizes, IntSpan base_strides, IntSpan sizes,
                           IntSpan strides, int64_t offset) {
  if (count(base_sizes) == 0 || count(sizes) == 0) return zeros(base_sizes, g.dtype());
  // Dimensions of stride 0 are summed first.
  Dims reduced, kept(sizes);
  for (int64_t d = 0; d < sizes.size(); ++d) {
    if (strides[d] != 0 || sizes[d] <= 1) continue;
    reduced.push_back(d);
    kept[d] = 1;
  }
  auto [base_first, base_last] = reach(base_sizes, base_strides);
  auto [first, last] = reach(sizes, strides);
  if (first + offset < base_first || last + offset > base_last ||
      overlaps_itself(base_sizes, base_strides))
    return backward_by_place(g, base_sizes, base_strides, sizes, strides, offset);
  Tensor base = empty_laid_out(base_sizes, base_strides, g.dtype());
  fill_data(make_view(base, {static_cast<int64_t>(base->storage->nbytes / itemsize(g.dtype()))},
                      {1}, base->storage->data),
            Scalar(0));
  Tensor values = g;
  {
    GradModeGuard off(false);
    if (!reduced.empty()) values = sum_dims(g, IntSpan(reduced), true, std::nullopt);
  }
  if (overlaps_itself(kept, strides)) {
    add_to_places(base, values, kept, strides, offset);
  } else {
    copy_data(region(base, kept, strides, offset), values);
  }
  record<RegionScatterBackward>(base, {&g}, {}, {base_strides, sizes, strides, offset});
  return base;
}

namespace {

// Checks a geometry that the user gave; the offset from t's first element.
int64_t checked_geometry(const char* op, const Tensor& t, IntSpan sizes, IntSpan strides,
                         std::optional<int64_t> storage_offset) {
  PF_CHECK(sizes.size() == strides.size(), Runtime, op,
           ": mismatch in length of strides and shape, got ", to_string(strides), " and ",
           to_string(sizes));
  int64_t width = static_cast<int64_t>(itemsize(t.dtype())),
          here = (t->data - t->storage->data) / width,
          limit = static_cast<int64_t>(t->storage->nbytes) / width;
  int64_t start = storage_offset.value_or(here), end = start;
  PF_CHECK(start >= 0, Runtime, op, ": Tensor: invalid storage offset ", start);
  bool fits = true;
  for (int64_t d = 0; d < sizes.size(); ++d) {
    PF_CHECK(sizes[d] >= 0, Runtime, op, ": negative size ", sizes[d], " in ", to_string(sizes));
    PF_CHECK(
        strides[d] >= 0, Runtime, op,
        ": Negative strides are not supported at the moment, got strides: ", to_string(strides));
    int64_t span = 0;
    fits = fits && !__builtin_mul_overflow(std::max<int64_t>(0, sizes[d] - 1), strides[d], &span) &&
           !__builtin_add_overflow(end, span, &end);
  }
  PF_CHECK(count(sizes) == 0 || (fits && end < limit), Runtime, op, ": setStorage: sizes ",
           to_string(sizes), ", strides ", to_string(strides), ", storage offset ", start,
           " are out of bounds for storage of ", limit, " elements of ", dtype_name(t.dtype()));
  return start - here;
}

Tensor as_strided_op(const Tensor& t, IntSpan sizes, IntSpan strides,
                     std::optional<int64_t> storage_offset) {
  int64_t offset = checked_geometry("as_strided", t, sizes, strides, storage_offset);
  Tensor y = as_strided(t, sizes, strides, count(sizes) ? offset : 0);
  // An in-place change could not reach the history of elements beyond the base.
  if (y->base) {
    const TensorImpl* base = y->base.get();
    int64_t at = (y->data - base->data) / static_cast<int64_t>(itemsize(y.dtype()));
    auto [base_first, base_last] = reach(base->sizes(), base->strides());
    auto [first, last] = reach(sizes, strides);
    if (first + at < base_first || last + at > base_last) y->flags |= kNoGradView;
  }
  return y;
}

struct AsStridedScatterBackward {
  static constexpr const char* kName = "AsStridedScatterBackward0";
  Shape base_sizes, sizes, strides;
  int64_t offset;
  static void backward(Node& n, AsStridedScatterBackward& p, Tensor* in, Tensor* out);
};

// t is contiguous.
Tensor scatter_region(const Tensor& t, const Tensor& src, IntSpan sizes, IntSpan strides,
                      int64_t offset) {
  Tensor y = empty(t.sizes(), t.dtype());
  copy_data(y, t);
  copy_data(region(y, sizes, strides, offset), src);
  record<AsStridedScatterBackward>(y, {&t, &src}, {}, {t.sizes(), sizes, strides, offset});
  return y;
}

void AsStridedScatterBackward::backward(Node& n, AsStridedScatterBackward& p, Tensor* in,
                                        Tensor* out) {
  if (!in[0].defined()) return;
  Tensor g = contiguous(in[0]);
  if (n.needs(0))
    out[0] = scatter_region(g, zeros(p.sizes, g.dtype()), p.sizes, p.strides, p.offset);
  if (n.needs(1)) out[1] = as_strided(g, p.sizes, p.strides, p.offset);
}

Tensor as_strided_scatter(const Tensor& t, const Tensor& src, IntSpan sizes, IntSpan strides,
                          std::optional<int64_t> storage_offset) {
  checked_geometry("as_strided_scatter", t, sizes, strides, storage_offset);
  PF_CHECK(
      src.sizes() == sizes, Runtime,
      "as_strided_scatter: expected src to have a size equal to the slice of self. src size = ",
      to_string(src.sizes()), ", slice size = ", to_string(sizes));
  PF_CHECK(!overlaps_itself(sizes, strides), Runtime,
           "as_strided_scatter: the region meets itself; values written there would be lost");
  int64_t offset = storage_offset.value_or(0);
  auto [first, last] = reach(sizes, strides);
  PF_CHECK(last + offset < t.numel(), Runtime, "as_strided_scatter: sizes ", to_string(sizes),
           ", strides ", to_string(strides), ", storage offset ", offset,
           " are out of bounds for a contiguous tensor of ", t.numel(), " elements");
  return scatter_region(contiguous(t), src, sizes, strides, count(sizes) ? offset : 0);
}

PF_VIEW_OP(as_strided_op, "as_strided",
           "(Tensor input, int[] size, int[] stride, int? storage_offset=None)",
           kFunction | kMethod,
           "A view of the storage by raw geometry, in elements; RuntimeError beyond the storage. "
           "Gradients of elements that share a place add up.")
PF_OP(as_strided_scatter,
      "as_strided_scatter(Tensor input, Tensor src, int[] size, int[] stride, int? "
      "storage_offset=None) -> Tensor",
      kFunction | kMethod,
      "A contiguous copy with `src` written to the region that as_strided would give of it.")

}  // namespace
}  // namespace pyforge::ops
