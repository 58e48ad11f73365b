// Leaf accumulation: the gradient is stolen, copied or added into leaf.grad.
#include "autograd/meta.h"
#include "ops/ops.h"

namespace pyforge {
namespace {

// A gradient has the strides of its leaf where that is dense, so that both can be viewed alike;
// else it is contiguous. Strides of dimensions of size 1 do not count.
bool laid_out_for(const Tensor& grad, const Tensor& leaf) {
  if (leaf.is_contiguous() || !is_dense(leaf)) return grad.is_contiguous();
  for (int64_t i = 0; i < leaf.dim(); ++i)
    if (leaf.size(i) != 1 && grad.stride(i) != leaf.stride(i)) return false;
  return true;
}

Tensor lay_out_for(const Tensor& grad, const Tensor& leaf) {
  bool plain = leaf.is_contiguous() || !is_dense(leaf);
  return plain ? ops::contiguous(grad) : ops::to_strides(grad, leaf.strides());
}

struct AccumulateGrad {
  static constexpr const char* kName = "AccumulateGrad";
  Tensor variable;

  ~AccumulateGrad() {
    if (variable.defined() && variable->meta) variable->meta->accumulator = nullptr;
  }
  AccumulateGrad(Tensor v) : variable(std::move(v)) {}
  AccumulateGrad(AccumulateGrad&&) = default;

  static void backward(Node&, AccumulateGrad& self, Tensor* in, Tensor*) {
    if (!in[0].defined()) return;
    Tensor grad = std::move(in[0]);
    TensorMeta& meta = meta_of(self.variable);
    if (__builtin_expect(meta.watch != nullptr, 0)) begin_watch(*meta.watch, meta.grad);
    if (!meta.grad.defined()) {
      // Steal a buffer that nobody else sees; otherwise copy it.
      if (!laid_out_for(grad, self.variable))
        meta.grad = lay_out_for(grad, self.variable);
      else
        meta.grad = grad.unique() ? grad : ops::clone(grad);
    } else if (grad_enabled()) {
      Tensor sum = ops::add(meta.grad, grad);
      meta.grad = laid_out_for(sum, self.variable) ? sum : lay_out_for(sum, self.variable);
    } else {
      ops::add_(meta.grad, grad);
    }
    if (__builtin_expect(meta.watch != nullptr, 0)) end_watch(*meta.watch, meta.grad);
    if (!meta.post_hooks.empty()) {
      Tensor leaf = self.variable;
      run_hooks(meta.post_hooks, &leaf);
    }
  }
};

// Leaves are used again and again: the node waits in the tensor's meta between graphs.
bool park(Node& n) {
  Tensor& variable = n.as<AccumulateGrad>().variable;
  if (!variable.defined() || variable->refs == 1 || n.extra) return false;
  variable->meta->accumulator = nullptr;
  variable->meta->parked = &n;
  variable.reset();
  return true;
}

const NodeType accumulate_type{AccumulateGrad::kName, node_type<AccumulateGrad>()->backward,
                               node_type<AccumulateGrad>()->destroy_payload, nullptr, park};

void free_grad_fn(Node* n) { Ref<Node>::steal(n); }

void free_meta(TensorImpl* t) {
  if (t->meta->retains_grad && t->grad_fn && t->grad_fn->extra)
    std::erase_if(t->grad_fn->extra->retain_grad, [t](auto& r) { return r.second == t; });
  if (t->meta->parked) Node::free(t->meta->parked);
  delete t->meta;
}

[[maybe_unused]] const bool installed = [] {
  tensor_hooks.free_grad_fn = free_grad_fn;
  tensor_hooks.free_meta = free_meta;
  return true;
}();

}  // namespace

Ref<Node> grad_accumulator(const Tensor& leaf) {
  TensorMeta& meta = meta_of(leaf);
  if (meta.accumulator) return Ref<Node>::borrow(meta.accumulator);
  if (Node* n = meta.parked) {
    meta.parked = nullptr;
    meta.accumulator = n;
    n->refs = 1;
    n->sequence = UINT64_MAX;
    n->as<AccumulateGrad>().variable = leaf;
    return Ref<Node>::steal(n);
  }
  Node* n = make_node<AccumulateGrad>(0, 1, 0, AccumulateGrad(leaf));
  n->type = &accumulate_type;
  n->sequence = UINT64_MAX;
  n->where.clear();
  n->outputs()[0].dtype = leaf.dtype();
  n->outputs()[0].shape.assign(leaf.sizes());
  meta.accumulator = n;
  return Ref<Node>::steal(n);
}

bool is_accumulator(const Node* node) { return node->type == &accumulate_type; }
Tensor accumulator_variable(Node* node) { return node->as<AccumulateGrad>().variable; }

}  // namespace pyforge
