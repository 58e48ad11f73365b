#include "ops/elementwise_node.h"

#include <string>

#include "ops/loop.h"
#include "ops/ops.h"
#include "ops/recorded.h"

namespace pyforge::ops {
namespace {

using kernels::Attr;
using kernels::ElementwiseFn;

// Followed by the row's attributes. Saved are those of a, b, y that a needed derivative reads, in
// this order; `saved_mask` tells which (Uses bits).
struct ElementwiseNode {
  Elementwise op;
  DType dtype;  // in which the op computed
  uint8_t n_operands;
  uint8_t saved_mask;
  int8_t number_operand;  // 0 or 1: that operand is `number`; -1: all are tensors
  Scalar number;

  Attr* attrs() { return reinterpret_cast<Attr*>(this + 1); }
  // PyTorch's order: the tensor's edge comes first but in a quotient.
  uint32_t edge(int operand) const {
    return number_operand == 0 && op != Elementwise::div ? 0 : operand;
  }
  // As in PyTorch a number has an edge, to nowhere, in sums, products and quotients alone.
  static uint32_t edges(Elementwise op, int n_operands, int number_operand) {
    bool counted = number_operand < 0 || op == Elementwise::add || op == Elementwise::mul ||
                   op == Elementwise::div || (op == Elementwise::sub && number_operand == 1);
    return n_operands - !counted;
  }
  static void backward(Node& n, Tensor* in, Tensor* out);
};

struct NodeTypes {
  NodeType types[kernels::kElementwise];
  std::string names[kernels::kElementwise];

  NodeTypes() {
    for (int i = 0; i < kernels::kElementwise; ++i) {
      names[i] = title_of(rows[i].name) + "Backward0";
      types[i] = {names[i].c_str(), ElementwiseNode::backward, [](Node&) {}, nullptr};
    }
  }
};

// Floating results of rows without a derivative: the first backward says so.
struct NotImplemented {
  static constexpr const char* kName = "NotImplemented";
  Elementwise op;
  static void backward(Node&, NotImplemented& p, Tensor*, Tensor*) {
    raise(ErrorKind::Runtime, "derivative for ", row_of(p.op).name,
          " is not implemented; detach() its inputs if no gradient is wanted");
  }
};

// PyTorch's names where they depend on which operand is a number.
struct NumberedName {
  Elementwise op;
  int number_operand;
  NodeType type;
};

const NodeType* type_of(Elementwise op, int number_operand) {
  static const NodeTypes table;
  constexpr auto backward = ElementwiseNode::backward;
  constexpr auto destroy = [](Node&) {};
  static const NumberedName numbered[] = {
      {Elementwise::pow, -1, {"PowBackward1", backward, destroy}},
      {Elementwise::pow, 0, {"PowBackward2", backward, destroy}},
      {Elementwise::sub, 0, {"RsubBackward1", backward, destroy}},
      {Elementwise::fmod, -1, {"FmodBackward1", backward, destroy}},
      {Elementwise::remainder, -1, {"RemainderBackward1", backward, destroy}},
      {Elementwise::remainder, 0, {"RemainderBackward1", backward, destroy}},
      {Elementwise::xlogy, 0, {"XlogyBackward1", backward, destroy}},
      {Elementwise::xlogy, 1, {"XlogyBackward2", backward, destroy}},
      {Elementwise::clamp, -1, {"ClampBackward1", backward, destroy}},
      {Elementwise::copysign, 1, {"CopysignBackward1", backward, destroy}},
  };
  for (const NumberedName& row : numbered)
    if (row.op == op && row.number_operand == number_operand) return &row.type;
  return &table.types[static_cast<int>(op)];
}

void ElementwiseNode::backward(Node& n, Tensor* in, Tensor* out) {
  auto& p = n.as<ElementwiseNode>();
  Tensor& g = in[0];
  if (!g.defined()) return;
  const auto& table = kernels::active().elementwise;
  int op = static_cast<int>(p.op);
  Tensor values[3];  // a, b, y
  bool unpacked = false, recorded = grad_enabled() || masked_gradients_propagate;
  for (int k = 0; k < p.n_operands; ++k) {
    uint32_t edge = p.edge(k);
    if (k == p.number_operand || !n.needs(edge)) continue;
    if (derivative_is_identity(p.op, k)) {
      out[edge] = g;
      continue;
    }
    if (!unpacked) {
      unpacked = true;
      uint32_t slot = 0;
      for (int v = 0; v < 3; ++v) {
        if (!(p.saved_mask & (kernels::kUsesA << v))) continue;
        values[v] = n.saved(slot++);
        if (__builtin_expect(values[v].dtype() != p.dtype, 0)) values[v] = to(values[v], p.dtype);
      }
    }
    if (recorded) {
      DerivativeArgs args{g, values[0], values[1], values[2], p.number, p.number, {}, p.dtype};
      for (int i = 0; i < row_of(p.op).n_attrs; ++i) args.attrs[i] = Scalar(p.attrs()[i].f);
      out[edge] = recorded_derivative(p.op, k)(args);
      continue;
    }
    bool squares = p.op == Elementwise::pow && p.number_operand == 1 && p.number.to_double() == 2;
    int row = squares ? static_cast<int>(Elementwise::square) : op;
    ElementwiseFn fn = table.backward[row][k][floating_index(p.dtype)];
    LoopInput inputs[4] = {g};
    Attr number;
    const Attr* attrs = p.attrs();
    for (int v = 0; v < 3; ++v) {
      if (p.number_operand == v) {
        if (is_half(p.dtype)) {
          attrs = &(number = kernels::attr(p.number.to_double()));
        } else {
          inputs[v + 1] = LoopInput(p.number, p.dtype);
        }
      } else if (values[v].defined()) {
        inputs[v + 1] = LoopInput(values[v]);
      }
    }
    Tensor result = empty_like(g);
    run_loop(fn, result, inputs, 4, attrs);
    out[edge] = std::move(result);
  }
}

}  // namespace

void record_elementwise(Elementwise op, const Tensor& y, const Operand* operands, int n_operands,
                        DType dtype, const Attr* attrs) {
  const auto& table = kernels::active().elementwise;
  int n_attrs = row_of(op).n_attrs;
  uint8_t uses = 0;
  int8_t number_operand = -1;
  for (int k = 0; k < n_operands; ++k) {
    if (!operands[k].is_tensor()) {
      number_operand = static_cast<int8_t>(k);
    } else if (operands[k].tensor().requires_grad()) {
      uses |= table.uses[static_cast<int>(op)][k];
    }
  }
  if (number_operand >= 0) uses &= static_cast<uint8_t>(~(kernels::kUsesA << number_operand));
  uses &= kernels::kUsesA | kernels::kUsesB | kernels::kUsesY;
  Node* n = Node::allocate_raw(
      type_of(op, number_operand),
      static_cast<uint32_t>(sizeof(ElementwiseNode) + sizeof(Attr) * n_attrs),
      ElementwiseNode::edges(op, n_operands, number_operand), 1, __builtin_popcount(uses));
  auto* p = new (n->payload())
      ElementwiseNode{op, dtype, static_cast<uint8_t>(n_operands), uses, number_operand, {}};
  for (int i = 0; i < n_attrs; ++i) p->attrs()[i] = attrs[i];
  if (number_operand >= 0) p->number = operands[number_operand].number();
  for (int k = 0; k < n_operands; ++k)
    if (k != number_operand) n->edges()[p->edge(k)] = gradient_edge(operands[k].tensor());
  set_history(y, n, 0);
  uint32_t slot = 0;
  for (int k = 0; k < n_operands; ++k)
    if (uses & (kernels::kUsesA << k)) save(n, slot++, operands[k].tensor());
  if (uses & kernels::kUsesY) save(n, slot, y);
  Ref<Node>::steal(n);
}

void record_missing(Elementwise op, const Tensor& y, const Operand& a, const Operand& b) {
  if (a.is_tensor() && b.is_tensor())
    record<NotImplemented>(y, {&a.tensor(), &b.tensor()}, {}, {op});
  else
    record<NotImplemented>(y, {&(a.is_tensor() ? a : b).tensor()}, {}, {op});
}

int saved_operand(Node& n, uint32_t slot) {
  if (n.type->backward != ElementwiseNode::backward) return -1;
  const uint8_t mask = n.as<ElementwiseNode>().saved_mask;
  for (int v = 0; v < 3; ++v)
    if ((mask & (kernels::kUsesA << v)) && slot-- == 0) return v;
  return -1;
}

}  // namespace pyforge::ops
