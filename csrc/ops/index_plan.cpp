#include "ops/index_plan.h"

#include <algorithm>

#include "autograd/grad_mode.h"
#include "core/gil.h"
#include "core/half.h"
#include "core/threads.h"
#include "kernels/dispatch.h"
#include "ops/ops.h"

namespace pyforge {
namespace {

constexpr int64_t kGrain = 1 << 15;  // elements below which a thread is not worth waking
constexpr int64_t kReleaseGil = 1 << 16;
constexpr int64_t kColumns = 256;   // inner elements that one thread writes for all rows
constexpr int64_t kKernelRow = 16;  // row length from which the vector kernel pays

bool is_run(IntSpan sizes, IntSpan strides) {
  int64_t step = 1;
  for (int64_t d = sizes.size() - 1; d >= 0; --d) {
    if (sizes[d] == 1) continue;
    if (strides[d] != step) return false;
    step *= sizes[d];
  }
  return true;
}

template <class F>
void for_item_type(size_t size, F f) {
  switch (size) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    default:
      return f(uint64_t{});
  }
}

template <class F>
void for_dtype(DType dtype, F f) {
  switch (dtype) {
    case DType::Bool:
      return f(bool{});
    case DType::UInt8:
      return f(uint8_t{});
    case DType::Int8:
      return f(int8_t{});
    case DType::Int16:
      return f(int16_t{});
    case DType::Int32:
      return f(int32_t{});
    case DType::Int64:
      return f(int64_t{});
    case DType::Float16:
      return f(Half{});
    case DType::BFloat16:
      return f(BFloat16{});
    case DType::Float32:
      return f(float{});
    case DType::Float64:
      return f(double{});
  }
}

// Wraps around as the machine does; bools: or.
template <class T>
T sum_of(T a, T b) {
  if constexpr (std::is_same_v<T, bool>)
    return a || b;
  else if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) +
                          static_cast<std::make_unsigned_t<T>>(b));
  else
    return a + b;
}
template <class T>
T product_of(T a, T b) {
  if constexpr (std::is_same_v<T, bool>)
    return a && b;
  else if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  else
    return a * b;
}

// f(o, first, last): inner elements [first, last) of outer position o; several at a time.
template <class F>
void for_columns(int64_t n_outer, int64_t n_inner, int64_t rows, F f) {
  int64_t parts = std::max<int64_t>(1, (n_inner + kColumns - 1) / kColumns);
  int64_t part = std::min(n_inner, kColumns);
  ReleaseGil gil(n_outer * n_inner * rows >= kReleaseGil);
  parallel_for(n_outer * parts, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, rows * part)),
               [&](int64_t first, int64_t last) {
                 for (int64_t u = first; u < last; ++u)
                   f(u / parts, u % parts * part, std::min(n_inner, (u % parts + 1) * part));
               });
}

}  // namespace

std::vector<int64_t> offsets_of(IntSpan sizes, IntSpan strides) {
  std::vector<int64_t> out{0};
  for (int64_t d = 0; d < sizes.size(); ++d) {
    std::vector<int64_t> next;
    next.reserve(out.size() * static_cast<size_t>(sizes[d]));
    for (int64_t base : out)
      for (int64_t i = 0; i < sizes[d]; ++i) next.push_back(base + i * strides[d]);
    out = std::move(next);
  }
  return out;
}

void IndexPlan::set_inner(IntSpan inner_sizes, IntSpan inner_strides) {
  n_inner = count(inner_sizes);
  run = is_run(inner_sizes, inner_strides);
  if (!run) inner = offsets_of(inner_sizes, inner_strides);
}

IndexPlan plan_index(const Tensor& self, const std::vector<Tensor>& indices, bool allow_negative) {
  GradModeGuard off(false);
  IndexPlan plan;
  Dims common;
  int64_t n = static_cast<int64_t>(indices.size()), first = -1, last = -1, used = 0;
  for (int64_t d = 0; d < n; ++d) {
    if (!indices[d].defined()) continue;
    if (first < 0) first = d;
    last = d;
    ++used;
    IntSpan a = common, b = indices[d].sizes();
    Dims wider(a.size() > b.size() ? a : b);
    bool fits = true;
    for (int64_t i = 0; i < wider.size(); ++i) {
      int64_t ai = i - wider.size() + a.size(), bi = i - wider.size() + b.size();
      int64_t x = ai < 0 ? 1 : a[ai], y = bi < 0 ? 1 : b[bi];
      fits = fits && (x == y || x == 1 || y == 1);
      wider[i] = x == 1 ? y : x;
    }
    if (!fits) {
      std::string shapes;
      for (const Tensor& t : indices)
        if (t.defined()) shapes += (shapes.empty() ? "" : ", ") + to_string(t.sizes());
      raise(ErrorKind::Index,
            "shape mismatch: indexing tensors could not be broadcast together with shapes ",
            shapes);
    }
    common = wider;
  }
  plan.mid.assign(static_cast<size_t>(count(common)), 0);
  for (int64_t d = first; d <= last; ++d) {
    if (!indices[d].defined()) continue;
    Tensor index = ops::contiguous(indices[d].sizes() == common ? indices[d]
                                                                : ops::expand(indices[d], common));
    const int64_t* at = index.data<int64_t>();
    int64_t size = self.size(d), step = self.stride(d);
    int64_t low = allow_negative ? -size : 0;
    bool bad = false;
    for (size_t i = 0; i < plan.mid.size(); ++i) {
      int64_t v = at[i];
      bad |= v < low || v >= size;
      plan.mid[i] += (v < 0 ? v + size : v) * step;
    }
    if (bad) {
      size_t i = 0;
      while (at[i] >= low && at[i] < size) ++i;
      raise(ErrorKind::Index, "index ", at[i], " is out of bounds for dimension ", d, " with size ",
            size);
    }
  }
  // Index tensors next to each other leave their dimensions in place; else they come first.
  bool in_place = used > 0 && last - first + 1 == used;
  Dims before, before_strides, after, after_strides;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (d < n && indices[d].defined()) continue;
    bool leading = in_place && d < first;
    (leading ? before : after).push_back(self.size(d));
    (leading ? before_strides : after_strides).push_back(self.stride(d));
  }
  plan.outer = offsets_of(before, before_strides);
  plan.set_inner(after, after_strides);
  for (int64_t s : before) plan.sizes.push_back(s);
  for (int64_t s : common) plan.sizes.push_back(s);
  for (int64_t s : after) plan.sizes.push_back(s);
  return plan;
}

void read_indexed(const Tensor& out, const Tensor& self, const IndexPlan& plan) {
  int64_t n_mid = static_cast<int64_t>(plan.mid.size()), n = plan.n_inner;
  int64_t rows = static_cast<int64_t>(plan.outer.size()) * n_mid;
  if (rows * n == 0) return;
  for_item_type(itemsize(self.dtype()), [&](auto item) {
    using T = decltype(item);
    T* to = out.data<T>();
    const T* from = self.data<T>();
    ReleaseGil gil(rows * n >= kReleaseGil);
    parallel_for(rows, std::max<int64_t>(1, kGrain / n), [&](int64_t first, int64_t last) {
      int64_t o = first / n_mid, m = first % n_mid;
      T* y = to + first * n;
      for (int64_t r = first; r < last; ++r, y += n) {
        const T* x = from + plan.outer[static_cast<size_t>(o)] + plan.mid[static_cast<size_t>(m)];
        if (plan.run) {
          if (n == 1)
            *y = *x;
          else
            std::memcpy(y, x, static_cast<size_t>(n) * sizeof(T));
        } else {
          for (int64_t i = 0; i < n; ++i) y[i] = x[plan.inner[static_cast<size_t>(i)]];
        }
        if (++m == n_mid) {
          m = 0;
          ++o;
        }
      }
    });
  });
}

void write_indexed(const Tensor& self, const Tensor& values, const IndexPlan& plan) {
  int64_t n_mid = static_cast<int64_t>(plan.mid.size()),
          n_outer = static_cast<int64_t>(plan.outer.size()), n = plan.n_inner;
  if (n_mid * n_outer * n == 0) return;
  bool one = values.numel() == 1;
  for_item_type(itemsize(self.dtype()), [&](auto item) {
    using T = decltype(item);
    T* to = self.data<T>();
    const T* from = values.data<T>();
    for_columns(n_outer, n, n_mid, [&](int64_t o, int64_t first, int64_t last) {
      for (int64_t m = 0; m < n_mid; ++m) {
        T* y = to + plan.outer[static_cast<size_t>(o)] + plan.mid[static_cast<size_t>(m)];
        const T* x = one ? from : from + (o * n_mid + m) * n;
        if (one) {
          for (int64_t i = first; i < last; ++i) y[plan.inner_at(i)] = *x;
        } else if (plan.run && last - first > 1) {
          std::memcpy(y + first, x + first, static_cast<size_t>(last - first) * sizeof(T));
        } else {
          for (int64_t i = first; i < last; ++i) y[plan.inner_at(i)] = x[i];
        }
      }
    });
  });
}

void add_indexed(const Tensor& self, const Tensor& values, const IndexPlan& plan) {
  int64_t n_mid = static_cast<int64_t>(plan.mid.size()),
          n_outer = static_cast<int64_t>(plan.outer.size()), n = plan.n_inner;
  if (n_mid * n_outer * n == 0) return;
  bool one = values.numel() == 1;
  auto add = kernels::active().elementwise.forward[static_cast<int>(kernels::Elementwise::add)]
                                                  [static_cast<int>(self.dtype())];
  for_dtype(self.dtype(), [&](auto item) {
    using T = decltype(item);
    T* to = self.data<T>();
    const T* from = values.data<T>();
    for_columns(n_outer, n, n_mid, [&](int64_t o, int64_t first, int64_t last) {
      for (int64_t m = 0; m < n_mid; ++m) {
        T* y = to + plan.outer[static_cast<size_t>(o)] + plan.mid[static_cast<size_t>(m)];
        const T* x = one ? from : from + (o * n_mid + m) * n;
        if (plan.run && !one && last - first >= kKernelRow) {
          const void* in[2] = {y + first, x + first};
          add(y + first, in, last - first, nullptr);
        } else {
          for (int64_t i = first; i < last; ++i) {
            T& place = y[plan.inner_at(i)];
            place = sum_of(place, one ? *x : x[i]);
          }
        }
      }
    });
  });
}

AlongPlan plan_along(const char* op, const Tensor& self, int64_t dim, const Tensor& index) {
  GradModeGuard off(false);
  AlongPlan plan;
  plan.index = ops::contiguous(ops::to(index, DType::Int64));
  int64_t ndim = index.dim(), size = self.dim() ? self.size(dim) : 1;
  const int64_t* at = plan.index.data<int64_t>();
  int64_t n = index.numel();
  bool bad = false;
  for (int64_t i = 0; i < n; ++i)
    bad |= static_cast<uint64_t>(at[i]) >= static_cast<uint64_t>(size);
  if (bad) {
    int64_t i = 0;
    while (static_cast<uint64_t>(at[i]) < static_cast<uint64_t>(size)) ++i;
    raise(ErrorKind::Runtime, op, ": index ", at[i], " is out of bounds for dimension ", dim,
          " with size ", size);
  }
  if (self.dim() == 0) {
    plan.outer = plan.inner = {0};
    plan.n_along = n;
    return plan;
  }
  plan.n_along = index.size(dim);
  plan.step = self.stride(dim);
  plan.outer =
      offsets_of(IntSpan(index.sizes().begin(), dim), IntSpan(self.strides().begin(), dim));
  plan.inner = offsets_of(IntSpan(index.sizes().begin() + dim + 1, ndim - dim - 1),
                          IntSpan(self.strides().begin() + dim + 1, ndim - dim - 1));
  return plan;
}

void read_along(const Tensor& out, const Tensor& self, const AlongPlan& plan) {
  int64_t n = static_cast<int64_t>(plan.inner.size()), n_along = plan.n_along;
  int64_t rows = static_cast<int64_t>(plan.outer.size()) * n_along;
  if (rows * n == 0) return;
  const int64_t* at = plan.index.data<int64_t>();
  for_item_type(itemsize(self.dtype()), [&](auto item) {
    using T = decltype(item);
    T* to = out.data<T>();
    const T* from = self.data<T>();
    ReleaseGil gil(rows * n >= kReleaseGil);
    parallel_for(rows, std::max<int64_t>(1, kGrain / n), [&](int64_t first, int64_t last) {
      int64_t o = first / n_along, j = first % n_along;
      for (int64_t r = first; r < last; ++r) {
        const T* x = from + plan.outer[static_cast<size_t>(o)];
        for (int64_t i = 0; i < n; ++i)
          to[r * n + i] = x[at[r * n + i] * plan.step + plan.inner[static_cast<size_t>(i)]];
        if (++j == n_along) {
          j = 0;
          ++o;
        }
      }
    });
  });
}

void write_along(const Tensor& self, const Tensor& values, const AlongPlan& plan, Combine combine) {
  int64_t n = static_cast<int64_t>(plan.inner.size()),
          n_outer = static_cast<int64_t>(plan.outer.size());
  if (n * n_outer * plan.n_along == 0) return;
  const int64_t* at = plan.index.data<int64_t>();
  int64_t stride = values.numel() == 1 ? 0 : 1;
  auto loop = [&](auto* to, const auto* from, auto change) {
    for_columns(n_outer, n, plan.n_along, [&](int64_t o, int64_t first, int64_t last) {
      auto* y = to + plan.outer[static_cast<size_t>(o)];
      for (int64_t j = 0; j < plan.n_along; ++j) {
        int64_t row = (o * plan.n_along + j) * n;
        for (int64_t i = first; i < last; ++i)
          change(y[at[row + i] * plan.step + plan.inner[static_cast<size_t>(i)]],
                 from[(row + i) * stride]);
      }
    });
  };
  if (combine == Combine::Assign) {
    for_item_type(itemsize(self.dtype()), [&](auto item) {
      using T = decltype(item);
      loop(self.data<T>(), values.data<T>(), [](T& place, T value) { place = value; });
    });
    return;
  }
  for_dtype(self.dtype(), [&](auto item) {
    using T = decltype(item);
    if (combine == Combine::Add)
      loop(self.data<T>(), values.data<T>(),
           [](T& place, T value) { place = sum_of(place, value); });
    else if (combine == Combine::Multiply)
      loop(self.data<T>(), values.data<T>(),
           [](T& place, T value) { place = product_of(place, value); });
    else if (combine == Combine::Max)
      loop(self.data<T>(), values.data<T>(), [](T& place, T value) {
        if (!(value <= place) && place == place) place = value;
      });
    else
      loop(self.data<T>(), values.data<T>(), [](T& place, T value) {
        if (!(value >= place) && place == place) place = value;
      });
  });
}

}  // namespace pyforge
