// Exceptions that become Python exceptions of the kind PyTorch's users expect.
#pragma once
#include <exception>
#include <sstream>
#include <string>
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

template <class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void raise(ErrorKind kind, const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw Error(kind, text.str());
}

}  // namespace pyforge

// PF_CHECK(condition, Kind, "op: what is wrong: ", value, "; what to do")
#define PF_CHECK(condition, kind, ...)                           \
  do {                                                           \
    if (__builtin_expect(!(condition), 0))                       \
      ::pyforge::raise(::pyforge::ErrorKind::kind, __VA_ARGS__); \
  } while (0)
