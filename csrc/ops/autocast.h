// Autocast: ops whose name is in one of PyTorch's lists for the CPU convert their arguments while a
// context is open. Only calls from Python are looked at; what an op calls itself is not.
#pragma once
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "ops/registry.h"

namespace pyforge {

struct AutocastState {
  bool enabled = false;
  bool cache = true;
  DType dtype = DType::BFloat16;
  int nesting = 0;
};
extern thread_local AutocastState autocast_state __attribute__((tls_model("initial-exec")));

inline bool autocast_enabled() { return __builtin_expect(autocast_state.enabled, 0); }

enum class AutocastRule : uint8_t {
  None,
  Lower,   // products: in the context's dtype
  Single,  // losses and what needs range: in float32
  Widest,  // joining: in the widest dtype of its arguments
};
AutocastRule autocast_rule(std::string_view op);

// A floating tensor other than float64 in `dtype`. Casts of float32 leaves that require grad (the
// weights) to the context's dtype are kept until the outermost context ends.
Tensor autocast_to(const Tensor& t, DType dtype);
void clear_autocast_cache();

// The arguments of a call converted by its rule; it holds the converted tensors. The context is off
// while it lives.
class AutocastArgs {
 public:
  AutocastArgs(AutocastRule rule, Value* values, size_t count);
  ~AutocastArgs() { autocast_state.enabled = true; }
  AutocastArgs(const AutocastArgs&) = delete;
  AutocastArgs& operator=(const AutocastArgs&) = delete;

 private:
  std::vector<Tensor> kept_;
  std::vector<std::vector<Tensor>> lists_;
};

}  // namespace pyforge
