// Reductions of float16 and bfloat16: tiles are widened and reduced by the float32 kernel, the
// tiles' results likewise. The order depends on the sizes alone.
#include "kernels/halves.h"
#include "kernels/reduce.h"

namespace pyforge::kernels::PF_ISA {
namespace {

constexpr int64_t kTile = 2048, kColumns = 64, kParts = 32;
const ReduceTable* floats;  // the table that is being used

// [count] of `size` bytes from tile [reduce, count]
void reduce_tile(ReduceFn fn, const void* tile, void* out, int64_t reduce, int64_t count) {
  fn({tile, out, 1, reduce, count, 0, count, 1});
}

template <class H>
void load_tile(float* tile, const H* p, const ReduceArgs& a, int64_t rows, int64_t columns) {
  if (columns == 1 && a.reduce_stride == 1) return widen(tile, p, rows);
  for (int64_t r = 0; r < rows; ++r) {
    const H* row = p + r * a.reduce_stride;
    if (a.inner_stride == 1) {
      widen(tile + r * columns, row, columns);
    } else {
      for (int64_t c = 0; c < columns; ++c) tile[r * columns + c] = row[c * a.inner_stride];
    }
  }
}

template <class H>
PF_NOINLINE void run(const ReduceArgs& a, ReduceFn first, ReduceFn then, int64_t size) {
  alignas(64) float tile[kTile];
  alignas(64) char parts[kParts * kColumns * 4];
  const bool in_columns = a.inner_stride == 1 && a.inner > 1 && a.reduce_stride != 1;
  const int64_t width = in_columns ? kColumns : 1;
  for (int64_t o = 0; o < a.outer; ++o) {
    const H* p = static_cast<const H*>(a.in) + o * a.outer_stride;
    char* out = static_cast<char*>(a.out) + o * a.inner * size;
    for (int64_t i = 0; i < a.inner; i += width) {
      const int64_t columns = a.inner - i < width ? a.inner - i : width;
      const int64_t rows = kTile / width;  // whatever the columns left
      int64_t n = 0;
      for (int64_t r = 0; r < a.reduce; r += rows) {
        const int64_t here = a.reduce - r < rows ? a.reduce - r : rows;
        load_tile(tile, p + r * a.reduce_stride + i * a.inner_stride, a, here, columns);
        if (n == kParts) {
          char joined[kColumns * 4];
          reduce_tile(then, parts, joined, n, columns);
          __builtin_memcpy(parts, joined, static_cast<size_t>(columns * size));
          n = 1;
        }
        reduce_tile(first, tile, parts + n++ * columns * size, here, columns);
      }
      if (n == 1)
        __builtin_memcpy(out + i * size, parts, static_cast<size_t>(columns * size));
      else
        reduce_tile(then, parts, out + i * size, n, columns);
    }
  }
}

constexpr int index_of(Reduce op) { return static_cast<int>(op); }
constexpr bool is_truth(Reduce op) { return op == Reduce::Any || op == Reduce::All; }

template <class H, Reduce op>
void reduce(const ReduceArgs& a) {
  run<H>(a, floats->reduce[index_of(op)][static_cast<int>(DType::Float32)],
         floats->reduce[index_of(combining(op))]
                       [static_cast<int>(is_truth(op) ? DType::Bool : DType::Float32)],
         is_truth(op) ? 1 : 4);
}
template <class H>
void logsumexp(const ReduceArgs& a) {
  run<H>(a, floats->logsumexp[0], floats->logsumexp[0], 4);
}

template <class H, int kOp = 0>
void fill_type(ReduceTable& t) {
  constexpr int kType = static_cast<int>(dtype_of<H>::value);
  if constexpr (kOp < index_of(Reduce::count)) {
    t.reduce[kOp][kType] = reduce<H, static_cast<Reduce>(kOp)>;
    fill_type<H, kOp + 1>(t);
  } else {
    t.logsumexp[floating_index(dtype_of<H>::value)] = logsumexp<H>;
  }
}

}  // namespace

void fill_reduce_half(ReduceTable& t) {
  floats = &t;
  fill_type<Half>(t);
  fill_type<BFloat16>(t);
}

}  // namespace pyforge::kernels::PF_ISA
