// Exceptions that become Python exceptions of the kind PyTorch's users expect.
#pragma once
#include <exception>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

namespace pyforge {

enum class ErrorKind {
  Runtime,
  Type,
  Value,
  Index,
  NotImplemented,
  ZeroDivision,
  Overflow,
  Memory
};

class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
  std::string message_;
};

namespace error_parts {

struct Part {
  void (*print)(std::ostream& out, const void* value);
  const void* value;
};
template <class T>
void print(std::ostream& out, const void* value) {
  out << *static_cast<const T*>(value);
}
[[noreturn, gnu::cold]] void raise(ErrorKind kind, const Part* parts, size_t n);

// Literals of all lengths are one type, so that messages of one make share their code.
inline const char* plain(const char* text) { return text; }
template <class T>
const T& plain(const T& value) {
  return value;
}
template <class... Plain>
[[noreturn, gnu::cold, gnu::noinline]] void raise(ErrorKind kind, Plain... values) {
  const Part parts[] = {{&print<std::remove_cvref_t<Plain>>, &values}...};
  raise(kind, parts, sizeof...(values));
}

}  // namespace error_parts

template <class... Values>
[[noreturn, gnu::always_inline]] inline void raise(ErrorKind kind, const Values&... values) {
  error_parts::raise<decltype(error_parts::plain(values))...>(kind, error_parts::plain(values)...);
}

}  // namespace pyforge

// PF_CHECK(condition, Kind, "op: what is wrong: ", value, "; what to do")
#define PF_CHECK(condition, kind, ...)                           \
  do {                                                           \
    if (__builtin_expect(!(condition), 0))                       \
      ::pyforge::raise(::pyforge::ErrorKind::kind, __VA_ARGS__); \
  } while (0)
