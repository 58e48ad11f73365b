#include "autograd/node.h"

#include <new>

#include "autograd/inplace.h"
#include "autograd/meta.h"
#include "autograd/profile.h"

namespace pyforge {

thread_local GradMode grad_mode_state __attribute__((tls_model("initial-exec")));

namespace {

uint64_t next_sequence = 0;

size_t block_bytes(const Node& n) {
  return sizeof(Node) + n.payload_bytes + sizeof(Edge) * n.n_edges + sizeof(Output) * n.n_outputs +
         sizeof(SavedTensor) * n.n_saved;
}

// Nodes whose count fell to zero, freed one by one so that no chain recurses; linked by `sequence`.
struct Graveyard {
  Node* pending;
  bool draining;
};
thread_local Graveyard graveyard __attribute__((tls_model("initial-exec")));

void free_node(Node* n) {
  if (n->type->park && n->type->park(*n)) return;
  Node::free(n);
}

}  // namespace

uint64_t nodes_made() { return next_sequence; }

void Node::free(Node* n) {
  n->type->destroy_payload(*n);
  Edge* edges = n->edges();
  for (uint32_t i = 0; i < n->n_edges; ++i)
    if (edges[i].fn) Ref<Node>::steal(edges[i].fn);
  for (uint32_t i = 0; i < n->n_outputs; ++i) n->outputs()[i].~Output();
  for (uint32_t i = 0; i < n->n_saved; ++i) n->saved_tensors()[i].~SavedTensor();
  delete n->extra;
  size_t bytes = block_bytes(*n);
  n->~Node();
  deallocate(n, bytes);
}

void NodeExtra::release_packed() {
  std::vector<PackedTensor> gone = std::move(packed);
  packed.clear();
  for (PackedTensor& p : gone) {
    saved_value_hooks.destroy(p.handle);
    if (p.history.fn) Ref<Node>::steal(p.history.fn);
  }
}

NodeExtra::~NodeExtra() {
  if (!packed.empty()) release_packed();
  for (Hook& h : hooks) h.destroy(h.context);
  for (NodeHook& h : node_hooks) h.destroy(h.context);
}

Node* Node::allocate_raw(const NodeType* type, uint32_t payload_bytes, uint32_t n_edges,
                         uint32_t n_outputs, uint32_t n_saved) {
  size_t bytes = sizeof(Node) + payload_bytes + sizeof(Edge) * n_edges +
                 sizeof(Output) * n_outputs + sizeof(SavedTensor) * n_saved;
  Node* n = new (allocate(bytes)) Node;
  n->type = type;
  n->payload_bytes = payload_bytes;
  n->n_edges = n_edges;
  n->n_outputs = n_outputs;
  n->n_saved = n_saved;
  n->sequence = next_sequence++;
  for (uint32_t i = 0; i < n_edges; ++i) new (n->edges() + i) Edge;
  for (uint32_t i = 0; i < n_outputs; ++i) new (n->outputs() + i) Output;
  for (uint32_t i = 0; i < n_saved; ++i) new (n->saved_tensors() + i) SavedTensor;
  n->where.capture();
  return n;
}

void Node::destroy(Node* n) {
  Graveyard& g = graveyard;
  if (g.draining) {
    n->sequence = reinterpret_cast<uintptr_t>(g.pending);
    g.pending = n;
    return;
  }
  g.draining = true;
  free_node(n);
  while (Node* next = g.pending) {
    g.pending = reinterpret_cast<Node*>(static_cast<uintptr_t>(next->sequence));
    free_node(next);
  }
  g.draining = false;
}

namespace {

void pack(Node* node, uint32_t slot, const Tensor& t) {
  PackedTensor packed{slot, -1, nullptr, t.get(), {}};
  uint32_t version = t->storage->version;
  {
    GradModeGuard unrecorded(false);
    packed.handle = saved_value_hooks.pack(alias(t));
  }
  if (t->storage->version != version) {
    saved_value_hooks.destroy(packed.handle);
    raise(ErrorKind::Runtime,
          "A saved tensor pack hook is modifying its input in place; let it return a new tensor");
  }
  if (t->grad_fn == node)
    packed.own_output = static_cast<int32_t>(t->output_nr);
  else
    packed.history = gradient_edge(t);
  node->extras().packed.push_back(packed);
}

// Undefined if the slot holds none.
Tensor unpack(Node& node, uint32_t slot) {
  for (size_t k = 0; k < node.extra->packed.size(); ++k) {
    if (node.extra->packed[k].slot != slot) continue;
    PackedTensor p = node.extra->packed[k];
    Tensor value;
    {
      GradModeGuard unrecorded(false);
      value = saved_value_hooks.unpack(p.handle);
    }
    Node* fn = p.own_output < 0 ? p.history.fn : &node;
    if (!fn || !grad_enabled()) return value;
    Tensor out = alias(value);
    ++fn->refs;
    out->grad_fn = fn;
    out->output_nr = p.own_output < 0 ? p.history.input_nr : static_cast<uint32_t>(p.own_output);
    return out;
  }
  return Tensor();
}

}  // namespace

Tensor Node::saved(uint32_t i) {
  PF_CHECK(!(flags & kReleased), Runtime, type->name,
           ": Trying to backward through the graph a second time (or directly access saved tensors "
           "after "
           "they have already been freed). The op was recorded at ",
           where.text(),
           ". Saved values are freed by .backward() or autograd.grad(); pass retain_graph=True "
           "to the first call, or run the forward pass again");
  SavedTensor& s = saved_tensors()[i];
  if (!s.tensor) return extra && !extra->packed.empty() ? unpack(*this, i) : Tensor();
  TensorImpl* t = s.tensor.get();
  PF_CHECK(t->storage->version == s.version, Runtime,
           "one of the variables needed for gradient computation has been modified by an inplace "
           "operation: "
           "[",
           dtype_name(t->dtype), " ", to_string(t->sizes()), "] saved by ", type->name, " at ",
           where.text(), " was at version ", s.version, " and is now at version ",
           t->storage->version, ", last overwritten at ", t->storage->last_write.text(),
           ". Use the out-of-place op there, or clone() the tensor before changing it");
  if (s.own_output < 0 || !grad_enabled()) return Tensor(s.tensor);
  Tensor out = alias(Tensor(s.tensor));
  ++refs;
  out->grad_fn = this;
  out->output_nr = static_cast<uint32_t>(s.own_output);
  return out;
}

void Node::release_saved() {
  if (type->release_payload) type->release_payload(*this);
  if (!n_saved) return;
  flags |= kReleased;
  for (uint32_t i = 0; i < n_saved; ++i) saved_tensors()[i].tensor.reset();
  if (extra && !extra->packed.empty()) extra->release_packed();
}

void run_hooks(const std::vector<Hook>& hooks, Tensor* grads) {
  std::vector<int64_t> ids;
  for (const Hook& h : hooks) ids.push_back(h.id);
  for (int64_t id : ids) {
    for (const Hook& h : hooks) {
      if (h.id != id) continue;
      if (grads[h.output_nr].defined()) h.call(h.context, grads[h.output_nr]);
      break;
    }
  }
}

Node* grad_fn_of(const Tensor& t) {
  if (t->base && t->base->grad_fn && t->base_version != t->storage->version) refresh_view(t);
  return t->grad_fn;
}

Edge gradient_edge(const Tensor& t) {
  if (Node* fn = grad_fn_of(t)) {
    ++fn->refs;
    return {fn, t->output_nr};
  }
  if (t->flags & kRequiresGrad) return {grad_accumulator(t).release(), 0};
  return {};
}

void set_history(const Tensor& out, Node* node, uint32_t output_nr) {
  Output& o = node->outputs()[output_nr];
  o.dtype = out.dtype();
  o.shape.assign(out.sizes());
  if (!is_floating(out.dtype())) return;
  PF_CHECK(!out->grad_fn, Runtime, "internal: output already has a history");
  ++node->refs;
  out->grad_fn = node;
  out->output_nr = output_nr;
  if (out->base) out->base_version = out->storage->version;
}

void save(Node* node, uint32_t slot, const Tensor& t) {
  if (!t.defined()) return;
  SavedTensor& s = node->saved_tensors()[slot];
  PF_CHECK(!(t->flags & kInference), Runtime, node->type->name,
           ": Inference tensors cannot be saved for backward. Make a clone() outside "
           "inference_mode and use "
           "that");
  if (__builtin_expect(grad_mode_state.packs, 0)) return pack(node, slot, t);
  if (t->grad_fn == node) {
    Tensor copy = alias(t);
    s.own_output = static_cast<int32_t>(t->output_nr);
    s.tensor = Ref<TensorImpl>::steal(copy.release());
  } else {
    s.tensor = Ref<TensorImpl>::borrow(t.get());
  }
  s.version = t->storage->version;
}

void save_instead(Node* node, uint32_t slot, const Tensor& t) {
  SavedTensor& s = node->saved_tensors()[slot];
  if (s.tensor) {
    s.tensor = Ref<TensorImpl>::borrow(t.get());
    s.version = t->storage->version;
    return;
  }
  std::vector<PackedTensor>& packed = node->extra->packed;
  for (size_t k = 0; k < packed.size(); ++k) {
    if (packed[k].slot != slot) continue;
    void* handle;
    {
      GradModeGuard unrecorded(false);
      handle = saved_value_hooks.pack(alias(t));
    }
    saved_value_hooks.destroy(packed[k].handle);
    packed[k].handle = handle;
    packed[k].source = nullptr;
    return;
  }
}

}  // namespace pyforge
