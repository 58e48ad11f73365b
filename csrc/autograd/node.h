// A node of the tape: what to call in the backward pass, with what, and where the results go.
// Header, payload, edges, outputs and saved tensors share one block from the free lists.
#pragma once
#include <initializer_list>
#include <string>
#include <type_traits>
#include <vector>

#include "autograd/grad_mode.h"
#include "core/tensor.h"

namespace pyforge {

struct Node;

// Gradient of every output in (undefined where none arrived), gradient per edge out (may stay
// undefined). grads_in may be moved from. Rules return gradients in any shape that broadcasts from
// the input's and in any dtype: the engine sums and casts once, at the edge.
using BackwardFn = void (*)(Node& node, Tensor* grads_in, Tensor* grads_out);

struct NodeType {
  const char* name;  // "TanhBackward0"
  BackwardFn backward;
  void (*destroy_payload)(Node& node);
  void (*release_payload)(Node& node) = nullptr;  // extra work when saved values are released
  bool (*park)(Node& node) = nullptr;  // last reference gone: true keeps the node for another use
};

struct Edge {
  Node* fn = nullptr;  // owned; null: this input needs no gradient
  uint32_t input_nr = 0;
};

struct Output {
  Tensor grad;  // arriving gradient while the engine runs
  DType dtype;
  Shape shape;
};

struct SavedTensor {
  Ref<TensorImpl> tensor;
  uint32_t version = 0;
  int32_t own_output = -1;  // saved without grad_fn: no reference cycle
};

// A saved tensor that a hook turned into something else, and where its gradient goes.
struct PackedTensor {
  uint32_t slot;
  int32_t own_output;
  void* handle;
  const TensorImpl* source;  // weak: only compared with
  Edge history;
};
// Filled in by the layer that has hooks. A handle is owned by the node.
struct SavedValueHooks {
  void* (*pack)(const Tensor& t) = nullptr;
  Tensor (*unpack)(void* handle) = nullptr;
  void (*destroy)(void* handle) = nullptr;
};
inline SavedValueHooks saved_value_hooks;

// A gradient hook. `call` may replace `grad`; it owns `context`.
struct Hook {
  uint32_t output_nr;
  int64_t id;
  void* context;
  void (*call)(void* context, Tensor& grad);
  void (*destroy)(void* context);
};
// Called before (post = false: grads are the outputs') or after a node runs.
struct NodeHook {
  bool post;
  int64_t id;
  void* context;
  void (*call)(void* context, Node& node, std::vector<Tensor>& grads,
               const std::vector<Tensor>& other);
  void (*destroy)(void* context);
};

struct NodeExtra {
  std::vector<Hook> hooks;
  std::vector<NodeHook> node_hooks;
  std::vector<std::pair<uint32_t, TensorImpl*>> retain_grad;  // output number, weak tensor
  std::vector<PackedTensor> packed;
  void* pyobj = nullptr;  // weak: the Python object that stands for this node
  void release_packed();
  ~NodeExtra();
};

enum NodeFlags : uint8_t {
  kReleased = 1,     // saved values are gone
  kNeeded = 2,       // engine: on a path to a requested input
  kCaptured = 4,     // engine: some output gradient is asked for
  kMaterialize = 8,  // undefined output gradients become zeros before the rule runs
};

struct Node {
  uint32_t refs = 1;
  uint32_t n_edges, n_outputs, n_saved;
  const NodeType* type;
  uint64_t sequence;
  uint64_t run = 0;  // engine run that last stamped this node
  int64_t dependencies = 0;
  uint32_t payload_bytes;
  uint8_t flags = 0;
  SourceLocation where;
  NodeExtra* extra = nullptr;

  char* payload() { return reinterpret_cast<char*>(this + 1); }
  template <class P>
  P& as() {
    return *reinterpret_cast<P*>(payload());
  }
  Edge* edges() { return reinterpret_cast<Edge*>(payload() + payload_bytes); }
  Output* outputs() { return reinterpret_cast<Output*>(edges() + n_edges); }
  SavedTensor* saved_tensors() { return reinterpret_cast<SavedTensor*>(outputs() + n_outputs); }

  bool needs(uint32_t i) { return i < n_edges && edges()[i].fn; }
  // Shape and dtype of the i-th input; only where needs(i).
  Output& input(uint32_t i) { return edges()[i].fn->outputs()[edges()[i].input_nr]; }
  // The i-th saved value; checks that nothing has overwritten it. Undefined if saved undefined.
  Tensor saved(uint32_t i);
  void release_saved();
  NodeExtra& extras() {
    if (!extra) extra = new NodeExtra;
    return *extra;
  }
  static void destroy(Node* n);
  static void free(Node* n);  // at once, whatever the count
  // Uninitialised payload; edges empty; `sequence` set.
  static Node* allocate_raw(const NodeType* type, uint32_t payload_bytes, uint32_t n_edges,
                            uint32_t n_outputs, uint32_t n_saved);
};

// Where t's gradient goes: its grad_fn, its accumulator, or nowhere. Owned reference.
Edge gradient_edge(const Tensor& t);
// The node a view or plain tensor hangs on, refreshed after in-place changes; null for leaves.
Node* grad_fn_of(const Tensor& t);
void set_history(const Tensor& out, Node* node, uint32_t output_nr);
void save(Node* node, uint32_t slot, const Tensor& t);
// As save(), in place of what `slot` holds; the history is that of `t` before it was overwritten.
void save_instead(Node* node, uint32_t slot, const Tensor& t);
// The accumulator that adds into leaf.grad; made on demand.
Ref<Node> grad_accumulator(const Tensor& leaf);
bool is_accumulator(const Node* node);
Tensor accumulator_variable(Node* node);
// Runs hooks in order; one that was removed meanwhile is skipped. `hooks` may change while they
// run.
void run_hooks(const std::vector<Hook>& hooks, Tensor* grads);

inline bool any_requires_grad(const Tensor* const* inputs, size_t n) {
  for (size_t i = 0; i < n; ++i)
    if (inputs[i]->defined() && inputs[i]->requires_grad()) return true;
  return false;
}

// P: struct with `static constexpr const char* kName` and
// `static void backward(Node&, P&, Tensor* grads_in, Tensor* grads_out)`.
template <class P>
inline const NodeType* node_type() {
  static constexpr NodeType type{
      P::kName, [](Node& n, Tensor* in, Tensor* out) { P::backward(n, n.as<P>(), in, out); },
      [](Node& n) { n.as<P>().~P(); }};
  return &type;
}

template <class P>
inline Node* make_node(uint32_t n_edges, uint32_t n_outputs, uint32_t n_saved, P payload) {
  static_assert(alignof(P) <= 8);
  constexpr uint32_t bytes = (sizeof(P) + 7) / 8 * 8;
  Node* n = Node::allocate_raw(node_type<P>(), bytes, n_edges, n_outputs, n_saved);
  new (n->payload()) P(std::move(payload));
  return n;
}

// Records one op: out = f(inputs). `save` lists what the rule reads, in the order of node.saved(i);
// an entry that is the output itself is saved without a cycle. No-op when no input requires grad.
template <class P>
inline void record(const Tensor& out, std::initializer_list<const Tensor*> inputs,
                   std::initializer_list<const Tensor*> saved, P payload) {
  if (!grad_enabled() || !any_requires_grad(inputs.begin(), inputs.size())) return;
  Node* n = make_node<P>(static_cast<uint32_t>(inputs.size()), 1,
                         static_cast<uint32_t>(saved.size()), std::move(payload));
  Ref<Node> own = Ref<Node>::steal(n);
  uint32_t i = 0;
  for (const Tensor* t : inputs) n->edges()[i++] = t->defined() ? gradient_edge(*t) : Edge{};
  set_history(out, n, 0);
  i = 0;
  for (const Tensor* t : saved) save(n, i++, *t);
}

// Several inputs or outputs known only at run time. Outputs that are not floating get no history.
template <class P>
inline void record_many(const std::vector<Tensor>& outs, const std::vector<Tensor>& inputs,
                        const std::vector<Tensor>& saved, P payload) {
  if (!grad_enabled()) return;
  bool any = false;
  for (const Tensor& t : inputs) any = any || (t.defined() && t.requires_grad());
  if (!any) return;
  Node* n = make_node<P>(static_cast<uint32_t>(inputs.size()), static_cast<uint32_t>(outs.size()),
                         static_cast<uint32_t>(saved.size()), std::move(payload));
  Ref<Node> own = Ref<Node>::steal(n);
  for (uint32_t i = 0; i < inputs.size(); ++i)
    n->edges()[i] = inputs[i].defined() ? gradient_edge(inputs[i]) : Edge{};
  for (uint32_t i = 0; i < outs.size(); ++i) set_history(outs[i], n, i);
  for (uint32_t i = 0; i < saved.size(); ++i) save(n, i, saved[i]);
}

}  // namespace pyforge
