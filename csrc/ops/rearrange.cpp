// Copies with the elements in other places: repeated, reversed, rolled, triangles.
#include <algorithm>
#include <cstring>

#include "autograd/node.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

struct RepeatBackward {
  static constexpr const char* kName = "RepeatBackward0";
  Shape repeats, sizes;
  static void backward(Node&, RepeatBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    int64_t extra = p.repeats.size() - p.sizes.size();
    Dims split, summed;
    for (int64_t d = 0; d < p.repeats.size(); ++d) {
      int64_t size = d < extra ? 1 : p.sizes[d - extra];
      if (p.repeats[d] != 1 || d < extra) {
        summed.push_back(split.size());
        split.push_back(p.repeats[d]);
      }
      if (d >= extra) split.push_back(size);
    }
    Tensor g = reshape(in[0], split);
    out[0] =
        summed.empty() ? g : reshape(sum_dims(g, IntSpan(summed), false, std::nullopt), p.sizes);
  }
};
struct FlipBackward {
  static constexpr const char* kName = "FlipBackward0";
  Shape dims;
  static void backward(Node&, FlipBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = flip(in[0], p.dims);
  }
};
struct RollBackward {
  static constexpr const char* kName = "RollBackward0";
  Shape shifts, dims;
  static void backward(Node&, RollBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Dims back{IntSpan(p.shifts)};
    for (int64_t& s : back) s = -s;
    out[0] = roll(in[0], back, p.dims);
  }
};
struct TrilBackward {
  static constexpr const char* kName = "TrilBackward0";
  int64_t diagonal;
  static void backward(Node&, TrilBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = tril(in[0], p.diagonal);
  }
};
struct TriuBackward {
  static constexpr const char* kName = "TriuBackward0";
  int64_t diagonal;
  static void backward(Node&, TriuBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = triu(in[0], p.diagonal);
  }
};

// Copies the block of `from` rolled in dimensions k.. of the list into y, piece by piece.
void roll_pieces(const Tensor& y, const Tensor& from, IntSpan shifts, IntSpan dims, int64_t k) {
  if (k == dims.size()) {
    copy_data(y, from);
    return;
  }
  int64_t d = dims[k], n = from.size(d), s = shifts[k];
  roll_pieces(slice(y, d, s, n, 1), slice(from, d, 0, n - s, 1), shifts, dims, k + 1);
  if (s) roll_pieces(slice(y, d, 0, s, 1), slice(from, d, n - s, n, 1), shifts, dims, k + 1);
}

Tensor triangle(const char* name, const Tensor& t, int64_t diagonal, bool lower) {
  PF_CHECK(t.dim() >= 2, Runtime, name, ": input tensor must have at least 2 dimensions");
  Tensor x = t, y = empty(t.sizes(), t.dtype());
  {
    GradModeGuard off(false);
    x = contiguous(t);
  }
  if (y.numel() == 0) return y;
  int64_t rows = t.size(-2 + t.dim()), columns = t.size(-1 + t.dim()), total = t.numel() / columns;
  size_t size = itemsize(t.dtype());
  for (int64_t r = 0; r < total; ++r) {
    int64_t row = r % rows;
    // Columns [0, cut) are at or below the diagonal for tril, strictly below it for triu.
    int64_t bound = lower ? (diagonal >= columns ? columns : row + diagonal + 1)
                          : (diagonal >= columns ? columns : row + diagonal);
    size_t cut = static_cast<size_t>(std::clamp<int64_t>(bound, 0, columns)) * size,
           width = static_cast<size_t>(columns) * size;
    char* to = y->data + static_cast<size_t>(r) * width;
    const char* from = x->data + static_cast<size_t>(r) * width;
    if (lower) {
      std::memcpy(to, from, cut);
      std::memset(to + cut, 0, width - cut);
    } else {
      std::memset(to, 0, cut);
      std::memcpy(to + cut, from + cut, width - cut);
    }
  }
  return y;
}

}  // namespace

Tensor repeat(const Tensor& t, IntSpan repeats) {
  PF_CHECK(repeats.size() >= t.dim(), Runtime,
           "repeat: Number of dimensions of repeat dims can not be smaller than number of "
           "dimensions of tensor");
  int64_t extra = repeats.size() - t.dim();
  Dims sizes, split, steps, source;
  for (int64_t d = 0; d < repeats.size(); ++d) {
    int64_t size = d < extra ? 1 : t.size(d - extra);
    int64_t repeated;
    PF_CHECK(repeats[d] >= 0, Runtime,
             "repeat: Trying to create tensor with negative dimension: ", to_string(t.sizes()),
             " repeated by ", to_string(repeats));
    PF_CHECK(!__builtin_mul_overflow(size, repeats[d], &repeated), Runtime,
             "repeat: the size of dimension ", d, " overflows int64: ", to_string(t.sizes()),
             " repeated by ", to_string(repeats));
    sizes.push_back(repeated);
    if (repeats[d] != 1) {
      split.push_back(repeats[d]);
      source.push_back(1);
    }
    split.push_back(size);
    source.push_back(size);
  }
  Tensor y = empty(sizes, t.dtype());
  if (y.numel()) {
    GradModeGuard off(false);
    copy_data(make_view(y, split, contiguous_strides(split), y->data), reshape(t, source));
  }
  record<RepeatBackward>(y, {&t}, {}, {repeats, t.sizes()});
  return y;
}

Tensor flip(const Tensor& t, IntSpan dims) {
  bool reversed[kMaxDims] = {};
  Dims strides(t.strides()), wrapped;
  int64_t offset = 0;
  for (int64_t d : dims) {
    int64_t w = wrap_dim("flip", d, t.dim());
    PF_CHECK(!reversed[w], Runtime, "flip: dim ", w, " appears multiple times in the list of dims");
    reversed[w] = true;
    wrapped.push_back(w);
    if (t.dim() == 0 || t.size(w) == 0) continue;
    offset += (t.size(w) - 1) * strides[w];
    strides[w] = -strides[w];
  }
  Tensor y = empty(t.sizes(), t.dtype());
  if (y.numel())
    copy_data(y, make_view(t, t.sizes(), strides,
                           t->data + offset * static_cast<int64_t>(itemsize(t.dtype()))));
  record<FlipBackward>(y, {&t}, {}, {wrapped});
  return y;
}

Tensor roll(const Tensor& t, IntSpan shifts, IntSpan dims) {
  PF_CHECK(!shifts.empty(), Runtime, "roll: `shifts` required");
  if (dims.empty() && shifts.size() == 1 && t.dim() != 1) {
    Tensor flat;
    {
      GradModeGuard off(false);
      flat = reshape(roll(reshape(t, {-1}), shifts, {0}), t.sizes());
    }
    Tensor y = make_view(flat, flat.sizes(), flat.strides(), flat->data);
    record<RollBackward>(y, {&t}, {}, {shifts, dims});
    return y;
  }
  Dims over(dims);
  if (dims.empty()) over.push_back(0);
  PF_CHECK(shifts.size() == over.size(), Runtime,
           "roll: shifts and dimensions must align. shifts: ", shifts.size(),
           ", dims:", dims.size());
  Dims order, by;
  for (int64_t i = 0; i < over.size(); ++i) {
    int64_t d = wrap_dim("roll", over[i], t.dim());
    int64_t n = t.size(d), s = n ? shifts[i] % n : 0;
    if (s < 0) s += n;
    bool merged = false;
    for (int64_t k = 0; k < order.size(); ++k)
      if (order[k] == d) {
        by[k] = (by[k] + s) % n;
        merged = true;
      }
    if (merged) continue;
    order.push_back(d);
    by.push_back(s);
  }
  Tensor y = empty(t.sizes(), t.dtype());
  if (y.numel()) {
    GradModeGuard off(false);
    roll_pieces(y, t, by, order, 0);
  }
  record<RollBackward>(y, {&t}, {}, {shifts, over});
  return y;
}

Tensor tril(const Tensor& t, int64_t diagonal) {
  Tensor y = triangle("tril", t, diagonal, true);
  record<TrilBackward>(y, {&t}, {}, {diagonal});
  return y;
}

Tensor triu(const Tensor& t, int64_t diagonal) {
  Tensor y = triangle("triu", t, diagonal, false);
  record<TriuBackward>(y, {&t}, {}, {diagonal});
  return y;
}

namespace {

Tensor tile(const Tensor& t, IntSpan dims) {
  Dims repeats(dims);
  while (repeats.size() < t.dim()) repeats.insert(0, 1);
  return repeat(t, repeats);
}

PF_OP(repeat, "repeat(Tensor input, int[] repeats) -> Tensor", kMethod,
      "A copy repeated along each dimension; more repeats than dimensions add leading ones.")
PF_OP(tile, "tile(Tensor input, int[] dims) -> Tensor", kFunction | kMethod,
      "A copy repeated along the last dimensions; like repeat with missing leading repeats of 1.")
PF_OP(flip, "flip(Tensor input, int[] dims) -> Tensor", kFunction | kMethod,
      "A copy with the dimensions `dims` reversed.")
PF_OP(roll, "roll(Tensor input, int[] shifts, int[] dims=[]) -> Tensor", kFunction | kMethod,
      "A copy shifted cyclically along `dims`; of the flattened tensor if there are none.")
PF_OP(tril, "tril(Tensor input, int diagonal=0) -> Tensor", kFunction | kMethod | kInplace,
      "The lower triangle up to `diagonal`, zero elsewhere.")
PF_OP(triu, "triu(Tensor input, int diagonal=0) -> Tensor", kFunction | kMethod | kInplace,
      "The upper triangle from `diagonal` on, zero elsewhere.")

}  // namespace
}  // namespace pyforge::ops
