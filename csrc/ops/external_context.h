// One call of a library's forward or backward, behind the opaque pf_context.
#pragma once
#include "ops/external.h"

inline constexpr int kMaxOutputs = 16;

struct pf_context_s {
  const pyforge::ExternalOp* op = nullptr;
  const pf_value* values = nullptr;  // the arguments; tensors are null in a backward pass
  int n_values = 0;

  // forward
  bool records = false;
  pyforge::Tensor outputs[kMaxOutputs];
  int32_t n_given = 0;  // how many of them forward set, by the last one
  uint32_t non_differentiable = 0;
  static constexpr int kFewSaved = 8;
  pyforge::Tensor few_saved[kFewSaved];
  std::vector<pyforge::Tensor> more_saved;
  int32_t n_saved = 0;
  std::vector<pyforge::Tensor> guarded;  // while output_fill() is on

  // backward
  pyforge::Node* node = nullptr;
  const int32_t* first_edge = nullptr;  // by parameter; -1: not a tensor
  pyforge::Tensor* grads_in = nullptr;
  pyforge::Tensor* grads_out = nullptr;

  void save(pyforge::Tensor t) {
    if (n_saved < kFewSaved) {
      few_saved[n_saved] = std::move(t);
    } else {
      more_saved.push_back(std::move(t));
    }
    ++n_saved;
  }
  const pyforge::Tensor& saved_at(int32_t i) const {
    return i < kFewSaved ? few_saved[i] : more_saved[static_cast<size_t>(i - kFewSaved)];
  }
  int32_t edge_of(int32_t parameter, int32_t element) const {
    if (!node || parameter < 0 || parameter >= n_values || element < 0) return -1;
    int32_t first = first_edge[parameter];
    if (first < 0) return -1;
    bool list = values[parameter].kind == PF_TENSORS;
    if (element >= (list ? values[parameter].count : 1)) return -1;
    return first + element;
  }
};

namespace pyforge::external {

pf_value to_c(const Value& v);
inline pf_tensor to_c(const Tensor& t) { return reinterpret_cast<pf_tensor>(t.get()); }
inline Tensor borrow(pf_tensor t) { return Tensor::borrow(reinterpret_cast<TensorImpl*>(t)); }
inline pf_tensor release(Tensor t) { return reinterpret_cast<pf_tensor>(t.release()); }

// Keeps the exception in flight for rethrow(), and its text for the library.
void catch_error() noexcept;
// A tensor that a kernel fills in a recorded backward pass: differentiating it again is an error.
Tensor mark_unrecorded(pf_context_s& c, Tensor t);
// Whether the bytes behind guarded outputs are intact.
void check_guards(const pf_context_s& c);
Tensor guarded_empty(pf_context_s& c, IntSpan sizes, DType dtype);

}  // namespace pyforge::external
