// Scratch memory for one call, and work whose concurrent parts each have a slot of it.
#pragma once
#include <algorithm>
#include <atomic>

#include "core/allocator.h"
#include "core/threads.h"

namespace pyforge {

class Workspace {
 public:
  explicit Workspace(int64_t bytes)
      : bytes_(static_cast<size_t>(bytes)),
        data_(bytes ? static_cast<char*>(allocate(bytes_)) : nullptr) {}
  ~Workspace() {
    if (data_) deallocate(data_, bytes_);
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  char* data() const { return data_; }

 private:
  size_t bytes_;
  char* data_;
};

// Calls f(slot, first, last) over [0, n); concurrent calls have different slots < `slots`.
template <class F>
void parallel_slots(int64_t n, int64_t slots, F&& f) {
  if (slots <= 1) {
    f(0, 0, n);
    return;
  }
  std::atomic<int64_t> next{0};
  const int64_t step = std::max<int64_t>(1, n / (4 * slots));
  parallel_for(slots, 1, [&](int64_t first_slot, int64_t last_slot) {
    for (int64_t slot = first_slot; slot < last_slot; ++slot) {
      for (;;) {
        const int64_t first = next.fetch_add(step, std::memory_order_relaxed);
        if (first >= n) return;
        f(slot, first, std::min(n, first + step));
      }
    }
  });
}

}  // namespace pyforge
