#include "ops/promote.h"

namespace pyforge {
namespace {

struct Categories {
  bool has[3] = {false, false, false};  // dimensioned, 0-d, number
  DType dtype[3];

  void add(const Operand& o) {
    int c = 2;
    DType t;
    if (o.is_tensor()) {
      c = o.tensor().dim() == 0 ? 1 : 0;
      t = o.tensor().dtype();
    } else {
      t = o.number().kind == Scalar::Float ? default_dtype() : o.number().dtype_class();
    }
    dtype[c] = has[c] ? promote(dtype[c], t) : t;
    has[c] = true;
  }

  // The lower category counts only if it is of a higher kind (bool < integer < float).
  void combine(int higher, int lower) {
    if (!has[lower]) return;
    if (!has[higher]) {
      dtype[higher] = dtype[lower];
    } else if (!is_floating(dtype[higher]) &&
               (dtype[higher] == DType::Bool || is_floating(dtype[lower]))) {
      dtype[higher] = promote(dtype[higher], dtype[lower]);
    }
    has[higher] = true;
  }

  DType result() {
    combine(1, 2);
    combine(0, 1);
    return dtype[0];
  }
};

}  // namespace

DType result_type(const Operand& a, const Operand& b) {
  if (a.is_tensor() && b.is_tensor()) {
    if (a.tensor().dtype() == b.tensor().dtype()) return a.tensor().dtype();
  } else if (a.is_tensor() || b.is_tensor()) {
    DType t = a.is_tensor() ? a.tensor().dtype() : b.tensor().dtype();
    if (is_floating(t)) return t;
  }
  return result_type({a, b});
}

DType common_dtype(const std::vector<Tensor>& tensors) {
  Categories c;
  bool same = true;
  for (const Tensor& t : tensors) same = same && t.dtype() == tensors[0].dtype();
  if (same) return tensors[0].dtype();
  for (const Tensor& t : tensors) c.add(t);
  return c.result();
}

DType result_type(std::initializer_list<Operand> operands) {
  Categories c;
  for (const Operand& o : operands) c.add(o);
  return c.result();
}

}  // namespace pyforge
