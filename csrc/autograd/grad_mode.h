// Whether ops are recorded, per thread; and the rule for masked gradients.
#pragma once

namespace pyforge {

struct GradMode {
  bool enabled = true;
  bool inference = false;
  bool packs = false;  // values saved for the backward pass go through saved_value_hooks
};
// initial-exec: one load from the thread pointer, no call.
extern thread_local GradMode grad_mode_state __attribute__((tls_model("initial-exec")));

inline bool grad_enabled() { return grad_mode_state.enabled; }

// Zero gradients times infinity give NaN, as in PyTorch, instead of 0 (docs/singular_points.md).
inline bool masked_gradients_propagate = false;

class GradModeGuard {
 public:
  explicit GradModeGuard(bool enabled) : saved_(grad_mode_state) {
    grad_mode_state.enabled = enabled;
  }
  ~GradModeGuard() { grad_mode_state = saved_; }
  GradModeGuard(const GradModeGuard&) = delete;
  GradModeGuard& operator=(const GradModeGuard&) = delete;

 private:
  GradMode saved_;
};

}  // namespace pyforge
