// Kernels that move or convert values: where, convert, pack, unpack.
#include "kernels/elementwise.h"
#include "kernels/lanes.h"

namespace pyforge::kernels::PF_ISA {
namespace {

// U is any type of the operands' size.
template <class U>
void where_kernel(void* out, const void* const* in, int64_t n, const Attr*) {
  const uint8_t* c = static_cast<const uint8_t*>(in[0]);
  const U *a = static_cast<const U*>(in[1]), *b = static_cast<const U*>(in[2]);
  U* r = static_cast<U*>(out);
  constexpr int kLanes = Vec<U>::kLanes;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    store(r + i, where(load_mask<U>(c + i), load(a + i), load(b + i)));
  if (i < n) {
    const int count = static_cast<int>(n - i);
    store(r + i, where(load_mask<U>(c + i, count), load(a + i, count), load(b + i, count)), count);
  }
}

// Truncation with a defined result everywhere: the least integer outside the range and for NaN.
template <class I, class F>
PF_INLINE I truncated(F x) {
  constexpr F kEnd = sizeof(I) == 4 ? F(2147483648.0) : F(9223372036854775808.0);
  constexpr I kLeast = sizeof(I) == 4 ? static_cast<I>(INT32_MIN) : static_cast<I>(INT64_MIN);
  return x >= -kEnd && x < kEnd ? static_cast<I>(x) : kLeast;
}

template <class From, class To>
PF_INLINE To converted(From x) {
  if constexpr (is_bool<To>)
    return x != From(0);
  else if constexpr (is_float<From> && !is_float<To> && sizeof(To) == 8)
    return truncated<int64_t>(x);
  else if constexpr (is_float<From> && !is_float<To>)
    return static_cast<To>(truncated<int32_t>(x));
  else
    return static_cast<To>(x);
}

template <class From, class To>
void convert_kernel(void* out, const void* const* in, int64_t n, const Attr*) {
  const From* a = static_cast<const From*>(in[0]);
  To* r = static_cast<To*>(out);
  for (int64_t i = 0; i < n; i++) r[i] = converted<From, To>(a[i]);
}
template <int kSize>
void copy_kernel(void* out, const void* const* in, int64_t n, const Attr*) {
  if (out != in[0]) __builtin_memmove(out, in[0], static_cast<size_t>(n * kSize));
}

// Types whose conversions are the same instructions share one kernel: a bool is read as the uint8
// it is, and writing int8 and uint8 is the same wrap.
template <class T>
struct Read {
  using Type = T;
};
template <>
struct Read<bool> {
  using Type = uint8_t;
};
template <class T>
struct Write {
  using Type = T;
};
template <>
struct Write<uint8_t> {
  using Type = int8_t;
};

template <class From, class To>
void fill_convert(ElementwiseTable& table) {
  ElementwiseFn& slot =
      table.convert[static_cast<int>(dtype_of<From>::value)][static_cast<int>(dtype_of<To>::value)];
  constexpr bool kIntegers = !is_float<From> && !is_float<To>;
  if constexpr (same_type<From, To> ||
                (kIntegers && sizeof(From) == 1 && sizeof(To) == 1 && !is_bool<To>))
    slot = copy_kernel<sizeof(To)>;
  else if constexpr (is_bool<To> && sizeof(From) == 1)
    slot = convert_kernel<uint8_t, bool>;
  else
    slot = convert_kernel<typename Read<From>::Type, typename Write<To>::Type>;
}
template <class From>
void fill_convert_from(ElementwiseTable& table) {
  fill_convert<From, bool>(table);
  fill_convert<From, uint8_t>(table);
  fill_convert<From, int8_t>(table);
  fill_convert<From, int16_t>(table);
  fill_convert<From, int32_t>(table);
  fill_convert<From, int64_t>(table);
  fill_convert<From, float>(table);
  fill_convert<From, double>(table);
}

// Whole vectors, as the kernel will load them: a load of several stores waits for all of them.
template <class U>
PF_INLINE void splat_of(U* out, U value, int64_t n) {
  constexpr int kLanes = Vec<U>::kLanes;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, Vec<U>(value));
  for (; i < n; ++i) out[i] = value;
}

template <class U>
PF_INLINE void pack_of(uint8_t* out, const uint8_t* in, int64_t stride, int64_t n) {
  if (stride == 0) {
    U value;
    __builtin_memcpy(&value, in, sizeof(U));
    return splat_of(reinterpret_cast<U*>(out), value, n);
  }
  if constexpr (sizeof(U) >= 4) {
    if (stride == 2 * static_cast<int64_t>(sizeof(U))) {
      constexpr int kLanes = Vec<U>::kLanes;
      const U* from = reinterpret_cast<const U*>(in);
      U* to = reinterpret_cast<U*>(out);
      for (; n > kLanes; n -= kLanes, from += 2 * kLanes, to += kLanes)
        store(to, even_lanes(load(from), load(from + kLanes)));
      for (int64_t i = 0; i < n; ++i) to[i] = from[2 * i];
      return;
    }
  }
  for (int64_t i = 0; i < n; i++)
    __builtin_memcpy(out + i * static_cast<int64_t>(sizeof(U)), in + i * stride, sizeof(U));
}
template <class U>
PF_INLINE void unpack_of(uint8_t* out, int64_t stride, const uint8_t* in, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    __builtin_memcpy(out + i * stride, in + i * static_cast<int64_t>(sizeof(U)), sizeof(U));
}

void stream(void* out, const void* in, int64_t bytes, const void* const* ahead, int count) {
  auto* to = static_cast<uint8_t*>(out);
  const auto* from = static_cast<const uint8_t*>(in);
  const int64_t past = static_cast<int64_t>(reinterpret_cast<uintptr_t>(to) % kVectorBytes);
  const int64_t head = past ? kVectorBytes - past : 0;
  int64_t i = head < bytes ? head : bytes;
  __builtin_memcpy(to, from, static_cast<size_t>(i));
  constexpr int64_t kLine = 64;
  for (; i + kLine <= bytes; i += kLine) {
    for (int k = 0; k < count; ++k) __builtin_prefetch(static_cast<const uint8_t*>(ahead[k]) + i);
    for (int64_t j = i; j < i + kLine; j += kVectorBytes) Streamed{j}.store(to, load(from + j));
  }
  __builtin_memcpy(to + i, from + i, static_cast<size_t>(bytes - i));
}

void pack(void* out, const void* in, int64_t stride, int64_t n, int size) {
  uint8_t* to = static_cast<uint8_t*>(out);
  const uint8_t* from = static_cast<const uint8_t*>(in);
  if (stride == size) {
    __builtin_memcpy(to, from, static_cast<size_t>(n * size));
    return;
  }
  switch (size) {
    case 1:
      return pack_of<uint8_t>(to, from, stride, n);
    case 2:
      return pack_of<uint16_t>(to, from, stride, n);
    case 4:
      return pack_of<uint32_t>(to, from, stride, n);
    default:
      return pack_of<uint64_t>(to, from, stride, n);
  }
}
void unpack(void* out, int64_t stride, const void* in, int64_t n, int size) {
  uint8_t* to = static_cast<uint8_t*>(out);
  const uint8_t* from = static_cast<const uint8_t*>(in);
  if (stride == size) {
    __builtin_memcpy(to, from, static_cast<size_t>(n * size));
    return;
  }
  switch (size) {
    case 1:
      return unpack_of<uint8_t>(to, stride, from, n);
    case 2:
      return unpack_of<uint16_t>(to, stride, from, n);
    case 4:
      return unpack_of<uint32_t>(to, stride, from, n);
    default:
      return unpack_of<uint64_t>(to, stride, from, n);
  }
}

}  // namespace

void fill_elementwise_move(ElementwiseTable& table) {
  constexpr ElementwiseFn where_of_size[] = {where_kernel<uint8_t>,
                                             where_kernel<int16_t>,
                                             nullptr,
                                             where_kernel<int32_t>,
                                             nullptr,
                                             nullptr,
                                             nullptr,
                                             where_kernel<int64_t>};
  for (int t = 0; t < kDTypes; t++)
    table.where[t] = where_of_size[itemsize(static_cast<DType>(t)) - 1];
  fill_convert_from<bool>(table);
  fill_convert_from<uint8_t>(table);
  fill_convert_from<int8_t>(table);
  fill_convert_from<int16_t>(table);
  fill_convert_from<int32_t>(table);
  fill_convert_from<int64_t>(table);
  fill_convert_from<float>(table);
  fill_convert_from<double>(table);
  table.stream = stream;
  table.finish_streaming = finish_streaming;
  table.pack = pack;
  table.unpack = unpack;
}

}  // namespace pyforge::kernels::PF_ISA
