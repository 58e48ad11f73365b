// Looking for values that are not finite: what a tensor holds, and anomaly detection in the
// backward pass.
#pragma once
#include <vector>

#include "autograd/node.h"
#include "kernels/stats.h"

namespace pyforge {

// What `t` holds at worst; one pass over its values. kFinite for integers.
kernels::Finiteness finiteness(const Tensor& t);

// A node that a pass ran and that returned values that are not finite.
struct BadNode {
  Ref<Node> node;
  std::vector<Tensor> in, out, saved;  // gradients of its outputs, of its inputs; saved values
};

struct AnomalyMode {
  bool enabled = false;
  bool check_nan = true, check_inf = false;
  bool checks() const { return enabled && (check_nan || check_inf); }
};
inline AnomalyMode anomaly_mode;

// Filled in by the Python layer; each may throw.
struct AnomalyHooks {
  // Before a pass: `root` or the gradient given for it is not finite.
  void (*begin)(const Tensor& root, const Tensor& grad) = nullptr;
  // `grad`, not finite, has reached `node`, where a leaf or a captured gradient would take it up.
  void (*arrived)(const std::vector<BadNode>& path, Node& node, uint32_t output_nr,
                  const Tensor& grad) = nullptr;
  // The rule of `node` threw.
  void (*failed)(Node& node) = nullptr;
};
inline AnomalyHooks anomaly_hooks;

}  // namespace pyforge
