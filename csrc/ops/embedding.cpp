// Rows of a table by index, and the addition of gradients into them.
#include <cmath>
#include <cstring>

#include "autograd/node.h"
#include "ops/lines.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

struct Table {
  int64_t rows, padding;  // padding: -1 for none
  bool by_frequency;
};

Tensor gather_rows(const Tensor& weight, const Tensor& indices, const Table& table, bool masked);
Tensor scatter_rows(const Tensor& g, const Tensor& indices, const Table& table);

// scatter_rows and the masked gather_rows are each other's transpose.
struct EmbeddingBackward {
  static constexpr const char* kName = "EmbeddingBackward0";
  Table table;
  static void backward(Node& n, EmbeddingBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = scatter_rows(in[0], n.saved(0), p.table);
  }
};
struct EmbeddingDenseBackward {
  static constexpr const char* kName = "EmbeddingDenseBackward0";
  Table table;
  static void backward(Node& n, EmbeddingDenseBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = gather_rows(in[0], n.saved(0), p.table, true);
  }
};

// How often every row is named.
std::vector<int64_t> frequencies(const Tensor& indices, int64_t rows) {
  std::vector<int64_t> counts(static_cast<size_t>(rows), 0);
  const int64_t* index = indices.data<int64_t>();
  for (int64_t i = 0; i < indices.numel(); ++i) ++counts[static_cast<size_t>(index[i])];
  return counts;
}

void divide_row(void* row, int64_t cols, DType dtype, int64_t by) {
  with_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t c = 0; c < cols; ++c)
      static_cast<T*>(row)[c] = static_cast<T*>(row)[c] / static_cast<T>(by);
  });
}

// masked: rows of the padding index are zero, and rows are divided by their frequency.
Tensor gather_rows(const Tensor& weight, const Tensor& indices, const Table& table, bool masked) {
  Tensor from = weight;
  if (!weight.is_contiguous()) {
    GradModeGuard off(false);
    from = contiguous(weight);
  }
  Dims sizes(indices.sizes());
  sizes.push_back(weight.size(1));
  Tensor y = empty(sizes, weight.dtype());
  int64_t n = indices.numel(), cols = weight.size(1);
  size_t bytes = static_cast<size_t>(cols) * itemsize(weight.dtype());
  const int64_t* index = indices.data<int64_t>();
  for_rows(n, cols, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      char* to = y->data + static_cast<size_t>(i) * bytes;
      if (masked && index[i] == table.padding) {
        std::memset(to, 0, bytes);
      } else {
        std::memcpy(to, from->data + static_cast<size_t>(index[i]) * bytes, bytes);
      }
    }
  });
  if (masked && table.by_frequency) {
    std::vector<int64_t> counts = frequencies(indices, table.rows);
    for (int64_t i = 0; i < n; ++i)
      divide_row(y->data + static_cast<size_t>(i) * bytes, cols, y.dtype(),
                 counts[static_cast<size_t>(index[i])]);
  }
  record<EmbeddingBackward>(y, {&weight}, {&indices}, {table});
  return y;
}

// zeros [rows, cols] with g's rows added in order of the indices.
Tensor scatter_rows(const Tensor& g, const Tensor& indices, const Table& table) {
  Tensor from = g;
  if (!g.is_contiguous()) {
    GradModeGuard off(false);
    from = contiguous(g);
  }
  int64_t cols = g.size(g.dim() - 1), n = indices.numel();
  Tensor out = zeros({table.rows, cols}, g.dtype());
  size_t size = itemsize(g.dtype()), bytes = static_cast<size_t>(cols) * size;
  const int64_t* index = indices.data<int64_t>();
  auto add = kernels::active().elementwise.forward[static_cast<int>(kernels::Elementwise::add)]
                                                  [static_cast<int>(g.dtype())];
  constexpr int64_t kColumns = 64;  // one thread adds into its columns alone
  for_rows((cols + kColumns - 1) / kColumns, kColumns * n, [&](int64_t first, int64_t last) {
    size_t begin = static_cast<size_t>(first * kColumns) * size;
    int64_t width = std::min(last * kColumns, cols) - first * kColumns;
    for (int64_t i = 0; i < n; ++i) {
      if (index[i] == table.padding) continue;
      char* to = out->data + static_cast<size_t>(index[i]) * bytes + begin;
      const void* in[2] = {to, from->data + static_cast<size_t>(i) * bytes + begin};
      add(to, in, width, nullptr);
    }
  });
  if (table.by_frequency) {
    std::vector<int64_t> counts = frequencies(indices, table.rows);
    for (int64_t r = 0; r < table.rows; ++r)
      if (counts[static_cast<size_t>(r)] > 1)
        divide_row(out->data + static_cast<size_t>(r) * bytes, cols, out.dtype(),
                   counts[static_cast<size_t>(r)]);
  }
  record<EmbeddingDenseBackward>(out, {&g}, {&indices}, {table});
  return out;
}

// Scales the rows named down to a norm of max_norm, in place and unrecorded.
template <class T>
void shrink_rows(const Tensor& weight, const std::vector<int64_t>& counts, double max_norm,
                 double p) {
  int64_t cols = weight.size(1), step = weight.strides()[1];
  for (size_t r = 0; r < counts.size(); ++r) {
    if (!counts[r]) continue;
    T* row = weight.data<T>() + static_cast<int64_t>(r) * weight.strides()[0];
    double norm = 0;
    for (int64_t c = 0; c < cols; ++c) {
      double x = std::fabs(static_cast<double>(row[c * step]));
      norm = std::isinf(p) ? std::fmax(norm, x) : norm + (p == 2 ? x * x : std::pow(x, p));
    }
    if (!std::isinf(p)) norm = p == 2 ? std::sqrt(norm) : std::pow(norm, 1 / p);
    if (!(norm > max_norm)) continue;
    T scale = static_cast<T>(max_norm / (norm + 1e-7));
    for (int64_t c = 0; c < cols; ++c) row[c * step] *= scale;
  }
  weight->storage->bump();
}

Tensor embedding(const Tensor& input, const Tensor& weight, std::optional<int64_t> padding_idx,
                 std::optional<double> max_norm, double norm_type, bool scale_grad_by_freq,
                 [[maybe_unused]] bool sparse) {
  PF_CHECK(weight.dim() == 2, Runtime, "embedding: 'weight' must be 2-D, got shape ",
           to_string(weight.sizes()));
  PF_CHECK(input.dtype() == DType::Int64 || input.dtype() == DType::Int32, Runtime,
           "embedding: Expected tensor for argument 'indices' to have one of the following scalar "
           "types: Long, Int; but got ",
           dtype_name(input.dtype()), "; convert the indices with .to(int64) first");
  PF_CHECK(is_floating(weight.dtype()) || !scale_grad_by_freq, Runtime,
           "embedding: weight must be floating for a gradient");
  int64_t rows = weight.size(0), padding = -1;
  if (padding_idx) {
    PF_CHECK(*padding_idx >= -rows && *padding_idx < rows, Value,
             "embedding: Padding_idx must be within num_embeddings, got ", *padding_idx, " for ",
             rows, " rows");
    padding = *padding_idx < 0 ? *padding_idx + rows : *padding_idx;
  }
  Tensor indices;
  {
    GradModeGuard off(false);
    indices = contiguous(to(input, DType::Int64));
  }
  const int64_t* index = indices.data<int64_t>();
  for (int64_t i = 0; i < indices.numel(); ++i)
    PF_CHECK(index[i] >= 0 && index[i] < rows, Index,
             "embedding: index out of range in self: ", index[i], " for ", rows, " rows");
  if (max_norm) {
    PF_CHECK(weight.dtype() == DType::Float32 || weight.dtype() == DType::Float64, Runtime,
             "embedding: max_norm needs a float32 or float64 weight, not ",
             dtype_name(weight.dtype()));
    std::vector<int64_t> counts = frequencies(indices, rows);
    if (weight.dtype() == DType::Float32)
      shrink_rows<float>(weight, counts, *max_norm, norm_type);
    else
      shrink_rows<double>(weight, counts, *max_norm, norm_type);
  }
  return gather_rows(weight, indices, {rows, padding, scale_grad_by_freq}, false);
}

PF_OP(
    embedding,
    "embedding(Tensor input, Tensor weight, int? padding_idx=None, float? max_norm=None, float "
    "norm_type=2.0, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor",
    kNN,
    "The rows of `weight` that `input` names; the row padding_idx gets no gradient. With max_norm "
    "longer rows are first scaled down to that norm, in place. Gradients are dense, sparse or not.")

}  // namespace
}  // namespace pyforge::ops
