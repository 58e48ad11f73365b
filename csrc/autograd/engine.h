// The backward pass over the tape.
#pragma once
#include <vector>

#include "autograd/node.h"

namespace pyforge {

struct BackwardOptions {
  bool retain_graph = false;
  bool create_graph = false;
  bool accumulate = true;  // into leaf.grad; false: only `inputs` are returned
};

// Runs from `roots` with `grads` (one per root, defined, of the root's shape and dtype). With
// `inputs` only what leads to them runs; their gradients are returned (undefined: not reached), or
// added into .grad when options.accumulate.
std::vector<Tensor> run_backward(const std::vector<Tensor>& roots, std::vector<Tensor> grads,
                                 const std::vector<Tensor>& inputs, BackwardOptions options);

// For hooks: a number of the pass that this thread is in, 0 outside, and whether a node is part of
// it.
uint64_t current_run();
bool runs_now(const Node* n);

struct EngineHooks {
  void (*yield)() = nullptr;          // lets other threads run for a moment (drops the GIL)
  void (*check_signals)() = nullptr;  // throws on Ctrl-C
  // Diagnosis: called before (done = false) and after each pass that accumulates
  // and runs in no other; may throw.
  void (*observe)(const std::vector<Tensor>& roots, bool done) = nullptr;
};
inline EngineHooks engine_hooks;

}  // namespace pyforge
