// What crosses between a custom op and pyforge besides tensors: dtypes, errors, lists, strings.
#pragma once
#include <exception>

#include "pyforge_op.h"

#define PF_API inline __attribute__((visibility("hidden")))

namespace pyforge {

// The functions of pyforge, from pyforge_op_load on.
inline const pf_host* host_table __attribute__((visibility("hidden"))) = nullptr;
PF_API const pf_host& host() { return *host_table; }

enum class DType : int32_t {
  Bool = PF_BOOL,
  UInt8 = PF_UINT8,
  Int8 = PF_INT8,
  Int16 = PF_INT16,
  Int32 = PF_INT32,
  Int64 = PF_INT64,
  Float32 = PF_FLOAT32,
  Float64 = PF_FLOAT64,
  Float16 = PF_FLOAT16,  // no arithmetic here: convert with call("to", x, DType::Float32)
  BFloat16 = PF_BFLOAT16
};
template <class T>
struct dtype_of;
// clang-format off
template <> struct dtype_of<bool> { static constexpr DType value = DType::Bool; };
template <> struct dtype_of<uint8_t> { static constexpr DType value = DType::UInt8; };
template <> struct dtype_of<int8_t> { static constexpr DType value = DType::Int8; };
template <> struct dtype_of<int16_t> { static constexpr DType value = DType::Int16; };
template <> struct dtype_of<int32_t> { static constexpr DType value = DType::Int32; };
template <> struct dtype_of<int64_t> { static constexpr DType value = DType::Int64; };
template <> struct dtype_of<float> { static constexpr DType value = DType::Float32; };
template <> struct dtype_of<double> { static constexpr DType value = DType::Float64; };
// clang-format on
PF_API bool is_floating(DType t) { return t >= DType::Float32; }

// ---- errors ------------------------------------------------------------------------------------

// A message of at most 1023 bytes, put together from text and numbers.
class Text {
 public:
  template <class... Parts>
  explicit Text(const Parts&... parts) {
    (add(parts), ...);
  }
  const char* c_str() const { return text_; }

  void add(const char* s) {
    while (*s && size_ < kMost) text_[size_++] = *s++;
    text_[size_] = 0;
  }
  void add(const Text& t) { add(t.c_str()); }
  void add(char c) {
    char s[2] = {c, 0};
    add(s);
  }
  void add(int64_t v) { integer(v); }
  void add(int v) { integer(v); }
  void add(unsigned v) { integer(v); }
  void add(unsigned long v) { integer(static_cast<int64_t>(v)); }
  void add(long long v) { integer(v); }
  void add(bool v) { add(v ? "True" : "False"); }
  void add(double v) {
    char s[40];
    __builtin_snprintf(s, sizeof(s), "%g", v);
    add(s);
  }
  void add(DType t) {
    constexpr const char* names[] = {"bool",  "uint8",   "int8",    "int16",   "int32",
                                     "int64", "float32", "float64", "float16", "bfloat16"};
    add(names[static_cast<int>(t)]);
  }
  template <class List>
    requires requires(const List& list) { list.begin(); }
  void add(const List& list) {
    add("[");
    bool first = true;
    for (const auto& v : list) {
      if (!first) add(", ");
      first = false;
      add(v);
    }
    add("]");
  }

 private:
  void integer(int64_t v) {
    char s[24];
    __builtin_snprintf(s, sizeof(s), "%lld", static_cast<long long>(v));
    add(s);
  }
  static constexpr int kMost = 1023;
  char text_[kMost + 1] = {};
  int size_ = 0;
};

// Becomes the Python exception of its kind: throw Error("scan: the chunk must be positive, got ",
// n)
class Error : public std::exception {
 public:
  template <class... Parts>
  explicit Error(const Parts&... parts) : text_(parts...) {}
  template <class... Parts>
  Error(pf_error kind, const Parts&... parts) : kind_(kind), text_(parts...) {}
  const char* what() const noexcept override { return text_.c_str(); }
  pf_error kind() const { return kind_; }

 private:
  pf_error kind_ = PF_RUNTIME_ERROR;
  Text text_;
};

// pyforge has failed and keeps the error; it must be let through to the border.
struct HostError : std::exception {
  const char* what() const noexcept override { return host().error_text(); }
};

// PF_CHECK(x.dim() == 2, "conv: expected a matrix, got shape ", x.sizes())
#define PF_CHECK(condition, ...)                                                \
  do {                                                                          \
    if (__builtin_expect(!(condition), 0)) throw ::pyforge::Error(__VA_ARGS__); \
  } while (0)

namespace detail {

PF_API void report() noexcept {
  try {
    throw;
  } catch (const HostError&) {  // pyforge knows it
  } catch (const Error& e) {
    host().set_error(e.kind(), e.what());
  } catch (const std::exception& e) {
    host().set_error(PF_RUNTIME_ERROR, e.what());
  } catch (...) {
    host().set_error(PF_RUNTIME_ERROR, "an unknown C++ exception was thrown");
  }
}

// Runs f; an exception becomes the error of the op that is running.
template <class F>
int32_t guarded(F&& f) noexcept {
  try {
    f();
    return PF_OK;
  } catch (...) {
    report();
    return PF_FAILED;
  }
}

}  // namespace detail

// ---- values ------------------------------------------------------------------------------------

// Borrowed values in a row.
template <class T>
class Span {
 public:
  Span() = default;
  Span(const T* data, int64_t size) : data_(data), size_(size) {}
  template <int64_t n>
  Span(const T (&list)[n]) : data_(list), size_(n) {}
  int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T* data() const { return data_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  const T& operator[](int64_t i) const { return data_[i]; }
  bool operator==(const Span& o) const {
    if (size_ != o.size_) return false;
    for (int64_t i = 0; i < size_; ++i)
      if (!(data_[i] == o.data_[i])) return false;
    return true;
  }

 private:
  const T* data_ = nullptr;
  int64_t size_ = 0;
};
using Ints = Span<int64_t>;
using Floats = Span<double>;
struct Bools : Span<int64_t> {  // 0 or 1
  using Span::Span;
};
struct String : Span<char> {
  using Span::Span;
  bool operator==(const char* s) const {
    int64_t n = static_cast<int64_t>(__builtin_strlen(s));
    return n == size() && !__builtin_memcmp(data(), s, static_cast<size_t>(n));
  }
};

template <class T>
concept Integral = requires(T v) { static_cast<int64_t>(v); };

// A list of sizes to build a shape in.
class Sizes {
 public:
  Sizes() = default;
  Sizes(Ints s) {
    for (int64_t v : s) push_back(v);
  }
  template <Integral... T>
    requires(sizeof...(T) > 0)
  Sizes(T... v) {
    (push_back(static_cast<int64_t>(v)), ...);
  }
  void push_back(int64_t v) {
    PF_CHECK(n_ < 64, "a tensor has at most 64 dimensions");
    v_[n_++] = v;
  }
  operator Ints() const { return {v_, n_}; }
  int64_t size() const { return n_; }
  int64_t& operator[](int64_t i) { return v_[i]; }
  const int64_t* begin() const { return v_; }
  const int64_t* end() const { return v_ + n_; }

 private:
  int64_t v_[64];
  int64_t n_ = 0;
};

// A value that may be None.
template <class T>
class Optional {
 public:
  Optional() = default;
  Optional(T v) : value_(v), has_(true) {}
  explicit operator bool() const { return has_; }
  const T& operator*() const { return value_; }
  T value_or(T other) const { return has_ ? value_ : other; }

 private:
  T value_{};
  bool has_ = false;
};

}  // namespace pyforge
