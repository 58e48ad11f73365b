// Sizes and strides: a small vector with four places inline, and spans over them.
#pragma once
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "core/allocator.h"

namespace pyforge {

inline constexpr int kMaxDims = 64;
inline constexpr int kInlineDims = 4;

// Non-owning view of int64 values.
class IntSpan {
 public:
  IntSpan() = default;
  IntSpan(const int64_t* data, int64_t size) : data_(data), size_(size) {}
  IntSpan(const std::vector<int64_t>& v) : data_(v.data()), size_(static_cast<int64_t>(v.size())) {}
  IntSpan(std::initializer_list<int64_t> v)
      : data_(v.begin()), size_(static_cast<int64_t>(v.size())) {}
  int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const int64_t* begin() const { return data_; }
  const int64_t* end() const { return data_ + size_; }
  int64_t operator[](int64_t i) const { return data_[i]; }
  int64_t back() const { return data_[size_ - 1]; }
  bool operator==(const IntSpan& o) const {
    if (size_ != o.size_) return false;
    for (int64_t i = 0; i < size_; ++i)
      if (data_[i] != o.data_[i]) return false;
    return true;
  }
  std::vector<int64_t> vec() const { return {begin(), end()}; }

 private:
  const int64_t* data_ = nullptr;
  int64_t size_ = 0;
};

// Fixed-capacity list of up to kMaxDims values on the stack, for shape arithmetic.
class Dims {
 public:
  Dims() = default;
  Dims(int64_t n, int64_t value) : size_(n) {
    for (int64_t i = 0; i < n; ++i) v_[i] = value;
  }
  Dims(IntSpan s) : size_(s.size()) {
    for (int64_t i = 0; i < size_; ++i) v_[i] = s[i];
  }
  Dims(std::initializer_list<int64_t> s) : Dims(IntSpan(s)) {}
  Dims(const Dims& o) : size_(o.size_) {
    for (int64_t i = 0; i < size_; ++i) v_[i] = o.v_[i];
  }
  Dims& operator=(const Dims& o) {
    size_ = o.size_;
    for (int64_t i = 0; i < size_; ++i) v_[i] = o.v_[i];
    return *this;
  }
  operator IntSpan() const { return {v_, size_}; }
  int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  int64_t* begin() { return v_; }
  int64_t* end() { return v_ + size_; }
  const int64_t* begin() const { return v_; }
  const int64_t* end() const { return v_ + size_; }
  int64_t& operator[](int64_t i) { return v_[i]; }
  int64_t operator[](int64_t i) const { return v_[i]; }
  int64_t& back() { return v_[size_ - 1]; }
  int64_t back() const { return v_[size_ - 1]; }
  void push_back(int64_t x);  // throws Error(Runtime) beyond kMaxDims
  void pop_back() { --size_; }
  void insert(int64_t at, int64_t x);
  void erase(int64_t at);

 private:
  int64_t size_ = 0;
  int64_t v_[kMaxDims];
};

// Product of sizes; throws Error(Runtime) when it does not fit into int64.
int64_t count(IntSpan sizes);
// Row-major strides of `sizes`.
Dims contiguous_strides(IntSpan sizes);
// Two index tuples meet in one element.
bool overlaps_itself(IntSpan sizes, IntSpan strides);
// First and last element that the index tuples reach, from the element with index 0.
std::pair<int64_t, int64_t> reach(IntSpan sizes, IntSpan strides);
// "[2, 3]"
std::string to_string(IntSpan sizes);
// dim in [-ndim, ndim) to [0, ndim); throws Error(Index) with PyTorch's words. 0-d counts as 1-d.
int64_t wrap_dim(const char* op, int64_t dim, int64_t ndim);
// The common shape; throws Error(Runtime) naming op and shapes.
Dims broadcast_shapes(const char* op, IntSpan a, IntSpan b);

// Owned shape kept in nodes.
class Shape {
 public:
  Shape() = default;
  Shape(IntSpan s) { assign(s); }
  Shape(const Dims& s) : Shape(IntSpan(s)) {}
  Shape(const Shape& o) : Shape(IntSpan(o)) {}
  Shape& operator=(const Shape& o) {
    if (this != &o) assign(o);
    return *this;
  }
  ~Shape() {
    if (ndim_ > kInlineDims) deallocate(heap_, sizeof(int64_t) * ndim_);
  }
  void assign(IntSpan s) {
    if (ndim_ > kInlineDims) deallocate(heap_, sizeof(int64_t) * ndim_);
    ndim_ = static_cast<uint8_t>(s.size());
    int64_t* to = inline_;
    if (ndim_ > kInlineDims) to = heap_ = static_cast<int64_t*>(allocate(sizeof(int64_t) * ndim_));
    for (int i = 0; i < ndim_; ++i) to[i] = s[i];
  }
  operator IntSpan() const { return {ndim_ > kInlineDims ? heap_ : inline_, ndim_}; }
  int64_t size() const { return ndim_; }
  int64_t operator[](int64_t i) const { return IntSpan(*this)[i]; }

 private:
  uint8_t ndim_ = 0;
  union {
    int64_t inline_[kInlineDims];
    int64_t* heap_;
  };
};

}  // namespace pyforge
