#include "core/shape.h"

#include <algorithm>

#include "core/error.h"

namespace pyforge {

void Dims::push_back(int64_t x) {
  PF_CHECK(size_ < kMaxDims, Runtime, "a tensor has at most ", kMaxDims, " dimensions");
  v_[size_++] = x;
}

void Dims::insert(int64_t at, int64_t x) {
  push_back(0);
  for (int64_t i = size_ - 1; i > at; --i) v_[i] = v_[i - 1];
  v_[at] = x;
}

void Dims::erase(int64_t at) {
  for (int64_t i = at; i + 1 < size_; ++i) v_[i] = v_[i + 1];
  --size_;
}

int64_t count(IntSpan sizes) {
  int64_t n = 1;
  bool zero = false, overflow = false;
  for (int64_t s : sizes) {
    if (s == 0) zero = true;
    overflow |= __builtin_mul_overflow(n, s ? s : 1, &n);
  }
  if (zero) return 0;
  PF_CHECK(!overflow, Runtime, "the number of elements of shape ", to_string(sizes),
           " overflows int64; check the sizes asked for");
  return n;
}

Dims contiguous_strides(IntSpan sizes) {
  Dims strides(sizes.size(), 1);
  int64_t step = 1;
  for (int64_t i = sizes.size() - 1; i >= 0; --i) {
    strides[i] = step;
    if (__builtin_mul_overflow(step, sizes[i] ? sizes[i] : 1, &step)) step = INT64_MAX;
  }
  return strides;
}

bool overlaps_itself(IntSpan sizes, IntSpan strides) {
  std::pair<int64_t, int64_t> by_stride[kMaxDims];
  int64_t n = 0, total = 1;
  for (int64_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 0) return false;
    if (sizes[d] == 1) continue;
    if (strides[d] == 0) return true;
    total *= sizes[d];
    by_stride[n++] = {strides[d] < 0 ? -strides[d] : strides[d], sizes[d]};
  }
  std::sort(by_stride, by_stride + n);
  int64_t extent = 0;
  bool nested = true;
  for (int64_t i = 0; i < n; ++i) {
    nested = nested && by_stride[i].first > extent;
    extent += (by_stride[i].second - 1) * by_stride[i].first;
  }
  if (nested) return false;
  if (total > extent + 1) return true;
  std::vector<bool> seen(static_cast<size_t>(extent + 1));
  Dims at(n, 0);
  for (int64_t k = 0, place = 0; k < total; ++k) {
    if (seen[static_cast<size_t>(place)]) return true;
    seen[static_cast<size_t>(place)] = true;
    for (int64_t d = n - 1; d >= 0; --d) {
      place += by_stride[d].first;
      if (++at[d] < by_stride[d].second) break;
      place -= at[d] * by_stride[d].first;
      at[d] = 0;
    }
  }
  return false;
}

std::pair<int64_t, int64_t> reach(IntSpan sizes, IntSpan strides) {
  int64_t first = 0, last = 0;
  for (int64_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 0) return {0, -1};
    (strides[d] < 0 ? first : last) += (sizes[d] - 1) * strides[d];
  }
  return {first, last};
}

std::string to_string(IntSpan sizes) {
  std::string text = "[";
  for (int64_t i = 0; i < sizes.size(); ++i) {
    if (i) text += ", ";
    text += std::to_string(sizes[i]);
  }
  return text + "]";
}

int64_t wrap_dim(const char* op, int64_t dim, int64_t ndim) {
  int64_t n = ndim ? ndim : 1;
  PF_CHECK(dim >= -n && dim < n, Index, op,
           ": Dimension out of range (expected to be in range of [", -n, ", ", n - 1, "], but got ",
           dim, ")");
  return dim < 0 ? dim + n : dim;
}

Dims broadcast_shapes(const char* op, IntSpan a, IntSpan b) {
  if (a.size() < b.size()) std::swap(a, b);
  Dims out(a);
  int64_t shift = a.size() - b.size();
  for (int64_t i = 0; i < b.size(); ++i) {
    int64_t& s = out[i + shift];
    if (s == b[i] || b[i] == 1) continue;
    PF_CHECK(s == 1, Runtime, op, ": The size of tensor a (", s,
             ") must match the size of tensor b (", b[i], ") at non-singleton dimension ",
             i + shift, "; shapes ", to_string(a), " and ", to_string(b),
             " do not broadcast, reshape or unsqueeze one of them");
    s = b[i];
  }
  return out;
}

}  // namespace pyforge
