#include "autograd/engine.h"

#include <algorithm>
#include <thread>

#include "autograd/anomaly.h"
#include "autograd/meta.h"
#include "autograd/profile.h"
#include "ops/ops.h"

namespace pyforge {
namespace {

struct ActiveRun {
  uint64_t id;
  std::thread::id thread;
  bool partial = false;  // only nodes that are marked as needed run
};
std::vector<ActiveRun> active_runs;
uint64_t last_run = 0;

const ActiveRun* find_active(uint64_t id) {
  for (const ActiveRun& r : active_runs)
    if (r.id == id) return &r;
  return nullptr;
}

// Engine state of a node that an outer pass on this thread is in the middle of.
struct Displaced {
  Ref<Node> node;
  uint64_t run;
  int64_t dependencies;
  uint8_t flags;
  std::vector<Tensor> grads;
};

struct Capture {
  Node* node;
  uint32_t output_nr;
  Tensor grad;
};

bool by_sequence(const Node* a, const Node* b) { return a->sequence < b->sequence; }

class Run {
 public:
  explicit Run(BackwardOptions options) : options_(options), id_(++last_run) {
    active_runs.push_back({id_, std::this_thread::get_id()});
  }
  ~Run() {
    std::erase_if(active_runs, [this](const ActiveRun& r) { return r.id == id_; });
    for (Displaced& d : displaced_) {
      d.node->run = d.run;
      d.node->dependencies = d.dependencies;
      d.node->flags = (d.node->flags & kReleased) | d.flags;
      for (uint32_t i = 0; i < d.node->n_outputs; ++i)
        d.node->outputs()[i].grad = std::move(d.grads[i]);
    }
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void add_root(Ref<Node> fn, uint32_t nr, Tensor grad, const Tensor& root) {
    if (__builtin_expect(watched_, 0) && anomaly_mode.checks() && anomaly_hooks.begin &&
        (finiteness(root) != kernels::kFinite || finiteness(grad) != kernels::kFinite)) {
      bad_root_ = true;
      anomaly_hooks.begin(root, grad);
    }
    stamp_graph(fn.get());
    roots_.push_back({std::move(fn), nr, std::move(grad)});
  }
  void add_capture(Node* fn, uint32_t nr) { captures_.push_back({fn, nr, Tensor()}); }

  std::vector<Tensor> execute() {
    if (!captures_.empty()) mark_needed();
    try {
      for (Root& r : roots_) deliver(r.fn.get(), r.nr, std::move(r.grad));
      for (Root& r : roots_)
        if (r.fn->dependencies == 0 && !queued(r.fn.get())) push(r.fn.get());
      int steps = 0;
      while (Node* n = pop()) {
        evaluate(n);
        if ((++steps & 0xfff) == 0 && engine_hooks.check_signals) engine_hooks.check_signals();
      }
    } catch (...) {
      drop_gradients();
      throw;
    }
    std::vector<Tensor> result;
    for (Capture& c : captures_) result.push_back(std::move(c.grad));
    return result;
  }

 private:
  struct Root {
    Ref<Node> fn;
    uint32_t nr;
    Tensor grad;
  };

  // Visits each node once: fresh engine state, and the number of edges that lead to it.
  void stamp_graph(Node* root) {
    if (!stamp(root)) return;
    stack_.push_back(root);
    while (!stack_.empty()) {
      Node* n = stack_.back();
      stack_.pop_back();
      Edge* edges = n->edges();
      for (uint32_t i = 0; i < n->n_edges; ++i) {
        Node* child = edges[i].fn;
        if (!child) continue;
        if (stamp(child)) stack_.push_back(child);
        ++child->dependencies;
      }
    }
  }

  bool stamp(Node* n) {
    if (n->run == id_) return false;
    if (n->run && __builtin_expect(active_runs.size() > 1, 0)) displace(n);
    n->run = id_;
    n->dependencies = 0;
    n->flags &= kReleased | kMaterialize;
    return true;
  }

  void displace(Node* n) {
    const ActiveRun* other = find_active(n->run);
    if (!other) return;
    if (other->thread != std::this_thread::get_id()) {
      wait_for(n);
      return;
    }
    Displaced d{Ref<Node>::borrow(n),
                n->run,
                n->dependencies,
                static_cast<uint8_t>(n->flags & (kNeeded | kCaptured)),
                {}};
    for (uint32_t i = 0; i < n->n_outputs; ++i) d.grads.push_back(std::move(n->outputs()[i].grad));
    displaced_.push_back(std::move(d));
  }

  // Another thread is in the middle of this node. Its pass ends without us, unless it waits for a
  // pass that this thread is nested in.
  void wait_for(Node* n) {
    auto mine = [](const ActiveRun& r) { return r.thread == std::this_thread::get_id(); };
    PF_CHECK(std::count_if(active_runs.begin(), active_runs.end(), mine) == 1 && engine_hooks.yield,
             Runtime,
             "backward: a pass inside another one met a graph that a second thread is running "
             "through; let the "
             "passes run one after the other");
    while (find_active(n->run)) engine_hooks.yield();
  }

  // Post-order walk: a node is needed if it is captured or leads to one that is.
  void mark_needed() {
    for (Capture& c : captures_)
      if (c.node && c.node->run == id_) c.node->flags |= kCaptured | kNeeded;
    std::vector<std::pair<Node*, uint32_t>> path;
    uint64_t visit = ++last_run;  // second stamp, so that each node is walked once
    for (Root& r : roots_) {
      if (r.fn->run == visit) continue;
      r.fn->run = visit;
      path.push_back({r.fn.get(), 0});
      while (!path.empty()) {
        auto& [n, next] = path.back();
        if (next == n->n_edges) {
          bool needed = n->flags & kNeeded;
          path.pop_back();
          if (needed && !path.empty()) path.back().first->flags |= kNeeded;
          continue;
        }
        Node* child = n->edges()[next++].fn;
        if (!child) continue;
        if (child->run == visit) {
          n->flags |= child->flags & kNeeded;
        } else {
          child->run = visit;
          path.push_back({child, 0});
        }
      }
    }
    for (ActiveRun& r : active_runs)
      if (r.id == id_) r = {visit, r.thread, true};
    id_ = visit;
  }

  bool queued(Node* n) { return std::find(ready_.begin(), ready_.end(), n) != ready_.end(); }

  void push(Node* n) {
    ready_.push_back(n);
    std::push_heap(ready_.begin(), ready_.end(), by_sequence);
  }
  Node* pop() {
    if (ready_.empty()) return nullptr;
    std::pop_heap(ready_.begin(), ready_.end(), by_sequence);
    Node* n = ready_.back();
    ready_.pop_back();
    return n;
  }

  // Un-broadcasts and casts to what the input was, then stores or adds.
  void deliver(Node* fn, uint32_t nr, Tensor grad) {
    if (!grad.defined()) return;
    if (!captures_.empty() && !(fn->flags & kNeeded)) return;
    Output& o = fn->outputs()[nr];
    if (!(grad.sizes() == IntSpan(o.shape))) grad = ops::sum_to_size(grad, o.shape);
    if (grad.dtype() != o.dtype) grad = ops::to(grad, o.dtype);
    if (!o.grad.defined()) {
      o.grad = std::move(grad);
    } else if (!grad_enabled() && o.grad.unique() && o.grad.is_contiguous()) {
      ops::accumulate_(o.grad, grad);
    } else {
      o.grad = ops::add(o.grad, grad);
    }
  }

  void evaluate(Node* n) {
    constexpr uint32_t kInline = 4;
    Tensor in_small[kInline], out_small[kInline];
    std::vector<Tensor> in_large, out_large;
    Tensor *in = in_small, *out = out_small;
    if (n->n_outputs > kInline) {
      in_large.resize(n->n_outputs);
      in = in_large.data();
    }
    if (n->n_edges > kInline) {
      out_large.resize(n->n_edges);
      out = out_large.data();
    }
    bool any = false;
    for (uint32_t i = 0; i < n->n_outputs; ++i) in[i] = std::move(n->outputs()[i].grad);
    if (__builtin_expect(n->extra != nullptr, 0)) run_pre_hooks(n, in);
    if (n->n_edges == 0 && is_accumulator(n)) run_hooks(accumulator_variable(n)->meta->hooks, in);
    for (uint32_t i = 0; i < n->n_outputs; ++i) any = any || in[i].defined();
    bool capture_only = false;
    if (n->flags & kCaptured) capture_only = capture(n, in);
    bool run = captures_.empty() || ((n->flags & kNeeded) && !capture_only);
    if (any && run) {
      if (n->flags & kMaterialize) {
        for (uint32_t i = 0; i < n->n_outputs; ++i)
          if (!in[i].defined()) in[i] = ops::zeros(n->outputs()[i].shape, n->outputs()[i].dtype);
      }
      std::vector<Tensor> kept;
      bool post = n->extra && !n->extra->node_hooks.empty();
      if (__builtin_expect(post, 0)) kept.assign(in, in + n->n_outputs);
      if (__builtin_expect(watched_, 0))
        run_watched(n, in, out);
      else
        n->type->backward(*n, in, out);
      for (uint32_t i = 0; i < n->n_outputs; ++i) in[i].reset();
      if (__builtin_expect(post, 0)) run_post_hooks(n, out, kept);
      if (!options_.retain_graph) n->release_saved();
    }
    Edge* edges = n->edges();
    for (uint32_t i = 0; i < n->n_edges; ++i) {
      Node* child = edges[i].fn;
      if (!child) continue;
      deliver(child, edges[i].input_nr, std::move(out[i]));
      if (--child->dependencies == 0) push(child);
    }
  }

  // The profiler, and anomaly mode. Values that are not finite are an error once they arrive where
  // somebody would see them; until then the nodes that made them and passed them on are kept.
  [[gnu::noinline, gnu::cold]] void run_watched(Node* n, Tensor* in, Tensor* out) {
    profile::Scope scope(*n, in);
    if (!anomaly_mode.enabled) {
      n->type->backward(*n, in, out);
      return;
    }
    if (n->n_edges == 0 && is_accumulator(n)) {
      look_at(n, 0, in[0]);
      n->type->backward(*n, in, out);
      return;
    }
    std::vector<Tensor> before(in, in + n->n_outputs);
    try {
      n->type->backward(*n, in, out);
    } catch (...) {
      if (anomaly_hooks.failed) anomaly_hooks.failed(*n);
      throw;
    }
    if (!anomaly_mode.checks()) return;
    bool bad = false;
    for (uint32_t i = 0; i < n->n_edges && !bad; ++i) bad = finiteness(out[i]) != kernels::kFinite;
    if (!bad) return;
    BadNode row{Ref<Node>::borrow(n), std::move(before), {out, out + n->n_edges}, {}};
    for (uint32_t i = 0; i < n->n_saved; ++i)
      row.saved.push_back(Tensor(n->saved_tensors()[i].tensor));
    bad_nodes_.push_back(std::move(row));
  }

  // A healthy pass has looked at every gradient where it was made; hooks may have changed one.
  void look_at(Node* n, uint32_t nr, const Tensor& grad) {
    if (!anomaly_mode.checks() || !anomaly_hooks.arrived) return;
    bool hooked =
        is_accumulator(n) ? !accumulator_variable(n)->meta->hooks.empty() : n->extra != nullptr;
    if (bad_nodes_.empty() && !hooked && !bad_root_) return;
    kernels::Finiteness found = finiteness(grad);
    if (found == kernels::kNan ? anomaly_mode.check_nan || anomaly_mode.check_inf
                               : found == kernels::kInfinite)
      anomaly_hooks.arrived(bad_nodes_, *n, nr, grad);
  }

  // True when nothing beyond this node is asked for.
  bool capture(Node* n, Tensor* in) {
    for (Capture& c : captures_) {
      if (c.node != n) continue;
      c.grad = in[c.output_nr];
      if (__builtin_expect(watched_, 0)) look_at(n, c.output_nr, c.grad);
    }
    if (is_accumulator(n)) return !options_.accumulate;
    for (uint32_t i = 0; i < n->n_edges; ++i)
      if (Node* child = n->edges()[i].fn)
        if (child->flags & kNeeded) return false;
    return true;
  }

  // Hooks may add and remove hooks of the node they run at.
  template <class F>
  static void for_each_node_hook(Node* n, bool post, F f) {
    std::vector<int64_t> ids;
    for (const NodeHook& h : n->extra->node_hooks)
      if (h.post == post) ids.push_back(h.id);
    for (int64_t id : ids)
      for (const NodeHook& h : n->extra->node_hooks)
        if (h.id == id) {
          f(NodeHook(h));
          break;
        }
  }

  void run_pre_hooks(Node* n, Tensor* in) {
    run_hooks(n->extra->hooks, in);
    for_each_node_hook(n, false, [&](const NodeHook& h) {
      std::vector<Tensor> grads(in, in + n->n_outputs);
      h.call(h.context, *n, grads, {});
      for (uint32_t i = 0; i < n->n_outputs; ++i) {
        const Output& o = n->outputs()[i];
        PF_CHECK(!grads[i].defined() ||
                     (grads[i].sizes() == IntSpan(o.shape) && grads[i].dtype() == o.dtype),
                 Runtime, "hook of ", n->type->name, " has changed the size or type of gradient ",
                 i, ": got ", to_string(grads[i].sizes()), " of ", dtype_name(grads[i].dtype()),
                 ", expected ", to_string(o.shape), " of ", dtype_name(o.dtype));
        in[i] = grads[i];
      }
    });
    for (auto [nr, t] : n->extra->retain_grad) {
      if (!in[nr].defined()) continue;
      TensorMeta& meta = meta_of(Tensor::borrow(t));
      meta.grad = meta.grad.defined() ? ops::add(meta.grad, in[nr]) : ops::clone(in[nr]);
    }
  }

  void run_post_hooks(Node* n, Tensor* out, const std::vector<Tensor>& in) {
    for_each_node_hook(n, true, [&](const NodeHook& h) {
      std::vector<Tensor> grads(out, out + n->n_edges);
      h.call(h.context, *n, grads, in);
      for (uint32_t i = 0; i < n->n_edges; ++i) out[i] = grads[i];
    });
  }

  // After an error: no gradient stays behind in the graph.
  void drop_gradients() {
    uint64_t visit = ++last_run;
    for (Root& r : roots_) stack_.push_back(r.fn.get());
    while (!stack_.empty()) {
      Node* n = stack_.back();
      stack_.pop_back();
      if (n->run != id_) continue;
      n->run = visit;
      for (uint32_t i = 0; i < n->n_outputs; ++i) n->outputs()[i].grad.reset();
      for (uint32_t i = 0; i < n->n_edges; ++i)
        if (n->edges()[i].fn) stack_.push_back(n->edges()[i].fn);
    }
  }

  BackwardOptions options_;
  uint64_t id_;
  std::vector<Root> roots_;
  std::vector<Capture> captures_;
  std::vector<Node*> stack_, ready_;
  std::vector<Displaced> displaced_;
  const bool watched_ = anomaly_mode.enabled || profile::on;
  bool bad_root_ = false;
  std::vector<BadNode> bad_nodes_;
};

// Passes that this thread is in: a checkpoint runs one inside another.
class PassDepth {
 public:
  PassDepth() { ++depth_; }
  ~PassDepth() { --depth_; }
  PassDepth(const PassDepth&) = delete;
  PassDepth& operator=(const PassDepth&) = delete;
  bool outermost() const { return depth_ == 1; }

 private:
  static inline thread_local int depth_ = 0;
};

}  // namespace

std::vector<Tensor> run_backward(const std::vector<Tensor>& roots, std::vector<Tensor> grads,
                                 const std::vector<Tensor>& inputs, BackwardOptions options) {
  PassDepth depth;
  bool observed = __builtin_expect(engine_hooks.observe != nullptr, 0) && options.accumulate &&
                  depth.outermost();
  if (observed) engine_hooks.observe(roots, false);
  GradModeGuard mode(options.create_graph);
  profile::Scope scope("backward pass", profile::Kind::Pass);
  Run run(options);
  for (const Tensor& t : inputs) {
    Edge e = gradient_edge(t);
    run.add_capture(e.fn, e.input_nr);
    Ref<Node>::steal(e.fn);  // kept alive by the graph, or never reached
  }
  for (size_t i = 0; i < roots.size(); ++i) {
    Edge e = gradient_edge(roots[i]);
    PF_CHECK(e.fn, Runtime, "element ", i,
             " of tensors does not require grad and does not have a grad_fn");
    run.add_root(Ref<Node>::steal(e.fn), e.input_nr, std::move(grads[i]), roots[i]);
  }
  std::vector<Tensor> result = run.execute();
  if (observed && engine_hooks.observe) engine_hooks.observe(roots, true);
  return result;
}

namespace {

const ActiveRun* innermost() {
  for (auto r = active_runs.rbegin(); r != active_runs.rend(); ++r)
    if (r->thread == std::this_thread::get_id()) return &*r;
  return nullptr;
}

}  // namespace

uint64_t current_run() {
  const ActiveRun* run = innermost();
  return run ? run->id : 0;
}

bool runs_now(const Node* n) {
  const ActiveRun* run = innermost();
  return run && n->run == run->id && (!run->partial || (n->flags & kNeeded));
}

}  // namespace pyforge
