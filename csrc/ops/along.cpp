#include "ops/along.h"

#include "autograd/node.h"
#include "core/threads.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

struct GatherAlongBackward {
  static constexpr const char* kName = "GatherBackward0";
  int64_t dim, size;
  static void backward(Node& n, GatherAlongBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = scatter_along(in[0], p.dim, n.saved(0), p.size);
  }
};
struct ScatterAlongBackward {
  static constexpr const char* kName = "ScatterAddBackward0";
  int64_t dim;
  static void backward(Node& n, ScatterAlongBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = gather_along(in[0], p.dim, n.saved(0));
  }
};

struct Levels {
  int64_t outer, inner;
};
Levels around(IntSpan sizes, int64_t dim) {
  return {count(IntSpan(sizes.begin(), dim)), count(IntSpan(sizes.begin() + dim + 1, sizes.size() - dim - 1))};
}

// Calls f(type tag) for an unsigned type of the element's width.
template <class F>
void by_width(DType dtype, F&& f) {
  switch (itemsize(dtype)) {
    case 1: return f(uint8_t{});
    case 2: return f(uint16_t{});
    case 4: return f(uint32_t{});
    default: return f(uint64_t{});
  }
}

constexpr int64_t kGrain = 1 << 13;

}  // namespace

Tensor gather_along(const Tensor& x, int64_t dim, const Tensor& index) {
  Tensor y = empty(index.sizes(), x.dtype());
  {
    GradModeGuard off(false);
    Tensor from = contiguous(x), at = contiguous(index);
    auto [outer, inner] = x.dim() ? around(x.sizes(), dim) : Levels{1, 1};
    int64_t n = x.dim() ? x.size(dim) : 1, m = index.dim() ? index.size(dim) : 1;
    by_width(x.dtype(), [&](auto tag) {
      using T = decltype(tag);
      const T* src = from.data<T>();
      const int64_t* idx = at.data<int64_t>();
      T* to = y.data<T>();
      parallel_for(outer * m, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, inner)), [&](int64_t first, int64_t last) {
        for (int64_t r = first; r < last; ++r) {
          const T* slice = src + r / m * n * inner;
          for (int64_t i = 0; i < inner; ++i) to[r * inner + i] = slice[idx[r * inner + i] * inner + i];
        }
      });
    });
  }
  record<GatherAlongBackward>(y, {&x}, {&index}, {dim, x.dim() ? x.size(dim) : 1});
  return y;
}

Tensor scatter_along(const Tensor& values, int64_t dim, const Tensor& index, int64_t size) {
  Dims sizes(values.sizes());
  if (!sizes.empty()) sizes[dim] = size;
  Tensor y = zeros(sizes, values.dtype());
  {
    GradModeGuard off(false);
    Tensor from = contiguous(values), at = contiguous(index);
    auto [outer, inner] = values.dim() ? around(values.sizes(), dim) : Levels{1, 1};
    int64_t m = values.dim() ? values.size(dim) : 1;
    auto run = [&](auto tag) {
      using T = decltype(tag);
      const T* src = from.data<T>();
      const int64_t* idx = at.data<int64_t>();
      T* to = y.data<T>();
      parallel_for(outer, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, m * inner)), [&](int64_t first, int64_t last) {
        for (int64_t r = first * m; r < last * m; ++r) {
          T* slice = to + r / m * size * inner;
          for (int64_t i = 0; i < inner; ++i) slice[idx[r * inner + i] * inner + i] += src[r * inner + i];
        }
      });
    };
    if (values.dtype() == DType::Float32) {
      run(float{});
    } else {
      run(double{});
    }
  }
  record<ScatterAlongBackward>(y, {&values}, {&index}, {dim});
  return y;
}

}  // namespace pyforge::ops
