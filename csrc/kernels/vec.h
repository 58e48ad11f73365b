// Vec<T>: one register of T on GCC/Clang vector extensions, and Mask<T>, the result of comparing.
// Everything is in the namespace of its instruction set, so nothing compiled for one is linked into
// another. Integer arithmetic wraps; bool lanes are bytes 0 and 1.
#pragma once
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(PF_VECTOR_BYTES)
#elif defined(__AVX512F__)
#define PF_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define PF_VECTOR_BYTES 32
#else
#define PF_VECTOR_BYTES 16
#endif

#define PF_INLINE inline __attribute__((always_inline))
#define PF_NOINLINE __attribute__((noinline))

namespace pyforge::kernels::PF_ISA {

inline constexpr int kVectorBytes = PF_VECTOR_BYTES;

// How a lane is stored, what its arithmetic wraps in, and the type of a mask's lane.
template <class Stored, class Wrapping, class Signed>
struct LaneTypes {
  using Type = Stored;
  using Arithmetic = Wrapping;
  using Mask = Signed;
};
template <class T>
struct Lane;
// clang-format off
template <> struct Lane<bool> : LaneTypes<uint8_t, uint8_t, int8_t> {};
template <> struct Lane<uint8_t> : LaneTypes<uint8_t, uint8_t, int8_t> {};
template <> struct Lane<int8_t> : LaneTypes<int8_t, uint8_t, int8_t> {};
template <> struct Lane<uint16_t> : LaneTypes<uint16_t, uint16_t, int16_t> {};
template <> struct Lane<int16_t> : LaneTypes<int16_t, uint16_t, int16_t> {};
template <> struct Lane<uint32_t> : LaneTypes<uint32_t, uint32_t, int32_t> {};
template <> struct Lane<int32_t> : LaneTypes<int32_t, uint32_t, int32_t> {};
template <> struct Lane<uint64_t> : LaneTypes<uint64_t, uint64_t, int64_t> {};
template <> struct Lane<int64_t> : LaneTypes<int64_t, uint64_t, int64_t> {};
template <> struct Lane<float> : LaneTypes<float, float, int32_t> {};
template <> struct Lane<double> : LaneTypes<double, double, int64_t> {};
// clang-format on

template <class T, class U>
inline constexpr bool same_type = false;
template <class T>
inline constexpr bool same_type<T, T> = true;
template <class T>
inline constexpr bool is_bool = same_type<T, bool>;
template <class T>
inline constexpr bool is_float = same_type<T, float> || same_type<T, double>;
template <class T>
inline constexpr bool is_signed = T(-1) < T(0);

template <class T>
struct Vec;

template <class T>
struct Mask {
  using Element = typename Lane<T>::Mask;
  typedef Element Native __attribute__((vector_size(kVectorBytes)));
  Native m;
  template <class N>
  static PF_INLINE Mask of(N native) {
    return {(Native)native};
  }
  friend PF_INLINE Mask operator&(Mask a, Mask b) { return {a.m & b.m}; }
  friend PF_INLINE Mask operator|(Mask a, Mask b) { return {a.m | b.m}; }
  friend PF_INLINE Mask operator^(Mask a, Mask b) { return {a.m ^ b.m}; }
  friend PF_INLINE Mask operator~(Mask a) { return {~a.m}; }
  friend PF_INLINE Mask operator!(Mask a) { return {~a.m}; }
  friend PF_INLINE Vec<T> where(Mask c, Vec<T> a, Vec<T> b) { return Vec<T>::of(c.m ? a.v : b.v); }
};

template <class T>
struct Vec {
  using Element = T;
  using Scalar = typename Lane<T>::Type;
  typedef Scalar Native __attribute__((vector_size(kVectorBytes)));
  typedef typename Lane<T>::Arithmetic Wrapping __attribute__((vector_size(kVectorBytes)));
  static constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(Scalar));
  Native v;

  Vec() = default;
  PF_INLINE Vec(Scalar s)
      : v(s - Native{}) {}  // implicit: a literal stands for itself in each lane
  template <class N>
  static PF_INLINE Vec of(N native) {
    Vec r;
    r.v = (Native)native;
    return r;
  }
  PF_INLINE Scalar operator[](int i) const { return v[i]; }

  friend PF_INLINE Vec operator+(Vec a, Vec b) {
    if constexpr (is_bool<T>)
      return of(a.v | b.v);
    else
      return of((Wrapping)a.v + (Wrapping)b.v);
  }
  friend PF_INLINE Vec operator-(Vec a, Vec b) {
    if constexpr (is_bool<T>)
      return of(a.v ^ b.v);
    else
      return of((Wrapping)a.v - (Wrapping)b.v);
  }
  friend PF_INLINE Vec operator*(Vec a, Vec b) {
    if constexpr (is_bool<T>)
      return of(a.v & b.v);
    else
      return of((Wrapping)a.v * (Wrapping)b.v);
  }
  friend PF_INLINE Vec operator/(Vec a, Vec b) {
    static_assert(is_float<T>, "integers have floor_divide");
    return of(a.v / b.v);
  }
  friend PF_INLINE Vec operator-(Vec a) {
    if constexpr (is_float<T>)
      return of(-a.v);
    else
      return of(-(Wrapping)a.v);
  }
  friend PF_INLINE Vec operator&(Vec a, Vec b) { return of(a.v & b.v); }
  friend PF_INLINE Vec operator|(Vec a, Vec b) { return of(a.v | b.v); }
  friend PF_INLINE Vec operator^(Vec a, Vec b) { return of(a.v ^ b.v); }
  friend PF_INLINE Vec operator~(Vec a) {
    if constexpr (is_bool<T>)
      return of(a.v ^ Vec(1).v);
    else
      return of(~a.v);
  }
  friend PF_INLINE Vec operator<<(Vec a, int bits) { return of((Wrapping)a.v << bits); }
  friend PF_INLINE Vec operator>>(Vec a, int bits) { return of(a.v >> bits); }

  friend PF_INLINE Mask<T> operator==(Vec a, Vec b) { return Mask<T>::of(a.v == b.v); }
  friend PF_INLINE Mask<T> operator!=(Vec a, Vec b) { return Mask<T>::of(a.v != b.v); }
  friend PF_INLINE Mask<T> operator<(Vec a, Vec b) { return Mask<T>::of(a.v < b.v); }
  friend PF_INLINE Mask<T> operator<=(Vec a, Vec b) { return Mask<T>::of(a.v <= b.v); }
  friend PF_INLINE Mask<T> operator>(Vec a, Vec b) { return Mask<T>::of(a.v > b.v); }
  friend PF_INLINE Mask<T> operator>=(Vec a, Vec b) { return Mask<T>::of(a.v >= b.v); }

  // Declared as friends so that literals convert: maximum(x, 0).
  friend PF_INLINE Vec maximum(Vec a, Vec b) { return maximum_of(a, b); }
  friend PF_INLINE Vec minimum(Vec a, Vec b) { return minimum_of(a, b); }
  friend PF_INLINE Vec pow(Vec a, Vec b) { return pow_of(a, b); }
  friend PF_INLINE Vec fmod(Vec a, Vec b) { return fmod_of(a, b); }
  friend PF_INLINE Vec remainder(Vec a, Vec b) { return remainder_of(a, b); }
  friend PF_INLINE Vec floor_divide(Vec a, Vec b) { return floor_divide_of(a, b); }
  friend PF_INLINE Vec lshift(Vec a, Vec b) { return lshift_of(a, b); }
  friend PF_INLINE Vec rshift(Vec a, Vec b) { return rshift_of(a, b); }

  // a * b + c: one rounding where the instruction set has it (kFma), else two.
  friend PF_INLINE Vec fma(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
    if constexpr (same_type<T, float>)
      return of(_mm512_fmadd_ps((__m512)a.v, (__m512)b.v, (__m512)c.v));
    if constexpr (same_type<T, double>)
      return of(_mm512_fmadd_pd((__m512d)a.v, (__m512d)b.v, (__m512d)c.v));
#elif defined(__FMA__) && PF_VECTOR_BYTES == 32
    if constexpr (same_type<T, float>)
      return of(_mm256_fmadd_ps((__m256)a.v, (__m256)b.v, (__m256)c.v));
    if constexpr (same_type<T, double>)
      return of(_mm256_fmadd_pd((__m256d)a.v, (__m256d)b.v, (__m256d)c.v));
#endif
    return a * b + c;
  }
};

#if (defined(__AVX512F__) && PF_VECTOR_BYTES == 64) || (defined(__FMA__) && PF_VECTOR_BYTES == 32)
inline constexpr bool kFma = true;
#else
inline constexpr bool kFma = false;
#endif

template <class To, class From>
PF_INLINE Vec<To> bit_cast(Vec<From> x) {
  return Vec<To>::of(x.v);
}
template <class To, class From>
PF_INLINE Mask<To> mask_cast(Mask<From> x) {
  static_assert(sizeof(To) == sizeof(From));
  return Mask<To>::of(x.m);
}

template <class T>
PF_INLINE bool any(Mask<T> x) {
#if defined(__AVX512F__) && PF_VECTOR_BYTES == 64
  return _mm512_test_epi64_mask((__m512i)x.m, (__m512i)x.m) != 0;
#elif defined(__AVX2__) && PF_VECTOR_BYTES == 32
  return _mm256_testz_si256((__m256i)x.m, (__m256i)x.m) == 0;
#elif defined(__SSE4_1__) && PF_VECTOR_BYTES == 16
  return _mm_testz_si128((__m128i)x.m, (__m128i)x.m) == 0;
#else
  uint64_t words[kVectorBytes / 8], all = 0;
  __builtin_memcpy(words, &x.m, kVectorBytes);
  for (uint64_t word : words) all |= word;
  return all != 0;
#endif
}

// ---- memory ------------------------------------------------------------------------------------

namespace detail {

typedef uint8_t Bytes16 __attribute__((vector_size(16)));
typedef uint64_t Words16 __attribute__((vector_size(16)));

template <class U>
PF_INLINE U read(const uint8_t* p) {
  U value;
  __builtin_memcpy(&value, p, sizeof(U));
  return value;
}
template <class U>
PF_INLINE void write(uint8_t* p, U value) {
  __builtin_memcpy(p, &value, sizeof(U));
}

// 1 to 8 bytes into the low end of a word, by two overlapping reads.
PF_INLINE uint64_t read_word(const uint8_t* p, int bytes) {
  if (bytes >= 8) return read<uint64_t>(p);
  if (bytes >= 4) {
    const uint64_t low = read<uint32_t>(p);
    return bytes == 4 ? low : low | uint64_t{read<uint32_t>(p + bytes - 4)} << (8 * (bytes - 4));
  }
  if (bytes >= 2) return read<uint16_t>(p) | uint64_t{p[bytes - 1]} << (8 * (bytes - 1));
  return *p;
}
PF_INLINE void write_word(uint8_t* p, uint64_t word, int bytes) {
  if (bytes >= 8) {
    write<uint64_t>(p, word);
  } else if (bytes >= 4) {
    write<uint32_t>(p, static_cast<uint32_t>(word));
    if (bytes > 4) write<uint32_t>(p + bytes - 4, static_cast<uint32_t>(word >> (8 * (bytes - 4))));
  } else {
    if (bytes & 2) {
      write<uint16_t>(p, static_cast<uint16_t>(word));
      word >>= 16;
      p += 2;
    }
    if (bytes & 1) *p = static_cast<uint8_t>(word);
  }
}

// 1 to 15 bytes, the rest zero.
PF_INLINE Bytes16 read_part(const uint8_t* p, int bytes) {
  if (bytes <= 8) return (Bytes16)Words16{read_word(p, bytes), 0};
  return (Bytes16)Words16{read<uint64_t>(p), read_word(p + 8, bytes - 8)};
}
PF_INLINE void write_part(uint8_t* p, Bytes16 x, int bytes) {
  const Words16 words = (Words16)x;
  if (bytes < 8) return write_word(p, words[0], bytes);
  write<uint64_t>(p, words[0]);
  if (bytes > 8) write_word(p + 8, words[1], bytes - 8);
}

template <int kBytes>
struct Block {
  typedef uint8_t Native __attribute__((vector_size(kBytes)));
};

// The two halves of a block as one.
template <int kBytes>
PF_INLINE typename Block<kBytes>::Native join(typename Block<kBytes / 2>::Native low,
                                              typename Block<kBytes / 2>::Native high) {
  using Native = typename Block<kBytes>::Native;
#if defined(__AVX2__)
  if constexpr (kBytes == 32) return (Native)_mm256_set_m128i((__m128i)high, (__m128i)low);
#endif
#if defined(__AVX512F__)
  if constexpr (kBytes == 64)
    return (Native)_mm512_inserti64x4(_mm512_castsi256_si512((__m256i)low), (__m256i)high, 1);
#endif
  Native r;
  __builtin_memcpy(&r, &low, kBytes / 2);
  __builtin_memcpy(reinterpret_cast<uint8_t*>(&r) + kBytes / 2, &high, kBytes / 2);
  return r;
}
template <int kBytes>
PF_INLINE typename Block<kBytes / 2>::Native half(typename Block<kBytes>::Native x, int which) {
  typename Block<kBytes / 2>::Native r;
#if defined(__AVX2__)
  if constexpr (kBytes == 32)
    return (typename Block<16>::Native)(which ? _mm256_extracti128_si256((__m256i)x, 1)
                                              : _mm256_castsi256_si128((__m256i)x));
#endif
#if defined(__AVX512F__)
  if constexpr (kBytes == 64)
    return (typename Block<32>::Native)(which ? _mm512_extracti64x4_epi64((__m512i)x, 1)
                                              : _mm512_castsi512_si256((__m512i)x));
#endif
  __builtin_memcpy(&r, reinterpret_cast<const uint8_t*>(&x) + which * (kBytes / 2), kBytes / 2);
  return r;
}

// 1 to kBytes - 1 bytes, the rest zero; a multiple of 16 costs plain loads and stores alone.
template <int kBytes>
PF_INLINE typename Block<kBytes>::Native read_block(const uint8_t* p, int bytes) {
  using Half = typename Block<kBytes / 2>::Native;
  if constexpr (kBytes == 16) {
    return (typename Block<16>::Native)read_part(p, bytes);
  } else {
    if (bytes >= kBytes / 2) {
      const Half low = read<Half>(p);
      if (bytes == kBytes / 2) return join<kBytes>(low, Half{});
      return join<kBytes>(low, read_block<kBytes / 2>(p + kBytes / 2, bytes - kBytes / 2));
    }
    return join<kBytes>(read_block<kBytes / 2>(p, bytes), Half{});
  }
}
template <int kBytes>
PF_INLINE void write_block(uint8_t* p, typename Block<kBytes>::Native x, int bytes) {
  using Half = typename Block<kBytes / 2>::Native;
  if constexpr (kBytes == 16) {
    write_part(p, (Bytes16)x, bytes);
  } else {
    if (bytes >= kBytes / 2) {
      write<Half>(p, half<kBytes>(x, 0));
      if (bytes > kBytes / 2)
        write_block<kBytes / 2>(p + kBytes / 2, half<kBytes>(x, 1), bytes - kBytes / 2);
    } else {
      write_block<kBytes / 2>(p, half<kBytes>(x, 0), bytes);
    }
  }
}

// Out of line for narrow lanes, whose tails would be most of the code.
template <int kBytes>
PF_NOINLINE typename Block<kBytes>::Native read_tail(const uint8_t* p, int bytes) {
  return read_block<kBytes>(p, bytes);
}
template <int kBytes>
PF_NOINLINE void write_tail(uint8_t* p, typename Block<kBytes>::Native x, int bytes) {
  write_block<kBytes>(p, x, bytes);
}

}  // namespace detail

template <class T>
PF_INLINE Vec<T> load(const T* p) {
  Vec<T> r;
  __builtin_memcpy(&r.v, p, kVectorBytes);
  return r;
}
template <class T>
PF_INLINE void store(T* p, Vec<T> x) {
  __builtin_memcpy(p, &x.v, kVectorBytes);
}

// The first `count` lanes, 0 < count < kLanes; the others are zero, and memory past them untouched.
template <class T>
PF_INLINE Vec<T> load(const T* p, int count) {
  const uint8_t* from = reinterpret_cast<const uint8_t*>(p);
  const int bytes = count * static_cast<int>(sizeof(T));
  if constexpr (sizeof(T) < 4)
    return Vec<T>::of(detail::read_tail<kVectorBytes>(from, bytes));
  else
    return Vec<T>::of(detail::read_block<kVectorBytes>(from, bytes));
}
template <class T>
PF_INLINE void store(T* p, Vec<T> x, int count) {
  uint8_t* to = reinterpret_cast<uint8_t*>(p);
  const int bytes = count * static_cast<int>(sizeof(T));
  const auto block = (typename detail::Block<kVectorBytes>::Native)x.v;
  if constexpr (sizeof(T) < 4)
    detail::write_tail<kVectorBytes>(to, block, bytes);
  else
    detail::write_block<kVectorBytes>(to, block, bytes);
}

// ---- masks in memory: one byte 0 or 1 per lane
// ---------------------------------------------------

template <class T>
inline constexpr int kMaskBytes = Vec<T>::kLanes < 16 ? 16 : Vec<T>::kLanes;

// Lanes as bytes, padded to 16 bytes.
template <class T>
PF_INLINE typename detail::Block<kMaskBytes<T>>::Native narrow(Mask<T> x) {
  using Native = typename detail::Block<kMaskBytes<T>>::Native;
  if constexpr (sizeof(T) == 1) {
    return (Native)x.m & 1;
  } else {
#if defined(__AVX512BW__) && PF_VECTOR_BYTES == 64
    if constexpr (sizeof(T) == 2)
      return (Native)_mm256_maskz_set1_epi8(_mm512_movepi16_mask((__m512i)x.m), 1);
    if constexpr (sizeof(T) == 4)
      return (Native)_mm_maskz_set1_epi8(_mm512_movepi32_mask((__m512i)x.m), 1);
    if constexpr (sizeof(T) == 8)
      return (Native)_mm_maskz_set1_epi8(_mm512_movepi64_mask((__m512i)x.m), 1);
#elif defined(__SSE4_1__) && PF_VECTOR_BYTES <= 32
    __m128i low, high;
#if PF_VECTOR_BYTES == 32
    low = _mm256_castsi256_si128((__m256i)x.m);
    high = _mm256_extracti128_si256((__m256i)x.m, 1);
#else
    low = high = (__m128i)x.m;
#endif
    if constexpr (sizeof(T) == 8)
      low = high = (__m128i)_mm_shuffle_ps((__m128)low, (__m128)high, _MM_SHUFFLE(2, 0, 2, 0));
    if constexpr (sizeof(T) >= 4) low = high = _mm_packs_epi32(low, high);
    return (Native)_mm_and_si128(_mm_packs_epi16(low, high), _mm_set1_epi8(1));
#else
    Native r{};
    for (int i = 0; i < Vec<T>::kLanes; i++) r[i] = x.m[i] & 1;
    return r;
#endif
  }
}

template <class T>
PF_INLINE Mask<T> widen(typename detail::Block<kMaskBytes<T>>::Native x) {
  using M = Mask<T>;
  [[maybe_unused]] typedef typename M::Native N;
  if constexpr (sizeof(T) == 1) {
    return M::of(x != 0);
  } else {
#if defined(__AVX512BW__) && PF_VECTOR_BYTES == 64
    if constexpr (sizeof(T) == 2) return M::of((N)_mm512_cvtepi8_epi16((__m256i)x) != 0);
    if constexpr (sizeof(T) == 4) return M::of((N)_mm512_cvtepi8_epi32((__m128i)x) != 0);
    if constexpr (sizeof(T) == 8) return M::of((N)_mm512_cvtepi8_epi64((__m128i)x) != 0);
#elif defined(__AVX2__) && PF_VECTOR_BYTES == 32
    if constexpr (sizeof(T) == 2) return M::of((N)_mm256_cvtepi8_epi16((__m128i)x) != 0);
    if constexpr (sizeof(T) == 4) return M::of((N)_mm256_cvtepi8_epi32((__m128i)x) != 0);
    if constexpr (sizeof(T) == 8) return M::of((N)_mm256_cvtepi8_epi64((__m128i)x) != 0);
#elif defined(__SSE4_1__) && PF_VECTOR_BYTES == 16
    if constexpr (sizeof(T) == 2) return M::of((N)_mm_cvtepi8_epi16((__m128i)x) != 0);
    if constexpr (sizeof(T) == 4) return M::of((N)_mm_cvtepi8_epi32((__m128i)x) != 0);
    if constexpr (sizeof(T) == 8) return M::of((N)_mm_cvtepi8_epi64((__m128i)x) != 0);
#else
    M r{};
    for (int i = 0; i < Vec<T>::kLanes; i++) r.m[i] = x[i] != 0 ? -1 : 0;
    return r;
#endif
  }
}

template <class T>
PF_INLINE void store(uint8_t* p, Mask<T> x) {
  const auto bytes = narrow(x);
  __builtin_memcpy(p, &bytes, Vec<T>::kLanes);
}
template <class T>
PF_INLINE void store(uint8_t* p, Mask<T> x, int count) {
  const auto bytes = narrow(x);
  if constexpr (Vec<T>::kLanes <= 8)
    detail::write_word(p, ((detail::Words16)bytes)[0], count);
  else
    detail::write_tail<kMaskBytes<T>>(p, bytes, count);
}
// `count` lanes, the others false.
template <class T>
PF_INLINE Mask<T> load_mask(const uint8_t* p, int count) {
  using Native = typename detail::Block<kMaskBytes<T>>::Native;
  if constexpr (Vec<T>::kLanes <= 8)
    return widen<T>((Native)detail::Words16{detail::read_word(p, count), 0});
  else
    return widen<T>(detail::read_tail<kMaskBytes<T>>(p, count));
}
template <class T>
PF_INLINE Mask<T> load_mask(const uint8_t* p) {
  if constexpr (Vec<T>::kLanes <= 8) {
    return load_mask<T>(p, Vec<T>::kLanes);
  } else {
    typename detail::Block<kMaskBytes<T>>::Native bytes;
    __builtin_memcpy(&bytes, p, sizeof(bytes));
    return widen<T>(bytes);
  }
}

}  // namespace pyforge::kernels::PF_ISA
