// Lets other Python threads run during long native work. The Python layer fills the hooks in.
#pragma once

namespace pyforge {

struct GilHooks {
  void* (*release)() = nullptr;  // null if this thread does not hold the GIL
  void (*acquire)(void* state) = nullptr;
};
inline GilHooks gil_hooks;

// No tensor, node or allocator call may happen inside the scope when `when` holds.
class ReleaseGil {
 public:
  explicit ReleaseGil(bool when)
      : state_(when && gil_hooks.release ? gil_hooks.release() : nullptr) {}
  ~ReleaseGil() {
    if (state_) gil_hooks.acquire(state_);
  }
  ReleaseGil(const ReleaseGil&) = delete;
  ReleaseGil& operator=(const ReleaseGil&) = delete;

 private:
  void* state_;
};

}  // namespace pyforge
