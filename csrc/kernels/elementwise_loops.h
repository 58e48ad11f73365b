// Rows to kernels: a row becomes a struct with its expressions as templates, a Probe finds what its
// derivatives read, and one loop runs any of them over contiguous memory.
#pragma once
#include "kernels/elementwise.h"
#include "kernels/math.h"

namespace pyforge::kernels::PF_ISA {

// Stands for a value in an expression and records which inputs it came from and what it costs.
struct Probe {
  uint8_t uses = 0;
  int cost = 0;
  constexpr Probe(double) {}
  constexpr Probe(uint8_t uses, int cost) : uses(uses), cost(cost) {}
};
constexpr Probe combine(Probe a, Probe b, int cost) {
  return {static_cast<uint8_t>(a.uses | b.uses), a.cost + b.cost + cost};
}
constexpr Probe operator+(Probe a, Probe b) { return combine(a, b, 1); }
constexpr Probe operator-(Probe a, Probe b) { return combine(a, b, 1); }
constexpr Probe operator*(Probe a, Probe b) { return combine(a, b, 1); }
constexpr Probe operator/(Probe a, Probe b) { return combine(a, b, 3); }
constexpr Probe operator-(Probe a) { return combine(a, 0.0, 1); }
constexpr Probe operator~(Probe a) { return combine(a, 0.0, 1); }
constexpr Probe operator!(Probe a) { return combine(a, 0.0, 1); }
constexpr Probe operator&(Probe a, Probe b) { return combine(a, b, 1); }
constexpr Probe operator|(Probe a, Probe b) { return combine(a, b, 1); }
constexpr Probe operator^(Probe a, Probe b) { return combine(a, b, 1); }
constexpr Probe operator==(Probe a, Probe b) { return combine(a, b, 1); }
constexpr Probe operator!=(Probe a, Probe b) { return combine(a, b, 1); }
constexpr Probe operator<(Probe a, Probe b) { return combine(a, b, 1); }
constexpr Probe operator<=(Probe a, Probe b) { return combine(a, b, 1); }
constexpr Probe operator>(Probe a, Probe b) { return combine(a, b, 1); }
constexpr Probe operator>=(Probe a, Probe b) { return combine(a, b, 1); }
constexpr Probe where(Probe c, Probe a, Probe b) { return combine(c, combine(a, b, 1), 0); }
constexpr Probe abs(Probe x) { return combine(x, 0.0, 1); }
constexpr Probe sign(Probe x) { return combine(x, 0.0, 4); }
constexpr Probe square(Probe x) { return combine(x, 0.0, 1); }
constexpr Probe sqrt(Probe x) { return combine(x, 0.0, 4); }
constexpr Probe maximum(Probe a, Probe b) { return combine(a, b, 4); }
constexpr Probe minimum(Probe a, Probe b) { return combine(a, b, 4); }
constexpr Probe floor(Probe x) { return combine(x, 0.0, 1); }
constexpr Probe ceil(Probe x) { return combine(x, 0.0, 1); }
constexpr Probe round(Probe x) { return combine(x, 0.0, 1); }
constexpr Probe trunc(Probe x) { return combine(x, 0.0, 1); }
constexpr Probe sign_is_set(Probe x) { return combine(x, 0.0, 1); }

// Every other row as a function; above this cost a loop keeps one copy of its body.
inline constexpr int kFunctionCost = 20, kLightCost = 12;
template <class P>
inline constexpr bool is_probe = same_type<P, Probe>;
#define PF_UNARY(name, types, fwd, bwd, doc) \
  template <class P>                         \
    requires is_probe<P>                     \
  constexpr P name(P x) {                    \
    return combine(x, 0.0, kFunctionCost);   \
  }
#define PF_UNARY_1(name, types, p, dp, fwd, bwd, doc)
#define PF_UNARY_2(name, types, p, dp, q, dq, fwd, bwd, doc)
#define PF_PREDICATE(name, types, fwd, doc)
#define PF_BINARY(name, types, fwd, bwd_a, bwd_b, doc) \
  template <class P>                                   \
    requires is_probe<P>                               \
  constexpr P name(P a, P b) {                         \
    return combine(a, b, kFunctionCost);               \
  }                                                    \
  template <class P>                                   \
    requires is_probe<P>                               \
  constexpr P name(double a, P b) {                    \
    return combine(a, b, kFunctionCost);               \
  }                                                    \
  template <class P>                                   \
    requires is_probe<P>                               \
  constexpr P name(P a, double b) {                    \
    return combine(a, b, kFunctionCost);               \
  }
#define PF_BINARY_1(name, types, p, dp, fwd, bwd_a, bwd_b, doc)
#define PF_BINARY_NODIFF(name, types, fwd, doc) PF_BINARY(name, types, fwd, 0, 0, doc)
#define PF_COMPARE(name, types, fwd, doc)
#include "kernels/elementwise_rows.inc"
#undef PF_UNARY
#undef PF_UNARY_1
#undef PF_UNARY_2
#undef PF_PREDICATE
#undef PF_BINARY
#undef PF_BINARY_1
#undef PF_BINARY_NODIFF
#undef PF_COMPARE

// ---- rows
// ----------------------------------------------------------------------------------------

// From here on rows are called so seldom that their loops are kept small: the end of an array goes
// through a buffer.
inline constexpr Elementwise kFirstRareRow = Elementwise::asin;

// forward(a, b, p, q) and derivative<operand>(g, a, b, y, p, q), p and q being the attributes.
namespace row {

#define PF_FORWARD(A, B, P, Q, fwd)                                                     \
  template <class V>                                                                    \
  static constexpr PF_INLINE auto forward([[maybe_unused]] V A, [[maybe_unused]] V B,   \
                                          [[maybe_unused]] V P, [[maybe_unused]] V Q) { \
    return fwd;                                                                         \
  }
#define PF_DERIVATIVE(A, B, P, Q, bwd_a, bwd_b)                                         \
  template <int kOperand, class V>                                                      \
  static constexpr PF_INLINE V derivative([[maybe_unused]] V g, [[maybe_unused]] V A,   \
                                          [[maybe_unused]] V B, [[maybe_unused]] V y,   \
                                          [[maybe_unused]] V P, [[maybe_unused]] V Q) { \
    if constexpr (kOperand == 0)                                                        \
      return bwd_a;                                                                     \
    else                                                                                \
      return bwd_b;                                                                     \
  }
#define PF_ROW(name, types_, inputs, derivatives, A, B, P, Q, fwd, bwd_a, bwd_b) \
  struct name##_row {                                                            \
    static constexpr Types types = Types::types_;                                \
    static constexpr int kInputs = inputs, kDerivatives = derivatives;           \
    static constexpr bool kRare = Elementwise::name >= kFirstRareRow;            \
    PF_FORWARD(A, B, P, Q, fwd)                                                  \
    PF_DERIVATIVE(A, B, P, Q, bwd_a, bwd_b)                                      \
  };
#define PF_UNARY(name, types, fwd, bwd, doc) PF_ROW(name, types, 1, 1, x, b_, p_, q_, fwd, bwd, 0)
#define PF_UNARY_1(name, types, p, dp, fwd, bwd, doc) \
  PF_ROW(name, types, 1, 1, x, b_, p, q_, fwd, bwd, 0)
#define PF_UNARY_2(name, types, p, dp, q, dq, fwd, bwd, doc) \
  PF_ROW(name, types, 1, 1, x, b_, p, q, fwd, bwd, 0)
#define PF_PREDICATE(name, types, fwd, doc) PF_ROW(name, types, 1, 0, x, b_, p_, q_, fwd, 0, 0)
#define PF_BINARY(name, types, fwd, bwd_a, bwd_b, doc) \
  PF_ROW(name, types, 2, 2, a, b, p_, q_, fwd, bwd_a, bwd_b)
#define PF_BINARY_1(name, types, p, dp, fwd, bwd_a, bwd_b, doc) \
  PF_ROW(name, types, 2, 2, a, b, p, q_, fwd, bwd_a, bwd_b)
#define PF_BINARY_NODIFF(name, types, fwd, doc) PF_ROW(name, types, 2, 0, a, b, p_, q_, fwd, 0, 0)
#define PF_COMPARE(name, types, fwd, doc) PF_ROW(name, types, 2, 0, a, b, p_, q_, fwd, 0, 0)
#include "kernels/elementwise_rows.inc"
#undef PF_UNARY
#undef PF_UNARY_1
#undef PF_UNARY_2
#undef PF_PREDICATE
#undef PF_BINARY
#undef PF_BINARY_1
#undef PF_BINARY_NODIFF
#undef PF_COMPARE
#undef PF_ROW
#undef PF_DERIVATIVE
#undef PF_FORWARD

}  // namespace row

template <class Row>
constexpr Probe probe_forward() {
  return Row::template forward<Probe>(0.0, 0.0, 0.0, 0.0);
}
template <class Row, int kOperand>
constexpr Probe probe_derivative() {
  return Row::template derivative<kOperand, Probe>(Probe(kUsesGrad, 0), Probe(kUsesA, 0),
                                                   Probe(kUsesB, 0), Probe(kUsesY, 0), 0.0, 0.0);
}

// ---- loops
// ---------------------------------------------------------------------------------------

struct FetchFull {
  template <class T>
  PF_INLINE Vec<T> operator()(const T* p) const {
    return load(p);
  }
};
struct FetchPart {
  int count;
  template <class T>
  PF_INLINE Vec<T> operator()(const T* p) const {
    return load(p, count);
  }
};
struct FetchEither {
  int count;
  template <class T>
  PF_INLINE Vec<T> operator()(const T* p) const {
    return count == Vec<T>::kLanes ? load(p) : load(p, count);
  }
};

template <class T>
PF_NOINLINE Vec<T> load_buffered(const T* p, int count) {
  T buffer[Vec<T>::kLanes] = {};
  __builtin_memcpy(buffer, p, sizeof(T) * static_cast<size_t>(count));
  return load(buffer);
}
template <class T>
PF_NOINLINE void store_buffered(T* p, Vec<T> x, int count) {
  T buffer[Vec<T>::kLanes];
  store(buffer, x);
  __builtin_memcpy(p, buffer, sizeof(T) * static_cast<size_t>(count));
}
template <class T>
PF_NOINLINE void store_buffered(uint8_t* p, Mask<T> x, int count) {
  const auto bytes = narrow(x);
  __builtin_memcpy(p, &bytes, static_cast<size_t>(count));
}
struct FetchBuffered {
  int count;
  template <class T>
  PF_INLINE Vec<T> operator()(const T* p) const {
    return count == Vec<T>::kLanes ? load(p) : load_buffered(p, count);
  }
};

// out[i] = body(i, fetch) for all i, a register at a time. A long body is compiled once and takes
// the tail in its stride; a short one has a loop without tests. kTogether registers at a time give
// the compiler independent instructions to put between dependent ones.
template <int kLanes, bool kLong, bool kRare = false, int kTogether = 1, class Out, class Body>
PF_INLINE void sweep(Out* out, int64_t n, Body body) {
  int64_t i = 0;
  if constexpr (kRare) {
    for (; i < n; i += kLanes) {
      const int count = n - i < kLanes ? static_cast<int>(n - i) : kLanes;
      const auto r = body(i, FetchBuffered{count});
      if (count == kLanes)
        store(out + i, r);
      else
        store_buffered(out + i, r, count);
    }
  } else if constexpr (kLong) {
    if constexpr (kTogether > 1) {
      for (; i + kTogether * kLanes <= n; i += kTogether * kLanes) {
        decltype(body(i, FetchFull{})) r[kTogether];
        for (int k = 0; k < kTogether; ++k) r[k] = body(i + k * kLanes, FetchFull{});
        for (int k = 0; k < kTogether; ++k) store(out + i + k * kLanes, r[k]);
      }
    }
    for (; i < n; i += kLanes) {
      const int count = n - i < kLanes ? static_cast<int>(n - i) : kLanes;
      const auto r = body(i, FetchEither{count});
      if (count == kLanes)
        store(out + i, r);
      else
        store(out + i, r, count);
    }
  } else {
    for (; i + kLanes <= n; i += kLanes) store(out + i, body(i, FetchFull{}));
    if (i < n) {
      const int count = static_cast<int>(n - i);
      store(out + i, body(i, FetchPart{count}), count);
    }
  }
}

template <class T>
PF_INLINE Vec<T> attribute(const Attr& a) {
  if constexpr (is_float<T>) {
    return static_cast<T>(a.f);
  } else {
    constexpr int64_t kLimit =
        sizeof(T) == 8 ? INT64_MAX : (int64_t{1} << (8 * sizeof(T) - is_signed<T>)) - 1;
    constexpr int64_t kLeast = is_signed<T> ? -kLimit - 1 : 0;
    return static_cast<T>(a.i < kLeast ? kLeast : a.i > kLimit ? kLimit : a.i);
  }
}

template <class T>
struct MaskOrVec;
template <class T>
struct MaskOrVec<Vec<T>> {
  using Out = T;
};
template <class T>
struct MaskOrVec<Mask<T>> {
  using Out = uint8_t;
};

// Rows whose latency shows: registers taken together.
template <class Row, class T>
inline constexpr int kTogether =
    kVectorBytes == 64 && same_type<T, float> &&
            (same_type<Row, row::exp_row> || same_type<Row, row::tanh_row> ||
             same_type<Row, row::sigmoid_row> || same_type<Row, row::silu_row>)
        ? 4
        : 1;

template <class Row, class T, int kAttributes>
void forward(void* out, const void* const* in, int64_t n, const Attr* attrs) {
  using V = Vec<T>;
  using Out = typename MaskOrVec<decltype(Row::template forward<V>(V(), V(), V(), V()))>::Out;
  const T* a = static_cast<const T*>(in[0]);
  [[maybe_unused]] const T* b = Row::kInputs == 2 ? static_cast<const T*>(in[1]) : nullptr;
  V p = 0, q = 0;
  if constexpr (kAttributes > 0) p = attribute<T>(attrs[0]);
  if constexpr (kAttributes > 1) q = attribute<T>(attrs[1]);
  sweep<V::kLanes, (probe_forward<Row>().cost > kLightCost), Row::kRare, kTogether<Row, T>>(
      static_cast<Out*>(out), n, [=](int64_t i, auto fetch) __attribute__((always_inline)) {
        if constexpr (Row::kInputs == 2)
          return Row::template forward<V>(fetch(a + i), fetch(b + i), p, q);
        else
          return Row::template forward<V>(fetch(a + i), 0, p, q);
      });
}

// forward() of two operands, in[kOperand] being one element.
template <class Row, class T, int kOperand>
void splat(void* out, const void* const* in, int64_t n, const Attr*) {
  using V = Vec<T>;
  using Out = typename MaskOrVec<decltype(Row::template forward<V>(V(), V(), V(), V()))>::Out;
  const V one = *static_cast<const T*>(in[kOperand]);
  const T* p = static_cast<const T*>(in[1 - kOperand]);
  sweep<V::kLanes, false>(static_cast<Out*>(out), n,
                          [=](int64_t i, auto fetch) __attribute__((always_inline)) {
                            if constexpr (kOperand == 0)
                              return Row::template forward<V>(one, fetch(p + i), 0, 0);
                            else
                              return Row::template forward<V>(fetch(p + i), one, 0, 0);
                          });
}

template <class Row, class T, int kAttributes, int kOperand>
void backward(void* out, const void* const* in, int64_t n, const Attr* attrs) {
  using V = Vec<T>;
  constexpr Probe probe = probe_derivative<Row, kOperand>();
  const T *g = static_cast<const T*>(in[0]), *a = static_cast<const T*>(in[1]),
          *b = static_cast<const T*>(in[2]), *y = static_cast<const T*>(in[3]);
  V p = 0, q = 0;
  if constexpr (kAttributes > 0) p = attribute<T>(attrs[0]);
  if constexpr (kAttributes > 1) q = attribute<T>(attrs[1]);
  constexpr bool kMayBeMasked = (probe.uses & kUsesGrad) != 0 && probe.uses != kUsesGrad;
  sweep<V::kLanes, (probe.cost > kLightCost), Row::kRare, kTogether<Row, T>>(
      static_cast<T*>(out), n, [=](int64_t i, auto fetch) __attribute__((always_inline)) {
        V vg = 0, va = 0, vb = 0, vy = 0;
        if constexpr ((probe.uses & kUsesGrad) != 0) vg = fetch(g + i);
        if constexpr ((probe.uses & kUsesA) != 0) va = fetch(a + i);
        if constexpr ((probe.uses & kUsesB) != 0) vb = fetch(b + i);
        if constexpr ((probe.uses & kUsesY) != 0) vy = fetch(y + i);
        const V r = Row::template derivative<kOperand, V>(vg, va, vb, vy, p, q);
        // docs/singular_points.md: where nothing arrives, nothing is passed on, also at 0 * inf.
        if constexpr (kMayBeMasked)
          return where((vg == V(0)) & (r != r), V(0), r);
        else
          return r;
      });
}

template <class Row, class T, int kAttributes>
void fill_row(ElementwiseTable& table, Elementwise name) {
  const int index = static_cast<int>(name);
  constexpr DType dtype = dtype_of<T>::value;
  if constexpr (takes(Row::types, dtype))
    table.forward[index][static_cast<int>(dtype)] = forward<Row, T, kAttributes>;
  if constexpr (is_float<T> && takes(Row::types, dtype)) {
    constexpr int kColumn = sizeof(T) == 8;
    if constexpr (Row::kInputs == 2 && kAttributes == 0 && probe_forward<Row>().cost <= 4) {
      table.splat[index][0][kColumn] = splat<Row, T, 0>;
      table.splat[index][1][kColumn] = splat<Row, T, 1>;
    }
    if constexpr (Row::kDerivatives > 0) {
      table.backward[index][0][kColumn] = backward<Row, T, kAttributes, 0>;
      table.uses[index][0] = probe_derivative<Row, 0>().uses;
    }
    if constexpr (Row::kDerivatives > 1) {
      table.backward[index][1][kColumn] = backward<Row, T, kAttributes, 1>;
      table.uses[index][1] = probe_derivative<Row, 1>().uses;
    }
  }
}

// Every row for one dtype.
template <class T>
void fill_rows_of(ElementwiseTable& table) {
#define PF_FILL(name, attributes) \
  fill_row<row::name##_row, T, attributes>(table, Elementwise::name);
#define PF_UNARY(name, types, fwd, bwd, doc) PF_FILL(name, 0)
#define PF_UNARY_1(name, types, p, dp, fwd, bwd, doc) PF_FILL(name, 1)
#define PF_UNARY_2(name, types, p, dp, q, dq, fwd, bwd, doc) PF_FILL(name, 2)
#define PF_PREDICATE(name, types, fwd, doc) PF_FILL(name, 0)
#define PF_BINARY(name, types, fwd, bwd_a, bwd_b, doc) PF_FILL(name, 0)
#define PF_BINARY_1(name, types, p, dp, fwd, bwd_a, bwd_b, doc) PF_FILL(name, 1)
#define PF_BINARY_NODIFF(name, types, fwd, doc) PF_FILL(name, 0)
#define PF_COMPARE(name, types, fwd, doc) PF_FILL(name, 0)
#include "kernels/elementwise_rows.inc"
#undef PF_UNARY
#undef PF_UNARY_1
#undef PF_UNARY_2
#undef PF_PREDICATE
#undef PF_BINARY
#undef PF_BINARY_1
#undef PF_BINARY_NODIFF
#undef PF_COMPARE
#undef PF_FILL
}

}  // namespace pyforge::kernels::PF_ISA
