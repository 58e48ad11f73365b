#include "ops/loop.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/gil.h"
#include "core/half.h"
#include "core/threads.h"

namespace pyforge {
namespace {

constexpr int64_t kBlock = 512;              // elements gathered or splatted at a time
constexpr int64_t kParallelGrain = 1 << 15;  // elements below which a thread is not worth waking
constexpr int64_t kReleaseGil = 1 << 16;
constexpr int64_t kStreamBytes = 16 << 20;  // results of this size are written past the caches
constexpr int kSlots = kMaxLoopInputs + 1;
constexpr int kCrossing = 2;  // transposed operands that tiles are kept for

using kernels::Attr;
using kernels::ElementwiseFn;

struct alignas(64) Buffer {
  char bytes[kBlock * 8];
};

template <class T>
void splat(void* to, const void* value, int64_t n) {
  T v = *static_cast<const T*>(value);
  T* p = static_cast<T*>(to);
  for (int64_t i = 0; i < n; ++i) p[i] = v;
}

void fill(void* to, const void* value, int64_t n, int size) {
  switch (size) {
    case 1:
      return splat<uint8_t>(to, value, n);
    case 2:
      return splat<uint16_t>(to, value, n);
    case 4:
      return splat<uint32_t>(to, value, n);
    default:
      return splat<uint64_t>(to, value, n);
  }
}

// One operand walked along the innermost dimension; slot 0 is the output.
struct Operands {
  ElementwiseFn fn;
  const Attr* attrs;
  int count;  // inputs + 1
  char* data[kSlots];
  int64_t stride[kSlots];  // bytes
  int size[kSlots];
  bool direct;  // fn reads and writes all of them where they lie

  // To be called once data and strides are known.
  void prepare(const ElementwiseFn* splat) {
    int strided = 0, at = 0;
    for (int k = 0; k < count; ++k)
      if (data[k] && stride[k] != size[k]) ++strided, at = k;
    if (splat && strided == 1 && at > 0 && stride[at] == 0 && splat[at - 1]) {
      fn = splat[at - 1];
      strided = 0;
    }
    direct = strided == 0;
  }
};

void run_row(const Operands& o, char* const* data, int64_t n) {
  const void* in[kMaxLoopInputs];
  if (o.direct) {
    for (int k = 1; k < o.count; ++k) in[k - 1] = data[k];
    o.fn(data[0], in, n, o.attrs);
    return;
  }
  const auto& table = kernels::active().elementwise;
  Buffer buffers[kSlots];
  int64_t block = std::min(n, kBlock);
  for (int k = 1; k < o.count; ++k)
    if (data[k] && o.stride[k] == 0) table.pack(buffers[k].bytes, data[k], 0, block, o.size[k]);
  bool out_direct = o.stride[0] == o.size[0];
  for (int64_t at = 0; at < n; at += block) {
    int64_t m = std::min(block, n - at);
    for (int k = 1; k < o.count; ++k) {
      in[k - 1] = nullptr;
      if (!data[k]) continue;
      char* p = data[k] + at * o.stride[k];
      if (o.stride[k] == o.size[k]) {
        in[k - 1] = p;
      } else {
        if (o.stride[k] != 0) table.pack(buffers[k].bytes, p, o.stride[k], m, o.size[k]);
        in[k - 1] = buffers[k].bytes;
      }
    }
    char* out = data[0] + at * o.stride[0];
    o.fn(out_direct ? out : buffers[0].bytes, in, m, o.attrs);
    if (!out_direct) table.unpack(out, o.stride[0], buffers[0].bytes, m, o.size[0]);
  }
}

// Rows of n elements, `step` bytes from one to the next.
void run_rows(const Operands& o, char** data, const int64_t* step, int64_t rows, int64_t n) {
  if (o.direct && o.count == 3) {  // a broadcast operand, as a rule
    char* out = data[0];
    const void* in[2] = {data[1], data[2]};
    for (; rows > 0; --rows) {
      o.fn(out, in, n, o.attrs);
      out += step[0];
      for (int k = 0; k < 2; ++k) in[k] = static_cast<const char*>(in[k]) + step[k + 1];
    }
    return;
  }
  for (; rows > 0; --rows) {
    run_row(o, data, n);
    for (int k = 0; k < o.count; ++k) data[k] += step[k];
  }
}

// By way of a buffer in the first-level cache past the other ones, where every line of the output
// would have to be read before it is overwritten. Meanwhile the next block is fetched.
void run_row_streamed(const Operands& o, char* const* data, int64_t n) {
  const auto& table = kernels::active().elementwise;
  Buffer buffer;
  char* from[kSlots];
  from[0] = buffer.bytes;
  for (int64_t at = 0; at < n; at += kBlock) {
    const int64_t m = std::min(kBlock, n - at);
    const void* ahead[kSlots];
    int count = 0;
    for (int k = 1; k < o.count; ++k) {
      from[k] = data[k] ? data[k] + at * o.stride[k] : nullptr;
      if (data[k] && o.stride[k] == o.size[0]) ahead[count++] = from[k] + kBlock * o.stride[k];
    }
    run_row(o, from, m);
    table.stream(data[0] + at * o.size[0], buffer.bytes, m * o.size[0], ahead, count);
  }
  table.finish_streaming();
}

void run_flat(const Operands& o, int64_t n) {
  ReleaseGil gil(n >= kReleaseGil);
  bool streamed = o.stride[0] == o.size[0] && n * o.size[0] >= kStreamBytes;
  for (int k = 1; k < o.count; ++k) streamed = streamed && o.data[k] != o.data[0];
  parallel_for((n + kBlock - 1) / kBlock, kParallelGrain / kBlock,
               [&](int64_t first, int64_t last) {
                 char* data[kSlots];
                 for (int k = 0; k < o.count; ++k)
                   data[k] = o.data[k] ? o.data[k] + first * kBlock * o.stride[k] : nullptr;
                 const int64_t part = std::min(last * kBlock, n) - first * kBlock;
                 if (streamed)
                   run_row_streamed(o, data, part);
                 else
                   run_row(o, data, part);
               });
}

// Operands of 4 or 8 bytes that are contiguous along the last outer dimension instead of the inner
// one, as bits; 0 unless they are one or two and both dimensions are long enough.
uint32_t crossing(const Operands& o, const Dims& sizes, const Dims* strides, int64_t inner) {
  constexpr int64_t kLeast = 8;
  if (o.direct || inner < kLeast || sizes.back() < kLeast) return 0;
  uint32_t found = 0;
  for (int k = 1; k < o.count; ++k)
    if (o.data[k] && o.size[k] >= 4 && o.stride[k] != o.size[k] && strides[k].back() == o.size[k])
      found |= uint32_t{1} << k;
  return __builtin_popcount(found) <= kCrossing ? found : 0;
}

// Tile by tile: crossing operands are transposed into a buffer, the others read where they lie.
void run_tiled(const Operands& o, uint32_t crossing, const Dims& sizes, const Dims* strides,
               int64_t inner) {
  constexpr int64_t kRows = 16, kColumns = 128, kAlign = 16;
  struct alignas(64) Tile {
    char bytes[kRows * kColumns * 8];
  };
  const auto& table = kernels::active().elementwise;
  const int64_t last_dim = sizes.size() - 1, rows = sizes[last_dim];
  const int64_t bands = (rows + kRows - 1) / kRows;
  Operands tile = o;
  for (int k = 1; k < o.count; ++k)
    if (crossing >> k & 1) tile.stride[k] = o.size[k];
  tile.prepare(nullptr);
  const auto run_band = [&](int64_t band) {
    Tile tiles[kCrossing];
    const int64_t first = band % bands * kRows, m = std::min(kRows, rows - first);
    char *data[kSlots], *row[kSlots];
    for (int k = 0; k < o.count; ++k)
      data[k] = o.data[k] ? o.data[k] + first * strides[k][last_dim] : nullptr;
    int64_t rest = band / bands;
    for (int64_t d = last_dim - 1; d >= 0; --d) {
      for (int k = 0; k < o.count; ++k)
        if (data[k]) data[k] += rest % sizes[d] * strides[k][d];
      rest /= sizes[d];
    }
    for (int64_t c = 0; c < inner; c += kColumns) {
      const int64_t n = std::min(kColumns, inner - c), width = (n + kAlign - 1) / kAlign * kAlign;
      int64_t step[kSlots];
      for (int k = 0, used = 0; k < o.count; ++k) {
        row[k] = data[k] ? data[k] + c * o.stride[k] : nullptr;
        step[k] = data[k] ? strides[k][last_dim] : 0;
        if (!(crossing >> k & 1)) continue;
        char* to = tiles[used++].bytes;
        table.transpose(to, width, row[k], o.stride[k], m, n, o.size[k]);
        row[k] = to;
        step[k] = width * o.size[k];
      }
      for (int64_t r = 0; r < m; ++r) {
        run_row(tile, row, n);
        for (int k = 0; k < o.count; ++k)
          if (row[k]) row[k] += step[k];
      }
    }
  };
  const int64_t total = count(sizes) / rows * bands;
  ReleaseGil gil(count(sizes) * inner >= kReleaseGil);
  parallel_for(total, std::max<int64_t>(1, kParallelGrain / (kRows * inner)),
               [&](int64_t first, int64_t last) {
                 for (int64_t band = first; band < last; ++band) run_band(band);
               });
}

void run_strided(Operands& o, const Tensor& out, const LoopInput* inputs,
                 const ElementwiseFn* splat) {
  // Byte strides of every operand over the output's dimensions, largest output stride first.
  int64_t ndim = out.dim();
  Dims order;
  for (int64_t d = 0; d < ndim; ++d)
    if (out.size(d) != 1) order.push_back(d);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return std::abs(out.stride(a)) > std::abs(out.stride(b));
  });
  Dims sizes, strides[kSlots];
  for (int64_t d : order) {
    int64_t step[kSlots];
    for (int k = 0; k < o.count; ++k) {
      step[k] = 0;
      if (k == 0) {
        step[k] = out.stride(d) * o.size[k];
      } else if (const Tensor* t = inputs[k - 1].tensor) {
        int64_t td = d - (ndim - t->dim());
        if (td >= 0 && t->size(td) != 1) step[k] = t->stride(td) * o.size[k];
      }
    }
    bool merge = !sizes.empty();
    for (int k = 0; k < o.count && merge; ++k) merge = strides[k].back() == step[k] * out.size(d);
    if (merge) {
      sizes.back() *= out.size(d);
      for (int k = 0; k < o.count; ++k) strides[k].back() = step[k];
    } else {
      sizes.push_back(out.size(d));
      for (int k = 0; k < o.count; ++k) strides[k].push_back(step[k]);
    }
  }
  if (sizes.empty()) {
    sizes.push_back(1);
    for (int k = 0; k < o.count; ++k) strides[k].push_back(o.size[k]);
  }
  int64_t inner = sizes.back();
  sizes.pop_back();
  for (int k = 0; k < o.count; ++k) {
    o.stride[k] = strides[k].back();
    strides[k].pop_back();
  }
  o.prepare(splat);
  int64_t rows = count(sizes);
  if (rows == 1) return run_flat(o, inner);
  if (const uint32_t found = crossing(o, sizes, strides, inner))
    return run_tiled(o, found, sizes, strides, inner);
  ReleaseGil gil(rows * inner >= kReleaseGil);
  parallel_for(rows, std::max<int64_t>(1, kParallelGrain / inner),
               [&](int64_t first, int64_t last) {
                 char* data[kSlots];
                 for (int k = 0; k < o.count; ++k) data[k] = o.data[k];
                 Dims index(sizes.size(), 0);
                 int64_t rest = first;
                 for (int64_t d = sizes.size() - 1; d >= 0; --d) {
                   index[d] = rest % sizes[d];
                   rest /= sizes[d];
                   for (int k = 0; k < o.count; ++k)
                     if (data[k]) data[k] += index[d] * strides[k][d];
                 }
                 if (sizes.size() == 1) {
                   int64_t step[kSlots];
                   for (int k = 0; k < o.count; ++k) step[k] = data[k] ? strides[k][0] : 0;
                   run_rows(o, data, step, last - first, inner);
                   return;
                 }
                 for (int64_t row = first; row < last; ++row) {
                   run_row(o, data, inner);
                   for (int64_t d = sizes.size() - 1; d >= 0; --d) {
                     bool carry = ++index[d] == sizes[d];
                     int64_t steps = carry ? 1 - sizes[d] : 1;
                     if (carry) index[d] = 0;
                     for (int k = 0; k < o.count; ++k)
                       if (data[k]) data[k] += steps * strides[k][d];
                     if (!carry) break;
                   }
                 }
               });
}

}  // namespace

void store_scalar(void* to, const Scalar& s, DType dtype) {
  switch (dtype) {
    case DType::Bool:
      *static_cast<uint8_t*>(to) = s.kind == Scalar::Float ? s.f != 0 : s.i != 0;
      break;
    case DType::UInt8:
      *static_cast<uint8_t*>(to) = static_cast<uint8_t>(s.to_int());
      break;
    case DType::Int8:
      *static_cast<int8_t*>(to) = static_cast<int8_t>(s.to_int());
      break;
    case DType::Int16:
      *static_cast<int16_t*>(to) = static_cast<int16_t>(s.to_int());
      break;
    case DType::Int32:
      *static_cast<int32_t*>(to) = static_cast<int32_t>(s.to_int());
      break;
    case DType::Int64:
      *static_cast<int64_t*>(to) = s.to_int();
      break;
    case DType::Float16:
      *static_cast<Half*>(to) = Half(static_cast<float>(s.to_double()));
      break;
    case DType::BFloat16:
      *static_cast<BFloat16*>(to) = BFloat16(static_cast<float>(s.to_double()));
      break;
    case DType::Float32:
      *static_cast<float*>(to) = static_cast<float>(s.to_double());
      break;
    case DType::Float64:
      *static_cast<double*>(to) = s.to_double();
      break;
  }
}

namespace {

// Smallest and largest integer of a dtype, as c10's conversions have them.
std::pair<int64_t, int64_t> integer_range(DType dtype) {
  if (dtype == DType::Int64) return {INT64_MIN, INT64_MAX};
  if (dtype == DType::UInt8) return {-255, 255};
  int64_t top = int64_t{1} << (8 * itemsize(dtype) - 1);
  return {-top, top - 1};
}

}  // namespace

bool fits(const Scalar& s, DType dtype) {
  if (dtype == DType::Bool || dtype == DType::Float64) return true;
  if (dtype == DType::Float32)
    return s.kind != Scalar::Float || !std::isfinite(s.f) ||
           std::abs(s.f) <= std::numeric_limits<float>::max();
  if (is_half(dtype))
    return !std::isfinite(s.to_double()) ||
           std::abs(s.to_double()) <= (dtype == DType::Float16 ? 65504.0 : 0x1.fep127);
  auto [low, high] = integer_range(dtype);
  if (s.kind != Scalar::Float) return s.i >= low && s.i <= high;
  // INT64_MAX itself is no double: 2^63 is the first beyond it.
  bool below =
      dtype == DType::Int64 ? s.f < 9223372036854775808.0 : s.f <= static_cast<double>(high);
  return below && s.f >= static_cast<double>(low) &&
         !(dtype == DType::UInt8 && s.f < 0 && s.f > -1);
}

const Scalar& checked_fit(const Scalar& s, DType dtype) {
  if (fits(s, dtype)) return s;
  if (s.kind == Scalar::Float)
    raise(ErrorKind::Runtime, "value cannot be converted to type ", dtype_name(dtype),
          " without overflow: ", s.f);
  raise(ErrorKind::Runtime, "value cannot be converted to type ", dtype_name(dtype),
        " without overflow: ", s.i);
}

void splat_scalar(void* to, const Scalar& s, DType dtype, int64_t n) {
  if (dtype == DType::Float32) {
    auto v = static_cast<float>(s.to_double());
    for (int64_t i = 0; i < n; ++i) static_cast<float*>(to)[i] = v;
    return;
  }
  char value[8];
  store_scalar(value, s, dtype);
  fill(to, value, n, static_cast<int>(itemsize(dtype)));
}

Scalar load_scalar(const void* from, DType dtype) {
  switch (dtype) {
    case DType::Bool:
      return Scalar(*static_cast<const uint8_t*>(from) != 0);
    case DType::UInt8:
      return Scalar(static_cast<int64_t>(*static_cast<const uint8_t*>(from)));
    case DType::Int8:
      return Scalar(static_cast<int64_t>(*static_cast<const int8_t*>(from)));
    case DType::Int16:
      return Scalar(static_cast<int64_t>(*static_cast<const int16_t*>(from)));
    case DType::Int32:
      return Scalar(static_cast<int64_t>(*static_cast<const int32_t*>(from)));
    case DType::Int64:
      return Scalar(*static_cast<const int64_t*>(from));
    case DType::Float16:
      return Scalar(static_cast<double>(static_cast<float>(*static_cast<const Half*>(from))));
    case DType::BFloat16:
      return Scalar(static_cast<double>(static_cast<float>(*static_cast<const BFloat16*>(from))));
    case DType::Float32:
      return Scalar(static_cast<double>(*static_cast<const float*>(from)));
    default:
      return Scalar(*static_cast<const double*>(from));
  }
}

void run_loop(ElementwiseFn fn, const Tensor& out, const LoopInput* inputs, int n_inputs,
              const Attr* attrs, const ElementwiseFn* splat) {
  int64_t n = out.numel();
  if (n == 0) return;
  Operands o;
  o.fn = fn;
  o.attrs = attrs;
  o.count = n_inputs + 1;
  o.data[0] = out->data;
  o.size[0] = static_cast<int>(itemsize(out.dtype()));
  o.stride[0] = o.size[0];
  alignas(8) char scalars[kMaxLoopInputs][8];
  bool flat = out.is_contiguous();
  for (int k = 0; k < n_inputs; ++k) {
    const LoopInput& in = inputs[k];
    int s = k + 1;
    o.size[s] = static_cast<int>(itemsize(in.dtype));
    o.stride[s] = o.size[s];
    o.data[s] = nullptr;
    if (in.absent) continue;
    if (!in.tensor) {
      store_scalar(scalars[k], in.number, in.dtype);
      o.data[s] = scalars[k];
      o.stride[s] = 0;
    } else {
      const Tensor& t = *in.tensor;
      o.data[s] = t->data;
      if (t.numel() == 1) {
        o.stride[s] = n == 1 ? o.size[s] : 0;
      } else {
        flat = flat && t.is_contiguous() && t.numel() == n;
      }
    }
  }
  if (flat) {
    o.prepare(splat);
    if (n < kParallelGrain) {
      run_row(o, o.data, n);
    } else {
      run_flat(o, n);
    }
    return;
  }
  run_strided(o, out, inputs, splat);
}

}  // namespace pyforge
