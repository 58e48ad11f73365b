// Elementwise ops of libraries: their kernels under the core's rules of promotion, broadcasting,
// strides, in-place and derivatives (see ops/elementwise.cpp).
#include <algorithm>
#include <cstring>

#include "autograd/inplace.h"
#include "ops/external_context.h"
#include "ops/loop.h"
#include "ops/ops.h"
#include "ops/promote.h"
#include "ops/recorded.h"

namespace pyforge::external {
namespace {

constexpr int kMax = PF_MAX_OPERANDS;
static_assert(sizeof(pf_attr) == sizeof(kernels::Attr));

// Followed by the attributes. Saved are the operands and the result that a needed derivative reads.
struct RowNode {
  Ref<ExternalOp> op;
  DType dtype;
  uint8_t saved_mask;    // Uses bits
  uint8_t numbers_mask;  // bit k: operand k is numbers[k]
  Scalar numbers[kMax];
  pf_attr attrs[2];
};
static_assert(sizeof(RowNode) % 8 == 0);

constexpr uint8_t uses_operand(int k) { return static_cast<uint8_t>(PF_USES_OPERAND << k); }

kernels::ElementwiseFn kernel(pf_loop_fn fn) {
  return reinterpret_cast<kernels::ElementwiseFn>(fn);
}
const kernels::Attr* attributes(const pf_attr* attrs) {
  return reinterpret_cast<const kernels::Attr*>(attrs);
}

void destroy_payload(Node& n) { n.as<RowNode>().~RowNode(); }

void run_backward(Node& n, Tensor* in, Tensor* out) {
  auto& p = n.as<RowNode>();
  Ref<ExternalOp> op = p.op;
  const pf_elementwise_def& row = op->rows;
  const Tensor& g = in[0];
  if (!g.defined()) return;
  Tensor values[kMax + 1];
  const bool recorded = grad_enabled() || masked_gradients_propagate;
  uint32_t slot = 0;
  for (int v = 0; v <= kMax; ++v) {
    uint8_t bit = v == kMax ? uint8_t{PF_USES_RESULT} : uses_operand(v);
    if (!(p.saved_mask & bit)) continue;
    values[v] = n.saved(slot++);
    if (values[v].dtype() != p.dtype) values[v] = ops::to(values[v], p.dtype);
  }
  for (int k = 0; k < row.n_operands; ++k) {
    if (!n.needs(static_cast<uint32_t>(k))) continue;
    PF_CHECK(row.backward[k][0], Runtime, "derivative for ", op->def.name,
             " with respect to operand ", k,
             " is not implemented; detach() it if no gradient is "
             "wanted");
    if (recorded) {
      pf_recorded args{};
      args.size = sizeof(args);
      args.dtype = code_of(p.dtype);
      args.grad = to_c(g);
      args.result = to_c(values[kMax]);
      for (int v = 0; v < row.n_operands; ++v) {
        pf_value& operand = args.operands[v];
        if (p.numbers_mask >> v & 1) {
          operand.kind = PF_NUMBER_FLOAT;
          operand.as.f = p.numbers[v].to_double();
        } else if (values[v].defined()) {
          operand.kind = PF_TENSOR;
          operand.as.tensor = to_c(values[v]);
        }
      }
      for (int i = 0; i < 2; ++i) args.attrs[i] = p.attrs[i].f;
      pf_tensor result = row.recorded(k, &args);
      if (!result) rethrow(*op);
      out[k] = ops::without_masked(
          g, Tensor(Ref<TensorImpl>::steal(reinterpret_cast<TensorImpl*>(result))));
      continue;
    }
    LoopInput inputs[kMax + 2] = {g};
    for (int v = 0; v < row.n_operands; ++v) {
      if (p.numbers_mask >> v & 1) {
        inputs[v + 1] = LoopInput(p.numbers[v], p.dtype);
      } else if (values[v].defined()) {
        inputs[v + 1] = LoopInput(values[v]);
      }
    }
    if (values[kMax].defined()) inputs[row.n_operands + 1] = LoopInput(values[kMax]);
    Tensor result = empty_like(g);
    run_loop(kernel(row.backward[k][p.dtype == DType::Float64]), result, inputs, row.n_operands + 2,
             attributes(p.attrs));
    out[k] = std::move(result);
  }
}

[[noreturn]] void missing_derivative(Node& n, Tensor*, Tensor*) {
  const std::string& name = n.as<RowNode>().op->def.name;
  raise(ErrorKind::Runtime, "derivative for ", name,
        " is not implemented: its formula was given without one. Add the derivative, or detach() "
        "the inputs if no gradient is wanted");
}

struct Call {
  const ExternalOp& op;
  const pf_elementwise_def& row;
  const Value* args;
  pf_attr attrs[2] = {};
  DType dtype{};
  Tensor converted[kMax];
  LoopInput inputs[kMax];

  Call(const ExternalOp& op, const Value* args) : op(op), row(op.rows), args(args) {
    for (int i = 0; i < row.n_attrs; ++i) {
      const Scalar& s = args[row.n_operands + i].number;
      attrs[i] = {s.to_double(), s.to_int()};
    }
    bool same = true;
    for (int k = 0; k < row.n_operands; ++k)
      same = same && args[k].kind == Value::IsTensor &&
             args[k].tensor().dtype() == args[0].tensor().dtype();
    dtype = same ? args[0].tensor().dtype() : promoted();
    if (!is_floating(dtype)) dtype = default_dtype();
    PF_CHECK(dtype == DType::Float32 || dtype == DType::Float64, NotImplemented, op.def.name,
             ": \"", op.def.name, "\" not implemented for '", dtype_name(dtype),
             "'; convert the input with .to(pyforge.float32) first");
  }

  DType promoted() const {
    bool any = false;
    DType found{};
    for (int k = 0; k < row.n_operands; ++k) {
      if (args[k].kind != Value::IsTensor) continue;
      for (int j = 0; j < row.n_operands; ++j) {
        Operand other =
            args[j].kind == Value::IsTensor ? Operand(args[j].tensor()) : Operand(args[j].number);
        DType t = result_type(Operand(args[k].tensor()), other);
        found = any ? promote(found, t) : t;
        any = true;
      }
    }
    PF_CHECK(any, Type, op.def.name, "(): at least one argument must be a Tensor, not a number");
    return found;
  }

  void prepare() {
    for (int k = 0; k < row.n_operands; ++k) {
      if (args[k].kind != Value::IsTensor) {
        inputs[k] = LoopInput(args[k].number, dtype);
      } else if (args[k].tensor().dtype() == dtype) {
        inputs[k] = LoopInput(args[k].tensor());
      } else {
        GradModeGuard off(false);
        converted[k] = ops::to(args[k].tensor(), dtype);
        inputs[k] = LoopInput(converted[k]);
      }
    }
  }

  // The result; `direct`: operands of one shape, contiguous and of the dtype, few elements.
  Tensor make_result(bool& direct) const {
    const Tensor* first = nullptr;
    direct = true;
    bool same = true;
    for (int k = 0; k < row.n_operands; ++k) {
      if (args[k].kind != Value::IsTensor) {
        direct = false;
        continue;
      }
      const Tensor& t = args[k].tensor();
      if (!first) first = &t;
      same = same && t.sizes() == first->sizes();
      direct = direct && t.dtype() == dtype && t.is_contiguous();
    }
    if (same) {
      direct = direct && first->numel() < 4096;
      bool permuted = !first->is_contiguous() && is_dense(*first);
      for (int k = 0; k < row.n_operands && permuted; ++k)
        permuted =
            args[k].kind != Value::IsTensor || args[k].tensor().strides() == first->strides();
      return permuted ? empty_strided(first->sizes(), first->strides(), dtype)
                      : empty(first->sizes(), dtype);
    }
    direct = false;
    Dims shape;
    for (int k = 0; k < row.n_operands; ++k)
      if (args[k].kind == Value::IsTensor)
        shape = broadcast_shapes(op.def.name.c_str(), shape, args[k].tensor().sizes());
    return empty(shape, dtype);
  }

  void run(const Tensor& y) {
    prepare();
    run_loop(kernel(row.forward[dtype == DType::Float64]), y, inputs, row.n_operands,
             attributes(attrs));
  }

  bool flows() const {
    if (!grad_enabled()) return false;
    for (int k = 0; k < row.n_operands; ++k)
      if (args[k].kind == Value::IsTensor && args[k].tensor().requires_grad()) return true;
    return false;
  }

  [[gnu::noinline]] void record(const Tensor& y) const {
    uint8_t uses = 0, numbers = 0;
    bool any_derivative = false;
    for (int k = 0; k < row.n_operands; ++k) {
      any_derivative = any_derivative || row.backward[k][0];
      if (args[k].kind != Value::IsTensor)
        numbers |= static_cast<uint8_t>(1 << k);
      else if (args[k].tensor().requires_grad())
        uses |= row.uses[k];
    }
    for (int k = 0; k < row.n_operands; ++k)
      if (numbers >> k & 1) uses &= static_cast<uint8_t>(~uses_operand(k));
    uses &= static_cast<uint8_t>(~PF_USES_GRAD);
    Node* n = Node::allocate_raw(any_derivative ? &op.node_type : &op.missing_type, sizeof(RowNode),
                                 static_cast<uint32_t>(row.n_operands), 1,
                                 static_cast<uint32_t>(__builtin_popcount(uses)));
    auto* p = new (n->payload()) RowNode{
        Ref<ExternalOp>::borrow(const_cast<ExternalOp*>(&op)), dtype, uses, numbers, {}, {}};
    for (int i = 0; i < 2; ++i) p->attrs[i] = attrs[i];
    uint32_t slot = 0;
    for (int k = 0; k < row.n_operands; ++k) {
      if (numbers >> k & 1) {
        p->numbers[k] = args[k].number;
      } else {
        n->edges()[k] = gradient_edge(args[k].tensor());
      }
    }
    set_history(y, n, 0);
    for (int k = 0; k < row.n_operands; ++k)
      if (uses & uses_operand(k)) save(n, slot++, args[k].tensor());
    if (uses & PF_USES_RESULT) save(n, slot, y);
    Ref<Node>::steal(n);
  }
};

}  // namespace

Result call_elementwise(const ExternalOp& op, const Value* args) {
  Call c(op, args);
  bool direct;
  Tensor y = c.make_result(direct);
  if (direct && y.numel()) {
    const void* in[kMax];
    for (int k = 0; k < c.row.n_operands; ++k) in[k] = args[k].tensor()->data;
    c.row.forward[c.dtype == DType::Float64](y->data, in, y.numel(), c.attrs);
  } else {
    c.run(y);
  }
  if (c.flows()) c.record(y);
  return y;
}

void call_elementwise_inplace(const ExternalOp& op, const Value* args) {
  std::string name = op.def.name + "_";
  PF_CHECK(args[0].kind == Value::IsTensor, Type, name, "(): the first argument must be a Tensor");
  const Tensor& self = args[0].tensor();
  Call c(op, args);
  bool direct = !c.flows() && c.dtype == self.dtype();
  for (int k = 1; k < c.row.n_operands; ++k) {
    if (args[k].kind != Value::IsTensor) continue;
    const Tensor& t = args[k].tensor();
    direct = direct && (t->storage.get() != self->storage.get() || t.is(self)) &&
             IntSpan(broadcast_shapes(name.c_str(), self.sizes(), t.sizes())) == self.sizes();
  }
  if (!direct) {
    assign_inplace(name.c_str(), self, std::get<Tensor>(call_elementwise(op, args)));
    return;
  }
  check_inplace(name.c_str(), self, false);
  c.run(self);
  self->storage->bump();
}

void register_elementwise(Library& lib, const pf_elementwise_def& given) {
  auto op = Ref<ExternalOp>::steal(new ExternalOp);
  std::memcpy(&op->rows, &given, std::min<size_t>(given.size, sizeof(pf_elementwise_def)));
  const pf_elementwise_def& row = op->rows;
  OpDef& def = op->def;
  parse_schema(def, row.schema);
  def.doc = row.doc ? row.doc : "";
  def.flags = kFunction | kInplace;
  def.external = op.get();
  PF_CHECK(row.n_operands >= 1 && row.n_operands <= kMax && row.n_attrs >= 0 && row.n_attrs <= 2 &&
               static_cast<int>(def.params.size()) == row.n_operands + row.n_attrs &&
               row.forward[0] && row.forward[1],
           Runtime, "op row '", def.schema,
           "': an elementwise op has 1 to 3 operands, at most 2 "
           "attributes and kernels for float32 and float64");
  for (const Ref<ExternalOp>& other : lib.ops)
    PF_CHECK(other->def.name != def.name, Runtime, "op row '", def.schema, "': '", def.name,
             "' is defined twice in this library");
  op->elementwise = true;
  op->group.name = def.name;
  op->group.overloads = {&def};
  op->library = Ref<Library>::borrow(&lib);
  op->node_name = title_of(def.name) + "Backward0";
  op->node_type = {op->node_name.c_str(), run_backward, destroy_payload};
  op->missing_type = {op->node_name.c_str(), missing_derivative, destroy_payload};
  lib.ops.push_back(std::move(op));
}

}  // namespace pyforge::external
