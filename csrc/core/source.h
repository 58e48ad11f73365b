// Where in the user's program something happened: a code object and an instruction index.
// The Python layer fills the hooks in; without it locations stay empty.
#pragma once
#include <cstdint>
#include <string>
#include <utility>

namespace pyforge {

struct SourceHooks {
  // Owned reference to the innermost code object outside the package, or null.
  void* (*capture)(int32_t* instruction) = nullptr;
  void (*release)(void* code) = nullptr;
  std::string (*format)(void* code, int32_t instruction) = nullptr;  // "file.py:12, in f"
};
inline SourceHooks source_hooks;

class SourceLocation {
 public:
  SourceLocation() = default;
  SourceLocation(const SourceLocation&) = delete;
  SourceLocation& operator=(const SourceLocation&) = delete;
  ~SourceLocation() { clear(); }

  void capture() {
    clear();
    if (source_hooks.capture) code_ = source_hooks.capture(&instruction_);
  }
  void clear() {
    if (code_) source_hooks.release(std::exchange(code_, nullptr));
  }
  std::string text() const {
    return code_ ? source_hooks.format(code_, instruction_) : std::string("an unknown line");
  }
  explicit operator bool() const { return code_ != nullptr; }

 private:
  void* code_ = nullptr;
  int32_t instruction_ = 0;
};

}  // namespace pyforge
