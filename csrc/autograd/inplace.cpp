#include "autograd/inplace.h"

#include <algorithm>

#include "autograd/meta.h"
#include "ops/ops.h"

namespace pyforge {
namespace {

int64_t offset_from(const TensorImpl* view, const TensorImpl* base) {
  return (view->data - base->data) / static_cast<int64_t>(itemsize(base->dtype));
}

// Gradient of a view taken from its base's gradient by geometry.
struct AsStridedBackward {
  static constexpr const char* kName = "AsStridedBackward0";
  Shape sizes, strides, base_sizes, base_strides;
  int64_t offset;
  static void backward(Node&, AsStridedBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined())
      out[0] = ops::as_strided_backward(in[0], p.base_sizes, p.base_strides, p.sizes, p.strides,
                                        p.offset);
  }
};

// The base after one of its views was overwritten by `fn`: the region's gradient goes through fn,
// the rest passes.
struct CopySlices {
  static constexpr const char* kName = "CopySlices";
  Ref<Node> fn;
  uint32_t output_nr;
  Shape sizes, strides, base_sizes, base_strides;
  int64_t offset;

  // Edge 0 is the base's history; edges 1.. are fn's own.
  static void backward(Node& n, CopySlices& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    Tensor dense = ops::to_strides(in[0], p.base_strides);
    Tensor region = ops::as_strided(dense, p.sizes, p.strides, p.offset);
    std::vector<Tensor> fn_in(p.fn->n_outputs), fn_out(p.fn->n_edges);
    fn_in[p.output_nr] = ops::clone(region);
    p.fn->type->backward(*p.fn, fn_in.data(), fn_out.data());
    for (uint32_t i = 0; i < p.fn->n_edges; ++i) out[i + 1] = std::move(fn_out[i]);
    if (n.needs(0)) out[0] = ops::as_strided_zeroed(dense, p.sizes, p.strides, p.offset);
  }
};

void release_copy_slices(Node& n) { n.as<CopySlices>().fn->release_saved(); }

const NodeType* copy_slices_type() {
  static const NodeType type{CopySlices::kName, node_type<CopySlices>()->backward,
                             node_type<CopySlices>()->destroy_payload, release_copy_slices};
  return &type;
}

void replace_history(const Tensor& t, Node* owned, uint32_t output_nr) {
  Node* old = t->grad_fn;
  if (old && t->meta && t->meta->retains_grad && old->extra) {
    std::erase_if(old->extra->retain_grad, [&](auto& r) { return r.second == t.get(); });
    if (owned) owned->extras().retain_grad.push_back({output_nr, t.get()});
  }
  t->grad_fn = owned;
  t->output_nr = output_nr;
  if (old) Ref<Node>::steal(old);
}

}  // namespace

void mark_view(const Tensor& view, const Tensor& source, bool multi_output) {
  if (grad_mode_state.inference) return;
  view->base = Ref<TensorImpl>::borrow(source->base ? source->base.get() : source.get());
  view->base_version = view->storage->version;
  if (!grad_enabled() || multi_output || (source->flags & kNoGradView)) view->flags |= kNoGradView;
}

void check_inplace(const char* op, const Tensor& t, bool grad_flows) {
  PF_CHECK(!t->storage->read_only, Runtime, op,
           ": the tensor shares memory with a read-only NumPy array; ",
           "clone() it before writing");
  PF_CHECK(t.is_contiguous() || !overlaps_itself(t.sizes(), t.strides()), Runtime, op,
           ": unsupported operation: more than one element of the written-to tensor refers to a "
           "single "
           "memory location. Please clone() the tensor before performing the operation.");
  if (!grad_enabled()) return;
  PF_CHECK(!((t->flags & kInference) && !grad_mode_state.inference && grad_flows), Runtime, op,
           ": Inplace update to inference tensor outside InferenceMode is not allowed. You can "
           "make a clone to "
           "get a normal tensor before doing inplace update.");
  bool leaf_needs = !grad_fn_of(t) && (t->flags & kRequiresGrad);
  PF_CHECK(!leaf_needs, Runtime, op,
           ": a leaf Variable that requires grad is being used in an in-place operation. Wrap the "
           "change in "
           "no_grad(), or work on a copy");
  if (!t->base) return;
  bool base_leaf = !t->base->grad_fn && (t->base->flags & kRequiresGrad);
  PF_CHECK(!base_leaf, Runtime, op,
           ": a view of a leaf Variable that requires grad is being used in an in-place operation. "
           "Wrap the "
           "change in no_grad(), or work on a copy");
  PF_CHECK(!((t->flags & kNoGradView) && (grad_flows || t->base->grad_fn)), Runtime, op,
           ": Output of a view op that was made in no_grad mode or that returns multiple views is "
           "being modified "
           "inplace; this view cannot carry a gradient. Use the out-of-place op, or clone() the "
           "view first");
}

void refresh_view(const Tensor& view) {
  TensorImpl* base = view->base.get();
  if (view->flags & kNoGradView) {
    PF_CHECK(!grad_enabled(), Runtime,
             "a view made in no_grad mode or by an op that returns multiple views, and its base or "
             "another view "
             "of its base has been modified inplace at ",
             view->storage->last_write.text(),
             "; this view cannot carry a gradient. Take the view again after the change");
    return;
  }
  Node* n = make_node<AsStridedBackward>(1, 1, 0,
                                         {view.sizes(), view.strides(), base->sizes(),
                                          base->strides(), offset_from(view.get(), base)});
  n->edges()[0] = gradient_edge(Tensor::borrow(base));
  n->outputs()[0].dtype = view.dtype();
  n->outputs()[0].shape.assign(view.sizes());
  replace_history(view, n, 0);
  view->base_version = view->storage->version;
}

void rebase_history(const Tensor& t, Node* node, uint32_t output_nr) {
  if (!t->base) {
    ++node->refs;
    replace_history(t, node, output_nr);
    return;
  }
  Tensor base = Tensor(t->base);
  Node* n = Node::allocate_raw(copy_slices_type(), (sizeof(CopySlices) + 7) / 8 * 8,
                               node->n_edges + 1, 1, 0);
  new (n->payload()) CopySlices{Ref<Node>::borrow(node),
                                output_nr,
                                t.sizes(),
                                t.strides(),
                                base.sizes(),
                                base.strides(),
                                offset_from(t.get(), base.get())};
  n->edges()[0] = gradient_edge(base);
  for (uint32_t i = 0; i < node->n_edges; ++i) {
    n->edges()[i + 1] = node->edges()[i];
    if (node->edges()[i].fn) ++node->edges()[i].fn->refs;
  }
  n->outputs()[0].dtype = base.dtype();
  n->outputs()[0].shape.assign(base.sizes());
  replace_history(base, n, 0);
  refresh_view(t);
}

namespace {

// Whether slot i was saved from this very tensor.
bool saves(Node* n, uint32_t i, const TensorImpl* t) {
  if (n->saved_tensors()[i].tensor.get() == t) return true;
  if (!n->extra) return false;
  for (const PackedTensor& p : n->extra->packed)
    if (p.slot == i && p.source == t) return true;
  return false;
}

}  // namespace

void assign_inplace(const char* op, const Tensor& t, const Tensor& result) {
  bool flows = grad_enabled() && (result.requires_grad() || t.requires_grad());
  check_inplace(op, t, flows);
  PF_CHECK(result.sizes() == t.sizes(), Runtime, op, ": output with shape ", to_string(t.sizes()),
           " doesn't match the broadcast shape ", to_string(result.sizes()),
           "; an in-place op cannot change the shape");
  bool narrows = (is_floating(result.dtype()) && !is_floating(t.dtype())) ||
                 (t.dtype() == DType::Bool && result.dtype() != DType::Bool);
  PF_CHECK(!narrows, Runtime, op, ": result type ", dtype_name(result.dtype()),
           " can't be cast to the desired output type ", dtype_name(t.dtype()),
           "; use the out-of-place op or convert the tensor first");
  Tensor source = result.dtype() == t.dtype() ? result : ops::to(result, t.dtype());
  // A rule that reads the old value of t keeps a copy of it, with its history.
  if (flows && source->grad_fn) {
    Node* n = result->grad_fn ? result->grad_fn : source->grad_fn;
    for (uint32_t i = 0; i < n->n_saved; ++i) {
      if (!saves(n, i, t.get())) continue;
      Tensor copy;
      {
        GradModeGuard off(false);
        copy = ops::clone(t);
      }
      copy->grad_fn = t->grad_fn;
      copy->output_nr = t->output_nr;
      if (copy->grad_fn) ++copy->grad_fn->refs;
      save_instead(n, i, copy);
    }
  }
  ops::copy_data(t, source);
  t->storage->bump();
  if (flows && source->grad_fn) rebase_history(t, source->grad_fn, source->output_nr);
}

void become_view(const char* op, const Tensor& t, const Tensor& view) {
  check_inplace(op, t, grad_enabled() && t.requires_grad());
  TensorImpl* to = t.get();
  if (to->ndim != view.dim()) {
    if (to->dims != to->inline_dims) deallocate(to->dims, 2 * sizeof(int64_t) * to->ndim);
    to->dims = view.dim() > kInlineDims
                   ? static_cast<int64_t*>(allocate(2 * sizeof(int64_t) * view->ndim))
                   : to->inline_dims;
    to->ndim = view->ndim;
  }
  std::copy_n(view->dims, 2 * view.dim(), to->dims);
  to->data = view->data;
  to->numel = view->numel;
  refresh_contiguous(to);
  t->storage->bump();
  if (view->grad_fn) {
    ++view->grad_fn->refs;
    replace_history(t, view->grad_fn, view->output_nr);
  }
  if (to->base) to->base_version = t->storage->version;
}

}  // namespace pyforge
