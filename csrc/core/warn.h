// Warnings to the user. The Python layer fills the hook in; it may throw, where warnings are
// errors.
#pragma once
#include <string>

namespace pyforge {

struct WarnHooks {
  void (*user)(const std::string& message) = nullptr;  // a UserWarning at the caller's line
};
inline WarnHooks warn_hooks;

inline void warn(const std::string& message) {
  if (warn_hooks.user) warn_hooks.user(message);
}

}  // namespace pyforge
