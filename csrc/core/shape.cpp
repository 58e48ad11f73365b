#include "core/shape.h"

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
