// Scaled dot-product attention.
#include <cmath>
#include <cstring>
#include <limits>

#include "autograd/node.h"
#include "core/random.h"
#include "kernels/attention.h"
#include "ops/lines.h"
#include "ops/ops.h"
#include "ops/workspace.h"

namespace pyforge::ops {
namespace {

using kernels::AttentionArgs;
using kernels::AttentionMask;

// [batch, heads, queries or keys, dim] each; `group` query heads share a key head.
struct Sizes {
  int64_t batch, heads, group, queries, keys, dim, value_dim;

  Sizes(const Tensor& q, const Tensor& k, const Tensor& v)
      : batch(q.size(0)),
        heads(q.size(1)),
        group(q.size(1) / std::max<int64_t>(1, k.size(1))),
        queries(q.size(2)),
        keys(k.size(2)),
        dim(q.size(3)),
        value_dim(v.size(3)) {}
  int64_t work() const { return batch * heads * queries * keys * (dim + value_dim); }
};

char* head_at(const Tensor& t, int64_t batch, int64_t head) {
  return t->data +
         (batch * t.stride(0) + head * t.stride(1)) * static_cast<int64_t>(itemsize(t.dtype()));
}

// Laid out as [batch, rows, heads, dim], the order in which projections leave and take it.
Tensor empty_heads(int64_t batch, int64_t heads, int64_t rows, int64_t dim, DType dtype) {
  return empty_strided({batch, heads, rows, dim}, {rows * heads * dim, dim, heads * dim, 1}, dtype);
}

// Each key and value head as often as query heads use it; recorded.
Tensor repeat_heads(const Tensor& t, int64_t group) {
  if (group == 1) return t;
  Tensor wide = expand(unsqueeze(t, 2), {t.size(0), t.size(1), group, t.size(2), t.size(3)});
  return reshape(wide, {t.size(0), t.size(1) * group, t.size(2), t.size(3)});
}
Tensor sum_groups(const Tensor& t, int64_t group) {
  if (group == 1) return t;
  int64_t dims[1] = {2};
  return sum_dims(reshape(t, {t.size(0), t.size(1) / group, group, t.size(2), t.size(3)}),
                  IntSpan(dims, 1), false, std::nullopt);
}

// The weights as recorded ops; rows without a key that counts are 0.
Tensor attention_weights(const Tensor& q, const Tensor& k, const Tensor& mask, bool causal,
                         double scale) {
  Tensor s = mul(product(q, false, k, true), scale);
  const double minus = -std::numeric_limits<double>::infinity();
  Tensor hidden;
  {
    GradModeGuard off(false);
    if (causal) hidden = triu(full({q.size(2), k.size(2)}, Scalar(true), DType::Bool), 1);
    if (mask.defined() && mask.dtype() == DType::Bool) hidden = logical_not(mask);
  }
  if (hidden.defined()) {
    s = masked_fill(s, hidden, minus);
  } else if (mask.defined()) {
    s = add(s, mask);
  }
  if (s.numel() == 0) return softmax(s, -1, std::nullopt);
  Tensor dead;
  {
    GradModeGuard off(false);
    int64_t last[1] = {s.dim() - 1};
    dead = eq(amax(s, IntSpan(last, 1), true), minus);
  }
  return masked_fill(softmax(masked_fill(s, dead, 0.0), -1, std::nullopt), dead, 0.0);
}

// Saved: 0..2 = q, k, v; 3 = output; 4 = statistics [batch, heads, 2, queries]; 5 = mask; 6 = kept
// weights (bool, [batch, heads, queries, keys]).
struct ScaledDotProductAttentionBackward {
  static constexpr const char* kName = "ScaledDotProductFlashAttentionForCpuBackward0";
  double scale, keep_scale;
  bool causal;

  static void backward(Node& n, ScaledDotProductAttentionBackward& p, Tensor* in, Tensor* out) {
    if (!in[0].defined()) return;
    if (grad_enabled()) {
      p.recorded(n, in[0], out);
    } else {
      p.fused(n, in[0], out);
    }
  }

  void recorded(Node& n, const Tensor& g, Tensor* out) {
    Tensor q = n.saved(0), mask = n.saved(5), keep = n.saved(6);
    const int64_t group = Sizes(q, n.saved(1), n.saved(2)).group;
    Tensor k = repeat_heads(n.saved(1), group), v = repeat_heads(n.saved(2), group);
    Tensor p = attention_weights(q, k, mask, causal, scale), factor;
    if (keep.defined()) factor = mul(to(keep, q.dtype()), keep_scale);
    if (n.needs(2))
      out[2] = sum_groups(product(factor.defined() ? mul(p, factor) : p, true, g, false), group);
    if (!n.needs(0) && !n.needs(1)) return;
    Tensor dp = product(g, false, v, true);
    if (factor.defined()) dp = mul(dp, factor);
    int64_t last[1] = {3};
    Tensor ds =
        mul(mul(p, sub(dp, sum_dims(mul(dp, p), IntSpan(last, 1), true, std::nullopt))), scale);
    if (n.needs(0)) out[0] = product(ds, false, k, false);
    if (n.needs(1)) out[1] = sum_groups(product(ds, true, q, false), group);
  }

  void fused(Node& n, const Tensor& grad, Tensor* out);
};

void set_mask(AttentionArgs& a, const Tensor& mask, int64_t batch, int64_t head) {
  a.mask_kind = AttentionMask::None;
  if (!mask.defined()) return;
  a.mask_kind = mask.dtype() == DType::Bool ? AttentionMask::Bool : AttentionMask::Added;
  a.mask = head_at(mask, batch, head);
  a.mask_row = mask.stride(2), a.mask_col = mask.stride(3);
}

// What all heads have in common.
// Shape alone decides: large blocks where there are enough of them for many threads.
int64_t block_for(const Sizes& s) {
  constexpr int64_t kUnits = 16, kLarge = kernels::kLargestBlock;
  const int64_t units = s.batch * s.heads * ((s.queries + kLarge - 1) / kLarge);
  return s.queries > kernels::kSmallestBlock && units >= kUnits ? kLarge : kernels::kSmallestBlock;
}

AttentionArgs common_args(const Sizes& s, const Tensor& q, const Tensor& k, const Tensor& v,
                          const Tensor& y, const ScaledDotProductAttentionBackward& p) {
  const auto& gemm = kernels::active().gemm;
  AttentionArgs a{};
  a.block = block_for(s);
  a.queries = s.queries, a.keys = s.keys, a.dim = s.dim, a.value_dim = s.value_dim;
  a.block = block_for(s);
  a.scale = p.scale, a.causal = p.causal, a.keep_scale = p.keep_scale;
  a.q_row = q.stride(2), a.k_row = k.stride(2), a.v_row = v.stride(2), a.out_row = y.stride(2);
  a.gemm = q.dtype() == DType::Float32 ? gemm.f32.small : gemm.f64.small;
  return a;
}

void set_head(AttentionArgs& a, const Sizes& s, int64_t batch, int64_t head, const Tensor& q,
              const Tensor& k, const Tensor& v, const Tensor& y, const Tensor& stats,
              const Tensor& mask, const Tensor& keep) {
  const int64_t size = static_cast<int64_t>(itemsize(q.dtype())), index = batch * s.heads + head;
  a.q = head_at(q, batch, head);
  a.k = head_at(k, batch, head / s.group);
  a.v = head_at(v, batch, head / s.group);
  a.out = head_at(y, batch, head);
  a.largest = stats->data + 2 * index * s.queries * size;
  a.log_sum = static_cast<char*>(a.largest) + s.queries * size;
  a.keep = keep.defined()
               ? reinterpret_cast<const uint8_t*>(keep->data) + index * s.queries * s.keys
               : nullptr;
  set_mask(a, mask, batch, head);
}

constexpr int64_t kSerialWork = 1 << 18;  // multiply-adds below which threads do not pay

int64_t slots_for(int64_t units, int64_t work) {
  return work < kSerialWork ? 1 : std::min<int64_t>(num_threads(), units);
}

int64_t slot_bytes(const Sizes& s, DType dtype) {
  const int64_t bytes = kernels::active().attention.workspace_bytes[float_index(dtype)](
      s.dim, s.value_dim, block_for(s));
  return (bytes + 63) / 64 * 64;
}

// Shape alone decides in how many parts a key head's queries are taken: each part has its own sums
// of dk and dv, so that few heads with long sequences use all threads.
int64_t backward_parts(const Sizes& s) {
  constexpr int64_t kUnits = 8, kLeastQueries = 256;
  const int64_t block = block_for(s), blocks = (s.queries + block - 1) / block * s.group;
  const int64_t units = std::max<int64_t>(1, s.batch * s.heads / s.group);
  return std::clamp<int64_t>(kUnits / units, 1,
                             std::max<int64_t>(1, blocks * block / kLeastQueries));
}

Tensor gradient_like(const Tensor& t) {
  if (is_dense(t)) return empty_like(t);
  return empty_heads(t.size(0), t.size(1), t.size(2), t.size(3), t.dtype());
}

// One gradient for each part; the sum over parts is the result.
struct PartSums {
  Tensor result, parts;

  PartSums(const Tensor& t, int64_t count, bool zeroed) {
    Tensor& sums = count == 1 ? result : parts;
    sums = count == 1 ? gradient_like(t)
                      : empty({count, t.size(0), t.size(1), t.size(2), t.size(3)}, t.dtype());
    if (zeroed) std::memset(sums->data, 0, sums->storage->nbytes);
  }
  // Where part `part` of a head goes, and the distance of its rows.
  char* at(int64_t part, int64_t batch, int64_t head) const {
    if (result.defined()) return head_at(result, batch, head);
    const int64_t offset =
        part * parts.stride(0) + batch * parts.stride(1) + head * parts.stride(2);
    return parts->data + offset * static_cast<int64_t>(itemsize(parts.dtype()));
  }
  int64_t row() const { return result.defined() ? result.stride(2) : parts.stride(3); }
  Tensor total() const {
    if (result.defined()) return result;
    int64_t dims[1] = {0};
    return sum_dims(parts, IntSpan(dims, 1), false, std::nullopt);
  }
};

Tensor with_unit_rows(const Tensor& t) {
  return t.stride(t.dim() - 1) == 1 || t.size(t.dim() - 1) == 1 ? t : contiguous(t);
}

void ScaledDotProductAttentionBackward::fused(Node& n, const Tensor& grad, Tensor* out) {
  Tensor q = n.saved(0), k = n.saved(1), v = n.saved(2), y = n.saved(3), stats = n.saved(4),
         mask = n.saved(5), keep = n.saved(6), g = with_unit_rows(grad);
  q = with_unit_rows(q), k = with_unit_rows(k), v = with_unit_rows(v);
  const Sizes s(q, k, v);
  const int64_t parts = backward_parts(s), key_heads = s.heads / s.group;
  const int64_t size = block_for(s), blocks = (s.queries + size - 1) / size;
  if (n.needs(0)) out[0] = gradient_like(q);
  std::optional<PartSums> dk, dv;
  if (n.needs(1)) dk.emplace(k, parts, causal);
  if (n.needs(2)) dv.emplace(v, parts, causal);

  AttentionArgs a = common_args(s, q, k, v, y, *this);
  a.grad_row = g.stride(2);
  if (out[0].defined()) a.dq_row = out[0].stride(2);
  if (dk) a.dk_row = dk->row();
  if (dv) a.dv_row = dv->row();
  const int64_t units = s.batch * key_heads * parts, each = slot_bytes(s, q.dtype());
  const int64_t slots = slots_for(units, 2 * s.work());
  const Workspace workspace(slots * each);
  const auto kernel = kernels::active().attention.backward[float_index(q.dtype())];
  {
    const ReleaseGil released(s.work() >= kSerialWork);
    parallel_slots(units, slots, [&](int64_t slot, int64_t first, int64_t last) {
      AttentionArgs mine = a;
      mine.workspace = workspace.data() + slot * each;
      for (int64_t u = first; u < last; ++u) {
        const int64_t part = u % parts, batch = u / parts / key_heads,
                      key_head = u / parts % key_heads;
        const int64_t end = (part + 1) * blocks * s.group / parts;
        mine.fresh = !causal;
        for (int64_t block = part * blocks * s.group / parts; block < end;) {
          const int64_t head = key_head * s.group + block / blocks, from = block % blocks;
          const int64_t count = std::min(blocks - from, end - block);
          set_head(mine, s, batch, head, q, k, v, y, stats, mask, keep);
          mine.grad = head_at(g, batch, head);
          if (out[0].defined()) mine.dq = head_at(out[0], batch, head);
          if (dk) mine.dk = dk->at(part, batch, key_head);
          if (dv) mine.dv = dv->at(part, batch, key_head);
          kernel(mine, from * size, std::min(s.queries, (from + count) * size));
          block += count;
          mine.fresh = false;
        }
      }
    });
  }
  if (dk) out[1] = dk->total();
  if (dv) out[2] = dv->total();
}

// A mask [batch, heads, queries, keys] whose queries are contiguous, as the kernel reads them:
// copied unless they are or it is the same for all queries. What is broadcast stays so.
Tensor mask_along_queries(const Tensor& mask) {
  if (!mask.defined() || mask.stride(2) == 0 || mask.stride(2) == 1) return mask;
  Dims sizes(mask.sizes()), strides(mask.strides());
  for (int64_t d = 0; d < 4; ++d)
    if (strides[d] == 0) sizes[d] = 1;
  std::swap(sizes[2], sizes[3]);
  std::swap(strides[2], strides[3]);
  Tensor copy = contiguous(make_view(mask, sizes, strides, mask->data));
  Dims wide(copy.strides());
  for (int64_t d = 0; d < 4; ++d)
    if (sizes[d] == 1) wide[d] = 0;
  std::swap(wide[2], wide[3]);
  return make_view(copy, mask.sizes(), wide, copy->data);
}

Tensor attention_fused(const Tensor& query, const Tensor& key, const Tensor& value,
                       const Tensor& given_mask, const Tensor& keep,
                       const ScaledDotProductAttentionBackward& p) {
  Tensor q, k, v, mask;
  {
    GradModeGuard off(false);
    q = with_unit_rows(query), k = with_unit_rows(key), v = with_unit_rows(value);
    mask = mask_along_queries(given_mask);
  }
  const Sizes s(q, k, v);
  const DType dtype = q.dtype();
  Tensor y = empty_heads(s.batch, s.heads, s.queries, s.value_dim, dtype);
  Tensor stats = empty({s.batch, s.heads, 2, s.queries}, dtype);
  const AttentionArgs a = common_args(s, q, k, v, y, p);
  const int64_t size = block_for(s), blocks = (s.queries + size - 1) / size;
  const int64_t units = s.batch * s.heads * blocks, each = slot_bytes(s, dtype);
  const int64_t slots = slots_for(units, s.work());
  const Workspace workspace(slots * each);
  const auto kernel = kernels::active().attention.forward[float_index(dtype)];
  {
    const ReleaseGil released(s.work() >= kSerialWork);
    parallel_slots(units, slots, [&](int64_t slot, int64_t first, int64_t last) {
      AttentionArgs mine = a;
      mine.workspace = workspace.data() + slot * each;
      for (int64_t u = first; u < last; ++u) {
        const int64_t block = u % blocks, head = u / blocks % s.heads, batch = u / blocks / s.heads;
        set_head(mine, s, batch, head, q, k, v, y, stats, mask, keep);
        kernel(mine, block * size, std::min(s.queries, (block + 1) * size));
      }
    });
  }
  record<ScaledDotProductAttentionBackward>(y, {&query, &key, &value},
                                            {&query, &key, &value, &y, &stats, &mask, &keep}, p);
  return y;
}

// ---- the op ------------------------------------------------------------------------------------

constexpr const char* kOp = "scaled_dot_product_attention";

void check_inputs(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask,
                  bool causal, double dropout_p) {
  PF_CHECK(q.dtype() == k.dtype() && q.dtype() == v.dtype(), Runtime, kOp,
           ": Expected query, key, and value to have the same dtype, but got query.dtype: ",
           dtype_name(q.dtype()), " key.dtype: ", dtype_name(k.dtype()),
           " and value.dtype: ", dtype_name(v.dtype()), " instead.");
  PF_CHECK(q.dim() >= 2 && k.dim() >= 2 && v.dim() >= 2, Runtime, kOp,
           ": Expected query, key, and value to all be  at least 2 dimensional, but got "
           "query.dim: ",
           q.dim(), ", key.dim: ", k.dim(), " and value.dim: ", v.dim(), " instead.");
  check_floating(kOp, q);
  PF_CHECK(!mask.defined() || !causal, Runtime, kOp,
           ": Explicit attn_mask should not be set when is_causal=True");
  PF_CHECK(!mask.defined() || mask.dtype() == DType::Bool || mask.dtype() == q.dtype(), Runtime,
           kOp,
           ": Expected attn_mask dtype to be bool or to match query dtype, but got "
           "attn_mask.dtype: ",
           mask.defined() ? dtype_name(mask.dtype()) : "",
           " and query.dtype: ", dtype_name(q.dtype()), " instead.");
  PF_CHECK(dropout_p >= 0 && dropout_p <= 1, Runtime, kOp,
           ": dropout probability has to be between 0 and 1, but got ", dropout_p);
  PF_CHECK(q.size(q.dim() - 1) == k.size(k.dim() - 1), Runtime, kOp,
           ": query and key must have the same last dimension, got shapes ", to_string(q.sizes()),
           " and ", to_string(k.sizes()));
  PF_CHECK(k.size(k.dim() - 2) == v.size(v.dim() - 2), Runtime, kOp,
           ": key and value must have the same sequence length, got shapes ", to_string(k.sizes()),
           " and ", to_string(v.sizes()));
}

IntSpan leading(const Tensor& t) { return {t.sizes().begin(), t.dim() - 2}; }

// t with the leading dimensions `lead`, then as [batch, heads, rows, dim]; recorded.
Tensor as_heads(const Tensor& t, IntSpan lead) {
  Tensor x = t;
  Dims sizes(lead);
  sizes.push_back(t.size(t.dim() - 2));
  sizes.push_back(t.size(t.dim() - 1));
  if (x.sizes() != IntSpan(sizes)) x = expand(x, sizes);
  if (x.dim() == 4) return x;
  if (x.dim() == 3) return unsqueeze(x, 1);
  if (x.dim() == 2) return unsqueeze(unsqueeze(x, 0), 0);
  int64_t batch = 1;
  for (int64_t d = 0; d + 3 < x.dim(); ++d) batch *= x.size(d);
  return reshape(x, {batch, x.size(x.dim() - 3), x.size(x.dim() - 2), x.size(x.dim() - 1)});
}

Tensor attention_math(const Tensor& q, const Tensor& key, const Tensor& value, const Tensor& mask,
                      double dropout_p, bool causal, double scale) {
  const int64_t group = Sizes(q, key, value).group;
  Tensor k = repeat_heads(key, group), v = repeat_heads(value, group);
  Tensor w = attention_weights(q, k, mask, causal, scale);
  return product(dropout(w, dropout_p, true, false), false, v, false);
}

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const Tensor& attn_mask, double dropout_p, bool is_causal,
                                    std::optional<double> scale, bool enable_gqa) {
  check_inputs(query, key, value, attn_mask, is_causal, dropout_p);
  if (is_half(query.dtype())) {
    auto wide = [](const Tensor& t) {
      return t.defined() && is_floating(t.dtype()) ? to(t, DType::Float32) : t;
    };
    return to(scaled_dot_product_attention(wide(query), wide(key), wide(value), wide(attn_mask),
                                           dropout_p, is_causal, scale, enable_gqa),
              query.dtype());
  }
  Dims q_lead(leading(query)), k_lead(leading(key)), v_lead(leading(value));
  if (enable_gqa) {
    const int64_t d = query.dim() - 3;
    PF_CHECK(
        query.dim() >= 3 && key.dim() == query.dim() && value.dim() == query.dim() &&
            key.size(d) > 0 && key.size(d) == value.size(d) && query.size(d) % key.size(d) == 0,
        Runtime, kOp,
        ": with enable_gqa=True the number of heads in query must be a multiple of those in "
        "key and value, got shapes ",
        to_string(query.sizes()), ", ", to_string(key.sizes()), " and ", to_string(value.sizes()));
  } else {
    Dims all(broadcast_shapes(kOp, q_lead, k_lead));
    all = Dims(broadcast_shapes(kOp, all, v_lead));
    q_lead = k_lead = v_lead = all;
  }
  Tensor q = as_heads(query, q_lead), k = as_heads(key, k_lead), v = as_heads(value, v_lead), mask;
  const Sizes s(q, k, v);
  if (attn_mask.defined()) {
    Dims wide(q_lead);
    wide.push_back(s.queries);
    wide.push_back(s.keys);
    PF_CHECK(IntSpan(broadcast_shapes(kOp, wide, attn_mask.sizes())) == IntSpan(wide), Runtime, kOp,
             ": attn_mask of shape ", to_string(attn_mask.sizes()),
             " does not broadcast to the scores of shape ", to_string(wide));
    mask = expand(attn_mask, wide);
    if (mask.dim() != 4) mask = as_heads(mask, q_lead);
  }
  const double factor =
      scale ? *scale : 1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, s.dim)));
  const bool learned_mask = mask.defined() && mask.requires_grad() && grad_enabled();
  const bool plain = s.batch && s.heads && s.queries && s.keys && s.dim && s.value_dim &&
                     (q.dtype() == DType::Float32 || q.dtype() == DType::Float64) &&
                     dropout_p < 1 && !learned_mask;
  Tensor y;
  if (!plain) {
    y = attention_math(q, k, v, mask, dropout_p, is_causal, factor);
  } else {
    Tensor keep;
    if (dropout_p > 0) {
      keep = empty({s.batch, s.heads, s.queries, s.keys}, DType::Bool);
      default_generator().bernoulli(keep.data<bool>(), keep.numel(), 1 - dropout_p);
    }
    y = attention_fused(q, k, v, mask, keep, {factor, 1 / (1 - dropout_p), is_causal});
  }
  if (q_lead.size() == 2) return y;
  Dims sizes(q_lead);
  sizes.push_back(s.queries);
  sizes.push_back(s.value_dim);
  return reshape(y, sizes);
}

PF_OP(
    scaled_dot_product_attention,
    "scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, "
    "float dropout_p=0.0, bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> "
    "Tensor",
    kNN,
    "softmax(query key^T scale + attn_mask) value over the last two dimensions, block by block: "
    "no matrix of all scores is made. A bool mask tells which keys count. dropout_p applies "
    "whenever it is not 0; scale defaults to 1 / sqrt(the last size of query).")

}  // namespace
}  // namespace pyforge::ops
