// Calling the ops of libraries: forward, history, backward, and the checks of what kernels return.
#include <algorithm>
#include <cstring>

#include "autograd/inplace.h"
#include "ops/external_context.h"
#include "ops/ops.h"

namespace pyforge {
namespace external {
namespace {

// Followed by the arguments (pf_value), the first edge of each parameter, and the bytes of lists
// and strings.
struct ExternalNode {
  Ref<ExternalOp> op;
  int32_t n_values;

  pf_value* values() { return reinterpret_cast<pf_value*>(this + 1); }
  int32_t* first_edge() { return reinterpret_cast<int32_t*>(values() + n_values); }
  char* bytes() { return reinterpret_cast<char*>(first_edge() + (n_values + 1) / 2 * 2); }
  static uint32_t size(int32_t n_values, size_t bytes) {
    return static_cast<uint32_t>(sizeof(ExternalNode) + sizeof(pf_value) * n_values +
                                 sizeof(int32_t) * ((n_values + 1) / 2 * 2) + (bytes + 7) / 8 * 8);
  }
};
static_assert(sizeof(ExternalNode) % 8 == 0);

void destroy_payload(Node& n) { n.as<ExternalNode>().~ExternalNode(); }

struct Blob {
  const void* data;
  size_t bytes;
};
Blob blob_of(const pf_value& v) {
  switch (v.kind) {
    case PF_INTS:
      return {v.as.ints, static_cast<size_t>(v.count) * 8};
    case PF_FLOATS:
      return {v.as.floats, static_cast<size_t>(v.count) * 8};
    case PF_STRING:
      return {v.as.string, static_cast<size_t>(v.count)};
    default:
      return {nullptr, 0};
  }
}

Node* make_external_node(const ExternalOp& op, const pf_value* values, int32_t n_values,
                         uint32_t n_edges, uint32_t n_saved, const int32_t* first_edge) {
  size_t bytes = 0;
  for (int32_t i = 0; i < n_values; ++i) bytes += (blob_of(values[i]).bytes + 7) / 8 * 8;
  const NodeType& type = op.op.backward ? op.node_type : op.missing_type;
  Node* n = Node::allocate_raw(&type, ExternalNode::size(n_values, bytes), n_edges,
                               static_cast<uint32_t>(op.n_outputs), n_saved);
  auto* p = new (n->payload())
      ExternalNode{Ref<ExternalOp>::borrow(const_cast<ExternalOp*>(&op)), n_values};
  char* at = p->bytes();
  for (int32_t i = 0; i < n_values; ++i) {
    pf_value& v = p->values()[i];
    v = values[i];
    p->first_edge()[i] = first_edge[i];
    if (v.kind == PF_TENSOR) v.as.tensor = nullptr;
    if (v.kind == PF_TENSORS) v.as.tensors = nullptr;
    Blob blob = blob_of(v);
    if (!blob.bytes) continue;
    std::memcpy(at, blob.data, blob.bytes);
    v.as.ints = reinterpret_cast<const int64_t*>(at);
    at += (blob.bytes + 7) / 8 * 8;
  }
  if (op.n_outputs > 1) n->flags |= kMaterialize;
  return n;
}

[[noreturn]] void missing_derivative(Node& n, Tensor*, Tensor*) {
  const std::string& name = n.as<ExternalNode>().op->def.name;
  raise(ErrorKind::Runtime, "derivative for ", name,
        " is not implemented: the custom op was registered without a backward function. Give it "
        "one, or detach() its inputs if no gradient is wanted");
}

struct UnrecordedBackward {
  static constexpr const char* kName = "NotTwiceDifferentiable";
  std::string* op;  // owned
  UnrecordedBackward(const std::string& name) : op(new std::string(name)) {}
  UnrecordedBackward(UnrecordedBackward&& o) noexcept : op(std::exchange(o.op, nullptr)) {}
  ~UnrecordedBackward() { delete op; }
  static void backward(Node&, UnrecordedBackward& p, Tensor*, Tensor*) {
    raise(ErrorKind::Runtime, "trying to differentiate twice through ", *p.op,
          ": the backward function of this custom op fills its gradient with a kernel, which is "
          "not recorded. Compute it with public ops where create_graph() is true");
  }
};

void check_gradient(const ExternalOp& op, Node& n, uint32_t edge, const Tensor& g) {
  Output& input = n.input(edge);
  IntSpan want = input.shape;
  int64_t shift = g.dim() - want.size();
  bool fits = shift >= 0;
  for (int64_t d = 0; fits && d < want.size(); ++d)
    fits = want[d] == g.size(d + shift) || want[d] == 1;
  PF_CHECK(fits, Runtime, "Function ", op.node_name, " returned an invalid gradient at index ",
           edge, " - got ", to_string(g.sizes()), " but expected shape compatible with ",
           to_string(want));
  PF_CHECK(is_floating(g.dtype()), Runtime, "Function ", op.node_name,
           " returned an invalid gradient at index ", edge, " - expected type ",
           dtype_name(input.dtype), " but got ", dtype_name(g.dtype()));
}

void run_backward(Node& n, Tensor* in, Tensor* out) {
  auto& p = n.as<ExternalNode>();
  Ref<ExternalOp> op = p.op;  // the library stays mapped while its code runs
  bool any = false;
  for (uint32_t i = 0; i < n.n_outputs; ++i) any = any || in[i].defined();
  if (!any) return;
  PF_CHECK(!(op->op.flags & PF_ONCE_DIFFERENTIABLE) || !grad_enabled(), Runtime,
           "trying to differentiate twice through ", op->def.name,
           ": the custom op is marked once differentiable, so a backward pass with "
           "create_graph=True cannot go through it");
  pf_context_s c;
  c.op = op.get();
  c.values = p.values();
  c.n_values = p.n_values;
  c.node = &n;
  c.first_edge = p.first_edge();
  c.grads_in = in;
  c.grads_out = out;
  if (op->op.backward(op->op.user, &c) != PF_OK) rethrow(*op);
  if (__builtin_expect(!c.guarded.empty(), 0)) check_guards(c);
  for (uint32_t e = 0; e < n.n_edges; ++e)
    if (out[e].defined()) check_gradient(*op, n, e, out[e]);
}

int count_outputs(const OpDef& def) {
  const std::string& text = def.result_text;
  if (text.rfind("Tensor", 0) == 0) {
    PF_CHECK(text == "Tensor" || text.ends_with("!)"), Runtime, "op row '", def.schema,
             "': a custom op returns Tensor or (Tensor name, ...)");
    return 1;
  }
  PF_CHECK(text.size() >= 2 && text.front() == '(' && text.back() == ')', Runtime, "op row '",
           def.schema, "': a custom op returns Tensor or (Tensor name, ...)");
  if (text == "()") return 0;
  int n = 1;
  for (char c : text) n += c == ',';
  PF_CHECK(n <= kMaxOutputs, Runtime, "op row '", def.schema, "': more than ", kMaxOutputs,
           " results");
  return n;
}

const char* type_text(ArgType type) {
  switch (type) {
    case ArgType::Tensor:
      return "Tensor";
    case ArgType::Int:
      return "int";
    case ArgType::Float:
      return "float";
    case ArgType::Bool:
      return "bool";
    case ArgType::IntList:
      return "int[]";
    case ArgType::FloatList:
      return "float[]";
    case ArgType::BoolList:
      return "bool[]";
    case ArgType::TensorList:
      return "Tensor[]";
    case ArgType::String:
      return "str";
    case ArgType::DType:
      return "dtype";
    case ArgType::Operand:
      return "Tensor|Number";
    case ArgType::Number:
      return "Number";
    default:
      return "Generator";
  }
}

// "Tensor;float;int[]?" against the schema.
void check_types(const OpDef& def, std::string_view types) {
  size_t i = 0;
  while (true) {
    size_t end = types.find(';');
    std::string_view type = types.substr(0, end);
    if (!type.empty()) {
      PF_CHECK(i < def.params.size(), Runtime, "op row '", def.schema,
               "': the function takes more parameters than the schema has");
      const Param& p = def.params[i];
      std::string want = type_text(p.type);
      bool optional = type.back() == '?';
      if (optional) type.remove_suffix(1);
      // A Tensor may be empty by itself, so it serves for Tensor? as well.
      PF_CHECK(type == want && (p.type == ArgType::Tensor || optional == p.nullable), Runtime,
               "op row '", def.schema, "': parameter ", p.name, " is ", want, p.nullable ? "?" : "",
               " in the schema and ", type, optional ? "?" : "", " in the function");
      ++i;
    }
    if (end == std::string_view::npos) break;
    types.remove_prefix(end + 1);
  }
  PF_CHECK(i == def.params.size(), Runtime, "op row '", def.schema, "': the schema has ",
           def.params.size(), " parameters and the function takes ", i);
}

}  // namespace

Tensor mark_unrecorded(pf_context_s& c, Tensor t) {
  if (!is_floating(t.dtype())) return t;
  std::vector<Tensor> sources;
  for (uint32_t i = 0; i < c.node->n_outputs; ++i)
    if (c.grads_in[i].defined()) sources.push_back(c.grads_in[i]);
  for (uint32_t i = 0; i < c.node->n_saved; ++i) {
    Tensor s = c.node->saved(i);
    if (s.defined()) sources.push_back(std::move(s));
  }
  record_many<UnrecordedBackward>({t}, sources, {}, UnrecordedBackward(c.op->def.name));
  return t;
}

void register_op(Library& lib, const pf_op_def& given) {
  auto op = Ref<ExternalOp>::steal(new ExternalOp);
  std::memcpy(&op->op, &given, std::min<size_t>(given.size, sizeof(pf_op_def)));
  parse_schema(op->def, op->op.schema);
  OpDef& def = op->def;
  def.doc = op->op.doc ? op->op.doc : "";
  def.flags = kFunction;
  def.external = op.get();
  PF_CHECK(op->op.forward, Runtime, "op row '", def.schema, "': there is no forward function");
  PF_CHECK(def.params.size() <= 16, Runtime, "op row '", def.schema, "': more than 16 parameters");
  PF_CHECK(!def.name.empty(), Runtime, "op row '", def.schema, "': there is no name");
  for (const Ref<ExternalOp>& other : lib.ops)
    PF_CHECK(other->def.name != def.name, Runtime, "op row '", def.schema, "': '", def.name,
             "' is defined twice in this library");
  for (const Param& p : def.params) {
    op->mutates.push_back(p.mutated);
    op->any_mutates = op->any_mutates || p.mutated;
    PF_CHECK(!p.mutated || p.type == ArgType::Tensor, Runtime, "op row '", def.schema,
             "': only a Tensor can be changed in place, not ", p.name);
  }
  op->n_outputs = count_outputs(def);
  if (op->op.types) check_types(def, op->op.types);
  op->group.name = def.name;
  op->group.overloads = {&def};
  op->library = Ref<Library>::borrow(&lib);
  op->node_name = title_of(def.name) + "Backward0";
  op->node_type = {op->node_name.c_str(), run_backward, destroy_payload};
  op->missing_type = {op->node_name.c_str(), missing_derivative, destroy_payload};
  lib.ops.push_back(std::move(op));
}

}  // namespace external

namespace {

using external::borrow;

[[noreturn, gnu::cold]] void wrong_output(const ExternalOp& op, int i, const std::string& what) {
  std::string which = op.n_outputs > 1 ? "output " + std::to_string(i) : "the output";
  raise(ErrorKind::Runtime, op.def.name, ": ", which, " of the custom op ", what);
}

// The tensors among the arguments, one per edge; borrowed from the caller.
struct Inputs {
  static constexpr int32_t kFew = 16;
  const Tensor* few[kFew];
  std::vector<const Tensor*> many;
  int32_t n = 0;

  void push(const Tensor& t) {
    if (n < kFew) {
      few[n] = &t;
    } else {
      if (n == kFew) many.assign(few, few + kFew);
      many.push_back(&t);
    }
    ++n;
  }
  const Tensor* const* begin() const { return n <= kFew ? few : many.data(); }
  const Tensor* const* end() const { return begin() + n; }
};

bool is_one_of(const std::vector<Tensor>& list, const Tensor& t) {
  for (const Tensor& other : list)
    if (other.is(t)) return true;
  return false;
}

void check_outputs(const ExternalOp& op, pf_context_s& c, const Inputs& inputs,
                   const std::vector<Tensor>& mutated, bool flows) {
  PF_CHECK(c.n_given <= op.n_outputs, Runtime, op.def.name, ": the custom op returned ", c.n_given,
           " tensors, but its schema says ", op.n_outputs);
  for (int i = 0; i < op.n_outputs; ++i) {
    const Tensor& y = c.outputs[i];
    if (__builtin_expect(!y.defined(), 0))
      wrong_output(op, i, "is missing: forward returned fewer tensors than the schema says");
    if (is_one_of(mutated, y)) continue;
    for (const Tensor* t : inputs)
      if (__builtin_expect(t->defined() && (*t)->storage.get() == y->storage.get(), 0))
        wrong_output(op, i,
                     "shares memory with an argument. Return a new tensor, or declare the argument "
                     "as changed in place, Tensor(a!), and return it as it is");
    for (int k = 0; k < i; ++k)
      if (__builtin_expect(c.outputs[k]->storage.get() == y->storage.get(), 0))
        wrong_output(op, i, "shares memory with output " + std::to_string(k));
    if (__builtin_expect(y->grad_fn != nullptr, 0)) c.outputs[i] = alias(y);
  }
  if (!flows) return;
  for (const Tensor& t : mutated) {
    bool returned = false;
    for (int i = 0; i < op.n_outputs; ++i) returned = returned || c.outputs[i].is(t);
    PF_CHECK(
        returned, Runtime, op.def.name,
        ": an argument that is changed in place must be returned as well where gradients flow");
  }
}

void check_shapes(const ExternalOp& op, const pf_context_s& c) {
  pf_shape expected[kMaxOutputs];
  for (int i = 0; i < op.n_outputs; ++i) expected[i].dtype = -1;
  if (op.op.shape(op.op.user, c.values, c.n_values, expected, op.n_outputs) != PF_OK)
    external::rethrow(op);
  for (int i = 0; i < op.n_outputs; ++i) {
    const Tensor& y = c.outputs[i];
    IntSpan want(expected[i].sizes, expected[i].ndim);
    if (!(y.sizes() == want))
      wrong_output(
          op, i,
          "has shape " + to_string(y.sizes()) + ", but its shape rule says " + to_string(want));
    DType dtype = external::dtype_from(expected[i].dtype);
    if (y.dtype() != dtype)
      wrong_output(op, i,
                   std::string("has dtype ") + dtype_name(y.dtype()) +
                       ", but its shape rule says " + dtype_name(dtype));
  }
}

Result results_of(const ExternalOp& op, pf_context_s& c) {
  if (op.n_outputs == 1) return std::move(c.outputs[0]);
  if (op.n_outputs == 0) return std::monostate();
  std::vector<Tensor> list;
  for (int i = 0; i < op.n_outputs; ++i) list.push_back(std::move(c.outputs[i]));
  return list;
}

}  // namespace

Result call_external(const ExternalOp& op, const Value* args) {
  if (op.elementwise) return external::call_elementwise(op, args);
  constexpr int kMaxValues = 16;
  auto n = static_cast<int32_t>(op.def.params.size());
  pf_value values[kMaxValues];
  int32_t first_edge[kMaxValues];
  Inputs inputs;
  std::vector<Tensor> mutated;
  bool flows = false;
  for (int32_t i = 0; i < n; ++i) {
    values[i] = external::to_c(args[i]);
    first_edge[i] = -1;
    if (op.def.params[i].type == ArgType::Tensor) {
      first_edge[i] = inputs.n;
      inputs.push(args[i].tensor());  // undefined for None
      if (op.any_mutates && op.mutates[i] && args[i].tensor().defined())
        mutated.push_back(args[i].tensor());
    } else if (args[i].kind == Value::IsTensors) {
      first_edge[i] = inputs.n;
      for (const Tensor& t : *args[i].tensors) inputs.push(t);
    } else if (args[i].kind == Value::IsNumber && op.def.params[i].type == ArgType::Float) {
      values[i].kind = PF_NUMBER_FLOAT;
      values[i].as.f = args[i].number.to_double();
    }
  }
  if (grad_enabled())
    for (const Tensor* t : inputs) flows = flows || (t->defined() && t->requires_grad());
  for (const Tensor& t : mutated) check_inplace(op.def.name.c_str(), t, flows);
  Ref<ExternalOp> running = Ref<ExternalOp>::borrow(const_cast<ExternalOp*>(&op));
  pf_context_s c;
  c.op = &op;
  c.values = values;
  c.n_values = n;
  c.records = flows;
  {
    GradModeGuard off(false);
    if (op.op.forward(op.op.user, &c, values, n) != PF_OK) external::rethrow(op);
  }
  if (__builtin_expect(!c.guarded.empty(), 0)) external::check_guards(c);
  check_outputs(op, c, inputs, mutated, flows);
  if (op.op.shape) check_shapes(op, c);
  for (const Tensor& t : mutated) t->storage->bump();
  if (flows) {
    auto node = Ref<Node>::steal(
        external::make_external_node(op, values, n, static_cast<uint32_t>(inputs.n),
                                     static_cast<uint32_t>(c.n_saved), first_edge));
    uint32_t edge = 0;
    for (const Tensor* t : inputs) {
      if (t->defined()) node->edges()[edge] = gradient_edge(*t);
      ++edge;
    }
    for (int i = 0; i < op.n_outputs; ++i) {
      Tensor& y = c.outputs[i];
      Output& o = node->outputs()[i];
      o.dtype = y.dtype();
      o.shape.assign(y.sizes());
      if (!is_floating(y.dtype()) || (c.non_differentiable >> i & 1)) continue;
      if (is_one_of(mutated, y)) {
        rebase_history(y, node.get(), static_cast<uint32_t>(i));
      } else {
        set_history(y, node.get(), static_cast<uint32_t>(i));
      }
    }
    for (int32_t i = 0; i < c.n_saved; ++i)
      save(node.get(), static_cast<uint32_t>(i), c.saved_at(i));
  }
  return results_of(op, c);
}

void call_external_inplace(const ExternalOp& op, const Value* args) {
  external::call_elementwise_inplace(op, args);
}

}  // namespace pyforge
