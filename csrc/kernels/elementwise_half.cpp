// float16 and bfloat16 rows: blocks are widened to float32, run through the float32 kernel, and
// rounded once. Each row costs an entry of a few instructions here, no kernel of its own.
#include "kernels/elementwise.h"
#include "kernels/halves.h"

namespace pyforge::kernels::PF_ISA {
namespace {

constexpr int kFloat = static_cast<int>(DType::Float32);
const ElementwiseTable* floats;  // the table that is being used

// `reads`: bit k says that in[k] is read; null for one that is read stands for the number attrs[0].
template <class H>
PF_NOINLINE void run(ElementwiseFn fn, int reads, bool to_bool, void* out, const void* const* in,
                     int64_t n, const Attr* attrs) {
  alignas(64) float buffers[4][kHalfBlock], result[kHalfBlock];
  const void* block[4] = {};
  for (int k = 0; k < 4; ++k) {
    if (!(reads >> k & 1)) continue;
    block[k] = buffers[k];
    if (!in[k]) {
      const float number = static_cast<float>(attrs[0].f);
      for (int64_t i = 0; i < (n < kHalfBlock ? n : kHalfBlock); ++i) buffers[k][i] = number;
    }
  }
  for (int64_t at = 0; at < n; at += kHalfBlock) {
    const int64_t m = n - at < kHalfBlock ? n - at : kHalfBlock;
    for (int k = 0; k < 4; ++k)
      if ((reads >> k & 1) && in[k]) widen(buffers[k], static_cast<const H*>(in[k]) + at, m);
    if (to_bool) {
      fn(static_cast<uint8_t*>(out) + at, block, m, attrs);
    } else {
      fn(result, block, m, attrs);
      narrow(static_cast<H*>(out) + at, result, m);
    }
  }
}

template <class H, int kIndex, int kInputs, bool kToBool>
void forward(void* out, const void* const* in, int64_t n, const Attr* attrs) {
  run<H>(floats->forward[kIndex][kFloat], (1 << kInputs) - 1, kToBool, out, in, n, attrs);
}
template <class H, int kIndex, int kOperand>
void backward(void* out, const void* const* in, int64_t n, const Attr* attrs) {
  run<H>(floats->backward[kIndex][kOperand][0], floats->uses[kIndex][kOperand], false, out, in, n,
         attrs);
}

template <class H, int kIndex, int kInputs, int kDerivatives, bool kToBool>
void fill_row(ElementwiseTable& table, Types types) {
  constexpr DType dtype = dtype_of<H>::value;
  if (!takes(types, dtype)) return;
  table.forward[kIndex][static_cast<int>(dtype)] = forward<H, kIndex, kInputs, kToBool>;
  if constexpr (kDerivatives > 0)
    table.backward[kIndex][0][floating_index(dtype)] = backward<H, kIndex, 0>;
  if constexpr (kDerivatives > 1)
    table.backward[kIndex][1][floating_index(dtype)] = backward<H, kIndex, 1>;
}

template <class H>
void fill_rows_of(ElementwiseTable& table) {
#define PF_FILL(name, types, inputs, derivatives, to_bool)                              \
  fill_row<H, static_cast<int>(Elementwise::name), inputs, derivatives, to_bool>(table, \
                                                                                 Types::types);
#define PF_UNARY(name, types, fwd, bwd, doc) PF_FILL(name, types, 1, 1, false)
#define PF_UNARY_1(name, types, p, dp, fwd, bwd, doc) PF_FILL(name, types, 1, 1, false)
#define PF_UNARY_2(name, types, p, dp, q, dq, fwd, bwd, doc) PF_FILL(name, types, 1, 1, false)
#define PF_PREDICATE(name, types, fwd, doc) PF_FILL(name, types, 1, 0, true)
#define PF_BINARY(name, types, fwd, bwd_a, bwd_b, doc) PF_FILL(name, types, 2, 2, false)
#define PF_BINARY_1(name, types, p, dp, fwd, bwd_a, bwd_b, doc) PF_FILL(name, types, 2, 2, false)
#define PF_BINARY_NODIFF(name, types, fwd, doc) PF_FILL(name, types, 2, 0, false)
#define PF_COMPARE(name, types, fwd, doc) PF_FILL(name, types, 2, 0, true)
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

// ---- conversions -----------------------------------------------------------------------------

template <class H>
void to_float(void* out, const void* const* in, int64_t n, const Attr*) {
  widen(static_cast<float*>(out), static_cast<const H*>(in[0]), n);
}
template <class H>
void from_float(void* out, const void* const* in, int64_t n, const Attr*) {
  narrow(static_cast<H*>(out), static_cast<const float*>(in[0]), n);
}

// Through float32, a block at a time.
PF_NOINLINE void two_steps(ElementwiseFn first, ElementwiseFn second, int from_size, int to_size,
                           void* out, const void* in, int64_t n) {
  alignas(64) float buffer[kHalfBlock];
  for (int64_t at = 0; at < n; at += kHalfBlock) {
    const int64_t m = n - at < kHalfBlock ? n - at : kHalfBlock;
    const void* source[1] = {static_cast<const char*>(in) + at * from_size};
    first(buffer, source, m, nullptr);
    const void* middle[1] = {buffer};
    second(static_cast<char*>(out) + at * to_size, middle, m, nullptr);
  }
}
template <int kFrom, int kTo>
void convert(void* out, const void* const* in, int64_t n, const Attr*) {
  two_steps(floats->convert[kFrom][kFloat], floats->convert[kFloat][kTo],
            static_cast<int>(itemsize(static_cast<DType>(kFrom))),
            static_cast<int>(itemsize(static_cast<DType>(kTo))), out, in[0], n);
}
void copy(void* out, const void* const* in, int64_t n, const Attr*) {
  if (out != in[0]) __builtin_memmove(out, in[0], static_cast<size_t>(n * 2));
}

template <int kHalf, int kOther>
void fill_pair(ElementwiseTable& table) {
  if constexpr (kHalf == kOther) {
    table.convert[kHalf][kHalf] = copy;
  } else if constexpr (kOther != kFloat) {
    table.convert[kHalf][kOther] = convert<kHalf, kOther>;
    table.convert[kOther][kHalf] = convert<kOther, kHalf>;
  }
  if constexpr (kOther + 1 < kDTypes) fill_pair<kHalf, kOther + 1>(table);
}

template <class H>
void fill_type(ElementwiseTable& table) {
  constexpr int kHalf = static_cast<int>(dtype_of<H>::value);
  fill_rows_of<H>(table);
  table.convert[kHalf][kFloat] = to_float<H>;
  table.convert[kFloat][kHalf] = from_float<H>;
  fill_pair<kHalf, 0>(table);
}

}  // namespace

void fill_elementwise_half(ElementwiseTable& table) {
  floats = &table;
  fill_type<Half>(table);
  fill_type<BFloat16>(table);
}

}  // namespace pyforge::kernels::PF_ISA
