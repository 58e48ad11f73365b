#include "ops/sort.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "autograd/node.h"
#include "core/gil.h"
#include "core/half.h"
#include "core/threads.h"
#include "ops/ops.h"

namespace pyforge::ops {
namespace {

// Elements become unsigned keys that sort as they do; key and position are sorted together, so
// every sort is stable.
struct Wide {
  uint64_t key;
  int64_t index;
  bool operator<(const Wide& o) const { return key < o.key || (key == o.key && index < o.index); }
};

template <class T>
constexpr bool is_floating_type =
    std::is_floating_point_v<T> || std::is_convertible_v<T, float> && !std::is_arithmetic_v<T>;

template <class T>
uint64_t key_of(T x) {
  if constexpr (is_floating_type<T>) {
    using U = std::conditional_t<sizeof(T) == 2, uint16_t,
                                 std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>;
    constexpr U top = static_cast<U>(U{1} << (8 * sizeof(T) - 1));
    if (x != x) return static_cast<U>(~U{0});
    U bits = std::bit_cast<U>(x == 0 ? T(0) : x);
    return bits & top ? static_cast<U>(~bits) : static_cast<U>(bits | top);
  } else if constexpr (std::is_signed_v<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<U>(static_cast<U>(x) ^ (U{1} << (8 * sizeof(T) - 1)));
  } else {
    return x;
  }
}

// 4 bytes of key and 4 of position in one word where both fit.
struct Packed {
  uint64_t word;
  bool operator<(const Packed& o) const { return word < o.word; }
};
void pack(Packed& e, uint64_t key, int64_t index) {
  e.word = key << 32 | static_cast<uint64_t>(index);
}
void pack(Wide& e, uint64_t key, int64_t index) { e = {key, index}; }
int64_t index_of(const Packed& e) { return static_cast<int64_t>(e.word & 0xffffffffu); }
int64_t index_of(const Wide& e) { return e.index; }
uint64_t digit(const Packed& e, int shift) { return e.word >> (32 + shift) & 0xff; }
uint64_t digit(const Wide& e, int shift) { return e.key >> shift & 0xff; }

constexpr int64_t kRadixFrom = 1024;

// Bytewise from the lowest; bytes that all elements share are skipped.
template <class E>
void radix_sort(E* data, E* spare, int64_t n, int key_bytes) {
  E *from = data, *to = spare;
  for (int shift = 0; shift < 8 * key_bytes; shift += 8) {
    int64_t at[257] = {};
    for (int64_t i = 0; i < n; ++i) ++at[digit(from[i], shift) + 1];
    if (at[digit(from[0], shift) + 1] == n) continue;
    for (int b = 0; b < 256; ++b) at[b + 1] += at[b];
    for (int64_t i = 0; i < n; ++i) to[at[digit(from[i], shift)]++] = from[i];
    std::swap(from, to);
  }
  if (from != data) std::copy(from, from + n, data);
}

// How much of the order is wanted.
struct Order {
  bool descending = false;
  int64_t first = -1;  // only the first so many, in order if `sorted`
  bool sorted = true;
  bool median = false;  // one element: the lower middle one, or the first NaN
};

struct Levels {
  int64_t outer, n, inner;
};

template <class T, class E>
void sort_slices(const T* in, const Levels& l, const Order& order, T* values, int64_t* indices,
                 E* scratch, int64_t first, int64_t last) {
  int64_t n = l.n, m = order.median ? 1 : order.first >= 0 ? order.first : n;
  E* spare = scratch + n;
  for (int64_t slice = first; slice < last; ++slice) {
    int64_t o = slice / l.inner, i = slice % l.inner;
    const T* p = in + o * n * l.inner + i;
    constexpr uint64_t mask =
        sizeof(T) == 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * (sizeof(T) % 8))) - 1;
    int64_t nan = -1;
    for (int64_t k = 0; k < n; ++k) {
      T x = p[k * l.inner];
      uint64_t key = key_of(x);
      pack(scratch[k], order.descending ? ~key & mask : key, k);
      if constexpr (is_floating_type<T>)
        if (order.median && nan < 0 && x != x) nan = k;
    }
    E* chosen = scratch;
    if (order.median) {
      chosen += (n - 1) / 2;
      std::nth_element(scratch, chosen, scratch + n);
      if (nan >= 0) pack(*chosen, 0, nan);
    } else if (order.first >= 0) {
      if (m < n) std::nth_element(scratch, scratch + m, scratch + n);
      if (order.sorted) std::sort(scratch, scratch + m);
    } else if (n >= kRadixFrom) {
      radix_sort(scratch, spare, n, static_cast<int>(sizeof(T)));
    } else {
      std::sort(scratch, scratch + n);
    }
    for (int64_t k = 0; k < m; ++k) {
      int64_t at = index_of(chosen[k]), to = (o * m + k) * l.inner + i;
      if (values) values[to] = p[at * l.inner];
      indices[to] = at;
    }
  }
}

constexpr int64_t kGrain = 1 << 12;  // elements worth waking a thread for

template <class T, class E>
void sort_all(const Tensor& x, const Levels& l, const Order& order, const Tensor& values,
              const Tensor& indices) {
  int64_t slices = l.outer * l.inner;
  // A few shares of the slices, each with its own scratch memory.
  int64_t share = std::max<int64_t>({1, kGrain / l.n, (slices + 63) / 64});
  int64_t shares = (slices + share - 1) / share;
  Tensor scratch = empty({shares * 2 * l.n * static_cast<int64_t>(sizeof(E))}, DType::UInt8);
  T* to = values.defined() ? values.data<T>() : nullptr;
  ReleaseGil gil(x.numel() >= kGrain);
  parallel_for(shares, 1, [&](int64_t first, int64_t last) {
    for (int64_t s = first; s < last; ++s)
      sort_slices(x.data<T>(), l, order, to, indices.data<int64_t>(),
                  scratch.data<E>() + s * 2 * l.n, s * share, std::min(slices, (s + 1) * share));
  });
}

template <class T>
void sort_type(const Tensor& x, const Levels& l, const Order& order, const Tensor& values,
               const Tensor& indices) {
  if (sizeof(T) <= 4 && l.n < (int64_t{1} << 32)) {
    sort_all<T, Packed>(x, l, order, values, indices);
  } else {
    sort_all<T, Wide>(x, l, order, values, indices);
  }
}

// values and indices are contiguous; values may be undefined.
void run_sort(const Tensor& input, int64_t dim, const Order& order, const Tensor& values,
              const Tensor& indices) {
  if (indices.numel() == 0) return;
  GradModeGuard off(false);
  Tensor x = contiguous(input);
  Levels l{1, 1, 1};
  if (x.dim())
    l = {count(IntSpan(x.sizes().begin(), dim)), x.size(dim),
         count(IntSpan(x.sizes().begin() + dim + 1, x.dim() - dim - 1))};
  switch (x.dtype()) {
    case DType::Bool:
    case DType::UInt8:
      return sort_type<uint8_t>(x, l, order, values, indices);
    case DType::Int8:
      return sort_type<int8_t>(x, l, order, values, indices);
    case DType::Int16:
      return sort_type<int16_t>(x, l, order, values, indices);
    case DType::Int32:
      return sort_type<int32_t>(x, l, order, values, indices);
    case DType::Int64:
      return sort_type<int64_t>(x, l, order, values, indices);
    case DType::Float16:
      return sort_type<Half>(x, l, order, values, indices);
    case DType::BFloat16:
      return sort_type<BFloat16>(x, l, order, values, indices);
    case DType::Float32:
      return sort_type<float>(x, l, order, values, indices);
    case DType::Float64:
      return sort_type<double>(x, l, order, values, indices);
  }
}

struct SortBackward {
  static constexpr const char* kName = "SortBackward0";
  Shape sizes;
  int64_t dim;
  static void backward(Node& n, SortBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = scatter_selected(in[0], n.saved(0), p.sizes, p.dim, true);
  }
};
struct TopkBackward : SortBackward {
  static constexpr const char* kName = "TopkBackward0";
  static void backward(Node& n, TopkBackward& p, Tensor* in, Tensor* out) {
    SortBackward::backward(n, p, in, out);
  }
};
struct MedianBackward {
  static constexpr const char* kName = "MedianBackward1";
  Shape sizes;
  int64_t dim;
  bool keepdim;
  static void backward(Node& n, MedianBackward& p, Tensor* in, Tensor* out) {
    if (in[0].defined()) out[0] = scatter_selected(in[0], n.saved(0), p.sizes, p.dim, p.keepdim);
  }
};

}  // namespace

std::tuple<Tensor, Tensor> sort(const Tensor& x, int64_t dim, bool descending, bool) {
  int64_t w = wrap_dim("sort", dim, x.dim());
  Tensor values = empty(x.sizes(), x.dtype()), indices = empty(x.sizes(), DType::Int64);
  Order order;
  order.descending = descending;
  run_sort(x, w, order, values, indices);
  if (is_floating(x.dtype())) record<SortBackward>(values, {&x}, {&indices}, {x.sizes(), w});
  return {values, indices};
}

Tensor argsort(const Tensor& x, int64_t dim, bool descending, bool) {
  int64_t w = wrap_dim("argsort", dim, x.dim());
  Tensor indices = empty(x.sizes(), DType::Int64);
  Order order;
  order.descending = descending;
  run_sort(x, w, order, Tensor(), indices);
  return indices;
}

std::tuple<Tensor, Tensor> topk(const Tensor& x, int64_t k, int64_t dim, bool largest,
                                bool sorted) {
  int64_t w = wrap_dim("topk", dim, x.dim());
  int64_t n = x.dim() ? x.size(w) : 1;
  PF_CHECK(k >= 0 && k <= n, Runtime, "topk: selected index k out of range: k is ", k,
           ", dimension ", w, " has size ", n);
  Dims sizes(x.sizes());
  if (x.dim()) sizes[w] = k;
  Tensor values = empty(sizes, x.dtype()), indices = empty(sizes, DType::Int64);
  Order order;
  order.descending = largest;
  order.first = k;
  order.sorted = sorted;
  if (k || x.dim() == 0) run_sort(x, w, order, values, indices);
  if (is_floating(x.dtype())) record<TopkBackward>(values, {&x}, {&indices}, {{x.sizes(), w}});
  return {values, indices};
}

std::tuple<Tensor, Tensor> median_dim(const Tensor& x, int64_t dim, bool keepdim) {
  int64_t w = wrap_dim("median", dim, x.dim());
  int64_t n = x.dim() ? x.size(w) : 1;
  PF_CHECK(n > 0, Index, "median(): Expected reduction dim ", w, " to have non-zero size.");
  Dims sizes(x.sizes());
  if (x.dim()) sizes[w] = 1;
  Tensor values = empty(sizes, x.dtype()), indices = empty(sizes, DType::Int64);
  Order order;
  order.median = true;
  run_sort(x, w, order, values, indices);
  if (x.dim() && !keepdim) {
    sizes.erase(w);
    values = make_view(values, sizes, contiguous_strides(sizes), values->data);
    indices = make_view(indices, sizes, contiguous_strides(sizes), indices->data);
  }
  if (is_floating(x.dtype()))
    record<MedianBackward>(values, {&x}, {&indices}, {x.sizes(), w, keepdim});
  return {values, indices};
}

Tensor median_all(const Tensor& x) {
  if (x.numel() == 0)
    return full({}, is_floating(x.dtype()) ? Scalar(std::nan("")) : Scalar(int64_t{INT64_MIN}),
                x.dtype());
  return std::get<0>(median_dim(reshape(x, {x.numel()}), 0, false));
}

namespace {
constexpr uint32_t kBoth = kFunction | kMethod;
PF_OP(
    sort,
    "sort(Tensor input, int dim=-1, bool descending=False, bool stable=False) -> (Tensor values, "
    "Tensor indices)",
    kBoth,
    "Elements along `dim` in order, and where they were. Always stable; NaN counts as the largest.")
PF_OP(argsort,
      "argsort(Tensor input, int dim=-1, bool descending=False, bool stable=False) -> Tensor",
      kBoth, "The indices that sort along `dim`. Always stable; NaN counts as the largest.")
PF_OP(topk,
      "topk(Tensor input, int k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor "
      "values, Tensor indices)",
      kBoth, "The k largest (or smallest) elements along `dim`, and where they were.")
PF_OP(median_all, "median(Tensor input) -> Tensor", kBoth,
      "The median of all elements, the lower one of two; NaN if there is one.")
PF_OP(median_dim,
      "median(Tensor input, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)", kBoth,
      "Medians along `dim`, the lower one of two, and where they were; NaN if there is one.")
}  // namespace
}  // namespace pyforge::ops
