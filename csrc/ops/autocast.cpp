#include "ops/autocast.h"

#include <algorithm>
#include <map>
#include <utility>

#include "autograd/node.h"
#include "ops/ops.h"

namespace pyforge {

thread_local AutocastState autocast_state __attribute__((tls_model("initial-exec")));

namespace {

constexpr std::string_view kLower[] = {"addbmm",
                                       "addmm",
                                       "baddbmm",
                                       "bmm",
                                       "chain_matmul",
                                       "conv1d",
                                       "conv2d",
                                       "conv3d",
                                       "conv_tbc",
                                       "conv_transpose1d",
                                       "conv_transpose2d",
                                       "conv_transpose3d",
                                       "linear",
                                       "linalg_multi_dot",
                                       "linalg_vecdot",
                                       "matmul",
                                       "mm",
                                       "prelu",
                                       "scaled_dot_product_attention"};
constexpr std::string_view kSingle[] = {"adaptive_avg_pool3d",
                                        "avg_pool3d",
                                        "binary_cross_entropy",
                                        "binary_cross_entropy_with_logits",
                                        "cdist",
                                        "cholesky",
                                        "cholesky_inverse",
                                        "cholesky_solve",
                                        "cosine_embedding_loss",
                                        "cross_entropy",
                                        "ctc_loss",
                                        "grid_sample",
                                        "hinge_embedding_loss",
                                        "huber_loss",
                                        "inverse",
                                        "kl_div",
                                        "l1_loss",
                                        "margin_ranking_loss",
                                        "max_pool3d",
                                        "mse_loss",
                                        "multi_margin_loss",
                                        "multilabel_margin_loss",
                                        "nanquantile",
                                        "nll_loss",
                                        "pinverse",
                                        "poisson_nll_loss",
                                        "prod",
                                        "quantile",
                                        "smooth_l1_loss",
                                        "soft_margin_loss",
                                        "trace",
                                        "triplet_margin_loss"};
constexpr std::string_view kWidest[] = {"cat", "concat", "concatenate", "index_copy", "stack"};

template <size_t n>
bool contains(const std::string_view (&names)[n], std::string_view op) {
  return std::find(names, names + n, op) != names + n;
}

struct Cast {
  Tensor source, result;
  uint32_t version;
};
using Cache = std::map<std::pair<const TensorImpl*, DType>, Cast>;
Cache& cache() {
  static auto* casts = new Cache;  // tensors in it must not outlive the interpreter's bookkeeping
  return *casts;
}

bool eligible(const Tensor& t) {
  return t.defined() && is_floating(t.dtype()) && t.dtype() != DType::Float64;
}

}  // namespace

AutocastRule autocast_rule(std::string_view op) {
  if (contains(kLower, op)) return AutocastRule::Lower;
  if (contains(kSingle, op)) return AutocastRule::Single;
  if (contains(kWidest, op)) return AutocastRule::Widest;
  return AutocastRule::None;
}

Tensor autocast_to(const Tensor& t, DType dtype) {
  if (!eligible(t) || t.dtype() == dtype) return t;
  bool kept = autocast_state.cache && dtype == autocast_state.dtype && t.requires_grad() &&
              t.dtype() == DType::Float32 && !grad_fn_of(t) && !t->base;
  if (!kept) return ops::to(t, dtype);
  Cast& cast = cache()[{t.get(), dtype}];
  bool stale = !cast.result.defined() || cast.version != t->storage->version ||
               (grad_enabled() && !cast.result.requires_grad());
  if (stale) cast = {t, ops::to(t, dtype), static_cast<uint32_t>(t->storage->version)};
  return cast.result;
}

void clear_autocast_cache() {
  Cache old;
  old.swap(cache());
}

AutocastArgs::AutocastArgs(AutocastRule rule, Value* values, size_t count) {
  DType dtype = rule == AutocastRule::Lower ? autocast_state.dtype : DType::Float32;
  if (rule == AutocastRule::Widest) {
    dtype = autocast_state.dtype;
    auto consider = [&](const Tensor& t) {
      if (t.defined() && is_floating(t.dtype())) dtype = promote(dtype, t.dtype());
    };
    for (size_t i = 0; i < count; ++i) {
      if (values[i].kind == Value::IsTensor) consider(values[i].tensor());
      if (values[i].kind == Value::IsTensors)
        for (const Tensor& t : *values[i].tensors) consider(t);
    }
  }
  kept_.reserve(count);  // the values point into these
  lists_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    Value& v = values[i];
    if (v.kind == Value::IsTensor) {
      kept_.push_back(autocast_to(v.tensor(), dtype));
      v.tensor_impl = kept_.back().get();
    } else if (v.kind == Value::IsTensors) {
      lists_.emplace_back();
      for (const Tensor& t : *v.tensors) lists_.back().push_back(autocast_to(t, dtype));
      v.tensors = &lists_.back();
    }
  }
  autocast_state.enabled = false;
}

}  // namespace pyforge
